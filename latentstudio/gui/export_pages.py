"""The two forms of the export dialog: a figure, and an animation."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from latentstudio.figures.recipe import FigureStyle
from latentstudio.gui.naming import named
from latentstudio.gui.theme import GAP
from latentstudio.studio.settings import Settings

MM_PER_INCH = 25.4

FORMATS = {"png": "PNG, pixels", "svg": "SVG, vectors", "pdf": "PDF, vectors"}
WIDTHS = ((89.0, "one column, 89 mm"), (120.0, "one and a half, 120 mm"), (183.0, "two columns, 183 mm"))
ANIMATIONS = {"gif": "GIF", "apng": "APNG", "webp": "WebP"}
EASINGS = (("smooth", "Gentle ends"), ("linear", "Even"), ("there-and-back", "There and back, seamless"))


def _form(page: QWidget) -> QFormLayout:
    form = QFormLayout(page)
    form.setContentsMargins(0, 2 * GAP, 0, GAP)
    form.setHorizontalSpacing(2 * GAP)
    form.setVerticalSpacing(GAP)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


class FigurePage(QWidget):
    """Format, size, resolution, theme and words of a figure.

    Parameters
    ----------
    several : more than one panel can be seen, so all of them can go on one page.
    panel : title of the panel that is exported otherwise.
    """

    changed = Signal()

    def __init__(self, settings: Settings, several: bool, panel: str) -> None:
        super().__init__()
        self.content = named(QComboBox(), "What to export", "One panel, or all that can be seen, under one another")
        self.content.addItem(f"This panel: {panel}" if panel else "This panel", False)
        if several:
            self.content.addItem("All visible panels", True)
        self.format = named(QComboBox(), "Format", "All three carry the recipe: dropping the file reopens it")
        for name, words in FORMATS.items():
            self.format.addItem(words, name)
        self.format.setCurrentIndex(max(0, self.format.findData(settings.export_format)))
        self.preset = named(QComboBox(), "Usual widths", "Widths that journals print")
        self.preset.addItem("Own width", 0.0)
        for width, words in WIDTHS:
            self.preset.addItem(words, width)
        self.width_mm = named(QDoubleSpinBox(), "Width in millimetres", "Width of the figure on paper")
        self.width_mm.setRange(30.0, 1000.0)
        self.width_mm.setDecimals(0)
        self.width_mm.setSuffix(" mm")
        self.width_mm.setValue(settings.export_width_mm)
        self.dpi = named(QSpinBox(), "Dots per inch", "Resolution of a PNG, and of pictures inside SVG and PDF")
        self.dpi.setRange(50, 1200)
        self.dpi.setSingleStep(50)
        self.dpi.setSuffix(" dpi")
        self.dpi.setValue(settings.export_dpi)
        self.theme = named(QComboBox(), "Theme", "Light for paper, dark for slides")
        self.theme.addItem("Light", "light")
        self.theme.addItem("Dark", "dark")
        self.title = named(QLineEdit(), "Title", "Words above the figure")
        self.title.setPlaceholderText("No title")
        self.captions = QCheckBox("Captions")
        self.captions.setChecked(True)
        self.captions.setToolTip("Dataset, model and parameters under each part")
        self.readouts = QCheckBox("Readouts")
        self.readouts.setChecked(True)
        self.readouts.setToolTip("Norm, log-density and percentiles under each frame")
        self._arrange()
        self._connect()
        self._match_preset()

    def _arrange(self) -> None:
        form = _form(self)
        form.addRow("Content", self.content)
        form.addRow("Format", self.format)
        form.addRow("Width", self.width_mm)
        form.addRow("", self.preset)
        form.addRow("Resolution", self.dpi)
        form.addRow("Theme", self.theme)
        form.addRow("Title", self.title)
        form.addRow("", self.captions)
        form.addRow("", self.readouts)

    def _connect(self) -> None:
        for combo in (self.content, self.format, self.theme):
            combo.currentIndexChanged.connect(lambda _place: self.changed.emit())
        for box in (self.captions, self.readouts):
            box.toggled.connect(lambda _on: self.changed.emit())
        self.title.textChanged.connect(lambda _text: self.changed.emit())
        self.dpi.valueChanged.connect(lambda _value: self.changed.emit())
        self.width_mm.valueChanged.connect(lambda _value: self._match_preset())
        self.width_mm.valueChanged.connect(lambda _value: self.changed.emit())
        self.preset.activated.connect(self._use_preset)

    def _use_preset(self, place: int) -> None:
        width = self.preset.itemData(place)
        if width:
            self.width_mm.setValue(width)

    def _match_preset(self) -> None:
        place = self.preset.findData(self.width_mm.value())
        self.preset.setCurrentIndex(max(0, place))

    @property
    def all_panels(self) -> bool:
        """Whether all visible panels go on one page."""
        return bool(self.content.currentData())

    @property
    def suffix(self) -> str:
        """Suffix of the chosen format."""
        return f".{self.format.currentData()}"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes that a typed name may have."""
        return tuple(f".{name}" for name in FORMATS)

    def filter_of_files(self) -> str:
        """Filter of the file dialog, chosen format first."""
        chosen = self.format.currentData()
        order = [chosen, *(name for name in FORMATS if name != chosen)]
        return ";;".join(f"{name.upper()} (*.{name})" for name in order)

    def style_of_figure(self) -> FigureStyle:
        """Return the style that the form describes."""
        return FigureStyle(
            width_mm=self.width_mm.value(),
            dpi=self.dpi.value(),
            theme=self.theme.currentData(),
            captions=self.captions.isChecked(),
            readouts=self.readouts.isChecked(),
        )

    def kept(self) -> dict[str, object]:
        """Return what the settings remember."""
        return {
            "export_width_mm": self.width_mm.value(),
            "export_dpi": self.dpi.value(),
            "export_format": self.format.currentData(),
        }

    def note(self) -> str:
        """Say how large the file will be, and that it can be reopened."""
        pixels = round(self.width_mm.value() / MM_PER_INCH * self.dpi.value())
        return f"{pixels:,} px wide. The recipe and the codes are inside: drop the file on the window to reopen it."


class AnimationPage(QWidget):
    """Format, length and pace of an animation."""

    def __init__(self) -> None:
        super().__init__()
        self.format = named(QComboBox(), "Format", "GIF runs everywhere; APNG and WebP keep all colours")
        for name, words in ANIMATIONS.items():
            self.format.addItem(words, name)
        self.frames = named(QSpinBox(), "Frames", "Pictures of one pass")
        self.frames.setRange(2, 600)
        self.frames.setValue(60)
        self.milliseconds = named(QSpinBox(), "Milliseconds per frame", "How long each picture is shown")
        self.milliseconds.setRange(10, 2000)
        self.milliseconds.setSingleStep(10)
        self.milliseconds.setSuffix(" ms")
        self.milliseconds.setValue(40)
        self.easing = named(QComboBox(), "Easing", "How the walk along the path is paced")
        for name, words in EASINGS:
            self.easing.addItem(words, name)
        form = _form(self)
        form.addRow("Format", self.format)
        form.addRow("Frames", self.frames)
        form.addRow("Each for", self.milliseconds)
        form.addRow("Easing", self.easing)

    @property
    def suffix(self) -> str:
        """Suffix of the chosen format."""
        return f".{self.format.currentData()}"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes that a typed name may have."""
        return (*(f".{name}" for name in ANIMATIONS), ".png")

    def filter_of_files(self) -> str:
        """Filter of the file dialog, chosen format first."""
        chosen = self.format.currentData()
        order = [chosen, *(name for name in ANIMATIONS if name != chosen)]
        return ";;".join(f"{ANIMATIONS[name]} (*.{name})" for name in order)

    def options(self) -> tuple[int, str, int]:
        """Return frames, easing and milliseconds per frame."""
        return self.frames.value(), str(self.easing.currentData()), self.milliseconds.value()

    def note(self) -> str:
        """Say how long the animation runs."""
        seconds = self.frames.value() * self.milliseconds.value() / 1000
        return f"{seconds:.1f} s a pass. The jobs panel shows its progress."

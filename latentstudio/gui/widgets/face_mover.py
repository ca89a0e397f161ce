"""A face and the same face moved along a line: both pictures with readouts, and the place as a typed percentile."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from latentstudio.gui.icons import icon
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.plain_box import RealBox, make_plain
from latentstudio.gui.widgets.scrub import ScrubPreview
from latentstudio.results import Band, Frames

_HEIGHT = 148
HINT = "Click a face to see where it lies, then drag its marker"


class FaceMover(QWidget):
    """`asked` gives a percentile of the data set that the person typed, `back` says that the move is to be undone."""

    asked = Signal(float)
    back = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preview = ScrubPreview(self)
        self.preview.setFixedHeight(_HEIGHT)
        self.preview.set_hint(HINT)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setFont(small_font(0.92))
        self.words.setProperty("muted", True)
        self.field = RealBox(self)
        self.field.setRange(0.0, 100.0)
        self.field.setDecimals(1)
        self.field.setSuffix("\u2009%")
        make_plain(self.field)
        self.field.setFixedWidth(72)
        self.field.setAccessibleName("Percentile of the data set, typed")
        self.field.setToolTip("Move the face to where this share of the data set has less of the attribute")
        self.button = QToolButton(self)
        self.button.setIcon(icon("undo"))
        self.button.setToolTip("Back to where the face lies")
        self.button.setAccessibleName("Back to where the face lies")
        self._label = QLabel("Percentile", self)
        self._label.setBuddy(self.field)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self._label)
        row.addStretch(1)
        row.addWidget(self.field)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        column.addWidget(self.preview)
        column.addWidget(self.words)
        column.addLayout(row)
        self.field.valueChanged.connect(self.asked)
        self.button.clicked.connect(self.back)
        self.set_state("", None, False)

    def set_frames(self, frames: Frames | None, labels: tuple[str, ...], band: Band | None) -> None:
        """Show the face and what became of it."""
        self.preview.set_preview(frames, labels, band)

    def set_state(self, words: str, percentile: float | None, moved: bool) -> None:
        """Say where the face lies, and whether there is a move to undo."""
        self.words.setText(words)
        self.words.setVisible(bool(words))
        with QSignalBlocker(self.field):
            self.field.setValue(percentile or 0.0)
        for widget in (self.field, self._label, self.button):
            widget.setVisible(percentile is not None)
        self.button.setEnabled(moved)

"""Colours, spacing and fonts of the window: Fusion with an explicit palette, dark or light, following the system.

`QStyleHints.setColorScheme` has no effect on bare X11 and offscreen, so the palette is set by hand, and everything that
paints (icons, plots, thumbnails) reads `colors()` and repaints on `theme_signals().changed`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from latentstudio.gui.stylesheet import stylesheet

GAP = 8
"""Grid unit in px: margins and distances are multiples or halves of it."""
RADIUS = 4
"""Corner radius of fields and frames in px."""

THEMES = ("dark", "light", "system")


@dataclass(frozen=True)
class Palette:
    """Named colours as ``#rrggbb``. Plot colours come from the Okabe-Ito set, told apart by colour-blind readers too.

    Attributes
    ----------
    name : ``"dark"`` or ``"light"``.
    background : the window; surface : panels and lists; raised : fields and buttons; sunken : behind pictures.
    border : hairlines; text, muted : words; accent : the one colour of things that are chosen or act.
    selected : background of chosen rows and thumbnails; hover : background under the mouse.
    data, train, held_out, reference, other : roles of `results.Line` and friends.
    band : fill of a typical range, already mixed with `surface`.
    """

    name: str
    background: str
    surface: str
    raised: str
    sunken: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    selected: str
    hover: str
    data: str
    train: str
    held_out: str
    reference: str
    other: str
    info: str
    warning: str
    error: str
    band: str

    def role(self, role: str) -> str:
        """Return the colour of a plot role (``data``, ``train``, ``held_out``, ``reference``, ``other``)."""
        return str(getattr(self, role))


DARK = Palette(
    name="dark",
    background="#1a1b1d",
    surface="#212225",
    raised="#2b2d30",
    sunken="#141516",
    border="#383a3f",
    text="#e3e4e6",
    muted="#969aa1",
    accent="#56b4e9",
    accent_text="#0c1b24",
    selected="#26465a",
    hover="#303338",
    data="#56b4e9",
    train="#1cb98c",
    held_out="#e69f00",
    reference="#a3a7ae",
    other="#cc79a7",
    info="#56b4e9",
    warning="#e69f00",
    error="#f0703c",
    band="#2c3a38",
)

LIGHT = Palette(
    name="light",
    background="#ececed",
    surface="#f8f8f8",
    raised="#ffffff",
    sunken="#e2e3e4",
    border="#c9cbce",
    text="#1d1e20",
    muted="#63676d",
    accent="#0072b2",
    accent_text="#ffffff",
    selected="#c6dfef",
    hover="#e6e8ea",
    data="#0072b2",
    train="#00875f",
    held_out="#b87700",
    reference="#63676d",
    other="#a8548a",
    info="#0072b2",
    warning="#a86c00",
    error="#c24700",
    band="#dcebe5",
)


class ThemeSignals(QObject):
    """Carries `changed`, emitted after colours were exchanged."""

    changed = Signal()


class _State:
    """The theme of the one application of this process."""

    wanted = "system"
    palette = DARK
    signals: ThemeSignals | None = None
    following = False


def theme_signals() -> ThemeSignals:
    """Return the object whose `changed` signal says that colours were exchanged."""
    if _State.signals is None:
        _State.signals = ThemeSignals()
    return _State.signals


def colors() -> Palette:
    """Return the colours in use."""
    return _State.palette


def wanted_theme() -> str:
    """Return what was asked for: ``"dark"``, ``"light"`` or ``"system"``."""
    return _State.wanted


def apply_theme(app: QApplication, name: str = "system") -> None:
    """Give the application its style, palette and style sheet; ``"system"`` follows the desktop while it runs.

    Raises
    ------
    ValueError
        `name` is none of `THEMES`.
    """
    if name not in THEMES:
        raise ValueError(f"theme should be one of {', '.join(THEMES)}, not '{name}'")
    _State.wanted = name
    hints = QGuiApplication.styleHints()
    if not _State.following:
        hints.colorSchemeChanged.connect(_system_changed)
        _State.following = True
    palette = _choose(name)
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    _ensure_font(app)
    _State.palette = palette
    app.setPalette(_qt_palette(palette))
    app.setStyleSheet(stylesheet(palette))
    theme_signals().changed.emit()


def _choose(name: str) -> Palette:
    if name == "dark":
        return DARK
    if name == "light":
        return LIGHT
    # A desktop that does not say gets the dark one: faces are judged against a quiet ground.
    return LIGHT if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light else DARK


def _system_changed() -> None:
    app = QApplication.instance()
    if _State.wanted == "system" and isinstance(app, QApplication):
        apply_theme(app, "system")


def _qt_palette(c: Palette) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: c.background,
        QPalette.ColorRole.WindowText: c.text,
        QPalette.ColorRole.Base: c.surface,
        QPalette.ColorRole.AlternateBase: c.background,
        QPalette.ColorRole.Text: c.text,
        QPalette.ColorRole.PlaceholderText: c.muted,
        QPalette.ColorRole.Button: c.raised,
        QPalette.ColorRole.ButtonText: c.text,
        QPalette.ColorRole.BrightText: c.error,
        QPalette.ColorRole.ToolTipBase: c.raised,
        QPalette.ColorRole.ToolTipText: c.text,
        QPalette.ColorRole.Highlight: c.accent,
        QPalette.ColorRole.HighlightedText: c.accent_text,
        QPalette.ColorRole.Link: c.accent,
        QPalette.ColorRole.LinkVisited: c.accent,
        QPalette.ColorRole.Light: c.raised,
        QPalette.ColorRole.Midlight: c.raised,
        QPalette.ColorRole.Mid: c.border,
        QPalette.ColorRole.Dark: c.border,
        QPalette.ColorRole.Shadow: c.sunken,
        QPalette.ColorRole.Accent: c.accent,
    }
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    faded = QColor(c.muted)
    faded.setAlpha(150)
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded)
    palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, QColor(c.border))
    return palette


def _ensure_font(app: QApplication) -> None:
    """Load the font that matplotlib brings when the machine has none, so that words are not boxes."""
    if QFontDatabase.families():
        return
    spec = find_spec("matplotlib")
    for home in (spec.submodule_search_locations or []) if spec else []:
        number = QFontDatabase.addApplicationFont(str(Path(home, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")))
        families = QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
        if families:
            app.setFont(QFont(families[0], 9))
            return


def numeric_font(scale: float = 1.0, bold: bool = False) -> QFont:
    """Return the window's font with figures of equal width, so that readouts do not dance."""
    font = QFont(QApplication.font())
    font.setPointSizeF(max(6.0, font.pointSizeF() * scale))
    font.setBold(bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def small_font(scale: float = 0.88) -> QFont:
    """Return the window's font for captions and hints."""
    font = QFont(QApplication.font())
    font.setPointSizeF(max(6.0, font.pointSizeF() * scale))
    return font

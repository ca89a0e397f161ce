"""Icons drawn for the project: SVG on a 24-px grid with 1.5-px strokes, tinted with the theme's text colour."""

from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from latentstudio.gui.theme import colors
from latentstudio.paths import bundled


@cache
def _source(name: str) -> str:
    """Text of one drawing.

    Raises
    ------
    KeyError
        There is no icon of that name.
    """
    path = bundled("resources", "icons", f"{name}.svg")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise KeyError(f"there is no icon '{name}' in {path.parent}") from error


@cache
def _renderer(name: str, color: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", color).encode("utf-8")))


class _TintedEngine(QIconEngine):
    """Paints the drawing at any size in the colours of the theme in use, so a change of theme needs no new icons."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        palette = colors()
        color = str(getattr(palette, self._role))
        painter.save()
        if mode == QIcon.Mode.Disabled:
            painter.setOpacity(painter.opacity() * 0.35)
        elif state == QIcon.State.On and self._role == "text":
            color = palette.accent
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _renderer(self._name, color).render(painter, QRectF(rect))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return picture

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        picture = self.pixmap(QSize(round(size.width() * scale), round(size.height() * scale)), mode, state)
        picture.setDevicePixelRatio(scale)
        return picture

    def clone(self) -> QIconEngine:
        return _TintedEngine(self._name, self._role)


def icon(name: str, role: str = "text") -> QIcon:
    """Return an icon that follows the theme.

    Parameters
    ----------
    name : file name in ``resources/icons`` without its suffix.
    role : colour of `theme.Palette` to draw it in, e.g. ``"muted"`` or ``"warning"``.

    Raises
    ------
    KeyError
        There is no such icon.
    """
    _source(name)
    return QIcon(_TintedEngine(name, role))


def icon_pixmap(name: str, edge: int, ratio: float = 1.0, role: str = "text") -> QPixmap:
    """Return one icon as a square picture of `edge` px (logical) for a screen of that pixel ratio."""
    real = round(edge * ratio)
    picture = _TintedEngine(name, role).pixmap(QSize(real, real), QIcon.Mode.Normal, QIcon.State.Off)
    picture.setDevicePixelRatio(ratio)
    return picture


def program_icon() -> QIcon:
    """Return the program's own mark."""
    return QIcon(str(bundled("resources", "icons", "latentstudio.svg")))

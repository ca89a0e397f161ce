"""The few strokes that all painted widgets share, so that rings, texts and hairlines look alike everywhere."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from latentstudio.gui.theme import RADIUS, colors

CENTRE = Qt.AlignmentFlag.AlignCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def pen(color: str | QColor, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """Return a pen with round joins; `width` in logical px."""
    result = QPen(QColor(color), width, style)
    result.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return result


def with_alpha(color: str | QColor, alpha: float) -> QColor:
    """Return `color` with an opacity of `alpha` in [0, 1]."""
    result = QColor(color)
    result.setAlphaF(alpha)
    return result


def write(
    painter: QPainter,
    rect: QRectF,
    words: str,
    color: str | QColor,
    font: QFont,
    align: Qt.AlignmentFlag = CENTRE,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    """Write one line into `rect`, shortened by an ellipsis where it does not fit."""
    painter.setFont(font)
    painter.setPen(QColor(color))
    fitting = QFontMetricsF(font).elidedText(words, elide, rect.width())
    painter.drawText(rect, int(align) | int(Qt.TextFlag.TextSingleLine), fitting)


def write_wrapped(
    painter: QPainter,
    rect: QRectF,
    words: str,
    color: str | QColor,
    font: QFont,
    align: Qt.AlignmentFlag = CENTRE,
) -> None:
    """Write words into `rect`, broken into lines."""
    painter.setFont(font)
    painter.setPen(QColor(color))
    painter.drawText(rect, int(align) | int(Qt.TextFlag.TextWordWrap), words)


def frame_box(
    painter: QPainter, rect: QRectF, fill: str | QColor | None, edge: QPen | None, radius: float = RADIUS
) -> None:
    """Draw a rounded box whose hairline lies inside `rect`, on whole pixels."""
    inset = (edge.widthF() if edge is not None else 0.0) / 2
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(edge if edge is not None else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(fill) if fill is not None else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius, radius)


def focus_ring(painter: QPainter, rect: QRectF, distance: float = 2.0) -> None:
    """Draw the ring that says where the keyboard is, `distance` px outside `rect`."""
    outer = rect.adjusted(-distance, -distance, distance, distance)
    frame_box(painter, outer, None, pen(colors().accent, 2.0), RADIUS + 1)


def warning_mark(painter: QPainter, corner: QPointF, size: float = 12.0) -> None:
    """Draw a small triangle with its right upper corner at `corner`: this picture is not to be trusted."""
    x, y = corner.x() - size, corner.y()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colors().warning))
    painter.drawPolygon([QPointF(x + size / 2, y), QPointF(x + size, y + size), QPointF(x, y + size)])
    painter.setPen(pen(colors().accent_text, 1.6))
    middle = x + size / 2
    painter.drawLine(QPointF(middle, y + size * 0.38), QPointF(middle, y + size * 0.64))
    painter.drawPoint(QPointF(middle, y + size * 0.82))

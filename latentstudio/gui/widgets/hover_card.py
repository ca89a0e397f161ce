"""A card beside the pointer: the picture larger, its name and its labels."""

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import GAP, colors, small_font

EDGE = 160


class HoverCard(QWidget):
    """A window of its own that never takes the mouse or the keyboard."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self._pixmap: QPixmap | None = None
        self._lines: tuple[str, ...] = ()
        self.setFont(small_font())

    def show_beside(self, anchor: QRect, pixmap: QPixmap | None, lines: tuple[str, ...]) -> None:
        """Show the card beside a rectangle (global coordinates), on the side where there is room."""
        self._pixmap, self._lines = pixmap, lines
        line = self.fontMetrics().lineSpacing()
        width = max([EDGE, *(min(self.fontMetrics().horizontalAdvance(text), 260) for text in lines)]) + 2 * GAP
        height = EDGE + 2 * GAP + (line * len(lines) + GAP // 2 if lines else 0)
        screen = QGuiApplication.screenAt(anchor.center()) or QGuiApplication.primaryScreen()
        area = screen.availableGeometry()
        x = anchor.right() + GAP if anchor.right() + GAP + width <= area.right() else anchor.left() - GAP - width
        y = min(max(area.top(), anchor.top()), area.bottom() - height)
        self.setGeometry(QRect(QPoint(max(area.left(), x), y), QPoint(max(area.left(), x) + width - 1, y + height - 1)))
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint picture and lines."""
        painter, palette = QPainter(self), colors()
        painter.fillRect(self.rect(), QColor(palette.raised))
        painter.setPen(QColor(palette.border))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self._pixmap is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(QRect((self.width() - EDGE) // 2, GAP, EDGE, EDGE), self._pixmap)
        metrics, y = self.fontMetrics(), EDGE + 2 * GAP - GAP // 2
        for number, text in enumerate(self._lines):
            painter.setPen(QColor(palette.text if number == 0 else palette.muted))
            elided = metrics.elidedText(text, Qt.TextElideMode.ElideRight, self.width() - 2 * GAP)
            painter.drawText(QPoint(GAP, y + metrics.ascent()), elided)
            y += metrics.lineSpacing()

"""The painting half of the thumbnail grid: it paints the cells that are on screen and asks for those alone."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from latentstudio.gui.theme import colors, theme_signals
from latentstudio.gui.widgets.grid_geometry import GUTTER, GridGeometry

KEPT = 6000


class ThumbnailView(QAbstractScrollArea):
    """Thumbnails of dataset images in a given order; memory does not grow with the dataset.

    The pixels of at most `KEPT` thumbnails are held.

    Signals
    -------
    wanted(object, int) : dataset indices (tuple) whose thumbnails are on screen and missing, and their edge in px.
    """

    wanted = Signal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._order: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._row_of: dict[int, int] | None = None
        self._selection: frozenset[int] = frozenset()
        self._edge = 72
        self._cursor = -1
        self._anchor = -1
        self._hover = -1
        self._band: QRect | None = None
        self._pixmaps: OrderedDict[int, QPixmap] = OrderedDict()
        self._failed: dict[int, str] = {}
        self._empty_text = ""
        self._asked: tuple[int, ...] = ()
        self._ask_timer = QTimer(self, interval=15, singleShot=True)
        self._ask_timer.timeout.connect(self._ask)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setAccessibleName("Images")
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        theme_signals().changed.connect(self.viewport().update)

    # --- what is shown -------------------------------------------------------------------------------------------

    @property
    def edge(self) -> int:
        """Edge of a thumbnail in logical px."""
        return self._edge

    @property
    def order(self) -> NDArray[np.int64]:
        """Dataset indices in the order in which they are shown."""
        return self._order

    def set_order(self, order: NDArray[np.int64], forget: bool = False) -> None:
        """Show these dataset indices; `forget` drops all pixels (another dataset)."""
        self._order, self._row_of = order, None
        if forget:
            self._pixmaps.clear()
            self._failed.clear()
            self.verticalScrollBar().setValue(0)
        self._cursor = min(self._cursor, len(order) - 1)
        self._anchor = -1
        self._hover = -1
        self._asked = ()
        self._lay_out()

    def set_selection(self, indices: Sequence[int]) -> None:
        """Mark these dataset indices as selected."""
        self._selection = frozenset(indices)
        self.viewport().update()

    def set_edge(self, edge: int) -> None:
        """Change the edge of the thumbnails, keeping the middle of the view in place."""
        if edge == self._edge:
            return
        middle = self.geometry_now().place_at(QPoint(GUTTER + 1, self.viewport().height() // 2))
        self._edge = edge
        self._pixmaps.clear()
        self._lay_out()
        if middle >= 0:
            self.reveal(int(self._order[middle]), centre=True)

    def set_empty_text(self, text: str) -> None:
        """Say this where there is nothing to show."""
        self._empty_text = text
        self.viewport().update()

    def receive(self, indices: Sequence[int], edge: int, pixels: NDArray[np.uint8], failed: dict[int, str]) -> None:
        """Take thumbnails, uint8 (n, edge, edge, 3); those of another size than wanted now are ignored."""
        if edge != self._pixel_edge():
            return
        for position, index in enumerate(indices):
            if index in failed:
                continue
            data = np.ascontiguousarray(pixels[position])
            height, width = data.shape[:2]
            image = QImage(data.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            pixmap = QPixmap.fromImage(image)
            pixmap.setDevicePixelRatio(self.devicePixelRatioF())
            self._pixmaps[index] = pixmap
            self._pixmaps.move_to_end(index)
        self._failed.update(failed)
        while len(self._pixmaps) > KEPT:
            self._pixmaps.popitem(last=False)
        self.viewport().update()

    def reveal(self, index: int, centre: bool = False) -> None:
        """Scroll so that a dataset index is on screen; nothing happens when it is filtered out."""
        place = self._place_of(index)
        if place < 0:
            return
        self.verticalScrollBar().setValue(self.geometry_now().scroll_to(place, centre))

    def pixels_of(self, index: int) -> QPixmap | None:
        """The thumbnail of a dataset index, if it is held."""
        return self._pixmaps.get(index)

    # --- geometry ------------------------------------------------------------------------------------------------

    def geometry_now(self) -> GridGeometry:
        """Where the cells lie at this moment."""
        view = self.viewport()
        return GridGeometry(view.width(), view.height(), self._edge, len(self._order), self.verticalScrollBar().value())

    def _pixel_edge(self) -> int:
        return round(self._edge * self.devicePixelRatioF())

    def _place_of(self, index: int) -> int:
        if self._row_of is None:
            self._row_of = {int(i): place for place, i in enumerate(self._order)}
        return self._row_of.get(index, -1)

    def _lay_out(self) -> None:
        geometry, bar = self.geometry_now(), self.verticalScrollBar()
        bar.setRange(0, max(0, geometry.content_height - geometry.height))
        bar.setPageStep(max(1, geometry.height))
        bar.setSingleStep(geometry.pitch)
        self.viewport().update()
        self._ask_timer.start()

    def _scrolled(self) -> None:
        self.viewport().update()
        if not self._ask_timer.isActive():
            self._ask_timer.start()

    def _ask(self) -> None:
        on_screen = [int(self._order[place]) for place in self.geometry_now().places_on_screen()]
        for index in on_screen:
            if index in self._pixmaps:
                self._pixmaps.move_to_end(index)
        missing = tuple(i for i in on_screen if i not in self._pixmaps and i not in self._failed)
        if missing and missing != self._asked:
            self._asked = missing
            self.wanted.emit(missing, self._pixel_edge())

    # --- painting ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells that the event's region touches."""
        painter, palette = QPainter(self.viewport()), colors()
        painter.fillRect(event.rect(), QColor(palette.background))
        if len(self._order) == 0:
            painter.setPen(QColor(palette.muted))
            area = self.viewport().rect().adjusted(24, 24, -24, -24)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty_text)
            return
        waiting, accent = QColor(palette.surface), QPen(QColor(palette.accent), 2)
        accent.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        geometry = self.geometry_now()
        for place in geometry.places_on_screen():
            rect, index = geometry.cell(place), int(self._order[place])
            if not rect.intersects(event.rect()):
                continue
            pixmap = self._pixmaps.get(index)
            if pixmap is not None:
                painter.drawPixmap(rect, pixmap)
            else:
                painter.fillRect(rect, waiting)
                if index in self._failed:
                    painter.setPen(QColor(palette.warning))
                    painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), "!")
            if index in self._selection:
                painter.setPen(accent)
                painter.drawRect(rect.adjusted(1, 1, -1, -1))
            elif place == self._hover:
                painter.setPen(QPen(QColor(palette.muted), 1))
                painter.drawRect(rect.adjusted(0, 0, -1, -1))
            if place == self._cursor and self.hasFocus():
                painter.setPen(QPen(QColor(palette.text), 1, Qt.PenStyle.DotLine))
                painter.drawRect(rect.adjusted(-2, -2, 1, 1))
        if self._band is not None:
            fill = QColor(palette.accent)
            painter.setPen(QPen(fill, 1))
            fill.setAlpha(40)
            painter.fillRect(self._band, fill)
            painter.drawRect(self._band)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the first visible image in view when the number of columns changes."""
        super().resizeEvent(event)
        self._lay_out()

    def sizeHint(self) -> QSize:
        """Four thumbnails across."""
        return QSize(4 * (self._edge + GUTTER) + 3 * GUTTER + self.verticalScrollBar().sizeHint().width(), 400)

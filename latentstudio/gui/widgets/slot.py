"""A place for one picture, or several: drop things on it, drag them from it; every drag has a keyboard twin."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QMenu, QSizePolicy, QWidget

from latentstudio.figures.recipe import Input
from latentstudio.gui import dragging
from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import colors, small_font, theme_signals
from latentstudio.gui.widgets.drop_target import DropTarget, picture_paths
from latentstudio.gui.widgets.painting import CENTRE, focus_ring, frame_box, pen, with_alpha, write, write_wrapped

CAPTION = 17
EDGE = 96
WIDE = 144
"""Width of a slot for many, px."""
_SHOWN = 9


def tile_edge(count: int, width: float, height: float) -> int:
    """Return the largest edge in px at which `count` square tiles fit into a rectangle."""
    edge = int(min(width, height))
    while edge > 1 and (width // edge) * (height // edge) < count:
        edge -= 1
    return max(edge, 1)


class SlotWidget(DropTarget):
    """A slot. It knows inputs and pictures but no model and no document; its signals say what the person wants.

    Parameters
    ----------
    label : ``"A"``; `name` : the operation's name of the slot.
    hint : what to do while it is empty.
    many : takes any number.
    partner : label of the other slot of a pair, which gives swap and 'same person'.
    """

    cleared = Signal()
    inspected = Signal()
    enlarged = Signal()
    hovered = Signal(bool)
    random_wanted = Signal(str)
    """``"any"``, ``"same"`` or ``"other"`` person than the partner."""
    swap_wanted = Signal()

    def __init__(
        self,
        name: str,
        label: str,
        hint: str = "",
        many: bool = False,
        partner: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(label, many, parent)
        self.name, self.partner = name, partner
        self._hint = hint or f"Drop a picture on {label}"
        self._pixels: tuple[NDArray[np.uint8] | None, ...] = ()
        self._caption = ""
        self._pressed: QPoint | None = None
        self.can_pick = True
        self.knows_persons = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(WIDE if many else EDGE, EDGE + CAPTION)
        theme_signals().changed.connect(self.update)
        self._tell()

    # State.

    @property
    def pixels(self) -> tuple[NDArray[np.uint8] | None, ...]:
        """A picture for each input where one is known, uint8 (H, W, C)."""
        return self._pixels

    def set_inputs(
        self, inputs: Sequence[Input], pixels: Sequence[NDArray[np.uint8] | None] = (), name: str = ""
    ) -> None:
        """Show inputs; pictures may follow later by another call. `name` is what a single one is called."""
        self._inputs = tuple(inputs)
        self._caption = name
        self._pixels = tuple(pixels) + (None,) * (len(self._inputs) - len(pixels))
        self._tell()
        self.update()

    def caption(self) -> str:
        """Name what is on the slot."""
        if not self._inputs:
            return ""
        if len(self._inputs) == 1:
            return self._caption or dragging.label_of(self._inputs[0])
        return f"{len(self._inputs)} pictures"

    def _line(self) -> str:
        """Words under the slot; a slot for many names itself there."""
        return f"{self.label}: {self.caption()}" if self.many and self._inputs else self.caption()

    def _tell(self) -> None:
        self.setAccessibleName(f"Slot {self.label}: {self.caption() or 'empty'}")
        self.setAccessibleDescription(self._hint if not self._inputs else "Drag from here, or press Delete to clear")
        picks = ["R pick at random"] if self.can_pick else []
        swaps = [f"X swap with {self.partner}"] if self.partner else []
        keys = " · ".join(["Ctrl+V paste", *picks, *swaps, "Del clear", "Enter inspect"])
        self.setToolTip(f"{self.caption() or self._hint}\n{keys}")

    def sizeHint(self) -> QSize:
        """A square with a caption."""
        return QSize(self.width(), self.height())

    def picture_rect(self) -> QRectF:
        """Rectangle of the picture, above its caption."""
        return QRectF(3, 3, self.width() - 6, self.height() - CAPTION - 6)

    # Dragging from it.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the picture."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin a drag when the pointer has gone far enough."""
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton or not self._inputs:
            return
        if (event.position().toPoint() - self._pressed).manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            dragging.start_drag(self, self._inputs, next((p for p in self._pixels if p is not None), None))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Inspect what is on the slot."""
        if event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            self._pressed = None
            if self._inputs and self.rect().contains(event.position().toPoint()):
                self.inspected.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge a picture; on an empty slot pick one at random."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.enlarge() if self._inputs else self._pick("any")

    def event(self, event: QEvent) -> bool:
        """Say when the pointer is over a filled slot, so that the inspector can preview it."""
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.hovered.emit(event.type() == QEvent.Type.HoverEnter and bool(self._inputs))
            self.update()
        return super().event(event)

    # Keyboard and menu.

    def paste(self) -> None:
        """Take what is on the clipboard."""
        mime = QApplication.clipboard().mimeData()
        if mime is not None:
            self.take(mime)

    def copy(self) -> None:
        """Put the inputs and the picture of the first on the clipboard."""
        if self._inputs:
            picture = next((p for p in self._pixels if p is not None), None)
            QApplication.clipboard().setMimeData(dragging.mime_of(self._inputs, picture))

    def enlarge(self) -> None:
        """Ask for a larger view."""
        if self._inputs:
            self.enlarged.emit()

    def _pick(self, whom: str) -> None:
        if self.can_pick:
            self.random_wanted.emit(whom)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do by key what can be done by drag."""
        key = Qt.Key(event.key())
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._inputs:
            self.cleared.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._inputs:
            self.inspected.emit()
        elif key == Qt.Key.Key_Space:
            self.enlarge()
        elif plain and key == Qt.Key.Key_R:
            self._pick("any")
        elif plain and key == Qt.Key.Key_P and self.partner and self.knows_persons:
            self._pick("same")
        elif plain and key == Qt.Key.Key_O and self.partner and self.knows_persons:
            self._pick("other")
        elif plain and key == Qt.Key.Key_X and self.partner:
            self.swap_wanted.emit()
        else:
            super().keyPressEvent(event)

    def menu(self) -> QMenu:
        """Build the context menu; the caller shows it."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        mime = QApplication.clipboard().mimeData()
        pastes = mime is not None and bool(dragging.inputs_of(mime) or picture_paths(mime))
        menu.addAction("Inspect\tEnter", self.inspected.emit).setEnabled(bool(self._inputs))
        menu.addAction("Enlarge\tSpace", self.enlarge).setEnabled(bool(self._inputs))
        menu.addSeparator()
        menu.addAction("Pick at random\tR", lambda: self._pick("any")).setEnabled(self.can_pick)
        if self.partner:
            persons = self.can_pick and self.knows_persons
            menu.addAction(f"Same person as {self.partner}\tP", lambda: self._pick("same")).setEnabled(persons)
            menu.addAction(f"Other person than {self.partner}\tO", lambda: self._pick("other")).setEnabled(persons)
            menu.addAction(f"Swap with {self.partner}\tX", self.swap_wanted.emit)
        menu.addSeparator()
        menu.addAction("Copy\tCtrl+C", self.copy).setEnabled(bool(self._inputs))
        menu.addAction("Paste\tCtrl+V", self.paste).setEnabled(pastes)
        menu.addAction("Clear\tDel", self.cleared.emit).setEnabled(bool(self._inputs))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show the menu."""
        self.menu().popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the focus ring away."""
        super().focusOutEvent(event)
        self.update()

    # Paint.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw picture, tag and caption, or the hint; while something hovers, what the drop will do."""
        painter, palette, rect, tagged = QPainter(self), colors(), self.picture_rect(), True
        if self._inputs:
            self._paint_pictures(painter, rect)
            if self.many:
                # Tiles begin in the corner, so the slot's name stands in the caption instead.
                tagged = False
        else:
            edge = palette.muted if self.underMouse() else palette.border
            frame_box(painter, rect, palette.sunken, pen(edge, 1, Qt.PenStyle.DashLine))
            write_wrapped(painter, rect.adjusted(6, 22, -6, -4), self._hint, palette.muted, small_font(0.88))
        if tagged:
            self._paint_tag(painter, rect)
        if self._words:
            frame_box(painter, rect, with_alpha(palette.background, 0.82), pen(palette.accent, 2.0))
            top = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            write_wrapped(painter, rect.adjusted(6, 6, -6, -6), self._words, palette.text, small_font(0.95), top)
        elif self.hasFocus():
            focus_ring(painter, rect, 1.5)
        below = QRectF(0, self.height() - CAPTION, self.width(), CAPTION)
        middle = Qt.TextElideMode.ElideMiddle
        write(painter, below, self._line(), palette.muted, small_font(0.88), CENTRE, middle)
        painter.end()

    def _paint_tag(self, painter: QPainter, rect: QRectF) -> None:
        palette, font = colors(), small_font(0.92)
        font.setBold(True)
        width = max(18.0, painter.fontMetrics().horizontalAdvance(self.label) + 10.0)
        tag = QRectF(rect.left() + 4, rect.top() + 4, width, 18)
        frame_box(painter, tag, with_alpha(palette.background, 0.85), None, 3)
        write(painter, tag, self.label, palette.text, font)

    def _paint_pictures(self, painter: QPainter, rect: QRectF) -> None:
        palette = colors()
        frame_box(painter, rect, palette.sunken, pen(palette.border), 2)
        shown = self._pixels[:_SHOWN]
        edge = tile_edge(len(shown), rect.width() - 2, rect.height() - 2)
        across = max(1, int((rect.width() - 2) // edge))
        for number, pixels in enumerate(shown):
            if pixels is None:
                continue
            picture = pixmap(pixels, edge, self.devicePixelRatioF())
            size = picture.deviceIndependentSize()
            row, column = divmod(number, across)
            x = rect.left() + 1 + column * edge + (edge - size.width()) / 2
            y = rect.top() + 1 + row * edge + (edge - size.height()) / 2
            painter.drawPixmap(QRectF(x, y, size.width(), size.height()).topLeft(), picture)

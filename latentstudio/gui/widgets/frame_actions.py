"""What can be done with a frame: hover, inspect, drag, card, menu, copy, save. One object serves any frames view."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, ImageInput
from latentstudio.gui.dragging import mime_of, start_drag
from latentstudio.gui.pixmaps import png_of
from latentstudio.gui.widgets.frame_card import CardFacts, FrameCard
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.picture_desk import PictureDesk
from latentstudio.gui.widgets.picture_window import PictureWindow
from latentstudio.gui.widgets.readouts import Readout, measured, number, percent, readouts
from latentstudio.operations import OPERATIONS
from latentstudio.paths import replacing

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


class FrameActions(QObject):
    """Connects a view of frames to the controller.

    Parameters
    ----------
    input_of : gives the code of a frame; raises UserError when the frame has gone.
    nearest_of : gives (dataset specification, index, id) of the dataset image nearest to a frame, or None.
    """

    def __init__(
        self,
        view: FramesView,
        controller: "Controller",
        desk: PictureDesk,
        input_of: Callable[[int], CodeInput],
        nearest_of: Callable[[int], tuple[str, int, str] | None],
    ) -> None:
        super().__init__(view)
        self._view, self._controller, self._desk = view, controller, desk
        self._input_of, self._nearest_of = input_of, nearest_of
        self._card: FrameCard | None = None
        self._carded = -1
        view.hovered.connect(self._hover)
        view.activated.connect(self.inspect)
        view.enlarged.connect(self.enlarge)
        view.drag_started.connect(self.drag)
        view.menu_wanted.connect(lambda frame, where: self.menu(frame).popup(where))
        view.card_wanted.connect(self._show_card)
        desk.arrived.connect(self._refresh_card)

    @property
    def card(self) -> FrameCard | None:
        """The card, once it has been shown."""
        return self._card

    def _input(self, frame: int) -> CodeInput | None:
        frames = self._view.frames
        if frames is None or not 0 <= frame < len(frames) or not frames.ready[frame]:
            return None
        try:
            return self._input_of(frame)
        except UserError as error:
            self._controller.message.emit(str(error), "warning")
            return None

    def _hover(self, frame: int) -> None:
        self._controller.hover(self._input(frame) if frame >= 0 else None)

    def inspect(self, frame: int) -> None:
        """Show a frame in the inspector."""
        item = self._input(frame)
        if item is not None:
            self._remember(frame, item)
            self._controller.inspect(item)

    def enlarge(self, frame: int) -> None:
        """Show a frame large, in a window of its own."""
        item, frames = self._input(frame), self._view.frames
        if item is not None and frames is not None:
            PictureWindow.show_input(self._controller, item, frames.images[frame], self._view.window())

    def drag(self, frame: int) -> None:
        """Drag a frame out of the view."""
        item, frames = self._input(frame), self._view.frames
        if item is not None and frames is not None:
            self._remember(frame, item)
            start_drag(self._view, (item,), frames.images[frame])

    def _remember(self, frame: int, item: CodeInput) -> None:
        if self._view.frames is not None:
            self._desk.remember(item, self._view.frames.images[frame])

    # Card.

    def _show_card(self, frame: int) -> None:
        self._carded = frame
        frames = self._view.frames
        known = frames is not None and 0 <= frame < len(frames) and bool(frames.ready[frame])
        if not known or not self._view.isVisible() or QApplication.activePopupWidget() is not None:
            if self._card is not None:
                self._card.hide()
            return
        if self._card is None:
            self._card = FrameCard(self._view)
        rect = self._view.frame_rect(frame).toAlignedRect()
        anchor = QRect(self._view.mapToGlobal(rect.topLeft()), rect.size())
        self._card.show_beside(anchor, self.facts(frame))

    def _refresh_card(self, item: ImageInput) -> None:
        shown = self._card is not None and self._card.isVisible() and 0 <= self._carded < self._view.count
        if not shown or self._card is None:
            return
        nearest = self._nearest_of(self._carded)
        if nearest is not None and (item.dataset, item.index) == nearest[:2]:
            self._card.set_facts(self.facts(self._carded))

    def facts(self, frame: int) -> CardFacts:
        """Return what stands on the card of a frame."""
        frames, view = self._view.frames, self._view
        assert frames is not None
        norm, density, share = readouts(frames, frame, view.norm_band, view.log_prob_band)
        lines = [("norm", norm), ("log-density", density), ("prior percentile", share)]
        if frames.data_percentile is not None:
            lines.append(("data percentile", Readout(percent(float(frames.data_percentile[frame])))))
        lines += [(m.label, Readout(measured(m, frame))) for m in view.measures if measured(m, frame)]
        title = view.title(frame)
        nearest = self._nearest_of(frame)
        if nearest is None:
            return CardFacts(frames.images[frame], title, tuple(lines))
        spec, index, name = nearest
        if frames.nearest_distance is not None:
            lines.append(("RMS to nearest", Readout(number(float(frames.nearest_distance[frame])))))
        picture = self._desk.dataset_picture(spec, index)
        return CardFacts(frames.images[frame], title, tuple(lines), picture, f"nearest: {name}")

    # Menu.

    def menu(self, frame: int) -> QMenu:
        """Build the context menu of a frame; the caller shows it."""
        menu = QMenu(self._view)
        menu.aboutToHide.connect(menu.deleteLater)
        item = self._input(frame)
        if item is None:
            return menu
        self._add_slots(menu, frame, item)
        menu.addAction("Inspect\tEnter", lambda: self.inspect(frame))
        menu.addAction("Enlarge\tSpace", lambda: self.enlarge(frame))
        nearest = self._nearest_of(frame)
        if nearest is not None:
            spec, index, name = nearest
            image = ImageInput(dataset=spec, index=index, id=name)
            menu.addAction("Inspect nearest image", lambda: self._controller.inspect(image))
        menu.addSeparator()
        menu.addAction("Copy picture and code", lambda: self.copy(frame))
        menu.addAction("Save picture…", lambda: self.ask_and_save(frame))
        return menu

    def _add_slots(self, menu: QMenu, frame: int, item: CodeInput) -> None:
        panels = [p for p in self._controller.document.panels if p.kind == "operation" and p.name in OPERATIONS]
        for panel in panels:
            for slot in OPERATIONS[panel.name].slots:
                if slot.many:
                    continue
                several = sum(bool(OPERATIONS[p.name].slots) for p in panels) > 1
                words = f"Use as {slot.label}" + (f" of {panel.id}" if several else "")
                action = menu.addAction(words)
                action.triggered.connect(lambda _=False, p=panel.id, s=slot.name: self._use(frame, item, p, s))
        if menu.actions():
            menu.addSeparator()

    def _use(self, frame: int, item: CodeInput, panel_id: str, slot: str) -> None:
        self._remember(frame, item)
        self._controller.set_slot(panel_id, slot, (item,))

    def copy(self, frame: int) -> None:
        """Put a frame on the clipboard: its code for our slots, its picture for other programs."""
        item, frames = self._input(frame), self._view.frames
        if item is not None and frames is not None:
            QApplication.clipboard().setMimeData(mime_of((item,), frames.images[frame]))

    def ask_and_save(self, frame: int) -> None:
        """Ask for a file and write the frame's picture to it."""
        item = self._input(frame)
        if item is None:
            return
        name = f"{item.label or 'frame'}.png".replace("/", "-")
        path, _ = QFileDialog.getSaveFileName(self._view.window(), "Save picture", name, "PNG picture (*.png)")
        if path:
            self.save(frame, Path(path))

    def save(self, frame: int, path: Path) -> None:
        """Write a frame's picture as PNG at the model's own resolution."""
        frames = self._view.frames
        if frames is None:
            return
        try:
            with replacing(path if path.suffix else path.with_suffix(".png")) as stream:
                stream.write(png_of(frames.images[frame]))
        except UserError as error:
            self._controller.message.emit(str(error), "error")

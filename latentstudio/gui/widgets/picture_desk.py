"""Pictures of inputs, whatever they are: dataset images are asked for once, the rest is unpacked or remembered."""

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from latentstudio.errors import UserError
from latentstudio.figures.recipe import ImageInput, Input, PixelsInput
from latentstudio.gui.dragging import png_of_text
from latentstudio.gui.pixmaps import pixels_of_png
from latentstudio.gui.views import PictureReady

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

Bytes = NDArray[np.uint8]
_KEPT = 256


class PictureDesk(QObject):
    """Answers `picture` at once when it can; otherwise it asks the engine, and `arrived` says when to try again."""

    arrived = Signal(object)
    """The input whose picture has come."""

    def __init__(self, controller: "Controller", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._pictures: OrderedDict[tuple[object, ...], Bytes] = OrderedDict()
        self._asked: set[tuple[str, int]] = set()
        controller.picture_ready.connect(self._receive)
        controller.dataset_ready.connect(self._dataset_ready)

    def picture(self, item: Input) -> Bytes | None:
        """Return the picture of an input, uint8 (H, W, C), or None while it is not known."""
        key = _key(item)
        if key in self._pictures:
            self._pictures.move_to_end(key)
            return self._pictures[key]
        if isinstance(item, PixelsInput):
            try:
                self.remember(item, pixels_of_png(png_of_text(item.png)))
            except UserError:
                return None
            return self._pictures[key]
        if isinstance(item, ImageInput):
            self._ask(item)
        return None

    def dataset_picture(self, spec: str, index: int) -> Bytes | None:
        """Return one dataset image, or None while it is fetched."""
        return self.picture(ImageInput(dataset=spec, index=index))

    def remember(self, item: Input, pixels: Bytes) -> None:
        """Keep the picture of an input that came from elsewhere (a drag, a decoded frame)."""
        self._pictures[_key(item)] = pixels
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)

    def _dataset_ready(self, facts: object) -> None:
        self._asked.clear()

    def _ask(self, item: ImageInput) -> None:
        key = (item.dataset, item.index)
        if key in self._asked or item.dataset not in self._controller.catalogue.datasets:
            return
        self._asked.add(key)
        self._controller.request_picture(item.index, item.dataset)

    def _receive(self, ready: PictureReady) -> None:
        self._asked.discard((ready.spec, ready.index))
        item = ImageInput(dataset=ready.spec, index=ready.index)
        self.remember(item, ready.pixels)
        self.arrived.emit(item)


def _key(item: Input) -> tuple[object, ...]:
    """Pictures of a dataset are told apart by place, not by the name that goes with it."""
    return ("image", item.dataset, item.index) if isinstance(item, ImageInput) else ("input", item)

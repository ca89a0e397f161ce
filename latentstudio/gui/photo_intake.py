"""A dropped photo on its way to a slot: read in the engine, aligned by the person, taken as pixels."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog, QWidget

from latentstudio.data.align import convention_of
from latentstudio.gui.align_dialog import AlignDialog
from latentstudio.gui.controller import Controller
from latentstudio.gui.opening import take_photo
from latentstudio.studio.requests import Answer, ReadPhoto, Urgency


class PhotoIntake(QObject):
    """Answers the controller's `photo_dropped`; one photo at a time, the newest wins."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._window = window
        self.dialog: AlignDialog | None = None
        controller.photo_dropped.connect(self.take)

    def take(self, path: str, panel_id: str, slot: str) -> None:
        """Read a photo; `panel_id` and `slot` say where it goes, empty for the inspector."""

        def arrived(answer: Answer) -> None:
            if answer.error:
                self._controller.message.emit(answer.error, "error")
            elif isinstance(answer.payload, np.ndarray):
                self._align(Path(path).name, answer.payload, panel_id, slot)

        self._controller.lanes.submit("photo", Urgency.VISIBLE, ReadPhoto(path), arrived)

    def _align(self, label: str, picture: np.ndarray, panel_id: str, slot: str) -> None:
        document = self._controller.document
        info = self._controller.catalogue.models.get(document.model)
        if info is None:
            self._controller.message.emit("Open a model before dropping a photo: it decides the framing.", "info")
            return
        channels, height, width = info.image_shape
        if picture.shape[:2] == (height, width):
            take_photo(self._controller, picture, label, panel_id, slot)
            return
        if self.dialog is not None:
            self.dialog.reject()
        dialog = AlignDialog(picture, None, (height, width, channels), convention_of(info.dataset), self._window)
        self.dialog = dialog
        dialog.setModal(True)

        def finished(result: int) -> None:
            crop = dialog.crop
            self.dialog = None
            dialog.deleteLater()
            if result == QDialog.DialogCode.Accepted and crop is not None:
                take_photo(self._controller, crop, label, panel_id, slot)

        dialog.finished.connect(finished)
        dialog.open()

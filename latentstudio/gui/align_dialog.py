"""Bring a photo to the framing that the model was trained on: mark the two eyes, see the crop, accept."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from latentstudio.data.align import Convention, Eyes, align, usual_eyes
from latentstudio.errors import UserError
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.eye_marker import EyeMarker
from latentstudio.gui.widgets.picture_label import PictureLabel

PREVIEW = 192


class AlignDialog(QDialog):
    """Modal, because the photo is nothing yet until its framing is chosen.

    Parameters
    ----------
    picture : uint8 (h, w, C), upright, at most some 1,600 px wide so that the crop can follow the hand.
    suggestion : the eyes where landmarks are known, None otherwise.
    out_shape : (H, W, C) of the crop.
    convention : where the eyes go.
    """

    def __init__(
        self,
        picture: NDArray[np.uint8],
        suggestion: Eyes | None,
        out_shape: tuple[int, int, int],
        convention: Convention,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Align the photo")
        self._picture, self._out_shape, self._convention = picture, out_shape, convention
        height, width = picture.shape[:2]
        self.marker = EyeMarker(picture, suggestion or usual_eyes(height, width, convention))
        self._preview = PictureLabel("Crop as the model will see it", PREVIEW)
        self._crop: NDArray[np.uint8] | None = None
        self.as_it_is = QCheckBox("Take the middle as it is")
        self.as_it_is.setToolTip("For pictures that are framed already: no turn, no shift")
        known = (
            "The markers stand where the dataset has the eyes."
            if suggestion
            else "Click each eye, or drag the markers."
        )
        self._hint = QLabel(f"{known} Arrows move by one pixel, E takes the other eye.")
        self._hint.setWordWrap(True)
        self._hint.setProperty("muted", True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Use this crop")
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._arrange()
        self.marker.changed.connect(self._follow)
        self.as_it_is.toggled.connect(self._follow)
        self._follow()

    def _arrange(self) -> None:
        side = QVBoxLayout()
        side.setSpacing(GAP)
        side.addWidget(QLabel("As the model will see it"))
        side.addWidget(self._preview)
        side.addWidget(self.as_it_is)
        self._hint.setFixedWidth(PREVIEW)
        side.addWidget(self._hint)
        side.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(2 * GAP)
        row.addWidget(self.marker, 1)
        row.addLayout(side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GAP, 2 * GAP, 2 * GAP, 2 * GAP)
        layout.addLayout(row, 1)
        layout.addWidget(self._buttons)
        self.marker.setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self, *_: object) -> None:
        eyes = None if self.as_it_is.isChecked() else self.marker.eyes
        self.marker.setEnabled(eyes is not None)
        accept = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        try:
            self._crop = align(self._picture, eyes, self._out_shape, self._convention)
        except UserError as error:
            self._hint.setText(str(error))
            accept.setEnabled(False)
            return
        accept.setEnabled(True)
        self._preview.set_picture(self._crop)

    @property
    def crop(self) -> NDArray[np.uint8] | None:
        """The accepted crop, uint8 (H, W, C)."""
        return self._crop

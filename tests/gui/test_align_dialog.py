import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialogButtonBox

from latentstudio.data.align import CONVENTIONS, align
from latentstudio.gui.align_dialog import AlignDialog

SHAPE = (64, 64, 1)


@pytest.fixture
def photo() -> np.ndarray:
    """Dark disc eyes on a bright ground, the right one lower: a head tilted to the right."""
    picture = np.full((300, 400, 3), 200, dtype=np.uint8)
    y, x = np.mgrid[:300, :400]
    for cx, cy in ((150, 120), (250, 140)):
        picture[(x - cx) ** 2 + (y - cy) ** 2 < 12**2] = 20
    return picture


@pytest.fixture
def dialog(qtbot, photo: np.ndarray) -> AlignDialog:
    dialog = AlignDialog(photo, None, SHAPE, CONVENTIONS["olivetti"])
    qtbot.addWidget(dialog)
    dialog.resize(900, 640)
    dialog.show()
    qtbot.waitExposed(dialog)
    return dialog


def test_clicking_both_eyes_brings_them_to_their_places(dialog: AlignDialog, qtbot, photo: np.ndarray) -> None:
    for eye in ((150.0, 120.0), (250.0, 140.0)):
        qtbot.mouseClick(dialog.marker, Qt.MouseButton.LeftButton, pos=dialog.marker.on_screen(eye).toPoint())
    crop = dialog.crop
    assert crop is not None
    assert crop.shape == SHAPE
    for x, y in CONVENTIONS["olivetti"].in_pixels(64, 64):
        assert crop[round(y), round(x), 0] < 60
    assert np.abs(crop.astype(int) - align(photo, dialog.marker.eyes, SHAPE, CONVENTIONS["olivetti"])).max() == 0


def test_dragging_a_marker_changes_the_crop_live(dialog: AlignDialog, qtbot) -> None:
    before = dialog.crop
    start = dialog.marker.on_screen(dialog.marker.eyes[0]).toPoint()
    qtbot.mousePress(dialog.marker, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(dialog.marker, start + QPoint(-30, 20))
    assert not np.array_equal(before, dialog.crop)
    qtbot.mouseRelease(dialog.marker, Qt.MouseButton.LeftButton, pos=start + QPoint(-30, 20))
    left = dialog.marker.eyes[0]
    qtbot.keyClick(dialog.marker, Qt.Key.Key_Right)
    assert dialog.marker.eyes[0] == pytest.approx((left[0] + 1, left[1]))


def test_eyes_on_one_spot_are_refused_in_words(dialog: AlignDialog, qtbot) -> None:
    accept = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    dialog.marker._move(0, (100.0, 100.0))
    dialog.marker._move(1, (100.5, 100.0))
    assert not accept.isEnabled()
    dialog.marker._move(1, (180.0, 100.0))
    assert accept.isEnabled()


def test_the_middle_as_it_is(dialog: AlignDialog, photo: np.ndarray) -> None:
    dialog.as_it_is.setChecked(True)
    assert np.array_equal(dialog.crop, align(photo, None, SHAPE, CONVENTIONS["olivetti"]))

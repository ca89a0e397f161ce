"""The first window fits its screen, frame and all."""

import pytest
from PySide6.QtCore import QMargins, QRect
from PySide6.QtWidgets import QWidget

from latentstudio.gui.placement import ASSUMED_FRAME, Placement, fitted

SCREEN = QRect(0, 0, 1366, 768)


@pytest.mark.parametrize("wanted", [QRect(0, 0, 1366, 768), QRect(-50, -50, 3000, 2000), QRect(900, 500, 800, 600)])
@pytest.mark.parametrize("frame", [QMargins(1, 24, 1, 4), QMargins(8, 32, 8, 8), QMargins()])
def test_the_frame_lies_inside_the_screen(wanted: QRect, frame: QMargins) -> None:
    found = fitted(wanted, frame, SCREEN)
    assert SCREEN.contains(found.marginsAdded(frame))
    assert found.width() == min(wanted.width(), 1366 - frame.left() - frame.right())


def test_a_window_that_fits_stays_where_it_is() -> None:
    wanted = QRect(100, 100, 800, 500)
    assert fitted(wanted, ASSUMED_FRAME, SCREEN) == wanted


def test_a_window_larger_than_the_screen_shrinks_before_it_shows(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(5000, 4000)
    Placement(window)
    assert window.screen().availableGeometry().contains(window.geometry().marginsAdded(ASSUMED_FRAME))


def test_a_maximised_window_is_left_alone(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(5000, 4000)
    window.showMaximized()
    before = window.geometry()
    Placement(window)
    assert window.geometry() == before

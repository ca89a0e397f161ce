"""The strip's dock gets what its rows need, until somebody moves the border."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from window_kit import Panel, gate_world, settle, strip_panel, window_on

from latentstudio.gui.dock_heights import SHARE, strip_height

ALL = ("linear", "norm_preserving", "spherical", "matched")


@pytest.fixture
def window(qtbot):
    controller, _ = gate_world(strip_panel(0, 8), Panel(id="samples-1", kind="operation", name="sample"))
    made = window_on(controller, qtbot)
    settle()
    yield made
    made.close()


def height(window) -> int:
    settle()
    return window.area.docks["strip-1"].height()


def test_more_paths_get_more_height_up_to_a_share() -> None:
    heights = [strip_height(paths, 768) for paths in (1, 2, 3, 4)]
    assert heights == sorted(heights)
    assert heights[0] < heights[1]
    assert heights[-1] <= SHARE * 668 + 1
    assert strip_height(4, 1500) > heights[-1]


def test_adding_a_path_makes_room_for_it_and_taking_it_away_gives_it_back(window) -> None:
    before = height(window)
    window.controller.set_param("strip-1", "paths", ALL)
    assert height(window) > before + 40
    window.controller.undo()
    assert height(window) == before


def test_a_border_that_was_moved_stays_where_it_is(window) -> None:
    strip = window.area.docks["strip-1"].geometry()
    border = QPoint(strip.center().x(), strip.bottom() + 3)
    QTest.mousePress(window, Qt.MouseButton.LeftButton, pos=border)
    QTest.mouseMove(window, border - QPoint(0, 30))
    settle()
    QTest.mouseRelease(window, Qt.MouseButton.LeftButton, pos=border - QPoint(0, 30))
    assert height(window) < strip.height()
    moved = height(window)
    window.controller.set_param("strip-1", "paths", ALL)
    assert height(window) == moved


def test_all_four_rows_can_be_seen_on_a_small_screen(window) -> None:
    window.resize(1366, 730)
    settle()
    window.controller.set_param("strip-1", "paths", ALL)
    panel = window.area.docks["strip-1"].content()
    window.engine = window.controller.engine
    window.engine.open_all()
    settle()
    window.engine.open_all()
    settle()
    rows = panel.view.layout_of_frames
    assert rows is not None
    assert rows.rows == 4
    assert rows.frame_height >= 34
    assert panel.scroller.viewport().height() >= round(rows.height) - 1, "nothing scrolls"
    assert not panel.scroller.verticalScrollBar().isVisible()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, Qt

from latentstudio.gui.widgets.grid_geometry import GridGeometry
from latentstudio.gui.widgets.thumbnail_grid import ThumbnailGrid


@given(
    width=st.integers(40, 2000),
    height=st.integers(40, 2000),
    edge=st.integers(32, 256),
    count=st.integers(1, 300_000),
    share=st.floats(0, 1),
)
def test_every_visible_cell_is_found_at_its_own_middle(
    width: int, height: int, edge: int, count: int, share: float
) -> None:
    resting = GridGeometry(width, height, edge, count, 0)
    scroll = int(share * max(0, resting.content_height - height))
    geometry = GridGeometry(width, height, edge, count, scroll)
    places = geometry.places_on_screen()
    assert len(places) >= 1
    for place in (places[0], places[-1]):
        assert geometry.place_at(geometry.cell(place).center()) == place
    if places[0] > 0:
        assert geometry.cell(places[0] - 1).bottom() < geometry.pitch
    if places[-1] < count - 1:
        assert geometry.cell(places[-1] + 1).top() >= height - geometry.pitch


def test_gutters_belong_to_no_image() -> None:
    geometry = GridGeometry(400, 300, 72, 100, 0)
    assert geometry.place_at(geometry.cell(0).topRight() + QPoint(2, 0)) == -1
    assert geometry.place_at(QPoint(399, 10)) == -1


def test_scroll_to_moves_no_further_than_needed() -> None:
    geometry = GridGeometry(400, 300, 72, 1000, 1000)
    visible = geometry.places_on_screen()
    assert geometry.scroll_to(visible[len(visible) // 2], centre=False) == 1000
    for place in (0, 999):
        moved = GridGeometry(400, 300, 72, 1000, geometry.scroll_to(place, centre=False))
        cell = moved.cell(place)
        assert cell.top() >= 0
        assert cell.bottom() < 300


@pytest.fixture
def grid(qtbot) -> ThumbnailGrid:
    grid = ThumbnailGrid()
    qtbot.addWidget(grid)
    grid.resize(340, 400)
    grid.show()
    qtbot.waitExposed(grid)
    grid.set_order(np.arange(1000, dtype=np.int64)[::-1].copy())
    return grid


def middle(grid: ThumbnailGrid, place: int) -> QPoint:
    return grid.geometry_now().cell(place).center()


def test_asks_only_for_what_is_on_screen_and_missing(grid: ThumbnailGrid, qtbot) -> None:
    with qtbot.waitSignal(grid.wanted) as asked:
        grid.set_order(np.arange(500, dtype=np.int64))
    indices, edge = asked.args
    on_screen = list(grid.geometry_now().places_on_screen())
    assert list(indices) == on_screen
    pixels = np.zeros((3, edge, edge, 3), dtype=np.uint8)
    grid.receive(indices[:3], edge, pixels, {})
    with qtbot.waitSignal(grid.wanted) as again:
        grid.verticalScrollBar().setValue(1)
    assert list(again.args[0]) == on_screen[3:]


def test_pixels_of_another_size_are_ignored(grid: ThumbnailGrid) -> None:
    grid.receive((999,), 31, np.zeros((1, 31, 31, 3), dtype=np.uint8), {})
    assert grid.pixels_of(999) is None


def test_right_picture_for_the_right_image_after_sorting(grid: ThumbnailGrid) -> None:
    edge = round(grid.edge * grid.devicePixelRatioF())
    pixels = np.zeros((2, edge, edge, 3), dtype=np.uint8)
    pixels[0, :, :, 0], pixels[1, :, :, 1] = 255, 255
    grid.receive((999, 7), edge, pixels, {})
    grid.set_order(np.array([7, 999], dtype=np.int64))
    image = grid.viewport().grab().toImage()
    first, second = middle(grid, 0), middle(grid, 1)
    assert image.pixelColor(first).getRgb()[:3] == (0, 255, 0)
    assert image.pixelColor(second).getRgb()[:3] == (255, 0, 0)


def test_click_shift_and_control(grid: ThumbnailGrid, qtbot) -> None:
    heard: list[tuple[tuple[int, ...], str]] = []
    grid.selected.connect(lambda indices, how: heard.append((tuple(indices), how)))
    viewport, left = grid.viewport(), Qt.MouseButton.LeftButton
    qtbot.mouseClick(viewport, left, pos=middle(grid, 1))
    qtbot.mouseClick(viewport, left, Qt.KeyboardModifier.ShiftModifier, pos=middle(grid, 3))
    qtbot.mouseClick(viewport, left, Qt.KeyboardModifier.ControlModifier, pos=middle(grid, 0))
    assert heard == [((998,), "replace"), ((998, 997, 996), "replace"), ((999,), "toggle")]


def test_keyboard_walks_and_reveals(grid: ThumbnailGrid, qtbot) -> None:
    heard: list[tuple[int, ...]] = []
    grid.selected.connect(lambda indices, how: heard.append(tuple(indices)))
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert heard[-1] == (0,)
    assert grid.viewport().rect().contains(grid.geometry_now().cell(999))
    qtbot.keyClick(grid, Qt.Key.Key_Left)
    assert heard[-1] == (1,)
    with qtbot.waitSignal(grid.activated) as opened:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert opened.args == [1]


def test_rubber_band_takes_what_it_touches(grid: ThumbnailGrid, qtbot) -> None:
    heard: list[tuple[int, ...]] = []
    grid.selected.connect(lambda indices, how: heard.append(tuple(indices)))
    geometry = grid.geometry_now()
    start, end = geometry.cell(0).topLeft() - QPoint(3, 3), middle(grid, geometry.columns + 1)
    viewport, left = grid.viewport(), Qt.MouseButton.LeftButton
    qtbot.mousePress(viewport, left, pos=start)
    qtbot.mouseMove(viewport, start + QPoint(20, 20))
    qtbot.mouseMove(viewport, end)
    qtbot.mouseRelease(viewport, left, pos=end)
    places = geometry.places_in(QRect(start, end).normalized())
    assert places == [0, 1, geometry.columns, geometry.columns + 1]
    assert heard == [tuple(999 - p for p in places)]


def test_a_drag_carries_the_selection_it_starts_on(grid: ThumbnailGrid, qtbot) -> None:
    grid.set_selection((999, 997, 5))
    with qtbot.waitSignal(grid.dragged) as carried:
        qtbot.mousePress(grid.viewport(), Qt.MouseButton.LeftButton, pos=middle(grid, 0))
        qtbot.mouseMove(grid.viewport(), middle(grid, 0) + QPoint(0, 60))
    assert carried.args == [(999, 997, 5)]
    with qtbot.waitSignal(grid.dragged) as alone:
        qtbot.mousePress(grid.viewport(), Qt.MouseButton.LeftButton, pos=middle(grid, 1))
        qtbot.mouseMove(grid.viewport(), middle(grid, 1) + QPoint(0, 60))
    assert alone.args == [(998,)]


def test_memory_is_bounded(grid: ThumbnailGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentstudio.gui.widgets.thumbnail_view.KEPT", 10)
    edge = round(grid.edge * grid.devicePixelRatioF())
    grid.receive(tuple(range(40)), edge, np.zeros((40, edge, edge, 3), dtype=np.uint8), {})
    assert sum(grid.pixels_of(i) is not None for i in range(40)) == 10

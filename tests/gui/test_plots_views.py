"""Views of results: what is drawn, what a brush or click selects, what a table gives away."""

import sys

import numpy as np
import pytest
from fakes import code, frames, strip
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from latentstudio.gui.theme import apply_theme, colors
from latentstudio.gui.widgets.image_grid_geometry import grid_geometry
from latentstudio.gui.widgets.image_grid_view import ImageGridView
from latentstudio.gui.widgets.plots.bars import BarsView
from latentstudio.gui.widgets.plots.brushing import counts_of_selection, members_between, members_in_box, snapped
from latentstudio.gui.widgets.plots.curve import CurveView
from latentstudio.gui.widgets.plots.distribution import DistributionView
from latentstudio.gui.widgets.plots.heatmap import HeatmapView, tinted
from latentstudio.gui.widgets.plots.scatter import ScatterView
from latentstudio.gui.widgets.plots.table import TableView, cell_text, csv_of
from latentstudio.gui.widgets.plots.view import how_of, styles_of
from latentstudio.gui.widgets.result_view import ResultView
from latentstudio.results import (
    Band,
    Bars,
    Curve,
    Distribution,
    Heatmap,
    Histogram,
    ImageGrid,
    Line,
    Scatter,
    Sheet,
    Table,
)

NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
EDGES = np.linspace(0.0, 10.0, 11)
VALUES = np.array([0.0, 0.5, 1.0, 1.5, 4.2, 4.9, 5.0, 9.99, 10.0, np.nan])


def distribution() -> Distribution:
    train = Histogram(
        "Training", EDGES, np.histogram(VALUES[:-1], EDGES)[0].astype(float), "train", VALUES, np.arange(100, 110)
    )
    other = np.array([4.5, 7.5])
    held = Histogram(
        "Held out", EDGES, np.histogram(other, EDGES)[0].astype(float), "held_out", other, np.array([7, 8])
    )
    line = Line("chi", EDGES, np.ones(11), "reference")
    return Distribution((train, held), "norm", references=(line,), band=Band(2, 6, "95 % of prior draws"))


def shown(qtbot, view, result):
    qtbot.addWidget(view)
    view.resize(640, 320)
    view.set_result(result)
    view.show()
    QApplication.processEvents()
    return view


def heard(view) -> list:
    got: list = []
    view.selected.connect(lambda indices, how: got.append((tuple(indices), how)))
    return got


# Brushing, as numbers.


@pytest.mark.parametrize(
    ("low", "high", "bars"),
    [
        (0.2, 0.3, (0, 1)),
        (0.0, 1.0, (0, 1)),
        (0.9, 1.1, (0, 2)),
        (1.0, 1.0, (1, 2)),
        (-5, 50, (0, 10)),
        (10, 10, (9, 10)),
    ],
)
def test_a_brush_snaps_to_whole_bars(low: float, high: float, bars: tuple[int, int]) -> None:
    assert snapped(EDGES, low, high) == bars


def test_a_brush_takes_exactly_the_images_of_its_bars() -> None:
    d = distribution()
    assert members_between(d, 4, 5).tolist() == [104, 105, 7]
    assert members_between(d, 0, 1).tolist() == [100, 101], "a bar holds its lower edge and not its upper one"
    assert members_between(d, 9, 10).tolist() == [107, 108], "the last bar holds both of its edges"
    for bar in range(10):
        taken = members_between(d, EDGES[bar], EDGES[bar + 1])
        assert len(taken) == sum(h.counts[bar] for h in d.histograms), "as many as the bar is high"


def test_every_image_is_in_one_bar() -> None:
    d = distribution()
    taken = np.concatenate([members_between(d, EDGES[i], EDGES[i + 1]) for i in range(10)])
    assert sorted(taken.tolist()) == sorted([*range(100, 109), 7, 8]), "once each, without the one that has no value"


def test_selected_images_are_counted_bar_by_bar() -> None:
    counts = counts_of_selection(VALUES, np.arange(100, 110), EDGES, np.array([100, 101, 105, 109, 3]))
    assert counts.tolist() == [2, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_a_rectangle_takes_the_points_inside() -> None:
    points = np.array([[0, 0], [1, 1], [2, 2], [3, 3]], float)
    s = Scatter(points, np.array([9, 8, 7, 6]), np.zeros(4, np.int64), ("all",))
    assert members_in_box(s, 0.5, 2.0, 0.5, 2.0).tolist() == [8, 7]


def test_modifiers_say_how_to_select() -> None:
    assert [how_of(m) for m in (NONE, SHIFT, CTRL, CTRL | SHIFT)] == ["replace", "add", "toggle", "toggle"]


# Distribution.


def test_dragging_over_bars_selects_on_release(qtbot) -> None:
    view = shown(qtbot, DistributionView(), distribution())
    got = heard(view)
    view.surface.brushed.emit(QRectF(4.3, 0, 0.2, 1), False, NONE)
    assert got == []
    assert view.brush == (4.0, 5.0)
    assert "3 images" in view.readout.words
    view.surface.brushed.emit(QRectF(4.3, 0, 0.2, 1), True, SHIFT)
    assert got == [((104, 105, 7), "add")]


def test_a_true_drag_over_the_plot_brushes(qtbot) -> None:
    view = shown(qtbot, DistributionView(), distribution())
    got = heard(view)
    port = view.surface.viewport()
    start, end = (view.surface.pixel_of(x, 0.5).toPoint() for x in (4.2, 5.8))
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        qtbot.mouseMove(port, start + (end - start) * step / 8)
        QApplication.processEvents()
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)
    QApplication.processEvents()
    assert view.brush == (4.0, 6.0)
    assert got[-1] == ((104, 105, 106, 7), "replace")


def test_edges_of_the_brush_can_be_moved_and_esc_ends_it(qtbot) -> None:
    view = shown(qtbot, DistributionView(), distribution())
    got = heard(view)
    view.set_brush(4.1, 4.2)
    view._brush.setRegion((3.6, 5.4))
    view._brush.sigRegionChangeFinished.emit(view._brush)
    assert view.brush == (3.0, 6.0)
    assert got[-1][0] == (104, 105, 106, 7)
    qtbot.keyClick(view.surface, Qt.Key.Key_Escape)
    assert view.brush is None
    assert got[-1] == ((), "replace")


def test_a_click_selects_one_bar_and_one_outside_clears(qtbot) -> None:
    view = shown(qtbot, DistributionView(), distribution())
    got = heard(view)
    view.surface.clicked.emit(QPointF(1.2, 1), CTRL)
    view.surface.clicked.emit(QPointF(-3, 1), NONE)
    assert got == [((102, 103), "toggle"), ((), "replace")]


def test_the_selection_of_others_is_filled_in(qtbot) -> None:
    view = shown(qtbot, DistributionView(), distribution())
    view.set_selection((104, 7))
    heights = [item.getData()[1].tolist() for item in view._chosen]
    assert heights == [[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]] * 2
    view.set_selection(())
    assert view._chosen == []


def test_histograms_without_images_are_no_controls(qtbot) -> None:
    plain = Distribution((Histogram("prior", EDGES, np.ones(10)),), "norm")
    view = shown(qtbot, DistributionView(), plain)
    got = heard(view)
    view.surface.brushed.emit(QRectF(4, 0, 1, 1), True, NONE)
    view.surface.clicked.emit(QPointF(4, 1), NONE)
    assert (view.brush, got) == (None, [])


# Bars, scatter, curve.


def bars() -> Bars:
    values = np.array([[1.0, np.nan, 3.0], [0.5, 2.0, 1.0]])
    return Bars(("p", "q", "r"), ("Training", "Held out"), values, "nats", ("train", "held_out"), ((1, 2), (3,), ()))


def test_a_bar_selects_its_members(qtbot) -> None:
    view = shown(qtbot, BarsView(), bars())
    got = heard(view)
    view.surface.clicked.emit(QPointF(0.3, 0.2), NONE)
    view.surface.clicked.emit(QPointF(0.8, 0.2), SHIFT)
    view.surface.clicked.emit(QPointF(7.0, 0.2), NONE)
    assert got == [((1, 2), "replace"), ((3,), "add")]


def test_missing_bars_are_gaps_and_selected_labels_are_marked(qtbot) -> None:
    view = shown(qtbot, BarsView(), bars())
    view.set_selection((1, 2))
    assert len(view._marks) == 1
    view.surface.pointed.emit(QPointF(1.0, 0.0))
    assert view.readout.words == "q: Training –, Held out 2.00"


def test_many_labels_do_not_run_into_each_other(qtbot) -> None:
    many = Bars(tuple(f"person {i}" for i in range(200)), ("x",), np.ones((1, 200)), "n")
    view = shown(qtbot, BarsView(), many)
    ticks = view.surface.getAxis("bottom")._tickLevels[0]
    assert 3 <= len(ticks) < 20


def test_points_are_selected_by_click_and_rectangle(qtbot) -> None:
    points = np.array([[0, 0], [1, 1], [2, 2], [3, 3]], float)
    result = Scatter(points, np.array([9, 8, 7, 6]), np.array([0, 0, 1, 1]), ("left", "right"))
    view = shown(qtbot, ScatterView(), result)
    got = heard(view)
    view.surface.clicked.emit(QPointF(1, 1), NONE)
    view.surface.brushed.emit(QRectF(-0.5, -0.5, 2, 2), False, NONE)
    view.surface.brushed.emit(QRectF(-0.5, -0.5, 2, 2), True, SHIFT)
    view.surface.clicked.emit(QPointF(0.5, 2.5), NONE)
    assert got == [((8,), "replace"), ((9, 8), "add"), ((), "replace")]
    assert [label for label, _, _ in view.legend.entries] == ["left", "right"]
    view.surface.pointed.emit(QPointF(2, 2))
    assert view.readout.words == "image 7 · right"


def test_points_of_no_image_are_shown_and_never_selected(qtbot) -> None:
    points = np.array([[0, 0], [1, 1], [2, 2], [3, 3]], float)
    result = Scatter(points, np.full(4, -1), np.array([0, 0, 1, 1]), ("left", "right"))
    view = shown(qtbot, ScatterView(), result)
    got = heard(view)
    view.surface.clicked.emit(QPointF(1, 1), NONE)
    view.surface.brushed.emit(QRectF(-0.5, -0.5, 2, 2), True, SHIFT)
    assert all(indices == () for indices, _ in got)
    view.surface.pointed.emit(QPointF(2, 2))
    assert view.readout.words == "right"


def test_a_curve_reads_its_nearest_point_on_log_axes_too(qtbot) -> None:
    x = np.array([1.0, 10, 100, 1000])
    line = Line("loss", x, np.array([5.0, np.nan, 3.0, 2.0]))
    view = shown(qtbot, CurveView(), Curve((line,), "step", "nats", x_log=True))
    assert view.nearest(2.1, 3.0) == (0, 2)
    view.surface.pointed.emit(QPointF(2.1, 3.0))
    assert view.readout.words == "loss: 3.00 at 100"
    view.surface.pointed.emit(None)
    assert view.readout.words == ""


def test_a_curve_without_finite_values_is_no_trouble(qtbot) -> None:
    view = shown(qtbot, CurveView(), Curve((Line("x", np.arange(3.0), np.full(3, np.nan)),), "a", "b"))
    view.surface.pointed.emit(QPointF(1, 1))
    assert view.readout.words == ""


def test_lines_of_one_role_differ_by_their_dash() -> None:
    styles = styles_of(["train", "held_out", "train", "reference"])
    assert styles[0] == styles[1] == Qt.PenStyle.SolidLine
    assert styles[2] != styles[0]
    assert styles[3] == Qt.PenStyle.DashLine


def test_plots_follow_the_theme(qtbot, qapp) -> None:
    view = shown(qtbot, DistributionView(), distribution())
    apply_theme(qapp, "light")
    light = view.surface.grab().toImage().pixelColor(3, 3)
    apply_theme(qapp, "dark")
    assert light == QColor("#f8f8f8")
    assert view.surface.grab().toImage().pixelColor(3, 3) == QColor(colors().surface)


# Heatmap.


def test_zero_is_the_middle_of_a_diverging_scale() -> None:
    maps = np.array([[[-1.0, 0.0], [0.5, 3.0]]])
    result = Heatmap(maps, ("one",), diverging=True)
    assert result.span == (-3.0, 3.0)
    drawn = tinted(maps[0], -3.0, 3.0, True)
    assert drawn[0, 1].tolist() == [0xF1, 0xF1, 0xEF]
    assert drawn[0, 0, 2] > drawn[0, 0, 0], "below zero is blue"
    assert drawn[1, 1, 0] > drawn[1, 1, 2], "above zero is brown"


def test_numbers_that_are_none_are_grey_and_the_scale_ignores_them() -> None:
    maps = np.array([[[np.nan, 1.0], [2.0, np.inf]]])
    assert Heatmap(maps, ("x",)).span == (1.0, 2.0)
    drawn = tinted(maps[0], 1.0, 2.0, False)
    assert drawn[0, 0].tolist() == drawn[1, 1].tolist() == [128] * 3
    assert Heatmap(np.full((1, 2, 2), np.nan), ("x",), diverging=True).span == (-1.0, 1.0)


def test_the_pointer_reads_a_pixel(qtbot) -> None:
    maps = np.arange(2 * 4 * 4, dtype=float).reshape(2, 4, 4)
    view = shown(qtbot, HeatmapView(), Heatmap(maps, ("first", "second"), unit="nats"))
    box = view.maps.box(1)
    at = QPointF(box.left() + box.width() * 0.9, box.top() + box.height() * 0.1)
    assert view.maps.value_at(at) == "second, row 0, column 3: 19.00 nats"
    assert view.maps.value_at(QPointF(-5, -5)) == ""
    assert view.maps.box(0).top() == box.top()


# Table.


def table() -> Table:
    rows = (("b", 2, 0.123456789), ("a", 10, None), ("c", 9, float("nan")), ("d", 1, -3.5))
    return Table(("name", "n", "score"), rows, digits=3, title="Scores")


def test_cells_are_written_plainly() -> None:
    assert [cell_text(v, 2) for v in ("x", 3, 1.239, -1.0, None, float("nan"), float("-inf"))] == [
        "x", "3", "1.24", "−1.00", "–", "nan", "−∞",
    ]  # fmt: skip


def test_numbers_sort_as_numbers_and_missing_ones_last(qtbot) -> None:
    view = shown(qtbot, TableView(), table())
    view._sorted.sort(1, Qt.SortOrder.AscendingOrder)
    assert [view._result.rows[i][1] for i in view.order()] == [1, 2, 9, 10]
    view._sorted.sort(2, Qt.SortOrder.AscendingOrder)
    assert [view._result.rows[i][0] for i in view.order()][:2] == ["d", "b"]
    view._sorted.sort(2, Qt.SortOrder.DescendingOrder)
    assert [view._result.rows[i][0] for i in view.order()][:2] == ["b", "d"]


def test_a_table_leaves_as_csv_in_the_order_on_screen(qtbot) -> None:
    assert csv_of(table()) == "name,n,score\nb,2,0.123456789\na,10,\nc,9,nan\nd,1,-3.5\n"
    view = shown(qtbot, TableView(), table())
    view._sorted.sort(0, Qt.SortOrder.DescendingOrder)
    qtbot.keyClick(view.rows, Qt.Key.Key_C, CTRL)
    assert QApplication.clipboard().text().splitlines()[1] == "d,1,-3.5"


def test_the_chosen_order_outlives_a_new_result(qtbot) -> None:
    view = shown(qtbot, TableView(), table())
    view._sorted.sort(1, Qt.SortOrder.AscendingOrder)
    view.set_result(Table(("name", "n", "score"), (("x", 5, 1.0), ("y", 4, 2.0))))
    assert view.order() == [1, 0]


# Image grid.


def test_a_grid_keeps_its_columns_while_there_is_room(qtbot) -> None:
    grid = ImageGrid(frames(np.stack([code(i) for i in range(10)])), 4, tuple("abcdefghij"))
    wide = grid_geometry(grid, 800, 12.0, 2)
    narrow = grid_geometry(grid, 120, 12.0, 2)
    assert (wide.columns, wide.rows, narrow.columns) == (4, 3, 2)
    assert wide.frame_at(wide.frame_rect(9).center()) == 9
    assert wide.frame_at(wide.cell(9).translated(wide.pitch, 0).center()) == -1, "the last row is not full"


def two_rows(columns: int) -> ImageGrid:
    labels = tuple(f"class {i}" for i in range(2 * columns))
    members = tuple(np.arange(i, dtype=np.int64) for i in range(2 * columns))
    made = frames(np.stack([code(i) for i in range(2 * columns)]))
    return ImageGrid(made, columns, labels, row_labels=("with", "without"), members=members)


@pytest.mark.parametrize("width", [150, 260, 380, 900])
def test_rows_that_mean_something_stay_above_one_another(width: int) -> None:
    geometry = grid_geometry(two_rows(9), width, 12.0, 2, label=55.0)
    for column in range(9):
        above, below = geometry.cell(column), geometry.cell(9 + column)
        assert above.left() == below.left()
        assert below.top() - above.top() == geometry.row_height + 8
        for frame in (column, 9 + column):
            assert geometry.frame_at(geometry.frame_rect(frame).center()) == frame
            assert geometry.first_of(geometry.place(frame)[0]) + geometry.place(frame)[1] == frame
    lefts = [geometry.cell(k).left() for k in range(18)]
    assert max(lefts) + geometry.pitch <= width + 1
    assert max(geometry.cell(k).bottom() for k in range(18)) <= geometry.height
    assert geometry.frame_at(geometry.cell(17).translated(geometry.pitch, 0).center()) == -1


def test_blocks_of_a_narrow_grid_are_alike() -> None:
    geometry = grid_geometry(two_rows(6), 34 + 5 * 66, 12.0, 2, label=90.0)
    assert (geometry.columns, geometry.rows, geometry.full) == (3, 4, 6)
    assert grid_geometry(two_rows(6), 900, 12.0, 2, label=90.0).full == 0


def test_a_picture_selects_the_images_that_it_stands_for(qtbot) -> None:
    view = shown_grid(qtbot, two_rows(2))
    got = heard(view)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, NONE, view.frame_rect(3).center().toPoint())
    assert got == [((0, 1, 2), "replace")]
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, NONE, view.frame_rect(0).center().toPoint())
    assert len(got) == 1, "a picture of nobody selects nothing"
    assert "a click selects its 3 images" in view.describe(3)
    assert view.title(3) == "without, class 3"
    view.set_selection((0, 1))
    assert view.chosen == {1, 2}
    view.set_grid(two_rows(1))
    assert view.chosen == {1}
    view.set_selection(())
    assert view.chosen == frozenset()


def test_a_result_passes_on_what_pictures_and_rows_select(qtbot) -> None:
    view = ResultView()
    qtbot.addWidget(view)
    rows = Table(("class", "share"), (("a", 0.25), ("b", 1.0)), shaded=(1,), members=(np.array([4, 5]), np.array([6])))
    view.set_result(Sheet((two_rows(2), rows), title="both"))
    view.resize(500, 500)
    view.show()
    got = heard(view)
    grid, table = view.parts
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, NONE, grid.frame_rect(2).center().toPoint())
    table.rows.clicked.emit(table._sorted.index(1, 0))
    assert got == [((0, 1), "replace"), ((6,), "replace")]
    view.set_selection((0, 1, 2))
    assert grid.chosen == {1, 2, 3}
    shades = [table._sorted.index(row, 1).data(Qt.ItemDataRole.BackgroundRole) for row in range(2)]
    assert [round(c.alphaF(), 2) for c in shades] == [0.14, 0.55]
    assert table._sorted.index(0, 0).data(Qt.ItemDataRole.BackgroundRole) is None


def shown_grid(qtbot, grid: ImageGrid) -> ImageGridView:
    view = ImageGridView()
    qtbot.addWidget(view)
    view.resize(500, 400)
    view.set_grid(grid)
    view.show()
    return view


def test_originals_stand_above_their_frames(qtbot) -> None:
    made = frames(np.stack([code(i) for i in range(3)]))
    originals = np.full((3, 8, 8, 1), 200, np.uint8)
    view = ImageGridView()
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.set_grid(ImageGrid(made, 3, ("a", "b", "c"), originals, np.array([1.0, 2.0, 3.5])))
    view.show()
    image = view.grab().toImage()
    for frame in range(3):
        rect = view.frame_rect(frame)
        above = view._geometry.original_rect(frame)
        assert above.bottom() < rect.top()
        assert image.pixelColor(above.center().toPoint()).red() == 200
        assert image.pixelColor(rect.center().toPoint()).red() == made.images[frame, 0, 0, 0]
    assert view.describe(2).endswith("error 3.50 grey levels")


# Any result.


def test_every_kind_of_result_has_a_view_and_kinds_may_change(qtbot) -> None:
    view = ResultView()
    qtbot.addWidget(view)
    view.resize(700, 500)
    view.show()
    made: list = []
    view.frames_made.connect(made.append)
    grid = ImageGrid(frames(np.stack([code(0)])), 1)
    heat = Heatmap(np.zeros((1, 2, 2)), ("m",))
    curve = Curve((Line("l", np.arange(3.0), np.arange(3.0)),), "x", "y")
    scatter = Scatter(np.zeros((1, 2)), np.array([0]), np.array([0]), ("g",))
    for result in (strip(), grid, distribution(), bars(), table(), heat, curve, scatter):
        view.set_result(result)
        QApplication.processEvents()
        assert len(view.parts) == 1
        view.set_stale(True)
        view.set_stale(False)
    assert len(made) == 2
    view.set_result(Sheet((distribution(), table(), grid)))
    assert [type(p).__name__ for p in view.parts] == ["DistributionView", "TableView", "ImageGridView"]
    kept = view.parts[0]
    view.set_result(Sheet((distribution(), table(), grid)))
    assert view.parts[0] is kept, "a brush outlives a new result"
    view.set_result(None)
    assert view.parts == []
    assert view.hint.isVisible()


def test_selections_pass_through(qtbot) -> None:
    view = ResultView()
    qtbot.addWidget(view)
    view.set_selection((104,))
    view.set_result(Sheet((distribution(), bars())))
    got = heard(view)
    assert view.parts[0].selection.tolist() == [104]
    view.parts[0].set_brush(1.1, 1.2, "add")
    view.parts[1].select_label(1)
    assert got == [((102, 103), "add"), ((3,), "replace")]


def test_the_window_starts_without_pyqtgraph() -> None:
    import subprocess

    code_ = (
        "import sys; import latentstudio.gui.panels.strip, latentstudio.gui.panels.operation, "
        "latentstudio.gui.panels.analysis; "
        "print([m for m in ('pyqtgraph', 'torch', 'scipy', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code_], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

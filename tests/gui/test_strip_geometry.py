"""Where frames stand: exact numbers, and the promise that strip, slider and curve share their columns."""

import numpy as np
import pytest
from fakes import strip
from PySide6.QtCore import QPointF, QRectF

from latentstudio.gui.widgets.prior_curve import PriorCurve
from latentstudio.gui.widgets.scrub import ScrubSlider
from latentstudio.gui.widgets.strip_geometry import LABEL_WIDTH, MARGIN, ROW_GAP, crisp_edge, strip_geometry
from latentstudio.gui.widgets.strip_view import StripView


def test_columns_share_the_width_evenly() -> None:
    g = strip_geometry(9, 1, (64, 64), (816, 400), 12.0)
    assert g.pitch == (816 - LABEL_WIDTH - MARGIN) / 9 == 80.0
    assert g.frame_width == 64.0, "76 px are free, 64 px show every pixel of the model once"
    assert g.frame_rect(0) == QRectF(LABEL_WIDTH + 8, 4, 64, 64)
    assert g.frame_rect(8).right() == LABEL_WIDTH + 8 * 80 + 72
    assert g.centre(4) == LABEL_WIDTH + 4.5 * 80


@pytest.mark.parametrize(
    ("edge", "pixels", "ratio", "expected"),
    [
        (76.0, 64, 1.0, 64.0),
        (130.0, 64, 1.0, 128.0),
        (90.0, 64, 1.0, 90.0),
        (90.4, 64, 1.0, 90.0),
        (76.0, 64, 2.0, 64.0),
        (100.0, 64, 2.0, 96.0),
        (40.0, 64, 1.0, 40.0),
    ],
)
def test_pictures_are_crisp_where_it_costs_little(edge: float, pixels: int, ratio: float, expected: float) -> None:
    assert crisp_edge(edge, pixels, ratio) == expected


def test_rows_lose_readouts_before_they_lose_size() -> None:
    roomy = strip_geometry(9, 4, (64, 64), (820, 4 * 120), 12.0)
    tight = strip_geometry(9, 4, (64, 64), (820, 4 * 96), 12.0)
    tightest = strip_geometry(9, 4, (64, 64), (820, 100), 12.0)
    assert (roomy.lines, tight.lines, tightest.lines) == (3, 1, 1)
    assert roomy.frame_width == tight.frame_width == 64.0
    assert tightest.frame_width == 40.0, "a readable size is kept, and the rows scroll"
    assert tightest.height > 100


def test_rows_shrink_to_a_readable_size_before_they_scroll() -> None:
    small = strip_geometry(9, 4, (64, 64), (820, 4 * 56), 12.0)
    smallest = strip_geometry(9, 4, (64, 64), (820, 4 * 44), 12.0)
    assert (small.lines, smallest.lines) == (1, 0), "numbers go last, the curve below has them too"
    for rows, room in ((small, 4 * 56), (smallest, 4 * 44)):
        assert 34 <= rows.frame_width <= 44
        assert rows.height <= room, "nothing scrolls"


def test_height_is_that_of_all_rows() -> None:
    g = strip_geometry(5, 3, (64, 64), (500, 2000), 12.0)
    assert g.height == 4 + 3 * g.row_height + 2 * ROW_GAP + 4
    assert g.row_top(2) == 4 + 2 * (g.row_height + ROW_GAP)


def test_pictures_keep_their_shape() -> None:
    g = strip_geometry(5, 1, (218, 178), (600, 600), 12.0)
    assert g.frame_height / g.frame_width == pytest.approx(218 / 178)


def test_a_point_finds_its_frame_and_gaps_find_none() -> None:
    g = strip_geometry(9, 2, (64, 64), (816, 500), 12.0)
    for frame in range(18):
        assert g.frame_at(g.frame_rect(frame).center()) == frame
        assert g.frame_at(g.line_rect(frame, 0).center()) == frame, "numbers belong to their frame"
    assert g.frame_at(QPointF(10, 20)) == -1
    assert g.frame_at(QPointF(g.centre(0), g.row_top(1) - ROW_GAP / 2)) == -1
    assert g.frame_at(QPointF(g.last + g.pitch, 20)) == -1


def test_places_and_columns_agree() -> None:
    g = strip_geometry(9, 1, (64, 64), (816, 400), 12.0)
    positions = np.linspace(-0.5, 1.5, 9)
    for column, position in enumerate(positions):
        assert g.x_of(position, positions) == g.centre(column)
    assert g.x_of(-3.0, positions) == g.centre(0), "held at the ends"


@pytest.mark.parametrize("width", [420, 707, 1366])
@pytest.mark.parametrize("labels", [("Linear",), ("Linear", "Norm-preserving", "Spherical", "Matched")])
def test_slider_and_curve_stand_under_the_frames(qtbot, width: int, labels: tuple[str, ...]) -> None:
    view, slider, curve = StripView(), ScrubSlider(), PriorCurve()
    for widget in (view, slider, curve):
        qtbot.addWidget(widget)
    view.geometry_changed.connect(lambda g: slider.set_columns(g, view.strip.positions))
    view.geometry_changed.connect(curve.set_geometry)
    view.set_room(400)
    slider.resize(width, 36)
    curve.resize(width, 72)
    view.resize(width, 400)
    shown = strip(positions=np.linspace(-0.25, 1.25, 7), labels=labels)
    view.set_strip(shown)
    curve.set_strip(shown)
    slider.show()
    left = slider.track.geometry().left()
    for column, position in enumerate(shown.positions):
        middle = view.frame_rect(column).center().x()
        assert left + slider.track.x_of(position) == pytest.approx(middle, abs=1e-6)
        for row in range(len(labels)):
            assert curve.point(row, column).x() == pytest.approx(middle, abs=1e-6)
            frame = row * 7 + column
            assert view.frame_rect(frame).center().x() == pytest.approx(middle, abs=1e-6)

"""Drawing of every kind of result, by what ends up on the page."""

import numpy as np
import pytest

from latentstudio.figures.draw import draw
from latentstudio.figures.page import enlarged, fitted
from latentstudio.figures.recipe import Figure, FigureStyle
from latentstudio.results import (
    Band,
    Bars,
    Curve,
    Distribution,
    Frames,
    Heatmap,
    Histogram,
    ImageGrid,
    Line,
    Result,
    Scatter,
    Sheet,
    Strip,
    Table,
)

RNG = np.random.default_rng(1)


def frames(count: int, finite: bool = True) -> Frames:
    return Frames(
        images=RNG.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8),
        codes=np.zeros((count, 4), np.float32),
        norm=np.linspace(1, 2, count),
        log_prob=np.linspace(-5, 5, count) if finite else np.full(count, -np.inf),
        prior_percentile=np.linspace(0, 100, count),
        data_percentile=None,
        nearest=None,
        nearest_distance=None,
        ready=np.ones(count, bool),
        finite=np.full(count, finite),
    )


X = np.arange(5.0)
RESULTS: dict[str, Result] = {
    "strip": Strip(
        frames(10), np.linspace(0, 1, 5), ("One", "Two"), ("a", "b"), Band(1, 2, "band"), title="T", caption="C"
    ),
    "strip of failures": Strip(frames(5, finite=False), np.linspace(0, 1, 5), ("One",)),
    "grid": ImageGrid(frames(7), 3, tuple("abcdefg"), title="Grid"),
    "reconstructions": ImageGrid(
        frames(4), 4, tuple("abcd"), RNG.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8), X[:4]
    ),
    "curve": Curve((Line("l", X, X**2, "train"), Line("m", X, X, "held_out", "both")), "x", "y", band=Band(1, 2, "b")),
    "curve with gaps": Curve((Line("l", X, np.array([1, np.nan, np.inf, 2, 3])),), "x", "y"),
    "log curve": Curve((Line("l", X + 1, X + 1),), "x", "y", x_log=True, y_log=True),
    "distribution": Distribution((Histogram("h", np.arange(6.0), X),), "x", references=(Line("r", X, X, "reference"),)),
    "bars": Bars(("a", "b"), ("s", "t"), np.array([[1.0, np.nan], [2.0, -3.0]]), "y"),
    "bars of many": Bars(tuple(f"a long label {i}" for i in range(30)), ("s",), RNG.random((1, 30)), "y"),
    "table": Table(("name", "value"), (("a", 1.5), ("b", None), ("$c$", float("-inf"))), title="Table"),
    "long table": Table(("k", "v"), tuple((i, float(i)) for i in range(60))),
    "empty table": Table(("k", "v"), ()),
    "scatter": Scatter(RNG.random((9, 2)), np.arange(9), np.arange(9) % 3, ("a", "b", "c"), "x", "y"),
    "heatmap": Heatmap(RNG.normal(size=(3, 6, 6)), ("1", "2", "3"), diverging=True, unit="u"),
    "heatmap with gaps": Heatmap(np.full((1, 4, 4), np.nan), ("1",)),
}


def words_of(drawn: object) -> list[str]:
    return [t.get_text() for axes in drawn.axes for t in axes.texts]  # type: ignore[attr-defined]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", RESULTS)
def test_every_result_can_be_drawn_and_stays_on_the_page(name: str, theme: str) -> None:
    drawn = draw(Figure(rows=(), style=FigureStyle(width_mm=90, dpi=90, theme=theme)), [[RESULTS[name]]])
    drawn.canvas.draw()
    renderer = drawn.canvas.get_renderer()
    page = drawn.bbox
    for axes in drawn.axes:
        for text in axes.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= page.x0 - 1
            assert box.x1 <= page.x1 + 1
            assert box.y0 >= page.y0 - 1
            assert box.y1 <= page.y1 + 1
    # The first axes are the sheet of paper itself, which is filled by intent.
    for axes in drawn.axes[1:]:
        box = axes.get_tightbbox(renderer)
        assert box.x0 >= -1
        assert box.y0 >= -1


def test_readouts_of_every_frame_are_on_the_page() -> None:
    words = words_of(draw(Figure(rows=(), style=FigureStyle()), [[RESULTS["strip"]]]))
    assert sum(w.startswith("‖z‖") for w in words) == 10
    assert sum(w.startswith("log p") for w in words) == 10
    assert {"One", "Two"} <= set(words)


def test_frames_that_are_not_finite_say_so() -> None:
    words = words_of(draw(Figure(rows=(), style=FigureStyle()), [[RESULTS["strip of failures"]]]))
    assert words.count("not finite") == 5
    assert "log p −inf" in words


def test_a_code_without_a_picture_has_neither_a_grey_box_nor_an_error() -> None:
    originals = RNG.integers(0, 256, (2, 8, 8, 1), dtype=np.uint8)
    both, one = (ImageGrid(frames(2), 2, ("a", "b"), originals, np.array([0.5, e])) for e in (0.7, np.nan))
    drawn = [draw(Figure(rows=(), style=FigureStyle()), [[grid]]) for grid in (both, one)]
    assert [sum(len(axes.images) for axes in page.axes) for page in drawn] == [4, 3]
    words = " ".join(words_of(drawn[1]))
    assert "nan" not in words
    assert "error –" in words


def test_dollar_signs_are_no_formulas() -> None:
    assert "$c$" in words_of(draw(Figure(rows=(), style=FigureStyle()), [[RESULTS["table"]]]))


def test_a_sheet_does_not_repeat_the_caption_of_its_parts() -> None:
    part = Table(("k",), (("v",),), caption="Said once", notes=("A note",))
    words = " ".join(words_of(draw(Figure(rows=(), style=FigureStyle()), [[Sheet((part, part), "S", "Said once")]])))
    assert words.count("Said once") == 1
    assert words.count("A note") == 2


def test_a_series_of_huge_values_does_not_hide_the_other() -> None:
    bars = Bars(("a", "b"), ("train", "held out"), np.array([[100.0, 120.0], [-1e9, -1e7]]), "nats")
    drawn = draw(Figure(rows=(), style=FigureStyle()), [[bars]])
    axes = drawn.axes[1]
    assert axes.get_yscale() == "symlog"
    assert axes.get_ylim()[1] > 120
    heights = [p.get_window_extent(drawn.canvas.get_renderer()).height for p in axes.patches]
    assert min(heights[:2]) > 2


def test_a_persons_own_matplotlib_settings_play_no_part() -> None:
    import matplotlib as mpl

    def pixels() -> bytes:
        drawn = draw(Figure(rows=(), style=FigureStyle(dpi=80)), [[RESULTS["curve"]]])
        drawn.canvas.draw()
        return bytes(drawn.canvas.buffer_rgba())

    plain = pixels()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red", "font.family": "serif"}):
        assert pixels() == plain


def test_frames_fill_whole_multiples_when_they_nearly_fit() -> None:
    assert fitted((64, 64), 236) == (192, 192)
    assert fitted((64, 64), 106) == (106, 106)
    assert fitted((64, 48), 200) == (192, 256)
    assert fitted((512, 512), 200) == (200, 200)


def test_enlarging_by_whole_numbers_repeats_pixels() -> None:
    picture = RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    assert np.array_equal(enlarged(picture, (12, 12))[::3, ::3], picture)
    assert enlarged(picture, (10, 7)).shape == (7, 10, 3)

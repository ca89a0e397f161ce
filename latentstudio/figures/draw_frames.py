"""Draw pictures with what is measured about them: strips with their prior curve, and grids."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from latentstudio.figures.draw_tables import colour_bar, colours
from latentstudio.figures.look import FONT, Look
from latentstudio.figures.page import Block, Page, fitted
from latentstudio.results import PATH_ROLES, Band, Floats, Frames, ImageGrid, Measure, Strip

_GAP_MM = 1.0
_CURVE_MM = 12.0
_AXIS_MM, _WIDE_AXIS_MM = 10.5, 15.0
_FIVE_DIGITS = 10_000
_MEASURES = 4
_GREY = "grey levels"


def strip_block(look: Look, strip: Strip, width: int) -> Block:
    """Return a strip: for each path its frames with readouts, and the curves of norm and log-density beneath."""
    left = look.mm(_axis_mm(strip))
    cells = _Cells(look, strip.frames, strip.columns, width - left, strip.nearest_ids)
    rows = len(strip.row_labels)
    head = look.line_height(look.label_pt) + look.mm(0.5)
    each = head + cells.size[1] + cells.text_height + look.mm(1.2)
    curves = _curves(strip) if look.readouts else []
    curve, between = look.mm(_CURVE_MM), look.mm(1.5)
    foot = (curve + between) * len(curves) + (look.mm(4.0) if curves else 0)

    def paint(page: Page, x: int, y: int) -> None:
        for row in range(rows):
            top = y + row * each
            _row_head(page, strip, row, x + left, top, width - left)
            for column in range(strip.columns):
                cells.paint(page, row * strip.columns + column, x + left, column, top + head)
        y += rows * each
        for i, (label, values, band) in enumerate(curves):
            axes = page.axes(x + left, y, width - left, curve)
            _paint_curve(look, axes, strip, values, band, cells, last=i == len(curves) - 1)
            axes.set_ylabel(label, fontsize=look.tick_pt, family=FONT, color=look.text, labelpad=2)
            axes.yaxis.set_label_coords(-0.8 * left / (width - left), 0.5)
            y += curve + between

    return Block(rows * each + foot, paint)


def _axis_mm(strip: Strip) -> float:
    """Room for the axes of the curves: more where numbers have five digits or labels two lines."""
    density = strip.frames.log_prob
    known = np.zeros(0) if density is None else density[np.isfinite(density)]
    long = len(known) > 0 and float(np.abs(known).max()) >= _FIVE_DIGITS
    return _WIDE_AXIS_MM if long or strip.measures else _AXIS_MM


def grid_block(look: Look, grid: ImageGrid, width: int) -> Block:
    """Return pictures in rows, with their labels and originals above them and their maps of change beneath."""
    columns = max(1, min(grid.columns, len(grid.frames)))
    cells = _Cells(look, grid.frames, columns, width, grid.nearest_ids, grid.error, grid.measures)
    rows = -(-len(grid.frames) // columns)
    head = look.line_height(look.label_pt) + look.mm(0.5) if grid.row_labels else 0
    label = look.line_height(look.small_pt) if any(grid.labels) and look.readouts else 0
    original = cells.size[1] + look.mm(0.4) if grid.originals is not None else 0
    mapped = cells.size[1] + look.mm(0.6) if grid.changes is not None else 0
    each = head + label + original + cells.size[1] + cells.text_height + mapped + look.mm(1.2)
    foot = look.mm(6.0) if grid.changes is not None else -look.mm(1.2)

    def paint(page: Page, x: int, y: int) -> None:
        for row, words in enumerate(grid.row_labels[:rows]):
            page.text(x, y + row * each, words, look.label_pt, weight="bold")
        for i in range(len(grid.frames)):
            row, column = divmod(i, columns)
            top = y + row * each + head
            left = cells.left(x, column)
            if label and i < len(grid.labels):
                page.text(left, top, _clipped(look, grid.labels[i], cells.size[0]), look.small_pt, color=look.muted)
            # A code that came without a picture has no error to one either.
            if grid.originals is not None and (grid.error is None or np.isfinite(grid.error[i])):
                page.picture(grid.originals[i], left, top + label, cells.size)
            cells.paint(page, i, x, column, top + label + original)
            if grid.changes is not None and grid.changes.known(i):
                below = top + label + original + cells.size[1] + cells.text_height + look.mm(0.6)
                page.picture(colours(grid.changes.maps[i], *grid.changes.span, False), left, below, cells.size)
        if grid.changes is not None:
            colour_bar(page, grid.changes.span, False, f"change, {_GREY}", x, y + rows * each)

    return Block(rows * each + foot, paint)


class _Cells:
    """Where frames and their readouts go within rows of `columns` cells."""

    def __init__(
        self,
        look: Look,
        frames: Frames,
        columns: int,
        width: int,
        nearest: Sequence[str],
        error: Floats | None = None,
        measures: Sequence[Measure] = (),
    ) -> None:
        self.look, self.frames = look, frames
        gap = look.mm(_GAP_MM)
        self._pitch = (width + gap) // columns
        widest = min(self._pitch - gap, look.mm(40.0))
        if widest < self._pitch - gap:
            self._pitch = widest + gap
        self.size = fitted((frames.images.shape[1], frames.images.shape[2]), max(widest, 1))
        room = self._pitch - gap // 2
        self._lines = [*_readouts(look, frames, error, nearest, room), *_measured(look, measures, room)]
        if not look.readouts:
            self._lines = []
        self.text_height = len(self._lines) * look.line_height(look.small_pt) + (look.mm(0.6) if self._lines else 0)

    def left(self, x: int, column: int) -> int:
        return x + column * self._pitch

    def centre(self, column: int) -> float:
        """Middle of a column in px from the left edge of the row."""
        return column * self._pitch + self.size[0] / 2

    def paint(self, page: Page, frame: int, x: int, column: int, top: int) -> None:
        look, left = self.look, self.left(x, column)
        page.picture(self.frames.images[frame], left, top, self.size)
        if not self.frames.finite[frame]:
            page.frame(left, top, *self.size, weight_pt=1.2, color=look.alarm)
        y = top + self.size[1] + look.mm(0.6)
        for line in self._lines:
            words = line[frame] if self.frames.finite[frame] or line is not self._lines[0] else "not finite"
            page.text(left, y, words, look.small_pt, color=look.muted)
            y += look.line_height(look.small_pt)


def band_notes(strip: Strip) -> tuple[str, ...]:
    """Say in words what the shaded ranges under a strip are."""
    shaded = [f"{name} {band.label}" for name, _, band in _curves(strip) if band is not None]
    return (f"Shaded: {'; '.join(shaded)}.",) if shaded else ()


def _readouts(
    look: Look, frames: Frames, error: Floats | None, nearest: Sequence[str], width: float
) -> list[list[str]]:
    """Return lines of readouts, each with one text per frame, in the longest form that fits under the frames."""
    lines = []
    # Pictures without codes of their own (originals, comparisons) have no norm.
    candidates = [_norms(frames)] if np.isfinite(frames.norm).any() or not frames.finite.all() else []
    if frames.log_prob is not None:
        candidates.append(_in_forms(frames.log_prob, ("log p {}", "{}"), _number))
    if len(nearest) == len(frames):
        words = [name or "–" for name in nearest]
        candidates.append([[f"near {w}" for w in words], words])
    if error is not None:
        candidates.append(_in_forms(error, ("error {}", "{}"), lambda v: f"{v:.1f}" if np.isfinite(v) else "–"))
    for forms in candidates:
        for texts in forms:
            if max(look.text_width(t, look.small_pt) for t in texts) <= width:
                lines.append(texts)
                break
    return lines


def _measured(look: Look, measures: Sequence[Measure], width: float) -> list[list[str]]:
    """Return a line for each brief measure, with its name where that fits."""
    lines = []
    for measure in measures:
        if not measure.brief:
            continue
        name, _, unit = measure.label.partition(", ")
        values = [f"{v:.{measure.digits}f} {unit}".rstrip() if np.isfinite(v) else "" for v in measure.values]
        forms = [[f"{name} {v}" if v else "" for v in values], values]
        fitting = [texts for texts in forms if max(look.text_width(t, look.small_pt) for t in texts) <= width]
        if fitting:
            lines.append(fitting[0])
    return lines


def _norms(frames: Frames) -> list[list[str]]:
    share = [f"{p:.0f} %" if np.isfinite(p) else "–" for p in frames.prior_percentile]
    values = [f"{n:.2f}" if abs(n) < 100 else f"{n:.0f}" for n in frames.norm]
    return [
        [f"‖z‖ {v} ({s})" for v, s in zip(values, share, strict=True)],
        [f"‖z‖ {v}" for v in values],
        values,
    ]


def _in_forms(values: Floats, forms: Sequence[str], shown: Callable[[float], str]) -> list[list[str]]:
    return [[form.format(shown(v)) for v in values] for form in forms]


def _number(value: float) -> str:
    if not np.isfinite(value):
        return str(value).replace("-", "−")
    size = abs(value)
    text = f"{value:.1f}" if size < 1e4 else f"{value:.0f}" if size < 1e6 else f"{value:.2e}"
    return text.replace("-", "−")


def _row_head(page: Page, strip: Strip, row: int, x: int, y: int, width: int) -> None:
    look = page.look
    indent = 0.0
    if len(strip.row_labels) > 1 and look.readouts:
        middle = y + look.line_height(look.label_pt) * 0.46
        page.rule(x, middle, x + look.mm(3.0), middle, 1.6, _path_colour(look, strip, row))
        indent = look.mm(4.0)
    page.text(x + indent, y, strip.row_labels[row], look.label_pt, weight="bold")
    if row == 0 and any(strip.end_labels):
        words = f"{strip.end_labels[0]} → {strip.end_labels[1]}"
        page.text(x + width, y, words, look.tick_pt, color=look.muted, ha="right")


def _curves(strip: Strip) -> list[tuple[str, Floats, Band | None]]:
    found: list[tuple[str, Floats, Band | None]] = [("‖z‖", strip.frames.norm, strip.norm_band)]
    if strip.frames.log_prob is not None:
        found.append(("log p, nats", strip.frames.log_prob, strip.log_prob_band))
    found.extend((_measure_words(m), m.values, None) for m in strip.measures[:_MEASURES])
    return found


def _measure_words(measure: Measure) -> str:
    return f"{measure.label}\n{measure.unit}" if measure.unit else measure.label


def _paint_curve(
    look: Look, axes: Any, strip: Strip, values: Floats, band: Band | None, cells: _Cells, last: bool
) -> None:
    from matplotlib.ticker import MaxNLocator

    columns = strip.columns
    centres = np.array([cells.centre(c) for c in range(columns)])
    if band is not None and np.isfinite([band.low, band.high]).all():
        axes.axhspan(band.low, band.high, color=look.band, linewidth=0, zorder=0)
    for row in range(len(strip.row_labels)):
        line = values[row * columns : (row + 1) * columns]
        shown = np.where(np.isfinite(line), line, np.nan)
        colour = _path_colour(look, strip, row)
        axes.plot(centres, shown, color=colour, linewidth=look.line_pt, marker="o", markersize=1.8)
    _frame_values(axes, values, band)
    axes.set_xlim(0, centres[-1] + cells.size[0] / 2)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_xticks(centres)
    if last:
        axes.set_xticklabels([_place(t, strip.axis) for t in strip.positions], parse_math=False)
    else:
        axes.set_xticklabels([])


def _frame_values(axes: Any, values: Floats, band: Band | None) -> None:
    """Choose the y range by the values; an end of the band is shown when it is not far beyond them."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return
    low, high = float(finite.min()), float(finite.max())
    reach = max(high - low, 0.05 * max(abs(low), abs(high)), 1e-6)
    ends = [e for e in (band.low, band.high) if low - 1.5 * reach <= e <= high + 1.5 * reach] if band else []
    low, high = min([low, *ends]), max([high, *ends])
    axes.set_ylim(low - 0.12 * reach, high + 0.12 * reach)


def _place(position: float, axis: str) -> str:
    if position in (0, 1) and not axis:
        return "B" if position else "A"
    return f"{position:.3f}".rstrip("0").rstrip(".").replace("-", "−")


def _path_colour(look: Look, strip: Strip, row: int) -> str:
    role = PATH_ROLES.get(strip.row_labels[row])
    return look.roles[role] if role else look.category(row)


def _clipped(look: Look, words: str, width: float) -> str:
    if look.text_width(words, look.small_pt) <= width:
        return words
    while words and look.text_width(words + "…", look.small_pt) > width:
        words = words[:-1]
    return words + "…"

"""Draw tables and maps."""

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.look import Look
from latentstudio.figures.page import Block, Page, fitted
from latentstudio.results import Heatmap, Table

_COLUMN_GAP_MM = 3.0
_LONG = 24


def table_block(look: Look, table: Table, width: int) -> Block:
    """Return a table with three rules; a long narrow one continues beside itself."""
    size = look.label_pt
    cells = [[cell_text(v, table.digits) for v in row] for row in table.rows]
    gap = look.mm(_COLUMN_GAP_MM)
    while _natural(look, table, cells, size, gap)[1] > width and size > 4.5:
        size -= 0.5
    widths, natural = _natural(look, table, cells, size, gap)
    sides = 1
    if len(cells) > _LONG:
        sides = max(1, min(3, (width + 2 * gap) // (natural + 2 * gap)))
    length = -(-len(cells) // sides) if cells else 0
    step = round(look.line_height(size) * 1.12)
    parts = [cells[i * length : (i + 1) * length] for i in range(sides)]

    def paint(page: Page, x: int, y: int) -> None:
        for part in parts:
            _paint_part(page, table, part, widths, size, (x, y), (gap, step))
            x += natural + 2 * gap

    return Block(step * (length + 1) + look.mm(1.6), paint)


def cell_text(value: str | int | float | None, digits: int) -> str:
    """Write a table cell: a dash where there is none, floats with `digits` decimals."""
    if value is None:
        return "–"
    if isinstance(value, float):
        if not np.isfinite(value):
            return str(value).replace("-", "−")
        return (f"{value:.{digits}f}" if abs(value) < 1e7 else f"{value:.3e}").replace("-", "−")
    return str(value)


def _numeric(table: Table, column: int) -> bool:
    values = [row[column] for row in table.rows if row[column] is not None]
    return bool(values) and all(isinstance(v, (int, float)) for v in values)


def _natural(look: Look, table: Table, cells: list[list[str]], size: float, gap: int) -> tuple[list[int], int]:
    widths = []
    for i, name in enumerate(table.columns):
        inside = max((look.text_width(row[i], size) for row in cells), default=0.0)
        widths.append(round(max(inside, look.text_width(name, size, bold=True))))
    return widths, sum(widths) + gap * (len(widths) - 1)


def _paint_part(
    page: Page,
    table: Table,
    cells: list[list[str]],
    widths: list[int],
    size: float,
    place: tuple[int, int],
    spacing: tuple[int, int],
) -> None:
    look, (x, y), (gap, step) = page.look, place, spacing
    end = x + sum(widths) + gap * (len(widths) - 1)
    page.rule(x, y, end, y, 0.8)
    y += look.mm(0.3)
    rows = [list(table.columns), *cells]
    for number, row in enumerate(rows):
        left = x
        for i, words in enumerate(row):
            right = _numeric(table, i)
            edge = left + widths[i] if right else left
            weight = "bold" if number == 0 else "normal"
            page.text(
                edge, y + step / 2, words, size, ha="right" if right else "left", va="center_baseline", weight=weight
            )
            left += widths[i] + gap
        y += step
        if number == 0:
            page.rule(x, y, end, y, 0.4)
    page.rule(x, y + look.mm(0.2), end, y + look.mm(0.2), 0.8)


def heatmap_block(look: Look, heatmap: Heatmap, width: int) -> Block:
    """Return maps side by side in one colour scale, with its bar beneath."""
    columns = max(1, min(heatmap.columns, len(heatmap.maps)))
    gap = look.mm(1.5)
    pitch = min((width + gap) // columns, look.mm(45.0))
    size = fitted((heatmap.maps.shape[1], heatmap.maps.shape[2]), pitch - gap)
    label = look.line_height(look.tick_pt)
    rows = -(-len(heatmap.maps) // columns)
    each = label + size[1] + look.mm(1.2)
    low, high = heatmap.span

    def paint(page: Page, x: int, y: int) -> None:
        for i, values in enumerate(heatmap.maps):
            row, column = divmod(i, columns)
            left, top = x + column * pitch, y + row * each
            if i < len(heatmap.labels):
                page.text(left, top, heatmap.labels[i], look.tick_pt)
            page.picture(colours(values, low, high, heatmap.diverging), left, top + label, size)
        colour_bar(page, heatmap.span, heatmap.diverging, heatmap.unit, x, y + rows * each)

    return Block(rows * each + look.mm(6.0), paint)


def colours(values: NDArray[np.float64], low: float, high: float, diverging: bool) -> NDArray[np.uint8]:
    """Colour a map (H, W) as uint8 (H, W, 3): blue over white to red around zero, or dark to bright; NaN is grey."""
    from matplotlib import colormaps

    scaled = np.clip((values - low) / (high - low), 0.0, 1.0)
    painted: NDArray[np.float64] = colormaps["RdBu_r" if diverging else "cividis"](np.nan_to_num(scaled))[..., :3]
    painted[~np.isfinite(values)] = 0.5
    return np.rint(painted * 255).astype(np.uint8)


def colour_bar(page: Page, limits: tuple[float, float], diverging: bool, unit: str, x: int, y: int) -> None:
    """Draw the scale of maps: a ramp with its ends beneath and the unit beside it."""
    look = page.look
    size = (look.mm(30.0), look.mm(1.6))
    ramp = np.linspace(*limits, size[0])[None, :]
    page.picture(colours(ramp, *limits, diverging), x, y, size)
    words = [f"{v:.3g}".replace("-", "−") for v in limits]
    below = y + size[1] + look.mm(0.4)
    page.text(x, below, words[0], look.small_pt, color=look.muted)
    page.text(x + size[0], below, words[1], look.small_pt, color=look.muted, ha="right")
    if unit:
        page.text(x + size[0] + look.mm(1.0), y, unit, look.small_pt, color=look.muted)

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
    """Return maps side by side in one colour scale, with its bar beneath; the names of a matrix stand around it."""
    columns = max(1, min(heatmap.columns, len(heatmap.maps)))
    gap = look.mm(1.5)
    left_room = round(max((look.text_width(w, look.small_pt) for w in heatmap.row_labels), default=0.0))
    left_room += gap if left_room else 0
    named = bool(heatmap.column_labels)
    widest = look.mm(min(80.0, 12.0 * heatmap.maps.shape[2]) if named else 45.0)
    pitch = min((width + gap - left_room) // columns, widest + gap)
    size = fitted((heatmap.maps.shape[1], heatmap.maps.shape[2]), pitch - gap)
    label = look.line_height(look.tick_pt)
    turned = round(max((look.text_width(w, look.small_pt) for w in heatmap.column_labels), default=0.0))
    rows = -(-len(heatmap.maps) // columns)
    each = label + size[1] + look.mm(1.2) + turned + (look.mm(0.8) if turned else 0)
    low, high = heatmap.span

    def paint(page: Page, x: int, y: int) -> None:
        for i, values in enumerate(heatmap.maps):
            row, column = divmod(i, columns)
            left, top = x + left_room + column * pitch, y + row * each
            if i < len(heatmap.labels):
                page.text(left, top, heatmap.labels[i], look.tick_pt)
            page.picture(colours(values, low, high, heatmap.diverging), left, top + label, size)
            _matrix_words(page, heatmap, i, (left, top + label), size, column == 0)
        colour_bar(page, heatmap.span, heatmap.diverging, heatmap.unit, x, y + rows * each)

    return Block(rows * each + look.mm(6.0), paint)


def _matrix_words(
    page: Page, heatmap: Heatmap, at: int, corner: tuple[int, int], size: tuple[int, int], rows_too: bool
) -> None:
    """Write the names of rows and columns around a matrix, and its numbers into the cells that have room."""
    look = page.look
    height, width = heatmap.maps.shape[1:]
    wide, high = size[0] / width, size[1] / height
    half = look.line_height(look.small_pt) / 2
    if rows_too:
        for row, words in enumerate(heatmap.row_labels):
            middle = corner[1] + (row + 0.5) * high - half
            page.text(corner[0] - look.mm(0.8), middle, words, look.small_pt, color=look.muted, ha="right")
    for column, words in enumerate(heatmap.column_labels):
        place = (corner[0] + (column + 0.5) * wide - half, corner[1] + size[1] + look.mm(0.8))
        page.text(*place, words, look.small_pt, color=look.muted, rotation=-90, rotation_mode="default")
    if not heatmap.column_labels or high < 2 * half or wide < look.text_width("−100", look.small_pt):
        return
    low, top = heatmap.span
    for (row, column), value in np.ndenumerate(heatmap.maps[at]):
        if np.isfinite(value):
            share = (value - low) / (top - low)
            dark = abs(share - 0.5) > 0.3 if heatmap.diverging else share < 0.5
            place = (corner[0] + (column + 0.5) * wide, corner[1] + (row + 0.5) * high - half)
            words = f"{value:.0f}".replace("-", "−")
            page.text(*place, words, look.small_pt, color="white" if dark else "black", ha="center")


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

"""Draw results on paper: a figure is a grid of results in the size, resolution and colours of its style.

Drawing is deterministic: the same results give the same pixels on the same machine. A person's own matplotlib settings
play no part in it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

from latentstudio.errors import UserError
from latentstudio.figures.draw_frames import band_notes, grid_block, strip_block
from latentstudio.figures.draw_plots import bars_block, curve_block, distribution_block, scatter_block
from latentstudio.figures.draw_tables import heatmap_block, table_block
from latentstudio.figures.look import FONT, Look, look_of
from latentstudio.figures.page import Block, Page, paragraph, stacked
from latentstudio.figures.recipe import Figure
from latentstudio.results import (
    Bars,
    Curve,
    Distribution,
    Heatmap,
    ImageGrid,
    Result,
    Scatter,
    Sheet,
    Strip,
    Table,
)

_MARGIN_MM = 2.5
_GAP_MM = 5.0
_TALLEST = 60_000
_SETTINGS: Any = {
    "font.family": FONT,
    "axes.unicode_minus": True,
    "image.composite_image": False,
    "svg.hashsalt": "latentstudio",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "path.simplify": True,
}
_lock = RLock()

_BLOCKS: dict[type, Any] = {
    Strip: strip_block,
    ImageGrid: grid_block,
    Curve: curve_block,
    Distribution: distribution_block,
    Bars: bars_block,
    Scatter: scatter_block,
    Table: table_block,
    Heatmap: heatmap_block,
}


@contextmanager
def drawing_settings() -> Iterator[None]:
    """Set matplotlib's settings to known values while something is drawn or written, one thread at a time."""
    import matplotlib as mpl

    with _lock, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def draw(figure: Figure, results: Sequence[Sequence[Result]]) -> Any:
    """Draw the results of a figure's recipes, in the same rows.

    Returns
    -------
    matplotlib.figure.Figure, whose size in px is whole.

    Raises
    ------
    UserError
        The style makes no sense, or the figure would be taller than 60,000 px.
    """
    look = look_of(figure.style)
    with drawing_settings():
        return _draw(look, figure.title, results)


def _draw(look: Look, title: str, results: Sequence[Sequence[Result]]) -> Any:
    margin = look.mm(_MARGIN_MM)
    inner = look.width - 2 * margin
    blocks = []
    if title:
        blocks.append(paragraph(look, title, look.title_pt + 1, inner, look.text, bold=True))
    count = sum(len(row) for row in results)
    letters = iter(range(count)) if count > 1 else iter(())
    blocks += [_row(look, row, inner, letters) for row in results if row]
    body = stacked(blocks, look.mm(_GAP_MM))
    height = body.height + 2 * margin
    if height > _TALLEST:
        raise UserError(
            f"The figure would be {height} px tall; fewer frames or fewer dots per inch would do ({_TALLEST} at most)."
        )
    page = Page(look, height)
    body.paint(page, margin, margin)
    return page.figure


def _row(look: Look, row: Sequence[Result], width: int, letters: Iterator[int]) -> Block:
    gap = look.mm(_GAP_MM)
    each = (width - gap * (len(row) - 1)) // len(row)
    blocks = [result_block(look, result, each, _letter(next(letters, None))) for result in row]

    def paint(page: Page, x: int, y: int) -> None:
        for i, block in enumerate(blocks):
            block.paint(page, x + i * (each + gap), y)

    return Block(max(b.height for b in blocks), paint)


def _letter(index: int | None) -> str:
    return "" if index is None else chr(ord("a") + index % 26)


def result_block(look: Look, result: Result, width: int, letter: str = "", said: str = "") -> Block:
    """Return a result with its title above and its caption below, `width` px wide.

    The caption is left out when it was `said` already, by the sheet that the result is part of.
    """
    title = " ".join(part for part in (letter, result.title if look.captions else "") if part)
    blocks = [paragraph(look, title, look.title_pt, width, look.text, bold=True)] if title else []
    if isinstance(result, Sheet):
        parts = [result_block(look, part, width, said=result.caption) for part in result.parts]
        blocks.append(stacked(parts, look.mm(_GAP_MM - 1)))
        notes: tuple[str, ...] = ()
    else:
        blocks.append(_BLOCKS[type(result)](look, result, width))
        notes = result.notes + (band_notes(result) if isinstance(result, Strip) and look.readouts else ())
    caption = "" if result.caption == said else result.caption
    if look.captions and (caption or notes):
        blocks.append(caption_block(look, (caption, *notes), width))
    return stacked(blocks, look.mm(1.0))


def caption_block(look: Look, sentences: Sequence[str], width: int) -> Block:
    """Return small grey text made of the sentences that are not empty."""
    words = " ".join(s if s.endswith((".", "!", "?")) else f"{s}." for s in sentences if s)
    return paragraph(look, words, look.tick_pt, width, look.muted)

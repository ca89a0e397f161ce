"""Colours, type sizes and measures of figures on paper. Colours are Okabe and Ito's, safe for colour-blind readers."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from latentstudio.errors import UserError
from latentstudio.figures.recipe import FigureStyle

CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")
"""Colours of categories on white, in order."""

_DARK_CYCLE = ("#56B4E9", "#E69F00", "#1CB98C", "#CC79A7", "#F0703C", "#F0E442", "#A994C9", "#A3A7AE")

FONT = "DejaVu Sans"
"""The one font: matplotlib brings it along, so a figure looks the same on every machine."""

_MM_PER_INCH = 25.4
_WIDTHS_MM = (20.0, 1000.0)
_DPI = (50, 1200)


@dataclass(frozen=True)
class Look:
    """A figure's style in device pixels.

    Attributes
    ----------
    width : px of the page; dpi : px per inch.
    roles : colours of `results.Line.role`.
    """

    width: int
    dpi: int
    background: str
    text: str
    muted: str
    rule: str
    grid: str
    band: str
    alarm: str
    roles: dict[str, str]
    captions: bool
    readouts: bool
    cycle: tuple[str, ...] = CYCLE

    title_pt: float = 8.0
    label_pt: float = 7.0
    tick_pt: float = 6.0
    small_pt: float = 5.5
    line_pt: float = 0.9
    hair_pt: float = 0.5

    def mm(self, length: float) -> int:
        """Return a length in mm as whole px."""
        return round(length / _MM_PER_INCH * self.dpi)

    def pt(self, length: float) -> float:
        """Return a length in points as px."""
        return length / 72.0 * self.dpi

    def line_height(self, size: float) -> int:
        """Height in px of one line of text of `size` points."""
        return round(self.pt(size) * 1.32)

    def text_width(self, words: str, size: float, bold: bool = False) -> float:
        """Width in px of a line of text of `size` points."""
        return _text_width(words, size, bold, self.dpi)

    def wrap(self, words: str, size: float, width: float) -> list[str]:
        """Break text into lines of at most `width` px; a word that is too long stays whole."""
        lines: list[str] = []
        for word in words.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.text_width(longer, size) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def category(self, index: int) -> str:
        """Colour of the category at `index`; the eight colours repeat."""
        return self.cycle[index % len(self.cycle)]


@lru_cache(maxsize=8192)
def _text_width(words: str, size: float, bold: bool, dpi: int) -> float:
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")
    width, _, _ = _measurer(dpi).get_text_width_height_descent(words, font, False)
    return float(width)


@lru_cache(maxsize=4)
def _measurer(dpi: int) -> Any:
    from matplotlib.backends.backend_agg import RendererAgg

    make: Any = RendererAgg  # matplotlib gives it no types
    return make(8, 8, dpi)


def look_of(style: FigureStyle) -> Look:
    """Return the look of a figure style.

    Raises
    ------
    UserError
        Width, resolution or theme make no sense.
    """
    if not _WIDTHS_MM[0] <= style.width_mm <= _WIDTHS_MM[1]:
        raise UserError(f"A figure cannot be {style.width_mm:g} mm wide; 20 to 1000 mm would do.")
    if not _DPI[0] <= style.dpi <= _DPI[1]:
        raise UserError(f"A figure cannot have {style.dpi} dots per inch; 50 to 1200 would do.")
    if style.theme not in ("light", "dark"):
        raise UserError(f"There is no figure theme '{style.theme}'; light or dark would do.")
    dark = style.theme == "dark"
    return Look(
        width=round(style.width_mm / _MM_PER_INCH * style.dpi),
        dpi=style.dpi,
        background="#17181A" if dark else "#FFFFFF",
        text="#ECEDEE" if dark else "#111111",
        muted="#A2A6AC" if dark else "#5A5E63",
        rule="#8B8F95" if dark else "#333333",
        grid="#33363A" if dark else "#E3E5E7",
        band="#27403C" if dark else "#DDEDE7",
        alarm="#F0703C" if dark else "#D55E00",
        roles={
            "data": "#56B4E9" if dark else "#0072B2",
            "train": "#1CB98C" if dark else "#009E73",
            "held_out": "#E69F00" if dark else "#D55E00",
            "reference": "#A3A7AE" if dark else "#4A4D52",
            "other": "#CC79A7",
        },
        captions=style.captions,
        readouts=style.readouts,
        cycle=_DARK_CYCLE if dark else CYCLE,
    )

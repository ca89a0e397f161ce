"""Diagrams of boxes and arrows, drawn from what a model's configuration says."""

import io
from dataclasses import dataclass
from typing import Literal

from latentstudio.figures.draw import drawing_settings
from latentstudio.figures.look import FONT, Look, look_of
from latentstudio.figures.page import Page
from latentstudio.figures.recipe import FigureStyle

Tone = Literal["data", "train", "held_out", "reference", "other"]


@dataclass(frozen=True)
class Box:
    """A labelled box; places and sizes are in units of the diagram, y downwards."""

    x: float
    y: float
    width: float
    height: float
    words: tuple[str, ...]
    tone: Tone = "reference"


@dataclass(frozen=True)
class Arrow:
    """An arrow from one place to another, with words beside its middle."""

    x0: float
    y0: float
    x1: float
    y1: float
    words: str = ""


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows on an area of `width` x `height` units, which fills the width of the page."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    caption: str = ""


def painted_diagram(diagram: Diagram, style: FigureStyle) -> bytes:
    """Return the bytes of a PNG in the size and theme of `style`."""
    look = look_of(style)
    unit = look.width / diagram.width
    with drawing_settings():
        page = Page(look, round(unit * diagram.height))
        axes = page.axes(0, 0, page.width, page.height)
        axes.set_axis_off()
        axes.set_xlim(0, diagram.width)
        axes.set_ylim(diagram.height, 0)
        for arrow in diagram.arrows:
            _arrow(axes, look, arrow)
        for box in diagram.boxes:
            _box(axes, look, box)
        out = io.BytesIO()
        page.figure.savefig(out, format="png", dpi=look.dpi, facecolor=look.background, metadata={"Software": None})
    return out.getvalue()


def _box(axes: object, look: Look, box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    color = look.roles[box.tone]
    edge = FancyBboxPatch(
        (box.x, box.y),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=look.background,
        edgecolor=color,
        linewidth=look.line_pt,
        zorder=3,
    )
    axes.add_patch(edge)  # type: ignore[attr-defined]
    count = len(box.words)
    for line, words in enumerate(box.words):
        place = box.y + box.height * (line + 1) / (count + 1)
        _words(axes, look, box.x + box.width / 2, place, words, look.label_pt if line == 0 else look.tick_pt, line > 0)


def _arrow(axes: object, look: Look, arrow: Arrow) -> None:
    axes.annotate(  # type: ignore[attr-defined]
        "",
        (arrow.x1, arrow.y1),
        (arrow.x0, arrow.y0),
        arrowprops={"arrowstyle": "-|>", "color": look.text, "lw": look.line_pt, "shrinkA": 0, "shrinkB": 0},
        zorder=2,
    )
    if arrow.words:
        _words(axes, look, (arrow.x0 + arrow.x1) / 2, (arrow.y0 + arrow.y1) / 2 - 0.18, arrow.words, look.tick_pt, True)


def _words(axes: object, look: Look, x: float, y: float, words: str, size: float, quiet: bool) -> None:
    axes.text(  # type: ignore[attr-defined]
        x,
        y,
        words,
        fontsize=size,
        family=FONT,
        color=look.muted if quiet else look.text,
        ha="center",
        va="center",
        parse_math=False,
        zorder=4,
    )

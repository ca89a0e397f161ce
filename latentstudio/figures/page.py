"""A sheet of paper measured in device pixels, so that pictures land on whole pixels and stay exact."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.figures.look import FONT, Look

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Block:
    """Something that knows its height in px before it is painted at the place (x, y) of its upper left corner."""

    height: int
    paint: Callable[["Page", int, int], None]


class Page:
    """A matplotlib figure of `look.width` x `height` px; all places are px from the upper left corner."""

    def __init__(self, look: Look, height: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.look = look
        self.width, self.height = look.width, max(height, 1)
        size = (self.width / look.dpi, self.height / look.dpi)
        self.figure = Figure(figsize=size, dpi=look.dpi, facecolor=look.background)
        FigureCanvasAgg(self.figure)
        self._paper = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._paper.set_axis_off()
        self._paper.set_xlim(0, self.width)
        self._paper.set_ylim(self.height, 0)
        self._paper.set_autoscale_on(False)

    def text(self, x: float, y: float, words: str, size: float, **facts: Any) -> None:
        """Write one line of text; `y` is its top unless ``va`` says otherwise."""
        facts.setdefault("color", self.look.text)
        facts.setdefault("va", "top")
        self._paper.text(x, y, words, fontsize=size, family=FONT, parse_math=False, **facts)

    def rule(self, x0: float, y0: float, x1: float, y1: float, weight_pt: float, color: str | None = None) -> None:
        """Draw a straight line."""
        self._paper.plot(
            [x0, x1], [y0, y1], color=color or self.look.rule, linewidth=weight_pt, solid_capstyle="butt", zorder=3
        )

    def frame(self, x: int, y: int, width: int, height: int, weight_pt: float, color: str) -> None:
        """Draw an empty rectangle around an area."""
        from matplotlib.patches import Rectangle

        edge = Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=weight_pt, zorder=4)
        self._paper.add_patch(edge)

    def picture(self, pixels: Pixels, x: int, y: int, size: tuple[int, int]) -> None:
        """Place uint8 (H, W, 1 or 3) on exactly `size` = (width, height) px: repeated pixels where that is whole."""
        shown = enlarged(pixels, size)
        rgb = np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown
        extent = (x, x + size[0], y + size[1], y)
        self._paper.imshow(rgb, extent=extent, interpolation="none", aspect="auto", origin="upper", resample=False)
        self._paper.set_xlim(0, self.width)
        self._paper.set_ylim(self.height, 0)

    def axes(self, x: float, y: float, width: float, height: float) -> Any:
        """Return styled axes that cover an area."""
        look = self.look
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place, facecolor="none")
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_linewidth(look.hair_pt)
            spine.set_color(look.rule)
        axes.tick_params(
            which="both",
            labelsize=look.tick_pt,
            labelfontfamily=FONT,
            width=look.hair_pt,
            length=2.0,
            pad=1.5,
            color=look.rule,
            labelcolor=look.text,
        )
        axes.tick_params(which="minor", length=1.2)
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_offset_text().set(fontsize=look.small_pt, color=look.text)
        return axes


def enlarged(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return pixels at `size` = (width, height): each repeated when that is whole, otherwise bicubic with averaging."""
    height, width = pixels.shape[:2]
    across, rest_x = divmod(size[0], width)
    down, rest_y = divmod(size[1], height)
    if not rest_x and not rest_y and across and down:
        return np.repeat(np.repeat(pixels, down, axis=0), across, axis=1)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    resized = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
    return resized[..., None] if resized.ndim == 2 else resized


def fitted(shape: tuple[int, int], width: int) -> tuple[int, int]:
    """Size (width, height) in px for pictures of `shape` = (H, W) in cells of `width` px.

    A whole multiple of the picture's own pixels is taken when it fills three quarters of the cell, so that pixels stay
    exact; otherwise the cell is filled.
    """
    height, across = shape
    whole = width // across
    if whole and whole * across >= 0.75 * width:
        return whole * across, whole * height
    return width, max(1, round(width * height / across))


def stacked(blocks: list[Block], gap: int) -> Block:
    """Return the blocks under one another."""

    def paint(page: Page, x: int, y: int) -> None:
        for block in blocks:
            block.paint(page, x, y)
            y += block.height + gap

    return Block(sum(b.height for b in blocks) + gap * max(0, len(blocks) - 1), paint)


def paragraph(look: Look, words: str, size: float, width: int, color: str, bold: bool = False) -> Block:
    """Return wrapped text."""
    lines = look.wrap(words, size, width)
    step = look.line_height(size)

    def paint(page: Page, x: int, y: int) -> None:
        for i, line in enumerate(lines):
            page.text(x, y + i * step, line, size, color=color, weight="bold" if bold else "normal")

    return Block(step * len(lines), paint)

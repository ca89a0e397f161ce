"""Draw curves, distributions, bars and scatters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from latentstudio.figures.look import FONT, Look
from latentstudio.figures.page import Block, Page
from latentstudio.results import Band, Bars, Curve, Distribution, Line, Scatter

_LEFT_MM, _BOTTOM_MM, _TOP_MM = 12.0, 7.5, 1.0


def curve_block(look: Look, curve: Curve, width: int) -> Block:
    """Return lines over one pair of axes."""

    def fill(axes: Any) -> None:
        _band(look, axes, curve.band, vertical=False)
        seen: dict[str, int] = {}
        for line in curve.lines:
            _line(look, axes, line, seen.setdefault(line.role, 0))
            seen[line.role] += 1
        if curve.x_log:
            axes.set_xscale("log")
        if curve.y_log:
            axes.set_yscale("log")
        squeezed = "" if curve.y_log else _squeeze(axes, [line.y for line in curve.lines])
        _labels(look, axes, curve.x_label, curve.y_label + squeezed)
        _legend(look, axes, len(curve.lines))

    return _plot(look, width, fill)


def distribution_block(look: Look, distribution: Distribution, width: int) -> Block:
    """Return histograms with reference densities and the typical band."""

    def fill(axes: Any) -> None:
        _band(look, axes, distribution.band, vertical=True)
        for h in distribution.histograms:
            color = look.roles[h.role]
            axes.stairs(h.counts, h.edges, fill=True, color=color, alpha=0.28, linewidth=0)
            axes.stairs(h.counts, h.edges, color=color, linewidth=look.line_pt, label=h.label)
        for i, line in enumerate(distribution.references):
            _line(look, axes, line, i)
        axes.set_ylim(bottom=0)
        _labels(look, axes, distribution.x_label, distribution.y_label)
        _legend(look, axes, len(distribution.histograms) + len(distribution.references))

    return _plot(look, width, fill)


def bars_block(look: Look, bars: Bars, width: int) -> Block:
    """Return groups of bars, one bar of each series per label."""
    turned = any(look.text_width(label, look.tick_pt) > 0.9 * width / len(bars.labels) for label in bars.labels)

    def fill(axes: Any) -> None:
        places = np.arange(len(bars.labels), dtype=np.float64)
        share = 0.8 / max(len(bars.series), 1)
        for i, name in enumerate(bars.series):
            role = bars.roles[i] if i < len(bars.roles) else None
            offset = (i - (len(bars.series) - 1) / 2) * share
            heights = np.where(np.isfinite(bars.values[i]), bars.values[i], np.nan)
            color = look.roles[role] if role else look.category(i)
            axes.bar(places + offset, heights, width=share * 0.92, color=color, linewidth=0, label=name)
        axes.axhline(0, color=look.rule, linewidth=look.hair_pt)
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.set_xticks(places)
        axes.set_xticklabels(bars.labels, rotation=90 if turned else 0, parse_math=False)
        axes.tick_params(axis="x", length=0)
        _labels(look, axes, "", bars.y_label + _squeeze(axes, list(bars.values)))
        _legend(look, axes, len(bars.series))

    extra = max((look.text_width(label, look.tick_pt) for label in bars.labels), default=0) if turned else 0
    return _plot(look, width, fill, extra_bottom=round(extra) - look.mm(3.0))


def scatter_block(look: Look, scatter: Scatter, width: int) -> Block:
    """Return points coloured by their group."""
    many = len(scatter.group_labels) > 8

    def fill(axes: Any) -> None:
        if many:
            from matplotlib import colormaps

            shade = colormaps["viridis"](scatter.groups / max(1, len(scatter.group_labels) - 1))
            axes.scatter(*scatter.points.T, s=4, c=shade, linewidths=0)
        else:
            for i, label in enumerate(scatter.group_labels):
                chosen = scatter.points[scatter.groups == i]
                axes.scatter(*chosen.T, s=4, color=look.category(i), linewidths=0, label=label)
        _labels(look, axes, scatter.x_label, scatter.y_label)
        _legend(look, axes, 0 if many else len(scatter.group_labels))

    return _plot(look, width, fill)


def _plot(look: Look, width: int, fill: Callable[[Any], None], extra_bottom: int = 0) -> Block:
    height = min(max(round(width * 0.5), look.mm(38.0)), look.mm(64.0)) + extra_bottom

    def paint(page: Page, x: int, y: int) -> None:
        left, bottom, top = look.mm(_LEFT_MM), look.mm(_BOTTOM_MM) + extra_bottom, look.mm(_TOP_MM)
        axes = page.axes(x + left, y + top, width - left - look.mm(1.0), height - top - bottom)
        axes.grid(axis="y", color=look.grid, linewidth=look.hair_pt)
        axes.set_axisbelow(True)
        fill(axes)
        _make_room(page, axes, x, y + height)

    return Block(height, paint)


def _make_room(page: Page, axes: Any, x: int, floor: int) -> None:
    """Shrink the axes when their tick labels are wider or taller than was planned for."""
    outside = axes.get_tightbbox()
    across = max(0.0, x - outside.x0) / page.width
    up = max(0.0, page.height - floor - outside.y0) / page.height
    if across or up:
        place = axes.get_position()
        axes.set_position((place.x0 + across, place.y0 + up, place.width - across, place.height - up))


def _squeeze(axes: Any, series: list[Any]) -> str:
    """Make the y axis symmetric-logarithmic when one series is a thousand times another; return the words for it.

    Held-out log-densities of an over-fitted flow lie at -1e8 while those of training images lie at 100: on an even axis
    one of the two could not be read.
    """
    finite = [np.abs(v[np.isfinite(v)]) for v in series]
    typical = [float(np.median(v)) for v in finite if len(v)]
    farthest = max((float(v.max()) for v in finite if len(v)), default=0.0)
    smallest = min((v for v in typical if v > 0), default=0.0)
    if smallest <= 0 or farthest < 1000 * smallest:
        return ""
    start, stop = int(np.ceil(np.log10(smallest))), int(np.ceil(np.log10(farthest)))
    axes.set_yscale("symlog", linthresh=10.0**start, linscale=0.8)
    every = np.concatenate([v[np.isfinite(v)] for v in series])
    low, high = min(2.0 * every.min(), 0.0), max(2.0 * every.max(), 0.0)
    axes.set_ylim(low, high)
    decades = [10.0**k for k in range(start, stop + 1, 1 + (stop - start) // 7)]
    axes.set_yticks([t for t in (*(-d for d in decades), 0.0, *decades) if low <= t <= high])
    axes.set_yticks([], minor=True)
    return " (symlog)"


def _line(look: Look, axes: Any, line: Line, repeat: int) -> None:
    markers = line.style in ("markers", "both")
    color = look.roles[line.role] if repeat == 0 or line.role == "reference" else look.category(repeat + 2)
    if line.low is not None and line.high is not None:
        axes.vlines(line.x, line.low, line.high, color=color, linewidth=look.line_pt * 0.7, zorder=2)
    axes.plot(
        line.x,
        np.where(np.isfinite(line.y), line.y, np.nan),
        color=color,
        linestyle="none" if line.style == "markers" else _dash(line.role, repeat),
        linewidth=look.line_pt,
        marker="o" if markers else None,
        markersize=2.4,
        label=line.label,
        zorder=2 if line.role == "reference" else 3,
    )


def _dash(role: str, repeat: int) -> Any:
    if role == "reference":
        return ((0, (4, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)))[repeat % 3]
    return "solid"


def _band(look: Look, axes: Any, band: Band | None, vertical: bool) -> None:
    if band is None or not np.isfinite([band.low, band.high]).all():
        return
    span = axes.axvspan if vertical else axes.axhspan
    span(band.low, band.high, color=look.band, linewidth=0, zorder=0, label=band.label)


def _labels(look: Look, axes: Any, x: str, y: str) -> None:
    for set_label, words in ((axes.set_xlabel, x), (axes.set_ylabel, y)):
        set_label(words, fontsize=look.label_pt, family=FONT, color=look.text, labelpad=2, parse_math=False)


def _legend(look: Look, axes: Any, entries: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) < 2 or entries == 0:
        return
    legend = axes.legend(
        handles,
        labels,
        loc="best",
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        facecolor=look.background,
        fontsize=look.tick_pt,
        handlelength=1.6,
        borderaxespad=0.3,
        labelspacing=0.3,
        labelcolor=look.text,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)

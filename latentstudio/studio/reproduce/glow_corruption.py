"""Corrupted codes: one component set to a large value, many of them, and whether changes add up."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.results import Table
from latentstudio.stats.pictures import change_map, visible
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import analysed, table_in

_MAGNITUDES = (3.0, 10.0, 30.0, 100.0)
_PUBLISHED = 100.0
_SPOT, _GLOBAL, _CHANGED = 10.0, 50.0, 8.0
_COUNTS = (1, 3, 10, 30, 100)


def changed_shares(lab: GlowLab, code: NDArray[np.float32], components: NDArray[np.int64], value: float) -> Floats:
    """Set one component at a time to a value; share (n,) of pixels that change by more than 8 grey levels, percent."""
    codes = np.repeat(code[None], 1 + len(components), axis=0)
    codes[np.arange(1, len(codes)), components] = value
    seen = visible(lab.decoded_raw(codes))
    shares: Floats = 100 * (change_map(seen[1:], seen[0]) > _CHANGED).reshape(len(components), -1).mean(axis=1)
    return shares


def shares_by_part(lab: GlowLab) -> dict[str, dict[float, Floats]]:
    """Shares of changed pixels by part of the code and magnitude, over random components and held-out faces."""
    usable = np.flatnonzero(lab.unseen_rows & lab.usable)
    rows = np.random.default_rng(7).permutation(usable)[: lab.some(6, 2)]
    generator = np.random.default_rng(8)
    found: dict[str, dict[float, Floats]] = {}
    for name, (start, stop) in lab.model().space.parts.items():
        drawn = [
            start + generator.choice(stop - start, min(lab.some(16, 4), stop - start), replace=False) for _ in rows
        ]
        found[name] = {
            value: np.concatenate(
                [changed_shares(lab, lab.noisy[r], d, value) for r, d in zip(rows, drawn, strict=True)]
            )
            for value in _MAGNITUDES
        }
    return found


def one_component(lab: GlowLab) -> Finding:
    """S1-F22."""
    found = shares_by_part(lab)
    sizes = {name: stop - start for name, (start, stop) in lab.model().space.parts.items()}
    rows: list[tuple[Any, ...]] = []
    for name, by_value in found.items():
        for value, shares in by_value.items():
            low, middle, high = (float(q) for q in np.quantile(shares, [0.25, 0.5, 0.75]))
            spots, whole = 100 * float((shares <= _SPOT).mean()), 100 * float((shares >= _GLOBAL).mean())
            rows.append((name, sizes[name], value, low, middle, high, spots, whole))
    # A component drawn from the whole code lies in a part by the part's share of the components.
    weights = {name: size / sum(sizes.values()) for name, size in sizes.items()}
    spot, wide = {}, {}
    for value in _MAGNITUDES:
        spot[value] = 100 * sum(weights[n] * float((by[value] <= _SPOT).mean()) for n, by in found.items())
        wide[value] = 100 * sum(weights[n] * float((by[value] >= _GLOBAL).mean()) for n, by in found.items())
    lab_rows = np.flatnonzero(lab.unseen_rows & lab.usable)
    face = lab.code(int(np.random.default_rng(7).permutation(lab_rows)[0]))
    parts = tuple(found)
    plates = [
        Plate(lab.code_recipe("corrupt", face=face, parts=(part,), magnitudes=_MAGNITUDES), f"One component of {part}.")
        for part in dict.fromkeys((parts[0], parts[-1]))
    ]
    heads = ("part", "components", "set to", "25 %", "changed, % (median)", "75 %", "spots, %", "global, %")
    notes = (
        f"Changed: share of pixels that differ by more than {_CHANGED:g} grey levels. A spot changes at most "
        f"{_SPOT:g} % of the picture, a global change at least {_GLOBAL:g} %.",
    )
    count = len(next(iter(next(iter(found.values())).values())))
    trend = ", ".join(f"{spot[v]:.0f} % at {v:g}" for v in _MAGNITUDES)
    return Finding(
        verdict=verdict_of(spot[_PUBLISHED] > 50, 0 < wide[_PUBLISHED] < 50),
        sentence=(
            f"A component drawn from the whole code and set to 100 changes only a spot in {spot[_PUBLISHED]:.0f} % of "
            f"the cases and half of the picture or more in {wide[_PUBLISHED]:.0f} %; spots are {trend}. A smaller or "
            "less trained flow spreads a large value farther."
        ),
        plates=(*plates, Plate(Table(heads, tuple(rows), digits=3, notes=notes))),
        split=f"held-out images of {lab.split_words}",
        n=f"{count} components of each of {len(found)} parts, {lab.some(6, 2)} faces",
        model=f"{lab.words()}; codes of dequantised images",
        published="usually a spot, sometimes the whole picture, at 100",
        ours=f"spots {spot[_PUBLISHED]:.0f} %, global {wide[_PUBLISHED]:.0f} % at 100",
    )


def many_components(lab: GlowLab) -> Finding:
    """S1-F23."""
    params = {"counts": _COUNTS, "parts": ("all",), "images": lab.some(6, 2), "repeats": 2}
    sheet = analysed(lab, "dose_response", magnitude=10.0, **params)
    rows = [row for row in table_in(sheet, "Change by dose").rows if row[0] == "whole code"]
    sizes, spread = ([float(row[k] or 0) for row in rows] for k in (2, 4))
    grows = all(b > a for a, b in pairwise(sizes))
    wider = all(b >= a for a, b in pairwise(spread))
    usable = np.flatnonzero(lab.unseen_rows & lab.usable)
    face = lab.code(int(np.random.default_rng(7).permutation(usable)[0]))
    recipe = lab.code_recipe("corrupt", face=face, count=_COUNTS[-1], magnitudes=_MAGNITUDES)
    return Finding(
        verdict=verdict_of(grows, wider, spread[-1] > 50),
        sentence=(
            f"Set to 10, {rows[0][1]} component of the whole code changes pictures by {sizes[0]:.1f} grey levels and "
            f"{spread[0]:.0f} % of the pixels visibly, {rows[-1][1]} change {sizes[-1]:.1f} and {spread[-1]:.0f} %; "
            f"the change {'grows' if grows else 'does not always grow'} with the number."
        ),
        plates=(Plate(recipe, f"{_COUNTS[-1]} random components."), *(Plate(part) for part in sheet.parts)),
        split="all images, drawn at random",
        n=f"{params['images']} faces, 2 random sets of each size",
        model=f"{lab.words()}; {lab.data.title}",
        published="figure only",
        ours=f"{sizes[0]:.1f} to {sizes[-1]:.1f} grey levels",
    )


def additive(lab: GlowLab) -> Finding:
    """S1-X9."""
    images = lab.some(6, 2)
    sheet = analysed(lab, "additivity", magnitudes=_MAGNITUDES, size=1, parts=("all",), images=images, pairs=2)
    table = table_in(sheet, "Discrepancy")
    rows = [row for row in table.rows if row[0] == "whole code"]
    at_most = [(str(row[0]), float(row[4])) for row in table.rows if row[1] == _PUBLISHED and row[4] is not None]
    worst = max(at_most, key=lambda part: part[1], default=("none", float("nan")))
    middle = {float(row[1] or 0): float("nan") if row[4] is None else float(row[4]) for row in rows}
    words = ", ".join(f"{value:.3f} at {magnitude:g}" for magnitude, value in middle.items())
    adds = "add up" if middle[_PUBLISHED] < 0.1 else "do not add up at 100"
    if middle[_MAGNITUDES[0]] < 0.1 <= middle[_PUBLISHED]:
        adds = "add up only while they are small"
    return Finding(
        verdict=verdict_of(middle[_MAGNITUDES[0]] < 0.1, middle[_PUBLISHED] < 0.1),
        sentence=(
            "The change of two components together differs from the sum of their changes by a median share of its "
            f"size of {words}, where 0 would be additive and 1 unrelated: changes {adds}; least so those of "
            f"{worst[0]}, {worst[1]:.3f} at 100."
        ),
        plates=tuple(Plate(part) for part in sheet.parts),
        split="all images, drawn at random",
        n=f"{images} faces, 2 pairs of components in each part",
        model=f"{lab.words()}; {lab.data.title}",
        published="stated without a number, at 100",
        ours=words,
    )


ENTRIES = (
    Entry(
        "S1-F22",
        "Corrupting one component",
        "One component set to 100 usually changes a spot, sometimes the whole picture.",
        "Components of every part set to 3, 10, 30 and 100 in held-out faces: share of pixels that change visibly.",
        one_component,
    ),
    Entry(
        "S1-F23",
        "Corrupting many components",
        "The more components are corrupted, the more of the picture changes.",
        "1 to 100 random components set to 10, by part of the code: size and spread of the change with intervals.",
        many_components,
    ),
    Entry(
        "S1-X9",
        "Corruptions add up",
        "The change of two corruptions at once is the sum of their changes.",
        "Unclipped change of both against the sum, over its size, by part and magnitude.",
        additive,
    ),
)

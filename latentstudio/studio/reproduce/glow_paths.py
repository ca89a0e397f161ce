"""Transitions between two faces, straight and norm-preserving, and the norms along them."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.controls import build
from latentstudio.data.prepare import fit
from latentstudio.figures.run import run_recipe
from latentstudio.operations.base import Surroundings
from latentstudio.operations.interpolate import PATH_LABELS, PATHS, Interpolate
from latentstudio.results import PATH_ROLES, Band, Curve, Line, Strip, Table, final
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab

STEPS, _PAIRS, _SHOWN = 9, 4, 2
CODES = "codes of dequantised images"


def on_path(lab: GlowLab, a: NDArray[np.float32], b: NDArray[np.float32], path: str, t: Floats) -> NDArray[np.float32]:
    """Codes (len(t), D) at the places `t` of a path between two codes, by the operation that the window uses."""
    surroundings = Surroundings(lab.model().space, _no_mean, _no_mean)
    inputs = {"a": torch.from_numpy(a[None]), "b": torch.from_numpy(b[None])}
    rows = [build(Interpolate, {"paths": (path,), "at": float(s)}).codes(inputs, surroundings).codes for s in t]
    return torch.cat(rows).numpy()


def _no_mean() -> torch.Tensor:
    raise RuntimeError("a path between two codes needs no mean")


def _pixel_distances(lab: GlowLab, strip: Strip) -> tuple[Floats, Floats]:
    """Root-mean-square difference of every frame to the first and to the last, grey levels (n,)."""
    frames = fit(strip.frames.images, lab.info.image_shape).reshape(len(strip.frames), -1).astype(np.float64)
    to = [np.sqrt(np.square(frames - frames[k]).mean(axis=1)) * 127.5 for k in (0, -1)]
    return to[0], to[1]


def transition(lab: GlowLab, path: str) -> tuple[tuple[Plate, ...], list[tuple[Any, ...]], bool, bool]:
    """Walk between some pairs of held-out faces.

    Returns
    -------
    Plates; rows with ends, norms at A, least and at B, the largest deviation from the interpolated norm, and the detour
    in pixels; whether every frame is finite; whether every step leads away from A and towards B.
    """
    plates: list[Plate] = []
    rows: list[tuple[Any, ...]] = []
    finite, steady = True, True
    for k, (a, b) in enumerate(lab.pairs(_PAIRS)):
        recipe = lab.code_recipe("interpolate", a=lab.code(a), b=lab.code(b), paths=(path,), steps=STEPS)
        strip = final(run_recipe(recipe, lab.workspace))
        assert isinstance(strip, Strip)
        norm, t = strip.frames.norm, strip.positions
        wanted = (1 - t) * norm[0] + t * norm[-1]
        away, near = _pixel_distances(lab, strip)
        monotone = bool((np.diff(away) > 0).all() and (np.diff(near) < 0).all())
        finite, steady = finite and bool(strip.frames.finite.all()), steady and monotone
        detour = float(np.abs(np.diff(away)).sum() / away[-1]) if away[-1] else math.nan
        off = float(np.abs(norm / wanted - 1).max())
        ends = (float(norm[0]), float(norm.min()), float(norm[-1]))
        rows.append((*strip.end_labels, *ends, 100 * off, detour, "yes" if monotone else "no"))
        if k < _SHOWN:
            plates.append(Plate(recipe, f"From {strip.end_labels[0]} to {strip.end_labels[1]}."))
    return tuple(plates), rows, finite, steady


_HEADS = ("A", "B", "norm at A", "least", "at B", "off the interpolated norm, %", "detour", "steady")


def linear_transition(lab: GlowLab) -> Finding:
    """S1-F8."""
    plates, rows, finite, steady = transition(lab, "linear")
    count = sum(row[-1] == "yes" for row in rows)
    dip = float(np.mean([float(row[3]) / (float(row[2]) + float(row[4])) * 2 for row in rows]))
    return Finding(
        verdict=verdict_of(finite, steady),
        sentence=(
            f"On {count} of {len(rows)} straight lines every step leads away from A and towards B in pixels; the norm "
            f"falls to {dip:.3f} of that of the ends on the way."
        ),
        plates=(*plates, Plate(Table(_HEADS, tuple(rows)))),
        split=f"held-out images of {lab.split_words}",
        n=f"{len(rows)} pairs, {STEPS} frames each",
        model=f"{lab.words()}; {CODES}",
        published="figure only",
        ours=f"{count} of {len(rows)} steady",
    )


def norm_preserving_transition(lab: GlowLab) -> Finding:
    """S1-F9."""
    plates, rows, finite, _ = transition(lab, "norm_preserving")
    off = max(float(row[5]) for row in rows)
    count = sum(row[-1] == "yes" for row in rows)
    return Finding(
        verdict=verdict_of(finite, off < 0.01),
        sentence=(
            f"Rescaled to the norm (1-t)|A| + t|B|, frames keep it to within {off:.1e} %; {count} of {len(rows)} paths "
            "lead away from A and towards B at every step in pixels."
        ),
        plates=(*plates, Plate(Table(_HEADS, tuple(rows)))),
        split=f"held-out images of {lab.split_words}",
        n=f"{len(rows)} pairs, {STEPS} frames each",
        model=f"{lab.words()}; {CODES}",
        published="equation 4.2",
        ours=f"norm kept to {off:.1e} %",
    )


def _norms(lab: GlowLab, pairs: list[tuple[int, int]], path: str, t: Floats) -> Floats:
    """Norms (pairs, len(t)) along a path between the codes of pairs of rows."""
    rows = [on_path(lab, lab.noisy[a], lab.noisy[b], path, t).astype(np.float64) for a, b in pairs]
    return np.array([np.linalg.norm(codes, axis=1) for codes in rows])


def norms_along(lab: GlowLab) -> Finding:
    """S1-F10."""
    t = np.linspace(0.0, 1.0, 33)
    pairs = list(lab.pairs(lab.some(32, 6)))
    curves = {label: _norms(lab, pairs, path, t) for path, label in zip(PATHS, PATH_LABELS, strict=True)}
    low, high = lab.band
    lines = [Line(label, t, norms.mean(axis=0), PATH_ROLES[label]) for label, norms in curves.items()]  # type: ignore[arg-type]
    ends = curves["Linear"][:, [0, -1]]
    dips = curves["Linear"].min(axis=1) / ends.mean(axis=1)
    cosines = [
        float(lab.noisy[a].astype(np.float64) @ lab.noisy[b])
        / float(np.linalg.norm(lab.noisy[a]) * np.linalg.norm(lab.noisy[b]))
        for a, b in pairs
    ]
    inside = {
        label: 100 * float(((norms[:, 16] >= low) & (norms[:, 16] <= high)).mean()) for label, norms in curves.items()
    }
    rows = tuple(
        (label, float(norms[:, 0].mean()), float(norms[:, 16].mean()), float(norms[:, 16].std(ddof=1)), inside[label])
        for label, norms in curves.items()
    )
    draws = np.linalg.norm(lab.draws(256).astype(np.float64), axis=1)
    sampled = ("draws of the prior", float(draws.mean()), None, float(draws.std(ddof=1)), 95.0)
    heads = ("path", "norm at the ends", "halfway", "its sd", "in the sampled band, %")
    curve = Curve(
        tuple(lines),
        "t",
        "norm of the code, mean over pairs",
        band=Band(low, high, "95 % of prior draws"),
    )
    middle = float(curves["Linear"][:, 16].mean())
    outside = middle < low
    return Finding(
        verdict=verdict_of(outside, abs(float(dips.mean()) - math.sqrt(0.5)) < 0.1),
        sentence=(
            f"The straight line dips to {middle:.1f}, {dips.mean():.3f} of its ends (independent codes: 0.707; the "
            f"cosine of two codes is {np.mean(cosines):.3f} on average), while 95 % of prior draws lie in "
            f"[{low:.1f}, {high:.1f}]. Halfway, {inside['Norm-preserving']:.0f} % of norm-preserving and "
            f"{inside['Matched']:.0f} % of matched codes lie in that band."
        ),
        plates=(Plate(curve), Plate(Table(heads, (*rows, sampled)))),
        split=f"held-out images of {lab.split_words}",
        n=f"{len(pairs)} pairs",
        model=f"{lab.words()}; {CODES}",
        published="sampled norms in [450, 475]; the line dips close to 300 (0.707 of 457 is 323)",
        ours=f"sampled norms in [{low:.1f}, {high:.1f}]; the line dips to {middle:.1f}",
    )


ENTRIES = (
    Entry(
        "S1-F8",
        "Linear transition between two images",
        "A straight line in the latent space changes one face into another.",
        "Straight lines between codes of held-out faces; norms, and pixel distances to both ends.",
        linear_transition,
    ),
    Entry(
        "S1-F9",
        "Norm-preserving transition",
        "Rescaled to the norm of its ends, the path stays on the shell of the prior.",
        "The same pairs along the line rescaled to the interpolated norm; t = 0 is A and t = 1 is B.",
        norm_preserving_transition,
    ),
    Entry(
        "S1-F10",
        "Norms along both paths",
        "Sampled norms lie in [450, 475]; the straight line dips close to 300.",
        "Norms along four paths, averaged over pairs, with the band of the prior's draws.",
        norms_along,
    ),
)

"""Adding attributes to faces and taking them away again: smile, moustache, age; the best strength."""

import math
from typing import Any

import numpy as np

from latentstudio.results import Band, Curve, Line, Table
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_edits import Edited, edited, known_subjects, notes_of, there_and_back
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import analysed, said_of, subject

ALPHAS = (0.0, 0.5, 1.0, 2.0, 3.0)
_FACES, _QUICK_FACES, _SHOWN = 24, 6, 3


def adding(id: str, title: str, what: str) -> Entry:
    """Return the entry that adds an attribute by all strengths to held-out faces that lack it."""

    def run(lab: GlowLab) -> Finding:
        who = subject(lab, what)
        rows = who.faces(False, lab.some(_FACES, _QUICK_FACES))
        found = edited(who, rows, ALPHAS)
        gain, error = found.gain(1.0)
        share, finite = found.passed(2.0), bool((found.finite == 100).all())
        return Finding(
            verdict=verdict_of(gain > 2 * error, share >= 50, finite),
            sentence=(
                f"{who.heading}, added to {len(rows)} held-out faces that lack it: the score of a classifier of "
                f"pictures rises by {gain:.2f} of the distance between the classes at strength 1 (standard error "
                f"{error:.2f}), and {share:.0f} % of the faces count as having it at strength 2, "
                f"{found.passed(3.0):.0f} % at 3; the norm goes from {found.norms[:, 0].mean():.1f} to "
                f"{found.norms[:, -1].mean():.1f}. {who.note}"
            ).strip(),
            plates=(
                Plate(who.edit(rows[:_SHOWN], ALPHAS), f"{what.capitalize()} at strengths 0, 0.5, 1, 2, 3."),
                Plate(found.table(notes_of(who))),
            ),
            n=f"{len(rows)} faces, {len(ALPHAS)} strengths",
            published="figure only",
            ours=f"{gain:+.2f} at strength 1; {share:.0f} % at 2",
            **said_of(who),
        )

    return Entry(
        id,
        title,
        f"{what.capitalize()} can be added by z + alpha (mean with - mean without).",
        "Difference of class means added to held-out faces that lack it, strengths 0, 0.5, 1, 2, 3; score of a "
        "classifier of pictures, norm, distance to the nearest training face.",
        run,
    )


def removing(lab: GlowLab) -> Finding:
    """S1-X4."""
    rows: list[tuple[Any, ...]] = []
    plates: list[Plate] = []
    notes: list[str] = []
    falls, returns = [], []
    for who in known_subjects(lab, ("smile", "moustache", "eyeglasses")):
        have = who.faces(True, lab.some(_FACES, _QUICK_FACES))
        found = edited(who, have, (0.0, -1.0, -2.0))
        loss, error = found.gain(-1.0)
        lack = who.faces(False, lab.some(_FACES, _QUICK_FACES))
        away, back = there_and_back(who, lack, 1.0)
        falls.append(loss < -2 * error)
        returns.append(back < away)
        scores = (float(found.scores[:, k].mean()) for k in range(3))
        rows.append(
            (who.spec, len(have), *scores, error, 100 - found.passed(-1.0), 100 - found.passed(-2.0), away, back)
        )
        notes += notes_of(who)
        plates.append(
            Plate(who.edit(have[:_SHOWN], (0.0, -0.5, -1.0, -2.0, -3.0)), f"{who.what.capitalize()} removed.")
        )
    heads = (
        *("attribute", "faces with it", "score", "at −1", "at −2", "standard error at −1", "without at −1, %"),
        *("without at −2, %", "added: RMS change", "and removed again: RMS"),
    )
    table = Table(heads, tuple(rows), digits=3, notes=tuple(dict.fromkeys(notes)))
    words = "; ".join(f"{r[0]} from {r[2]:.2f} to {r[3]:.2f} at −1 and {r[4]:.2f} at −2" for r in rows)
    again = "; ".join(f"{r[0]} {r[8]:.1f} and {r[9]:.1f}" for r in rows)
    return Finding(
        verdict=verdict_of(*falls, *returns),
        sentence=(
            f"Taken from held-out faces that have it, the score falls for {sum(falls)} of {len(rows)} attributes "
            f"({words}). Added by 1, shown in 8 bits, encoded and removed again, pictures differ from the face by, in "
            f"grey levels after adding and after removing: {again}."
        ),
        plates=(*plates, Plate(table)),
        n=f"{min(int(r[1]) for r in rows)} to {max(int(r[1]) for r in rows)} faces of each",
        published="equation 4.5; stated without a number",
        ours=f"{sum(falls)} of {len(rows)} fall; {sum(returns)} of {len(rows)} return",
        **said_of(subject(lab, "smile")),
    )


# --- the best strength


def best_strengths(found: Edited) -> Floats:
    """Smallest strength (faces,) at which a face scores as the average face with the attribute; NaN if none does.

    Between two strengths the score is taken to be straight.
    """
    best = np.full(len(found.scores), np.nan)
    for face, scores in enumerate(found.scores):
        reached = np.flatnonzero(scores >= 1)
        if not len(reached):
            continue
        k = int(reached[0])
        best[face] = found.strengths[k]
        if k:
            before, after = scores[k - 1], scores[k]
            step = found.strengths[k] - found.strengths[k - 1]
            best[face] = found.strengths[k - 1] + step * (1 - before) / (after - before)
    return best


def best_strength(lab: GlowLab) -> Finding:
    """S1-X5."""
    strengths = tuple(float(a) for a in np.linspace(0, 4, 9 if lab.quick else 17))
    rows: list[tuple[Any, ...]] = []
    lines: list[Line] = []
    prices: list[Line] = []
    notes: list[str] = []
    whole = known_subjects(lab, ("smile", "moustache", "eyeglasses"))
    for who, role in zip(whole, ("data", "train", "held_out"), strict=False):
        found = edited(who, who.faces(False, lab.some(_FACES, _QUICK_FACES)), strengths)
        best = best_strengths(found)
        known = best[np.isfinite(best)]
        quartiles = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.full(3, np.nan)
        window = ((found.scores > 0.5) & (found.scores < 1.5)).mean(axis=0)
        single = int(window.argmax())
        fits = (100 * float(window[single]), strengths[single], 100 * who.judge.fitting)
        rows.append((who.spec, len(best), *_cells(quartiles), 100 * (1 - len(known) / len(best)), *fits))
        low, middle, high = np.quantile(found.scores, [0.25, 0.5, 0.75], axis=0)
        lines.append(Line(who.spec, found.strengths, middle, role, "both", low, high))  # type: ignore[arg-type]
        prices.append(Line(who.spec, found.strengths, found.nearest.mean(axis=0), role, "both"))  # type: ignore[arg-type]
        notes += notes_of(who)
    heads = (
        *("attribute", "faces", "25 %", "median", "75 %", "never, %", "best single strength fits, %", "strength"),
        "fits, of faces with it, %",
    )
    said = (
        "Best strength of a face: the smallest at which it scores as the average face with the attribute. It fits: a "
        "score of 0.5 to 1.5."
    )
    table = Table(heads, tuple(rows), digits=2, notes=(said, *dict.fromkeys(notes)))
    curve = analysed(
        whole[0].lab, "edit_curve", attribute=whole[0].spec, faces=lab.some(24, 6), images=max(whole[0].lab.limit, 40)
    )
    one = [float(r[6]) for r in rows]
    spread = [float(r[4] - r[2]) if r[3] is not None else math.inf for r in rows]
    words = "; ".join(_range(r) for r in rows)
    return Finding(
        verdict=verdict_of(max(spread) >= 0.5, any(float(r[6]) < float(r[8]) for r in rows)),
        sentence=(
            "The strength at which a face scores as the average face with the attribute differs from face to face: "
            f"{words}. The best single strength gives a score of 0.5 to 1.5 to {_suits(rows)}. What the analysis of "
            f"edit strength says of {whole[0].spec}: {curve.parts[0].notes[0]}"
        ),
        plates=(
            Plate(Curve(tuple(lines), "strength", "score, quartiles", band=Band(0.5, 1.5, "fits"), title="Score")),
            Plate(Curve(tuple(prices), "strength", "grey levels", title="Distance to the nearest training face")),
            Plate(table),
            *(Plate(part, f"Edit strength of {whole[0].what}.") for part in curve.parts if isinstance(part, Curve)),
        ),
        n=f"{max(int(r[1]) for r in rows)} faces, {len(strengths)} strengths",
        published="stated without a number",
        ours=f"one strength suits {min(one):.0f} to {max(one):.0f} %",
        **said_of(whole[0]),
    )


def _cells(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def _suits(rows: list[tuple[Any, ...]]) -> str:
    return ", ".join(f"{row[6]:.0f} % for {row[0]} ({row[8]:.0f} % of real faces with it)" for row in rows)


def _range(row: tuple[Any, ...]) -> str:
    if row[3] is None:
        return f"{row[0]} is reached by no face up to 4"
    return f"{row[0]} {row[2]:.1f} to {row[4]:.1f} for the middle half, never for {row[5]:.0f} %"


ENTRIES: tuple[Entry, ...] = (
    adding("S1-F14", "Adding a smile", "smile"),
    adding("S1-F15", "Adding a moustache", "moustache"),
    adding("S1-F16", "Adding age", "age"),
    Entry(
        "S1-X4",
        "Removing a feature again",
        "Subtracting the same direction removes a feature.",
        "Strengths −1 and −2 on held-out faces that have it; and added, encoded anew from 8 bits, removed again.",
        removing,
    ),
    Entry(
        "S1-X5",
        "The best strength is hard to find",
        "There is no strength that is good for all faces and attributes.",
        "For each face the strength at which it scores as the average face with the attribute; quartiles over faces.",
        best_strength,
    ),
)

"""Prototypes: decoded means of classes and of their complements."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.prototypes import rank_correlation
from latentstudio.errors import UserError
from latentstudio.results import Table
from latentstudio.stats.pictures import HALF_RANGE
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import Subject, analysed, binary_columns, labelled, subject, table_in

_CLASSES = ("bald", "smile", "moustache", "eyeglasses")
_MOST, _RARE = 12, 20.0
_APART = 0.5
"""Part of the distance between the classes by which a prototype must score above its opposite."""
_GRID, _DISTANCES, _SHARES = (
    "Prototypes and opposites",
    "Distances of the means",
    "Rare classes have opposites that look alike",
)


def _of_classes(lab: GlowLab) -> tuple[Subject, ...]:
    """The published classes that the data set has; those of the drawn faces where it has none.

    Raises
    ------
    UserError
        Neither has any; the sentence is that of the last class.
    """
    found, why = [], ""
    for name in _CLASSES:
        try:
            found.append(subject(lab, name))
        except UserError as error:
            why = str(error)
    own = [who for who in found if who.lab is lab]
    if not found:
        raise UserError(why)
    return tuple(own or found)


def _plates(lab: GlowLab, specs: tuple[str, ...], *titles: str) -> tuple[Plate, ...]:
    sheet = analysed(lab, "prototypes", attributes=specs, sample=lab.limit)
    return tuple(Plate(part) for part in sheet.parts if part.title in titles)


def _scored(who: Subject) -> tuple[float, float, float]:
    """Scores of the decoded mean with the attribute, of the mean without it, and of the mean of all."""
    d = who.direction
    overall = d.share * d.mean_with + (1 - d.share) * d.mean_without
    with_it, without, mean = who.judge.scores(who.lab.decoded_raw(np.stack([d.mean_with, d.mean_without, overall])))
    return float(with_it), float(without), float(mean)


def _scores_table(whole: tuple[Subject, ...]) -> tuple[Table, list[tuple[float, float, float]]]:
    scores = [_scored(who) for who in whole]
    rows = tuple(
        (who.spec, *who.direction.counts, *score, who.judge.auc) for who, score in zip(whole, scores, strict=True)
    )
    heads = ("class", "with", "without", "prototype", "opposite", "mean of all", "AUC of the classifier")
    note = (
        "Scores of a classifier of pictures: 0 is the average held-out face without the attribute, 1 that with it. A "
        "mean face is smoother than any face of the data, and can be far from both."
    )
    return Table(heads, rows, digits=2, notes=(note,)), scores


def _missing(whole: tuple[Subject, ...]) -> str:
    lacking = [name for name in _CLASSES if name not in {who.what for who in whole}]
    if whole[0].note:
        return f" {whole[0].note}"
    return f" The data set has no label for {', '.join(lacking)}." if lacking else ""


def _about(lab: GlowLab, whole: tuple[Subject, ...]) -> dict[str, str]:
    counts = ", ".join(f"{who.spec} {who.direction.counts[0]:,} and {who.direction.counts[1]:,}" for who in whole)
    return {
        "split": "all images, as means of classes; scores on held-out images",
        "n": f"with and without: {counts}",
        "model": f"{lab.words()}; {lab.data.title}",
    }


def prototypes(lab: GlowLab) -> Finding:
    """S1-F11."""
    whole = _of_classes(lab)
    table, scores = _scores_table(whole)
    words = ", ".join(f"{w.spec} {s[0]:.2f} (opposite {s[1]:.2f})" for w, s in zip(whole, scores, strict=True))
    shown = [score[0] > 0.5 and score[0] - score[1] >= _APART for score in scores]
    return Finding(
        verdict=verdict_of(*shown),
        sentence=(
            f"{sum(shown)} of {len(shown)} decoded means of classes show their attribute: they score more than 0.5 (0 "
            "and 1 are the average faces without and with it, by a classifier of pictures), and more than their "
            f"opposites by {_APART:g} or more: {words}.{_missing(whole)}"
        ),
        plates=(*_plates(whole[0].lab, tuple(w.spec for w in whole), _GRID, _DISTANCES), Plate(table)),
        published="figure only",
        ours=words,
        **_about(whole[0].lab, whole),
    )


def opposites(lab: GlowLab) -> Finding:
    """S1-F12."""
    whole = _of_classes(lab)
    table, scores = _scores_table(whole)
    words = ", ".join(f"{who.spec} {score[1]:.2f}" for who, score in zip(whole, scores, strict=True))
    lacking = [score[1] < 0.5 for score in scores]
    apart = [score[1] < score[0] for score in scores]
    return Finding(
        verdict=verdict_of(*lacking, *apart),
        sentence=(
            f"{sum(lacking)} of {len(lacking)} decoded means of complements are nearer to the average face without "
            f"the attribute (0) than to that with it (1): {words}.{_missing(whole)}"
        ),
        plates=(*_plates(whole[0].lab, tuple(w.spec for w in whole), _GRID, _DISTANCES), Plate(table)),
        published="figure only",
        ours=words,
        **_about(whole[0].lab, whole),
    )


def binary_classes(lab: GlowLab) -> tuple[str, ...]:
    """Names of at most twelve yes-or-no labels with members on both sides, spread over all shares."""
    shares = binary_columns(lab)
    ordered = sorted(shares, key=lambda name: shares[name])
    places = np.unique(np.linspace(0, len(ordered) - 1, min(_MOST, len(ordered))).round().astype(int))
    return tuple(ordered[k] for k in places)


def mean_difference(pictures: NDArray[np.float32]) -> float:
    """Mean root-mean-square difference of all pairs of pictures (n, C, H, W), grey levels; NaN for fewer than two."""
    rows = np.nan_to_num(pictures).clip(-1, 1).reshape(len(pictures), -1).astype(np.float64)
    pairs = [
        float(np.sqrt(np.square(rows[i] - rows[j]).mean())) for i in range(len(rows)) for j in range(i + 1, len(rows))
    ]
    return HALF_RANGE * float(np.mean(pairs)) if pairs else float("nan")


def look_alike(lab: GlowLab) -> Finding:
    """S1-X3."""
    lab = labelled(lab)
    names = binary_classes(lab)
    sheet = analysed(lab, "prototypes", attributes=names, sample=lab.limit)
    rows = table_in(sheet, _DISTANCES).rows
    share, away = (np.array([float(r[k] or 0) for r in rows]) for k in (3, 7))
    rank = rank_correlation(share, away)
    rank = float("nan") if rank is None else rank
    rare = [Subject(lab, str(r[0]), str(r[0])) for r in rows if float(r[3] or 0) < _RARE]
    if len(rare) < 2:
        raise UserError(f"{lab.data.title} has fewer than two classes below {_RARE:g} %; no opposites to compare.")
    first, second = (
        mean_difference(lab.decoded_raw(np.stack([getattr(w.direction, part) for w in rare])))
        for part in ("mean_with", "mean_without")
    )
    noise: list[tuple[Any, ...]] = [("prototypes", len(rare), first), ("opposites", len(rare), second)]
    table = Table(("of rare classes", "classes", "mean difference of two, grey levels"), tuple(noise), digits=2)
    return Finding(
        verdict=verdict_of(rank > 0.5, second < 0.5 * first),
        sentence=(
            f"Over {len(rows)} classes the distance of the opposite from the mean of all goes with the share of the "
            f"class (rank correlation {rank:.2f}), as mu - mu_not = share x (mu_with - mu_not) says; decoded "
            f"opposites of the {len(rare)} classes below {_RARE:g} % differ by {second:.1f} grey levels from each "
            f"other, their prototypes by {first:.1f}."
        ),
        plates=(*_plates(lab, names, _SHARES, _GRID, _DISTANCES), Plate(table)),
        split="all images",
        n=f"{len(rows)} classes, {', '.join(names)}",
        model=f"{lab.words()}; {lab.data.title}",
        published="stated without a number",
        ours=f"rank correlation {rank:.2f}; {second:.1f} against {first:.1f} grey levels",
    )


def genders(lab: GlowLab) -> Finding:
    """S1-F13."""
    who = subject(lab, "gender")
    other = who.lab
    with_it, without, _ = _scored(who)
    d = who.direction
    table, _ = _scores_table((who,))
    return Finding(
        verdict=verdict_of(with_it - without >= _APART, without < 0.5 < with_it, d.auc > 0.6),
        sentence=(
            f"The mean of {who.words} scores {with_it:.2f} and that of the others {without:.2f} (0 and 1 are the "
            f"average faces of the two); the means lie {d.length:.1f} apart, where draws of the prior would give "
            f"{d.noise:.1f}, and the line through them tells the classes with an AUC of {d.auc:.2f}. {who.note}"
        ).strip(),
        plates=(*_plates(other, (who.spec,), _GRID, _DISTANCES), Plate(table)),
        published="figure only",
        ours=f"{with_it:.2f} and {without:.2f}",
        **_about(other, (who,)),
    )


ENTRIES = (
    Entry(
        "S1-F11",
        "Prototypes: bald, smiling, moustache, glasses",
        "The decoded mean of a class shows its attribute.",
        "Decoded means of the classes, scored by a classifier of pictures that no flow is a part of.",
        prototypes,
    ),
    Entry(
        "S1-F12",
        "Opposite prototypes",
        "The decoded mean of all others lacks the attribute.",
        "Decoded means of the complements, scored by the same classifiers.",
        opposites,
    ),
    Entry(
        "S1-X3",
        "Opposites of rare classes look alike",
        "The rarer a class, the more its opposite is the mean face, so that opposites look alike.",
        "Share of a class against the distance of its opposite from the mean of all; pixel differences of opposites "
        "and of prototypes.",
        look_alike,
    ),
    Entry(
        "S1-F13",
        "Male and female prototypes",
        "The means of two classes of equal size both show their class.",
        "Decoded means of a gender and of the other, scored by a classifier of pictures; the nearest column where a "
        "data set has no gender.",
        genders,
    ),
)

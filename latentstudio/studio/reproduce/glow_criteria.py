"""The criteria that are said to decide which features can be edited, and what they have to do with the edits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentstudio.analyses.feature_sheet import CRITERIA
from latentstudio.analyses.prototypes import rank_correlation
from latentstudio.errors import UserError
from latentstudio.results import Sheet, Table
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_edits import edited
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import Subject, analysed, labelled, table_in

_SHEET: tuple[tuple[str, ...], ...] = (
    ("smiling", "Smiling"),
    ("eyeglasses", "Eyeglasses"),
    ("mustache", "Mustache"),
    ("bald", "Bald"),
    ("beard", "Goatee"),
    ("hat", "Wearing_Hat"),
    ("mouth_open", "Mouth_Slightly_Open"),
    ("bangs", "Bangs"),
    ("Male", "gender=male"),
    ("Young", "not young"),
    ("Blond_Hair", "blond"),
)
STRENGTH = 2.0
_ALL, _OTHERS = "mean rank of all", "mean rank without opposite"


@dataclass(frozen=True)
class Criteria:
    """A row of the feature sheet.

    Attributes
    ----------
    values : of the criteria by name, NaN where unknown.
    effect : how far adding the feature to held-out faces moves the score of a classifier of pictures that has no part
        in the criteria, in standard deviations of the score within a class; NaN where nothing can judge it. In
        distances between the classes an edit would look the larger, the worse the classifier.
    """

    feature: str
    values: dict[str, float]
    effect: float


def deviations(auc: float) -> float:
    """Distance between two normal classes of equal spread that give this area under the ROC curve, in deviations."""
    from scipy.special import ndtri

    return float(np.sqrt(2) * ndtri(np.clip(auc, 1e-9, 1 - 1e-9)))


def mean_ranks(rows: Sequence[Criteria], names: Sequence[str]) -> Floats:
    """Mean rank (n,) of features over those of the criteria that are known of all of them; NaN where none is."""
    from scipy.stats import rankdata

    columns = [np.array([row.values[name] for row in rows]) for name in names]
    known = [rankdata(column) for column in columns if np.isfinite(column).all()]
    return np.mean(known, axis=0) if known else np.full(len(rows), np.nan)


def sheet_of(lab: GlowLab) -> tuple[Sheet, tuple[Criteria, ...]]:
    """The feature sheet of the data set's own attributes, and its rows."""
    table = lab.data.attributes
    names = [next((s for s in spellings if s.partition("=")[0] in table), "") for spellings in _SHEET]
    specs = tuple(name for name in names if name and _known(lab, name))
    if len(specs) < 2:
        raise UserError(f"{lab.data.title} has fewer than two of the attributes that the sheet is about.")
    sheet = analysed(
        lab,
        "feature_sheet",
        attributes=specs,
        strength=STRENGTH,
        faces=lab.some(24, 4),
        sample=min(lab.limit, 1000),
    )
    rows = table_in(sheet, "Features and criteria")
    found = tuple(
        Criteria(
            str(row[0]),
            {name: _number(row[rows.columns.index(name)]) for name in CRITERIA},
            _effect(Subject(lab, spec, spec)),
        )
        for spec, row in zip(specs, rows.rows, strict=True)
    )
    return sheet, found


def _effect(who: Subject) -> float:
    """Effect of adding an attribute, see `Criteria`."""

    def measure() -> float:
        if not who.judge.sees:
            return float("nan")
        faces = who.faces(False, who.lab.some(24, 6))
        return edited(who, faces, (0.0, STRENGTH)).gain(STRENGTH)[0] * deviations(who.judge.auc)

    return who.lab.once(f"effect {who.spec}", measure)


def _known(lab: GlowLab, spec: str) -> bool:
    labels = Subject(lab, spec, spec).members.labels
    return min(int((labels == 1).sum()), int((labels == 0).sum())) >= 8


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def what_works(lab: GlowLab) -> Finding:
    """S1-X10."""
    lab = labelled(lab)
    sheet, rows = sheet_of(lab)
    known = [row for row in rows if np.isfinite(row.effect)]
    if len(known) < 3:
        raise UserError(f"A classifier of pictures tells fewer than three features of {lab.data.title}.")
    effect = np.array([row.effect for row in known])
    columns = {name: np.array([row.values[name] for row in known]) for name in CRITERIA}
    columns |= {_ALL: mean_ranks(known, CRITERIA), _OTHERS: mean_ranks(known, [n for n in CRITERIA if n != "opposite"])}
    ranks = {name: _rank(values, effect) for name, values in columns.items()}
    note = (
        f"Over {len(known)} features at strength {STRENGTH:g}; effect: how far the edit moves the score of a "
        "classifier of pictures, which has no part in the criteria, in standard deviations within a class."
    )
    table = Table(("criterion", "rank correlation with the effect of the edit"), tuple(ranks.items()), 2, notes=(note,))
    best = max(known, key=lambda row: row.effect)
    words = ", ".join(f"{name} {value:.2f}" for name, value in ranks.items() if np.isfinite(value))
    return Finding(
        verdict=verdict_of(ranks[_ALL] > 0.5, ranks[_OTHERS] > 0.5),
        sentence=(
            f"Over {len(known)} features the rank correlation of a criterion with the effect of the edit, on a "
            f"classifier of pictures, is: {words}. The largest effect has {best.feature} ({best.effect:.1f} standard "
            f"deviations). With {len(known)} features a correlation below about {1.96 / (len(known) - 1) ** 0.5:.2f} "
            "cannot be told from none."
        ),
        plates=(*(Plate(part) for part in sheet.parts), Plate(table)),
        split="directions and classifiers without the edited faces; faces held out where the model says so",
        n=f"{len(rows)} features, {lab.some(24, 4)} faces",
        model=f"{lab.words()}; {lab.data.title}",
        published="a heuristic: local, unique, well sampled, with an opposite, in norm",
        ours=f"rank correlation {ranks[_ALL]:.2f}, without opposite {ranks[_OTHERS]:.2f}",
    )


def _rank(values: Floats, effect: Floats) -> float:
    usable = np.isfinite(values)
    found = rank_correlation(values[usable], effect[usable]) if usable.any() else None
    return float("nan") if found is None else found


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "S1-X10",
        "What makes a feature work",
        "Features that are local, unique, well sampled, with an opposite and in norm can be edited.",
        "The five criteria of every feature, and their rank correlation with what an edit does to a classifier's "
        "score.",
        what_works,
    ),
)

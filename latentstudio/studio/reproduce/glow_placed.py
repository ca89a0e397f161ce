"""Edits that go wrong: a smile on a face off the centre, and a single person instead of a class; their norms."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.inputs import MEAN_CODE
from latentstudio.figures.recipe import CodeInput
from latentstudio.results import Table
from latentstudio.stats.pictures import change_map, visible
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import (
    Subject,
    analysed,
    code_of,
    plain_codes,
    said_of,
    subject,
    table_in,
)
from latentstudio.studio.reproduce.samples import out_of_range

_STRENGTHS = (0.0, 0.5, 1.0, 1.5)
_PRINTED = 834 / 457
"""Published norm of a single person's result over that of the source; 1.43 would go with strength 1."""


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def placed(lab: GlowLab) -> Finding:
    """S1-F24."""
    who = subject(lab, "smile")
    sheet = analysed(
        who.lab, "edit_map", attribute=who.spec, strength=2.0, sample=who.lab.limit, faces=lab.some(32, 6), across=12.5
    )
    table = table_in(sheet, "Where the change lies")
    cells = {str(row[0]): tuple(_number(v) for v in row[1:]) for row in table.rows}
    followed, low, high = cells["part of the move that the change followed"]
    still, along = cells["likeness of both maps in place"][0], cells["likeness when moved along"][0]
    where = "stays in its place of the picture" if followed < 0.5 else "follows the face"
    return Finding(
        verdict=verdict_of(followed < 0.5, still > along),
        sentence=(
            f"On faces moved by an eighth of the width the change of {who.words} has followed {100 * followed:.0f} % "
            f"of the move (95 %: {100 * low:.0f} to {100 * high:.0f}): it {where}. The mean map of the change "
            f"correlates with that of the faces as they are by {still:.2f} in place and by {along:.2f} moved along."
        ),
        plates=tuple(Plate(part) for part in sheet.parts),
        n=f"{lab.some(32, 6)} faces and their moved copies",
        published="figure only: a smile drawn where the mouth would be",
        ours=f"{100 * followed:.0f} % of the move",
        **said_of(who),
    )


def persons(who: Subject, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces and persons to add to them, dataset indices (n,) each, of held-out images without the attribute."""
    rows = who.faces(False, 2 * count)
    half = len(rows) // 2
    return rows[:half], rows[half : 2 * half]


def mean_of(who: Subject) -> Floats:
    """Mean code (D,) of all of whom the attribute is known, from the class means and the share of the class."""
    d = who.direction
    mean: Floats = d.share * d.mean_with + (1 - d.share) * d.mean_without
    return mean


def person_or_smile(lab: GlowLab) -> Finding:
    """S1-F25."""
    who = subject(lab, "smile")
    own, mean = who.lab, mean_of(who)
    faces, added = persons(who, lab.some(24, 4))
    sources, others = (plain_codes(own, rows).astype(np.float64) for rows in (faces, added))
    before = own.decoded_raw(sources.astype(np.float32))
    steps = {"single person": others - mean, "smile": np.repeat(who.direction.vector[None], len(faces), axis=0)}
    rows: list[tuple[Any, ...]] = []
    found: dict[tuple[str, float], tuple[float, ...]] = {}
    for name, step in steps.items():
        for strength in _STRENGTHS:
            codes = sources + strength * step
            images = own.decoded_raw(codes.astype(np.float32))
            change = change_map(visible(images), visible(before))
            values = (
                float(np.linalg.norm(codes, axis=1).mean()),
                float(np.sqrt(np.square(change).mean())),
                float(np.median(own.features.nearest(images))),
                float(out_of_range(images).mean()),
            )
            found[name, strength] = values
            rows.append((name, strength, *values))
    person, smile, none = found["single person", 1.0], found["smile", 1.0], found["smile", 0.0]
    heads = ("added", "strength", "norm", "RMS change", "nearest", "clipped, %")
    notes = (
        "A single person is z + strength (z2 - mean of all). RMS change, and the median distance to the nearest "
        f"training face, in grey levels ({own.features.words}).",
        *filter(None, [who.note]),
    )
    plain = own.code_recipe(
        "attribute", images=code_of(own, int(faces[0])), person=code_of(own, int(added[0])), strengths=_STRENGTHS
    )
    sealed = {MEAN_CODE: (CodeInput.of(mean.astype(np.float32), "mean code", "mean of the labelled images"),)}
    recipe = msgspec.structs.replace(plain, inputs=plain.inputs | sealed)
    return Finding(
        verdict=verdict_of(person[1] > 2 * smile[1], person[2] > 1.1 * smile[2], person[0] > 1.2 * smile[0]),
        sentence=(
            f"At strength 1 a single person changes held-out faces by {person[1]:.1f} grey levels and takes the norm "
            f"from {none[0]:.1f} to {person[0]:.1f}; a smile changes them by {smile[1]:.1f} and leaves it at "
            f"{smile[0]:.1f}. The nearest training face is then {person[2]:.1f} and {smile[2]:.1f} grey levels away "
            f"(before: {none[2]:.1f})."
        ),
        plates=(
            Plate(recipe, "A single person added."),
            Plate(who.edit(faces[:1], _STRENGTHS), "A smile added to the same face."),
            Plate(Table(heads, tuple(rows), digits=3, notes=notes)),
        ),
        n=f"{len(faces)} faces, another person for each",
        published="figure only: a single person spoils the face, a smile does not",
        ours=f"{person[1]:.1f} against {smile[1]:.1f} grey levels",
        **said_of(who),
    )


def norm_table(lab: GlowLab) -> Finding:
    """S1-F26."""
    who = subject(lab, "smile")
    sheet = analysed(
        who.lab,
        "norm_table",
        attributes=(who.spec,),
        strengths=(1.0, 1.5),
        images=lab.some(32, 4),
        sample=who.lab.limit,
    )
    table = table_in(sheet, "Norms")
    cells = {
        (str(row[0]), _number(row[2])): tuple(_number(v) for v in row[3:8])
        for row in table.rows
        if not str(row[0]).startswith("published")
    }
    person, longer = cells["single person", 1.0], cells["single person", 1.5]
    smile = next(values for (name, strength), values in cells.items() if name != "single person" and strength == 1.0)
    ratio, at_longer, kept = person[3] / person[0], longer[3] / longer[0], smile[3] / smile[0]
    return Finding(
        verdict=verdict_of(abs(kept - 1) < 0.03, abs(ratio / _PRINTED - 1) < 0.05),
        sentence=(
            f"A smile leaves the norm as it is (times {kept:.3f}; published 457 to 457); a single person at strength "
            f"1 multiplies it by {ratio:.3f}, perpendicular steps would give {person[4] / person[0]:.3f}, and the "
            f"published 834 / 457 = {_PRINTED:.3f}. With strength 1 the published norms would give 652.7; 834 fits a "
            f"strength of 1.497, and at 1.5 ours is multiplied by {at_longer:.3f}."
        ),
        plates=tuple(Plate(part) for part in sheet.parts),
        n=f"{lab.some(32, 4)} sources, one of them the person",
        published="single person 457, 28, 466, 834; smile 457, 27, 29, 457",
        ours=f"single person {_four(person)}; smile {_four(smile)}",
        **said_of(who),
    )


def _four(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:.1f}" for v in values[:4])


ENTRIES = (
    Entry(
        "S1-F24",
        "A failed smile, placed in image coordinates",
        "An edit is placed in the coordinates of the picture, so that it fails on a face off the centre.",
        "A smile added to faces and to copies moved by an eighth of the width: how far the change has followed.",
        placed,
    ),
    Entry(
        "S1-F25",
        "Adding a single person against adding a smile",
        "Adding what is special about a single person spoils the face, adding a smile does not.",
        "Norm, change and distance to the nearest training face by strength, for z + a (z2 - mean) and for a smile.",
        person_or_smile,
    ),
    Entry(
        "S1-F26",
        "Norms of a single person and of a smile",
        "A smile keeps the norm, a single person takes it from 457 to 834.",
        "Norms of source, class mean, feature and result over held-out faces, at strengths 1 and 1.5, beside the "
        "published ones and those of perpendicular steps.",
        norm_table,
    ),
)

"""Norms of source, class mean, feature and result of an edit, beside the published ones."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.classes import (
    ClassMeans,
    MeansPass,
    attributes_control,
    far_note,
    held_out_faces,
    mean_pass,
    note_unread,
    sample_control,
    seed_control,
    wanted,
)
from latentstudio.analyses.passes import Indices, data_of, model_of, origin_words, studied, told
from latentstudio.controls import Slot, control
from latentstudio.errors import UserError
from latentstudio.results import Partial, Sheet, Table
from latentstudio.stats.norms import far_bound, norm_law

Floats = NDArray[np.float64]
Row = tuple[str | int | float | None, ...]

PUBLISHED_SIZE = 256 * 256 * 3
PUBLISHED: tuple[tuple[str, float, float, float, float], ...] = (
    ("published: single person", 457.0, 28.0, 466.0, 834.0),
    ("published: smile", 457.0, 27.0, 29.0, 457.0),
)
"""Name, and norms of source, class mean, feature mean and result, of a Glow of 256 x 256 colour pictures."""

_COLUMNS = ("edit", "images", "α", "source", "mean class", "mean feature", "result", "result if ⟂")
_FITTED = "α that fits"
_ENCODING = 0.9


@dataclass(frozen=True)
class Edit:
    """A step z + strength (feature - class), where the class is what the feature is told apart from.

    Attributes
    ----------
    images : images that the feature mean is made of; 1 for a single person.
    feature, other : float64 (D,) mean with the feature and mean without it.
    """

    words: str
    images: int
    feature: Floats
    other: Floats


@dataclass(frozen=True)
class NormTable:
    """For every edit the norm of the source, of both means, and of the result.

    In many dimensions nearly everything is perpendicular to everything else, so that the result of a step d should have
    the norm sqrt(|z|^2 + strength^2 |d|^2); a table in which it has not was made with another strength. `α that fits`
    solves that for the strength.
    """

    title: ClassVar[str] = "Norms of edits"
    summary: ClassVar[str] = "Norms of source, class mean, feature and result of edits, beside the published ones."
    needs: ClassVar[frozenset[str]] = frozenset({"encode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("faces", "Sources", many=True, optional=True, hint="Drop faces to edit, or let some be drawn"),
        Slot("person", "Person", optional=True, hint="Drop the person to add, or let one be drawn"),
    )

    attributes: tuple[str, ...] = attributes_control()
    strengths: tuple[float, ...] = control(
        (1.0, 1.5), "Strengths", "floats", minimum=-100, maximum=100, help="How much of the feature is added."
    )
    images: int = control(
        16,
        "Sources",
        "int",
        minimum=1,
        maximum=4096,
        help="Held-out faces that norms are averaged over, when none is dropped.",
    )
    sample: int = sample_control()
    seed: int = seed_control()

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the sources, then the classes; all further numbers are norms of sums."""
        if not self.strengths:
            raise UserError("There are no strengths, so there is nothing to show; 1, 1.5 would do.")
        studied(study)
        sources, person, apart, notes = yield from self._inputs(study)
        asked, said = wanted(study, self.attributes, self.sample, self.seed, apart)
        found: MeansPass | None = None
        for step in mean_pass(study, asked, 0.05, _ENCODING):
            if isinstance(step, Partial):
                yield step
            else:
                found = step
        assert found is not None
        edits = [Edit(c.words, c.counts[0], c.present, c.absent) for c in found.classes]
        edits.append(Edit("single person", 1, person, _mean_of_all(found.classes)))
        yield Partial(1.0, self._sheet(study, sources, edits, (*notes, *said, *far_note(found.far))))

    def _inputs(self, study: Study) -> Generator[Partial, None, tuple[Floats, Floats, Indices, tuple[str, ...]]]:
        """Codes of the sources (n, D) and of the person (D,): those dropped, otherwise of faces drawn with the seed.

        The faces that were drawn, int64 (k,), must not take part in the means; sentences say which they are.
        """
        given = _dropped(study, "faces")
        person = _dropped(study, "person")
        if given is not None and person is not None:
            return given, person[0], np.zeros(0, dtype=np.int64), ()
        drawing = (self.images if given is None else 0) + (person is None)
        chosen, words = held_out_faces(study, drawing, self.seed)
        found = yield from told(study.codes(chosen), 0.0, 0.05, "Encoding the sources")
        note_unread(study, chosen[~found.kept])
        if not len(found.codes):
            raise UserError(f"None of the {len(chosen):,} images of {data_of(study).title} can be read.")
        codes, names = _near(study, found.codes.astype(np.float64), chosen[found.kept])
        notes = []
        if person is None:
            notes.append(f"The single person is {data_of(study).image_id(int(names[-1]))}, one of {words}.")
            person, codes = codes[-1:], codes[:-1] if len(codes) > 1 else codes
        if given is None:
            given = codes
            notes.append(f"Norms of source and result are means over {len(codes)} of {words}.")
        return given, person[0], chosen, tuple(notes)

    def _sheet(self, study: Study, sources: Floats, edits: list[Edit], notes: tuple[str, ...]) -> Sheet:
        caption = origin_words(study, studied(study))
        size = model_of(study).space.size
        law = norm_law(model_of(study).space.prior.kind, size)
        rows = [self._row(sources, edit, strength) for edit in edits for strength in self.strengths]
        published = [_published(line, 1.0) for line in PUBLISHED]
        root = float(np.sqrt(size))
        scaled = [_scaled(row, root) for row in rows] + [
            _published(line, np.sqrt(PUBLISHED_SIZE)) for line in PUBLISHED
        ]
        remark = (
            f"Published: one source in a Glow of {PUBLISHED_SIZE:,} components (√D = {np.sqrt(PUBLISHED_SIZE):.1f}). "
            "With strength 1 its single person would give 652.7; 834 fits a strength of 1.497."
        )
        alpha = (
            "Result: z + α (mean feature − mean class). If ⟂: what it would be if that step were perpendicular to the "
            "source. α that fits: the strength that explains the result if it is."
        )
        here = f"Here D = {size:,}, √D = {root:.2f}, and the mean norm of prior draws is {law.mean():.2f}."
        columns = (*_COLUMNS, _FITTED)
        parts = (
            Table(columns, (*rows, *published), title="Norms", caption=caption, notes=(alpha, here, remark, *notes)),
            Table(
                columns, tuple(scaled), digits=3, title="Norms over √D, to compare models of any size", caption=caption
            ),
        )
        return Sheet(parts, title=self.title, caption=caption)

    def _row(self, sources: Floats, edit: Edit, strength: float) -> Row:
        step = edit.feature - edit.other
        source, length = np.linalg.norm(sources, axis=1), float(np.linalg.norm(step))
        result = np.linalg.norm(sources + strength * step, axis=1)
        perpendicular = np.sqrt(np.square(source) + np.square(strength * length))
        fits = fitting_strength(float(source.mean()), length, float(result.mean()))
        norms = (float(np.linalg.norm(v)) for v in (edit.other, edit.feature))
        means = float(result.mean()), float(perpendicular.mean())
        return (edit.words, edit.images, strength, float(source.mean()), *norms, *means, fits)


def fitting_strength(source: float, length: float, result: float) -> float | None:
    """Strength a with source^2 + a^2 length^2 = result^2; None where there is none."""
    square = result**2 - source**2
    return float(np.sqrt(square) / length) if square >= 0 and length > 0 else None


def _published(line: tuple[str, float, float, float, float], scale: float) -> Row:
    """A published row. Of its step only the norms of both ends are known; a single person's is nearly its feature."""
    words, source, other, feature, result = line
    alone = "person" in words
    perpendicular = float(np.hypot(source, feature)) / scale if alone else None
    fits = fitting_strength(source, feature, result) if alone else None
    return (
        words,
        1 if alone else None,
        None,
        *(v / scale for v in (source, other, feature, result)),
        perpendicular,
        fits,
    )


def _scaled(row: Row, scale: float) -> Row:
    return tuple(v / scale if 3 <= k <= 7 and isinstance(v, float) else v for k, v in enumerate(row))


def _mean_of_all(classes: tuple[ClassMeans, ...]) -> Floats:
    """The mean that a single person differs from: of all of whom the best known attribute is known."""
    return max(classes, key=lambda c: sum(c.wanted.members.counts)).overall


def _dropped(study: Study, slot: str) -> Floats | None:
    """Codes on a slot (n, D), None when it is empty."""
    codes = study.inputs.get(slot)
    return codes.double().numpy() if codes is not None and len(codes) else None


def _near(study: Study, codes: Floats, rows: Indices) -> tuple[Floats, Indices]:
    """Keep codes that are finite and not far outside the prior.

    Raises
    ------
    UserError
        None is left.
    """
    space = model_of(study).space
    kept = np.linalg.norm(codes, axis=1) <= far_bound(space.prior.kind, space.size)
    if not kept.any():
        raise UserError("The codes of all sources lie far outside the prior; drop other faces on 'Sources'.")
    return codes[kept], rows[kept]

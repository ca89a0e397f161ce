"""Classes of images and the means of their codes: which attributes, which images of them, one streaming pass."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import Indices, Pace, data_of, model_of, studied, told
from latentstudio.controls import control
from latentstudio.data.attribute_spec import Members, attribute_choices, check_classes, members_of, sample_of
from latentstudio.errors import UserError
from latentstudio.results import Partial
from latentstudio.stats.norms import component_deviation, far_bound, length_of_noise
from latentstudio.stats.streaming_counts import ClassSums

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

Floats = NDArray[np.float64]
CHUNK = 64
MOST = 8
"""Attributes that are looked at when none is named."""


def attributes_control() -> tuple[str, ...]:
    """Declare the parameter that says which attributes are looked at."""
    chosen: tuple[str, ...] = control(
        (),
        "Attributes",
        "attributes",
        empty="those of the data set",
        help=f"Labels, values of labels, or selections of faces; none takes at most {MOST} labels of the data set.",
    )
    return chosen


def sample_control() -> int:
    """Declare the parameter that says how many images a class mean is estimated from."""
    chosen: int = control(
        2000,
        "Sample",
        "int",
        minimum=0,
        maximum=10_000_000,
        help="Most images for each attribute, a random sample with as many of each class as there are; 0 takes all.",
        advanced=True,
    )
    return chosen


def seed_control() -> int:
    """Declare the random seed."""
    chosen: int = control(
        0, "Seed", "int", minimum=0, maximum=2**31 - 1, help="Draws samples, faces and intervals.", advanced=True
    )
    return chosen


@dataclass(frozen=True)
class Wanted:
    """An attribute whose classes are looked at.

    Attributes
    ----------
    members : who has it; unknown outside the studied images and where images are kept apart.
    rows : dataset indices that its means are estimated from, ascending, int64 (n,).
    sampled : whether these are fewer than all of whom it is known.
    """

    spec: str
    members: Members
    rows: Indices
    sampled: bool

    @property
    def labels(self) -> Floats:
        """1 and 0 for the rows, float64 (n,)."""
        found: Floats = self.members.labels[self.rows]
        return found


def wanted(
    study: Study, specs: tuple[str, ...], sample: int, seed: int, apart: Indices | None = None
) -> tuple[list[Wanted], tuple[str, ...]]:
    """Return the attributes to look at, and sentences about the choice.

    Without `specs` the data set's own labels are offered, those nearest to half of the images first, and classes from
    which nothing can be learnt are passed over; those that were asked for are refused instead.

    Parameters
    ----------
    apart : dataset indices that must not take part in the means, such as faces that will be edited.

    Raises
    ------
    UserError
        There is no such attribute, one of its classes is empty or has a single member, there is none to offer, or
        `apart` leaves no image.
    """
    within = np.zeros(len(data_of(study)), dtype=np.bool_)
    within[studied(study)] = True
    if apart is not None:
        within[apart] = False
        if not within.any():
            raise UserError(
                f"All {len(apart):,} images that are looked at are faces to be edited, so none is left to learn "
                "from; fewer faces, or more images, would do."
            )
    if any(specs):
        members = {spec: _within(study, spec, within) for spec in dict.fromkeys(specs) if spec}
        notes: tuple[str, ...] = ()
    else:
        members, notes = _offered(study, within)
    found = []
    for spec, who in members.items():
        rows = sample_of(who, sample, seed)
        found.append(Wanted(spec, who, rows, len(rows) < sum(who.counts)))
    return found, notes


def _within(study: Study, spec: str, within: NDArray[np.bool_]) -> Members:
    who = members_of(spec, data_of(study).attributes, study.groups)
    return Members(np.where(within, who.labels, np.nan), who.words, who.without)


def _offered(study: Study, within: NDArray[np.bool_]) -> tuple[dict[str, Members], tuple[str, ...]]:
    data = data_of(study)
    offered = [s for s in attribute_choices(data.attributes, study.groups) if not s.startswith("identity=")]
    if not offered:
        raise UserError(
            f"{data.title} has no labels to tell classes apart by; select some faces and name 'selection' as attribute."
        )
    # Labels before values of labels: eight expressions would leave no room for anything else.
    offered.sort(key=lambda spec: "=" in spec)
    members = {spec: _within(study, spec, within) for spec in offered}
    fit = [spec for spec, who in members.items() if min(who.counts) >= 2]
    if not fit:
        raise UserError(
            f"No attribute of {data.title} has two studied images with it and two without; choose other images, "
            "or name an attribute."
        )
    shown = sorted(fit[:MOST], key=lambda spec: abs(members[spec].share - 0.5))
    notes = []
    if len(shown) < len(offered):
        notes.append(
            f"{len(shown)} of the {len(offered)} attributes that {data.title} offers; name others to see them."
        )
    return {spec: members[spec] for spec in shown}, tuple(notes)


@dataclass(frozen=True)
class ClassMeans:
    """Means of the codes with and without an attribute.

    Attributes
    ----------
    counts : images with and without it that the means are made of.
    share : of those with it, among all studied images of whom it is known.
    present, absent : float64 (D,) class means.
    deviation : standard deviation of one component of a prior draw.
    """

    wanted: Wanted
    counts: tuple[int, int]
    share: float
    present: Floats
    absent: Floats
    deviation: float = 1.0

    @property
    def words(self) -> str:
        """Name of the class."""
        return self.wanted.members.words

    @property
    def without(self) -> str:
        """Name of its complement."""
        return self.wanted.members.without

    @cached_property
    def overall(self) -> Floats:
        """Mean of all of whom the attribute is known: the class means weighted with their shares."""
        found: Floats = self.share * self.present + (1 - self.share) * self.absent
        return found

    @cached_property
    def difference(self) -> Floats:
        """Step of alpha = 1."""
        found: Floats = self.present - self.absent
        return found

    @property
    def noise(self) -> float:
        """Length of the difference that as many prior draws would have, sigma sqrt(D (1/n1 + 1/n0))."""
        return length_of_noise(len(self.present), self.counts, self.deviation)


@dataclass(frozen=True)
class MeansPass:
    """What the pass over the codes has found.

    Attributes
    ----------
    classes : those that have both a mean with and one without so far.
    images : codes that took part ; far : codes left out since they lie far outside the prior or are not finite.
    done : whether the pass is at its end.
    """

    classes: tuple[ClassMeans, ...]
    images: int
    far: int
    done: bool


def mean_pass(study: Study, asked: list[Wanted], start: float, stop: float) -> "Iterator[Partial | MeansPass]":
    """Encode the rows of all attributes once; yield progress, and what is found about ten times on the way.

    Memory does not grow with the images: class sums are kept, codes are not.

    Raises
    ------
    UserError
        No image can be read, or a class is left empty or with a single member by those that could not be used.
    """
    model, rows = model_of(study), np.unique(np.concatenate([w.rows for w in asked]))
    labels = np.full((len(rows), len(asked)), np.nan)
    for k, w in enumerate(asked):
        labels[np.searchsorted(rows, w.rows), k] = w.labels
    sums = ClassSums.empty(len(asked), model.space.size)
    bound, pace = far_bound(model.space.prior.kind, model.space.size), Pace(len(rows))
    images = far = 0
    for at in range(0, len(rows), CHUNK):
        part = slice(at, min(at + CHUNK, len(rows)))
        begin, end = (start + (stop - start) * x / len(rows) for x in (part.start, part.stop))
        found = yield from told(study.codes(rows[part]), begin, end, f"Encoding {len(rows):,} faces")
        note_unread(study, rows[part][~found.kept])
        near = np.linalg.norm(found.codes.astype(np.float64), axis=1) <= bound  # False where a code is not finite
        sums = sums.add(found.codes[near], labels[part][found.kept][near])
        images, far = images + int(near.sum()), far + int((~near).sum())
        if part.stop < len(rows) and images and pace.due(part.stop):
            yield MeansPass(_class_means(model, asked, sums), images, far, False)
    if not images + far:
        raise UserError(f"None of the {len(rows):,} images of {data_of(study).title} can be read.")
    for w, (absent, present) in zip(asked, sums.counts, strict=True):
        check_classes(w.members, int(present), int(absent))
    yield MeansPass(_class_means(model, asked, sums), images, far, True)


def _class_means(model: "LatentModel", asked: list[Wanted], sums: ClassSums) -> tuple[ClassMeans, ...]:
    found = []
    deviation = component_deviation(model.space.prior.kind)
    present, absent = sums.means(), sums.complement_means()
    for k, w in enumerate(asked):
        n0, n1 = (int(n) for n in sums.counts[k])
        if n0 and n1:
            share = w.members.share if w.sampled else n1 / (n0 + n1)
            found.append(ClassMeans(w, (n1, n0), share, present[k], absent[k], deviation))
    return tuple(found)


def note_unread(study: Study, rows: Indices) -> None:
    """Have images that had no code named among those that cannot be read."""
    if len(rows):
        study.read(rows)


def far_note(far: int) -> tuple[str, ...]:
    """Say how many codes were left out of means."""
    if not far:
        return ()
    return (f"{far:,} codes lie far outside the prior or are not finite and are left out of the means.",)


def held_out_faces(study: Study, count: int, seed: int) -> tuple[Indices, str]:
    """Return `count` studied images that the model has not seen (of all where that is unknown), and words for them."""
    indices = studied(study)
    kept, words = indices, "faces"
    if study.held_out is not None:
        unseen = indices[study.held_out[indices]]
        kept, words = (unseen, "held-out faces") if len(unseen) else (indices, "training faces")
    if len(kept) > count:
        kept = np.sort(np.random.default_rng(seed).choice(kept, count, replace=False))
    return kept, f"{len(kept)} {words}"

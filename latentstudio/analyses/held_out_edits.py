"""Edits judged by classifiers that share no image with them: the sample, its halves, the way to 8 bits and back.

Classifiers are fitted on the first half of a sample of labelled images. Directions are found, and faces are edited, in
the second half, and the halves share no person where persons are known. An edited code is decoded, clipped and rounded
to 8-bit pixels, and encoded again before it is classified, so that nothing counts that a picture cannot show.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import Indices, data_of, model_of, studied, told
from latentstudio.data.attribute_spec import Members, attribute_choices, members_of, sample_of
from latentstudio.data.prepare import fit, to_pixels
from latentstudio.errors import UserError
from latentstudio.results import Partial
from latentstudio.stats.classifiers import LinearClassifier, Span, probability, within_deviation
from latentstudio.stats.directions import auc_of, estimate, orthogonalised
from latentstudio.stats.norms import far_bound
from latentstudio.stats.pictures import halved_sides

Floats = NDArray[np.float64]
Labels = NDArray[np.float64]

CHUNK = 8
LEAST = 2
"""Images with and without a property that each half must have."""
WEAK = 0.6
"""Area under the ROC curve below which a classifier says little."""
_COARSE = 32


@dataclass(frozen=True)
class Bench:
    """A sample in two halves, with a classifier of every attribute that was fitted on the first.

    Attributes
    ----------
    specs, words : of k attributes.
    rows : int64 (n,) dataset indices ; codes : float32 (n, D) ; labels : float64 (n, k), NaN where not known.
    first : bool (n,), the half of the classifiers.
    judges : k classifiers ; auc, spread : float64 (k,), area under the ROC curve and standard deviation of the score
        within the classes, both on the second half.
    sees : ``codes`` or ``pixels`` ; notes : sentences about what was left out.
    """

    specs: tuple[str, ...]
    words: tuple[str, ...]
    rows: Indices
    codes: NDArray[np.float32]
    labels: Labels
    first: NDArray[np.bool_]
    judges: tuple[LinearClassifier, ...]
    auc: Floats
    spread: Floats
    sees: str
    notes: tuple[str, ...]

    def direction(self, spec: str, estimator: str) -> Floats:
        """Step of alpha = 1 of an attribute, float64 (D,), estimated on the second half."""
        labels = self.labels[:, self.specs.index(spec)]
        rows = ~self.first & np.isfinite(labels)
        return estimate(self.codes[rows], labels[rows] == 1, estimator)[0]

    def step(self, spec: str, estimator: str, keep: Sequence[str]) -> Floats:
        """`direction`, perpendicular to those of the attributes in `keep` other than itself.

        Raises
        ------
        UserError
            Nothing of it is left.
        """
        step = self.direction(spec, estimator)
        others = [self.direction(other, estimator) for other in keep if other != spec and other in self.specs]
        if not others:
            return step
        left = orthogonalised(step, np.stack(others))
        if np.linalg.norm(left) < 1e-6 * np.linalg.norm(step):
            raise UserError(f"Nothing of {spec} is left when it must leave {', '.join(keep)} alone.")
        return left

    def faces(self, count: int, seed: int, among: NDArray[np.bool_] | None = None) -> Indices:
        """Places in the sample of `count` images of the second half to edit, ascending; all when there are fewer."""
        allowed = np.flatnonzero(~self.first if among is None else ~self.first & among)
        if len(allowed) > count:
            allowed = np.sort(np.random.default_rng((seed, 1)).choice(allowed, count, replace=False))
        return allowed

    def scores(self, seen: "Seen") -> Floats:
        """Scores of every classifier, float64 (n, k)."""
        features = seen.codes if self.sees == "codes" else seen.pixels
        return np.stack([judge.score(features) for judge in self.judges], axis=1)

    def probabilities(self, seen: "Seen") -> Floats:
        """Probabilities of every classifier, float64 (n, k); NaN where a picture has no finite code."""
        return probability(self.scores(seen))


@dataclass(frozen=True)
class Seen:
    """What edited codes look like: their pictures' codes (n, D), and their pictures, reduced, (n, F).

    Rows are NaN where the code of the picture is not finite, and both are where the picture itself is not.
    """

    codes: NDArray[np.float32]
    pixels: NDArray[np.float32]


def offered(study: Study, given: Sequence[str], most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the attributes that are meant, all labels of the data set when none is given, and sentences about it.

    Raises
    ------
    UserError
        The data set has no labels.
    """
    if any(given):
        return tuple(dict.fromkeys(spec for spec in given if spec)), ()
    table = data_of(study).attributes
    choices = [spec for spec in attribute_choices(table, study.groups) if not spec.startswith("identity=")]
    found = sorted(choices, key=lambda spec: spec not in table or table[spec].kind != "binary")
    if not found:
        raise UserError(f"{data_of(study).title} has no labels; select some faces and use 'selection'.")
    if len(found) <= most:
        return tuple(found), ()
    return tuple(found[:most]), (f"The first {most} of {len(found)} attributes of the data set are looked at.",)


def bench_of(
    study: Study, specs: Sequence[str], images: int, seed: int, sees: str, start: float, stop: float
) -> Generator[Partial, None, Bench]:
    """Yield progress from `start` to `stop`, and return the sample and its classifiers.

    Attributes with too few members are left out, with a sentence.

    Raises
    ------
    UserError
        No attribute is left; an attribute does not exist.
    """
    data, allowed = data_of(study), np.zeros(len(data_of(study)), dtype=np.bool_)
    allowed[studied(study)] = True
    members = {spec: members_of(spec, data.attributes, study.groups) for spec in specs}
    rows, notes = _sample(members, allowed, images, seed)
    identity = data.attributes.identity
    found = yield from told(study.codes(rows), start, start + 0.8 * (stop - start), "Encoding labelled faces")
    rows = rows[found.kept]
    near = np.linalg.norm(found.codes, axis=1) <= far_limit(study)
    if not near.all():
        notes.append(
            f"{int((~near).sum()):,} images are left out whose codes lie far outside the prior or are not finite."
        )
    rows, codes = rows[near], found.codes[near]
    first = person_halves(rows, identity, seed)
    specs, labels, said = _usable(members, rows, first)
    notes += said
    if not specs:
        raise UserError(" ".join(dict.fromkeys(notes)) or "No attribute has members in both halves.")
    yield Partial(start + 0.8 * (stop - start), None, "Fitting classifiers")
    features = codes if sees == "codes" else (yield from _pictures(study, rows, start + 0.8 * (stop - start), stop))
    judges = yield from _judges(features[first], labels[first], seed, start + 0.9 * (stop - start), stop)
    auc, spread = _held_out(judges, features[~first], labels[~first])
    words = tuple(members[spec].words for spec in specs)
    weak = [f"{w} ({a:.2f})" for w, a in zip(words, auc, strict=True) if a < WEAK]
    if weak:
        notes.append(f"Classifiers that hardly tell their classes apart on held-out images (AUC): {', '.join(weak)}.")
    persons = "" if identity is None else " that share no person"
    notes.insert(
        0,
        f"Classifiers: logistic regression on {'codes' if sees == 'codes' else 'pictures of at most 32 x 32 px'} of "
        f"{int(first.sum()):,} images; directions and faces from {int((~first).sum()):,} others{persons} "
        f"(random seed {seed}).",
    )
    return Bench(specs, words, rows, codes, labels, first, judges, auc, spread, sees, tuple(dict.fromkeys(notes)))


def _sample(
    members: dict[str, Members], allowed: NDArray[np.bool_], images: int, seed: int
) -> tuple[Indices, list[str]]:
    """Rows of which all attributes are known as well as can be: an equal share of the sample for each of them."""
    share = max(images // max(len(members), 1), 4 * LEAST)
    drawn, notes = [], []
    for spec, found in members.items():
        try:
            drawn.append(sample_of(found, share, seed, allowed))
        except UserError as error:
            notes.append(f"{spec} is left out: {str(error)[0].lower()}{str(error)[1:]}")
    if not drawn:
        raise UserError(" ".join(notes) if notes else "There is no attribute to look at; choose one.")
    return np.unique(np.concatenate(drawn)), notes


def _usable(
    members: dict[str, Members], rows: Indices, first: NDArray[np.bool_]
) -> tuple[tuple[str, ...], Labels, list[str]]:
    """Attributes with members of both classes in both halves, their labels (n, k), and sentences about the others."""
    kept, columns, notes = [], [], []
    for spec, found in members.items():
        labels = found.labels[rows]
        least = min(int((labels[half] == side).sum()) for half in (first, ~first) for side in (0, 1))
        if least >= LEAST:
            kept.append(spec)
            columns.append(labels)
        elif min(found.counts) > 1:
            few = min(found.counts)
            which = found.words if found.counts[0] == few else found.without
            notes.append(f"{spec} is left out: too few of the images are {which} ({few:,}) to be halved.")
    return tuple(kept), np.stack(columns, axis=1) if columns else np.empty((len(rows), 0)), notes


def person_halves(rows: Indices, identity: NDArray[np.int64] | None, seed: int) -> NDArray[np.bool_]:
    """Split images (n,) at random into two halves, True for the first, such that nobody is in both.

    Parameters
    ----------
    identity : who is in each image of the data set, below 0 where it is not known; None when it never is.
    """
    groups = np.arange(len(rows))
    if identity is not None:
        persons = identity[rows].astype(np.int64)
        groups = np.where(persons >= 0, persons, identity.max(initial=0) + 1 + groups)
    named, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng((seed, 0)).permutation(len(named))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = np.zeros(len(named), dtype=np.bool_)
    chosen[order[before < len(rows) / 2]] = True
    return np.asarray(chosen[inverse], dtype=np.bool_)


def _judges(
    features: NDArray[np.float32], labels: Labels, seed: int, start: float, stop: float
) -> Generator[Partial, None, tuple[LinearClassifier, ...]]:
    span, found = Span(features), []
    for column in range(labels.shape[1]):
        yield Partial(start + (stop - start) * column / labels.shape[1], None, "Fitting classifiers")
        found.append(span.calibrated(np.isfinite(labels[:, column]), labels[:, column] == 1, seed))
    return tuple(found)


def _held_out(
    judges: Sequence[LinearClassifier], features: NDArray[np.float32], labels: Labels
) -> tuple[Floats, Floats]:
    auc, spread = [], []
    for column, judge in enumerate(judges):
        known = np.isfinite(labels[:, column])
        scores, present = judge.score(features[known]), labels[known, column] == 1
        auc.append(auc_of(scores, present))
        spread.append(within_deviation(scores, present))
    return np.array(auc), np.array(spread)


def _pictures(study: Study, rows: Indices, start: float, stop: float) -> Generator[Partial, None, NDArray[np.float32]]:
    """Pictures of the sample, reduced, float32 (n, F)."""
    found = []
    for begin in range(0, len(rows), CHUNK):
        images, _ = study.read(rows[begin : begin + CHUNK])
        found.append(reduced(images.float().cpu().numpy()))
        yield Partial(start + 0.5 * (stop - start) * begin / len(rows), None, "Reading labelled faces")
    return np.concatenate(found)


def reduced(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flatten pictures (n, C, H, W), each side halved by averages while it is longer than 32: float32 (n, F)."""
    return np.ascontiguousarray(halved_sides(images, _COARSE).reshape(len(images), -1), dtype=np.float32)


def seen_again(study: Study, codes: NDArray[Any]) -> Iterator[Seen]:
    """Decode codes (n, D), clip and round to 8-bit pixels, and encode again: one `Seen` for each chunk."""
    import torch

    from latentstudio.models.sensitivity import device_of

    model = model_of(study)
    for begin in range(0, len(codes), CHUNK):
        chunk = torch.from_numpy(np.ascontiguousarray(codes[begin : begin + CHUNK], dtype=np.float32))
        decoded = model.decode(chunk.to(device_of(model))).float().cpu().numpy()
        images = fit(to_pixels(decoded), model.image_shape)
        again = model.encode(torch.from_numpy(images).to(device_of(model))).float().cpu().numpy()
        lost = ~np.isfinite(decoded).reshape(len(decoded), -1).all(axis=1)
        again[lost | ~np.isfinite(again).all(axis=1)] = np.nan
        pixels = reduced(images)
        pixels[lost] = np.nan
        yield Seen(again, pixels)


def far_limit(study: Study) -> float:
    """Norm beyond which a code counts as lost: twice the upper end of the prior's typical set."""
    space = model_of(study).space
    return far_bound(space.prior.kind, space.size)

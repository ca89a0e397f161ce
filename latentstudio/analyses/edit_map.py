"""Where an edit changes pictures, on faces as they are and moved: whether it follows the face."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.classes import held_out_faces, sample_control, seed_control, wanted
from latentstudio.analyses.decoding import decoded_rows, frames_of, norm_band
from latentstudio.analyses.edit_controls import estimator_control, faces_control, strength_control
from latentstudio.analyses.edit_faces import classes_of, encoded, pictures_of
from latentstudio.analyses.passes import Indices, data_of, model_of, origin_words, studied
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Changes, Heatmap, ImageGrid, Partial, Sheet, Table
from latentstudio.stats.directions import estimate
from latentstudio.stats.intervals import of_mean, of_rows
from latentstudio.stats.localisation import centre_of, likeness_when_moved, locality, moved, part_followed
from latentstudio.stats.norms import far_bound
from latentstudio.stats.pictures import change_map, visible

Floats = NDArray[np.float64]
Row = tuple[str | int | float | None, ...]
_LEARNT, _READ = 0.5, 0.55
_BATCH = 4
_CHANGED = 8.0
_RESAMPLES = 200
_WINDOW = 0.8


@dataclass(frozen=True)
class EditMap:
    """Mean change maps of one edit on faces and on moved copies of them.

    The direction is learnt without the faces that are edited. A copy is moved by whole pixels, its edge repeated, and
    encoded anew. If the edit belongs to the face, the map of the copies is the map of the faces, moved along; if it
    belongs to places of the picture, both maps are the same.
    """

    title: ClassVar[str] = "Map of an edit"
    summary: ClassVar[str] = (
        "Where an edit changes pictures, and whether it follows a face that is moved off the centre."
    )
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    attribute: str = control("", "Attribute", "attribute", help="What is edited; none takes a label of the data set.")
    strength: float = strength_control(2.0)
    across: float = control(
        10.0, "Move across, %", "float", minimum=-25, maximum=25, help="Of the picture's width; below 0 to the left."
    )
    down: float = control(
        0.0, "Move down, %", "float", minimum=-25, maximum=25, help="Of the picture's height; below 0 upwards."
    )
    faces: int = faces_control(24)
    examples: int = control(3, "Examples", "int", minimum=1, maximum=32, help="Faces that are shown.")
    estimator: str = estimator_control()
    sample: int = sample_control()
    seed: int = seed_control()

    def run(self, study: Study) -> Iterator[Partial]:
        """Learn the direction, then edit the faces and their moved copies."""
        caption = origin_words(study, studied(study))
        shift = self._shift(study)
        chosen, words = held_out_faces(study, self.faces, self.seed)
        # Of the attributes that a data set offers, the one nearest to half of the images comes first.
        asked, _ = wanted(study, (self.attribute,) if self.attribute else (), self.sample, self.seed, chosen)
        first = asked[0]
        known = yield from classes_of(study, first, 0.0, _LEARNT)
        step = estimate(known.codes, known.present, self.estimator)[0]
        if known.far:
            words += (
                f"; {known.far:,} images whose codes lie far outside the prior or are not finite taught no direction"
            )
        del known
        pictures, rows = yield from pictures_of(study, chosen, _LEARNT, _READ, "Reading the faces")
        edits = yield from self._edits(study, pictures, step, shift)
        used = f"{first.members.words} at strength {self.strength:g} on {len(edits.maps)} of {words}"
        parts = (
            self._maps(edits, shift, caption, f"{used}."),
            self._table(edits, shift, caption),
            self._examples(study, edits, rows, caption),
        )
        yield Partial(1.0, Sheet(parts, title=f"{self.title}: {first.members.words}", caption=caption))

    def _shift(self, study: Study) -> tuple[int, int]:
        """Pixels that the copies are moved down and across."""
        _, height, width = model_of(study).image_shape
        shift = _pixels(self.down, height), _pixels(self.across, width)
        if shift == (0, 0):
            raise UserError("The copies are not moved at all; move them across by 10 % of the width, for example.")
        return shift

    def _edits(
        self, study: Study, pictures: NDArray[np.float32], step: Floats, shift: tuple[int, int]
    ) -> Generator[Partial, None, "_Edits"]:
        edits = _Edits(pictures.shape, step.size, self.examples)
        space = model_of(study).space
        bound = far_bound(space.prior.kind, space.size)
        for at in range(0, len(pictures), _BATCH):
            batch = pictures[at : at + _BATCH]
            both = np.concatenate([batch, np.asarray(moved(batch, *shift))])
            codes = encoded(study, both)
            after = (codes + self.strength * step).astype(np.float32)
            decoded = decoded_rows(model_of(study), np.concatenate([codes, after]))
            near = (np.linalg.norm(codes.astype(np.float64), axis=1) <= bound).reshape(2, -1).all(axis=0)
            finite = np.isfinite(decoded.reshape(len(decoded), -1)).all(axis=1).reshape(4, -1).all(axis=0)
            edits.add(np.stack([codes, after]), decoded, len(batch), near & finite)
            done = min(at + _BATCH, len(pictures)) / len(pictures)
            yield Partial(_READ + (0.99 - _READ) * done, None, "Editing the faces")
        if not len(edits.maps):
            raise UserError(
                "The codes of all faces lie far outside the prior, or their edited pictures are not finite; choose "
                "other faces, a smaller strength, or another model."
            )
        return edits

    def _examples(self, study: Study, edits: "_Edits", rows: Indices, caption: str) -> ImageGrid:
        shown = edits.shown
        codes = np.concatenate([c for c, _, _ in shown])
        decoded = np.concatenate([d for _, d, _ in shown])
        seen = visible(decoded).reshape(len(shown), 4, *decoded.shape[1:])
        maps = np.full((len(shown), 4, *decoded.shape[2:]), np.nan)
        maps[:, 1], maps[:, 3] = change_map(seen[:, 1], seen[:, 0]), change_map(seen[:, 3], seen[:, 2])
        names = [data_of(study).image_id(int(rows[place])) for _, _, place in shown]
        return ImageGrid(
            frames_of(study, codes, decoded),
            4,
            labels=("face", "edited", "moved", "moved, edited") * len(shown),
            row_labels=tuple(names),
            changes=Changes(maps.reshape(-1, *maps.shape[2:]), _CHANGED),
            norm_band=norm_band(study),
            title="Examples",
            caption=caption,
            notes=("Faces are shown as the model decodes their codes.",),
        )

    def _maps(self, edits: "_Edits", shift: tuple[int, int], caption: str, used: str) -> Heatmap:
        notes = [used]
        if edits.far:
            notes.append(
                f"{edits.far} faces are left out: a code far outside the prior, or a picture that is not finite."
            )
        still, gone = edits.mean(0), edits.mean(1)
        expected = np.asarray(moved(still, *shift), dtype=np.float64)
        return Heatmap(
            np.stack([still, gone, expected]),
            ("faces as they are", "moved faces", "if it followed them"),
            columns=3,
            unit="grey levels",
            title="Mean change",
            caption=caption,
            notes=tuple(notes),
        )

    def _table(self, edits: "_Edits", shift: tuple[int, int], caption: str) -> Table:
        rows: list[Row] = []
        for place, words in enumerate(("faces as they are", "moved faces")):
            maps = edits.of(place)
            local = of_mean(np.array([locality(np.square(m), _WINDOW) for m in maps]), self.seed)
            row, column = centre_of(np.square(maps).mean(axis=0))
            size = of_mean(np.sqrt(np.square(maps).mean(axis=(1, 2))), self.seed)
            rows += [(f"locality, {words}", *_numbers(local)), (f"RMS change, {words}", *_numbers(size))]
            rows += [(f"centre row, {words}", _number(row), None, None)]
            rows += [(f"centre column, {words}", _number(column), None, None)]
        still, gone = edits.mean(0), edits.mean(1)
        low, high = of_rows(lambda chosen: edits.followed(chosen, shift), len(edits.maps), self.seed, _RESAMPLES)
        rows.append(
            ("part of the move that the change followed", *_numbers((part_followed(still, gone, *shift), low, high)))
        )
        rows.append(("likeness of both maps in place", _number(likeness_when_moved(still, gone, 0, 0)), None, None))
        rows.append(("likeness when moved along", _number(likeness_when_moved(still, gone, *shift)), None, None))
        notes = (
            f"Copies are moved {shift[0]} px down and {shift[1]} px across. The part followed is that fraction of the "
            "way at which the map of the faces correlates best with that of the copies: 0 is placed in the picture, "
            "1 goes with the face.",
            f"Locality: 1 − part of the picture that the smallest square window with {_WINDOW:.0%} of the squared "
            f"change takes up; an even change gives {1 - _WINDOW:.1f}. Intervals: 95 %, bootstrap over faces, seed "
            f"{self.seed}.",
        )
        columns = ("", "value", "95 % from", "to")
        return Table(columns, tuple(rows), digits=2, title="Where the change lies", caption=caption, notes=notes)


class _Edits:
    """Change maps of the faces and of their copies; codes and pictures of the first few."""

    def __init__(self, shape: tuple[int, ...], size: int, examples: int) -> None:
        self._found: list[Floats] = []
        self._size, self._examples, self._seen = size, examples, 0
        self._shape = shape
        self.shown: list[tuple[NDArray[np.float32], NDArray[np.float32], int]] = []
        self.far = 0

    def add(
        self, codes: NDArray[np.float32], decoded: NDArray[np.float32], count: int, near: NDArray[np.bool_]
    ) -> None:
        """Take in codes (2, 2 count, D) and pictures (4 count, C, H, W): before and after, faces and copies."""
        codes = codes.reshape(2, 2, count, self._size)
        decoded = decoded.reshape(2, 2, count, *self._shape[1:])
        seen = visible(decoded)
        maps = change_map(seen[1], seen[0])
        for k in range(count):
            if near[k]:
                self._found.append(maps[:, k])
                if len(self.shown) < self._examples:
                    # face, edited, moved, moved and edited
                    order = [
                        part[when, which, k][None] for part in (codes, decoded) for which in (0, 1) for when in (0, 1)
                    ]
                    self.shown.append((np.concatenate(order[:4]), np.concatenate(order[4:]), self._seen + k))
            else:
                self.far += 1
        self._seen += count

    @property
    def maps(self) -> list[Floats]:
        """Maps of each face and its copy, float64 (2, H, W)."""
        return self._found

    def of(self, place: int) -> Floats:
        """Maps of the faces (0) or of the copies (1), float64 (n, H, W)."""
        return np.stack([pair[place] for pair in self._found])

    def mean(self, place: int) -> Floats:
        """Mean map (H, W)."""
        found: Floats = self.of(place).mean(axis=0)
        return found

    def followed(self, chosen: NDArray[np.int64], shift: tuple[int, int]) -> float:
        """Part of the move that the mean change of some faces, given by number, has followed."""
        pairs = np.mean([self._found[int(k)] for k in chosen], axis=0)
        return part_followed(pairs[0], pairs[1], *shift)


def _pixels(percent: float, length: int) -> int:
    """Whole pixels of a share of a length, at least one unless the share is 0."""
    size = max(round(abs(percent) / 100 * length), 1) if percent else 0
    return int(np.sign(percent)) * size


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _numbers(values: tuple[float, float, float]) -> tuple[float | None, float | None, float | None]:
    return _number(values[0]), _number(values[1]), _number(values[2])

"""The embedded face set: drawn by `latentstudio.data.faces`, with every factor known."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.arrays import checked_index, checked_indices
from latentstudio.data.files import digest_of
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.labels import identity_column
from latentstudio.data.options import check_names, integer

DRAWING = 1
"""Number of the renderer's edition; raise it when the same index draws a visibly different face."""

LARGEST = 10_000_000
_BLOCK = 20_000


class FactorTable(AttributeTable):
    """Labels of the first `size` faces, computed at the first look and kept in compact form.

    Identity, the binary attributes by their names, then the continuous factors. A factor that shares its name with an
    attribute (in any case) is called ``factor NAME``.
    """

    def __init__(self, size: int) -> None:
        from latentstudio.data.faces import ATTRIBUTE_NAMES, FACTOR_NAMES

        super().__init__(size)
        taken = {name.lower() for name in (*ATTRIBUTE_NAMES, "identity")}
        factors = [f"factor {name}" if name.lower() in taken else name for name in FACTOR_NAMES]
        self._places = {name: place for place, name in enumerate((*ATTRIBUTE_NAMES, *factors))}
        self._binary = len(ATTRIBUTE_NAMES)
        self._known: tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]] | None = None

    def __getitem__(self, name: str) -> Column:
        if name != "identity" and name not in self._places:
            raise KeyError(name)
        if self._known is None:
            self._known = self._compute()
        persons, binary, factors = self._known
        if name == "identity":
            return identity_column(persons)
        place = self._places[name]
        if place < self._binary:
            return Column(name, "binary", binary[:, place].astype(np.float64))
        return Column(name, "number", factors[:, place - self._binary].astype(np.float64))

    def __contains__(self, name: object) -> bool:
        return name == "identity" or name in self._places

    def __iter__(self) -> Iterator[str]:
        yield "identity"
        yield from self._places

    def __len__(self) -> int:
        return 1 + len(self._places)

    def _compute(self) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]:
        from latentstudio.data.faces import binary_attributes, continuous_factors, draw_factors, identity_of

        binary = np.empty((self.size, self._binary), dtype=np.int8)
        factors = np.empty((self.size, len(self._places) - self._binary), dtype=np.float32)
        for start in range(0, self.size, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, self.size))
            drawn = draw_factors(rows)
            binary[rows] = binary_attributes(drawn)
            factors[rows] = continuous_factors(drawn)
        return identity_of(np.arange(self.size)), binary, factors


class ProceduralFaces:
    """An `ImageSet` of drawn faces, RGB; image k depends on k alone, so a larger set continues a smaller one.

    Attributes
    ----------
    series : digest that all sets share in which image k is the same picture, whatever their number of images.
    """

    splits: NDArray[np.int8] | None = None
    notes: tuple[str, ...] = ()

    def __init__(self, spec: str, count: int, size: int) -> None:
        self.spec = spec
        self.title = "Drawn faces"
        self.image_shape: tuple[int, int, int] = (size, size, 3)
        self.digest = digest_of(["faces", DRAWING, count, size])
        self.series = digest_of(["faces", DRAWING, size])
        self.attributes: AttributeTable = FactorTable(count)

    def __len__(self) -> int:
        return self.attributes.size

    def image_id(self, index: int) -> str:
        """Return the face's number."""
        return str(checked_index(index, len(self), self.title))

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (n, size, size, 3); see `ImageSet.images`."""
        return self._render(indices, self.image_shape[0])

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return the face at 256 px or more, uint8 (h, h, 3)."""
        picture: NDArray[np.uint8] = self._render([index], max(256, self.image_shape[0]))[0]
        return picture

    def eyes(self, index: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the two eye centres (x, y) in px of `picture`, the one at the left of the picture first."""
        from latentstudio.data.faces import draw_factors, eye_positions

        rows = checked_indices([index], len(self), self.title)
        left, right = np.asarray(eye_positions(draw_factors(rows), max(256, self.image_shape[0])))[0].tolist()
        return (left[0], left[1]), (right[0], right[1])

    def _render(self, indices: Sequence[int] | NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        from latentstudio.data.faces import draw_factors, render

        rows = checked_indices(indices, len(self), self.title)
        if not len(rows):
            return np.zeros((0, size, size, 3), dtype=np.uint8)
        return render(draw_factors(rows), size)


def open_faces(spec: str, argument: str, options: dict[str, str]) -> ProceduralFaces:
    """Open ``faces?n=2000&size=64``.

    Raises
    ------
    UserError
        A number of faces or a size that is not accepted.
    """
    check_names(spec, options, ("n", "size"))
    return ProceduralFaces(spec, integer(options, "n", 2000, 1, LARGEST), integer(options, "size", 64, 8, 1024))

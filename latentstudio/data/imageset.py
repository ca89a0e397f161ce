"""Datasets of images with stable references and labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError


class ImageRef(msgspec.Struct, frozen=True):
    """A stable reference to one image; references are saved, pixels are not.

    Attributes
    ----------
    dataset : specification that `open_dataset` accepts, e.g. ``"olivetti"`` or ``"folder:/data/faces"``.
    index : position in the dataset's own order, which no filter or sort changes.
    """

    dataset: str
    index: int


@dataclass(frozen=True)
class Column:
    """One label for every image.

    Attributes
    ----------
    values : float64 (N,); NaN where the label is missing. Binary columns hold 0 and 1; category columns hold positions
        in `categories`.
    """

    name: str
    kind: Literal["binary", "number", "category"]
    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the label is present, bool (N,)."""
        return ~np.isnan(self.values)

    def text(self, index: int) -> str:
        """The label of one image in words; a dash where it is missing."""
        value = self.values[index]
        if np.isnan(value):
            return "–"
        if self.kind == "binary":
            return "yes" if value else "no"
        if self.kind == "category":
            return self.categories[int(value)]
        return f"{value:g}"


class AttributeTable(Mapping[str, Column]):
    """Labels per image by the dataset's own names; identity is the column ``identity`` where there is one.

    Parameters
    ----------
    size : number of images N.
    columns : each with values of shape (N,).

    Raises
    ------
    UserError
        A column has another length, or two columns share a name.
    """

    def __init__(self, size: int, columns: Sequence[Column] = ()) -> None:
        self.size = size
        self._columns: dict[str, Column] = {}
        for column in columns:
            if column.values.shape != (size,):
                raise UserError(f"Attribute '{column.name}' has {len(column.values)} values for {size} images.")
            if column.name in self._columns:
                raise UserError(f"Attribute '{column.name}' appears twice.")
            self._columns[column.name] = column

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def identity(self) -> NDArray[np.int64] | None:
        """Person of each image, int64 (N,) with -1 where unknown; None when the dataset names no persons."""
        if "identity" not in self:
            return None
        return np.nan_to_num(self["identity"].values, nan=-1).astype(np.int64)

    def group(self, name: str, value: float = 1.0) -> NDArray[np.int64]:
        """Indices of the images whose attribute `name` equals `value`.

        Raises
        ------
        UserError
            The dataset has no such attribute.
        """
        if name not in self:
            raise UserError(f"There is no attribute '{name}'; there are {', '.join(self) or 'none'}.")
        return np.flatnonzero(self[name].values == value)


@runtime_checkable
class ImageSet(Protocol):
    """A dataset. Images keep their index through every filter and sort; all come in one shape.

    Attributes
    ----------
    spec : text that `open_dataset` turns into this dataset again.
    title : name for people, e.g. ``"Olivetti faces"``.
    image_shape : (H, W, C) in px, C = 1 or 3.
    digest : SHA-256 that changes when the content does (a file's bytes, or names, sizes and times of a folder).
    attributes : labels, N rows.
    splits : int8 (N,) with 0 train, 1 validation, 2 test as published with the data, or None.
    """

    spec: str
    title: str
    image_shape: tuple[int, int, int]
    digest: str
    attributes: AttributeTable
    splits: NDArray[np.int8] | None

    def __len__(self) -> int: ...

    def image_id(self, index: int) -> str:
        """Return a name that stays with the picture, e.g. its file name."""
        ...

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (n, H, W, C) in the order of `indices`.

        Raises
        ------
        UserError
            A picture cannot be decoded; the sentence names it.
        """
        ...

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return one picture at its native resolution, uint8 (h, w, C)."""
        ...

"""The Olivetti faces (AT&T Laboratories Cambridge): 400 grey images of 40 persons, through scikit-learn's fetcher."""

import contextlib
import sys
import zlib
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio import paths
from latentstudio.data.arrays import ArraySet
from latentstudio.data.attributes_csv import read_labels
from latentstudio.data.imageset import AttributeTable
from latentstudio.data.labels import identity_column
from latentstudio.data.options import check_names
from latentstudio.errors import UserError

# What unpickling a damaged file raises, besides OSError.
_DAMAGE = (
    ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, ImportError, AssertionError, MemoryError,
    UnpicklingError, zlib.error,
)  # fmt: skip

_FILE = "olivetti_py3.pkz"
_IMAGES, _PER_PERSON, _EDGE = 400, 10, 64


def is_available() -> bool:
    """Whether the images lie in the data home already."""
    return (paths.data_home() / _FILE).is_file()


def fetch() -> None:
    """Download the images into the data home (1.4 MB); nothing happens when they are there in good order.

    A damaged file, e.g. of an interrupted download, is put aside as ``olivetti_py3.pkz.damaged``.

    Raises
    ------
    UserError
        There is no way to the download, or the data home cannot be written.
    """
    if is_available():
        try:
            _load(download=False)
            return
        except UserError:
            _put_aside()
    _load(download=True)


def open_olivetti(spec: str, argument: str, options: dict[str, str]) -> ArraySet:
    """Open the data set: uint8 (400, 64, 64, 1), persons 0 to 39, and our table of attributes.

    Raises
    ------
    UserError
        The images are not in the data home, or the file there is damaged.
    """
    check_names(spec, options, ())
    if not is_available():
        raise UserError(
            f"The Olivetti faces are not in {paths.data_home()}; press Download in the data set list, or run "
            "'latentstudio datasets --fetch olivetti' on a machine with a network connection."
        )
    bunch = _load(download=False)
    pixels = _bytes(np.asarray(bunch.images, dtype=np.float64))[..., None]
    ids = [f"{person:02d}_{shot}" for person in range(_IMAGES // _PER_PERSON) for shot in range(_PER_PERSON)]
    table = paths.bundled("resources", "olivetti_attributes.csv")
    labels = read_labels(table, ids) if table.is_file() else None
    columns = [identity_column(bunch.target)]
    if labels is not None:
        columns += [column for column in labels.columns if column.name != "identity"]
    return ArraySet(spec, "Olivetti faces", pixels, AttributeTable(_IMAGES, columns), ids=ids)


def _put_aside() -> None:
    path = paths.data_home() / _FILE
    try:
        path.replace(path.with_name(f"{_FILE}.damaged"))
    except OSError as error:
        raise UserError(f"{path} is damaged and cannot be moved ({error.strerror}); delete it.") from error


def _bytes(images: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Undo the fetcher's scaling: it divides bytes 0..m by m (242 in the published file), so levels are 1/m apart."""
    steps = np.diff(np.unique(images))
    brightest = min(255, round(1.0 / steps.min())) if len(steps) else 255
    return np.rint(images * brightest).astype(np.uint8)


def _load(download: bool) -> Any:
    from sklearn.datasets import fetch_olivetti_faces

    home = paths.data_home()
    try:
        # The fetcher prints its progress, but standard output belongs to the command's own answer.
        with contextlib.redirect_stdout(sys.stderr):
            bunch = fetch_olivetti_faces(data_home=home, shuffle=False, download_if_missing=download)
    except (OSError, *_DAMAGE) as error:
        if download:
            raise UserError(
                f"The Olivetti faces could not be downloaded to {home} ({error}); connect to the network and try "
                "again, or copy olivetti_py3.pkz there from a machine that has it."
            ) from error
        raise UserError(f"{_FILE} in {home} is damaged; delete it and download the faces again.") from error
    if bunch.images.shape != (_IMAGES, _EDGE, _EDGE):
        raise UserError(f"{_FILE} in {home} holds {bunch.images.shape}; 400 images of 64 x 64 are expected.")
    return bunch

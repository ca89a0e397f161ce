"""Datasets. `DATASETS` is the table of sources; a new source is one file and one line here.

A dataset is named by a specification: ``name`` or ``name:argument``, with options after a question mark, e.g.
``olivetti``, ``faces?n=5000&size=64``, ``folder:/data/photos?size=128&color=grey``. A plain path is recognised by what
lies there.
"""

from collections.abc import Callable
from typing import NamedTuple

from latentstudio.data import archive, celeba, digits, folder, idx, lfw, olivetti, procedural, utkface
from latentstudio.data.imageset import AttributeTable, Column, ImageRef, ImageSet
from latentstudio.data.specification import format_spec, parse_spec
from latentstudio.errors import UserError

__all__ = [
    "DATASETS",
    "AttributeTable",
    "Column",
    "ImageRef",
    "ImageSet",
    "Source",
    "canonical_spec",
    "format_spec",
    "open_dataset",
    "parse_spec",
]


def _always() -> bool:
    return True


class Source(NamedTuple):
    """One kind of dataset: how to open it, and what to call it.

    Attributes
    ----------
    open : takes (spec, argument, options) and returns an `ImageSet`; raises UserError.
    needs_path : whether the argument is a path that the person chooses.
    is_available : whether a source without a path can be opened as things are, without a download.
    fetch : downloads what `open` needs; None where nothing is ever downloaded. Raises UserError.
    """

    title: str
    open: Callable[[str, str, dict[str, str]], ImageSet]
    needs_path: bool
    summary: str
    is_available: Callable[[], bool] = _always
    fetch: Callable[[], None] | None = None


DATASETS: dict[str, Source] = {
    "faces": Source(
        "Drawn faces", procedural.open_faces, False, "Faces drawn by the program, any number and size, factors known."
    ),
    "olivetti": Source(
        "Olivetti faces",
        olivetti.open_olivetti,
        False,
        "400 grey photographs of 40 persons, 64 x 64 px (AT&T Laboratories Cambridge).",
        olivetti.is_available,
        olivetti.fetch,
    ),
    "lfw": Source(
        "Labeled Faces in the Wild",
        lfw.open_lfw,
        False,
        "12,794 grey crops, 64 x 64 px, of 5,616 persons, with attributes (lfw64 in the data home).",
        lfw.is_available,
    ),
    "digits": Source(
        "Handwritten digits (8 x 8)", digits.open_digits, False, "1,797 grey digits that come with scikit-learn."
    ),
    "folder": Source(
        "Folder of pictures", folder.open_folder, True, "Pictures of any size, with or without an attributes.csv."
    ),
    "zip": Source("Zip of pictures", archive.open_zip, True, "An archive of pictures with a CSV beside it or inside."),
    "celeba": Source("CelebA", celeba.open_celeba, True, "The published layout: img_align_celeba and its lists."),
    "idx": Source("IDX file (MNIST)", idx.open_idx, True, "Images in IDX format, compressed or not, labels beside."),
    "utkface": Source("UTKFace", utkface.open_utkface, True, "Faces with age, gender and race in their file names."),
}
"""Sources by the name that begins a specification."""


def canonical_spec(spec: str) -> str:
    """Return the specification to store for what a person typed or dropped: a plain path gets its source's name.

    Raises
    ------
    UserError
        As `parse_spec`.
    """
    text = spec.strip()
    name, argument, options = parse_spec(text)
    return text if text == name or text.startswith((f"{name}:", f"{name}?")) else format_spec(name, argument, options)


def open_dataset(spec: str, fetch: bool = False) -> ImageSet:
    """Open the dataset that a specification or a plain path names; its `spec` opens it again.

    Parameters
    ----------
    fetch : download what is missing first, where the source can.

    Raises
    ------
    UserError
        Unknown source or option, nothing at the path, or no images there.
    """
    name, argument, options = parse_spec(spec)
    if name not in DATASETS:
        raise UserError(f"'{spec}' shows the samples of a model and opens only together with that model.")
    source = DATASETS[name]
    if argument and not source.needs_path:
        raise UserError(f"'{spec}' has an argument, but the dataset {name} takes none; '{name}' alone would do.")
    if fetch and source.fetch is not None:
        source.fetch()
    return source.open(canonical_spec(spec), argument, options)

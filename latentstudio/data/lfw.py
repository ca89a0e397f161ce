"""Labeled Faces in the Wild as small grey crops with a table of attributes, from the data home."""

from latentstudio import paths
from latentstudio.data.archive import open_zip
from latentstudio.data.files import FileSet
from latentstudio.data.options import check_names
from latentstudio.errors import UserError

_FOLDER = "lfw64"


def is_available() -> bool:
    """Whether ``lfw64/images.zip`` lies in the data home."""
    return (paths.data_home() / _FOLDER / "images.zip").is_file()


def open_lfw(spec: str, argument: str, options: dict[str, str]) -> FileSet:
    """Open ``lfw64/images.zip`` of the data home with the ``attributes.csv`` beside it; the crops are grey, 64 px.

    Raises
    ------
    UserError
        The archive is not there or damaged, or the table does not fit.
    """
    check_names(spec, options, ())
    archive = paths.data_home() / _FOLDER / "images.zip"
    if not is_available():
        raise UserError(
            f"There is no {archive}. The crops of Labeled Faces in the Wild have no public download in this form; any "
            "other copy of the data set opens as a folder or a zip of pictures."
        )
    crops = open_zip(spec, str(archive), {"size": "64", "color": "grey"})
    crops.title = "LFW crops"
    return crops

"""UTKFace (Zhang, Song and Qi, CVPR 2017): age, gender and race stand in the file names."""

import numpy as np

from latentstudio.data.files import FileSet, FolderStorage, digest_of, image_shape, natural_key, scan
from latentstudio.data.folder import existing_folder
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.options import check_names
from latentstudio.data.specification import UTKFACE_NAME
from latentstudio.errors import UserError

GENDERS = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "Others")
OLDEST = 116


def open_utkface(spec: str, argument: str, options: dict[str, str]) -> FileSet:
    """Open ``utkface:PATH?size=64&color=auto|grey|rgb``, files ``[age]_[gender]_[race]_[date and time].jpg``.

    The published set has a few names with a missing field: those images stay, without labels, and a note counts them.

    Raises
    ------
    UserError
        No such folder, or no file in it is named in this way.
    """
    check_names(spec, options, ("size", "color"))
    root = existing_folder(argument, "the folder of the UTKFace pictures")
    files = sorted(scan(root), key=lambda file: natural_key(file[0]))
    names = [name for name, _, _ in files]
    values = np.full((3, len(names)), np.nan)
    for place, name in enumerate(names):
        found = UTKFACE_NAME.match(name.rpartition("/")[2])
        if found and int(found["age"]) <= OLDEST:
            values[:, place] = [int(found[field]) for field in ("age", "gender", "race")]
    nameless = int(np.isnan(values[0]).sum())
    if nameless == len(names):
        raise UserError(f"{root} holds no UTKFace pictures; names such as 25_0_2_20170116174525125.jpg are expected.")
    columns = [
        Column("age", "number", values[0]),
        Column("gender", "category", values[1], GENDERS),
        Column("race", "category", values[2], RACES),
    ]
    notes = (f"{nameless} of {len(names)} file names hold no labels.",) if nameless else ()
    storage = FolderStorage(root, names)
    shape = image_shape(options, storage)
    return FileSet(spec, "UTKFace", storage, shape, digest_of(files), AttributeTable(len(names), columns), notes=notes)

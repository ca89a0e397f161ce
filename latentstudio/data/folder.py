"""A folder of pictures: any sizes, any depth, with or without an ``attributes.csv``."""

import os
from pathlib import Path

from latentstudio.data.attributes_csv import Labels, read_labels, table_bytes
from latentstudio.data.files import FileSet, FolderStorage, digest_of, image_shape, natural_key, scan
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.labels import category_column
from latentstudio.data.options import check_names, choice
from latentstudio.errors import UserError

LABEL_FILES = ("attributes.csv", "labels.csv")


def existing_folder(argument: str, what: str) -> Path:
    """Return the folder that a specification names.

    Raises
    ------
    UserError
        There is no such folder.
    """
    root = Path(argument).expanduser()
    if not argument or not root.is_dir():
        raise UserError(f"There is no folder {argument or '(none given)'}; {what} would do.")
    return root


def open_folder(spec: str, argument: str, options: dict[str, str]) -> FileSet:
    """Open ``folder:PATH?size=64&color=auto|grey|rgb&identity=none|folder``.

    Images stand in natural order of their relative paths. Pictures in two or more subfolders get the category
    ``folder`` (the whole relative folder), which ``identity=folder`` takes as the person.

    Raises
    ------
    UserError
        No such folder, no picture in it, or a label table that does not fit.
    """
    check_names(spec, options, ("size", "color", "identity"))
    root = existing_folder(argument, "a folder of pictures")
    files = sorted(scan(root), key=lambda file: natural_key(file[0]))
    if not files:
        raise UserError(f"{root} holds no pictures; PNG, JPEG, WebP, TIFF, GIF and BMP files are read.")
    names = [name for name, _, _ in files]
    table = next((root / name for name in LABEL_FILES if (root / name).is_file()), None)
    content = table_bytes(table) if table else b""
    labels = read_labels(content, names, name=str(table)) if table else Labels()
    columns = [*_folder_columns(names, choice(options, "identity", ("none", "folder"), "none")), *labels.columns]
    storage = FolderStorage(root, names)
    return FileSet(
        spec,
        root.name or str(root),
        storage,
        image_shape(options, storage),
        digest_of([*files, content]),
        AttributeTable(len(names), _without_doubles(columns)),
        splits=labels.splits,
        notes=labels.notes,
    )


def _folder_columns(names: list[str], identity: str) -> list[Column]:
    folders = [os.path.dirname(name) or "." for name in names]
    column = category_column("folder", folders)
    if identity == "folder":
        return [Column("identity", "category", column.values, column.categories)]
    several = 1 < len(column.categories) < max(3, len(names))
    return [column] if several else []


def _without_doubles(columns: list[Column]) -> list[Column]:
    """Let a label file's own column win over one that was read from folder names."""
    return list({column.name: column for column in columns}.values())

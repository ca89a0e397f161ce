"""CelebA in its published layout (Liu, Luo, Wang and Tang, ICCV 2015): 202,599 faces, 40 attributes, landmarks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.files import FileSet, FolderStorage, Storage, digest_of, image_shape, natural_key, scan
from latentstudio.data.folder import existing_folder
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.labels import identity_column
from latentstudio.data.options import check_names, choice
from latentstudio.errors import UserError

Eyes = tuple[tuple[float, float], tuple[float, float]]

ALIGNED = (178, 218)
"""Width and height of the published aligned pictures in px."""

CROP = (15, 40, 163, 188)
"""Left, top, right and bottom of the customary crop of 148 x 148 px about the face (Larsen et al., ICML 2016)."""

_INNER = ("", "Anno", "Eval", "Img")
_IMAGES = "img_align_celeba"


class CelebA(FileSet):
    """CelebA with the eye positions of its landmark file."""

    landmarks: NDArray[np.float64] | None = None
    """(N, 4): left eye x, y, right eye x, y in px of the published picture; NaN where not listed."""

    def eyes(self, index: int) -> Eyes | None:
        """Return the two eye centres (x, y) in px of `picture`, or None where they are not known.

        Eyes beyond the picture's right or lower edge are not known either: they are of the pictures before alignment.
        """
        if self.landmarks is None or np.isnan(self.landmarks[index]).any():
            return None
        x1, y1, x2, y2 = self.landmarks[index].tolist()
        height, width = self.picture(index).shape[:2]
        if max(x1, x2) >= width or max(y1, y2) >= height:
            return None
        return (x1, y1), (x2, y2)


def open_celeba(spec: str, argument: str, options: dict[str, str]) -> CelebA:
    """Open ``celeba:PATH?size=64&color=auto|grey|rgb&crop=face|none``.

    PATH holds ``img_align_celeba/`` and, beside it or in ``Anno`` and ``Eval``, any of ``list_attr_celeba.txt``,
    ``identity_CelebA.txt``, ``list_eval_partition.txt`` and ``list_landmarks_align_celeba.txt`` (or ``.csv``).
    ``crop=face`` takes 148 x 148 px about the face, ``crop=none`` the largest square.

    Raises
    ------
    UserError
        No such folder, no pictures, or a list that cannot be read.
    """
    check_names(spec, options, ("size", "color", "crop"))
    root = existing_folder(argument, "a folder with img_align_celeba")
    crop = choice(options, "crop", ("face", "none"), "face")
    pictures = next((p for inner in _INNER if (p := root / inner / _IMAGES).is_dir()), None)
    if pictures is None:
        raise UserError(f"{root} has no folder {_IMAGES}; CelebA in its published layout would do.")
    files = sorted(scan(pictures), key=lambda file: natural_key(file[0]))
    if not files:
        raise UserError(f"{pictures} holds no pictures; files such as 000001.jpg are expected.")
    lists = _Lists(root, [name.rpartition("/")[2] for name, _, _ in files])
    columns = _columns(lists)
    split = lists.read("list_eval_partition", ("partition",), header=False)
    marks = lists.read("list_landmarks_align_celeba", None, header=True)
    storage: Storage = FolderStorage(pictures, [name for name, _, _ in files])
    landmarks = _landmarks(marks, lists.notes)
    shape = image_shape({"color": "rgb", **options}, storage)
    found = CelebA(
        spec,
        "CelebA",
        storage,
        shape,
        digest_of([*files, *lists.contents]),
        AttributeTable(len(files), columns),
        splits=_splits(split),
        notes=tuple(lists.notes),
        crop=_crop_face if crop == "face" else None,
    )
    found.landmarks = landmarks
    return found


def _landmarks(marks: tuple[Sequence[str], NDArray[np.float64]] | None, notes: list[str]) -> NDArray[np.float64] | None:
    """Eye positions (N, 4), NaN where they cannot be eyes: outside the picture to the left or top, or at one point."""
    if marks is None:
        return None
    if marks[1].shape[1] < 4:
        columns = marks[1].shape[1]
        notes.append(f"The landmarks have {columns} columns, and two eyes need 4; they are not used.")
        return None
    eyes = marks[1][:, :4].copy()
    apart = np.hypot(eyes[:, 0] - eyes[:, 2], eyes[:, 1] - eyes[:, 3])
    wrong = (eyes.min(axis=1) < 0) | (apart < 2)  # comparisons with NaN are False
    if wrong.any():
        eyes[wrong] = np.nan
        notes.append(f"The landmarks of {int(wrong.sum()):,} images cannot be two eyes; they are not used.")
    return eyes


def _columns(lists: "_Lists") -> list[Column]:
    columns = []
    persons = lists.read("identity_CelebA", ("identity",), header=False)
    if persons is not None:
        columns.append(identity_column(np.nan_to_num(persons[1][:, 0], nan=-1)))
    attributes = lists.read("list_attr_celeba", None, header=True)
    if attributes is not None:
        for place, name in enumerate(attributes[0]):
            # Published as -1 and 1.
            values = np.where(np.isnan(attributes[1][:, place]), np.nan, attributes[1][:, place] > 0)
            columns.append(Column(name, "binary", values))
    return columns


def _splits(split: tuple[Sequence[str], NDArray[np.float64]] | None) -> NDArray[np.int8] | None:
    if split is None or not np.isin(split[1][:, 0], (0, 1, 2)).all():
        return None
    return split[1][:, 0].astype(np.int8)


def _crop_face(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if (width, height) != ALIGNED:
        return picture
    left, top, right, bottom = CROP
    return picture[top:bottom, left:right]


class _Lists:
    """The text files beside the pictures; each is optional, and a missing one leaves a note."""

    def __init__(self, root: Path, names: list[str]) -> None:
        self._root = root
        self._place = {name: place for place, name in enumerate(names)}
        self._stems = {Path(name).stem: place for name, place in self._place.items()}
        self.notes: list[str] = []
        self.contents: list[bytes] = []

    def read(
        self, stem: str, columns: Sequence[str] | None, header: bool
    ) -> tuple[Sequence[str], NDArray[np.float64]] | None:
        """Return the names and the values (N, K) of a list in the pictures' order, NaN where a picture is not listed.

        Raises
        ------
        UserError
            The file is not such a list.
        """
        candidates = (self._root / inner / f"{stem}{suffix}" for inner in _INNER for suffix in (".txt", ".csv"))
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            self.notes.append(f"There is no {stem}.txt.")
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
        self.contents.append(content)
        lines = content.decode("utf-8-sig", "replace").replace(",", " ").splitlines()
        names, body = _header(lines, columns, header or path.suffix == ".csv")
        values = _numbers(body, len(names), path)
        out = np.full((len(self._place), len(names)), np.nan)
        listed = 0
        for line, row in zip(body, values, strict=True):
            name = line.split(None, 1)[0]
            place = self._place.get(name, self._stems.get(Path(name).stem))
            if place is not None:
                out[place] = row
                listed += 1
        if not listed:
            raise UserError(f"{path} lists none of the pictures; lines such as '000001.jpg ...' are expected.")
        if listed < len(self._place):
            self.notes.append(f"{len(self._place) - listed} pictures are not in {path.name}.")
        return names, out


def _header(lines: list[str], columns: Sequence[str] | None, header: bool) -> tuple[list[str], list[str]]:
    lines = [line for line in lines if line.strip()]
    if lines and header and lines[0].split()[0].isdigit() and len(lines[0].split()) == 1:
        lines = lines[1:]
    if not header or not lines:
        return list(columns or ()), lines
    names = lines[0].split()
    if names and names[0].lower() in ("image_id", "image", "file"):
        names = names[1:]
    return list(columns or names), lines[1:]


def _numbers(body: list[str], count: int, path: Path) -> NDArray[np.float64]:
    if not body or not count:
        raise UserError(f"{path} is empty; CelebA's published list would do.")
    numbers = [line.strip().partition(" ")[2] for line in body]
    blank = next((line for line, rest in zip(body, numbers, strict=True) if not rest.strip()), None)
    if blank is not None:
        raise UserError(f"{path} has the line '{blank[:40]}' without values; {count} are expected.")
    try:
        values = np.loadtxt(numbers, dtype=np.float64, ndmin=2, comments=None)
    except ValueError as error:
        raise UserError(f"{path} is not CelebA's list: {error}.") from error
    if values.shape != (len(body), count):
        raise UserError(f"{path} has {values.shape[1]} values a line; {count} are expected.")
    return values

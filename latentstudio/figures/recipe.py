"""Frozen descriptions of a computation. A recipe is JSON, holds all that a run needs, and its hash is its cache key."""

import base64
import hashlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import NewerVersionError, UserError

SCHEMA = 1


class ModelRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model by name, with the digest of what it was, and the training step of a snapshot (None = final)."""

    name: str
    digest: str = ""
    snapshot: int | None = None


class DataRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set by specification, with the digest of what it was."""

    spec: str
    digest: str = ""


class ImageInput(msgspec.Struct, frozen=True, kw_only=True, tag="image", forbid_unknown_fields=True):
    """One image of a data set; `id` is the name that goes with it there, checked when the recipe runs."""

    dataset: str
    index: int
    id: str = ""


class PixelsInput(msgspec.Struct, frozen=True, kw_only=True, tag="pixels", forbid_unknown_fields=True):
    """A picture that belongs to no data set (a dropped photo), as aligned and cropped, PNG in base64.

    `origin` says in words where it came from.
    """

    png: str
    label: str = ""
    origin: str = ""


class CodeInput(msgspec.Struct, frozen=True, kw_only=True, tag="code", forbid_unknown_fields=True):
    """A code itself, little-endian float32 in base64; `origin` says in words where it came from."""

    code: str
    label: str = ""
    origin: str = ""

    @staticmethod
    def of(values: NDArray[np.float32], label: str = "", origin: str = "") -> "CodeInput":
        """Pack a code of shape (D,)."""
        packed = base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
        return CodeInput(code=packed, label=label, origin=origin)

    def values(self) -> NDArray[np.float32]:
        """Unpack to float32 (D,).

        Raises
        ------
        UserError
            The text is not base64 of float32 values.
        """
        try:
            return np.frombuffer(base64.b64decode(self.code, validate=True), dtype="<f4").astype(np.float32)
        except ValueError as error:
            raise UserError(f"The code of input '{self.label}' is damaged: {error}.") from error


Input = ImageInput | PixelsInput | CodeInput


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of an operation or analysis.

    Attributes
    ----------
    kind : ``"operation"`` or ``"analysis"``.
    name : registry name, never a class path.
    params : the dataclass fields of the operation or analysis.
    inputs : slot name to inputs.
    selection : dataset indices an analysis is restricted to, None for all.
    groups : named selections that parameters speak of, by dataset indices; see `data.attribute_spec`.
    """

    schema: int = SCHEMA
    kind: str
    name: str
    params: dict[str, Any] = {}
    model: ModelRef | None = None
    data: DataRef | None = None
    inputs: dict[str, tuple[Input, ...]] = {}
    selection: tuple[int, ...] | None = None
    groups: dict[str, tuple[int, ...]] = {}

    def canonical(self) -> bytes:
        """Return the one JSON form that equal recipes share: sorted keys, no spaces.

        Groups are left out when there are none, so that the keys of recipes that were made before them stay.
        """
        text = msgspec.json.encode(self, order="deterministic")
        return text if self.groups else text.removesuffix(b',"groups":{}}') + b"}"

    @property
    def key(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()


class FigureStyle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a figure is drawn on paper.

    Attributes
    ----------
    width_mm : width of the page in mm; dpi : dots per inch of PNG and of pictures inside SVG and PDF.
    """

    width_mm: float = 180.0
    dpi: int = 300
    theme: str = "light"
    captions: bool = True
    readouts: bool = True


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grid of recipes with a style: what an exported PNG, SVG or PDF carries inside.

    Attributes
    ----------
    rows : recipes, row by row.
    digests : recipe key to SHA-256 of the pixels or numbers that were drawn, so that a replay can tell.
    """

    schema: int = SCHEMA
    rows: tuple[tuple[Recipe, ...], ...]
    style: FigureStyle = FigureStyle()
    title: str = ""
    program: str = ""


def decode_versioned(text: bytes | str, kind: type[Any], what: str, schema: int) -> Any:
    """Read a JSON value of a struct that carries a schema number, of which `schema` is the newest known.

    Raises
    ------
    UserError
        The text is no such value; `what` names it in the sentence.
    NewerVersionError
        It comes from a newer program.
    """
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UserError(f"{what} is not valid JSON: {error}.") from error
    found = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(found, int) and found > schema:
        raise NewerVersionError(
            f"{what} was written by a newer LatentStudio (schema {found}; this one knows {schema})."
        )
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{what} does not fit: {error}.") from error


def recipe_from_json(text: bytes | str, what: str = "The recipe") -> Recipe:
    """Read a recipe.

    Raises
    ------
    UserError
        The text is not a recipe; `what` names the file in the sentence.
    NewerVersionError
        It comes from a newer program.
    """
    recipe: Recipe = decode_versioned(text, Recipe, what, SCHEMA)
    return recipe


def figure_from_json(text: bytes | str, what: str = "The figure") -> Figure:
    """Read a figure; a bare recipe becomes a figure of one.

    Raises
    ------
    UserError, NewerVersionError
        As for `recipe_from_json`.
    """
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UserError(f"{what} is not valid JSON: {error}.") from error
    if isinstance(raw, dict) and "kind" in raw:
        return Figure(rows=((recipe_from_json(text, what),),))
    figure: Figure = decode_versioned(text, Figure, what, SCHEMA)
    return figure

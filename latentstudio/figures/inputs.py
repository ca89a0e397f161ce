"""From the inputs of a recipe to pictures and codes, with a check that each image is still the one that was meant."""

import base64
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.data.pictures import read_picture
from latentstudio.data.prepare import fit, fit_words
from latentstudio.errors import UserError
from latentstudio.figures.devices import device_of
from latentstudio.figures.readouts import mean_bound
from latentstudio.figures.recipe import CodeInput, DataRef, ImageInput, Input, PixelsInput, Recipe
from latentstudio.figures.splits import held_out_of
from latentstudio.stats.norms import norm_law, typical_set

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.figures.workspace import Workspace
    from latentstudio.models.base import LatentModel
    from latentstudio.models.library import ModelInfo

# Slots that `seal` fills with the means of the data set; no operation declares them.
DIRECTION = "direction "
"""Begins the names of slots that hold sealed directions; no plugin declares such slots."""
MEAN_CODE = "mean_code"
MEAN_IMAGE = "mean_image_code"
_BATCH = 128


@dataclass(frozen=True)
class Prepared:
    """One slot's inputs, ready for an operation.

    Attributes
    ----------
    codes : Tensor float32 (n, D) on the CPU.
    pictures : prepared float32 (C, H, W) in [-1, 1] per input, None for a bare code.
    labels, origins : words for each input, the same for an image and for the code that was sealed from it.
    """

    codes: "Tensor"
    pictures: tuple[NDArray[np.float32] | None, ...]
    labels: tuple[str, ...]
    origins: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def described(self) -> str:
        """Labels with their origins, e.g. ``"3 (training image of Olivetti faces)"``."""
        pairs = zip(self.labels, self.origins, strict=True)
        return ", ".join(f"{label} ({origin})" if origin else label for label, origin in pairs)


@dataclass(frozen=True)
class Opened:
    """One input's picture as it was before fitting, uint8 (h, w, C), or its code."""

    picture: NDArray[np.uint8] | None
    code: NDArray[np.float32] | None
    label: str
    origin: str
    notes: tuple[str, ...] = ()


class InputReader:
    """Opens the inputs of one recipe."""

    def __init__(self, recipe: Recipe, workspace: "Workspace", model: "LatentModel", info: "ModelInfo") -> None:
        self._recipe = recipe
        self._workspace = workspace
        self._model = model
        self._info = info
        ref = recipe.model
        self._digest = info.digest if ref is None else f"{info.digest} {ref.snapshot}"
        self._masks: dict[str, NDArray[np.bool_] | None] = {}

    def open(self, value: Input) -> Opened:
        """Return the picture or code of one input.

        Raises
        ------
        UserError
            The data set or the image is not there any more, or the code has another size than the model's.
        """
        if isinstance(value, CodeInput):
            code = value.values()
            if len(code) != self._model.space.size:
                raise UserError(
                    f"The code '{value.label or 'without a name'}' has {len(code)} numbers; "
                    f"{self._info.name} works with {self._model.space.size}."
                )
            return Opened(None, code, value.label or "code", value.origin)
        if isinstance(value, PixelsInput):
            return Opened(_pixels(value), None, value.label or "picture", value.origin)
        return self._image(value)

    def _image(self, value: ImageInput) -> Opened:
        data = self._workspace.dataset(self._ref(value.dataset))
        index, notes = find_image(data, value)
        picture = data.images([index])[0]
        mask = self._mask(data)
        kind = "image" if mask is None else ("held-out image" if mask[index] else "training image")
        return Opened(picture, None, data.image_id(index), f"{kind} of {data.title}", notes)

    def _ref(self, spec: str) -> DataRef:
        data = self._recipe.data
        return data if data is not None and data.spec == spec else DataRef(spec=spec)

    def _mask(self, data: ImageSet) -> NDArray[np.bool_] | None:
        if data.spec not in self._masks:
            self._masks[data.spec] = held_out_of(self._info, data)
        return self._masks[data.spec]

    def slot(self, name: str) -> Prepared:
        """Open all inputs of a slot and encode the pictures among them."""
        opened = [self.open(value) for value in self._recipe.inputs.get(name, ())]
        shape = self._model.image_shape
        pictures = tuple(None if o.picture is None else fit(o.picture[None], shape)[0] for o in opened)
        notes = [note for o in opened for note in o.notes]
        shapes = dict.fromkeys(o.picture.shape for o in opened if o.picture is not None)
        notes.extend(words for s in shapes if (words := fit_words((s[0], s[1], s[2]), shape, self._info.name)))
        codes = self._codes(opened, pictures)
        bound = mean_bound(self._model)
        for o, code in zip(opened, codes, strict=True):
            norm = float(code.double().norm())
            if not math.isfinite(norm):
                notes.append(f"The code of '{o.label}' is not finite: {self._info.name} cannot encode it.")
            elif norm > bound:
                far = f"norm {norm:.4g}, typical is {self._typical}"
                notes.append(f"The code of '{o.label}' lies far outside the prior of {self._info.name} ({far}).")
        labels, origins = tuple(o.label for o in opened), tuple(o.origin for o in opened)
        return Prepared(codes, pictures, labels, origins, tuple(notes))

    @property
    def _typical(self) -> str:
        low, high = typical_set(norm_law(self._model.space.prior.kind, self._model.space.size))
        return f"{low:.3g} to {high:.3g}"

    def _codes(self, opened: list[Opened], pictures: tuple[NDArray[np.float32] | None, ...]) -> "Tensor":
        import torch

        codes = torch.empty(len(opened), self._model.space.size)
        for row, o in enumerate(opened):
            if o.code is not None:
                codes[row] = torch.from_numpy(o.code)
        waiting = [row for row, picture in enumerate(pictures) if picture is not None]
        if waiting and "encode" not in self._model.abilities:
            raise UserError(f"{self._info.name} has no encoder, so it takes codes or samples, not pictures.")
        for start in range(0, len(waiting), _BATCH):
            rows = waiting[start : start + _BATCH]
            batch = np.stack([p for r in rows if (p := pictures[r]) is not None])
            key = ("codes", self._digest, hashlib.sha256(batch.tobytes()).digest())
            codes[rows] = self._workspace.kept(key, lambda batch=batch: encode(self._model, batch))  # type: ignore[misc]
        return codes


def encode(model: "LatentModel", images: NDArray[np.float32]) -> "Tensor":
    """Codes float32 (n, D) on the CPU of prepared images (n, C, H, W)."""
    import torch

    with torch.inference_mode():
        codes = model.encode(torch.from_numpy(np.ascontiguousarray(images)).to(device_of(model))).float().cpu()
    return codes.clone()


def find_image(data: ImageSet, value: ImageInput) -> tuple[int, tuple[str, ...]]:
    """Return the index of the image that was meant; one that has moved is found by its id, with a note.

    Raises
    ------
    UserError
        There is no such image.
    """
    if 0 <= value.index < len(data) and value.id in ("", data.image_id(value.index)):
        return value.index, ()
    if value.id:
        for index in range(len(data)):
            if data.image_id(index) == value.id:
                return index, (f"Image '{value.id}' of {data.title} is now number {index}, no longer {value.index}.",)
        raise UserError(f"{data.title} ({data.spec}) has no image '{value.id}' any more; choose another one.")
    raise UserError(f"{data.title} has no image number {value.index}; 0 to {len(data) - 1} would do.")


def _pixels(value: PixelsInput) -> NDArray[np.uint8]:
    try:
        png = base64.b64decode(value.png, validate=True)
    except ValueError as error:
        raise UserError(f"The picture of input '{value.label}' is damaged: {error}.") from error
    return read_picture(png, name=value.label or "the picture")


def check_slots(recipe: Recipe, plugin: Any) -> None:
    """Check that the inputs of a recipe fit the slots of its operation or analysis.

    Raises
    ------
    UserError
        There is no such slot, or a slot has too many inputs or none.
    """
    known = {slot.name: slot for slot in plugin.slots}
    for name in recipe.inputs:
        if name not in known and name not in (MEAN_CODE, MEAN_IMAGE) and not name.startswith(DIRECTION):
            raise UserError(f"{plugin.title} has no slot '{name}'; there are {', '.join(known) or 'none'}.")
    for slot in known.values():
        given = len(recipe.inputs.get(slot.name, ()))
        if given == 0 and not slot.optional:
            raise UserError(f"{plugin.title} needs a picture or code in slot '{slot.name}'.")
        if given > 1 and not slot.many:
            raise UserError(f"Slot '{slot.name}' of {plugin.title.lower()} takes one input, not {given}.")

"""Everything about one code, for the inspector."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef, ImageInput, Recipe

if TYPE_CHECKING:
    from latentstudio.data.imageset import ImageSet
    from latentstudio.figures.inputs import Prepared
    from latentstudio.figures.workspace import Workspace
    from latentstudio.models.base import LatentModel

NEAREST = 6


@dataclass(frozen=True)
class Inspection:
    """One code under one model.

    Attributes
    ----------
    image : uint8 (H, W, C) decoded picture ; original : the same shape, the picture that was encoded, None for a code.
    error : root-mean-square difference of the two in grey levels of 0..255.
    code : float32 (D,) ; norm : its Euclidean norm.
    log_prob : nats, None when the model has no density ; finite : whether the decoded picture is.
    prior_percentile, data_percentile : share of prior draws, of the data set's codes, with a smaller norm, in percent.
    profile : float64 (D,) each component as standard deviations of the prior.
    nearest : dataset index and difference in grey levels of the most similar pictures, the most similar first.
    attributes : labels in words, for an image of a data set.
    label, origin : what it is called and where it comes from.
    """

    image: NDArray[np.uint8]
    original: NDArray[np.uint8] | None
    error: float | None
    code: NDArray[np.float32]
    norm: float
    log_prob: float | None
    prior_percentile: float
    data_percentile: float | None
    profile: NDArray[np.float64]
    nearest: tuple[tuple[int, float], ...]
    attributes: dict[str, str]
    label: str
    origin: str = ""
    finite: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for value in (self.image, self.original, self.code, self.profile):
            if value is not None:
                value.flags.writeable = False

    @property
    def split(self) -> str:
        """``"training"`` or ``"held-out"`` for an image whose part in the model's training is known, else empty."""
        return next((part for part in ("training", "held-out") if self.origin.startswith(f"{part} image ")), "")


def inspect_recipe(
    recipe: Recipe, workspace: "Workspace", nearest: int = NEAREST
) -> Iterator[tuple[Inspection, float]]:
    """Yield what is known of the one input of `recipe` at once, and again with what the data set tells.

    With it comes the share that is done: while the data set is encoded the same inspection comes again, at last the
    complete one with 1. May be dropped at any yield.

    Parameters
    ----------
    recipe : any operation with exactly one input, e.g. a reconstruction.

    Raises
    ------
    UserError
        There is not exactly one input, or model, image or code are missing or do not fit.
    """
    from latentstudio.figures.inputs import InputReader
    from latentstudio.figures.workspace import changes

    given = [(slot, value) for slot, values in recipe.inputs.items() for value in values]
    if len(given) != 1 or recipe.model is None:
        raise UserError("An inspection needs one model and one picture or code.")
    slot, value = given[0]
    info, model = workspace.info(recipe.model), workspace.model(recipe.model)
    prepared = InputReader(recipe, workspace, model, info).slot(slot)
    found = _of_code(model, prepared)
    if isinstance(value, ImageInput):
        found = replace(found, attributes=_attributes(recipe, workspace, value))
    if recipe.data is None or "encode" not in model.abilities:
        yield replace(found, notes=(*found.notes, *changes(recipe, info, None))), 1.0
        return
    try:
        data = workspace.dataset(recipe.data)
    except UserError as error:
        yield replace(found, notes=(*found.notes, f"Nothing is measured against the data set: {error}")), 1.0
        return
    found = replace(found, notes=(*found.notes, *changes(recipe, info, data)))
    yield found, 0.0
    codes = None
    for codes in workspace.codes(recipe.model, recipe.data):
        if codes.fraction < 1:
            yield found, codes.fraction
    yield (found if codes is None else _against(found, model, codes, nearest)), 1.0


def inspect_code(recipe: Recipe, workspace: "Workspace", nearest: int = NEAREST) -> Inspection:
    """Return the complete inspection; see `inspect_recipe`.

    Raises
    ------
    UserError
        As for `inspect_recipe`.
    """
    *_, (found, _) = inspect_recipe(recipe, workspace, nearest)
    return found


def _of_code(model: "LatentModel", prepared: "Prepared") -> Inspection:
    from latentstudio.data.prepare import to_pixels
    from latentstudio.figures.frames import Board

    board = Board(model, prepared.codes)
    for _ in board.decode(1):
        pass
    frames = board.frames()
    picture = prepared.pictures[0]
    original = None if picture is None else to_pixels(picture[None])[0]
    error = None
    if original is not None:
        error = float(np.sqrt(np.mean(np.square(original.astype(np.float64) - frames.images[0]))))
    code = frames.codes[0].copy()
    spread = 1.0 if model.space.prior.kind == "standard_normal" else 3**-0.5
    return Inspection(
        image=frames.images[0].copy(),
        original=original,
        error=error,
        code=code,
        norm=float(frames.norm[0]),
        log_prob=None if frames.log_prob is None else float(frames.log_prob[0]),
        prior_percentile=float(frames.prior_percentile[0]),
        data_percentile=None,
        profile=code.astype(np.float64) / spread,
        nearest=(),
        attributes={},
        label=prepared.labels[0],
        origin=prepared.origins[0],
        finite=bool(frames.finite[0]),
        notes=(*prepared.notes, *board.notes()),
    )


def _attributes(recipe: Recipe, workspace: "Workspace", value: ImageInput) -> dict[str, str]:
    from latentstudio.figures.inputs import find_image

    own = recipe.data if recipe.data is not None and recipe.data.spec == value.dataset else None
    data: ImageSet = workspace.dataset(own or DataRef(spec=value.dataset))
    index, _ = find_image(data, value)
    return {name: column.text(index) for name, column in data.attributes.items()}


def _against(found: Inspection, model: "LatentModel", codes: object, nearest: int) -> Inspection:
    from latentstudio.data.prepare import fit
    from latentstudio.figures.readouts import DatasetCodes, nearest_rows, picture_features
    from latentstudio.stats.percentiles import percentile_of

    if not isinstance(codes, DatasetCodes):
        raise TypeError("the workspace gave something else than DatasetCodes")
    percentile = float(percentile_of(np.array([found.norm]), codes.norms)[0])
    neighbours: tuple[tuple[int, float], ...] = ()
    if len(codes.indices) and found.finite:
        query = picture_features(fit(found.image[None], model.image_shape), codes.planned)
        rows, distances = nearest_rows(codes.features, query, nearest, codes.feature_squares)
        pairs = zip(codes.indices[rows[0]], distances[0], strict=True)
        neighbours = tuple((int(index), float(distance)) for index, distance in pairs)
    notes = (*found.notes, *codes.notes)
    return replace(found, data_percentile=percentile, nearest=neighbours, notes=notes)

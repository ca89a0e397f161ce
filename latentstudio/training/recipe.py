"""A training recipe: one TOML file that says everything a run needs."""

import math
import tomllib
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from latentstudio.errors import UserError


class Split(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which images are held out; see `latentstudio.data.splits.held_out_mask`."""

    rule: str = "random"
    share: float = 0.2
    seed: int = 0


class Augmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changed copies of the training images that join them; preprocessing is fitted without them.

    Attributes
    ----------
    mirror : also every image mirrored left to right.
    shift : also every image moved by up to so many pixels in both directions; the border is repeated.
    """

    mirror: bool = False
    shift: int = 0


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the loop runs.

    Attributes
    ----------
    steps : optimiser steps.
    batch : images a step, of all processes together; 0 takes the whole training set, so that a step is an epoch.
    learning_rate, weight_decay : of AdamW; the decay acts on weight matrices only.
    schedule : ``cosine`` lowers the rate to zero at the last step; ``cooldown`` keeps it for four fifths of the steps,
        then lowers it evenly to zero; until that begins, a run can be resumed with another number of steps.
    clip : largest norm of the gradient; 0 for no clipping.
    ema : decay of the exponential moving average of the weights, which is then what is evaluated and kept; 0 for none.
    evaluate_every : steps between two lines of the history; 0 means about 200 lines.
    evaluate_images : images of each side of the split, at most, that an evaluation looks at.
    snapshots : steps after which the weights are kept as a snapshot.
    keep : ``last`` keeps the final weights. ``best`` splits the held-out images in two halves; the weights with the
        highest mean log-density of one half are kept, and scored by the other.
    patience : with ``best``, stop after so many evaluations without a new best; 0 never stops early.
    not_finite : ``stop`` ends the run at a loss that is NaN or infinite; ``skip`` leaves the step out and counts it.
    threads : threads of arithmetic; 0 leaves torch's choice.
    precision : ``bfloat16`` computes the networks inside the couplings in that type and all else, weights and sums and
        determinants among it, in float32.
    checkpointing : compute the inside of a step of flow a second time for the gradient instead of keeping it, which
        takes more time and far less memory; for families that have it, with the same gradients.
    """

    steps: int
    batch: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "cooldown"] = "constant"
    clip: float = 0.0
    ema: float = 0.0
    evaluate_every: int = 0
    evaluate_images: int = 4096
    snapshots: tuple[int, ...] = ()
    keep: Literal["last", "best"] = "last"
    patience: int = 0
    not_finite: Literal["stop", "skip"] = "stop"
    threads: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpointing: bool = False

    @property
    def between_evaluations(self) -> int:
        """Steps between two lines of the history."""
        return self.evaluate_every or max(1, self.steps // 200)


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no measurement can say: Markdown paragraphs for the model card."""

    summary: str = ""
    intended_use: str = ""
    limits: str = ""
    licence: str = ""
    unit: str = "step"


class TrainingRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole recipe.

    Attributes
    ----------
    dataset : specification that `latentstudio.data.open_dataset` accepts.
    model : the family's configuration without ``image_shape``, which follows from the dataset.
    objective : the family's options of its training objective.
    seed : of the untrained weights, the order of batches and all noise.
    """

    title: str
    family: str
    dataset: str
    training: Training
    model: dict[str, Any] = {}
    objective: dict[str, Any] = {}
    split: Split = Split()
    augmentation: Augmentation = Augmentation()
    card: Card = Card()
    seed: int = 0


def read_recipe(path: Path) -> TrainingRecipe:
    """Read a TOML recipe.

    Raises
    ------
    UserError
        The file is missing or not TOML, a key is unknown or missing, or a value is out of range.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a TOML file: {error}.") from error
    return recipe_of(table, str(path))


def recipe_of(table: dict[str, Any], source: str) -> TrainingRecipe:
    """Check a recipe that was read from `source`.

    Raises
    ------
    UserError
        A key is unknown or missing, or a value has the wrong type or is out of range.
    """
    try:
        recipe = msgspec.convert(table, TrainingRecipe)
    except msgspec.ValidationError as error:
        raise UserError(f"{source} is not a valid training recipe: {error}.") from error
    training = recipe.training
    checks: list[tuple[str, float, bool, str]] = [
        ("seed", recipe.seed, recipe.seed >= 0, "a whole number from 0"),
        ("augmentation.shift", recipe.augmentation.shift, 0 <= recipe.augmentation.shift <= 8, "0 to 8"),
        ("training.steps", training.steps, 1 <= training.steps <= 100_000_000, "1 to 100,000,000"),
        ("training.batch", training.batch, training.batch >= 0, "0 (all images) or more"),
        ("training.learning_rate", training.learning_rate, 0 < training.learning_rate <= 10, "above 0, up to 10"),
        ("training.weight_decay", training.weight_decay, 0 <= training.weight_decay <= 100, "0 to 100"),
        ("training.clip", training.clip, training.clip >= 0 and math.isfinite(training.clip), "0 (none) or more"),
        ("training.ema", training.ema, 0 <= training.ema < 1, "0 up to, but not including, 1"),
        ("training.evaluate_every", training.evaluate_every, training.evaluate_every >= 0, "0 or more"),
        ("training.evaluate_images", training.evaluate_images, training.evaluate_images >= 1, "1 or more"),
        ("training.patience", training.patience, training.patience >= 0, "0 or more"),
        ("training.threads", training.threads, 0 <= training.threads <= 1024, "0 to 1024"),
    ]
    for name, value, valid, accepted in checks:
        if not valid:
            raise UserError(f"{source} has {name} = {value}; accepted: {accepted}.")
    for step in training.snapshots:
        if not 1 <= step <= training.steps:
            raise UserError(f"{source} asks for a snapshot at step {step}; steps go from 1 to {training.steps}.")
    if training.keep == "best" and recipe.split.rule == "none":
        raise UserError(f"{source} keeps the best weights, but holds out no images; split.rule has to be another.")
    return recipe


def as_table(recipe: TrainingRecipe) -> dict[str, Any]:
    """Return the recipe as plain values, for ``config.json``."""
    return cast("dict[str, Any]", msgspec.to_builtins(recipe))

"""Measure a trained model again, on its own images or on others, and write what was found into its folder."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from latentstudio.data import open_dataset
from latentstudio.data.imageset import ImageSet
from latentstudio.data.splits import held_out_mask
from latentstudio.errors import UserError
from latentstudio.models.checkpoint import load
from latentstudio.models.library import read_config
from latentstudio.paths import replacing
from latentstudio.training.best import half
from latentstudio.training.card import write_card
from latentstudio.training.material import Material
from latentstudio.training.recipe import TrainingRecipe, recipe_of
from latentstudio.training.samples import write_samples
from latentstudio.training.scores import measure_sets


def evaluate(folder: Path, spec: str | None = None, device: str = "cpu") -> dict[str, Any]:
    """Return the scores that `training.scores.measure` gives of a finished model.

    Parameters
    ----------
    spec : a data set to measure on instead of the training set; all its images are held out.

    Raises
    ------
    UserError
        The model or the data set cannot be opened, or the training set is not what it was.
    """
    config = read_config(folder)
    model = load(folder, device=device)
    material, sets = _own_images(config, folder) if spec is None else _other_images(open_dataset(spec))
    return measure_sets(cast(nn.Module, model), material, sets, torch.device(device))


def write_scores(folder: Path, scores: dict[str, Any]) -> None:
    """Put scores into ``config.json``, and write card and samples anew.

    Raises
    ------
    UserError
        The model was not trained here, or a file cannot be written.
    """
    config: dict[str, Any] = dict(read_config(folder))
    training = {**config["training"], "scores": scores}
    model = load(folder)
    card = write_card(
        _recipe(config, folder), config["dataset"], training, cast(nn.Module, model), write_samples(model, folder)
    )
    for name, text in (
        ("card.md", card),
        ("config.json", json.dumps({**config, "training": training}, indent=1, allow_nan=False) + "\n"),
    ):
        with replacing(folder / name) as stream:
            stream.write(text.encode())


def _recipe(config: dict[str, Any], folder: Path) -> TrainingRecipe:
    table = config["training"].get("recipe")
    if not isinstance(table, dict):
        raise UserError(f"{folder} does not say how the model was trained; --data D measures it on other images.")
    return recipe_of(table, f"the recipe in {folder / 'config.json'}")


def _own_images(config: dict[str, Any], folder: Path) -> tuple[Material, dict[str, Any]]:
    recipe = _recipe(config, folder)
    material = Material.of(recipe)
    if material.data.digest != config["dataset"]["digest"]:
        raise UserError(
            f"{material.data.title} is not what {folder.name} was trained on, so training and held-out images cannot "
            "be told apart; --data D measures it on all images of a data set."
        )
    sets = {"train": ~material.held_out, "held_out": material.held_out}
    if recipe.training.keep == "best":
        scoring = held_out_mask(material.data, recipe.split.rule, recipe.split.share, recipe.split.seed)
        scoring[scoring] = ~half(int(scoring.sum()), recipe.seed).numpy()
        sets["held_out_scoring"] = scoring
    return material, sets


def _other_images(data: ImageSet) -> tuple[Material, dict[str, Any]]:
    everything = np.ones(len(data), dtype=np.bool_)
    return Material(data, everything), {"held_out": everything}

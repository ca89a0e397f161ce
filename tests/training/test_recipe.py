"""Recipes are checked before anything runs."""

import pytest

from latentstudio.errors import UserError
from latentstudio.paths import bundled
from latentstudio.training.recipe import read_recipe, recipe_of

TABLE = {"title": "T", "family": "pca_realnvp", "dataset": "faces?n=32", "training": {"steps": 10}}


def test_defaults_are_a_valid_recipe():
    recipe = recipe_of(TABLE, "r.toml")
    assert recipe.training.steps == 10
    assert recipe.split.rule == "random"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"trainign": {}}, "unknown field `trainign`"),
        ({"training": {"steps": 10, "stepz": 3}}, r"unknown field `stepz`.*training"),
        ({"training": {}}, "missing required field `steps`"),
        ({"training": {"steps": "ten"}}, r"Expected `int`.*training\.steps"),
        ({"training": {"steps": 0}}, r"training\.steps = 0; accepted: 1"),
        ({"training": {"steps": 10, "learning_rate": 0.0}}, r"training\.learning_rate = 0\.0"),
        ({"training": {"steps": 10, "learning_rate": float("nan")}}, r"training\.learning_rate = nan"),
        ({"training": {"steps": 10, "ema": 1.0}}, r"training\.ema = 1\.0"),
        ({"training": {"steps": 10, "clip": float("inf")}}, r"training\.clip = inf"),
        ({"training": {"steps": 10, "snapshots": [11]}}, "snapshot at step 11; steps go from 1 to 10"),
        ({"training": {"steps": 10, "keep": "worst"}}, "worst"),
        ({"training": {"steps": 10, "keep": "best"}, "split": {"rule": "none"}}, "holds out no images"),
        ({"seed": -1}, "seed = -1"),
        ({"split": {"shares": 0.5}}, "shares"),
    ],
)
def test_faults_are_named(change, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        recipe_of(TABLE | change, "r.toml")
    assert "r.toml" in str(caught.value)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.toml cannot be read"):
        read_recipe(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("title = ")
    with pytest.raises(UserError, match="not a TOML file"):
        read_recipe(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not a TOML file"):
        read_recipe(broken)


@pytest.mark.parametrize("path", sorted(bundled("models", "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_bundled_recipes_are_valid_and_made_what_is_bundled(path):
    """The model beside a recipe was trained with exactly that recipe."""
    import json

    recipe = read_recipe(path)
    config = json.loads(bundled("models", path.stem, "config.json").read_text())
    assert recipe_of(config["training"]["recipe"], "config.json") == recipe

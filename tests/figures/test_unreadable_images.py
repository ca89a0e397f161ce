"""A data set in which some pictures are broken: everything is measured on the others, and the result says so."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from toys import DATA, MODEL, ToyData, ToyModel, ToyPcaModel, ToyWorkspace, chosen, write_history

from latentstudio.analyses import ANALYSES
from latentstudio.errors import UserError
from latentstudio.figures.inspect import inspect_code
from latentstudio.figures.readouts import DatasetCodes
from latentstudio.figures.recipe import ImageInput, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Sheet, Strip, final

BROKEN = (*range(17), 30)
"""The first chunk of a pass has nothing to read, a later one all but one image."""
DRAWN = {"additivity", "dose_response", "norm_table", "edit_map", "feature_sheet"}
DRAWN |= {"separability", "unbounded_likelihood"}
"""Analyses that draw faces at random: fewer broken ones come up, and others when the broken ones are left out."""

WANTING = {"attribute_leak"}
"""Analyses that need more labelled images than the toy data set has, and say so."""


class BrokenData(ToyData):
    """The toy data set with pictures that cannot be decoded."""

    def __init__(self, broken: Sequence[int]) -> None:
        super().__init__()
        self.broken = frozenset(broken)

    def images(self, indices: Sequence[int]) -> np.ndarray:
        for index in indices:
            if index in self.broken:
                raise UserError(f"toy-{index:03d} is damaged and cannot be decoded.")
        return super().images(indices)


def workspace_of(tmp_path: Path, broken: Sequence[int]) -> ToyWorkspace:
    write_history(tmp_path, [{"step": 0, "loss": 9.0}, {"step": 50, "loss": 5.0}])
    models = {None: ToyPcaModel(), 100: ToyModel(shift=0.2), 200: ToyModel(shift=0.1)}
    return ToyWorkspace(folder=tmp_path, models=models, data={"toy": BrokenData(broken)})


@pytest.fixture
def workspace(tmp_path: Path) -> ToyWorkspace:
    return workspace_of(tmp_path, BROKEN)


def strip(a: int = 20, b: int = 25) -> Recipe:
    ends = {n: (ImageInput(dataset="toy", index=i, id=f"toy-{i:03d}"),) for n, i in (("a", a), ("b", b))}
    return Recipe(kind="operation", name="interpolate", model=MODEL, data=DATA, inputs=ends)


def test_a_strip_between_good_images_is_measured_against_the_readable_ones(workspace: ToyWorkspace) -> None:
    result = final(run_recipe(strip(), workspace))
    assert isinstance(result, Strip)
    assert "18 images cannot be read and are left out, the first: toy-000 is damaged" in " ".join(result.notes)
    assert "n = 22" in result.caption
    assert not set(result.frames.nearest) & set(BROKEN)
    assert (result.frames.nearest[0], result.frames.nearest[-1]) == (20, 25)
    norms = last_summary(workspace).norms
    expected = [100 * np.mean(norms < v) + 50 * np.mean(norms == v) for v in result.frames.norm]
    np.testing.assert_allclose(result.frames.data_percentile, expected)


def last_summary(workspace: ToyWorkspace) -> DatasetCodes:
    parts = list(workspace.codes(MODEL, DATA))
    fractions = [part.fraction for part in parts]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert max(fractions[:-1]) < 1
    return parts[-1]


def test_the_summary_is_that_of_the_readable_images(workspace: ToyWorkspace) -> None:
    found = last_summary(workspace)
    good = np.setdiff1d(np.arange(40), BROKEN)
    np.testing.assert_array_equal(found.indices, good)
    whole = list(ToyWorkspace().codes(MODEL, DATA))[-1]
    np.testing.assert_allclose(found.norms, whole.norms[good], rtol=1e-5)
    np.testing.assert_allclose(found.log_probs, whole.log_probs[good], rtol=1e-5)
    np.testing.assert_array_equal(found.features, whole.features[good])
    assert (found.planned, found.total, found.lost) == (40, 40, 18)


def test_an_input_that_cannot_be_read_is_named(workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match="toy-003 is damaged"):
        final(run_recipe(strip(a=3), workspace))


@pytest.mark.parametrize(
    ("name", "params"),
    [(n, {}) for n in ANALYSES if ANALYSES[n].needs_data and n not in WANTING]
    + [("likelihood", {"across_snapshots": True}), ("projections", {"space": "latent"})],
)
def test_analyses_agree_with_those_of_the_readable_images_alone(name: str, params: dict, tmp_path: Path) -> None:
    made = Recipe(kind="analysis", name=name, params=chosen(ANALYSES[name]) | params, model=MODEL, data=DATA)
    parts = list(run_recipe(made, workspace_of(tmp_path, BROKEN)))
    fractions = [part.fraction for part in parts]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    found = parts[-1].result
    assert isinstance(found, Sheet)
    # Toy 5, a broken one, has no label: what looks only at labelled images does not miss it.
    many = r"\d+" if name in DRAWN else "1[78]"
    assert re.search(f"{many} images? cannot be read and (is|are) left out", " ".join(found.parts[0].notes))
    if name in DRAWN:
        return
    good = tuple(int(i) for i in np.setdiff1d(np.arange(40), BROKEN))
    alone = final(run_recipe(msgspec.structs.replace(made, selection=good), workspace_of(tmp_path, ())))
    assert isinstance(alone, Sheet)
    compared = 0
    for one, other in zip(found.parts, alone.parts, strict=True):
        if hasattr(one, "histograms"):
            compared += 1
            for h, k in zip(one.histograms, other.histograms, strict=True):
                np.testing.assert_allclose(h.counts, k.counts, rtol=1e-5)
                if h.values is not None:
                    np.testing.assert_allclose(h.values, k.values, rtol=1e-5)
                    np.testing.assert_array_equal(h.members, k.members)
        if hasattr(one, "lines"):
            compared += 1
            for v, w in zip(one.lines, other.lines, strict=True):
                np.testing.assert_allclose(v.y, w.y, rtol=1e-5)
        if hasattr(one, "rows") and name == "norms":
            compared += 1
            for row, same in zip(one.rows, other.rows, strict=True):
                assert [v for v in row if v is not None] == pytest.approx([v for v in same if v is not None])
    assert compared


def test_nothing_readable_is_a_sentence_for_analyses_and_a_note_for_strips(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, range(40))
    for name in (n for n in ANALYSES if ANALYSES[n].needs_data and n not in WANTING | {"edit_curve"}):
        made = Recipe(kind="analysis", name=name, params=chosen(ANALYSES[name]), model=MODEL, data=DATA)
        with pytest.raises(UserError, match=r"None of the \d+ images of Toy faces can be read"):
            final(run_recipe(made, workspace))
    sample = Recipe(kind="operation", name="sample", model=MODEL, data=DATA, params={"count": 2})
    result = final(run_recipe(sample, workspace))
    assert "40 images cannot be read" in " ".join(result.notes)
    assert result.frames.nearest is None
    mean = Recipe(kind="operation", name="mean", model=MODEL, data=DATA)
    with pytest.raises(UserError, match="40 images cannot be read"):
        final(run_recipe(mean, workspace))


def test_the_inspector_says_what_is_left_out(workspace: ToyWorkspace) -> None:
    one = {"images": (ImageInput(dataset="toy", index=20, id="toy-020"),)}
    found = inspect_code(Recipe(kind="operation", name="reconstruct", model=MODEL, data=DATA, inputs=one), workspace)
    assert "18 images cannot be read" in " ".join(found.notes)
    assert found.nearest[0][0] == 20
    assert not {index for index, _ in found.nearest} & set(BROKEN)

import numpy as np
import pytest
import scipy.stats
from toys import DATA, MODEL, SIZE, ToyModel, ToyWorkspace

from latentstudio.errors import UserError
from latentstudio.figures.inspect import inspect_code, inspect_recipe
from latentstudio.figures.recipe import CodeInput, DataRef, ImageInput, Recipe


def _recipe(*inputs: object, data: DataRef | None = DATA) -> Recipe:
    return Recipe(kind="operation", name="reconstruct", model=MODEL, data=data, inputs={"images": inputs})


def test_inspection_of_an_image() -> None:
    workspace = ToyWorkspace()
    found = inspect_code(_recipe(ImageInput(dataset="toy", index=6, id="toy-006")), workspace)
    data = workspace.data["toy"]
    assert np.array_equal(found.original, data.pixels[6])
    assert found.error == pytest.approx(np.sqrt(np.square(found.image.astype(float) - data.pixels[6]).mean()))
    assert found.norm == pytest.approx(np.linalg.norm(found.code.astype(float)))
    assert found.prior_percentile == pytest.approx(100 * scipy.stats.chi(SIZE).cdf(found.norm))
    assert found.data_percentile is not None
    assert found.nearest[0][0] == 6
    assert len(found.nearest) == 6
    distances = [distance for _, distance in found.nearest]
    assert distances == sorted(distances)
    assert found.attributes["identity"] == "p1"
    assert found.attributes["eyeglasses"] == "yes"
    assert found.label == "toy-006"
    assert np.array_equal(found.profile, found.code.astype(float))


def test_inspection_comes_at_once_and_grows() -> None:
    workspace = ToyWorkspace()
    parts = inspect_recipe(_recipe(CodeInput.of(np.ones(SIZE, np.float32), "one", "by hand")), workspace)
    first, fraction = next(parts)
    assert fraction == 0.0
    assert workspace.passes == 0
    assert first.original is None
    assert first.error is None
    assert first.data_percentile is None
    assert (first.label, first.origin) == ("one", "by hand")
    fractions = [f for _, f in parts]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_profile_of_a_uniform_prior_is_in_standard_deviations() -> None:
    workspace = ToyWorkspace(models={None: ToyModel("uniform", density=False)})
    found = inspect_code(_recipe(CodeInput.of(np.full(SIZE, 0.5, np.float32))), workspace)
    assert found.profile == pytest.approx(np.full(SIZE, 0.5 * np.sqrt(3)))
    assert found.log_prob is None


def test_inspection_without_the_data_set() -> None:
    code = CodeInput.of(np.ones(SIZE, np.float32))
    assert inspect_code(_recipe(code, data=None), ToyWorkspace()).nearest == ()
    found = inspect_code(_recipe(code, data=DataRef(spec="gone")), ToyWorkspace())
    assert any("no data set 'gone'" in note for note in found.notes)


def test_inspection_needs_one_input() -> None:
    code = CodeInput.of(np.ones(SIZE, np.float32))
    for inputs in ((), (code, code)):
        with pytest.raises(UserError, match="one picture or code"):
            inspect_code(_recipe(*inputs), ToyWorkspace())

import msgspec
import numpy as np
import pytest
import torch
from toys import DATA, MODEL, SIZE, ToyData, ToyWorkspace

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.prepare import fit
from latentstudio.errors import UserError
from latentstudio.figures.code_bank import CodeBank
from latentstudio.figures.recipe import ImageInput, Recipe
from latentstudio.figures.run import run_recipe, seal
from latentstudio.results import Strip, final


def image(index: int) -> ImageInput:
    return ImageInput(dataset="toy", index=index, id=f"toy-{index:03d}")


def recipe(*faces: int, groups: dict[str, tuple[int, ...]] | None = None, **params: object) -> Recipe:
    slots = {"images": tuple(image(i) for i in faces or (3,))}
    return Recipe(
        kind="operation",
        name="attribute",
        params={"attributes": ["eyeglasses"], **params},
        model=MODEL,
        data=DATA,
        inputs=slots,
        groups=groups or {},
    )


def run(made: Recipe, workspace: ToyWorkspace) -> Strip:
    result = final(run_recipe(made, workspace))
    assert isinstance(result, Strip)
    return result


@pytest.fixture
def workspace() -> ToyWorkspace:
    return ToyWorkspace()


def codes_of(workspace: ToyWorkspace) -> np.ndarray:
    model, data = workspace.models[None], workspace.data["toy"]
    return model.encode(torch.from_numpy(fit(data.pixels, model.image_shape))).double().numpy()


def difference(workspace: ToyWorkspace, labels: np.ndarray) -> np.ndarray:
    codes = codes_of(workspace)
    return codes[labels == 1].mean(axis=0) - codes[labels == 0].mean(axis=0)


def glasses(workspace: ToyWorkspace) -> np.ndarray:
    return workspace.data["toy"].attributes["eyeglasses"].values


def test_codes_are_the_face_plus_strength_times_the_difference(workspace: ToyWorkspace) -> None:
    strip = run(recipe(3, 8, strengths=[0, 1, -2]), workspace)
    codes, step = codes_of(workspace), difference(workspace, glasses(workspace))
    expected = [codes[face] + s * step for face in (3, 8) for s in (0, 1, -2)]
    np.testing.assert_allclose(strip.frames.codes, expected, atol=1e-5)
    assert strip.row_labels == ("toy-003", "toy-008")
    assert strip.positions.tolist() == [0, 1, -2]
    np.testing.assert_array_equal(strip.frames.codes[0], codes[3].astype(np.float32))


def test_several_attributes_with_amounts_add_up(workspace: ToyWorkspace) -> None:
    strip = run(recipe(attributes=["eyeglasses", "yaw>0"], amounts=[1, -0.5], strengths=[2]), workspace)
    yaw = (workspace.data["toy"].attributes["yaw"].values > 0).astype(float)
    both = difference(workspace, glasses(workspace)) - 0.5 * difference(workspace, yaw)
    np.testing.assert_allclose(strip.frames.codes[0], codes_of(workspace)[3] + 2 * both, atol=1e-5)


def test_the_quantile_scale_reaches_its_percentiles(workspace: ToyWorkspace) -> None:
    strip = run(recipe(scale="quantile", strengths=[10, 50, 90]), workspace)
    assert strip.measures[0].label == "eyeglasses"
    np.testing.assert_allclose(strip.measures[0].values, [10, 50, 90], atol=1.5)  # 39 images: steps of 2.6 %
    two = run(
        recipe(attributes=["eyeglasses", "yaw>0"], amounts=[80, 20], scale="quantile", strengths=[0, 1]), workspace
    )
    np.testing.assert_allclose([m.values[1] for m in two.measures], [80, 20], atol=1.5)


def test_an_edit_that_leaves_another_attribute_alone_is_perpendicular_to_it(workspace: ToyWorkspace) -> None:
    strip = run(recipe(keep=["yaw>0"], strengths=[0, 1]), workspace)
    yaw = (workspace.data["toy"].attributes["yaw"].values > 0).astype(float)
    moved = strip.frames.codes[1] - strip.frames.codes[0]
    assert abs(moved @ difference(workspace, yaw)) < 1e-4 * np.linalg.norm(moved)
    with pytest.raises(UserError, match="Nothing of eyeglasses is left"):
        run(recipe(keep=["eyeglasses"]), workspace)


def test_only_the_chosen_parts_move(workspace: ToyWorkspace) -> None:
    strip = run(recipe(parts=["back"], strengths=[0, 1]), workspace)
    moved = strip.frames.codes[1] - strip.frames.codes[0]
    assert np.all(moved[:2] == 0)
    assert np.all(moved[2:] != 0)
    with pytest.raises(UserError, match="no part 'side'"):
        run(recipe(parts=["side"]), workspace)


def test_a_selection_is_an_attribute(workspace: ToyWorkspace) -> None:
    groups = {"selection": (0, 1, 2, 3), "others": (10, 11, 12)}
    rest = np.zeros(40)
    rest[:4] = 1
    made = run(recipe(attributes=["selection"], strengths=[0, 1], groups=groups), workspace)
    moved = made.frames.codes[1] - made.frames.codes[0]
    np.testing.assert_allclose(moved, difference(workspace, rest), atol=1e-5)
    against = run(recipe(attributes=["selection|selection:others"], strengths=[0, 1], groups=groups), workspace)
    some = np.full(40, np.nan)
    some[:4], some[10:13] = 1, 0
    moved = against.frames.codes[1] - against.frames.codes[0]
    np.testing.assert_allclose(moved, difference(workspace, some), atol=1e-5)


def test_a_person_adds_what_differs_from_the_mean(workspace: ToyWorkspace) -> None:
    made = recipe(attributes=[], strengths=[0, 1])
    made = msgspec.structs.replace(made, inputs={**made.inputs, "person": (image(20),)})
    strip = run(made, workspace)
    codes = codes_of(workspace)
    expected = codes[3] + codes[20] - codes.mean(axis=0)
    np.testing.assert_allclose(strip.frames.codes[1], expected, atol=1e-4)
    with pytest.raises(UserError, match="not both"):
        run(msgspec.structs.replace(made, params={"attributes": ["eyeglasses"]}), workspace)


@pytest.mark.parametrize(
    "params", [{"estimator": "lda"}, {"scale": "quantile", "strengths": [10, 90]}, {"keep": ["yaw"]}]
)
def test_a_sealed_edit_needs_no_images_and_is_the_same(workspace: ToyWorkspace, params: dict[str, object]) -> None:
    made = recipe(**params)
    before = run(made, workspace)
    again = msgspec.convert(msgspec.to_builtins(seal(made, workspace)), Recipe)
    alone = ToyWorkspace(data={})
    after = run(again, alone)
    np.testing.assert_array_equal(before.frames.codes, after.frames.codes)
    np.testing.assert_array_equal(before.frames.images, after.frames.images)
    np.testing.assert_allclose(before.measures[0].values, after.measures[0].values)


def test_a_damaged_direction_is_a_sentence(workspace: ToyWorkspace) -> None:
    made = seal(recipe(), workspace)
    slot = next(name for name in made.inputs if name.startswith("direction"))
    short = msgspec.structs.replace(made, inputs={**made.inputs, slot: made.inputs[slot][:2]})
    with pytest.raises(UserError, match="direction that is damaged"):
        run(short, workspace)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"attributes": []}, "Choose an attribute"),
        ({"attributes": ["hat"]}, "no attribute 'hat'"),
        ({"amounts": [1, 2]}, "2 amounts for 1 attributes"),
        ({"strengths": []}, "no strengths"),
        ({"scale": "quantile", "strengths": [-5]}, "-5 is no percentile"),
        ({"attributes": ["eyeglasses", "yaw"], "scale": "quantile"}, "need an amount each"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(workspace: ToyWorkspace, params: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        run(recipe(**params), workspace)


def test_without_a_data_set_there_is_no_direction(workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match="needs a data set to find 'eyeglasses' in"):
        run(msgspec.structs.replace(recipe(), data=None), workspace)


# --- the bank behind it


def test_codes_are_made_once(workspace: ToyWorkspace) -> None:
    run(recipe(), workspace)
    reads = sum(workspace.data["toy"].reads)
    run(recipe(estimator="lda", keep=["yaw"]), workspace)
    # The face itself and the readouts are read again, and the one image whose glasses are unknown; no class is.
    assert sum(workspace.data["toy"].reads) - reads <= 40 + 1 + 1


def _drained(looking):
    while True:
        try:
            next(looking)
        except StopIteration as ended:
            return ended.value


def test_the_bank_holds_no_more_than_its_budget(workspace: ToyWorkspace) -> None:
    model, data = workspace.models[None], workspace.data["toy"]
    bank = CodeBank(lambda: model, data, budget_bytes=10 * SIZE * 4)
    first = _drained(bank.codes(np.arange(40)))
    np.testing.assert_allclose(first.codes, codes_of(workspace), atol=1e-6)
    before = sum(data.reads)
    _drained(bank.codes(np.arange(30, 40)))
    assert sum(data.reads) == before
    _drained(bank.codes(np.arange(10)))
    assert sum(data.reads) == before + 10


def test_the_bank_prefers_a_finished_store(workspace: ToyWorkspace) -> None:
    class Store:
        unread = np.empty(0, dtype=np.int64)

        def codes(self, indices):
            return np.repeat(indices[:, None], SIZE, axis=1).astype(np.float32)

    def looking():
        yield
        return Store()

    bank = CodeBank(lambda: workspace.models[None], workspace.data["toy"], looking)
    found = _drained(bank.codes(np.arange(40)))
    np.testing.assert_array_equal(found.codes[:, 0], np.arange(40))
    assert not workspace.data["toy"].reads


def test_unreadable_images_are_left_out_and_counted() -> None:
    class Broken(ToyData):
        def images(self, indices):
            if 12 in list(indices):
                raise UserError("Cannot read toy-012.")
            return super().images(indices)

    workspace = ToyWorkspace(data={"toy": Broken()})
    strip = run(recipe(), workspace)
    assert any("1 images could not be read" in note for note in strip.notes)


def test_a_far_code_is_no_part_of_a_mean() -> None:
    workspace = ToyWorkspace()
    model = workspace.models[None]
    plain, far = model.encode, codes_of(workspace)[0]

    def encode(images):
        codes = plain(images)
        codes[(codes - torch.from_numpy(far).float()).abs().amax(dim=1) < 1e-5] *= 1e6
        return codes

    model.encode = encode
    strip = run(recipe(strengths=[0, 1]), workspace)
    labels = glasses(workspace).copy()
    labels[0] = np.nan
    workspace.models[None].encode = plain
    moved = strip.frames.codes[1] - strip.frames.codes[0]
    np.testing.assert_allclose(moved, difference(workspace, labels), atol=1e-4)
    assert any("leaves out 1 images whose codes lie far outside" in note for note in strip.notes)


def test_keys_of_recipes_without_groups_are_those_from_before() -> None:
    plain = Recipe(kind="operation", name="sample", params={"count": 3}, model=MODEL)
    assert b"groups" not in plain.canonical()
    assert plain.canonical().endswith(b'"selection":null}')
    assert b'"groups":{"selection":[1]}' in msgspec.structs.replace(plain, groups={"selection": (1,)}).canonical()


def test_an_attribute_of_a_table_without_columns_names_selections() -> None:
    data = ToyData()
    data.attributes = AttributeTable(40, [Column("empty", "binary", np.full(40, np.nan))])
    workspace = ToyWorkspace(data={"toy": data}, split={})
    with pytest.raises(UserError, match="'empty' is not known of any image"):
        run(recipe(attributes=["empty"]), workspace)


def test_what_is_watched_is_measured_after_the_pictures(workspace: ToyWorkspace) -> None:
    made = recipe(watch=["yaw>0", "eyeglasses"], strengths=[0, 2])
    parts = [p.result for p in run_recipe(made, workspace) if p.result is not None]
    first = next(p for p in parts if p.frames.ready.all())
    assert [m.label for m in first.measures] == ["eyeglasses"]
    assert [(m.label, m.brief) for m in parts[-1].measures] == [("eyeglasses", True), ("yaw > 0", False)]
    yaw = (workspace.data["toy"].attributes["yaw"].values > 0).astype(float)
    unit, codes, left_out = difference(workspace, yaw), codes_of(workspace), []
    unit /= np.linalg.norm(unit)
    for row in range(40):
        others = np.arange(40) != row
        alone = codes[others & (yaw == 1)].mean(axis=0) - codes[others & (yaw == 0)].mean(axis=0)
        centre = codes.mean(axis=0)
        left_out.append((codes[row] - centre) @ alone / np.linalg.norm(alone) + centre @ unit)
    places = parts[-1].frames.codes.astype(float) @ unit
    expected = 100 * np.searchsorted(np.sort(left_out), places) / 40
    np.testing.assert_allclose(parts[-1].measures[1].values, expected, atol=1e-6)
    again = msgspec.convert(msgspec.to_builtins(seal(made, workspace)), Recipe)
    after = run(again, ToyWorkspace(data={}))
    np.testing.assert_allclose(after.measures[1].values, parts[-1].measures[1].values)

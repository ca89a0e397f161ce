"""Reflect, corrupt and scan codes: closed forms, parts, and what is refused."""

import numpy as np
import pytest
import torch
from toys import SIZE, ToyModel

from latentstudio.controls import build
from latentstudio.errors import UserError
from latentstudio.operations.base import Codes, Surroundings
from latentstudio.operations.corrupt import Corrupt
from latentstudio.operations.reflect import Reflect
from latentstudio.operations.scan import Scan

MEAN_CODE = torch.full((SIZE,), 0.25)
MOVING = torch.tensor([0.1, 0.9, 0.3, 0.2, 0.8, 0.4])
FACE = torch.tensor([[0.5, -1.0, 2.0, 0.25, -0.75, 1.5]])


def around(prior: str = "standard_normal") -> Surroundings:
    return Surroundings(ToyModel(prior).space, lambda: MEAN_CODE, lambda: MEAN_CODE, moving=lambda: MOVING)


def corrupted(**params: object) -> Codes:
    return Corrupt(**params).codes({"face": FACE}, around())


# --- reflect


def test_reflection_about_zero_and_about_the_mean() -> None:
    faces = torch.cat([FACE, 2 * FACE])
    made = Reflect(alphas=(0.5, 1.0)).codes({"faces": faces}, around())
    assert made.columns == 3
    assert torch.equal(made.codes, torch.cat([FACE, -0.5 * FACE, -FACE, 2 * FACE, -FACE, -2 * FACE]))
    mean = Reflect(alphas=(0.5, 1.0), about="mean").codes({"faces": FACE}, around())
    assert torch.allclose(mean.codes[1], 1.5 * MEAN_CODE - 0.5 * FACE[0])
    assert torch.allclose(mean.codes[2], 2 * MEAN_CODE - FACE[0])
    assert [Reflect(about=a).wants_means for a in ("zero", "mean")] == [False, True]


def test_reflecting_twice_gives_the_face_back() -> None:
    once = Reflect(alphas=(1.0,), about="mean").codes({"faces": FACE}, around()).codes[1:]
    twice = Reflect(alphas=(1.0,), about="mean").codes({"faces": once}, around()).codes[1:]
    assert torch.allclose(twice, FACE, atol=1e-6)


def test_other_parts_are_not_reflected() -> None:
    made = Reflect(alphas=(1.0,), parts=("back",)).codes({"faces": FACE}, around()).codes[1]
    assert torch.equal(made[:2], FACE[0, :2])
    assert torch.equal(made[2:], -FACE[0, 2:])


@pytest.mark.parametrize("operation", [Reflect, Corrupt])
def test_a_part_that_is_not_there_is_named_with_those_that_are(operation: type) -> None:
    inputs = {slot.name: FACE for slot in operation.slots}
    with pytest.raises(UserError, match="no part 'level_9' of its code; there are front, back, and all"):
        build(operation, {"parts": ["level_9"]}).codes(inputs, around())


# --- corrupt


def test_chosen_components_are_set_and_nothing_else() -> None:
    made = corrupted(which="chosen", components=(4, 1), magnitudes=(3.0, -100.0))
    expected = FACE.repeat(3, 1)
    expected[1, [1, 4]], expected[2, [1, 4]] = 3.0, -100.0
    assert torch.equal(made.codes, expected)
    assert made.compare == (0, 0, 0)
    assert made.labels == ("face", "= 3", "= −100")


@pytest.mark.parametrize(("prior", "deviation"), [("standard_normal", 1.0), ("uniform", 1 / 3**0.5)])
def test_added_sigmas_are_those_of_the_prior(prior: str, deviation: float) -> None:
    operation = Corrupt(which="chosen", components=(2,), magnitudes=(3.0,), how="add")
    made = operation.codes({"face": FACE}, around(prior)).codes
    assert float(made[1, 2] - FACE[0, 2]) == pytest.approx(3 * deviation, rel=1e-6)


def test_random_components_follow_their_seed_and_grow_by_adding() -> None:
    def touched(**params: object) -> set[int]:
        made = corrupted(magnitudes=(50.0,), **params).codes
        return set(np.flatnonzero((made[1] != made[0]).numpy()))

    assert touched(count=2, seed=3) == touched(count=2, seed=3)
    assert touched(count=2, seed=3) < touched(count=4, seed=3)
    assert touched(count=SIZE + 5) == set(range(SIZE))
    assert len({tuple(sorted(touched(count=2, seed=s))) for s in range(20)}) > 5
    assert touched(count=100, parts=("front",)) == {0, 1}


def test_two_sets_give_three_rows() -> None:
    made = corrupted(which="chosen", components=(0,), second=(3, 5), magnitudes=(9.0,))
    assert made.row_labels == ("First set", "Second set", "Both sets")
    changed = [set(np.flatnonzero((made.codes[k] != FACE[0]).numpy())) for k in range(6)]
    assert changed == [set(), {0}, set(), {3, 5}, set(), {0, 3, 5}]
    assert made.compare == (0, 0, 2, 2, 4, 4)
    shared = corrupted(which="chosen", components=(0, 3), second=(3,), magnitudes=(9.0,))
    assert any("share components" in note for note in shared.notes)


def test_the_components_of_a_place_are_those_that_move_it_most() -> None:
    operation = Corrupt(which="region", region=(7,), count=2, magnitudes=(9.0,))
    assert operation.wanted_region == (7,)
    made = operation.codes({"face": FACE}, around()).codes
    assert set(np.flatnonzero((made[1] != FACE[0]).numpy())) == {1, 4}
    assert Corrupt(which="random", region=(7,)).wanted_region == ()
    with pytest.raises(UserError, match="No place is painted"):
        _ = Corrupt(which="region").wanted_region


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"which": "chosen"}, "No component is chosen"),
        ({"which": "chosen", "components": (6,)}, "no component 6; 0 to 5 would do"),
        ({"which": "chosen", "components": (0,), "second": (77,)}, "no component 77"),
        ({"which": "chosen", "components": (0, 1), "parts": ("back",)}, "no component of the chosen parts"),
        ({"magnitudes": ()}, "at least one magnitude"),
    ],
)
def test_what_cannot_be_corrupted_is_said(params: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        corrupted(**params)


def test_components_outside_the_parts_stay_and_are_counted() -> None:
    made = corrupted(which="chosen", components=(0, 3), parts=("back",), magnitudes=(9.0,))
    assert set(np.flatnonzero((made.codes[1] != FACE[0]).numpy())) == {3}
    assert any("1 of 2 components belong to other parts" in note for note in made.notes)


# --- scan


@pytest.mark.parametrize(("prior", "deviation"), [("standard_normal", 1.0), ("uniform", 1 / 3**0.5)])
def test_a_scan_goes_along_the_ray_by_the_norm_of_the_sphere(prior: str, deviation: float) -> None:
    made = Scan(radii=(0.0, 0.5, 2.0), directions=1, seed=7).codes({"faces": FACE}, around(prior))
    sphere = SIZE**0.5 * deviation
    norms = made.codes.double().norm(dim=1)
    assert norms.tolist() == pytest.approx([0, 0.5 * sphere, 2 * sphere] * 2, rel=1e-6)
    draw = ToyModel(prior).space.prior.sample([7], SIZE)[0]
    for row, ray in ((1, FACE[0]), (5, draw)):
        cosine = torch.nn.functional.cosine_similarity(made.codes[row], ray, dim=0)
        assert float(cosine) == pytest.approx(1.0, abs=1e-6)
    assert made.row_labels == ("random seed 7",)


def test_a_scan_needs_a_ray_and_a_radius() -> None:
    with pytest.raises(UserError, match="a face or a random direction"):
        Scan(directions=0).codes({}, around())
    with pytest.raises(UserError, match="at least one radius"):
        Scan(radii=()).codes({}, around())
    origin = Scan(directions=0).codes({"faces": torch.zeros(1, SIZE)}, around())
    assert not origin.codes.any()
    assert any("has no direction" in note for note in origin.notes)

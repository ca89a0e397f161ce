import dataclasses
import math

import numpy as np
import pytest
import scipy.stats
import torch
from toys import SIZE, ToyModel

from latentstudio.controls import build, controls
from latentstudio.errors import UserError
from latentstudio.models.priors import StandardNormal
from latentstudio.operations import OPERATIONS
from latentstudio.operations.base import Surroundings
from latentstudio.operations.interpolate import PATHS, Interpolate
from latentstudio.operations.mean import Mean
from latentstudio.operations.sample import Sample

MEAN_CODE = torch.full((SIZE,), 0.25)
MEAN_IMAGE = torch.full((SIZE,), -0.5)


def _surroundings(prior: str = "standard_normal") -> Surroundings:
    return Surroundings(ToyModel(prior).space, lambda: MEAN_CODE, lambda: MEAN_IMAGE)


def _inputs(operation: type, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {slot.name: torch.randn(3 if slot.many else 1, SIZE, generator=generator) for slot in operation.slots}


# --- every operation


@pytest.mark.parametrize("prior", ["standard_normal", "uniform"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_answers_with_codes(name: str, prior: str) -> None:
    operation = OPERATIONS[name]
    inputs = _inputs(operation)
    before = {slot: codes.clone() for slot, codes in inputs.items()}
    made = operation().codes(inputs, _surroundings(prior))
    again = operation().codes(inputs, _surroundings(prior))
    assert made.codes.dtype == torch.float32
    assert made.codes.ndim == 2
    assert made.codes.shape[1] == SIZE
    assert bool(made.codes.isfinite().all())
    assert torch.equal(made.codes, again.codes)
    assert all(torch.equal(inputs[slot], codes) for slot, codes in before.items())
    if made.positions is not None:
        assert made.columns == len(made.positions)
        assert len(made.codes) == made.columns * len(made.row_labels)
    else:
        assert 1 <= made.columns <= len(made.codes)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_needs(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.title
    assert operation.summary.endswith(".")
    assert operation.needs <= {"encode", "decode", "sample", "log_prob"}
    assert operation.picture_slots <= {slot.name for slot in operation.slots}
    for slot in operation.slots:
        assert slot.hint
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(operation(), dataclasses.fields(operation)[0].name, 0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_control_accepts_its_default_and_refuses_nonsense(name: str) -> None:
    operation = OPERATIONS[name]
    for control in controls(operation):
        assert build(operation, {control.name: control.default}) == operation()
        with pytest.raises(UserError, match=f"'{control.name}'"):
            build(operation, {control.name: {"no": "sense"}})
        if control.maximum is not None:
            with pytest.raises(UserError, match=control.name):
                build(operation, {control.name: control.maximum + 1})
    with pytest.raises(UserError, match="no parameter 'nonsense'"):
        build(operation, {"nonsense": 1})


# --- interpolation


@pytest.mark.parametrize("prior", ["standard_normal", "uniform"])
@pytest.mark.parametrize("path", PATHS)
def test_end_points_are_exact(path: str, prior: str) -> None:
    inputs = _inputs(Interpolate)
    made = Interpolate(paths=(path,), extrapolate=0.25).codes(inputs, _surroundings(prior))
    assert made.positions is not None
    start, end = np.flatnonzero(made.positions == 0)[0], np.flatnonzero(made.positions == 1)[0]
    assert torch.equal(made.codes[start], inputs["a"][0])
    assert torch.equal(made.codes[end], inputs["b"][0])


@pytest.mark.parametrize("path", PATHS)
def test_swapping_the_ends_reverses_the_path(path: str) -> None:
    inputs = _inputs(Interpolate)
    swapped = {"a": inputs["b"], "b": inputs["a"]}
    there = Interpolate(paths=(path,)).codes(inputs, _surroundings()).codes
    back = Interpolate(paths=(path,)).codes(swapped, _surroundings()).codes
    assert torch.allclose(there, back.flip(0), atol=1e-5)


def test_positions_keep_their_spacing_beyond_the_ends() -> None:
    assert np.allclose(Interpolate(steps=5).positions(), [0, 0.25, 0.5, 0.75, 1])
    assert np.allclose(Interpolate(steps=5, extrapolate=0.5).positions(), np.arange(-0.5, 1.51, 0.25))
    assert np.allclose(Interpolate(steps=5, extrapolate=0.3).positions(), np.arange(-0.5, 1.51, 0.25))
    assert np.allclose(Interpolate(steps=5, extrapolate=0.3, at=0.4).positions(), [0.4])


def test_the_frame_at_a_place_is_that_of_the_path() -> None:
    inputs = _inputs(Interpolate)
    whole = Interpolate(paths=PATHS, steps=9).codes(inputs, _surroundings()).codes.view(4, 9, SIZE)
    single = Interpolate(paths=PATHS, at=0.375).codes(inputs, _surroundings())
    assert single.columns == 1
    assert torch.allclose(single.codes, whole[:, 3], atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_identical_and_opposite_ends(path: str) -> None:
    a = _inputs(Interpolate)["a"]
    same = Interpolate(paths=(path,)).codes({"a": a, "b": a.clone()}, _surroundings())
    assert same.notes == ("A and B are the same code.",)
    if path != "matched":
        assert torch.allclose(same.codes, a.expand(9, -1), atol=1e-6)
    opposite = Interpolate(paths=(path,)).codes({"a": a, "b": -a}, _surroundings())
    assert bool(opposite.codes.isfinite().all())
    if path in ("spherical", "norm_preserving"):
        assert "opposite directions" in opposite.notes[0]
        assert torch.allclose(opposite.codes.norm(dim=1), a.norm().expand(9), atol=1e-5)


def test_a_norm_that_would_be_negative_is_said() -> None:
    a = torch.ones(1, SIZE)
    b = 5 * torch.roll(torch.arange(1.0, SIZE + 1), 1)[None]
    for path, told in (("linear", False), ("spherical", True), ("norm_preserving", True)):
        made = Interpolate(paths=(path,), extrapolate=0.5).codes({"a": a, "b": b}, _surroundings())
        assert any("would be negative" in note for note in made.notes) == told
    within = Interpolate(paths=("spherical",)).codes({"a": a, "b": b}, _surroundings())
    assert within.notes == ()


@pytest.mark.parametrize("prior", ["standard_normal", "uniform"])
def test_every_frame_of_the_matched_path_follows_the_prior(prior: str) -> None:
    n = 20_000
    size = ToyModel(prior).space.size
    draws = ToyModel(prior).space.prior.sample([1], 2 * n * size).view(2, n * size)
    # One 'code' of n * size components: every component is mapped on its own, so this is n codes at once.
    made = Interpolate(paths=("matched",), steps=5).codes({"a": draws[:1], "b": draws[1:]}, _surroundings(prior))
    law = scipy.stats.norm() if prior == "standard_normal" else scipy.stats.uniform(-1, 2)
    for frame in made.codes.double().view(5, n, size):
        for component in frame.T:
            assert scipy.stats.kstest(component.numpy(), law.cdf).pvalue > 0.01 / (5 * size)


# --- samples


def test_sample_k_depends_on_seed_k_alone() -> None:
    many = Sample(count=20, seed=5).codes({}, _surroundings()).codes
    one = Sample(count=1, seed=17).codes({}, _surroundings()).codes
    assert torch.equal(many[12], one[0])
    assert torch.equal(many[12], StandardNormal().sample([17], SIZE)[0])


def test_temperature_scales_and_truncation_pulls() -> None:
    plain = Sample(count=4).codes({}, _surroundings()).codes
    hot = Sample(count=4, temperature=1.5).codes({}, _surroundings()).codes
    pulled = Sample(count=4, truncation=0.3).codes({}, _surroundings()).codes
    assert torch.allclose(hot, 1.5 * plain)
    assert torch.allclose(pulled - MEAN_CODE, 0.3 * (plain - MEAN_CODE), atol=1e-6)
    assert torch.equal(Sample(count=4, temperature=0.0).codes({}, _surroundings()).codes, torch.zeros(4, SIZE))
    assert [Sample(truncation=t).wants_means for t in (1.0, 0.9)] == [False, True]


def test_samples_follow_the_prior() -> None:
    codes = Sample(count=1024).codes({}, _surroundings()).codes
    assert scipy.stats.kstest(codes.flatten().numpy(), "norm").pvalue > 0.01
    assert scipy.stats.kstest(codes.norm(dim=1).numpy(), scipy.stats.chi(SIZE).cdf).pvalue > 0.01


# --- means


def test_mean_of_a_group_and_path_to_it() -> None:
    inputs = _inputs(Mean)
    made = Mean(what="mean_code", steps=5).codes(inputs, _surroundings())
    assert torch.equal(made.codes[0], inputs["from"][0])
    assert torch.allclose(made.codes[-1], inputs["group"].mean(dim=0))
    assert torch.allclose(made.codes[2], (inputs["from"][0] + inputs["group"].mean(dim=0)) / 2, atol=1e-6)


def test_mean_of_the_data_set_in_both_senses() -> None:
    empty = torch.empty(0, SIZE)
    made = Mean().codes({"group": empty, "from": empty}, _surroundings())
    assert made.labels == ("Mean code", "Mean image")
    assert made.positions is None
    assert torch.equal(made.codes, torch.stack([MEAN_CODE, MEAN_IMAGE]))


def test_controls_check_numbers_and_lists() -> None:
    assert build(Interpolate, {"paths": ["linear", "matched"], "steps": 5.0}).steps == 5
    for bad in ({"steps": 5.5}, {"steps": True}, {"steps": math.nan}, {"paths": []}, {"paths": ["crooked"]}):
        with pytest.raises(UserError, match="would do"):
            build(Interpolate, bad)

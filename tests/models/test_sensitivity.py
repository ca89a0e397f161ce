"""Derivatives of decode against the matrix of a linear model and against finite differences in double precision."""

import numpy as np
import pytest
import torch
from toys import EDGE, SCALE, SIZE, ToyModel

from latentstudio.errors import UserError
from latentstudio.models.glow import Glow
from latentstudio.models.parts import components_of, part_of, spans_of
from latentstudio.models.pca_realnvp import PcaRealNvp
from latentstudio.models.sensitivity import PROBES, movement


def moved(model, code: torch.Tensor, region: list[int]) -> np.ndarray:
    steps = list(movement(model, code, np.array(region)))
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)
    assert [found is None for _, found in steps] == [True] * (len(steps) - 1) + [False]
    return steps[-1][1].numpy()


def test_one_pixel_of_a_linear_model_gives_the_row_of_its_matrix() -> None:
    model = ToyModel()
    matrix = 127.5 * SCALE * model.basis.numpy()
    for pixel in (0, 13, EDGE * EDGE - 1):
        np.testing.assert_allclose(moved(model, torch.randn(SIZE), [pixel]), np.abs(matrix[pixel]), rtol=1e-5)


def test_a_small_place_is_exact_and_repeated_pixels_count_once() -> None:
    model = ToyModel()
    rows = (127.5 * SCALE * model.basis.numpy())[[3, 9, 20]]
    expected = np.sqrt(np.square(rows).mean(axis=0))
    np.testing.assert_allclose(moved(model, torch.zeros(SIZE), [20, 3, 9, 9]), expected, rtol=1e-5)


def test_a_large_place_is_estimated_within_its_stated_error() -> None:
    model = ToyModel()
    matrix = 127.5 * SCALE * model.basis.numpy()
    region = list(range(40))
    assert len(region) > PROBES
    expected = np.square(matrix[region]).mean(axis=0)
    found = np.square(moved(model, torch.zeros(SIZE), region))
    # Four relative standard deviations of the square, sqrt(2 / PROBES) each.
    assert (np.abs(found - expected) < 4 * np.sqrt(2 / PROBES) * expected).all()
    assert (found > 0).all()


@pytest.mark.parametrize("family", [Glow, PcaRealNvp])
def test_derivatives_of_a_real_model_agree_with_finite_differences(family) -> None:
    model = family.tiny()
    generator = torch.Generator().manual_seed(1)
    code = 0.5 * torch.randn(model.space.size, generator=generator)
    channels, _, width = model.image_shape
    pixels = [0, width + 2]
    with torch.inference_mode():
        found = moved(model, code, pixels)
    double = family.tiny().double()
    step = 1e-5
    for k in range(0, model.space.size, 37):
        ends = code.double().repeat(2, 1)
        ends[0, k] += step
        ends[1, k] -= step
        with torch.enable_grad():  # the plain path in double precision
            high, low = double.decode(ends).detach().reshape(2, channels, -1)[:, :, pixels]
        slope = ((high - low) / (2 * step)).numpy()
        assert found[k] == pytest.approx(127.5 * np.sqrt(np.square(slope).mean()), rel=2e-3, abs=1e-4)


def test_a_model_whose_weights_were_made_in_inference_mode_works_too() -> None:
    with torch.inference_mode():
        model = Glow.tiny()
        made_there = moved(model, torch.zeros(model.space.size), [5])
    np.testing.assert_allclose(made_there, moved(Glow.tiny(), torch.zeros(model.space.size), [5]), rtol=1e-4)


def test_pixels_outside_the_picture_are_refused_by_number() -> None:
    with pytest.raises(UserError, match="no pixel 64 in pictures of 8 x 8"):
        list(movement(ToyModel(), torch.zeros(SIZE), np.array([3, 64])))
    with pytest.raises(UserError, match="No place is painted"):
        list(movement(ToyModel(), torch.zeros(SIZE), np.array([], dtype=np.int64)))


def test_parts_are_named_spans() -> None:
    parts = {"front": (0, 2), "back": (2, SIZE)}
    assert spans_of(parts, ["back", "front", "back"]) == ((0, 2), (2, SIZE))
    assert components_of(parts, ["all"]).tolist() == list(range(SIZE))
    assert components_of(parts, ["back"]).tolist() == list(range(2, SIZE))
    assert [part_of(parts, k) for k in (0, 5, 6)] == ["front", "back", ""]
    with pytest.raises(UserError, match=r"no part 'side'.*front, back, and all"):
        spans_of(parts, ["side"])

"""Real NVP against autograd, quadrature, closed forms and an independent implementation."""

import math

import numpy as np
import pytest
import torch

from latentstudio.nn.actnorm import ActNorm
from latentstudio.nn.coupling import MaskedAffineCoupling
from latentstudio.nn.fused import FusedRealNvp
from latentstudio.nn.realnvp import RealNvp, standard_normal_log_prob


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trained_like(size: int, layers: int, hidden: int, bound: float | None, seed: int = 0) -> RealNvp:
    """A float64 flow with random weights everywhere, the last layers and ActNorm included."""
    flow = RealNvp(size, layers, hidden, bound)
    random = generator(seed)
    flow.reset(random)
    flow.train()
    with torch.no_grad():
        flow.to_noise(torch.randn(50, size, generator=random) * 2 + 1)
        for parameter in flow.parameters():
            parameter.add_(0.4 / math.sqrt(size) * torch.randn(parameter.shape, generator=random))
    return flow.eval().double()


@pytest.mark.parametrize("size", [2, 5, 8])
@pytest.mark.parametrize("direction", ["to_noise", "to_data"])
def test_log_det_is_that_of_the_jacobian(size, direction):
    flow = trained_like(size, 5, 16, 1.0)
    for x in torch.randn(4, size, generator=generator(1), dtype=torch.float64) * 3:
        jacobian = torch.autograd.functional.jacobian(lambda v: getattr(flow, direction)(v[None])[0][0], x)
        expected = torch.linalg.slogdet(jacobian).logabsdet
        assert abs(getattr(flow, direction)(x[None])[1][0] - expected) < 1e-8


@pytest.mark.parametrize("part", ["coupling", "norm"])
def test_log_det_of_each_layer_is_that_of_its_jacobian(part):
    flow = trained_like(6, 2, 16, 1.0)
    layer = flow.steps()[1][0 if part == "coupling" else 1]
    for x in torch.randn(4, 6, generator=generator(1), dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda v: layer.to_noise(v[None])[0][0], x)
        log_det = layer.to_noise(x[None])[1].reshape(-1)[0]
        assert abs(log_det - torch.linalg.slogdet(jacobian).logabsdet) < 1e-8


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_round_trip_at_five_standard_deviations(dtype, tolerance):
    flow = trained_like(64, 14, 32, 0.5).to(dtype)
    z = torch.randn(32, 64, generator=generator(2), dtype=dtype)
    z = torch.cat([z, 5 * z])
    x, to_data = flow.to_data(z)
    back, to_noise = flow.to_noise(x)
    assert (back - z).abs().max() < tolerance
    assert (to_data + to_noise).abs().max() < tolerance


def test_density_in_two_dimensions_integrates_to_one():
    flow = trained_like(2, 4, 16, 0.5)
    # Wide enough for the tails that the layers can stretch, fine enough for the narrowest ridge.
    corner, _ = flow.to_data(torch.randn(4000, 2, generator=generator(3), dtype=torch.float64) * 2)
    low, high = corner.min(0).values - 4, corner.max(0).values + 4
    axes = [torch.linspace(low[i].item(), high[i].item(), 1201, dtype=torch.float64) for i in range(2)]
    grid = torch.cartesian_prod(*axes)
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    with torch.no_grad():
        total = flow.log_prob(grid).exp().sum() * cell
    assert abs(total.item() - 1) < 1e-3


def test_untrained_flow_is_its_base_density():
    flow = RealNvp(6, 4, 16, 2.0).eval().double()
    flow.reset(generator())
    x = torch.randn(10, 6, generator=generator(1), dtype=torch.float64)
    expected = torch.distributions.MultivariateNormal(torch.zeros(6).double(), torch.eye(6).double()).log_prob(x)
    torch.testing.assert_close(flow.log_prob(x), expected, atol=1e-12, rtol=0)


def test_standard_normal_log_prob_at_the_origin():
    assert standard_normal_log_prob(torch.zeros(1, 3).double()).item() == pytest.approx(-1.5 * math.log(2 * math.pi))


def test_act_norm_is_set_by_the_first_batch_only():
    layer = ActNorm(3).double().train()
    first = torch.randn(500, 3, generator=generator(), dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1]) + 2
    z, _ = layer.to_noise(first)
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(z.std(0), torch.ones(3).double(), atol=1e-4, rtol=0)
    before = layer.log_scale.clone()
    layer.to_noise(first * 10)
    assert torch.equal(layer.log_scale, before)
    other = ActNorm(3).double().train()
    other.load_state_dict(layer.state_dict())
    other.to_noise(first * 10)
    assert torch.equal(other.log_scale, before)


def test_act_norm_in_evaluation_mode_waits_for_training():
    layer = ActNorm(3).eval()
    layer.to_noise(torch.randn(8, 3, generator=generator()) + 5)
    assert not bool(layer.initialised)


def test_coupling_leaves_the_kept_half_alone():
    layer = MaskedAffineCoupling(7, 8, 1, 1.0)
    layer.reset(generator())
    with torch.no_grad():
        layer.shift_net.last.bias.fill_(3.0)
    x = torch.randn(5, 7, generator=generator(1))
    z, _ = layer.to_noise(x)
    assert torch.equal(z[:, 1::2], x[:, 1::2])
    torch.testing.assert_close(z[:, 0::2], x[:, 0::2] - 3)


@pytest.mark.parametrize("bound", [0.5, 2.0])
def test_log_scale_stays_within_its_bound(bound):
    layer = MaskedAffineCoupling(4, 8, 0, bound)
    with torch.no_grad():
        layer.scale_net.last.bias.fill_(1e6)
    _, log_det = layer.to_data(torch.zeros(1, 4))
    assert log_det.item() == pytest.approx(2 * bound)


def test_without_a_bound_a_far_input_has_no_finite_density():
    """Why held-out likelihoods of the unbounded model are -inf or NaN; the bounded one stays finite."""
    bounded, unbounded = trained_like(8, 6, 16, 1.0), trained_like(8, 6, 16, None)
    far = torch.full((1, 8), 1e4, dtype=torch.float64)
    assert torch.isfinite(bounded.log_prob(far)).all()
    assert not torch.isfinite(unbounded.log_prob(far)).all()


@pytest.mark.parametrize(("size", "layers"), [(2, 1), (5, 2), (4, 3), (7, 6), (64, 14)])
@pytest.mark.parametrize("bound", [0.7, None])
def test_fused_flow_is_the_plain_one(size, layers, bound):
    flow = trained_like(size, layers, 24, bound)
    if bound is None:
        # Mild enough that fourteen layers without a bound do not overflow.
        with torch.no_grad():
            for coupling, _ in flow.steps():
                coupling.scale_net.last.weight.mul_(0.01)
    fused = FusedRealNvp(flow, np.float64)
    x = torch.randn(700, size, generator=generator(4), dtype=torch.float64)
    for direction in ("to_noise", "to_data"):
        with torch.no_grad():
            expected, log_det = getattr(flow, direction)(x)
        got, got_log_det = getattr(fused, f"{direction}_with_log_det")(x.numpy())
        scale = expected.abs().max()
        assert np.abs(got - expected.numpy()).max() < 1e-9 * max(1, scale)
        assert np.abs(got_log_det - log_det.numpy()).max() < 1e-9 * max(1, log_det.abs().max())
        np.testing.assert_array_equal(getattr(fused, direction)(x.numpy()), got)


def test_fused_flow_in_float32_is_close():
    flow = trained_like(64, 14, 32, 0.5)
    fused = FusedRealNvp(flow, np.float32)
    z = torch.randn(9, 64, generator=generator(4))
    with torch.no_grad():
        expected = flow.float().to_data(z)[0].numpy()
    assert fused.to_data(z.numpy()).dtype == np.float32
    assert np.abs(fused.to_data(z.numpy()) - expected).max() / np.abs(expected).max() < 1e-5


def test_fused_flow_takes_an_empty_batch():
    fused = FusedRealNvp(trained_like(4, 2, 8, 1.0))
    assert fused.to_data(np.zeros((0, 4), np.float32)).shape == (0, 4)

"""Every layer of Glow: inverse, log-determinant against autograd, and what it does before training."""

import math

import pytest
import torch

from latentstudio.errors import UserError
from latentstudio.nn.conv1x1 import InvertibleConv1x1
from latentstudio.nn.glow import GlowFlow, GlowShape, GlowStep
from latentstudio.nn.glow_coupling import ChannelCoupling, ZeroConv3x3
from latentstudio.nn.image_actnorm import ImageActNorm
from latentstudio.nn.realnvp import standard_normal_log_prob

SHAPES = {
    "affine": GlowShape((1, 8, 8), levels=2, steps=2, width=6),
    "additive": GlowShape((1, 8, 8), levels=2, steps=2, width=6, coupling="additive", top_prior="pixel"),
    "edge of ones": GlowShape((1, 8, 8), levels=2, steps=1, width=6, edge="ones", split_prior="channel"),
    "colour, one level": GlowShape((3, 4, 4), levels=1, steps=2, width=6, top_prior="none"),
    "not square": GlowShape((1, 4, 12), levels=2, steps=1, width=6, split_prior="pixel"),
}


def random_generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stirred(module, amount=0.2, seed=0):
    """Give every weight of a float64 copy a random value."""
    module = module.double()
    generator = random_generator(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(amount * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        for norm in (m for m in module.modules() if isinstance(m, ImageActNorm)):
            norm.initialised.fill_(1)
    return module.eval()


def conv_of(channels):
    conv = InvertibleConv1x1(channels)
    conv.reset(random_generator(3))
    return conv


def flow_of(name):
    flow = GlowFlow(SHAPES[name])
    flow.reset(random_generator(1))
    return stirred(flow)


LAYERS = {
    "actnorm": (lambda: ImageActNorm(4), (4, 3, 2)),
    "conv1x1": (lambda: conv_of(4), (4, 3, 2)),
    "affine": (lambda: ChannelCoupling(4, 5, "affine", "zeros", 6.0), (4, 3, 2)),
    "additive": (lambda: ChannelCoupling(4, 5, "additive", "ones", 6.0), (4, 3, 2)),
    "step": (lambda: GlowStep(4, GlowShape((1, 4, 4), 1, 1, 5)), (4, 2, 2)),
}


def slogdet(function, x):
    jacobian = torch.autograd.functional.jacobian(lambda v: function(v[None])[0].flatten(), x)
    return torch.linalg.slogdet(jacobian.reshape(x.numel(), x.numel()))[1]


@pytest.mark.parametrize("name", LAYERS)
def test_log_determinant_of_a_layer_is_that_of_its_jacobian(name):
    build, shape = LAYERS[name]
    layer = stirred(build())
    x = torch.randn(shape, generator=random_generator(5), dtype=torch.float64)
    z, log_det = layer.to_noise(x[None])
    assert abs(slogdet(layer.to_noise, x) - log_det).max() < 1e-8
    back, back_log_det = layer.to_data(z)
    assert abs(slogdet(layer.to_data, z[0].detach()) - back_log_det).max() < 1e-8
    assert (back[0] - x).abs().max() < 1e-9


@pytest.mark.parametrize("name", SHAPES)
def test_log_determinant_of_the_flow_is_that_of_its_jacobian(name):
    flow = flow_of(name)
    x = 0.5 * torch.randn(SHAPES[name].image, generator=random_generator(6), dtype=torch.float64)
    noise, log_det = flow.to_noise(x[None])
    assert abs(slogdet(flow.to_noise, x) - log_det).max() < 1e-8
    back, back_log_det = flow.to_data(noise)
    assert (back[0] - x).abs().max() < 1e-9
    assert abs(log_det + back_log_det).max() < 1e-9


@pytest.mark.parametrize("name", SHAPES)
def test_parts_are_as_large_as_the_picture(name):
    flow = GlowFlow(SHAPES[name])
    assert list(flow.parts()) == [f"level_{k + 1}" for k in range(SHAPES[name].levels)]
    assert max(stop for _, stop in flow.parts().values()) == math.prod(SHAPES[name].image)


def test_shapes_of_the_research_model():
    shape = GlowShape((3, 256, 256), levels=6, steps=32, width=512)
    assert [shape.noise_shape(k) for k in range(6)] == [
        (6, 128, 128),
        (12, 64, 64),
        (24, 32, 32),
        (48, 16, 16),
        (96, 8, 8),
        (384, 4, 4),
    ]


# -- ActNorm


def test_actnorm_standardises_the_first_batch_and_no_other():
    norm = ImageActNorm(3).train()
    first = torch.randn(64, 3, 5, 4, generator=random_generator()) * torch.tensor([0.1, 2, 9])[:, None, None] + 4
    z, _ = norm.to_noise(first)
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)
    before = norm.shift.clone()
    norm.to_noise(first + 100)
    assert torch.equal(norm.shift, before)


def test_actnorm_keeps_its_flag_in_the_state():
    norm = ImageActNorm(3).train()
    assert int(norm.state_dict()["initialised"]) == 0
    norm.to_noise(torch.randn(8, 3, 4, 4, generator=random_generator()))
    loaded = ImageActNorm(3)
    loaded.load_state_dict(norm.state_dict())
    loaded.train().to_noise(torch.full((8, 3, 4, 4), 50.0))
    assert torch.equal(loaded.shift, norm.shift)


def test_actnorm_does_not_initialise_in_evaluation():
    norm = ImageActNorm(3).eval()
    x = torch.randn(8, 3, 4, 4, generator=random_generator())
    assert torch.equal(norm.to_noise(x)[0], x)
    assert int(norm.initialised) == 0


def test_actnorm_survives_a_constant_channel():
    norm = ImageActNorm(2).train()
    assert torch.isfinite(norm.to_noise(torch.ones(8, 2, 4, 4))[0]).all()


# -- invertible 1x1 convolution


def test_lu_form_gives_the_matrix_back():
    matrix = torch.randn(12, 12, generator=random_generator(), dtype=torch.float64)
    conv = InvertibleConv1x1(12).double()
    conv.set_matrix(matrix)
    assert (conv.matrix() - matrix).abs().max() < 1e-12
    assert abs(conv.log_scale.sum() - torch.linalg.slogdet(matrix)[1]) < 1e-10
    assert (conv.inverse_matrix() @ matrix - torch.eye(12)).abs().max() < 1e-10


def test_lu_form_in_float32_is_close():
    matrix = torch.linalg.qr(torch.randn(48, 48, generator=random_generator(), dtype=torch.float64))[0]
    conv = InvertibleConv1x1(48)
    conv.set_matrix(matrix)
    assert (conv.matrix().double() - matrix).abs().max() < 1e-6
    assert (conv.inverse_matrix() - matrix.T).abs().max() < 1e-5


def test_untrained_convolution_is_a_rotation():
    matrix = conv_of(24).matrix()
    assert (matrix @ matrix.T - torch.eye(24)).abs().max() < 1e-5


@pytest.mark.parametrize("matrix", [torch.zeros(3, 3), torch.ones(3, 3), torch.full((3, 3), torch.nan)])
def test_singular_matrices_are_refused(matrix):
    with pytest.raises(UserError, match="1x1 convolution"):
        InvertibleConv1x1(3).set_matrix(matrix)


def test_a_convolution_that_became_singular_says_so():
    conv = conv_of(4)
    with torch.no_grad():
        conv.log_scale[1] = -60
    with pytest.raises(UserError, match="singular or nearly so"):
        conv.inverse_matrix()


# -- coupling


def test_affine_coupling_follows_its_formula():
    coupling = stirred(ChannelCoupling(6, 5, "affine", "zeros", 6.0), amount=0.5)
    x = torch.randn(4, 6, 3, 3, generator=random_generator(), dtype=torch.float64)
    h, t = coupling.net(x[:, :3]).chunk(2, 1)
    z, log_det = coupling.to_noise(x)
    scale = torch.sigmoid(h.clamp(-6, 6) + 2)
    assert torch.equal(z[:, :3], x[:, :3])
    torch.testing.assert_close(z[:, 3:], (x[:, 3:] + t) * scale)
    torch.testing.assert_close(log_det, scale.log().sum((1, 2, 3)))


def test_scale_of_a_coupling_is_limited():
    coupling = ChannelCoupling(2, 3, "affine", "zeros", 6.0).double()
    with torch.no_grad():
        coupling.net.last.conv.bias[0] = -1000
    z = torch.ones(1, 2, 2, 2, dtype=torch.float64)
    x, _ = coupling.to_data(z)
    assert x[0, 1, 0, 0].item() == pytest.approx(1 + math.exp(4), abs=1e-9)


@pytest.mark.parametrize("edge", ["zeros", "ones"])
def test_zero_convolution_is_zero_and_scales_by_three_logs(edge):
    conv = ZeroConv3x3(3, 2, edge)
    x = torch.randn(2, 3, 4, 4, generator=random_generator())
    assert not conv(x).any()
    with torch.no_grad():
        conv.conv.weight.normal_(generator=random_generator())
        plain = conv(x)
        conv.log_scale.fill_(0.5)
        torch.testing.assert_close(conv(x), plain * math.exp(1.5))
    border = torch.nn.functional.pad(x, (1, 1, 1, 1), value=1.0 if edge == "ones" else 0.0)
    torch.testing.assert_close(plain, torch.nn.functional.conv2d(border, conv.conv.weight))


def test_untrained_additive_flow_is_the_base_density():
    """Rotations of channels change neither volume nor norm, and zero networks change nothing at all."""
    flow = GlowFlow(SHAPES["additive"]).double().eval()
    x = torch.randn(5, 1, 8, 8, generator=random_generator(), dtype=torch.float64)
    expected = standard_normal_log_prob(x.flatten(1))
    noise, log_det = flow.to_noise(x)
    assert not log_det.any()
    torch.testing.assert_close(noise.sort(1)[0], x.flatten(1).sort(1)[0], atol=0, rtol=0)
    torch.testing.assert_close(standard_normal_log_prob(noise), expected, atol=1e-12, rtol=1e-13)
    flow.reset(random_generator())
    noise, log_det = flow.to_noise(x)
    torch.testing.assert_close(standard_normal_log_prob(noise) + log_det, expected, atol=1e-9, rtol=1e-12)


def test_untrained_affine_flow_scales_half_of_the_channels():
    shape = GlowShape((1, 8, 8), levels=1, steps=3, width=4)
    flow = GlowFlow(shape).double().eval()
    _, log_det = flow.to_noise(torch.randn(2, 1, 8, 8, generator=random_generator(), dtype=torch.float64))
    expected = 3 * 32 * math.log(1 / (1 + math.exp(-2)))
    torch.testing.assert_close(log_det, torch.full((2,), expected, dtype=torch.float64))


def test_building_draws_nothing_from_the_global_random_state():
    state = torch.get_rng_state()
    flow = GlowFlow(SHAPES["affine"])
    flow.reset(random_generator())
    assert torch.equal(torch.get_rng_state(), state)

"""The same weights in the package normflows give the same densities; written by hand, without our converter."""

import math

import pytest
import torch

from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig

nf = pytest.importorskip("normflows", reason="normflows, an independent implementation, is not installed")

CHANNELS, EDGE, LEVELS, STEPS, WIDTH = 3, 16, 3, 3, 16


def ours(coupling):
    config = GlowConfig(
        image_shape=(CHANNELS, EDGE, EDGE),
        levels=LEVELS,
        steps=STEPS,
        width=WIDTH,
        coupling=coupling,
        split_prior="none",
        top_prior="none",
    )
    model = Glow(config)
    generator = torch.Generator().manual_seed(0)
    model.reset(generator)
    model.initialise(torch.rand(64, CHANNELS, EDGE, EDGE, generator=generator) * 2 - 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def theirs(model, coupling):
    q0, levels, merges = [], [], []
    for index in range(LEVELS):
        level = model.flow.flow_levels()[LEVELS - 1 - index]
        flows = [block_of(step, coupling) for step in reversed(level.flow_steps())]
        levels.append([*flows, nf.flows.Squeeze()])
        q0.append(nf.distributions.DiagGaussian(model.flow.shape.noise_shape(LEVELS - 1 - index), trainable=False))
        if index:
            merges.append(nf.flows.Merge())
    return nf.MultiscaleFlow(q0, levels, merges, class_cond=False).eval().double()


@torch.no_grad()
def block_of(step, coupling):
    channels = len(step.norm.shift)
    block = nf.flows.GlowBlock(channels, WIDTH, scale=coupling == "affine", scale_map="sigmoid", use_lu=False).double()
    their_coupling, their_conv, their_norm = block.flows
    their_norm.s.copy_(step.norm.log_scale.view(1, -1, 1, 1))
    their_norm.t.copy_(step.norm.shift.view(1, -1, 1, 1))
    their_norm.data_dep_init_done.fill_(1.0)
    their_conv.W.copy_(step.conv.matrix())
    net, layers = step.coupling.net, their_coupling.flows[1].param_map.net
    for conv, norm, layer in ((net.first, net.first_norm, layers[0]), (net.middle, net.middle_norm, layers[2])):
        scale = torch.exp(-norm.log_scale)
        layer.weight.copy_(conv.weight * scale[:, None, None, None])
        layer.bias.copy_(-norm.shift * scale)
    factor = torch.exp(3 * net.last.log_scale)
    weight, bias = net.last.conv.weight * factor[:, None, None, None], net.last.conv.bias * factor
    if coupling == "additive":
        layers[4].weight.copy_(-weight)
        layers[4].bias.copy_(-bias)
    else:
        half = channels // 2
        for ours_first, their_rows, sign in ((0, slice(1, None, 2), 1), (half, slice(0, None, 2), -1)):
            layers[4].weight[their_rows] = sign * weight[ours_first : ours_first + half]
            layers[4].bias[their_rows] = sign * bias[ours_first : ours_first + half]
    return block


@pytest.mark.parametrize("coupling", ["affine", "additive"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_log_density_agrees(coupling, dtype, tolerance):
    # Folding the scales into the weights is done in float64, so that it adds no rounding of its own.
    model = ours(coupling).double()
    other = theirs(model, coupling).to(dtype)
    model = model.to(dtype)
    images = torch.rand(6, CHANNELS, EDGE, EDGE, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2 - 1
    with torch.inference_mode():
        values = model.log_prob(images)
        expected = other.log_prob(images * (127.5 / 256), None) - images[0].numel() * 8 * math.log(2)
    assert ((values - expected) / expected).abs().max() < tolerance


def test_samples_agree():
    model = ours("affine").double()
    other = theirs(model, "affine")
    codes = model.space.prior.sample([0, 1], model.space.size).double()
    parts = [
        codes[:, slice(*span)].view(2, *model.flow.shape.noise_shape(k))
        for k, span in enumerate(model.space.parts.values())
    ]
    with torch.inference_mode():
        expected = other.forward_and_log_det(parts[::-1])[0] * (256 / 127.5)
        assert (model.decode(codes) - expected).abs().max() < 1e-9

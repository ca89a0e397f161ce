"""The fused Glow is the plain one."""

import pytest
import torch

from latentstudio.nn import fused_net, packed_conv
from latentstudio.nn.fused_glow import FusedGlow
from latentstudio.nn.glow import GlowFlow, GlowShape
from latentstudio.nn.image_actnorm import ImageActNorm

SHAPES = {
    "affine": GlowShape((3, 16, 16), levels=3, steps=2, width=24),
    "additive": GlowShape((1, 16, 16), levels=2, steps=3, width=24, coupling="additive", top_prior="pixel"),
    "edge of ones": GlowShape((3, 16, 16), levels=2, steps=2, width=24, edge="ones", top_prior="pixel"),
    "fixed priors": GlowShape((1, 8, 16), levels=2, steps=1, width=8, split_prior="channel", top_prior="channel"),
    "no priors": GlowShape((1, 8, 8), levels=3, steps=1, width=8, split_prior="none", top_prior="none"),
    "tight limit": GlowShape((1, 8, 8), levels=1, steps=2, width=8, limit=0.1),
}


def build(shape, seed=0):
    flow = GlowFlow(shape)
    generator = torch.Generator().manual_seed(seed)
    flow.reset(generator)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
        for norm in (m for m in flow.modules() if isinstance(m, ImageActNorm)):
            norm.initialised.fill_(1)
    return flow.eval()


@pytest.fixture(params=["few products", "many products", "plain torch"])
def _kernels(request, monkeypatch):
    if request.param == "plain torch":
        monkeypatch.setattr(packed_conv, "one_dnn", lambda: False)
    elif not packed_conv.one_dnn():
        pytest.skip("this torch has no fused convolution")
    limit = 10**12 if request.param == "few products" else 0
    monkeypatch.setattr(packed_conv, "_FEW_PRODUCTS", limit)
    monkeypatch.setattr(fused_net, "_FEW_PRODUCTS", limit)


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("count", [1, 9])
def test_fused_equals_plain(name, count):
    flow = build(SHAPES[name])
    fused = FusedGlow(flow)
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(count, *SHAPES[name].image, generator=generator) - 0.5
    noise = torch.randn(count, flow.parts()[f"level_{SHAPES[name].levels}"][1], generator=generator)
    with torch.inference_mode():
        for plain, (answer, log_det) in (
            (flow.to_noise(x), fused.to_noise_with_log_det(x)),
            (flow.to_data(noise), fused.to_data_with_log_det(noise)),
        ):
            torch.testing.assert_close(answer, plain[0], atol=1e-4, rtol=1e-5)
            torch.testing.assert_close(log_det, plain[1], atol=1e-3, rtol=1e-6)
        assert torch.equal(fused.to_noise(x), fused.to_noise_with_log_det(x)[0])
        assert torch.equal(fused.to_data(noise), fused.to_data_with_log_det(noise)[0])


def test_work_is_cut_to_the_cache_without_a_trace(monkeypatch):
    flow = build(SHAPES["affine"])
    x = torch.rand(7, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 0.5
    whole = FusedGlow(flow).to_noise_with_log_det(x)
    monkeypatch.setattr("latentstudio.nn.fused_glow._CACHE_BYTES", 4 * 64 * 24 * 2)
    for together, cut in zip(whole, FusedGlow(flow).to_noise_with_log_det(x), strict=True):
        torch.testing.assert_close(cut, together, atol=1e-5, rtol=1e-6)


def test_inputs_are_not_overwritten():
    flow = build(SHAPES["no priors"])
    fused = FusedGlow(flow)
    noise = torch.randn(3, 64, generator=torch.Generator().manual_seed(1))
    x = noise.view(3, 1, 8, 8).clone()
    before = noise.clone()
    with torch.inference_mode():
        fused.to_data(noise)
        fused.to_noise(x)
    assert torch.equal(noise, before)
    assert torch.equal(x.flatten(1), before)

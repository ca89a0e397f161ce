"""The fused Glow is the plain one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from latentstudio.nn import fused_net, packed_conv
from latentstudio.nn.fused_glow import FusedGlow
from latentstudio.nn.glow import GlowFlow, GlowShape
from latentstudio.nn.glow_graphs import GraphedGlow
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


def test_answers_do_not_share_memory_with_later_calls():
    flow = build(SHAPES["affine"])
    fused = FusedGlow(flow)
    generator = torch.Generator().manual_seed(1)
    one, two = torch.randn(2, 4, 3 * 16 * 16, generator=generator)
    for call, a, b in (
        (fused.to_data_with_log_det, one, two),
        (fused.to_noise_with_log_det, one.view(-1, 3, 16, 16), two.view(-1, 3, 16, 16)),
    ):
        first = call(a)
        before = [answer.clone() for answer in first]
        call(b)
        assert all(torch.equal(answer, kept) for answer, kept in zip(first, before, strict=True))
        # What was left over from the second call does not change the answer to the first question.
        assert all(torch.equal(answer, kept) for answer, kept in zip(call(a), before, strict=True))


def test_answers_are_ordinary_tensors_outside_of_inference_mode():
    fused = FusedGlow(build(SHAPES["no priors"]))
    with torch.no_grad():
        picture = fused.to_data(torch.zeros(2, 64))
    assert not picture.is_inference()
    with torch.inference_mode():
        again = fused.to_data(torch.zeros(2, 64))
    assert torch.equal(picture, again)


@pytest.mark.parametrize("name", ["affine", "additive"])
def test_a_picture_alone_is_as_among_eight(name):
    flow = build(SHAPES[name])
    fused = FusedGlow(flow)
    noise = torch.randn(8, 16 * 16 * SHAPES[name].image[0], generator=torch.Generator().manual_seed(1))
    together = fused.to_data(noise)
    alone = torch.cat([fused.to_data(row[None]) for row in noise])
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(torch.cat([fused.to_noise(x[None]) for x in together]), noise, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["affine", "additive", "tight limit"])
def test_codes_at_five_sigma(name):
    flow = build(SHAPES[name])
    channels, height, width = SHAPES[name].image
    noise = 5 * torch.randn(3, channels * height * width, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = flow.double().to_data(noise.double())[0]
        answer = FusedGlow(flow.float()).to_data(noise)
    assert (answer - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_inputs_with_gaps():
    flow = build(SHAPES["affine"])
    fused = FusedGlow(flow)
    noise = torch.randn(3 * 16 * 16, 10, generator=torch.Generator().manual_seed(1)).T[::2]
    torch.testing.assert_close(fused.to_data(noise), fused.to_data(noise.contiguous()), atol=1e-6, rtol=1e-6)
    x = torch.rand(5, 16, 32, 3, generator=torch.Generator().manual_seed(1)).permute(0, 3, 1, 2)[..., ::2]
    torch.testing.assert_close(fused.to_noise(x), fused.to_noise(x.contiguous()), atol=1e-6, rtol=1e-6)


def test_one_step_against_the_formulas():
    """A picture of 2 x 2 pixels has one squeezed pixel: every convolution is its middle tap."""
    flow = build(GlowShape((1, 2, 2), levels=1, steps=1, width=5, limit=1.0))
    level = flow.double().flow_levels()[0]
    step, prior = level.flow_steps()[0], level.typed_prior()
    net = step.coupling.net
    x = torch.rand(1, 1, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    v = step.conv.matrix() @ ((x.flatten() - step.norm.shift) / step.norm.log_scale.exp())
    first = (net.first.weight[:, :, 1, 1] @ v[:2] - net.first_norm.shift) / net.first_norm.log_scale.exp()
    middle = net.middle.weight[:, :, 0, 0] @ first.relu()
    middle = ((middle - net.middle_norm.shift) / net.middle_norm.log_scale.exp()).relu()
    out = (net.last.conv.weight[:, :, 1, 1] @ middle + net.last.conv.bias) * (3 * net.last.log_scale).exp()
    scale = 1 / (1 + torch.exp(-out[:2].clamp(-1, 1) - 2))
    z = torch.cat([v[:2], (v[2:] + out[2:]) * scale])
    expected = (z - prior.mean.flatten()) / prior.log_sd.exp().flatten()
    log_det = scale.log().sum() - step.norm.log_scale.sum() + step.conv.log_scale.sum() - prior.log_sd.sum()
    answer, nats = FusedGlow(flow.float()).to_noise_with_log_det(x.float())
    torch.testing.assert_close(answer[0].double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(nats[0], log_det, atol=1e-5, rtol=1e-5)


def test_threads_may_share_it():
    flow = build(SHAPES["affine"])
    fused = FusedGlow(flow)
    noises = torch.randn(6, 2, 3 * 16 * 16, generator=torch.Generator().manual_seed(1))
    expected = [fused.to_data(noise) for noise in noises]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(fused.to_data, noises.repeat(5, 1, 1)))
    assert all(torch.equal(answer, expected[k % 6]) for k, answer in enumerate(answers))


def test_rooms_are_few():
    fused = FusedGlow(build(SHAPES["no priors"]))
    for count in range(1, 20):
        fused.to_data(torch.zeros(count, 64))
    assert all(len(level._rooms) <= 4 for level in fused._levels)


@pytest.mark.gpu
@pytest.mark.parametrize("name", SHAPES)
def test_on_a_gpu_recorded_passes_are_the_plain_flow(name):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    flow = build(SHAPES[name])
    channels, height, width = SHAPES[name].image
    generator = torch.Generator().manual_seed(1)
    noises = torch.randn(2, 9, channels * height * width, generator=generator)
    with torch.inference_mode():
        expected = [flow.to_data(noise) for noise in noises]
        graphed = GraphedGlow(FusedGlow(flow.cuda()))
        answers = [graphed.to_data_with_log_det(noise.cuda()) for noise in noises]
        for (pictures, log_det), (plain, plain_log_det) in zip(answers, expected, strict=True):
            torch.testing.assert_close(pictures.cpu(), plain, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(log_det.cpu(), plain_log_det, atol=1e-3, rtol=1e-5)
            back = graphed.to_noise(pictures)
            torch.testing.assert_close(back, graphed.to_noise(pictures.clone()), atol=0, rtol=0)
        for count in range(1, 12):
            assert len(graphed.to_data(noises[0, :count].cuda())) == min(count, 9)


@pytest.mark.gpu
def test_on_a_gpu_bfloat16_is_near():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    flow = build(SHAPES["affine"])
    noise = torch.randn(9, 3 * 16 * 16, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = flow.to_data(noise)[0]
        answer = GraphedGlow(FusedGlow(flow.cuda(), torch.bfloat16)).to_data(noise.cuda()).cpu()
    assert 0 < (answer - expected).norm() / expected.norm() < 0.02

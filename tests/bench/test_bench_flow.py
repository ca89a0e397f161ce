"""Decoding a strip of nine and encoding 400 images against normflows with the same weights, in one run.

Both sides get the same PCA matrices and one thread.
"""

import time

import numpy as np
import pytest
import torch

from latentstudio.models.pca_realnvp import Config, PcaRealNvp

nf = pytest.importorskip("normflows", reason="normflows, an independent implementation, is not installed")

pytestmark = pytest.mark.bench
BOUND = 0.5


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def ours():
    """The shape of the bundled Olivetti model, with random weights."""
    model = PcaRealNvp(Config(image_shape=(1, 64, 64), components=64, layers=14, hidden=128, log_scale_bound=BOUND))
    random = torch.Generator().manual_seed(0)
    model.fit_preprocessing(torch.rand(100, 1, 64, 64, generator=random) * 2 - 1)
    model.reset(random)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=random))
        for norm in model.flow.norms:
            norm.initialised.fill_(1)
    return model.eval()


@pytest.fixture(scope="module")
def theirs(ours):
    layers = []
    for coupling, norm in ours.flow.steps():
        kept, active = slice(coupling.parity, None, 2), slice(1 - coupling.parity, None, 2)
        mask = torch.zeros(64)
        mask[kept] = 1
        nets = []
        for own, options in (
            (coupling.shift_net, {}),
            (coupling.scale_net, {"output_fn": "tanh", "output_scale": BOUND}),
        ):
            net = nf.nets.MLP([64, 128, 64], init_zeros=True, **options)
            with torch.no_grad():
                net.net[0].weight.zero_()
                net.net[0].weight[:, kept] = own.first.weight
                net.net[0].bias.copy_(own.first.bias)
                net.net[2].weight[active] = own.last.weight
                net.net[2].bias[active] = own.last.bias
            nets.append(net)
        their_norm = nf.flows.ActNorm(64)
        with torch.no_grad():
            their_norm.s.copy_(norm.log_scale[None])
            their_norm.t.copy_(norm.shift[None])
            their_norm.data_dep_init_done.fill_(1.0)
        layers += [nf.flows.MaskedAffineFlow(mask, *nets), their_norm]
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(64, trainable=False), layers).eval()


def decode_theirs(model, theirs, codes):
    return model.pca_decode(theirs.forward(codes) * model.pca.variances.sqrt())


def encode_theirs(model, theirs, images):
    return theirs.inverse(model.pca_encode(images) / model.pca.variances.sqrt())


def milliseconds(*calls, repeats):
    """Median time of each call; the calls take turns of ten, so that a busy machine slows them alike."""
    times = [[] for _ in calls]
    with torch.inference_mode():
        for _ in range(repeats // 10):
            for call, kept in zip(calls, times, strict=True):
                for _ in range(10):
                    began = time.perf_counter()
                    call()
                    kept.append(1e3 * (time.perf_counter() - began))
    return [float(np.median(kept)) for kept in times]


def test_decode_a_strip_of_nine(benchmark, ours, theirs, capsys):
    codes = ours.space.prior.sample(list(range(9)), 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours.decode(codes), decode_theirs(ours, theirs, codes), atol=1e-4, rtol=0)
        white = codes.numpy()
        flow_ours, flow_theirs, all_ours, all_theirs = milliseconds(
            lambda: ours._plan(np.float32).to_data(white),
            lambda: theirs.forward(codes),
            lambda: ours.decode(codes),
            lambda: decode_theirs(ours, theirs, codes),
            repeats=300,
        )
        benchmark(ours.decode, codes)
    benchmark.extra_info |= {"ratio_flow": flow_theirs / flow_ours, "ratio_with_pca": all_theirs / all_ours}
    with capsys.disabled():
        print(
            f"\ndecode 9: flow {flow_ours:.3f} ms, normflows {flow_theirs:.3f} ms, {flow_theirs / flow_ours:.1f} x;",
            end=" ",
        )
        print(f"with PCA {all_ours:.3f} and {all_theirs:.3f} ms, {all_theirs / all_ours:.1f} x")


def test_encode_400_images(benchmark, ours, theirs, capsys):
    images = torch.rand(400, 1, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        white = ours.pca_encode(images) / ours.pca.variances.sqrt()
        torch.testing.assert_close(ours.encode(images), encode_theirs(ours, theirs, images), atol=1e-3, rtol=1e-4)
        flow_ours, flow_theirs, all_ours, all_theirs = milliseconds(
            lambda: ours._plan(np.float32).to_noise(white.numpy()),
            lambda: theirs.inverse(white),
            lambda: ours.encode(images),
            lambda: encode_theirs(ours, theirs, images),
            repeats=40,
        )
        benchmark(ours.encode, images)
    benchmark.extra_info |= {"ratio_flow": flow_theirs / flow_ours, "ratio_with_pca": all_theirs / all_ours}
    with capsys.disabled():
        print(
            f"\nencode 400: flow {flow_ours:.2f} ms, normflows {flow_theirs:.2f} ms, {flow_theirs / flow_ours:.1f} x;",
            end=" ",
        )
        print(f"with PCA {all_ours:.2f} and {all_theirs:.2f} ms, {all_theirs / all_ours:.1f} x")

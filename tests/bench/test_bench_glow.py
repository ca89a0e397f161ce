"""Decoding and encoding with Glow: fused against plain, and against the machine's own rate of matrix products.

The plain path has the structure of the public implementations: a module for each operation, pictures channels-first,
and the inverse of every 1x1 convolution computed at every call. Both sides have the same weights and two threads.
"""

import time

import numpy as np
import pytest
import torch

from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig

pytestmark = pytest.mark.bench
SCALE = 127.5 / 256
REPEATS = 15
CONFIGS = {
    "64 px colour, K=8, width 64": GlowConfig(image_shape=(3, 64, 64), levels=4, steps=8, width=64),
    "64 px colour, K=8, width 128": GlowConfig(image_shape=(3, 64, 64), levels=4, steps=8, width=128),
    "64 px grey, K=8, width 64": GlowConfig(image_shape=(1, 64, 64), levels=4, steps=8, width=64),
}


@pytest.fixture(scope="module", autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=CONFIGS)
def scene(request):
    model = Glow(CONFIGS[request.param])
    generator = torch.Generator().manual_seed(0)
    model.reset(generator)
    model.initialise(torch.rand(32, *model.image_shape, generator=generator) * 2 - 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    return request.param, model.eval().requires_grad_(False)


def multiply_adds(model):
    """Multiplications of one picture: 1x1 convolutions, coupling networks and conditional priors."""
    shape, total = model.flow.shape, 0
    for level in range(shape.levels):
        channels, height, width = shape.level_shape(level)
        step = channels**2 + 9 * (channels // 2) * shape.width + shape.width**2 + 9 * shape.width * channels
        prior = 0 if level == shape.levels - 1 else 9 * (channels // 2) * channels
        total += height * width * (shape.steps * step + prior)
    return total


def milliseconds(*calls):
    """Least time of each call; they take turns, so that a busy machine slows them alike."""
    times = [[] for _ in calls]
    with torch.inference_mode():
        for _ in range(REPEATS):
            for call, kept in zip(calls, times, strict=True):
                began = time.perf_counter()
                call()
                kept.append(1e3 * (time.perf_counter() - began))
    return [float(np.min(kept)) for kept in times]


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("direction", ["decode", "encode"])
def test_fused_against_plain(benchmark, scene, direction, count, capsys):
    name, model = scene
    codes = model.space.prior.sample(list(range(count)), model.space.size)
    matrix = torch.randn(1024, 1024, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        images = model.decode(codes)
        fused, plain = {
            "decode": (lambda: model.decode(codes), lambda: model.flow.to_data(codes)[0] / SCALE),
            "encode": (lambda: model.encode(images), lambda: model.flow.to_noise(images * SCALE)[0]),
        }[direction]
        torch.testing.assert_close(fused().flatten(), plain().flatten(), atol=1e-4, rtol=1e-4)
        ours, theirs, product = milliseconds(fused, plain, lambda: matrix @ matrix)
        benchmark.pedantic(fused, rounds=5)
    ideal = count * multiply_adds(model) / 1024**3 * product
    benchmark.extra_info |= {"plain_over_fused": theirs / ours, "fused_over_products": ours / ideal}
    with capsys.disabled():
        print(
            f"\n{name}, {direction} {count}: fused {ours:.1f} ms, plain {theirs:.1f} ms, {theirs / ours:.2f} x; "
            f"its multiply-adds alone {ideal:.1f} ms at {1024**3 / product / 1e6:.0f} G/s, {ours / ideal:.2f} x",
            end=" ",
        )

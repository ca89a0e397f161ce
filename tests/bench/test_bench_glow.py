"""Decoding and encoding with Glow: fused, against the public structure, and against the machine's own matrix products.

`public_glow` says what the rivals are. All sides have the same weights, two threads and one run, in which they take
turns. What the multiply-adds alone would take is stated at two rates of float32 products of 1024 x 1024: that of
``torch.mm``, and that of oneDNN with a packed matrix, which is the fastest product that torch has and, on processors
that are not Intel's, twice as fast. Towards noise the rivals add up log-determinants, as in public; ours leaves out
what nobody asked for.

``LATENTSTUDIO_BENCH_THREADS=1`` measures the processor time of one thread instead, which a busy machine disturbs less.
``LATENTSTUDIO_BENCH_LARGE=1`` adds the size of the research, 256 px with 192 steps of width 512.
"""

import os
import time

import numpy as np
import pytest
import torch
from public_glow import PublicGlow

from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig
from latentstudio.nn.packed_conv import one_dnn

pytestmark = pytest.mark.bench
SCALE = 127.5 / 256
SIZE = 1024
THREADS = int(os.environ.get("LATENTSTUDIO_BENCH_THREADS", "2"))
clock = time.thread_time if THREADS == 1 else time.perf_counter
CONFIGS = {
    "64 px grey, K=8, width 128": GlowConfig(image_shape=(1, 64, 64), levels=4, steps=8, width=128),
    "64 px colour, K=8, width 96": GlowConfig(image_shape=(3, 64, 64), levels=4, steps=8, width=96),
    "64 px colour, K=8, width 64": GlowConfig(image_shape=(3, 64, 64), levels=4, steps=8, width=64),
}
LARGE = {"256 px colour, K=32, width 512": GlowConfig(image_shape=(3, 256, 256), levels=6, steps=32, width=512)}


@pytest.fixture(scope="module", autouse=True)
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=CONFIGS | (LARGE if os.environ.get("LATENTSTUDIO_BENCH_LARGE") else {}))
def scene(request):
    config = (CONFIGS | LARGE)[request.param]
    model, large = Glow(config), request.param in LARGE
    generator = torch.Generator().manual_seed(0)
    model.reset(generator)
    model.initialise(torch.rand(1 if large else 32, *model.image_shape, generator=generator) * 2 - 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_((0.001 if large else 0.01) * torch.randn(parameter.shape, generator=generator))
    model.eval().requires_grad_(False)
    rivals = [PublicGlow(model.flow, inner_norm).eval().requires_grad_(False) for inner_norm in (True, False)]
    return request.param, model, rivals


def multiply_adds(model):
    """Multiplications of one picture: 1x1 convolutions, coupling networks and conditional priors."""
    shape, total = model.flow.shape, 0
    for level in range(shape.levels):
        channels, height, width = shape.level_shape(level)
        step = channels**2 + 9 * (channels // 2) * shape.width + shape.width**2 + 9 * shape.width * channels
        prior = 0 if level == shape.levels - 1 else 9 * (channels // 2) * channels
        total += height * width * (shape.steps * step + prior)
    return total


def products():
    """Return calls that multiply two matrices of SIZE x SIZE, by the two libraries."""
    generator = torch.Generator().manual_seed(0)
    one, two = torch.randn(2, SIZE, SIZE, generator=generator)
    if not one_dnn():
        return (lambda: one @ two,) * 2
    packed = torch.ops.mkldnn._reorder_linear_weight(two, SIZE)
    return lambda: one @ two, lambda: torch.ops.mkldnn._linear_pointwise(one, packed, None, "none", [], "")


def milliseconds(repeats, *calls):
    """Least time of each call; they take turns, so that a busy machine slows them alike."""
    times = [[] for _ in calls]
    with torch.inference_mode():
        for _ in range(repeats):
            for call, kept in zip(calls, times, strict=True):
                began = clock()
                call()
                kept.append(1e3 * (clock() - began))
    return [float(np.min(kept)) for kept in times]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("direction", ["decode", "encode"])
def test_fused_against_the_public_structure(benchmark, scene, direction, count, capsys):
    name, model, rivals = scene
    if name in LARGE and count > 1:
        pytest.skip("nine pictures of this size take the rivals minutes")
    codes = model.space.prior.sample(list(range(count)), model.space.size)
    with torch.inference_mode():
        images = model.decode(codes)
        calls = {
            "decode": [lambda: model.decode(codes), *(lambda r=r: r.reverse(codes) / SCALE for r in rivals)],
            "encode": [lambda: model.encode(images), *(lambda r=r: r(images * SCALE)[0] for r in rivals)],
        }[direction]
        ours, *theirs = [call() for call in calls]
        for answer in theirs:
            # Through 192 steps two orders of float32 sums drift apart by some 6e-4 in single components.
            bound = 1e-3 if name in LARGE else 1e-4
            torch.testing.assert_close(ours, answer, atol=bound, rtol=bound)
        repeats = 3 if name in LARGE else 15
        ours, normed, biased, blas, packed = milliseconds(repeats, *calls, *products())
        benchmark.pedantic(calls[0], rounds=1)
    work = count * multiply_adds(model) / SIZE**3
    ratios = {
        "public_over_fused": normed / ours,
        "public_without_inner_norm_over_fused": biased / ours,
        "fused_over_mm": ours / (work * blas),
        "fused_over_packed_products": ours / (work * packed),
    }
    benchmark.extra_info |= ratios
    with capsys.disabled():
        print(
            f"\n{name}, {direction} {count}, {THREADS} threads: fused {ours:.1f} ms"
            f"; public {normed:.1f} ms, {normed / ours:.2f} x; without norms in its networks {biased:.1f} ms, "
            f"{biased / ours:.2f} x; multiply-adds alone {work * blas:.1f} ms at {SIZE**3 / blas / 1e6:.0f} G/s (mm), "
            f"fused {ours / work / blas:.2f} x, {work * packed:.1f} ms at {SIZE**3 / packed / 1e6:.0f} G/s (packed), "
            f"fused {ours / work / packed:.2f} x",
            end=" ",
        )

"""Finding the components that move a place of a Glow's picture: backward passes against the way without gradients.

The rival moves every component up and down by itself and decodes, on the fused path, in batches; it needs two decodings
for each number of the code. Its time is measured on some batches and scaled to all of them. One thread.
"""

import time

import numpy as np
import pytest
import torch

from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig
from latentstudio.models.sensitivity import movement

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
BATCH = 32
MEASURED = 2
STEP = 1e-2


@pytest.fixture(scope="module")
def model():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    made = Glow(GlowConfig(image_shape=(1, 64, 64), levels=4, steps=8, width=128))
    generator = torch.Generator().manual_seed(0)
    made.reset(generator)
    made.initialise(torch.rand(32, 1, 64, 64, generator=generator) * 2 - 1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    yield made.eval().requires_grad_(False)
    torch.set_num_threads(before)


def seconds(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("pixels", [1, 200], ids=["one pixel", "a painted place"])
def test_ranking_of_all_components(model, pixels, capsys):
    generator = torch.Generator().manual_seed(1)
    code = 0.7 * torch.randn(model.space.size, generator=generator)
    region = np.arange(2000, 2000 + pixels)
    found: dict[str, torch.Tensor] = {}

    def ours() -> None:
        found["ours"] = list(movement(model, code, region))[-1][1]

    backward = seconds(ours, 2)
    # The rival's answer is compared where there is something to compare: far away, all derivatives are nearly zero.
    strongest = found["ours"].argsort(descending=True)[: MEASURED * BATCH]

    def rival() -> None:
        with torch.inference_mode():
            for start in range(0, len(strongest), BATCH):
                ends = code.repeat(2, BATCH, 1)
                ends[0, torch.arange(BATCH), strongest[start : start + BATCH]] += STEP
                ends[1, torch.arange(BATCH), strongest[start : start + BATCH]] -= STEP
                high, low = model.decode(ends.flatten(0, 1)).flatten(1)[:, region].view(2, BATCH, -1)
                found[f"rival {start}"] = (high - low) / (2 * STEP)

    forward = seconds(rival, 1) * model.space.size / len(strongest)
    slopes = torch.cat([found[f"rival {s}"] for s in range(0, len(strongest), BATCH)])
    expected = 127.5 * slopes.double().square().mean(dim=1).sqrt().numpy()
    measured = found["ours"][strongest].numpy()
    deviation = float(np.median(np.abs(measured / expected - 1)))
    with capsys.disabled():
        print(
            f"\n{pixels} pixels of 4,096: {backward * 1e3:.0f} ms backward, {forward * 1e3:.0f} ms by moving each "
            f"component ({forward / backward:.0f}x); median difference {100 * deviation:.1f} %"
        )
    # An estimate by 16 random projections has a relative standard error of 18 %, and the largest of them are too large.
    assert deviation < (0.02 if pixels == 1 else 0.4)

"""Started as a program of its own: trains a Glow for some steps and prints the time of a step and the peak memory."""

import json
import sys
import time
from pathlib import Path

import torch

from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig, GlowObjective
from latentstudio.training.loop import Loop
from latentstudio.training.recipe import Training

CONFIG = GlowConfig(image_shape=(3, 64, 64), levels=4, steps=8, width=96)
STEPS, BATCH = 3, 16


def mib(field: str) -> float:
    """VmRSS is what the process holds, VmHWM the most it ever held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def main() -> None:
    options = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    network = Glow(CONFIG)
    network.reset(Loop.weights_generator(0))
    images = torch.rand(2 * BATCH, *CONFIG.image_shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    network.initialise(images)
    plan = Training(steps=STEPS, batch=BATCH, evaluate_every=1000, evaluate_images=1, **options)
    loop = Loop(network, plan, GlowObjective(dequantise=True), 0, images, images[:0])
    network.train()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before, times = mib("VmRSS"), []
    for _ in range(STEPS):
        began = time.process_time()  # of one thread, so other programs do not count
        loop._take_step()
        times.append(time.process_time() - began)
    print(json.dumps({"seconds": min(times), "mib": mib("VmHWM") - before}))


if __name__ == "__main__":
    main()

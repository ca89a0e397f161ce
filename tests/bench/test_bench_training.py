"""A step of training Glow: bfloat16 and gradient checkpointing against plain float32.

Every way runs in a process of its own on one thread, and they take turns. Memory is what the peak of the process rises
by once it takes steps: activations, gradients and the optimiser's moments, and what the allocator wastes.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]
PROBE = Path(__file__).parent / "training_probe.py"
ROUNDS = 2
WAYS = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "float32, checkpointing": {"checkpointing": True},
    "bfloat16, checkpointing": {"precision": "bfloat16", "checkpointing": True},
}


def measure(options):
    line = [sys.executable, str(PROBE), json.dumps(options)]
    return json.loads(subprocess.run(line, capture_output=True, text=True, check=True, timeout=300).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read as Linux tells it")
def test_precision_and_checkpointing(capsys):
    found = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, options in WAYS.items():
            found[name].append(measure(options))
    seconds = {name: min(m["seconds"] for m in measured) for name, measured in found.items()}
    mib = {name: min(m["mib"] for m in measured) for name, measured in found.items()}
    for name in WAYS:
        time, memory = seconds[name] / seconds["float32"], mib[name] / mib["float32"]
        with capsys.disabled():
            print(
                f"\n64 px colour, K=8, width 96, batch 16, {name}: {seconds[name]:.2f} s a step, {time:.2f} x; "
                f"{mib[name]:,.0f} MiB, {memory:.2f} x",
                end=" ",
            )

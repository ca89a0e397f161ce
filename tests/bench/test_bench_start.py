"""From starting the program to the first window, the first frame and the full strip, for both hosts of the worker."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.bench

RUNS = 5


@pytest.mark.timeout(600)
def test_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probe = Path(__file__).with_name("start_probe.py")
    lines = []
    for host in ("process", "thread"):
        rows = []
        for run in range(RUNS):
            homes = {f"LATENTSTUDIO_{name}": str(tmp_path / host / str(run) / name) for name in ("CACHE", "STATE")}
            environment = {**os.environ, **homes, "QT_QPA_PLATFORM": "offscreen"}
            command = [sys.executable, str(probe), str(time.time()), host]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
        assert all(set(row) == {"window", "first_frame", "full_strip"} for row in rows)
        figures = {key: np.array([row[key] for row in rows]) for key in rows[0]}
        lines.append(
            f"{host}: "
            + ", ".join(f"{key} median {np.median(v):.2f} s (worst {v.max():.2f})" for key, v in figures.items())
        )
    with capsys.disabled():
        print("\nstart, empty caches, warm disk: " + "; ".join(lines))

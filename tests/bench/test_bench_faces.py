"""How fast the procedural faces are drawn, one at a time and in batches."""

from __future__ import annotations

import os

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from latentstudio.data.faces import draw_factors, render

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("batch", [1, 256])
def test_render_at_64_pixels(benchmark: BenchmarkFixture, batch: int, capsys: pytest.CaptureFixture[str]) -> None:
    factors = draw_factors(np.arange(batch))
    images = benchmark.pedantic(render, args=(factors, 64), rounds=20 if batch == 1 else 3, warmup_rounds=1)
    assert images.shape == (batch, 64, 64, 3)
    rate = batch / benchmark.stats.stats.median
    with capsys.disabled():
        print(f"\nfaces, 64 px, batch {batch}: {rate:.0f} images/s on {os.cpu_count()} cores")
    assert rate > 20


def test_factors_of_202599_images(benchmark: BenchmarkFixture) -> None:
    factors = benchmark.pedantic(draw_factors, args=(np.arange(202_599),), rounds=3, warmup_rounds=1)
    assert len(factors) == 202_599
    assert benchmark.stats.stats.median < 2.0

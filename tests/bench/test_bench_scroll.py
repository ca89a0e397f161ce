"""Scrolling 202,599 thumbnails: frames per second and memory, with the real renderer behind the grid."""

import resource
import time

import numpy as np
import pytest
from PySide6.QtGui import QPixmap

from latentstudio.data import open_dataset
from latentstudio.data.thumbnails import ThumbnailCache
from latentstudio.gui.widgets.thumbnail_grid import ThumbnailGrid

pytestmark = pytest.mark.bench

SIZE = 202_599
SCROLLS = 600


def test_scroll_202599_images(qtbot, capsys: pytest.CaptureFixture[str]) -> None:
    """Jump through the whole set by 600 scroll steps, painting each into a pixmap; thumbnails come every 20th step."""
    started = time.perf_counter()
    data = open_dataset(f"faces?n={SIZE}")
    cache = ThumbnailCache(data)
    opened = time.perf_counter() - started
    grid = ThumbnailGrid()
    qtbot.addWidget(grid)
    grid.resize(1366, 700)
    grid.wanted.connect(lambda indices, edge: wanted.append((indices, edge)))
    wanted: list[tuple[tuple[int, ...], int]] = []
    grid.show()
    qtbot.waitExposed(grid)
    grid.set_order(np.arange(SIZE, dtype=np.int64))
    bar, times = grid.verticalScrollBar(), []
    canvas = QPixmap(grid.viewport().size())
    for step in range(SCROLLS):
        start = time.perf_counter()
        bar.setValue(int(bar.maximum() * step / SCROLLS))
        grid.viewport().render(canvas)
        times.append(time.perf_counter() - start)
        if step % 20 == 0:
            grid._ask()
            indices, edge = wanted[-1]
            pixels, failed = cache.batch(indices, edge)
            grid.receive(indices, edge, pixels, failed)
    milliseconds = np.sort(np.array(times)) * 1000
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with capsys.disabled():
        print(
            f"\nscroll {SIZE:,} images, {len(grid.geometry_now().places_on_screen())} on screen: "
            f"p50 {np.median(milliseconds):.2f} ms ({1000 / np.median(milliseconds):.0f} frames/s), "
            f"p99 {milliseconds[int(0.99 * SCROLLS)]:.2f} ms; open {opened:.2f} s; peak memory {memory:.0f} MiB"
        )
    assert len(wanted) > 0

"""A program for the tests: children write a latent store and are killed at every kind of moment until it is complete.

Usage: killed_writer.py FOLDER FIRST_SEED LAST_SEED DTYPE. Each child dies by SIGKILL inside or right after one of its
writes, renames, removals or syncs; a write that dies has written a random share of its bytes. Prints how often children
died.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from latentstudio.data import latent_shard
from latentstudio.data.latent_manifest import Manifest
from latentstudio.data.latent_store import open_store
from latentstudio.data.latent_writer import LatentWriter

ROWS, SIZE, SHARD = 53, 7, 20


def plan(dtype: str) -> Manifest:
    return Manifest(
        model="m",
        model_digest="a",
        snapshot=None,
        data="d",
        data_title="D",
        data_digest="b",
        rows=ROWS,
        size=SIZE,
        dtype=dtype,
        density=True,
        shard_rows=SHARD,
    )


def row(index: int) -> np.ndarray:
    codes = np.random.default_rng(index).standard_normal(SIZE).astype(np.float32)
    return codes * 1e6 if index % 9 == 0 else codes


def fill(folder: Path, dtype: str) -> None:
    with LatentWriter(folder, plan(dtype)) as writer:
        for _ in writer.prepare():
            pass
        while rows := writer.next_rows(3):
            writer.append(np.stack([row(k) for k in rows]), -np.array(rows, dtype=float))


class Doom:
    """Counts events and ends the process at the one that was drawn."""

    def __init__(self, dice: random.Random, life: int) -> None:
        self.dice = dice
        self.left = dice.randrange(life)

    def strikes(self) -> bool:
        self.left -= 1
        return self.left < 0

    def strike(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def doomed(*args: Any, **facts: Any) -> Any:
            early = self.dice.random() < 0.5
            if self.strikes():
                if not early:
                    call(*args, **facts)
                self.strike()
            return call(*args, **facts)

        return doomed


def dying_child(folder: Path, dtype: str, dice: random.Random) -> None:
    doom = Doom(dice, 60)

    def write(file: Any, content: bytes) -> None:
        if doom.strikes():
            os.write(file.fileno(), content[: dice.randrange(len(content) + 1)])
            doom.strike()
        os.write(file.fileno(), content)

    latent_shard._write_all = write
    latent_shard.SYNC_SECONDS = 0.0
    for name in ("replace", "fsync", "unlink", "truncate"):
        setattr(os, name, doom.around(getattr(os, name)))
    fill(folder, dtype)


def check(folder: Path, dtype: str) -> None:
    store = open_store(folder)
    assert store.complete
    expected = np.stack([row(k) for k in range(ROWS)])
    tolerance = 0 if dtype == "float32" else 2.0**-10
    np.testing.assert_allclose(store.codes(np.arange(ROWS)), expected, rtol=tolerance, atol=1e-3 * (tolerance > 0))
    np.testing.assert_allclose(store.norms, np.linalg.norm(expected.astype(float), axis=1), rtol=1e-12)
    np.testing.assert_array_equal(store.log_probs, -np.arange(ROWS, dtype=float))
    leftovers = {p.name for p in folder.iterdir() if p.name.endswith(".journal")}
    assert not leftovers, leftovers


def main() -> None:
    home, first, last, dtype = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    deaths = 0
    for seed in range(first, last):
        folder, dice = home / str(seed), random.Random(seed)
        while True:
            child = os.fork()
            if not child:
                status = 1
                try:
                    dying_child(folder, dtype, random.Random(dice.random()))
                    status = 0
                finally:
                    os._exit(status)
            dice.random()
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                assert os.WTERMSIG(status) == signal.SIGKILL
                deaths += 1
                continue
            assert os.WEXITSTATUS(status) == 0, f"seed {seed} failed"
            break
        fill(folder, dtype)
        check(folder, dtype)
    print(deaths)


if __name__ == "__main__":
    main()

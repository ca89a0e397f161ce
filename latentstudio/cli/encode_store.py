"""Encode a whole data set into the latent store, all of it or one part of many."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from latentstudio.cli.output import print_json
from latentstudio.data.latent_manifest import DTYPES, SHARD_ROWS, Manifest
from latentstudio.errors import UserError

_CHUNK = 128


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--store`` and what belongs to it."""
    group = parser.add_argument_group("the whole data set, resumable")
    group.add_argument("--store", action="store_true", help="encode all of --data into the latent store")
    group.add_argument("--dtype", choices=tuple(DTYPES), help="numbers of the store (default: float32)")
    group.add_argument("--shard", metavar="I/N", help="only part I of N, in a folder of its own; see 'merge'")
    group.add_argument("--shard-rows", type=int, metavar="ROWS", help=f"images of a shard (default: {SHARD_ROWS})")


def check_no_store_options(options: argparse.Namespace) -> None:
    """Refuse options that mean nothing without ``--store``.

    Raises
    ------
    UserError
        There is one.
    """
    for name in ("dtype", "shard", "shard_rows"):
        if getattr(options, name) is not None:
            raise UserError(f"--{name.replace('_', '-')} goes with --store.")


def store_whole(options: argparse.Namespace) -> int:
    """Encode what is missing, and say where the codes are."""
    from latentstudio.cli.output import with_progress
    from latentstudio.data.latent_shelf import place_of
    from latentstudio.figures.recipe import DataRef, ModelRef
    from latentstudio.studio.latent_encoding import Progress, encode_into_store, plan
    from latentstudio.studio.workspace import Workspace

    if options.data is None or options.images is not None or options.indices is not None:
        raise UserError("The latent store holds a whole data set: --store goes with --data D alone.")
    rows = SHARD_ROWS if options.shard_rows is None else options.shard_rows
    if rows < 1:
        raise UserError(f"--shard-rows cannot be {rows}; a whole number of at least 1 would do.")
    workspace = Workspace(device=options.device)
    model, data = ModelRef(name=options.model, snapshot=options.snapshot), DataRef(spec=options.data)
    manifest = plan(workspace, model, data, options.dtype or "float32", part_of(options.shard), rows)
    folder = options.output or place_of(manifest)
    began, last = time.perf_counter(), Progress(0, 0)
    for part in with_progress(encode_into_store(workspace, model, data, manifest, folder, _CHUNK), "encoding"):
        last = part
    lost = _not_finite(folder)
    summary: dict[str, Any] = {
        "folder": str(folder),
        "images": manifest.rows,
        "stored": last.done,
        "encoded_now": last.encoded,
        "latent_size": manifest.size,
        "dtype": manifest.dtype,
        "part": list(manifest.part),
        "unread": last.lost,
        "not_finite": lost,
        "seconds": time.perf_counter() - began,
        "seconds_in_model": last.encode_seconds,
    }
    if last.lost:
        print(f"latentstudio: {last.lost}", file=sys.stderr)
    if lost:
        print(f"latentstudio: {lost} codes are not finite.", file=sys.stderr)
    if options.json:
        print_json(summary)
    else:
        print(_sentence(manifest, last.done, last.encoded, str(folder)))
    return 0


def _not_finite(folder: Path) -> int:
    """Codes of the store that overflowed; a picture that cannot be read has none."""
    import numpy as np

    from latentstudio.data.latent_store import open_store

    store = open_store(folder)
    return int(np.isinf(store.norms).sum())


def part_of(text: str | None) -> tuple[int, int]:
    """Read ``2/8``.

    Raises
    ------
    UserError
        It is not of that form.
    """
    if text is None:
        return 1, 1
    words = text.split("/")
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise UserError(f"--shard cannot be '{text}'; 2/8 for the second of eight parts would do.")
    i, n = int(words[0]), int(words[1])
    if not 1 <= i <= n:
        raise UserError(f"--shard cannot be '{text}'; 1/{max(n, 1)} to {max(n, 1)}/{max(n, 1)} would do.")
    return i, n


def _sentence(manifest: Manifest, done: int, encoded: int, folder: str) -> str:
    i, n = manifest.part
    part = "" if n == 1 else f" (part {i} of {n} of {manifest.rows})"
    return f"{done} codes of {manifest.size} numbers{part} in {folder}, {encoded} of them encoded now."

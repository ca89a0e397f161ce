"""Turn images into codes: a file of tensors, or a whole data set into the latent store."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.cli.encode_store import add_store_arguments, check_no_store_options, store_whole
from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_data, add_device, add_json, add_model, whole_numbers
from latentstudio.errors import UserError
from latentstudio.paths import replacing
from latentstudio.results import Partial

_CHUNK = 128
Images = NDArray[np.float32]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_model(parser)
    add_data(parser)
    parser.add_argument("--indices", nargs="+", metavar="I", help="only these images: 3 7 0:10 (default: all)")
    parser.add_argument("--images", nargs="+", type=Path, metavar="FILE", help="picture files instead of a data set")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="CODES.safetensors", help="with --store: a folder (default: in the cache)"
    )
    add_store_arguments(parser)
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write tensors ``codes`` (N, D), ``norm`` (N) and, where the model has a density, ``log_prob`` (N, nats)."""
    if options.store:
        return store_whole(options)
    check_no_store_options(options)
    if options.output is None:
        raise UserError("Codes need a file to go to: -o CODES.safetensors, or --store for the latent store.")
    from latentstudio.cli.output import with_progress
    from latentstudio.figures.recipe import DataRef, ModelRef
    from latentstudio.studio.workspace import Workspace

    _check(options)
    workspace = Workspace(device=options.device)
    ref = ModelRef(name=options.model, snapshot=options.snapshot)
    info, model = workspace.info(ref), workspace.model(ref)
    if "encode" not in info.abilities:
        raise UserError(f"The model '{info.name}' has no encoder.")
    if options.images is not None:
        names, origin = [str(p) for p in options.images], "files"
        batches = _files(options.images, info.image_shape)
    else:
        data = workspace.dataset(DataRef(spec=options.data))
        indices = (
            np.arange(len(data)) if options.indices is None else np.array(whole_numbers(options.indices, len(data)))
        )
        if not len(indices):
            raise UserError(f"--indices {' '.join(options.indices or ())} chooses no image; 3 7 0:10 would do.")
        names, origin = [data.image_id(int(i)) for i in indices], data.spec
        batches = _dataset(data, indices, info.image_shape)
    columns: dict[str, list[Any]] = {"codes": [], "norm": [], "log_prob": []}
    for _ in with_progress(_encoded(model, batches, len(names), columns), "encoding"):
        pass
    tensors = {name: np.concatenate(parts) for name, parts in columns.items() if parts}
    header = {
        "model": info.name,
        "model_digest": info.digest,
        "snapshot": str(options.snapshot or "final"),
        "data": origin,
    }
    _write(options.output, tensors, header, names)
    _tell(options, tensors, len(names))
    return 0


def _check(options: argparse.Namespace) -> None:
    if (options.data is None) == (options.images is None):
        raise UserError("Encoding needs either --data D or --images FILE.")
    if options.indices is not None and options.data is None:
        raise UserError("--indices goes with --data; picture files are encoded as they are named.")
    if options.output.suffix != ".safetensors":
        raise UserError(f"Codes cannot be written as {options.output.name}; a name ending in .safetensors would do.")
    if not options.output.absolute().parent.is_dir():
        raise UserError(f"Cannot write {options.output}: there is no folder {options.output.parent}.")


def _tell(options: argparse.Namespace, tensors: dict[str, Any], images: int) -> None:
    lost = int((~np.isfinite(tensors["codes"]).all(axis=1)).sum())
    size = tensors["codes"].shape[1]
    if options.json:
        shapes = {name: list(values.shape) for name, values in tensors.items()}
        facts = {"output": str(options.output), "images": images, "latent_size": size, "tensors": shapes}
        print_json(facts | {"not_finite": lost})
    else:
        print(f"{images} codes of {size} numbers in {options.output}.")
    if lost:
        print(f"latentstudio: {lost} codes are not finite.", file=sys.stderr)


def _encoded(model: Any, batches: Iterator[Images], total: int, columns: dict[str, list[Any]]) -> Iterator[Partial]:
    from latentstudio.figures.readouts import encode_and_score

    done = 0
    for batch in batches:
        codes, log_prob = encode_and_score(model, batch)
        columns["codes"].append(codes)
        columns["norm"].append(np.linalg.norm(codes.astype(np.float64), axis=1))
        if log_prob is not None:
            columns["log_prob"].append(log_prob)
        done += len(batch)
        yield Partial(done / total, None, f"{done} of {total}")


def _files(paths: list[Path], shape: tuple[int, int, int]) -> Iterator[Images]:
    from latentstudio.data.pictures import read_picture
    from latentstudio.data.prepare import fit

    for path in paths:
        yield fit(read_picture(path)[None], shape)


def _dataset(data: Any, indices: NDArray[np.int64], shape: tuple[int, int, int]) -> Iterator[Images]:
    from latentstudio.data.prepare import fit

    for start in range(0, len(indices), _CHUNK):
        yield fit(data.images(indices[start : start + _CHUNK]), shape)


def _write(path: Path, tensors: dict[str, Any], header: dict[str, str], names: list[str]) -> None:
    import json

    from safetensors.numpy import save

    packed = save(tensors, metadata=header | {"ids": json.dumps(names)})
    with replacing(path) as stream:
        stream.write(packed)

"""``latentstudio convert``: make a model folder from weights that another program saved."""

import argparse
import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_json
from latentstudio.errors import UserError

if TYPE_CHECKING:
    from latentstudio.models.glow import Glow

_CHECKED = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="a state_dict: .pt, .pth, .model or .safetensors")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="e.g. models/NAME")
    parser.add_argument(
        "--size", type=int, required=True, metavar="PX", help="edge of the square pictures it was made for"
    )
    parser.add_argument(
        "--bits", type=int, default=5, metavar="B", help="bits per pixel value of its training (default 5)"
    )
    parser.add_argument("--title", default="", help="title of the model (default: the name of the file)")
    parser.add_argument("--data", default="", metavar="D", help="data set that it was trained on, where known")
    parser.add_argument("--overwrite", action="store_true", help="replace the model in FOLDER")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Convert; the layout, ``glow-pytorch`` or ``normflows``, is recognised by the names of the tensors.

    Raises
    ------
    UserError
        The file cannot be read without executing it, is in no known layout, or FOLDER holds a model already.
    """
    from latentstudio.models import checkpoint
    from latentstudio.models.glow_convert import convert_glow, read_foreign_tensors

    if (options.output / "config.json").exists() and not options.overwrite:
        raise UserError(f"{options.output} already holds a model; choose another folder or add --overwrite.")
    tensors = read_foreign_tensors(options.weights)
    model, layout = convert_glow(tensors, str(options.weights), options.size, options.bits)
    round_trip = _round_trip(model)
    title = options.title or options.weights.stem
    digest = hashlib.sha256(options.weights.read_bytes()).hexdigest()
    origin = {"file": options.weights.name, "sha256": digest, "layout": layout, "round_trip": round_trip}
    back = "not at all: they are not finite" if round_trip is None else f"within {round_trip:.1e}"
    checkpoint.save(
        options.output,
        model,
        title=title,
        dataset={"spec": options.data, "digest": "", "title": options.data or "not known", "images": 0},
        training={"converted_from": origin},
        card=_card(title, model, origin, back),
    )
    facts = {"model": str(options.output), "image_shape": list(model.image_shape), **origin}
    if options.json:
        print_json(facts)
    else:
        print(f"{options.output}: {layout}, {facts['image_shape']}; codes of noise come back {back}.")
    return 0


def _round_trip(model: "Glow") -> float | None:
    """Return the largest difference between codes of noise and the codes of what they decode to; None if not finite."""
    import torch

    codes = model.space.prior.sample(list(range(_CHECKED)), model.space.size)
    with torch.inference_mode():
        images = model.decode(codes)
        if not bool(torch.isfinite(images).all()):
            return None
        largest = float((model.encode(images) - codes).abs().max())
    return largest if math.isfinite(largest) else None


def _card(title: str, model: "Glow", origin: dict[str, Any], back: str) -> str:
    parameters = sum(p.numel() for p in model.parameters())
    config = ", ".join(f"{key} {value}" for key, value in model.config().items())
    return (
        f"# {title}\n\nConverted from `{origin['file']}` (layout {origin['layout']}, SHA-256 {origin['sha256']}). "
        f"Who trained it, on what, and under which terms, that file does not say.\n\n## Facts\n\n"
        f"- Family: `glow` ({config}); {parameters:,} parameters.\n"
        f"- Codes of noise come back after decoding and encoding {back}.\n"
    )

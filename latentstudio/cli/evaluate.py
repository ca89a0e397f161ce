"""Measure a finished model: log-densities on both sides of the split, bits per dimension, round trips, speed."""

import argparse
from pathlib import Path
from typing import Any

from latentstudio.cli.output import print_json, print_rows
from latentstudio.cli.parsing import add_device, add_json, add_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_model(parser, required=True)
    parser.add_argument(
        "--data", metavar="D", help="measure on all images of this data set instead of those of the training"
    )
    parser.add_argument(
        "--write", action="store_true", help="put the scores into config.json, and write the card and samples anew"
    )
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the scores, and keep them where that is asked for.

    Raises
    ------
    UserError
        The model or the data set cannot be used, or the folder cannot be written.
    """
    from latentstudio.errors import UserError
    from latentstudio.models.library import model_info
    from latentstudio.studio.devices import choose_device
    from latentstudio.training.evaluate import evaluate, write_scores

    if options.snapshot is not None:
        raise UserError("Only final weights are evaluated; leave out --snapshot.")
    if options.write and options.data is not None:
        raise UserError("A card holds the scores on the training's own data; leave out --data or --write.")
    folder = Path(model_info(options.model).path)
    scores = evaluate(folder, options.data, choose_device(options.device))
    if options.write:
        write_scores(folder, scores)
    if options.json:
        print_json({"model": options.model, "scores": scores})
    else:
        _print(scores)
    return 0


def _print(scores: dict[str, Any]) -> None:
    rows: list[list[str | float | None]] = []
    for name in ("train", "held_out", "held_out_scoring"):
        for key, value in scores.get(name, {}).items():
            if key == "extra":
                rows += [[name, f"{k}, mean of {v['images']}", v["mean"]] for k, v in value.items()]
                rows += [[name, f"{k}, largest", v["largest"]] for k, v in value.items()]
            else:
                rows.append([name, key, value])
    for sigma, row in scores.get("code_round_trip", {}).items():
        rows += [[f"codes of {sigma} sigma", key, value] for key, value in row.items()]
    rows.append(["", "decode_strip_ms", scores["decode_strip_ms"]])
    print_rows(["images", "score", "value"], rows)

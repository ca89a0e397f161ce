"""List the trained models."""

import argparse
import sys

from latentstudio.cli.output import print_json, print_rows
from latentstudio.cli.parsing import add_json
from latentstudio.models.library import scan_models
from latentstudio.paths import model_folders


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print name, family, data set, shape and snapshots of every model; broken folders go to standard error."""
    found, broken = scan_models()
    for why in broken.values():
        print(f"latentstudio: left out: {why}", file=sys.stderr)
    if options.json:
        print_json(list(found.values()))
        return 0
    if not found:
        print(f"No models. They are looked for in {', '.join(str(p) for p in model_folders())}.")
        return 0
    rows = [
        [
            m.name,
            m.family,
            m.dataset,
            "x".join(str(v) for v in m.image_shape),
            m.latent_size,
            " ".join(m.abilities),
            " ".join(str(s) for s in m.snapshots) or None,
        ]
        for m in found.values()
    ]
    print_rows(["name", "family", "data set", "CxHxW", "D", "abilities", "snapshots"], rows)
    return 0

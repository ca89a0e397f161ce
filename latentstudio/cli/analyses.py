"""List what can be measured."""

import argparse

from latentstudio.cli.operations import description, print_entry
from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print every analysis with its parameters."""
    from latentstudio.analyses import ANALYSES

    if options.json:
        entries = [
            description(name, cls) | {"needs_model": cls.needs_model, "needs_data": cls.needs_data}
            for name, cls in ANALYSES.items()
        ]
        print_json(entries)
        return 0
    for name, cls in ANALYSES.items():
        print_entry(name, cls)
    return 0

"""List what can be done to codes."""

import argparse
from typing import Any

from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_json
from latentstudio.controls import Control, controls


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print every operation with its slots and parameters."""
    from latentstudio.operations import OPERATIONS

    if options.json:
        print_json([description(name, cls) for name, cls in OPERATIONS.items()])
        return 0
    for name, cls in OPERATIONS.items():
        print_entry(name, cls)
    return 0


def description(name: str, cls: type[Any]) -> dict[str, Any]:
    """Describe an operation or analysis in plain values."""
    return {
        "name": name,
        "title": cls.title,
        "summary": cls.summary,
        "needs": sorted(cls.needs),
        "slots": [
            {"name": s.name, "label": s.label, "many": s.many, "optional": s.optional, "hint": s.hint}
            for s in getattr(cls, "slots", ())
        ],
        "parameters": [_parameter(c) for c in controls(cls)],
    }


def _parameter(c: Control) -> dict[str, Any]:
    facts = {"name": c.name, "label": c.label, "kind": c.kind, "default": c.default, "help": c.help}
    if c.choices:
        facts["choices"] = c.choices
    if c.minimum is not None:
        facts["minimum"] = c.minimum
    if c.maximum is not None:
        facts["maximum"] = c.maximum
    return facts


def print_entry(name: str, cls: type[Any]) -> None:
    """Print an operation or analysis for people."""
    print(f"{name}: {cls.summary}")
    for s in getattr(cls, "slots", ()):
        count = "images" if s.many else "an image"
        print(f"  --{s.name:<14} {count}{' (optional)' if s.optional else ''}")
    for c in controls(cls):
        default = ",".join(map(str, c.default)) if isinstance(c.default, tuple) else c.default
        choices = f" [{', '.join(c.choices)}]" if c.choices else ""
        print(f"  --{c.name.replace('_', '-'):<14} {c.label}{choices}, default {default}")

"""Command-line options made from the parameters and slots of an operation or analysis."""

import argparse
from typing import Any

from latentstudio.controls import Control, checked, controls
from latentstudio.errors import UserError

RESERVED = frozenset(
    {"model", "snapshot", "data", "indices", "output", "o", "width-mm", "dpi", "theme", "captions", "no-captions"}
    | {"groups"}
    | {"readouts", "no-readouts", "device", "json", "debug", "help"}
)
"""Option names that belong to the command itself; an operation must not use them for its own."""

_LISTS = ("choices", "ints", "floats", "parts", "attributes")
_METAVARS = {
    "int": "N",
    "ints": "N",
    "float": "X",
    "floats": "X",
    "choice": "CHOICE",
    "choices": "CHOICE",
    "text": "TEXT",
    "part": "PART",
    "parts": "PART",
    "attribute": "ATTRIBUTE",
    "attributes": "ATTRIBUTE",
}


def option_name(name: str) -> str:
    """Return the option of a parameter or slot, e.g. ``norm_power`` to ``--norm-power``."""
    dashed = name.replace("_", "-")
    return f"--{dashed}-value" if dashed in RESERVED else f"--{dashed}"


def add_slots(parser: argparse.ArgumentParser, cls: type[Any]) -> None:
    """Add one option for each slot."""
    for slot in getattr(cls, "slots", ()):
        parser.add_argument(
            option_name(slot.name),
            dest=f"slot:{slot.name}",
            nargs="+" if slot.many else None,
            required=not slot.optional,
            metavar="IMAGE",
            help="an index or id of the data set, a picture file, or CODES.safetensors:ROW",
        )


def add_parameters(parser: argparse.ArgumentParser, cls: type[Any]) -> set[str]:
    """Add one option for each parameter and return the names of the parameters."""
    found = controls(cls)
    group = parser.add_argument_group("parameters") if found else parser
    for c in found:
        facts: dict[str, Any] = {"dest": f"param:{c.name}", "help": _help(c), "default": None}
        if c.kind == "bool":
            facts["action"] = argparse.BooleanOptionalAction
        else:
            facts["metavar"] = _METAVARS[c.kind]
            if c.kind in _LISTS:
                facts["nargs"] = "+"
        group.add_argument(option_name(c.name), **facts)
    return {c.name for c in found}


def parameters_of(options: argparse.Namespace, cls: type[Any]) -> dict[str, Any]:
    """Return the parameters that were given, in JSON types.

    Raises
    ------
    UserError
        A value does not fit its parameter.
    """
    given = {}
    for c in controls(cls):
        value = vars(options).get(f"param:{c.name}")
        if value is not None:
            fitting = checked(c, _typed(c, value))
            given[c.name] = list(fitting) if isinstance(fitting, tuple) else fitting
    return given


def _typed(c: Control, value: Any) -> Any:
    """Turn words into the type of the control; what cannot be turned is left for `checked` to refuse."""
    if c.kind in _LISTS:
        words = [w for text in value for w in ([text] if c.kind == "attributes" else text.split(",")) if w]
        return [_number(c, w) for w in words] if c.kind in ("ints", "floats") else words
    return _number(c, value) if c.kind in ("int", "float") else value


def _number(c: Control, word: str) -> float | int:
    try:
        return float(word) if c.kind in ("float", "floats") else int(word)
    except ValueError as error:
        what = "a number" if c.kind in ("float", "floats") else "a whole number"
        raise UserError(f"Parameter '{c.name}' cannot be '{word}'; {what} would do.") from error


def _help(c: Control) -> str:
    default = ",".join(map(str, c.default)) if isinstance(c.default, (tuple, list)) else c.default
    parts = [c.help or f"{c.label}."]
    if c.choices:
        parts.append(f"{'One or more' if c.kind == 'choices' else 'One'} of {', '.join(c.choices)}.")
    if c.kind in ("part", "parts"):
        parts.append("Parts are listed by 'latentstudio models --json'; all means the whole code.")
    if c.kind in ("attribute", "attributes"):
        parts.append("A label, LABEL=VALUE, LABEL>NUMBER or selection:NAME of --groups; 'not ' in front turns it.")
    if c.default not in (None, ""):
        parts.append(f"Default: {default}.")
    return " ".join(parts).replace("%", "%%")

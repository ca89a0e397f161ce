"""Parameters of operations and analyses: declared once, shown as forms and options, checked before they are used."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

from latentstudio.errors import UserError


@dataclass(frozen=True)
class Control:
    """How a parameter is shown and typed; forms, command-line options and tests are made from it.

    Attributes
    ----------
    kind : ``int``, ``float``, ``bool``, ``choice`` (one of `choices`), ``choices`` (some of `choices`), ``text``,
        ``ints`` (a list of whole numbers), ``floats`` (a list of numbers), ``part`` (the name of a part of the model's
        latent space, or ``all``), ``parts`` (some of them). Which parts there are depends on the model, so that their
        names are checked where the model is known, by `models.parts`.
    empty : what an empty list means, in a word or two.
    """

    name: str
    label: str
    kind: Literal[
        "int",
        "float",
        "bool",
        "choice",
        "choices",
        "text",
        "ints",
        "floats",
        "part",
        "parts",
        "attribute",
        "attributes",
    ]
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    choice_labels: tuple[str, ...] = ()
    help: str = ""
    advanced: bool = False
    empty: str = "all"


@dataclass(frozen=True)
class Slot:
    """A place for inputs: one image or code, or many.

    Attributes
    ----------
    name, label : ``"a"``, ``"A"``.
    many : takes any number of inputs instead of one.
    optional : may stay empty.
    hint : sentence shown while it is empty, e.g. ``"Drop a second face here"``.
    """

    name: str
    label: str
    many: bool = False
    optional: bool = False
    hint: str = ""


def control(default: Any, label: str, kind: str, **facts: Any) -> Any:
    """Declare a dataclass field together with its `Control`."""
    return field(default=default, metadata={"control": {"label": label, "kind": kind, **facts}})


def controls(cls: type[Any]) -> tuple[Control, ...]:
    """Return the controls of an operation or analysis class in the order of its fields."""
    found = []
    for f in fields(cls):
        facts = f.metadata.get("control")
        if facts is not None:
            default = f.default if f.default is not MISSING else None
            found.append(Control(name=f.name, default=default, **facts))
    return tuple(found)


def build(cls: type[Any], params: Mapping[str, Any]) -> Any:
    """Make an operation or analysis from the parameters of a recipe; those that are not given take their default.

    Raises
    ------
    UserError
        A parameter is unknown, of the wrong type, or outside its range; the sentence names it and what would do.
    """
    names = [f.name for f in fields(cls)]
    unknown = [name for name in params if name not in names]
    if unknown:
        raise UserError(f"{cls.title} has no parameter '{unknown[0]}'; there are {', '.join(names) or 'none'}.")
    by_name = {c.name: c for c in controls(cls)}
    return cls(**{name: checked(by_name[name], v) if name in by_name else v for name, v in params.items()})


def checked(c: Control, value: Any) -> Any:
    """Return `value` in the type of the control: lists become tuples, whole floats become integers where asked.

    Raises
    ------
    UserError
        It does not fit the control.
    """
    if c.kind == "bool" and isinstance(value, bool):
        return value
    if c.kind in ("text", "attribute") and isinstance(value, str):
        return value
    if c.kind == "choice" and value in c.choices:
        return value
    if c.kind in ("int", "float"):
        return _number(c, value)
    if c.kind == "part" and isinstance(value, str):
        # Recipes from before there were lists of parts say nothing for the whole code.
        return value or c.default
    if c.kind == "parts" and _is_names(value):
        return tuple(value)
    if c.kind == "attributes" and (_is_names(value) or value in ((), [])):
        return tuple(value)
    if c.kind in ("ints", "floats") and isinstance(value, (list, tuple)):
        return tuple(_number(c, v) for v in value)
    if c.kind == "choices" and isinstance(value, (list, tuple)) and value and all(v in c.choices for v in value):
        return tuple(value)
    raise UserError(f"Parameter '{c.name}' cannot be {value!r}; {_accepted(c)}.")


def _is_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, str) and v for v in value)


def _number(c: Control, value: Any) -> float | int:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    whole = c.kind not in ("float", "floats")
    if fits and whole:
        fits = value == int(value)
    if fits and c.minimum is not None:
        fits = value >= c.minimum
    if fits and c.maximum is not None:
        fits = value <= c.maximum
    if not fits:
        raise UserError(f"Parameter '{c.name}' cannot be {value!r}; {_accepted(c)}.")
    return int(value) if whole else float(value)


def _accepted(c: Control) -> str:
    if c.kind in ("choice", "choices"):
        return f"{'one' if c.kind == 'choice' else 'one or more'} of {', '.join(c.choices)} would do"
    if c.kind == "bool":
        return "true or false would do"
    if c.kind == "text":
        return "a text would do"
    if c.kind in ("attribute", "attributes"):
        return "words such as Smiling, expression=happiness, yaw>0 or selection would do"
    if c.kind in ("part", "parts"):
        return f"{'the name' if c.kind == 'part' else 'names'} of parts of the model's code, or all, would do"
    what = {
        "int": "a whole number",
        "float": "a number",
        "ints": "a list of whole numbers",
        "floats": "a list of numbers",
    }[c.kind]
    if c.minimum is not None and c.maximum is not None:
        return f"{what} from {_shown(c.minimum)} to {_shown(c.maximum)} would do"
    if c.minimum is not None:
        return f"{what} of at least {_shown(c.minimum)} would do"
    if c.maximum is not None:
        return f"{what} of at most {_shown(c.maximum)} would do"
    return f"{what} would do"


def _shown(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else f"{limit:g}"

"""A recipe as a script: the Python and the command line that give the same picture again."""

import shlex
from typing import Any

import msgspec

from latentstudio.controls import controls
from latentstudio.figures.recipe import CodeInput, Figure, FigureStyle, ImageInput, Recipe

_WIDE = 96


def as_python(recipe: Recipe | Figure, path: str = "figure.png") -> str:
    """Return a Python program that draws the recipe or figure into `path`."""
    figure = recipe if isinstance(recipe, Figure) else Figure(rows=((recipe,),))
    used = sorted({type(v).__name__ for v in _structs(figure)} | {"Figure"})
    return "\n".join(
        [
            "from latentstudio.figures.export import export",
            f"from latentstudio.figures.recipe import {', '.join(used)}",
            "from latentstudio.studio.workspace import Workspace",
            "",
            f"figure = {_expression(figure, 0)}",
            f"export(figure, Workspace(), {path!r})",
            "",
        ]
    )


def as_command(recipe: Recipe, path: str = "figure.png", style: FigureStyle | None = None) -> str:
    """Return a shell command that draws the recipe into `path`.

    A recipe of data set images becomes ``latentstudio run``; one that holds codes or photos becomes
    ``latentstudio render -`` with the recipe itself on standard input.
    """
    words = _run_words(recipe)
    chosen = style or FigureStyle()
    if words is None:
        figure = Figure(rows=((recipe,),), style=chosen)
        text = msgspec.json.encode(figure, order="deterministic").decode()
        return f"latentstudio render - -o {shlex.quote(path)} <<'RECIPE'\n{text}\nRECIPE"
    return shlex.join(["latentstudio", *words, *_style_words(chosen), "-o", path])


def _run_words(recipe: Recipe) -> list[str] | None:
    cls = _class_of(recipe)
    if cls is None or recipe.selection is not None:
        return None
    words = ["run", recipe.name]
    if recipe.model is not None:
        words += ["--model", recipe.model.name]
        words += [] if recipe.model.snapshot is None else ["--snapshot", str(recipe.model.snapshot)]
    if recipe.data is not None:
        words += ["--data", recipe.data.spec]
    for name, inputs in recipe.inputs.items():
        if not all(isinstance(i, ImageInput) and recipe.data and i.dataset == recipe.data.spec for i in inputs):
            return None
        if inputs:
            words += [f"--{name}", *(str(i.index) for i in inputs if isinstance(i, ImageInput))]
    shown = {c.name: c for c in controls(cls)}
    for name, value in recipe.params.items():
        if value is None or (name in shown and _plain(value) == _plain(shown[name].default)):
            continue
        if name not in shown:
            return None
        words += _option(name, value)
    return words


def _class_of(recipe: Recipe) -> type[Any] | None:
    from latentstudio.analyses import ANALYSES
    from latentstudio.operations import OPERATIONS

    table = OPERATIONS if recipe.kind == "operation" else ANALYSES
    return table.get(recipe.name)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def _option(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [option if value else f"--no-{name.replace('_', '-')}"]
    if isinstance(value, (list, tuple)):
        return [option, *(str(v) for v in value)]
    return [option, str(value)]


def _style_words(style: FigureStyle) -> list[str]:
    words: list[str] = []
    for field in msgspec.structs.fields(style):
        value = getattr(style, field.name)
        if value != field.default:
            words += _option(field.name, value)
    return words


def _structs(value: Any) -> list[Any]:
    """All structs inside a value, itself included."""
    if isinstance(value, msgspec.Struct):
        return [value, *(s for f in msgspec.structs.fields(value) for s in _structs(_shown(value, f)))]
    if isinstance(value, dict):
        return [s for v in value.values() for s in _structs(v)]
    if isinstance(value, (tuple, list)):
        return [s for v in value for s in _structs(v)]
    return []


def _shown(struct: Any, field: Any) -> Any:
    """The value of a field that differs from its default, else None."""
    value = getattr(struct, field.name)
    if field.default is not msgspec.NODEFAULT and value == field.default:
        return None
    if field.default_factory is not msgspec.NODEFAULT and value == field.default_factory():
        return None
    return value


def _expression(value: Any, depth: int) -> str:
    """Python source of a value; structs leave out the fields that have their default."""
    if isinstance(value, CodeInput) or not isinstance(value, (msgspec.Struct, dict, tuple, list)):
        return _flat(value)
    flat = _flat(value)
    if len(flat) + 4 * depth <= _WIDE:
        return flat
    inner, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, msgspec.Struct):
        fields = [
            (f.name, getattr(value, f.name)) for f in msgspec.structs.fields(value) if _shown(value, f) is not None
        ]
        lines = [f"{inner}{name}={_expression(v, depth + 1)},\n" for name, v in fields]
        return f"{type(value).__name__}(\n{''.join(lines)}{outer})"
    if isinstance(value, dict):
        lines = [f"{inner}{k!r}: {_expression(v, depth + 1)},\n" for k, v in value.items()]
        return f"{{\n{''.join(lines)}{outer}}}"
    opening, closing = ("(", ")") if isinstance(value, tuple) else ("[", "]")
    return f"{opening}\n{''.join(f'{inner}{_expression(v, depth + 1)},{chr(10)}' for v in value)}{outer}{closing}"


def _flat(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        fields = [
            (f.name, getattr(value, f.name)) for f in msgspec.structs.fields(value) if _shown(value, f) is not None
        ]
        return f"{type(value).__name__}({', '.join(f'{name}={_flat(v)}' for name, v in fields)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(_flat(v) for v in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(v) for v in value) + "]"
    return repr(value)

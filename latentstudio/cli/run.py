"""Run an operation or analysis: draw it, or print its numbers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.analyses import ANALYSES
from latentstudio.cli.drawing import add_style, style_of, write_figure
from latentstudio.cli.options import add_parameters, add_slots, parameters_of
from latentstudio.cli.parsing import Parser, add_data, add_device, add_json, add_model, whole_numbers
from latentstudio.controls import controls
from latentstudio.data.selection_file import read_selection
from latentstudio.errors import UserError
from latentstudio.operations import OPERATIONS

if TYPE_CHECKING:
    from latentstudio.figures.recipe import Recipe
    from latentstudio.figures.workspace import Workspace

SPLITS = ("all", "train", "held_out")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one nested command for each operation and analysis."""
    choices = parser.add_subparsers(dest="name", metavar="OPERATION|ANALYSIS", required=True, parser_class=Parser)
    for table, kind in ((OPERATIONS, "operation"), (ANALYSES, "analysis")):
        for name, cls in table.items():
            inner = choices.add_parser(name, help=cls.summary, description=cls.summary)
            inner.set_defaults(kind=kind)
            add_model(inner, required=getattr(cls, "needs_model", True))
            add_data(inner, required=getattr(cls, "needs_data", False))
            add_slots(inner, cls)
            taken = add_parameters(inner, cls)
            if kind == "analysis":
                _add_selection(inner, taken)
            if any(c.kind in ("attribute", "attributes") for c in controls(cls)):
                inner.add_argument(
                    "--groups", nargs="+", metavar="NAME=FILE", help="selections of faces: files of indices or ids"
                )
            inner.add_argument(
                "-o", "--output", type=Path, metavar="FILE", help="a .png, .svg, .pdf, .json or .csv file"
            )
            add_style(inner)
            add_device(inner)
            add_json(inner)


def _add_selection(parser: argparse.ArgumentParser, taken: set[str]) -> None:
    parser.add_argument("--indices", nargs="+", metavar="I", help="only these images: 3 7 0:10")
    if "split" not in taken:
        parser.add_argument("--split", choices=SPLITS, default="all", help="only what the model has (not) seen")


def run(options: argparse.Namespace) -> int:
    """Run the recipe that the options describe."""
    from latentstudio.figures.recipe import Figure
    from latentstudio.studio.workspace import Workspace

    workspace = Workspace(device=options.device)
    recipe = recipe_of(options, workspace)
    if options.output is not None and options.output.suffix.lower() != ".csv":
        write_figure(Figure(rows=((recipe,),), style=style_of(options)), workspace, options.output)
        if not options.json:
            return 0
    _print(recipe, workspace, options)
    return 0


def recipe_of(options: argparse.Namespace, workspace: "Workspace") -> "Recipe":
    """Return the recipe that the options describe, with the digests of model and data set filled in."""
    from latentstudio.cli.inputs import slot_inputs
    from latentstudio.figures.recipe import DataRef, ModelRef, Recipe

    cls: Any = (OPERATIONS if options.kind == "operation" else ANALYSES)[options.name]
    model = data = None
    if options.model is not None:
        plain = ModelRef(name=options.model, snapshot=options.snapshot)
        model = ModelRef(name=options.model, snapshot=options.snapshot, digest=workspace.info(plain).digest)
    if options.data is not None:
        opened = workspace.dataset(DataRef(spec=options.data))
        data = DataRef(spec=opened.spec, digest=opened.digest)
    return Recipe(
        kind=options.kind,
        name=options.name,
        params=parameters_of(options, cls),
        model=model,
        data=data,
        inputs=slot_inputs(options, cls, workspace, model, data),
        selection=_selection(options, workspace, model, data),
        groups=_groups(options, workspace, data),
    )


def _groups(options: argparse.Namespace, workspace: "Workspace", data: Any) -> dict[str, tuple[int, ...]]:
    """Selections from files of indices or ids, one a line or separated by commas."""
    found = {}
    for word in getattr(options, "groups", None) or ():
        name, sign, file = word.partition("=")
        if not sign or not name:
            raise UserError(f"--groups {word} names no file; NAME=FILE would do, a file of indices or ids.")
        if data is None:
            raise UserError("Selections need a data set; add --data D.")
        found[name] = read_selection(Path(file), workspace.dataset(data))
    return found


def _selection(options: argparse.Namespace, workspace: "Workspace", model: Any, data: Any) -> tuple[int, ...] | None:
    indices = getattr(options, "indices", None)
    split = getattr(options, "split", "all")
    if indices is None and split not in ("train", "held_out"):
        return None
    if data is None:
        raise UserError("Choosing images needs a data set; add --data D.")
    opened = workspace.dataset(data)
    chosen = range(len(opened)) if indices is None else whole_numbers(indices, len(opened))
    if split not in ("train", "held_out") or "split" in _own_names(options):
        return tuple(chosen)
    from latentstudio.figures.splits import held_out_of

    mask = held_out_of(workspace.info(model), opened) if model is not None else None
    if mask is None:
        raise UserError(
            f"The training record of '{options.model}' does not say what was held out; --split all would do."
        )
    kept = tuple(i for i in chosen if bool(mask[i]) == (split == "held_out"))
    if not kept:
        raise UserError(f"There is no {split.replace('_', '-')} image of '{options.data}' for '{options.model}'.")
    return kept


def _own_names(options: argparse.Namespace) -> set[str]:
    return {name.removeprefix("param:") for name in vars(options) if name.startswith("param:")}


def _print(recipe: "Recipe", workspace: "Workspace", options: argparse.Namespace) -> None:
    from latentstudio.cli.numbers import numbers_of, print_numbers
    from latentstudio.cli.output import print_json, with_progress
    from latentstudio.figures.run import run_recipe
    from latentstudio.results import final

    result = final(with_progress(run_recipe(recipe, workspace), recipe.name))
    if options.output is not None and options.output.suffix.lower() == ".csv":
        from latentstudio.figures.tables import write_csv

        write_csv(result, options.output)
    if options.json:
        print_json({"recipe": recipe, "result": numbers_of(result)})
    elif options.output is None:
        print_numbers(result)

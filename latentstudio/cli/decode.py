"""Turn codes into a picture grid."""

import argparse
import sys
from pathlib import Path

from latentstudio.cli.drawing import add_style, style_of, write_figure
from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_device, add_json, add_model, whole_numbers
from latentstudio.errors import UserError

_MOST = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("codes", type=Path, metavar="CODES.safetensors", help="a file that 'latentstudio encode' wrote")
    add_model(parser)
    parser.add_argument("--rows", nargs="+", metavar="I", help="only these rows of the file: 3 7 0:10 (default: all)")
    parser.add_argument("--columns", type=int, default=8, help="pictures in a row (default: 8)")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="a .png, .svg, .pdf or .json file"
    )
    add_style(parser)
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Decode and draw; the codes are inside the file."""
    import numpy as np

    from latentstudio.cli.codes_file import read_codes
    from latentstudio.figures.recipe import CodeInput, Figure, ModelRef, Recipe
    from latentstudio.studio.workspace import Workspace

    workspace = Workspace(device=options.device)
    ref = ModelRef(name=options.model, snapshot=options.snapshot)
    info = workspace.info(ref)
    codes = read_codes(options.codes, info.latent_size)
    rows = whole_numbers(options.rows, len(codes)) if options.rows else list(range(len(codes)))
    if not 1 <= len(rows) <= _MOST:
        raise UserError(f"{len(rows)} codes do not make a figure; 1 to {_MOST} would do, chosen with --rows 0:100.")
    inputs = tuple(CodeInput.of(codes[i], label=str(i), origin=f"row {i} of {options.codes.name}") for i in rows)
    recipe = Recipe(
        kind="operation",
        name="reconstruct",
        params={"columns": options.columns},
        model=ModelRef(name=options.model, digest=info.digest, snapshot=options.snapshot),
        inputs={"images": inputs},
    )
    write_figure(Figure(rows=((recipe,),), style=style_of(options)), workspace, options.output)
    lost = int((~np.isfinite(codes[rows]).all(axis=1)).sum())
    if lost:
        print(f"latentstudio: {lost} of {len(rows)} codes of {options.codes} are not finite.", file=sys.stderr)
    if options.json:
        facts = {"output": str(options.output), "images": len(rows), "latent_size": info.latent_size}
        print_json(facts | {"not_finite": lost})
    return 0

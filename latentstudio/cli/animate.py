"""``latentstudio animate``: the path of a recipe or exported figure as a GIF, APNG or WebP."""

import argparse
import json
import sys
import time
from pathlib import Path

from latentstudio.cli.parsing import add_device
from latentstudio.errors import UserError

_JSON_SECONDS = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("source", metavar="FIGURE", help="a PNG, SVG, PDF or JSON with a recipe inside")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="a .gif, .apng or .webp file")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="pictures of one pass (default: 60)")
    parser.add_argument("--easing", default="smooth", metavar="NAME", help="smooth (default), linear, there-and-back")
    parser.add_argument("--ms", type=int, default=40, metavar="MS", help="milliseconds per picture (default: 40)")
    parser.add_argument("--json", action="store_true", help="progress as one JSON object a line on standard output")
    add_device(parser)


def run(options: argparse.Namespace) -> int:
    """Write the animation of the figure's first path.

    Raises
    ------
    UserError
        There is no path in the figure, an option does not fit, or the file cannot be written.
    """
    from latentstudio.figures.animate import animate_steps
    from latentstudio.figures.embed import read_figure
    from latentstudio.studio.workspace import Workspace

    recipes = [recipe for row in read_figure(options.source).rows for recipe in row if recipe.kind == "operation"]
    if not recipes:
        raise UserError(f"{options.source} holds no path to animate; the figure of an interpolation would do.")
    steps = animate_steps(
        recipes[0], Workspace(device=options.device), options.output, options.frames, options.easing, options.ms
    )
    said = 0.0
    for partial in steps:
        if options.json and time.monotonic() - said > _JSON_SECONDS:
            said = time.monotonic()
            print(json.dumps({"fraction": partial.fraction, "message": partial.message}), flush=True)
    if options.json:
        print(json.dumps({"fraction": 1.0, "message": f"Wrote {options.output.name}"}), flush=True)
    else:
        print(f"The animation is in {options.output}.", file=sys.stderr)
    return 0

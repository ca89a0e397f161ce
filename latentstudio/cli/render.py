"""Draw a recipe or an exported figure again, or check that it still gives the same picture."""

import argparse
import sys
from pathlib import Path

import msgspec

from latentstudio.cli.drawing import add_style, style_of, write_figure
from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_device, add_json
from latentstudio.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "source", nargs="?", metavar="FIGURE", help="a PNG, SVG, PDF or JSON with a recipe inside; - for standard input"
    )
    parser.add_argument("--from", dest="from_", metavar="FIGURE", help="the same as FIGURE")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a .png, .svg, .pdf or .json file")
    parser.add_argument(
        "--check", action="store_true", help="compare with the picture in the file; status 1 if it differs"
    )
    add_style(parser)
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Render to a file, or check and tell the largest pixel difference."""
    from latentstudio.figures.embed import figure_in, read_figure
    from latentstudio.studio.workspace import Workspace

    source = options.source or options.from_
    if source is None or (options.source and options.from_):
        raise UserError("Rendering needs one recipe or exported figure, e.g. 'latentstudio render fig.png -o fig.pdf'.")
    if options.check == (options.output is not None):
        raise UserError("Rendering needs either -o FILE, to draw again, or --check, to compare.")
    if options.check:
        return _check(source, options)
    figure = figure_in(sys.stdin.buffer.read(), "Standard input") if source == "-" else read_figure(source)
    figure = msgspec.structs.replace(figure, style=style_of(options, figure.style))
    write_figure(figure, Workspace(device=options.device), options.output)
    if options.json:
        print_json({"output": str(options.output), "recipes": sum(len(row) for row in figure.rows)})
    return 0


def _check(source: str, options: argparse.Namespace) -> int:
    from latentstudio.figures.export import check
    from latentstudio.studio.workspace import Workspace

    report = check(source, Workspace(device=options.device))
    if options.json:
        print_json(
            {
                "file": source,
                "largest_difference": report.largest_difference,
                "identical": report.identical,
                "note": report.note,
            }
        )
    else:
        largest = "not comparable" if report.largest_difference is None else str(report.largest_difference)
        print(f"{source}: largest pixel difference {largest}. {report.note}")
    return 0 if report.identical else 1

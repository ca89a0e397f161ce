"""Options of drawing on paper, shared by the commands that write figures."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from latentstudio.figures.recipe import Figure, FigureStyle

if TYPE_CHECKING:
    from latentstudio.figures.workspace import Workspace


def add_style(parser: argparse.ArgumentParser) -> None:
    """Add the options of a figure's style; their default is None, so that a stored style may stay."""
    group = parser.add_argument_group("paper")
    group.add_argument("--width-mm", type=float, metavar="MM", help="width of the figure (default: 180)")
    group.add_argument("--dpi", type=int, help="dots per inch of PNG and of pictures inside SVG and PDF (default: 300)")
    group.add_argument("--theme", choices=("light", "dark"), help="colours (default: light)")
    group.add_argument("--captions", action=argparse.BooleanOptionalAction, help="titles, captions and notes")
    group.add_argument("--readouts", action=argparse.BooleanOptionalAction, help="numbers and curves under the frames")


def style_of(options: argparse.Namespace, stored: FigureStyle | None = None) -> FigureStyle:
    """Return the stored style, or the default one, with the options that were given."""
    import msgspec

    given = {
        name: getattr(options, name)
        for name in ("width_mm", "dpi", "theme", "captions", "readouts")
        if getattr(options, name) is not None
    }
    return msgspec.structs.replace(stored or FigureStyle(), **given)


def write_figure(figure: Figure, workspace: "Workspace", path: Path) -> None:
    """Run and draw a figure into a file, with progress on standard error, and say where it is."""
    from latentstudio.cli.output import with_progress
    from latentstudio.figures.export import export_steps

    for _ in with_progress(export_steps(figure, workspace, path), "drawing"):
        pass
    print(f"Wrote {path}.", file=sys.stderr)

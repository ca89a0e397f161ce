"""Options of the window. Nothing here knows Qt, so a wrong option is answered without a display."""

import argparse
import os
import re
import sys
from pathlib import Path

from latentstudio.cli.parsing import Parser
from latentstudio.errors import UserError

_SMALLEST, _LARGEST = 200, 16384


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the window's options.

    Returns
    -------
    Namespace with path (Path or None: a session, figure, model, data set or picture to open), theme, size ((width,
    height) in px or None), screenshot (Path or None), engine, display (whether there is one).

    Raises
    ------
    UserError
        An option does not fit, or the file is not there.
    """
    parser = Parser(prog="latentstudio")
    parser.add_argument("path", nargs="?", type=Path, metavar="SESSION")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="write a picture of the window and leave")
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window in px, e.g. 1366x768")
    parser.add_argument("--theme", choices=("dark", "light", "system"), default="system")
    parser.add_argument("--engine", choices=("process", "thread"), help="where the models run (default: settings)")
    parser.add_argument("--debug", action="store_true")
    options = parser.parse_args(arguments)
    if options.path is not None and not options.path.exists():
        raise UserError(f"There is no file {options.path}; a session, a figure, a picture or a folder would do.")
    if options.screenshot is not None:
        _check_screenshot(options.screenshot)
    options.display = has_display()
    return options


def has_display() -> bool:
    """Tell whether Qt can be expected to open a window here."""
    if os.environ.get("QT_QPA_PLATFORM") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _check_screenshot(path: Path) -> None:
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"A screenshot cannot be written as {path.name}; a name that ends in .png would do.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"There is no folder {path.absolute().parent} for the screenshot.")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size; 1366x768 would do")
    width, height = int(match[1]), int(match[2])
    if not (_SMALLEST <= width <= _LARGEST and _SMALLEST <= height <= _LARGEST):
        raise argparse.ArgumentTypeError(f"a window cannot be {text} px; {_SMALLEST} to {_LARGEST} per side would do")
    return width, height

"""The program's one entry: no argument opens the window, a command runs without a display.

This file must stay free of Qt, torch and everything else that is slow or fragile: child processes that are spawned
import it again.
"""

import multiprocessing
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    multiprocessing.freeze_support()
    arguments = list(sys.argv[1:] if argv is None else argv)

    from latentstudio.cli.main import guarded, is_command_line, run_command

    if is_command_line(arguments):
        return guarded(run_command, arguments)
    return guarded(_open_window, arguments)


def _open_window(arguments: list[str]) -> int:
    from latentstudio.cli.window import parse

    options = parse(arguments)

    from latentstudio.gui.app import run_window

    return run_window(options)


if __name__ == "__main__":
    sys.exit(main())

"""The table of commands, and the one place where errors become a sentence and an exit status."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from latentstudio import __version__
from latentstudio.cli.parsing import Parser
from latentstudio.errors import UserError


class Command(NamedTuple):
    """Where a command lives, and its line in the help."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "models": Command("models", "list the trained models"),
    "datasets": Command("datasets", "list the data sets and whether they are here"),
    "operations": Command("operations", "list what can be done to codes, with parameters and slots"),
    "analyses": Command("analyses", "list what can be measured, with parameters"),
    "run": Command("run", "run an operation or analysis; draw it or print its numbers"),
    "render": Command("render", "draw a recipe or an exported figure again, or check it"),
    "animate": Command("animate", "write a path as a GIF, APNG or WebP"),
    "encode": Command("encode", "turn images into codes"),
    "stores": Command("stores", "list or clear the codes of whole data sets that are kept on disk"),
    "merge": Command("merge", "join latent stores that were encoded in parts"),
    "decode": Command("decode", "turn codes into a picture grid"),
    "train": Command("train", "train a model from a recipe"),
    "evaluate": Command("evaluate", "measure a finished model again, on its own images or others"),
    "convert": Command("convert", "make a model of weights that another program saved"),
    "check-model": Command("check_model", "prove that a model folder loads and keeps its promises"),
    "reproduce": Command("reproduce", "repeat published experiments and write a report"),
    "doctor": Command("doctor", "look at this installation and say what would mend it"),
}

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

_EPILOG = """\
Without a command the window opens: latentstudio [SESSION.latentstudio | FIGURE.png]
A picture of the window, also without a display: latentstudio --screenshot FILE [--size WxH] [--theme dark|light]
Help for a command: latentstudio COMMAND --help
"""


def is_command_line(arguments: list[str]) -> bool:
    """Tell whether the arguments ask for the command line rather than for the window.

    A word that is neither a command nor a file goes to the command line too, which knows the right sentence for it.
    """
    if not arguments:
        return False
    if any(a in ("--help", "-h", "--version") for a in arguments):
        return True
    first = next((a for a in arguments if a != "--debug"), "")
    if not first or first.startswith("-"):
        return False
    return first in COMMANDS or not (Path(first).exists() or first.endswith(".latentstudio"))


def run_command(arguments: list[str]) -> int:
    """Run one command.

    Raises
    ------
    UserError
        The arguments or what they name do not fit.
    """
    words = [a for a in arguments if a != "--debug"]
    if words and words[0] in COMMANDS:
        command = COMMANDS[words[0]]
        module = importlib.import_module(f"latentstudio.cli.{command.module}")
        parser = Parser(prog=f"latentstudio {words[0]}", description=_sentence(command.summary))
        module.add_arguments(parser)
        return int(module.run(parser.parse_args(words[1:])))
    parser = Parser(prog="latentstudio", epilog=_EPILOG, usage="latentstudio [COMMAND] [options]")
    parser.add_argument("--version", action="version", version=f"latentstudio {__version__}")
    group = parser.add_argument_group("commands")
    for name, command in COMMANDS.items():
        group.add_argument(f"  {name}", help=command.summary, nargs="?", metavar=name)
    if words and not words[0].startswith("-"):
        raise UserError(f"There is no command or file '{words[0]}'; the commands are {', '.join(COMMANDS)}.")
    parser.parse_args(words)
    return 0


def guarded(work: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Call `work`; turn what goes wrong into one sentence on standard error and an exit status.

    Bad input is 2, an interruption 130, a reader that went away 141, an error of the program itself 1. With
    ``--debug`` the traceback is shown instead.
    """
    debug = "--debug" in arguments
    try:
        status = work(arguments)
        sys.stdout.flush()
        return status
    except UserError as error:
        if debug:
            raise
        print(f"latentstudio: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("latentstudio: interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes standard output once more at exit; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:  # the outermost boundary: a fault of the program, told without a traceback
        if debug:
            raise
        kind = type(error).__name__
        print(f"latentstudio: unexpected {kind}: {error} (--debug shows where it happened).", file=sys.stderr)
        return 1


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."

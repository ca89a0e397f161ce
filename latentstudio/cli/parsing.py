"""Argument parsing that answers bad input with one sentence, and the options that several commands share."""

import argparse
from typing import NoReturn

from latentstudio.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UserError` instead of printing its usage."""

    def __init__(self, **facts: object) -> None:
        facts.setdefault("allow_abbrev", False)
        facts.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**facts)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as a sentence that names the help page.

        Raises
        ------
        UserError
            Always.
        """
        raise UserError(f"{message[0].upper()}{message[1:].rstrip('.')}; see '{self.prog} --help'.")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output and nothing else")


def add_model(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add ``--model`` and ``--snapshot``."""
    parser.add_argument("--model", metavar="M", required=required, help="name of a model, or a model folder")
    parser.add_argument("--snapshot", metavar="STEP", type=int, help="weights at this training step (default: final)")


def add_data(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Add ``--data``."""
    parser.add_argument(
        "--data", metavar="D", required=required, help="a data set: olivetti, faces?n=2000, a folder, a zip of images"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument("--device", default="cpu", help="where to compute: cpu (default), cuda, mps")


def whole_numbers(words: list[str], limit: int | None = None) -> list[int]:
    """Read indices: ``3``, ``3,7``, ``0:10`` and ``0:40:10`` (the end is not included), in any mixture.

    Raises
    ------
    UserError
        A word is not of that form, or an index is outside ``range(limit)``.
    """
    found: list[int] = []
    for word in [w for text in words for w in text.split(",") if w]:
        parts = word.split(":")
        try:
            numbers = [int(p) if p else None for p in parts]
        except ValueError as error:
            raise UserError(f"'{word}' is not an index; 3, 3,7 or 0:10 would do.") from error
        if len(numbers) == 1 and numbers[0] is not None:
            found.append(numbers[0])
        elif 2 <= len(numbers) <= 3 and (limit is not None or numbers[1] is not None):
            found.extend(_range(word, numbers, limit))
        else:
            raise UserError(f"'{word}' is not a range of indices; 0:10 or 0:40:10 would do.")
    outside = [i for i in found if i < 0 or (limit is not None and i >= limit)]
    if outside:
        raise UserError(f"There is no image {outside[0]}; indices go from 0 to {limit - 1 if limit else 'the end'}.")
    return found


def _range(word: str, numbers: list[int | None], limit: int | None) -> range:
    start, stop, step = (*numbers, None)[:3]
    if step == 0:
        raise UserError(f"'{word}' has a step of zero; 0:40:10 would do.")
    return range(start or 0, stop if stop is not None else limit or 0, step or 1)

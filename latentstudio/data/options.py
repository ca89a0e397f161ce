"""Reading the options of a dataset specification, each with the sentence for a value that will not do."""

from collections.abc import Collection, Mapping

from latentstudio.errors import UserError

SMALLEST, LARGEST = 4, 1024
"""Accepted edge lengths of a dataset's images in px."""


def check_names(spec: str, options: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse options that the source does not know.

    Raises
    ------
    UserError
        Names the first unknown option and the accepted ones.
    """
    for name in options:
        if name not in known:
            accepted = ", ".join(sorted(known)) or "none"
            raise UserError(f"'{spec}' has the option '{name}'; this dataset's options are: {accepted}.")


def integer(options: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Return a whole number within `low`..`high`.

    Raises
    ------
    UserError
        The value is something else.
    """
    text = options.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise UserError(f"The option {name}={text} is not accepted; a whole number from {low} to {high} would do.")
    return int(text)


def choice(options: Mapping[str, str], name: str, accepted: Collection[str], default: str) -> str:
    """Return one of the `accepted` words.

    Raises
    ------
    UserError
        The value is another word.
    """
    text = options.get(name, default)
    if text not in accepted:
        raise UserError(f"The option {name}={text} is not accepted; one of {', '.join(accepted)} would do.")
    return text


def edge(options: Mapping[str, str], default: int = 64) -> int:
    """Return the option ``size``: the edge length of the dataset's square images in px."""
    return integer(options, "size", default, SMALLEST, LARGEST)

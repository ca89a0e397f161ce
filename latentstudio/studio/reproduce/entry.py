"""What an experiment is, and what it finds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from latentstudio.figures.recipe import Recipe
from latentstudio.results import Result
from latentstudio.studio.reproduce.diagram import Diagram

Verdict = Literal["held", "partly", "not"]


@dataclass(frozen=True)
class Plate:
    """One figure or table of an entry: a recipe, which can be opened in the window, a finished result, or a diagram."""

    content: Recipe | Result | Diagram
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """What one experiment found.

    Attributes
    ----------
    verdict : whether the published claim held on our run.
    sentence : the verdict in words, with the numbers that it follows from.
    published, ours : the two values side by side, where there is a published one.
    split, n, seed, model : what the figures were computed on.
    """

    verdict: Verdict
    sentence: str
    plates: tuple[Plate, ...]
    split: str
    n: str
    model: str
    seed: str = "0"
    published: str = ""
    ours: str = ""


@dataclass(frozen=True)
class Entry:
    """One experiment.

    Attributes
    ----------
    id : e.g. ``S0-F9``; title, claim : what was published, in our words; method : what is computed here.
    run : takes the bench of its group.
    """

    id: str
    title: str
    claim: str
    method: str
    run: Callable[[Any], Finding]


@dataclass
class Outcome:
    """An entry that has run: its finding, or the sentence that says why it could not."""

    entry: Entry
    finding: Finding | None = None
    failure: str = ""
    seconds: float = 0.0
    figures: list[str] = field(default_factory=list)


def verdict_of(*conditions: bool) -> Verdict:
    """All conditions: held; some: partly; none: not."""
    if all(conditions):
        return "held"
    return "partly" if any(conditions) else "not"

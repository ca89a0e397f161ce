"""The groups of experiments by name: their entries, how their bench is made, and what stands at the top of a report."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentstudio.studio.reproduce.entry import Entry
    from latentstudio.studio.reproduce.page import Facts
    from latentstudio.studio.workspace import Workspace


@dataclass(frozen=True)
class Wishes:
    """What a person may choose; None or empty where nothing was said.

    Attributes
    ----------
    data, model : a data set's specification and a model's name or folder.
    photo, eyes : a picture of a face and, as (x, y) in px, its eyes.
    quick : less of everything that takes long.
    images : images to look at, at most.
    """

    data: str | None = None
    model: str | None = None
    photo: Path | None = None
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None
    quick: bool = False
    images: int | None = None


@dataclass(frozen=True)
class Group:
    """One group of experiments.

    Attributes
    ----------
    entries : returns the table of entries.
    unwritten : returns id and title of published entries that the program cannot repeat yet.
    bench : takes the workspace, the wishes and the report's folder; returns what the entries run on, and a warning for
        the top of the report, which may be empty. Raises UserError.
    facts : takes the bench, the warning and the seconds that the entries took.
    takes : names of the `Wishes` that mean something to the group, besides data and quick.
    """

    entries: "Callable[[], tuple[Entry, ...]]"
    unwritten: Callable[[], tuple[tuple[str, str], ...]]
    bench: "Callable[[Workspace, Wishes, Path], tuple[Any, str]]"
    facts: "Callable[[Any, str, float], Facts]"
    takes: frozenset[str]


def _olivetti() -> "tuple[Entry, ...]":
    from latentstudio.studio.reproduce.olivetti import ENTRIES

    return ENTRIES


def _olivetti_bench(workspace: "Workspace", wishes: Wishes, folder: Path) -> tuple[Any, str]:
    from latentstudio.studio.reproduce.olivetti_bench import open_olivetti

    return open_olivetti(workspace, wishes, folder)


def _olivetti_facts(bench: Any, warning: str, seconds: float) -> "Facts":
    from latentstudio.studio.reproduce.olivetti_bench import facts

    return facts(bench, warning, seconds)


def _glow() -> "tuple[Entry, ...]":
    from latentstudio.studio.reproduce.glow import ENTRIES

    return ENTRIES


def _glow_unwritten() -> tuple[tuple[str, str], ...]:
    from latentstudio.studio.reproduce.glow import unwritten

    return unwritten()


def _glow_bench(workspace: "Workspace", wishes: Wishes, folder: Path) -> tuple[Any, str]:
    from latentstudio.studio.reproduce.glow_lab import open_glow

    return open_glow(workspace, wishes.data, wishes.model, folder, wishes.quick, wishes.images)


def _glow_facts(bench: Any, warning: str, seconds: float) -> "Facts":
    from latentstudio.studio.reproduce.glow import facts

    return facts(bench, warning, seconds)


GROUPS: dict[str, Group] = {
    "olivetti": Group(_olivetti, lambda: (), _olivetti_bench, _olivetti_facts, frozenset({"photo", "eyes"})),
    "glow": Group(_glow, _glow_unwritten, _glow_bench, _glow_facts, frozenset({"model", "images"})),
}
"""Groups by the word that names them on the command line."""

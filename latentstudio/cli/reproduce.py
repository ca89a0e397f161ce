"""Repeat published experiments and write a report."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_device, add_json
from latentstudio.errors import UserError
from latentstudio.studio.reproduce.groups import GROUPS, Group, Wishes

if TYPE_CHECKING:
    from latentstudio.studio.reproduce.entry import Entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    names = f"{', '.join(GROUPS)}; olivetti is the default, several get a folder each"
    parser.add_argument("experiment", nargs="*", default=["olivetti"], metavar="EXPERIMENT", help=names)
    parser.add_argument("-o", "--output", type=Path, default=Path("report"), metavar="FOLDER", help="default: report")
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these entries, e.g. S0-F9 S0-T1")
    parser.add_argument("--data", metavar="D", help="another data set instead, e.g. faces; the report says so on top")
    parser.add_argument("--model", metavar="M", help="glow: another Glow, by name or folder")
    parser.add_argument("--images", type=int, metavar="N", help="glow: look at no more images than these")
    parser.add_argument("--photo", type=Path, metavar="FILE", help="olivetti: the new photo, of an upright face")
    parser.add_argument("--eyes", metavar="x1,y1,x2,y2", help="olivetti: the eyes in the photo, in px, to align it")
    parser.add_argument("--quick", action="store_true", help="short trainings, fewer images: minutes become seconds")
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the experiments and write ``index.html`` and ``summary.md``, with pictures and tables in ``figures/``."""
    unknown = [name for name in options.experiment if name not in GROUPS]
    if unknown:
        raise UserError(f"There is no experiment '{unknown[0]}'; there is {', '.join(GROUPS)}.")
    names = list(dict.fromkeys(options.experiment))
    wishes = _wishes(options, names)
    chosen = _chosen(names, options.only)
    reports = []
    for name in names:
        if chosen[name]:
            folder = options.output / name if len(names) > 1 else options.output
            reports.append(_report(GROUPS[name], chosen[name], wishes, folder, options.device))
    if options.json:
        print_json(reports[0] if len(reports) == 1 else {"reports": reports})
    return 0 if all(e["failure"] == "" for report in reports for e in report["entries"]) else 1


def _wishes(options: argparse.Namespace, names: Sequence[str]) -> Wishes:
    """Read the wishes; each must mean something to one of the groups."""
    taken = frozenset[str]().union(*(GROUPS[name].takes for name in names))
    for wish in ("model", "images", "photo", "eyes"):
        if getattr(options, wish) is not None and wish not in taken:
            whose = ", ".join(name for name, group in GROUPS.items() if wish in group.takes)
            raise UserError(f"--{wish} goes with the experiments {whose}.")
    if options.images is not None and options.images < 16:
        raise UserError(f"--images cannot be {options.images}; at least 16 are needed.")
    if options.eyes and options.photo is None:
        raise UserError("--eyes goes with --photo FILE.")
    eyes = _eyes(options.eyes) if options.eyes else None
    return Wishes(options.data, options.model, options.photo, eyes, options.quick, options.images)


def _chosen(names: Sequence[str], only: Sequence[str] | None) -> "dict[str, list[Entry]]":
    tables = {name: GROUPS[name].entries() for name in names}
    known = [e.id for table in tables.values() for e in table]
    unwritten = [id for name in names for id, _ in GROUPS[name].unwritten()]
    for wanted in only or ():
        if wanted in unwritten:
            raise UserError(f"The entry {wanted} is not written yet; there are {', '.join(known)}.")
        if wanted not in known:
            raise UserError(f"There is no entry '{wanted}'; there are {', '.join(known)}.")
    return {name: [e for e in table if only is None or e.id in only] for name, table in tables.items()}


def _report(group: Group, chosen: "list[Entry]", wishes: Wishes, folder: Path, device: str) -> dict[str, Any]:
    """Run the entries, write the page, and return what ``--json`` prints."""
    from latentstudio.paths import replacing
    from latentstudio.studio.reproduce.page import page, summary
    from latentstudio.studio.reproduce.run import run_entries
    from latentstudio.studio.workspace import Workspace

    started = time.perf_counter()
    bench, warning = group.bench(Workspace(device=device), wishes, folder)
    if warning:
        print(f"Note: {warning}", file=sys.stderr)
    _make_folder(folder / "figures")
    chapters = []
    for outcome, drawn in run_entries(chosen, bench):
        chapters.append((outcome, drawn))
        said = outcome.finding.verdict if outcome.finding else f"could not run: {outcome.failure}"
        print(f"{len(chapters):2}/{len(chosen)} {outcome.entry.id:8} {outcome.seconds:6.1f} s  {said}", file=sys.stderr)
    facts = group.facts(bench, warning, time.perf_counter() - started)
    with replacing(folder / "index.html") as stream:
        stream.write(page(facts, chapters).encode("utf-8"))
    with replacing(folder / "summary.md") as stream:
        stream.write(summary(chapters).encode("utf-8"))
    print(f"Wrote {folder / 'index.html'}.", file=sys.stderr)
    return {
        "report": str(folder / "index.html"),
        "entries": [_summary(outcome) for outcome, _ in chapters],
        "unwritten": [id for id, _ in group.unwritten()],
        "warning": warning,
    }


def _summary(outcome: Any) -> dict[str, Any]:
    found = outcome.finding
    facts = {
        "id": outcome.entry.id,
        "title": outcome.entry.title,
        "seconds": outcome.seconds,
        "failure": outcome.failure,
    }
    if found is None:
        return facts | {"verdict": None}
    return facts | {
        "verdict": found.verdict,
        "sentence": found.sentence,
        "published": found.published,
        "ours": found.ours,
    }


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error


def _eyes(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        x1, y1, x2, y2 = (float(v) for v in text.split(","))
    except ValueError as error:
        raise UserError(f"--eyes cannot be '{text}'; four numbers x1,y1,x2,y2 in px would do.") from error
    return (x1, y1), (x2, y2)

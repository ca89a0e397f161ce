"""Run a table of experiments and draw what they found."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from latentstudio.errors import UserError
from latentstudio.figures.export import painted, sealed_figure
from latentstudio.figures.recipe import Figure, FigureStyle, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.figures.tables import csv_of, table_of
from latentstudio.paths import replacing
from latentstudio.results import Result, Sheet, Table, final
from latentstudio.studio.reproduce.bench import Bench
from latentstudio.studio.reproduce.diagram import Diagram, painted_diagram
from latentstudio.studio.reproduce.entry import Entry, Outcome, Plate

WIDTH_MM, DPI = 170.0, 170


@dataclass(frozen=True)
class Drawn:
    """A plate on paper: a table that HTML shows as such, or a PNG for each theme; and the file beside the page."""

    table: Table | None
    light: bytes
    dark: bytes
    note: str
    file: str
    caption: str


def run_entries(entries: Sequence[Entry], lab: Bench) -> Iterator[tuple[Outcome, list[Drawn]]]:
    """Run every entry and yield its outcome with its drawings; one that cannot run says why and the rest go on."""
    for entry in entries:
        started = time.perf_counter()
        outcome = Outcome(entry)
        drawn: list[Drawn] = []
        try:
            outcome.finding = entry.run(lab)
            for number, plate in enumerate(outcome.finding.plates, 1):
                drawn += _draw(plate, f"{entry.id}-{number}", lab)
        except UserError as error:
            outcome.failure = str(error)
        outcome.seconds = time.perf_counter() - started
        yield outcome, drawn


def _draw(plate: Plate, name: str, lab: Bench) -> list[Drawn]:
    if isinstance(plate.content, Recipe):
        figure = sealed_figure(Figure(rows=((plate.content,),), style=_style("light")), lab.workspace)
        result: Result = final(run_recipe(figure.rows[0][0], lab.workspace))
        return [_picture(figure, result, name, plate.note, lab)]
    if isinstance(plate.content, Diagram):
        light, dark = (painted_diagram(plate.content, _style(theme)) for theme in ("light", "dark"))
        _write(lab, f"{name}.png", light)
        return [Drawn(None, light, dark, plate.note, f"{name}.png", plate.content.caption)]
    parts = plate.content.parts if isinstance(plate.content, Sheet) else (plate.content,)
    drawn = []
    for letter, part in zip("abcdefgh", parts, strict=False):
        own = name if len(parts) == 1 else f"{name}{letter}"
        if isinstance(part, Table):
            _write(lab, f"{own}.csv", csv_of(table_of(part)))
            drawn.append(Drawn(part, b"", b"", plate.note, f"{own}.csv", " ".join(part.notes)))
        else:
            drawn.append(_picture(Figure(rows=(), style=_style("light")), part, own, plate.note, lab))
    return drawn


def _style(theme: str) -> FigureStyle:
    return FigureStyle(width_mm=WIDTH_MM, dpi=DPI, theme=theme)


def _picture(figure: Figure, result: Result, name: str, note: str, lab: Bench) -> Drawn:
    light, dark = (
        painted(msgspec.structs.replace(figure, style=_style(theme)), [[result]], "png") for theme in ("light", "dark")
    )
    _write(lab, f"{name}.png", light)
    caption = "" if isinstance(result, Sheet) else " ".join((result.caption, *result.notes)).strip()
    return Drawn(None, light, dark, note, f"{name}.png", caption)


def _write(lab: Bench, name: str, content: bytes) -> None:
    with replacing(lab.folder / "figures" / name) as stream:
        stream.write(content)

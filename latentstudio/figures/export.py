"""Figures as files that carry their recipe: written beside and renamed, drawn again, and compared pixel by pixel."""

import io
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from latentstudio import __version__
from latentstudio.errors import UserError
from latentstudio.figures.compare import difference_of_files
from latentstudio.figures.draw import draw, drawing_settings
from latentstudio.figures.embed import FORMATS, embedded, figure_in, figure_json
from latentstudio.figures.recipe import DataRef, Figure
from latentstudio.figures.run import run_recipe, seal
from latentstudio.figures.workspace import Workspace
from latentstudio.paths import replacing
from latentstudio.results import Partial, Result
from latentstudio.steps import answer_of

T = TypeVar("T")
Steps = Generator[Partial, None, T]


@dataclass(frozen=True)
class CheckReport:
    """What a replay found.

    Attributes
    ----------
    largest_difference : greatest difference of any pixel and channel, 0 to 255; None when the two cannot be compared.
    identical : nothing differs.
    note : a sentence.
    """

    largest_difference: int | None
    identical: bool
    note: str


def export(figure: Figure, workspace: Workspace, path: Path | str, format: str | None = None) -> Path:
    """Draw a figure into a PNG, SVG or PDF with its sealed recipes inside, or write the recipes alone as JSON.

    The old file stays when anything goes wrong.

    Raises
    ------
    UserError
        The format is unknown, the file cannot be written, or a recipe cannot run.
    """
    return answer_of(export_steps(figure, workspace, path, format))


def export_steps(figure: Figure, workspace: Workspace, path: Path | str, format: str | None = None) -> Steps[Path]:
    """Do what `export` does in steps that may be interleaved with other work; the generator returns the path."""
    path = Path(path)
    form = format_of(path, format)
    data = yield from render_steps(figure, workspace, form)
    with replacing(path) as stream:
        stream.write(data)
    return path


def render_png(figure: Figure, workspace: Workspace) -> bytes:
    """Draw a figure and return the bytes of a PNG with its sealed recipes inside."""
    return answer_of(render_steps(figure, workspace, "png"))


def render_steps(figure: Figure, workspace: Workspace, format: str) -> Steps[bytes]:
    """Draw a figure in steps; the generator returns the bytes of the file."""
    sealed = sealed_figure(figure, workspace)
    if format == "json":
        return msgspec.json.format(figure_json(sealed), indent=1)
    results = yield from _results(sealed, workspace)
    return painted(sealed, results, format)


def painted(figure: Figure, results: list[list[Result]], format: str) -> bytes:
    """Return the bytes of a PNG, SVG or PDF of results, with the figure inside."""
    drawn = draw(figure, results)
    with drawing_settings():
        picture = _png(drawn) if format == "png" else _vector(drawn, format, figure)
    return embedded(picture, format, figure)


def sealed_figure(figure: Figure, workspace: Workspace) -> Figure:
    """Return the figure with codes in place of images, so that it renders without the data."""
    rows = tuple(tuple(seal(recipe, workspace) for recipe in row) for row in figure.rows)
    # A width of 120 and one of 120.0 are the same; as text they are not.
    style = msgspec.structs.replace(figure.style, width_mm=float(figure.style.width_mm))
    program = figure.program or f"latentstudio {__version__}"
    return msgspec.structs.replace(figure, rows=rows, style=style, program=program)


def _results(figure: Figure, workspace: Workspace) -> Steps[list[list[Result]]]:
    count = sum(len(row) for row in figure.rows)
    done, rows = 0, []
    for row in figure.rows:
        results: list[Result] = []
        for recipe in row:
            last: Result | None = None
            for part in run_recipe(recipe, workspace):
                last = part.result if part.result is not None else last
                yield Partial((done + part.fraction) / (count + 1), None, part.message)
            if last is None:
                raise RuntimeError(f"{recipe.name} ended without a result")
            results.append(last)
            done += 1
        rows.append(results)
    return rows


def check(path: Path | str, workspace: Workspace) -> CheckReport:
    """Render the figure inside a file again and compare every pixel with the picture in the file.

    Raises
    ------
    UserError
        The file cannot be read, is no picture, or carries no recipe.
    """
    path = Path(path)
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    figure = figure_in(stored, str(path))
    form = picture_format(stored)
    if form is None:
        raise UserError(f"{path} holds recipes but no picture; a PNG, SVG or PDF can be checked.")
    again = answer_of(render_steps(figure, workspace, form))
    if form == "png":
        difference, note = _pixel_difference(stored, again, str(path))
    else:
        difference, note = difference_of_files(stored, again, form)
    if difference != 0:
        note = " ".join((note, *_missing(figure, workspace)))
    return CheckReport(difference, difference == 0, note)


def _missing(figure: Figure, workspace: Workspace) -> list[str]:
    """Sentences that name the data sets of a figure that are not here: readouts against them cannot be drawn again."""
    specs = dict.fromkeys(recipe.data.spec for row in figure.rows for recipe in row if recipe.data is not None)
    found = []
    for spec in specs:
        try:
            workspace.dataset(DataRef(spec=spec))
        except UserError:
            found.append(f"The data set '{spec}' is not here, so what is measured against it is missing.")
    return found


def picture_format(data: bytes) -> str | None:
    """Return png, svg or pdf by content, None for anything else."""
    if data.startswith(b"\x89PNG"):
        return "png"
    if data.startswith(b"%PDF-"):
        return "pdf"
    return "svg" if data.lstrip()[:1] == b"<" else None


def format_of(path: Path, format: str | None = None) -> str:
    """Return the format of a file to be written, from its suffix unless it is given.

    Raises
    ------
    UserError
        There is no such format.
    """
    form = (format or path.suffix.removeprefix(".")).lower()
    if form not in FORMATS:
        raise UserError(
            f"A figure cannot be written as '{path.name}'; a name ending in .png, .svg, .pdf or .json would do."
        )
    return form


def _png(drawn: Any) -> bytes:
    drawn.canvas.draw()
    pixels = np.asarray(drawn.canvas.buffer_rgba())[..., :3]
    out = io.BytesIO()
    dpi = (drawn.dpi, drawn.dpi)
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", dpi=dpi, compress_level=6)
    return out.getvalue()


def _vector(drawn: Any, format: str, figure: Figure) -> bytes:
    out = io.BytesIO()
    creator = figure.program or f"latentstudio {__version__}"
    facts: dict[str, Any] = {"Title": figure.title or "LatentStudio figure", "Creator": creator}
    # A fixed file has no date: the same figure gives the same bytes.
    facts |= {"Date": None} if format == "svg" else {"CreationDate": None, "Producer": None}
    drawn.savefig(out, format=format, dpi=drawn.dpi, metadata=facts, facecolor=drawn.get_facecolor())
    return out.getvalue()


def _pixel_difference(stored: bytes, again: bytes, name: str) -> tuple[int | None, str]:
    before, after = _pixels(stored, name), _pixels(again, name)
    if before.shape != after.shape:
        sizes = [f"{p.shape[1]} x {p.shape[0]}" for p in (before, after)]
        return None, f"The picture in the file has {sizes[0]} px, the new one {sizes[1]} px."
    gap = np.abs(before.astype(np.int16) - after.astype(np.int16))
    largest = int(gap.max(initial=0))
    if not largest:
        return 0, "Every pixel is the same."
    share = float((gap.max(axis=2) > 0).mean())
    return largest, f"{100 * share:.3g} % of the pixels differ, by at most {largest} of 255 grey levels."


def _pixels(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{name} cannot be read as a picture: {error}.") from error

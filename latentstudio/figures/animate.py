"""A path as a moving picture: GIF, APNG or WebP."""

import io
import math
from collections.abc import Callable, Generator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.run import run_recipe, seal
from latentstudio.figures.workspace import Workspace
from latentstudio.paths import replacing
from latentstudio.results import Partial, Strip, final
from latentstudio.steps import answer_of

Pixels = NDArray[np.uint8]

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "smooth": lambda t: 0.5 - 0.5 * math.cos(math.pi * t),
    "there-and-back": lambda t: 0.5 - 0.5 * math.cos(2 * math.pi * t),
}
"""From time in [0, 1] to place on the path: even, gentle at both ends, and a seamless loop."""

FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG", ".webp": "WEBP"}
_MOST_FRAMES = 600
_DENSE = 65
_EDGE = 256
_GAP = 8


def animate(
    recipe: Recipe,
    workspace: Workspace,
    path: Path | str,
    frames: int = 60,
    easing: str = "smooth",
    ms_per_frame: int = 40,
) -> Path:
    """Write an animation of a path; several paths run side by side.

    Parameters
    ----------
    frames : pictures of one pass; ms_per_frame : how long each is shown, in ms.
    easing : one of `EASINGS`.

    Raises
    ------
    UserError
        The recipe gives no path, a number makes no sense, or the file cannot be written.
    """
    return answer_of(animate_steps(recipe, workspace, path, frames, easing, ms_per_frame))


def animate_steps(
    recipe: Recipe,
    workspace: Workspace,
    path: Path | str,
    frames: int = 60,
    easing: str = "smooth",
    ms_per_frame: int = 40,
) -> Generator[Partial, None, Path]:
    """Do what `animate` does in steps that may be interleaved with other work; the generator returns the path."""
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise UserError(f"An animation cannot be written as {path.name}; .gif, .apng, .png or .webp would do.")
    if not 2 <= frames <= _MOST_FRAMES:
        raise UserError(f"An animation cannot have {frames} frames; 2 to {_MOST_FRAMES} would do.")
    if easing not in EASINGS:
        raise UserError(f"There is no easing '{easing}'; one of {', '.join(EASINGS)} would do.")
    if not 10 <= ms_per_frame <= 10_000:
        raise UserError(f"A frame cannot be shown for {ms_per_frame} ms; 10 to 10000 would do.")
    # The last frame of a loop is left out: it is the first one again.
    count = frames if easing == "there-and-back" else frames - 1
    places = [EASINGS[easing](i / count) for i in range(frames)]
    pictures = yield from _pictures(seal(recipe, workspace), workspace, places)
    yield Partial(0.95, None, "Writing")
    with replacing(path) as stream:
        stream.write(encoded(pictures, form, ms_per_frame))
    return path


def _pictures(recipe: Recipe, workspace: Workspace, places: list[float]) -> Generator[Partial, None, list[Pixels]]:
    """Return one picture uint8 (H, W, C) for each place."""
    bare = msgspec.structs.replace(recipe, data=None)
    if not _has_field(recipe, "at"):
        if not _has_field(recipe, "steps"):
            raise UserError(f"'{recipe.name}' gives no path to animate; an interpolation would do.")
        # Without a place to ask for, the nearest frames of a dense path are taken.
        strip = _strip(msgspec.structs.replace(recipe, params=recipe.params | {"steps": _DENSE}), workspace)
        return [_side_by_side(strip, int(np.abs(strip.positions - t).argmin())) for t in places]
    known: dict[float, Pixels] = {}
    for done, t in enumerate(places):
        place = round(t, 9)
        if place not in known:
            known[place] = _side_by_side(_strip(_at(bare, place), workspace), 0)
        yield Partial(0.9 * (done + 1) / len(places), None, f"Frame {done + 1} of {len(places)}")
    return [known[round(t, 9)] for t in places]


def _has_field(recipe: Recipe, name: str) -> bool:
    from latentstudio.operations import OPERATIONS

    cls = OPERATIONS.get(recipe.name) if recipe.kind == "operation" else None
    return cls is not None and any(f.name == name for f in fields(cls))


def _at(recipe: Recipe, place: float) -> Recipe:
    return msgspec.structs.replace(recipe, params=recipe.params | {"at": place})


def _strip(recipe: Recipe, workspace: Workspace) -> Strip:
    result: Any = final(run_recipe(recipe, workspace)) if recipe.kind == "operation" else None
    if not isinstance(result, Strip):
        raise UserError(f"'{recipe.name}' gives no path to animate; an interpolation would do.")
    return result


def _side_by_side(strip: Strip, column: int) -> Pixels:
    rows = len(strip.row_labels)
    frames = [strip.frames.images[row * strip.columns + column] for row in range(rows)]
    scale = max(1, -(-_EDGE // frames[0].shape[1]))
    large = [np.repeat(np.repeat(f, scale, axis=0), scale, axis=1) for f in frames]
    gap = np.full((large[0].shape[0], _GAP, large[0].shape[2]), 255, np.uint8)
    parts = [part for f in large for part in (f, gap)][:-1]
    return np.concatenate(parts, axis=1)


def encoded(pictures: list[Pixels], form: str, ms_per_frame: int) -> bytes:
    """Return the bytes of a looping animation of pictures uint8 (H, W, 1 or 3)."""
    images = [Image.fromarray(p[..., 0] if p.shape[2] == 1 else p) for p in pictures]
    out = io.BytesIO()
    facts: dict[str, Any] = {"save_all": True, "append_images": images[1:], "duration": ms_per_frame, "loop": 0}
    if form == "WEBP":
        facts |= {"lossless": True, "method": 2}
        images = [i.convert("RGB") for i in images]
        facts["append_images"] = images[1:]
    images[0].save(out, form, **facts)
    return out.getvalue()

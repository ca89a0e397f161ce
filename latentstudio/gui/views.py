"""What the controller tells the panels: frozen values, one per change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.recipe import Recipe
from latentstudio.gui.widgets.readouts import place
from latentstudio.results import ImageGrid, Result, Strip
from latentstudio.studio.browse import named_image
from latentstudio.studio.document import Panel


@dataclass(frozen=True)
class PanelView:
    """Everything that a panel shows.

    Attributes
    ----------
    panel : the panel's part of the document.
    recipe : what `result` came from, or None when there is none yet.
    wanted : the recipe that the document asks for; differs from `recipe` while `stale`.
    result : picture or numbers to draw; kept from the recipe before while a new one runs.
    reason : hint why there is nothing to run, e.g. ``"Drop a second face on B"``.
    waiting : `reason` will go away by itself (a dataset is being opened).
    error : sentence of the run that failed; the result before it stays.
    stale : `result` belongs to an earlier state; draw it dimmed.
    fraction : progress in [0, 1] of the running recipe, 1 when nothing runs; message : what it is doing.
    milliseconds : working time of the engine on `recipe` so far.
    decode_milliseconds : working time until every frame was decoded, readouts against the dataset not counted.
    """

    panel: Panel
    recipe: Recipe | None = None
    wanted: Recipe | None = None
    result: Result | None = None
    reason: str = ""
    waiting: bool = False
    error: str = ""
    stale: bool = False
    fraction: float = 1.0
    message: str = ""
    milliseconds: float = 0.0
    decode_milliseconds: float = 0.0

    @property
    def settled(self) -> bool:
        """Whether nothing more will come for this panel without a change of the document."""
        if self.reason or self.error:
            return not self.waiting
        return self.result is not None and not self.stale and self.fraction >= 1.0


@dataclass(frozen=True)
class PictureReady:
    """One picture at its native resolution, uint8 (h, w, C)."""

    spec: str
    index: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class FetchProgress:
    """How far the opening (or download) of a dataset is; `error` is the sentence of a failure, `done` its end."""

    spec: str
    fraction: float
    message: str
    done: bool = False
    error: str = ""


def frame_label(result: Strip | ImageGrid, frame: int) -> str:
    """Name one frame in a few words, e.g. ``"Spherical 0.375"`` ``"sample 7"`` or the id of an image."""
    if isinstance(result, Strip):
        row, column = divmod(frame, result.columns)
        name = result.row_labels[row] if row < len(result.row_labels) else "Path"
        return f"{name} {place(float(result.positions[column]))}"
    if frame >= len(result.labels):
        return f"Frame {frame + 1}"
    label = result.labels[frame]
    # Samples are labelled with their random seed, reconstructions with the id of their image.
    return f"sample {label}" if result.originals is None and label.isdecimal() else named_image(label, frame)


def origin_of(view: PanelView, frame: int) -> str:
    """Say in words where a frame's code came from."""
    recipe = view.recipe
    if recipe is None:
        return ""
    model = recipe.model.name if recipe.model else "no model"
    return f"{recipe.name}, frame {frame + 1}, {model}"

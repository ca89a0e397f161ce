"""A toy world for the window's tests: a linear model whose answers are exact, no torch, no thread, no disk."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.figures.recipe import CodeInput, ImageInput, Recipe
from latentstudio.gui.controller import Controller
from latentstudio.models.library import ModelInfo
from latentstudio.results import Band, Frames, ImageGrid, Partial, Strip
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import Answer, DatasetFacts, Picture, RunRecipe, Ticket
from latentstudio.studio.session import Session

SPEC, SIZE, EDGE, WIDTH = "toy", 12, 8, 4
LABELS = {
    "linear": "Linear",
    "norm_preserving": "Norm-preserving",
    "spherical": "Spherical",
    "matched": "Matched",
}


def picture(index: int) -> np.ndarray:
    """Picture of a toy image, uint8 (8, 8, 1): one grey level that names it."""
    return np.full((EDGE, EDGE, 1), 10 + 15 * index, np.uint8)


def code(index: int) -> np.ndarray:
    """Code of a toy image, float32 (4,)."""
    return np.array([index, index + 1, 0, 2], np.float32)


def frames(
    codes: np.ndarray, ready: np.ndarray | None = None, finite: np.ndarray | None = None, density: bool = True
) -> Frames:
    """Frames of codes (N, 4) under the toy model: a picture is the grey level of the first number."""
    count = len(codes)
    norm = np.linalg.norm(codes.astype(float), axis=1)
    grey = np.clip(10 + 15 * np.nan_to_num(codes[:, 0]), 0, 255).astype(np.uint8)
    return Frames(
        images=np.broadcast_to(grey[:, None, None, None], (count, EDGE, EDGE, 1)).copy(),
        codes=codes.astype(np.float32),
        norm=norm,
        log_prob=-norm if density else None,
        prior_percentile=np.linspace(0, 100, count),
        data_percentile=np.linspace(10, 90, count),
        nearest=np.clip(np.rint(np.nan_to_num(codes[:, 0])), 0, SIZE - 1).astype(np.int64),
        nearest_distance=np.linspace(1, 9, count),
        ready=np.ones(count, bool) if ready is None else ready,
        finite=np.ones(count, bool) if finite is None else finite,
    )


def strip(
    a: np.ndarray | None = None,
    b: np.ndarray | None = None,
    positions: np.ndarray | None = None,
    labels: tuple[str, ...] = ("Linear",),
    **changes: Any,
) -> Strip:
    """Straight paths from `a` to `b`, one row for each label."""
    a, b = code(0) if a is None else a, code(8) if b is None else b
    positions = np.linspace(0, 1, 9) if positions is None else positions
    row = a + positions[:, None] * (b - a)
    made = frames(np.concatenate([row] * len(labels)).astype(np.float32), **changes)
    return Strip(
        frames=made,
        positions=positions,
        row_labels=labels,
        norm_band=Band(3.0, 10.0, "95 % of prior draws"),
        nearest_ids=tuple(f"toy-{i}" for i in made.nearest),
        caption="toy data; toy model",
    )


def facts(persons: bool = True) -> DatasetFacts:
    """Twelve images of four persons."""
    columns = [Column("identity", "category", np.arange(SIZE) // 3.0, ("p", "q", "r", "s"))] if persons else []
    return DatasetFacts(
        spec=SPEC,
        title="Toy faces",
        size=SIZE,
        image_shape=(EDGE, EDGE, 1),
        digest="d",
        ids=tuple(f"toy-{i}" for i in range(SIZE)),
        attributes=AttributeTable(SIZE, columns),
        splits=None,
    )


def model_info() -> ModelInfo:
    """The toy model: flat codes of four numbers."""
    return ModelInfo(
        name="toy-model",
        path="toy",
        family="toy",
        title="Toy",
        dataset=SPEC,
        dataset_digest="d",
        digest="m",
        image_shape=(1, EDGE, EDGE),
        latent_size=WIDTH,
        parts={"code": (0, WIDTH)},
        prior="standard_normal",
        abilities=("decode", "encode", "log_prob", "sample"),
        snapshots=(),
        training={},
    )


class ToyEngine:
    """Answers every request when it is asked, or keeps it until `release` when `held` is set."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Any], None]] = []
        self.requests: list[tuple[str, Any]] = []
        self.results: dict[str, Any] = {}
        self.held = False
        self._waiting: list[tuple[Ticket, Any]] = []
        self._number = 0

    def listen(self, listener: Callable[[Any], None]) -> None:
        self.listeners.append(listener)

    def submit(self, lane: str, urgency: Any, request: Any) -> Ticket:
        self._number += 1
        ticket = Ticket(lane, self._number)
        self.requests.append((lane, request))
        if self.held:
            self._waiting.append((ticket, request))
        else:
            self._answer(ticket, request)
        return ticket

    def cancel(self, lane: str) -> None:
        self._waiting = [(t, r) for t, r in self._waiting if t.lane != lane]

    def release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ticket, request in waiting:
            self._answer(ticket, request)

    def close(self, timeout: float = 5.0) -> None:
        self.listeners.clear()

    def _answer(self, ticket: Ticket, request: Any) -> None:
        if isinstance(request, RunRecipe):
            answer = Answer(ticket, Partial(1.0, self.run(request.recipe)), 1.0, done=True)
        elif isinstance(request, Picture):
            answer = Answer(ticket, picture(request.index), 1.0, done=True)
        else:
            return
        for listener in list(self.listeners):
            listener(answer)

    def run(self, recipe: Recipe) -> Any:
        """What the toy model answers."""
        if recipe.name in self.results:
            return self.results[recipe.name]
        if recipe.name == "interpolate":
            a, b = (self.code(recipe.inputs[name][0]) for name in ("a", "b"))
            steps, at = recipe.params["steps"], recipe.params["at"]
            beyond = int(np.ceil(recipe.params["extrapolate"] * (steps - 1) - 1e-9))
            places = np.arange(-beyond, steps + beyond) / (steps - 1) if at is None else np.array([at])
            return strip(a, b, places, tuple(LABELS[p] for p in recipe.params["paths"]))
        count = recipe.params.get("count", 6)
        made = frames(np.stack([code(i % SIZE) for i in range(count)]))
        labels = tuple(str(recipe.params.get("seed", 0) + i) for i in range(count))
        return ImageGrid(made, recipe.params.get("columns", 4), labels, caption="toy samples")

    @staticmethod
    def code(item: Any) -> np.ndarray:
        """Code of an input."""
        return item.values() if isinstance(item, CodeInput) else code(item.index)


def image(index: int) -> ImageInput:
    """Input of a toy image."""
    return ImageInput(dataset=SPEC, index=index, id=f"toy-{index}")


def world(*panels: Panel, persons: bool = True) -> tuple[Controller, ToyEngine]:
    """A controller over a toy document with these panels."""
    engine = ToyEngine()
    document = Document(data=SPEC, model="toy-model", panels=panels, active=panels[0].id if panels else "")
    catalogue = replace(Catalogue(models={"toy-model": model_info()}), datasets={SPEC: facts(persons)})
    return Controller(Session(document), engine, catalogue), engine


def strip_panel(a: int | None = None, b: int | None = None, **params: Any) -> Panel:
    """A strip with toy images on its slots."""
    slots = {name: (image(i),) for name, i in (("a", a), ("b", b)) if i is not None}
    return Panel(id="strip-1", kind="operation", name="interpolate", params=params, slots=slots)

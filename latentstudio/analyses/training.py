"""The loss curves of a training run."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from latentstudio.analyses.base import Study
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Sheet, Table


@dataclass(frozen=True)
class Training:
    """Negative log-likelihood of training and held-out images against the training step, with skipped steps counted."""

    title: ClassVar[str] = "Training"
    summary: ClassVar[str] = "Loss of training and held-out images over the steps of training."
    needs: ClassVar[frozenset[str]] = frozenset()
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = False

    x_log: bool = control(False, "Logarithmic steps", "bool")

    def run(self, study: Study) -> Iterator[Partial]:
        """Read ``history.jsonl`` of the model.

        Raises
        ------
        UserError
            The model has no history, or a line of it cannot be read.
        """
        if study.folder is None:
            raise UserError("The training curve belongs to a model; choose one.")
        history = read_history(study.folder / "history.jsonl")
        caption = f"{study.origin}; {_split_words(study.training)}."
        curve, rows = _curve(history, self.x_log, caption)
        table = Table(("", "step", "nats per image"), rows, title="Best and last values", caption=caption)
        yield Partial(1.0, Sheet((curve, table), title="Training", caption=caption))


def read_history(path: Path) -> list[dict[str, Any]]:
    """Read one JSON object a line, each with at least ``step`` and ``loss``.

    Raises
    ------
    UserError
        The file is missing or empty, or a line is not such an object; the sentence names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.parent.name} has no readable training history ({path.name}): {error}.") from error
    history = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise UserError(f"Line {number} of {path} is not JSON: {error}.") from error
        if not isinstance(entry, dict) or not isinstance(entry.get("step"), int) or "loss" not in entry:
            raise UserError(f"Line {number} of {path} should be an object with 'step' and 'loss'.")
        history.append(entry)
    if not history:
        raise UserError(f"{path} is empty; train the model to fill it.")
    return history


def _series(history: list[dict[str, Any]], key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = [entry.get(key) for entry in history]
    return np.array([float(v) if isinstance(v, (int, float)) else math.nan for v in values])


def _split_words(training: dict[str, Any]) -> str:
    split = training.get("split") or {}
    if "rule" not in split:
        return "the training record names no split"
    seed = split.get("seed", 0)
    return f"split {split['rule']}, {100 * float(split.get('share', 0)):g} % held out, random seed {seed}"


def _curve(
    history: list[dict[str, Any]], x_log: bool, caption: str
) -> tuple[Curve, tuple[tuple[str | int | float | None, ...], ...]]:
    steps = _series(history, "step")
    loss, held_out = _series(history, "loss"), _series(history, "held_out")
    lines = [Line("Training", steps, loss, "train")]
    notes = []
    rows: list[tuple[str | int | float | None, ...]] = [("training, last", int(steps[-1]), float(loss[-1]))]
    unreadable = int((~np.isfinite(loss)).sum())
    if unreadable:
        notes.append(f"{unreadable} of {len(loss)} recorded training losses are not finite; the line has gaps there.")
    known = np.isfinite(held_out)
    if known.any():
        lines.append(Line("Held out", steps[known], held_out[known], "held_out"))
        best = int(np.nanargmin(held_out))
        last = int(np.flatnonzero(known)[-1])
        rows.append(("held out, best", int(steps[best]), float(held_out[best])))
        rows.append(("held out, last", int(steps[last]), float(held_out[last])))
    else:
        notes.append("No held-out loss was recorded.")
    skipped = _series(history, "skipped")
    total = int(np.nanmax(skipped)) if np.isfinite(skipped).any() else 0
    notes.append(f"{total:,} training steps were skipped because their loss or gradient was not finite.")
    curve = Curve(
        tuple(lines),
        "training step",
        "negative log-density, nats per image",
        x_log=x_log,
        title="Loss",
        caption=caption,
        notes=tuple(notes),
    )
    return curve, tuple(rows)

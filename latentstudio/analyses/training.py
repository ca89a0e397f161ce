"""The loss curves of a training run."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import comparable
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Sheet, Single, Table


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
        if history[0]["step"] == 0 and history[0]["loss"] is None and len(history) > 1:
            # Nothing was minimised yet: the line only scores the untrained model.
            history[0] = {**history[0], "loss": history[0].get("train")}
        caption = f"{study.origin}; {_split_words(study.training)}."
        shown: list[Single] = [_loss(history, self.x_log, caption)]
        shown.extend(_scored(history, self.x_log, caption))
        shown.append(_table(history, caption))
        yield Partial(1.0, Sheet(tuple(shown), title="Training", caption=caption))


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


def _loss(history: list[dict[str, Any]], x_log: bool, caption: str) -> Curve:
    """The loss that was minimised, with what was skipped."""
    steps, loss = _series(history, "step"), _series(history, "loss")
    notes = []
    unreadable = int((~np.isfinite(loss)).sum())
    if unreadable:
        notes.append(f"{unreadable} of {len(loss)} recorded losses are not finite; the line has gaps there.")
    skipped = _series(history, "skipped")
    total = int(np.nanmax(skipped)) if np.isfinite(skipped).any() else 0
    notes.append(f"{total:,} training steps were skipped because their loss or gradient was not finite.")
    return Curve(
        (Line("Loss of the batch", steps, loss, "train"),),
        "training step",
        "loss, nats per image",
        x_log=x_log,
        title="Loss",
        caption=caption,
        notes=tuple(notes),
    )


def _scored(history: list[dict[str, Any]], x_log: bool, caption: str) -> list[Curve]:
    """Negative log-density of training and held-out images without the noise of training; nothing without the latter.

    The mean of held-out images can be dominated by a few that are millions of nats off, so their median is shown too,
    and they get axes of their own where they would flatten the training line.
    """
    steps = _series(history, "step")
    train = _series(history, "train" if any("train" in entry for entry in history) else "loss")
    seen = Line("Training, mean", steps, train, "train")
    unseen = []
    for key, label in (("held_out", "Held out, mean"), ("held_out_median", "Held out, median")):
        values = _series(history, key)
        known = np.isfinite(values)
        if known.any():
            role: Literal["held_out", "other"] = "held_out" if key == "held_out" else "other"
            unseen.append(Line(label, steps[known], values[known], role))
    if not unseen:
        return []
    finite = _series(history, "held_out_finite")
    lost = finite[np.isfinite(finite)]
    notes: tuple[str, ...] = ()
    if len(lost) and lost.min() < 1:
        notes = (f"At worst {100 * (1 - lost.min()):.1f} % of the held-out log-densities were not finite.",)
    held_out = np.concatenate([line.y for line in unseen])
    if comparable(train, held_out):
        return [_density_curve((seen, *unseen), "Training and held-out images", x_log, False, caption, notes)]
    y_log = bool(held_out.min() > 0)
    return [
        _density_curve((seen,), "Training images", x_log, False, caption, ()),
        _density_curve(tuple(unseen), "Held-out images", x_log, y_log, caption, notes),
    ]


def _density_curve(
    lines: tuple[Line, ...], title: str, x_log: bool, y_log: bool, caption: str, notes: tuple[str, ...]
) -> Curve:
    y_label = "negative log-density, nats per image"
    return Curve(lines, "training step", y_label, x_log, y_log, title=title, caption=caption, notes=notes)


def _table(history: list[dict[str, Any]], caption: str) -> Table:
    steps = _series(history, "step")
    rows: list[tuple[str | int | float | None, ...]] = []
    for key, label in (("loss", "loss"), ("train", "training, mean"), ("held_out", "held out, mean")):
        values = _series(history, key)
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            best, last = int(known[np.argmin(values[known])]), int(known[-1])
            rows.append((f"{label}, best", int(steps[best]), float(values[best])))
            rows.append((f"{label}, last", int(steps[last]), float(values[last])))
    notes = () if np.isfinite(_series(history, "held_out")).any() else ("No held-out loss was recorded.",)
    return Table(
        ("", "step", "nats per image"), tuple(rows), title="Best and last values", caption=caption, notes=notes
    )

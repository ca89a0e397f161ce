"""``latentstudio train``: train a model from a recipe, with progress, and stop and continue at will.

Under ``torchrun --nproc_per_node N -m latentstudio train ...`` N processes share the run; the first one alone writes.
"""

import argparse
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from latentstudio.errors import UserError
from latentstudio.paths import bundled

if TYPE_CHECKING:
    from latentstudio.training.processes import Processes
    from latentstudio.training.progress import Progress
    from latentstudio.training.run import TrainingRun

FAILED = 2
INTERRUPTED = 130
_JSON_SECONDS = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("recipe", metavar="RECIPE.toml", help="a file, or the name of a bundled recipe")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="e.g. models/NAME")
    parser.add_argument("--resume", action="store_true", help="continue the interrupted run in FOLDER")
    parser.add_argument("--overwrite", action="store_true", help="replace the model or interrupted run in FOLDER")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu (default), cuda, or auto for the best")
    parser.add_argument("--json", action="store_true", help="progress as one JSON object a line on standard output")


def run(args: argparse.Namespace) -> int:
    """Train; return 0, or 130 after Ctrl+C, when the state was saved.

    Raises
    ------
    UserError
        The recipe, the dataset or the folder cannot be used, or the loss stopped being finite.
    """
    from latentstudio.training.processes import OtherProcessError, joined

    with joined(_device(args.device)) as processes:
        try:
            return _train(args, processes)
        except OtherProcessError:
            return FAILED  # the process in which it happened says what


def _train(args: argparse.Namespace, processes: "Processes") -> int:
    from latentstudio.training.recipe import read_recipe
    from latentstudio.training.run import TrainingRun

    with processes.agreeing():
        recipe = read_recipe(_find(args.recipe))
    training = TrainingRun(recipe, args.output, resume=args.resume, overwrite=args.overwrite, processes=processes)
    shown = _unseen if not processes.first else _shown_as_json if args.json else _shown_as_bar
    with _interruptible(alone=processes.count == 1) as asked:
        for _ in shown(training):
            if training.stopped(asked.is_set()):
                if processes.first:
                    message = f"Stopped after step {training.loop.step}; --resume continues from there."
                    _say({"event": "interrupted", "step": training.loop.step}, message, args.json)
                return INTERRUPTED
    if processes.first:
        _say({"event": "finished", "model": str(args.output)}, f"The model is in {args.output}.", args.json)
    return 0


def _device(asked: str) -> str:
    from latentstudio.studio.devices import choose_device

    device = choose_device(asked)
    if device == "mps" and asked == "auto":
        return "cpu"
    if device == "mps":
        raise UserError("Training adds up in float64, which the device 'mps' does not have; cpu would do.")
    return device


def _find(name: str) -> Path:
    path = Path(name)
    if not path.exists() and path.suffix == "" and path.name == name:
        return bundled("models", "recipes", f"{name}.toml")
    return path


def _unseen(training: "TrainingRun") -> "Iterator[Progress]":
    return training.advance()


def _shown_as_bar(training: "TrainingRun") -> "Iterator[Progress]":
    from tqdm import tqdm

    total = training.recipe.training.steps
    with tqdm(total=total, initial=training.loop.step, file=sys.stderr, unit="step", mininterval=0.5) as bar:
        for progress in training.advance():
            held_out = "–" if progress.held_out is None else f"{progress.held_out:.2f}"
            bar.set_postfix_str(
                f"loss {progress.loss:.2f}, held out {held_out} nats, {progress.images_per_second:,.0f} images/s",
                refresh=False,
            )
            bar.update(progress.step - bar.n)
            yield progress


def _shown_as_json(training: "TrainingRun") -> "Iterator[Progress]":
    last = -math.inf
    for progress in training.advance():
        now = time.monotonic()
        if now - last >= _JSON_SECONDS or progress.step == progress.steps:
            last = now
            event = {
                "event": "progress",
                "step": progress.step,
                "steps": progress.steps,
                "loss": progress.loss if math.isfinite(progress.loss) else None,
                "held_out": progress.held_out,
                "images_per_second": round(progress.images_per_second, 1),
                "remaining_seconds": round(progress.remaining_seconds, 1),
            }
            print(json.dumps(event), flush=True)
        yield progress


def _say(event: dict[str, object], sentence: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(event), flush=True)
    else:
        print(sentence, file=sys.stderr)


@contextmanager
def _interruptible(alone: bool) -> Iterator[threading.Event]:
    """Turn Ctrl+C and a polite termination into a flag; a second Ctrl+C stops at once, in a process that is alone.

    Of several processes each may get it from the terminal and again from ``torchrun``.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, _frame: object) -> None:
        if alone and asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

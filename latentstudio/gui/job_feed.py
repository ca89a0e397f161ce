"""Jobs as the window sees them: changes come from the jobs' own threads and are told in the GUI thread."""

import re
import threading
import tomllib
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Qt, Signal

from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.gui.controller import Controller
from latentstudio.paths import bundled, cache_home, data_home, replacing
from latentstudio.studio.jobs import Jobs, JobView

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SNAPSHOTS = re.compile(r"(?m)^snapshots\s*=\s*\[([\d_,\s]*)\]")


class JobFeed(QObject):
    """Starts and watches jobs of a window; says how they end and looks for new models after a training."""

    changed = Signal(object)  # JobView
    _told = Signal(object)

    def __init__(self, controller: Controller, jobs: Jobs | None = None) -> None:
        super().__init__(controller)
        self._controller = controller
        self.jobs = jobs or Jobs()
        self._lock = threading.Lock()
        self._open = True
        self._ended: set[int] = set()
        self._told.connect(self._arrived, Qt.ConnectionType.QueuedConnection)
        self._stop = self.jobs.listen(self._forward)

    def _forward(self, view: JobView) -> None:
        with self._lock:
            if self._open:
                self._told.emit(view)

    def _arrived(self, view: JobView) -> None:
        if view.state != "running" and view.id not in self._ended:
            self._ended.add(view.id)
            self._say_end(view)
        self.changed.emit(view)
        self._controller.jobs_changed.emit()

    def _say_end(self, view: JobView) -> None:
        if view.state == "finished":
            if view.arguments[:1] == ("train",):
                self._controller.rescan_models()
            self._controller.message.emit(f"{view.title} is done.", "info")
        elif view.state == "failed":
            self._controller.message.emit(f"{view.title} failed: {view.error}", "error")

    def start(self, title: str, arguments: list[str]) -> int:
        """Start ``latentstudio ARGUMENTS``; returns the job's number."""
        number = self.jobs.start(title, arguments)
        self._controller.jobs_changed.emit()
        return number

    def train(self, recipe: Path, name: str, dataset: str = "", steps: int = 0, overwrite: bool = False) -> int:
        """Train a model into the folder of the person's own models.

        Parameters
        ----------
        dataset : specification to train on instead of the recipe's own; steps : number of steps, 0 for the recipe's.

        Raises
        ------
        UserError
            The name cannot be a folder, or is taken, or the recipe cannot be read.
        """
        if not _NAME.fullmatch(name):
            raise UserError(f"A model cannot be called '{name}'; letters, digits, dots and dashes would do.")
        folder = data_home() / "models" / name
        if folder.exists() and not overwrite:
            raise UserError(f"There is a model '{name}' already; choose another name, or allow it to be replaced.")
        wanted = self._own_recipe(recipe, name, dataset, steps)
        folder.parent.mkdir(parents=True, exist_ok=True)
        arguments = ["train", str(wanted), "-o", str(folder), "--json"]
        return self.start(f"Training {name}", [*arguments, "--overwrite"] if overwrite else arguments)

    def _own_recipe(self, recipe: Path, name: str, dataset: str, steps: int) -> Path:
        """The recipe with another dataset or number of steps, written to the cache; itself when nothing changes."""
        if not dataset and not steps:
            return recipe
        text = changed_recipe(read_text(recipe), dataset, steps)
        path = cache_home() / "recipes" / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write(text.encode("utf-8"))
        return path

    def animate(self, recipe: Recipe, path: Path, frames: int, easing: str, ms_per_frame: int) -> int:
        """Write a path as an animation."""
        source = cache_home() / "recipes" / f"{recipe.key[:16]}.json"
        source.parent.mkdir(parents=True, exist_ok=True)
        with replacing(source) as stream:
            stream.write(msgspec.json.encode(recipe))
        options = ["--frames", str(frames), "--easing", easing, "--ms", str(ms_per_frame), "--json"]
        return self.start(f"Animation {path.name}", ["animate", str(source), "-o", str(path), *options])

    def cancel(self, number: int) -> None:
        """Ask a job to stop; it saves what it can."""
        self.jobs.cancel(number)

    def clear(self) -> None:
        """Forget the jobs that have ended."""
        self.jobs.clear()
        self._controller.jobs_changed.emit()

    def all(self) -> tuple[JobView, ...]:
        """Every job, oldest first."""
        return self.jobs.all()

    @property
    def running(self) -> int:
        """How many jobs run."""
        return self.jobs.running

    def close(self) -> None:
        """End with the window: jobs are asked to save and stop, and are not left behind."""
        with self._lock:
            self._open = False
        self._stop()
        self.jobs.close()


def bundled_recipes() -> list[Path]:
    """Training recipes that come with the program."""
    return sorted(bundled("models", "recipes").glob("*.toml"))


def read_text(path: Path) -> str:
    """Read a recipe file.

    Raises
    ------
    UserError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} cannot be read: {error}.") from error


def changed_recipe(text: str, dataset: str, steps: int) -> str:
    """Return a recipe's text with another dataset or number of steps; comments stay.

    Snapshots that a shorter training does not reach are left out.

    Raises
    ------
    UserError
        The text is no recipe, or has no such line.
    """
    wanted = {}
    if dataset:
        wanted["dataset"] = msgspec.json.encode(dataset).decode()
    if steps:
        wanted["steps"] = str(steps)
    for key, value in wanted.items():
        # A Glow has steps of its own, in another table.
        table = re.search(r"(?m)^\[training\]", text) if key == "steps" else None
        place = re.compile(rf"(?m)^{key}\s*=.*$").search(text, table.end() if table is not None else 0)
        if place is None:
            raise UserError(f"The recipe has no line '{key} = …' to change.")
        text = f"{text[: place.start()]}{key} = {value}{text[place.end() :]}"
    if steps:
        text = _SNAPSHOTS.sub(lambda found: _reached(found, steps), text)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The recipe is not valid TOML: {error}.") from error
    return text


def _reached(found: re.Match[str], steps: int) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", found[1].replace("_", ""))]
    return f"snapshots = {[number for number in numbers if number <= steps]}"

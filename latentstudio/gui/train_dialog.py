"""Train a model from a recipe, in a process of its own."""

import tomllib
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from latentstudio.errors import UserError
from latentstudio.gui.controller import Controller
from latentstudio.gui.dataset_switcher import short_name
from latentstudio.gui.job_feed import JobFeed, bundled_recipes, read_text
from latentstudio.gui.naming import named
from latentstudio.gui.theme import GAP, colors
from latentstudio.paths import data_home

_OTHER = "other"


class TrainDialog(QDialog):
    """Recipe, dataset, steps and name of a new model."""

    def __init__(self, controller: Controller, feed: JobFeed, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a model")
        self._controller = controller
        self._feed = feed
        self.recipe = named(QComboBox(), "Recipe", "What to train, and how")
        for path in bundled_recipes():
            self.recipe.addItem(path.stem, str(path))
        self.recipe.addItem("Another file…", _OTHER)
        self.dataset = named(QComboBox(), "Dataset", "What to train on")
        self.steps = named(QSpinBox(), "Steps", "Training steps; fewer give a rougher model sooner")
        self.steps.setRange(1, 10_000_000)
        self.steps.setGroupSeparatorShown(True)
        self.name = named(QLineEdit(), "Name of the model", "Folder name of the new model")
        self.overwrite = QCheckBox("Replace a model of that name")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("muted", True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = self.buttons.addButton("Train", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start.setDefault(True)
        self.buttons.accepted.connect(self._start)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GAP)
        form.setVerticalSpacing(GAP)
        for label, field in (
            ("Recipe", self.recipe),
            ("Dataset", self.dataset),
            ("Steps", self.steps),
            ("Name", self.name),
            ("", self.overwrite),
        ):
            form.addRow(label, field)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GAP, 2 * GAP, 2 * GAP, 2 * GAP)
        column.setSpacing(2 * GAP)
        column.addLayout(form)
        column.addWidget(self.note)
        column.addWidget(self.buttons)
        self.setMinimumWidth(460)
        self.recipe.activated.connect(self._recipe_chosen)
        self._read()

    def _recipe_chosen(self, place: int) -> None:
        if self.recipe.itemData(place) == _OTHER:
            name, _ = QFileDialog.getOpenFileName(self, "Open a recipe", str(Path.home()), "Recipes (*.toml)")
            if name:
                self.recipe.insertItem(0, Path(name).stem, name)
            self.recipe.setCurrentIndex(0)
        self._read()

    def _read(self) -> None:
        path = self.recipe.currentData()
        if path in (None, _OTHER):
            self.start.setEnabled(False)
            return
        try:
            table = tomllib.loads(read_text(Path(path)))
            own, steps = str(table["dataset"]), int(table["training"]["steps"])
        except (UserError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            self.say(f"{Path(path).name} is not a training recipe: {error}")
            self.start.setEnabled(False)
            return
        self.start.setEnabled(True)
        self.dataset.clear()
        self.dataset.addItem(f"As in the recipe: {short_name(own)}", "")
        facts = self._controller.facts
        if facts is not None and facts.spec != own:
            self.dataset.addItem(f"In view: {facts.title}, {facts.size:,} images", facts.spec)
        self.steps.setValue(steps)
        self.name.setText(f"{Path(path).stem}-2")
        self.say(
            f"The model is written to {data_home() / 'models'}; the list of models shows it when it is done.", False
        )

    def say(self, text: str, wrong: bool = True) -> None:
        """Say something under the form."""
        self.note.setText(text)
        self.note.setStyleSheet(f"color: {colors().error};" if wrong else "")

    def _start(self) -> None:
        path = Path(self.recipe.currentData())
        steps = self.steps.value()
        own = int(tomllib.loads(read_text(path))["training"]["steps"])
        try:
            self._feed.train(
                path,
                self.name.text().strip(),
                self.dataset.currentData() or "",
                0 if steps == own else steps,
                self.overwrite.isChecked(),
            )
        except UserError as error:
            self.say(str(error))
            return
        self.accept()

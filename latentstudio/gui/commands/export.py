"""Out of the program: figures, animations, the clipboard, scripts, selections."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QByteArray, QMimeData
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from latentstudio.errors import UserError
from latentstudio.figures.recipe import FigureStyle, ImageInput, Recipe, figure_from_json
from latentstudio.gui.actions import Spec
from latentstudio.gui.figures import FIGURE_MIME, FactsAsData, chosen_column, figure_of, recipes_of
from latentstudio.results import Frames, ImageGrid, Partial
from latentstudio.studio.requests import Answer, RenderFigure, RunRecipe, Urgency

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow


class ExportCommands:
    """What leaves the program, and what comes back by the clipboard."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        self._controller = window.controller

    def specs(self) -> list[Spec]:
        """Return the actions of this group."""
        file, edit = "&File", "&Edit"
        chosen = self._chosen
        return [
            Spec("export", "&Export figure…", file, self.export, "Ctrl+E", "export", group=3, tool=True),
            Spec("animate", "Export a&nimation…", file, self.animate, "Ctrl+Shift+E", "film", group=3),
            Spec(
                "csv", "Selection to &CSV…", file, lambda: self.selection(".csv"), "", "table", group=4, enabled=chosen
            ),
            Spec(
                "npz", "Selection to N&PZ…", file, lambda: self.selection(".npz"), "", "table", group=4, enabled=chosen
            ),
            Spec("copy", "&Copy picture and recipe", edit, self.copy, "Ctrl+C", "copy", group=1),
            Spec(
                "copy-python", "Copy as &Python", edit, lambda: self.script("python"), "Ctrl+Shift+C", "code", group=1
            ),
            Spec("copy-command", "Copy as co&mmand", edit, lambda: self.script("command"), "", "command", group=1),
            Spec("paste", "&Paste picture or recipe", edit, self.paste, "Ctrl+V", "", group=1),
        ]

    def _chosen(self) -> bool:
        return bool(self._controller.document.selection)

    def current(self) -> str:
        """The panel that is meant: the one with the keyboard, or the active one.

        Raises
        ------
        UserError
            There is no panel.
        """
        ids = [panel.id for panel in self._controller.document.panels]
        name = self._window.area.current()
        if name not in ids:
            name = self._controller.document.active
        if name not in ids:
            raise UserError("There is no panel to export; add one from the Panel menu.")
        return name

    def export(self) -> None:
        """Open the export dialog on the current panel."""
        self._open_dialog(animation=False)

    def animate(self) -> None:
        """Open the export dialog on its animation page."""
        self._open_dialog(animation=True)

    def _open_dialog(self, animation: bool) -> None:
        from latentstudio.gui.export_dialog import ExportDialog

        try:
            dialog = ExportDialog(self._controller, self._window.settings, self.current(), self._window)
        except UserError as error:
            self._controller.message.emit(str(error), "info")
            return
        dialog.settings_changed.connect(self._window.remember_export)
        dialog.show_animation(animation)
        dialog.open()

    def copy(self) -> None:
        """Put the current panel on the clipboard: its recipe at once, its picture as soon as it is drawn."""
        try:
            figure = figure_of(self._controller, [self.current()], FigureStyle())
        except UserError as error:
            self._controller.message.emit(str(error), "info")
            return
        text = figure_text(figure)

        def drawn(answer: Answer) -> None:
            if answer.error:
                self._controller.message.emit(answer.error, "error")
            elif isinstance(answer.payload, bytes):
                mime = QMimeData()
                mime.setData("image/png", QByteArray(answer.payload))
                mime.setImageData(QImage.fromData(QByteArray(answer.payload)))
                mime.setData(FIGURE_MIME, QByteArray(text))
                mime.setText(text.decode("utf-8"))
                QGuiApplication.clipboard().setMimeData(mime)
                self._controller.message.emit("Copied picture and recipe.", "info")

        self._controller.lanes.submit("copy", Urgency.VISIBLE, RenderFigure(figure, None, "png"), drawn)

    def script(self, kind: str) -> None:
        """Put the current panel on the clipboard as Python or as a command line."""
        from latentstudio.figures.script import as_command, as_python

        try:
            recipe = recipes_of(self._controller, [self.current()])[0]
            text = as_python(recipe) if kind == "python" else as_command(recipe)
        except UserError as error:
            self._controller.message.emit(str(error), "info")
            return
        QGuiApplication.clipboard().setText(text)
        self._controller.message.emit(f"Copied as {'Python' if kind == 'python' else 'a command'}.", "info")

    def paste(self) -> None:
        """Take what the clipboard holds: a figure of ours, files, inputs, or a picture."""
        from latentstudio.gui.dragging import inputs_of, paths_of

        mime = QGuiApplication.clipboard().mimeData()
        try:
            if mime.hasFormat(FIGURE_MIME):
                self._controller.reopen(figure_from_json(bytes(mime.data(FIGURE_MIME).data())), "copied figure")
            elif inputs := inputs_of(mime):
                self._controller.inspect(inputs[0])
            elif paths := paths_of(mime):
                for path in paths:
                    self._window.files.open_path(path)
            elif mime.hasImage():
                self._paste_picture(mime.imageData())
            elif mime.hasText():
                self._controller.reopen(figure_from_json(mime.text(), "The text on the clipboard"), "copied recipe")
            else:
                self._controller.message.emit("The clipboard holds nothing that LatentStudio can use.", "info")
        except UserError as error:
            self._controller.message.emit(str(error), "info")

    def _paste_picture(self, picture: QImage) -> None:
        from latentstudio.paths import cache_home

        folder = cache_home() / "pasted"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "pasted.png"
        if not picture.save(str(path)):
            raise UserError(f"The picture on the clipboard cannot be written to {path}.")
        self._controller.drop_picture(path, "", "")

    def selection(self, suffix: str) -> None:
        """Ask for a file and write the selected images to it: labels and readouts, and for NPZ the codes."""
        facts = self._controller.facts
        indices = self._controller.document.selection
        if facts is None or not indices:
            self._controller.message.emit("Select some images first.", "info")
            return
        filters = "CSV table (*.csv)" if suffix == ".csv" else "NumPy archive (*.npz)"
        start = str(Path.home() / f"selection{suffix}")
        name, _ = QFileDialog.getSaveFileName(self._window, "Export the selection", start, filters)
        if name:
            path = Path(name) if Path(name).suffix.lower() == suffix else Path(name + suffix)
            self.write_selection(path)

    def write_selection(self, path: Path) -> None:
        """Write the selection; the codes of an NPZ are asked of the engine first."""
        indices = self._controller.document.selection
        recipe = self._codes_recipe(indices) if path.suffix.lower() == ".npz" else None
        if recipe is None:
            self._write(path, indices, None)
            return

        frames: list[Frames] = []

        def coded(answer: Answer) -> None:
            if isinstance(answer.payload, Partial) and isinstance(answer.payload.result, ImageGrid):
                frames.append(answer.payload.result.frames)
            if answer.error:
                self._controller.message.emit(answer.error, "error")
            elif answer.done:
                self._write(path, indices, frames[-1] if frames else None)

        self._controller.lanes.submit("selection", Urgency.BACKGROUND, RunRecipe(recipe), coded)

    def _codes_recipe(self, indices: tuple[int, ...]) -> Recipe | None:
        """Recipe whose frames are the codes of the selection; None without a model that encodes."""
        from latentstudio.studio.document import Panel
        from latentstudio.studio.resolve import resolve_panel

        document = self._controller.document
        images = tuple(ImageInput(dataset=document.data, index=i) for i in indices)
        panel = Panel(id="selection", kind="operation", name="reconstruct", slots={"images": images})
        wanted = resolve_panel(document, panel, self._controller.catalogue)
        return wanted if isinstance(wanted, Recipe) else None

    def _write(self, path: Path, indices: tuple[int, ...], frames: Frames | None) -> None:
        from latentstudio.figures.tables import write_selection

        facts, columns = self._controller.facts, self._controller.columns
        if facts is None:
            return
        if frames is not None:
            readouts = {"codes": np.asarray(frames.codes), "norm": frames.norm, "log_prob": frames.log_prob}
        else:
            readouts = {
                "norm": chosen_column(columns.norm if columns else None, indices),
                "log_prob": chosen_column(columns.log_prob if columns else None, indices),
            }
        try:
            write_selection(path, FactsAsData(facts), indices, **readouts)  # type: ignore[arg-type]
        except UserError as error:
            self._controller.message.emit(str(error), "error")
            return
        self._controller.message.emit(f"Wrote {len(indices)} images to {path.name}.", "info")


def figure_text(figure: Any) -> bytes:
    """Write a figure as JSON."""
    from latentstudio.figures.embed import figure_json

    return figure_json(figure)

"""Datasets, photos and models: where pictures and weights come from."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from latentstudio.data.specification import PICTURE_SUFFIXES
from latentstudio.gui.actions import Spec

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow
    from latentstudio.gui.stores_dialog import StoresDialog


class DataCommands:
    """Data and Model menus."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        self._controller = window.controller
        self._stores: StoresDialog | None = None

    def specs(self) -> list[Spec]:
        """Return the actions of this group."""
        data, model = "&Data", "&Model"
        get = self._controller.set_dataset
        return [
            Spec("faces", "Drawn &faces", data, lambda: get("faces"), "", "face", "Faces drawn by LatentStudio", 0),
            Spec(
                "olivetti",
                "Fetch &Olivetti faces",
                data,
                lambda: get("olivetti", fetch=True),
                "",
                "download",
                "400 photographs of 40 persons, downloaded once",
                0,
            ),
            Spec("digits", "Handwritten &digits", data, lambda: get("digits"), "", "dataset", "1,797 small digits", 0),
            Spec("open-folder", "Open a f&older…", data, self.open_folder, "Ctrl+Shift+O", "folder", "", 1),
            Spec("open-archive", "Open a &zip or IDX file…", data, self.open_archive, "", "dataset", "", 1),
            Spec("photo", "Encode a &photo…", data, self.photo, "Ctrl+P", "image", "Align and encode a picture", 2),
            Spec(
                "encode-all",
                "Encode the &whole data set…",
                data,
                lambda: self.stores(encode=True),
                "",
                "code",
                "Store the code of every image, in the background; may be stopped and taken up again",
                3,
            ),
            Spec(
                "stores",
                "Latent &stores…",
                data,
                self.stores,
                "",
                "table",
                "What is encoded already: list, resume, verify and clear",
                3,
            ),
            Spec("open-model", "&Open a model folder…", model, self.open_model, "Ctrl+M", "model", "", 0),
            Spec(
                "train", "&Train a model…", model, self.train, "", "curve", "Train from a recipe, in the background", 0
            ),
            Spec("rescan", "&Look for models again", model, self._controller.rescan_models, "", "reset", "", 0),
            Spec("earlier", "&Earlier snapshot", model, lambda: self.step(-1), "Ctrl+[", "snapshot", "", 1),
            Spec("later", "La&ter snapshot", model, lambda: self.step(1), "Ctrl+]", "snapshot", "", 1),
        ]

    def open_folder(self) -> None:
        """Ask for a folder of pictures and show it."""
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder of pictures", str(Path.home()))
        if name:
            self._controller.open_path(Path(name))

    def open_archive(self) -> None:
        """Ask for an archive or IDX file and show it."""
        filters = "Archives and IDX files (*.zip *.gz *ubyte *idx3*);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self._window, "Open a dataset file", str(Path.home()), filters)
        if name:
            self._controller.open_path(Path(name))

    def photo(self) -> None:
        """Ask for a picture, align and encode it."""
        known = " ".join(f"*{suffix}" for suffix in sorted(PICTURE_SUFFIXES))
        name, _ = QFileDialog.getOpenFileName(self._window, "Encode a photo", str(Path.home()), f"Pictures ({known})")
        if name:
            self._controller.drop_picture(Path(name), "", "")

    def open_model(self) -> None:
        """Ask for a model folder and use it."""
        name = QFileDialog.getExistingDirectory(self._window, "Open a model folder", str(Path.home()))
        if name:
            self._controller.open_path(Path(name))

    def train(self) -> None:
        """Ask for a recipe and train from it."""
        from latentstudio.gui.train_dialog import TrainDialog

        if self._controller.jobs is not None:
            TrainDialog(self._controller, self._controller.jobs, self._window).open()
            self._window.show_jobs()

    def stores(self, encode: bool = False) -> None:
        """Show the latent stores; `encode` puts the keyboard on the button that fills one."""
        from latentstudio.gui.stores_dialog import StoresDialog

        if self._controller.stores is None:
            return
        if self._stores is None:
            self._stores = StoresDialog(self._controller, self._controller.stores, self._window)
        else:
            self._controller.stores.refresh()
        self._stores.show()
        self._stores.raise_()
        self._stores.activateWindow()
        (self._stores.form.encode if encode else self._stores.table).setFocus()

    def step(self, by: int) -> None:
        """Move along the snapshots of the model."""
        steps = self._window.models.steps
        snapshot = self._controller.document.snapshot
        here = steps.index(snapshot) if snapshot in steps else len(steps) - 1
        self._controller.set_snapshot(steps[max(0, min(len(steps) - 1, here + by))])

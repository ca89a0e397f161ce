"""What a file is, and what opening it means: session, our figure, model, dataset or photo."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from latentstudio.data.specification import PICTURE_SUFFIXES, format_spec, recognise
from latentstudio.errors import NewerVersionError, UserError
from latentstudio.studio.session_files import SUFFIX, missing

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

FIGURES = (".png", ".svg", ".pdf", ".json")
"""Suffixes of files that may carry recipes of ours."""


class Kind(Enum):
    """What a path is, as far as its name and first bytes say; the value is what a drop will do."""

    SESSION = "Open this session"
    FIGURE = "Reopen this figure"
    MODEL = "Load this model"
    DATASET = "Open this dataset"
    PICTURE = "Encode this picture"
    UNKNOWN = "LatentStudio cannot open this"


def kind_of(path: Path) -> Kind:
    """Say what a path is by its name and place; whether a PNG carries a recipe is seen only on opening."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return Kind.MODEL if (path / "config.json").is_file() else Kind.DATASET
    if suffix == SUFFIX:
        return Kind.SESSION
    if suffix in (".zip", ".gz") or path.name.endswith("ubyte"):
        return Kind.DATASET
    if suffix in (".svg", ".pdf", ".json"):
        return Kind.FIGURE
    return Kind.PICTURE if suffix in PICTURE_SUFFIXES else Kind.UNKNOWN


class Opener:
    """Opens paths for the controller; every failure becomes a message and changes nothing."""

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller

    def open(self, path: Path) -> None:
        """Open whatever `path` is."""
        actions = {
            Kind.SESSION: self.session,
            Kind.FIGURE: self.figure,
            Kind.MODEL: self.model,
            Kind.DATASET: self.dataset,
            Kind.PICTURE: self._picture_or_figure,
            Kind.UNKNOWN: self._refuse,
        }
        try:
            if not path.exists():
                raise UserError(f"{path} does not exist.")
            actions[kind_of(path)](path)
        except UserError as error:
            self._controller.message.emit(str(error), "error")

    def session(self, path: Path) -> None:
        """Replace the session by the one in a file; says what it refers to and cannot have."""
        controller = self._controller
        controller.session.open(path)
        controller.session_opened.emit()
        for sentence in missing(controller.document, controller.catalogue):
            controller.message.emit(sentence, "warning")

    def figure(self, path: Path) -> None:
        """Bring back the recipes of one of our figures."""
        from latentstudio.figures.embed import read_figure

        self._controller.reopen(read_figure(path), path.name)
        self._controller.message.emit(f"Reopened {path.name}.", "info")

    def model(self, path: Path) -> None:
        """Use the model in a folder."""
        from latentstudio.models.library import describe

        controller = self._controller
        info = describe(path.resolve())
        known = controller.catalogue.models.get(info.name)
        name = info.name if known is not None and known.digest == info.digest else str(path.resolve())
        if name not in controller.catalogue.models:
            controller.set_catalogue(controller.catalogue.with_model(info, name))
        controller.set_model(name)

    def dataset(self, path: Path) -> None:
        """Show the images in a folder, a zip or an IDX file."""
        self._controller.set_dataset(format_spec(recognise(path), str(path.resolve())))

    def picture(self, path: Path, panel_id: str = "", slot: str = "") -> None:
        """Ask where the eyes are; the dialog hands the crop to the slot, or to the inspector."""
        if not panel_id:
            panel_id, slot = self._free_slot()
        self._controller.photo_dropped.emit(str(path), panel_id, slot)

    def _picture_or_figure(self, path: Path) -> None:
        """A PNG of ours is reopened; every other picture is a photo."""
        if path.suffix.lower() in FIGURES:
            try:
                self.figure(path)
            except NewerVersionError:
                raise
            except UserError:
                self.picture(path)
            return
        self.picture(path)

    def _free_slot(self) -> tuple[str, str]:
        """First empty slot A or B of the active strip; the inspector, ``("", "")``, when both are taken."""
        document = self._controller.document
        for panel in document.panels:
            if panel.id == document.active and panel.name == "interpolate":
                for slot in ("a", "b"):
                    if not panel.slots.get(slot):
                        return panel.id, slot
        return "", ""

    def _refuse(self, path: Path) -> None:
        known = "a session, a figure of LatentStudio, a picture, a folder or zip of pictures, or a model folder"
        raise UserError(f"{path.name} cannot be opened; {known} can.")


def take_photo(controller: "Controller", pixels: object, label: str, panel_id: str, slot: str) -> None:
    """Put an aligned crop, uint8 (H, W, C), on a slot, or into the inspector when there is no slot."""
    import base64

    from latentstudio.figures.recipe import PixelsInput
    from latentstudio.gui.pixmaps import png_of

    photo = PixelsInput(png=base64.b64encode(png_of(pixels)).decode("ascii"), label=label)  # type: ignore[arg-type]
    if panel_id and slot:
        controller.set_slot(panel_id, slot, (photo,), f"Drop {label} on {slot.upper()}")
    controller.edit(f"Inspect {label}", lambda d: replace(d, current=photo))

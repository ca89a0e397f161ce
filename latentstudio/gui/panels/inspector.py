"""One code in detail: picture, place against prior and dataset, components, nearest images, labels, export."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, Input
from latentstudio.gui.controller import Controller
from latentstudio.gui.dragging import label_of, mime_of
from latentstudio.gui.panels.inspected import labels_of, measures_of, readings
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.percentile_bar import PercentileBar
from latentstudio.gui.widgets.picture_label import PictureLabel
from latentstudio.gui.widgets.picture_window import PictureWindow
from latentstudio.gui.widgets.profile import ProfileView
from latentstudio.gui.widgets.readout_table import ReadoutTable
from latentstudio.paths import replacing
from latentstudio.studio.browse import image_input, image_name, named_image
from latentstudio.studio.requests import ThumbnailBatch

if TYPE_CHECKING:
    from latentstudio.figures.inspect import Inspection

NEAREST = 4
NEAREST_EDGE = 56


def heading(text: str) -> QLabel:
    """A small heading above a block."""
    label = QLabel(text)
    label.setFont(small_font())
    label.setProperty("muted", True)
    return label


class InspectorPanel(QWidget):
    """Shows the document's `current` input; empty it says how to fill it."""

    def __init__(self, controller: Controller, panel_id: str = "") -> None:
        super().__init__()
        self._controller = controller
        self._inspection: Inspection | None = None
        self._nearest: tuple[int, ...] = ()
        self._title = QLabel("")
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._split = QLabel("")
        self._split.setObjectName("badge")
        self._split.setFont(small_font(0.9))
        self._original = PictureLabel("Original picture", input_of=lambda: controller.document.current)
        self._decoded = PictureLabel("Decoded picture", input_of=self.code_input)
        self._table = ReadoutTable()
        self._prior = PercentileBar("Norm among draws from the prior")
        self._data = PercentileBar("Norm among the dataset's codes")
        self._profile = ProfileView()
        self._profile_heading = heading("Components of the code")
        self._nearest_heading = heading("Nearest images of the dataset")
        self._neighbours = [self._neighbour(controller, place) for place in range(NEAREST)]
        self._labels_heading = heading("Labels")
        self._labels = QLabel("")
        self._labels.setWordWrap(True)
        self._empty = QLabel("Click a face in the grid or a frame of a strip\nto see its code here.")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("muted", True)
        self._body = QWidget()
        self._arrange()
        controller.inspection_changed.connect(self.show_inspection)
        controller.thumbnails_ready.connect(self._thumbnails_ready)
        for picture in (self._original, self._decoded):
            picture.enlarged.connect(self._enlarge)
        self.show_inspection(None)

    def _neighbour(self, controller: Controller, place: int) -> PictureLabel:
        def item() -> Input | None:
            facts = controller.facts
            return image_input(facts, self._nearest[place]) if facts and place < len(self._nearest) else None

        label = PictureLabel(f"Nearest image {place + 1}", NEAREST_EDGE, item)
        label.clicked.connect(lambda: controller.inspect(item()))
        return label

    def _arrange(self) -> None:
        pictures = QHBoxLayout()
        pictures.setSpacing(GAP // 2)
        pictures.addWidget(self._original, 1)
        pictures.addWidget(self._decoded, 1)
        neighbours = QHBoxLayout()
        neighbours.setSpacing(GAP // 2)
        for label in self._neighbours:
            neighbours.addWidget(label)
        neighbours.addStretch(1)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(GAP, GAP, GAP, GAP)
        body.setSpacing(GAP - 2)
        title = QHBoxLayout()
        title.setSpacing(GAP)
        title.addWidget(self._title)
        title.addWidget(self._split)
        title.addStretch(1)
        body.addLayout(title)
        body.addLayout(pictures)
        body.addLayout(self._buttons())
        for widget in (
            self._table,
            self._prior,
            self._data,
            self._profile_heading,
            self._profile,
            self._nearest_heading,
        ):
            body.addWidget(widget)
        body.addLayout(neighbours)
        body.addWidget(self._labels_heading)
        body.addWidget(self._labels)
        body.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._body)
        self._area = area
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty, 1)
        layout.addWidget(area, 1)
        self.setMinimumWidth(220)

    def _buttons(self) -> QHBoxLayout:
        use = QPushButton("Use as")
        menu = QMenu(use)
        menu.addAction("A of the strip").triggered.connect(lambda: self._use("a"))
        menu.addAction("B of the strip").triggered.connect(lambda: self._use("b"))
        use.setMenu(menu)
        export = QPushButton("Export")
        menu = QMenu(export)
        menu.addAction("Copy picture and code").triggered.connect(self.copy)
        menu.addAction("Save code as NPZ…").triggered.connect(self._save)
        export.setMenu(menu)
        row = QHBoxLayout()
        row.setSpacing(GAP // 2)
        row.addWidget(use)
        row.addWidget(export)
        row.addStretch(1)
        return row

    # --- showing -------------------------------------------------------------------------------------------------

    def show_inspection(self, inspection: "Inspection | None") -> None:
        """Show everything about one code, or the hint when there is none."""
        self._inspection = inspection
        self._empty.setVisible(inspection is None)
        self._area.setVisible(inspection is not None)
        if inspection is None:
            return
        self._title.setText(named_image(inspection.label, 0) if inspection.label else "code")
        self._show_split(inspection)
        self._original.setVisible(inspection.original is not None)
        self._original.set_picture(inspection.original, "original")
        self._decoded.set_picture(inspection.image, "decoded" if inspection.original is not None else "")
        results = (self._controller.view(panel.id).result for panel in self._controller.document.panels)
        self._table.set_rows(readings(inspection, measures_of(results, inspection.code)))
        self._prior.set_percentile(inspection.prior_percentile)
        self._data.set_percentile(inspection.data_percentile)
        self._profile.set_values(inspection.profile)
        self._show_nearest(inspection)
        self._show_labels(inspection)

    def _show_split(self, inspection: "Inspection") -> None:
        """Say whether the model has seen the image: a decoded training image proves less than a held-out one."""
        seen = {"training": "The model has seen this image in training", "held-out": "Not used in training"}
        self._split.setText(inspection.split)
        self._split.setToolTip(seen.get(inspection.split, ""))
        self._split.setProperty("split", inspection.split)
        self._split.style().polish(self._split)
        self._split.setVisible(bool(inspection.split))

    def _show_nearest(self, inspection: "Inspection") -> None:
        nearest = inspection.nearest[:NEAREST]
        self._nearest = tuple(int(index) for index, _ in nearest)
        self._nearest_heading.setVisible(bool(nearest))
        for place, label in enumerate(self._neighbours):
            label.setVisible(place < len(nearest))
            if place < len(nearest):
                index, distance = nearest[place]
                label.set_picture(None, f"{distance:.1f}")
                label.setToolTip(
                    f"{image_name(self._controller.facts, int(index))}: differs by {distance:.1f} grey levels (rms)"
                )
        if self._nearest:
            self._controller.request_thumbnails(self._nearest, self._thumbnail_edge(), lane="inspector")

    def _show_labels(self, inspection: "Inspection") -> None:
        """Labels that hold, in words; measured factors only when they are few, all of them in the tool tip."""
        text, tip = labels_of(inspection)
        self._labels.setText(text)
        self._labels.setToolTip(tip)
        self._labels.setVisible(bool(text))
        self._labels_heading.setVisible(bool(text))

    def _thumbnail_edge(self) -> int:
        return round(NEAREST_EDGE * self.devicePixelRatioF())

    def _thumbnails_ready(self, batch: ThumbnailBatch) -> None:
        if batch.edge != self._thumbnail_edge():
            return
        for position, index in enumerate(batch.indices):
            if index in self._nearest and index not in batch.failed:
                place = self._nearest.index(index)
                distance = self._inspection.nearest[place][1] if self._inspection is not None else 0.0
                self._neighbours[place].set_picture(np.asarray(batch.pixels[position]), f"{distance:.1f}")

    # --- doing ---------------------------------------------------------------------------------------------------

    def code_input(self) -> CodeInput | None:
        """The code itself as an input for slots."""
        inspection = self._inspection
        if inspection is None:
            return None
        current = self._controller.document.current
        origin = label_of(current) if current is not None else ""
        return CodeInput.of(np.asarray(inspection.code, dtype=np.float32), inspection.label, origin)

    def _use(self, slot: str) -> None:
        document, item = self._controller.document, self._controller.document.current or self.code_input()
        strip = next((p for p in document.panels if p.kind == "operation" and p.name == "interpolate"), None)
        if strip is not None and item is not None:
            self._controller.set_slot(strip.id, slot, (item,))

    def copy(self) -> None:
        """Put picture and code on the clipboard."""
        from PySide6.QtGui import QGuiApplication

        item = self.code_input()
        if item is not None and self._inspection is not None:
            QGuiApplication.clipboard().setMimeData(mime_of((item,), self._picture()))

    def _picture(self) -> NDArray[np.uint8] | None:
        return None if self._inspection is None else np.asarray(self._inspection.image)

    def _enlarge(self) -> None:
        current = self._controller.document.current or self.code_input()
        if current is not None:
            PictureWindow.show_input(self._controller, current, self._picture(), self.window())

    def _save(self) -> None:
        inspection = self._inspection
        if inspection is None:
            return
        name, _ = QFileDialog.getSaveFileName(self.window(), "Save the code", "code.npz", "NumPy archive (*.npz)")
        if not name:
            return
        try:
            with replacing(Path(name)) as stream:
                np.savez(stream, code=inspection.code, norm=inspection.norm, image=inspection.image)
        except UserError as error:
            self._controller.message.emit(str(error), "error")

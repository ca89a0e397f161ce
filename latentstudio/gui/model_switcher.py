"""Which model is in use, and at which step of its training: the slider shows a strip sharpen while it moves."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from latentstudio.gui.controller import Controller
from latentstudio.gui.naming import named, tool_button
from latentstudio.gui.theme import GAP, numeric_font
from latentstudio.models.library import ModelInfo
from latentstudio.studio.document import Document

SLIDER_WIDTH = 120


class ModelSwitcher(QWidget):
    """Combo box of the models, those trained on the dataset in view first, and a slider over their snapshots."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.combo = named(QComboBox(), "Model", "Model in use")
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.combo.setMinimumContentsLength(14)
        self.combo.activated.connect(self._chosen)
        self.slider = named(
            QSlider(Qt.Orientation.Horizontal),
            "Training step of the model",
            "Training step: drag to see the pictures sharpen (arrow keys move by one snapshot)",
        )
        self.slider.setPageStep(1)
        self.slider.setFixedWidth(SLIDER_WIDTH)
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderReleased.connect(controller.end_gesture)
        self.step = QLabel()
        self.step.setFont(numeric_font(0.92))
        self.step.setProperty("muted", True)
        self.final = tool_button("reset", "Back to the final weights", lambda: controller.set_snapshot(None))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        for widget in (self.combo, self.slider, self.final, self.step):
            row.addWidget(widget)
        self.step.setMinimumWidth(self.step.fontMetrics().horizontalAdvance("step 888888"))
        controller.models_changed.connect(self.refresh)
        controller.dataset_ready.connect(self.refresh)
        controller.document_changed.connect(self._document_changed)
        self.refresh()

    def refresh(self) -> None:
        """Fill the list again, best fitting models first."""
        document = self._controller.document
        models = self._controller.catalogue.models
        facts = self._controller.facts
        digest = facts.digest if facts is not None else None

        def place(item: tuple[str, ModelInfo]) -> tuple[bool, str]:
            return item[1].dataset != document.data and item[1].dataset_digest != digest, item[0]

        with QSignalBlocker(self.combo):
            self.combo.clear()
            for name, info in sorted(models.items(), key=place):
                self.combo.addItem(info.name, name)
                height, width = info.image_shape[1:]
                words = f"{info.title}\n{info.latent_size} dimensions, {height} × {width} px, trained on {info.dataset}"
                self.combo.setItemData(self.combo.count() - 1, words, Qt.ItemDataRole.ToolTipRole)
            if not models:
                self.combo.addItem("No models found")
            elif document.model not in models:
                self.combo.insertItem(0, f"{document.model or 'No model'} (missing)", document.model)
            self.combo.setCurrentIndex(max(0, self.combo.findData(document.model)))
        self.combo.setEnabled(bool(models))
        self._show_step()

    @property
    def steps(self) -> tuple[int | None, ...]:
        """Snapshots of the model in use, the final weights (None) last."""
        info = self._controller.catalogue.models.get(self._controller.document.model)
        return (*info.snapshots, None) if info is not None else (None,)

    def _document_changed(self, old: Document, new: Document) -> None:
        if (old.model, old.data) != (new.model, new.data):
            self.refresh()
        elif old.snapshot != new.snapshot:
            self._show_step()

    def _show_step(self) -> None:
        steps, snapshot = self.steps, self._controller.document.snapshot
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(steps) - 1)
            self.slider.setValue(steps.index(snapshot) if snapshot in steps else len(steps) - 1)
        for widget in (self.slider, self.step, self.final):
            widget.setVisible(len(steps) > 1)
        self.final.setEnabled(snapshot is not None)
        self.step.setText("final" if snapshot is None else f"step {snapshot}")

    def _chosen(self, place: int) -> None:
        name = self.combo.itemData(place)
        if isinstance(name, str) and name in self._controller.catalogue.models:
            self._controller.set_model(name)

    def _moved(self, place: int) -> None:
        self._controller.set_snapshot(self.steps[place], merge="snapshot")
        if not self.slider.isSliderDown():
            self._controller.end_gesture()

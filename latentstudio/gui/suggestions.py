"""A dataset was opened that the model in use was not trained on: offer the model that was."""

from collections.abc import Mapping

from msgspec.structs import replace
from PySide6.QtCore import QObject

from latentstudio.figures.recipe import ImageInput, Input
from latentstudio.gui.controller import Controller
from latentstudio.gui.messages import MessageBar
from latentstudio.models.library import ModelInfo
from latentstudio.studio.browse import image_input
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import DatasetFacts


def source_of(spec: str) -> str:
    """The kind of a dataset with its path but without its options: sets of one source suit the same models."""
    return spec.partition("?")[0]


def fitting_model(document: Document, models: Mapping[str, ModelInfo]) -> ModelInfo | None:
    """Return a model that was trained on the document's dataset, when the one in use was not."""
    current = models.get(document.model)
    if current is None or source_of(current.dataset) == source_of(document.data):
        return None
    return next((info for info in models.values() if source_of(info.dataset) == source_of(document.data)), None)


def with_model(document: Document, info: ModelInfo, facts: DatasetFacts) -> Document:
    """Use a model, and exchange the images of other datasets in single slots for images of this one."""
    ends = (0, facts.size * 3 // 10)
    fresh = {slot: image_input(facts, index) for slot, index in zip(("a", "b"), ends, strict=True)}

    def own(panel: Panel) -> Panel:
        slots: dict[str, tuple[Input, ...]] = {}
        for name, inputs in panel.slots.items():
            foreign = any(isinstance(i, ImageInput) and i.dataset != facts.spec for i in inputs)
            if not foreign:
                slots[name] = inputs
            elif name in fresh:
                slots[name] = (fresh[name],)
        return replace(panel, slots=slots)

    panels = tuple(own(panel) for panel in document.panels)
    current = document.current
    if isinstance(current, ImageInput) and current.dataset != facts.spec:
        current = fresh["a"]
    return replace(document, model=info.name, model_digest="", snapshot=None, panels=panels, current=current)


class Suggestions(QObject):
    """Watches for a change of dataset and offers the model that fits, once per change."""

    def __init__(self, controller: Controller, messages: MessageBar) -> None:
        super().__init__(messages)
        self._controller = controller
        self._messages = messages
        controller.document_changed.connect(self._changed)

    def _changed(self, old: Document, new: Document) -> None:
        if old.data == new.data or old.model != new.model or self._controller.facts is None:
            return
        info = fitting_model(new, self._controller.catalogue.models)
        if info is None:
            return
        text = f"{new.model} was trained on other pictures than {self._controller.facts.title}."
        use, _ = self._messages.offer(text, f"Use {info.name}")
        use.clicked.connect(lambda: self.use(info))

    def use(self, info: ModelInfo) -> None:
        """Take the offer; one step to undo."""
        facts = self._controller.facts
        if facts is not None:
            self._controller.edit(f"Use model {info.name}", lambda d: with_model(d, info, facts))

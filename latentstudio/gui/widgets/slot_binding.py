"""A slot and the document: drops become edits, the document's inputs get their pictures."""

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

from latentstudio.errors import UserError
from latentstudio.figures.recipe import ImageInput, Input
from latentstudio.gui.widgets.picture_desk import PictureDesk
from latentstudio.gui.widgets.picture_window import PictureWindow
from latentstudio.gui.widgets.slot import SlotWidget
from latentstudio.studio.browse import image_name
from latentstudio.studio.requests import DatasetFacts

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


def pick(facts: DatasetFacts, whom: str, partner: Input | None, random: np.random.Generator) -> ImageInput:
    """Draw an image: ``"any"``, or of the ``"same"`` or an ``"other"`` person than the partner's image.

    Raises
    ------
    UserError
        The dataset is empty, names no persons, or has no such image.
    """
    if facts.size == 0:
        raise UserError(f"'{facts.title}' has no images.")
    choices = np.arange(facts.size)
    if whom != "any":
        identity = facts.attributes.identity
        if identity is None or not np.any(identity >= 0):
            raise UserError(f"'{facts.title}' does not say who is in its pictures.")
        if not isinstance(partner, ImageInput) or partner.dataset != facts.spec or not 0 <= partner.index < facts.size:
            raise UserError(f"The other slot holds no image of '{facts.title}', so there is no person to compare with.")
        person = identity[partner.index]
        if person < 0:
            raise UserError(f"'{facts.title}' does not say who is on the other slot.")
        same = np.flatnonzero(identity == person)
        choices = (
            same[same != partner.index] if whom == "same" else np.flatnonzero((identity >= 0) & (identity != person))
        )
        if not len(choices):
            raise UserError(
                f"'{facts.title}' has no {'other picture of this person' if whom == 'same' else 'other person'}."
            )
    index = int(random.choice(choices))
    return ImageInput(dataset=facts.spec, index=index, id=facts.ids[index] if facts.ids else str(index))


class SlotBinding(QObject):
    """Keeps one slot widget and one slot of a panel in step.

    Parameters
    ----------
    partner : name of the other slot of a pair, empty when there is none.
    """

    def __init__(
        self, slot: SlotWidget, controller: "Controller", panel_id: str, desk: PictureDesk, partner: str = ""
    ) -> None:
        super().__init__(slot)
        self.slot, self._controller, self._panel_id, self._desk = slot, controller, panel_id, desk
        self._partner = partner
        self._random = np.random.default_rng()
        slot.dropped.connect(self.put)
        slot.path_dropped.connect(lambda path: controller.drop_picture(path, panel_id, slot.name))
        slot.cleared.connect(lambda: controller.clear_slot(panel_id, slot.name))
        slot.inspected.connect(lambda: controller.inspect(self._first()))
        slot.enlarged.connect(self._enlarge)
        slot.hovered.connect(lambda over: controller.hover(self._first() if over else None))
        slot.random_wanted.connect(self.pick)
        slot.swap_wanted.connect(lambda: controller.swap_slots(panel_id))
        desk.arrived.connect(self._arrived)

    def _inputs(self, name: str) -> tuple[Input, ...]:
        try:
            return self._controller.document.panel(self._panel_id).slots.get(name, ())
        except KeyError:
            return ()

    def _first(self) -> Input | None:
        return next(iter(self.slot.inputs), None)

    def put(self, inputs: tuple[Input, ...]) -> None:
        """Put dropped inputs on the slot; a slot for many keeps those that it has."""
        if self.slot.carried is not None and inputs:
            self._desk.remember(inputs[0], self.slot.carried)
            self.slot.carried = None
        kept = self._inputs(self.slot.name) if self.slot.many else ()
        self._controller.set_slot(self._panel_id, self.slot.name, tuple(dict.fromkeys((*kept, *inputs))))

    def pick(self, whom: str) -> None:
        """Put a random image on the slot, or say why there is none."""
        facts = self._controller.facts
        if facts is None:
            self._controller.message.emit("Open a dataset first.", "info")
            return
        partner = next(iter(self._inputs(self._partner)), None) if self._partner else None
        try:
            chosen = pick(facts, whom, partner, self._random)
        except UserError as error:
            self._controller.message.emit(str(error), "info")
            return
        label = {"any": "Random picture", "same": "Same person", "other": "Other person"}[whom]
        kept = self._inputs(self.slot.name) if self.slot.many else ()
        inputs = tuple(dict.fromkeys((*kept, chosen)))
        self._controller.set_slot(self._panel_id, self.slot.name, inputs, f"{label} on {self.slot.label}")

    def refresh(self) -> None:
        """Show what the document has on the slot."""
        inputs = self._inputs(self.slot.name)
        facts = self._controller.facts
        self.slot.can_pick = facts is not None and facts.size > 0
        self.slot.knows_persons = facts is not None and facts.attributes.identity is not None
        pictures = tuple(self._desk.picture(item) for item in inputs[:9])
        same = inputs == self.slot.inputs and all(a is b for a, b in zip(pictures, self.slot.pixels, strict=False))
        if not same or not inputs:
            self.slot.set_inputs(inputs, pictures, self._name(inputs))

    def _name(self, inputs: tuple[Input, ...]) -> str:
        """An image that was put there by its number alone is called by the name that its dataset gives it."""
        item = next(iter(inputs), None)
        facts = self._controller.catalogue.datasets.get(item.dataset) if isinstance(item, ImageInput) else None
        if not isinstance(item, ImageInput) or item.id or facts is None or facts.ids is None:
            return ""
        return image_name(facts, item.index) if 0 <= item.index < facts.size else ""

    def _arrived(self, item: Input) -> None:
        wanted = [(i.dataset, i.index) for i in self.slot.inputs if isinstance(i, ImageInput)]
        if isinstance(item, ImageInput) and (item.dataset, item.index) in wanted:
            self.refresh()

    def _enlarge(self) -> None:
        item = self._first()
        if item is not None:
            PictureWindow.show_input(self._controller, item, self._desk.picture(item), self.slot.window())

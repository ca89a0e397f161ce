"""Corruption: paint a place, see which components move it, spoil them, and map what else changes."""

from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from latentstudio.controls import Control
from latentstudio.figures.recipe import CodeInput
from latentstudio.gui import edits
from latentstudio.gui.naming import tool_button
from latentstudio.gui.panels.operation import OperationPanel
from latentstudio.gui.panels.place_ranking import PlaceRanking
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.component_list import ComponentList, ComponentRow
from latentstudio.gui.widgets.number_field import NumberField
from latentstudio.gui.widgets.paint_picture import WIDEST_BRUSH, PaintPicture
from latentstudio.models.parts import part_of, part_words
from latentstudio.results import ImageGrid
from latentstudio.studio.document import Document, Panel

SETS = ("components", "second")
_SET_LABELS = ("First set", "Second set")
_LIST = 108
"""Least height in px of the list of components."""
_BRUSH = Control("brush", "Brush", "int", 1, minimum=0, maximum=WIDEST_BRUSH, help="Radius in pixels; keys [ and ]")
_HOW = "Click or drag to paint; Shift adds, Ctrl takes away"


class CorruptionPanel(OperationPanel):
    """Shows one corruption of the document and lets it be changed by brush, ticks and fields."""

    form_width = 316

    # Building.

    def _arrange(self) -> None:
        super()._arrange()
        self.ranking = PlaceRanking(self.controller, self.panel_id, self)
        self.picture = PaintPicture(self)
        self.picture.setToolTip(
            f"{_HOW}.\nArrows move the cursor, Enter paints there, Space adds, Backspace takes away, Delete clears."
        )
        self.brush = NumberField(_BRUSH, self)
        self.clear = tool_button("close", "Paint nothing (Delete)", lambda: self._paint(()))
        self.sets = ToggleChips(SETS, _SET_LABELS, single=True, parent=self)
        self.sets.set_chosen(SETS[:1])
        self.sets.setAccessibleName("The set that ticks go to")
        self.list = ComponentList(self)
        self.list.setMinimumHeight(_LIST)
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.said.setFont(small_font(0.9))
        self.said.setProperty("muted", True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.said.setFixedWidth(self.slots[0].width())
        self._arrange_place()

    def _arrange_place(self) -> None:
        """Slot and picture side by side, the ranking beneath, and then the form."""
        beside = QVBoxLayout()
        beside.setSpacing(GAP // 2)
        beside.addWidget(self.slots[0])
        beside.addWidget(self.said, 1)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addLayout(beside)
        head.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        tools = QHBoxLayout()
        tools.setSpacing(GAP)
        tools.addWidget(QLabel("Brush", self))
        tools.addWidget(self.brush, 1)
        tools.addWidget(self.clear)
        side = self.side.column
        side.insertLayout(0, head)
        side.insertLayout(1, tools)
        side.insertWidget(2, self.sets)
        side.insertWidget(3, self.list)
        side.setStretchFactor(self.list, 1)
        order = (self.slots[0], self.picture, self.brush, self.clear, self.sets, self.list, self.form)
        for first, second in pairwise(order):
            QWidget.setTabOrder(first, second)

    def _connect(self) -> None:
        super()._connect()
        self.picture.painted.connect(self._paint)
        self.picture.pointed.connect(self._point)
        self.picture.brush_changed.connect(self.brush.set_value)
        self.brush.changed.connect(self.picture.set_brush)
        # Later, because a row may go when its tick does.
        self.list.ticked.connect(self._tick, Qt.ConnectionType.QueuedConnection)
        self.list.looked_at.connect(lambda _component: self._look())
        self.sets.changed.connect(lambda _chosen: self.show_document())
        self.ranking.changed.connect(self.show_document)
        self.desk.arrived.connect(lambda _item: self._show_picture())

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask for no ranking while nobody looks."""
        super().hideEvent(event)
        if self.ranking.waiting:
            self.ranking.close()

    # Showing.

    def refresh(self) -> None:
        """Show what the controller says now."""
        super().refresh()
        self._show_picture()

    def show_document(self) -> None:
        """Show parameters, slot, place and sets, and ask for the ranking that belongs to them."""
        super().show_document()
        panel = self._panel()
        if panel is None:
            return
        info = self.controller.catalogue.models.get(panel.model or self.controller.document.model)
        if info is not None:
            self.picture.set_grid(*info.image_shape[1:])
        self.picture.set_region(tuple(panel.params.get("region", ())))
        self.ranking.follow(panel, self.isVisible())
        self.list.set_rows(self._rows(panel), self._members(panel))
        self.list.setEnabled(not self.ranking.waiting)
        self._look()
        self._show_words(panel)
        self._show_picture()

    def _panel(self) -> Panel | None:
        try:
            return self.controller.document.panel(self.panel_id)
        except KeyError:
            return None

    @property
    def target(self) -> str:
        """The parameter that ticks go to."""
        return str(next(iter(self.sets.chosen), SETS[0]))

    def _members(self, panel: Panel) -> tuple[int, ...]:
        return tuple(panel.params.get(self.target, ()))

    def _rows(self, panel: Panel) -> list[ComponentRow]:
        """The ranked components, then those of both sets that are not among them."""
        rows = list(self.ranking.rows)
        known = {row.component for row in rows}
        others = {k for name in SETS for k in panel.params.get(name, ())} - known
        parts = self.parts()
        return rows + [ComponentRow(k, part_words(part_of(parts, k)), None) for k in sorted(others)]

    def _show_words(self, panel: Panel) -> None:
        region = frozenset(panel.params.get("region", ()))
        if self.ranking.error:
            words = self.ranking.error
        elif self.ranking.waiting:
            words = "Finding the components …"
        elif region:
            words = f"{self.picture.grid.words(region).capitalize()}. Below: grey levels per σ."
        else:
            words = f"{_HOW}."
        self.said.setText(words)

    def _show_picture(self) -> None:
        """The face as the model decodes it, else as it lies on the slot."""
        view, panel = self.panel_view(), self._panel()
        if view is None or panel is None:
            return
        result = view.result
        item = next(iter(panel.slots.get("face", ())), None)
        if isinstance(result, ImageGrid) and len(result.frames) and result.frames.ready[0]:
            fresh = view.recipe is not None and view.wanted is not None and view.recipe.inputs == view.wanted.inputs
            if isinstance(item, CodeInput) and not view.stale:
                self.desk.remember(item, result.frames.images[0])
            self.picture.set_picture(result.frames.images[0])
            self.picture.set_stale(view.stale and not fresh)
            return
        picture = None if item is None else self.desk.picture(item)
        self.picture.set_picture(picture, "" if item is not None else "Drop a face to paint on")
        self.picture.set_stale(False)

    def _look(self) -> None:
        """Lay the map of the current component over the picture."""
        current = self.list.current if self.list.isEnabled() else -1
        self.picture.set_overlay(self.ranking.map_of(current))

    def _point(self, words: str) -> None:
        if words:
            current = self.list.current
            self.words.say(
                f"Component {current}, {words}" if self.ranking.map_of(current) is not None else words, "info"
            )
        else:
            self.say()

    # Changing.

    def _paint(self, region: tuple[int, ...]) -> None:
        """Keep a painted place; unless components were chosen by hand, those that move it are corrupted."""
        panel = self._panel()
        if panel is None or tuple(panel.params.get("region", ())) == tuple(region):
            return
        changes: dict[str, Any] = {"region": tuple(region)}
        if panel.params.get("which") != "chosen":
            changes["which"] = "region" if region else "random"
        self._set("Paint a place" if region else "Clear the place", changes)

    def _tick(self, component: int, on: bool) -> None:
        """Put a component into the set that ticks go to, or take it out."""
        panel = self._panel()
        if panel is None:
            return
        old = set(self._members(panel))
        new = tuple(sorted(old | {component} if on else old - {component}))
        changes: dict[str, Any] = {self.target: new}
        if self.target == SETS[0]:
            changes["which"] = "chosen" if new else ("region" if panel.params.get("region") else "random")
        self._set(f"{'Choose' if on else 'Leave out'} component {component}", changes)

    def _set(self, label: str, changes: dict[str, Any]) -> None:
        """Change several parameters in one step."""
        defaults = {name: field.control.default for name, field in self.form.fields.items()}

        def change(document: Document) -> Document:
            for name, value in changes.items():
                document = edits.set_param(document, self.panel_id, name, value, defaults[name])
            return document

        self.controller.edit(label, change)
        self.controller.end_gesture()

"""The actions of the person as pure functions from document to document. The controller gives them their labels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from latentstudio.data.attribute_spec import SELECTION
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Figure, ImageInput, Input, PixelsInput, Recipe
from latentstudio.gui.markers import Move
from latentstudio.models.library import ModelInfo
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import DatasetFacts
from latentstudio.studio.resolve import plugin_of

STEMS = {"interpolate": "strip", "sample": "samples"}
"""Panel ids that are not the registry name."""


def set_slot(document: Document, panel_id: str, slot: str, inputs: Sequence[Input]) -> Document:
    """Put inputs into a slot of a panel; no inputs clear it. The panel becomes the active one."""
    panel = document.panel(panel_id)
    slots = {name: value for name, value in panel.slots.items() if name != slot}
    if inputs:
        slots[slot] = tuple(inputs)
    return replace(document.with_panel(replace(panel, slots=slots)), active=panel_id)


def swap_slots(document: Document, panel_id: str, first: str = "a", second: str = "b") -> Document:
    """Exchange the contents of two slots."""
    panel = document.panel(panel_id)
    slots = {name: value for name, value in panel.slots.items() if name not in (first, second)}
    for name, source in ((first, second), (second, first)):
        if panel.slots.get(source):
            slots[name] = panel.slots[source]
    return document.with_panel(replace(panel, slots=slots))


def set_param(document: Document, panel_id: str, name: str, value: Any, default: Any) -> Document:
    """Set a parameter; one that equals its default is not stored."""
    panel = document.panel(panel_id)
    params = {key: kept for key, kept in panel.params.items() if key != name}
    plain = list(value) if isinstance(value, tuple) else value
    if plain != (list(default) if isinstance(default, tuple) else default):
        params[name] = plain
    return document.with_panel(replace(panel, params=params))


def set_view(document: Document, panel_id: str, name: str, value: Any) -> Document:
    """Note how a panel's result is looked at; None forgets it."""
    panel = document.panel(panel_id)
    view = {key: kept for key, kept in panel.view.items() if key != name}
    if value is not None:
        view[name] = value
    return document.with_panel(replace(panel, view=view))


def add_panel(document: Document, kind: str, name: str) -> tuple[Document, str]:
    """Add a panel of an operation or analysis; return the document and the new panel's id."""
    stem = STEMS.get(name, name)
    taken = {panel.id for panel in document.panels}
    number = next(n for n in range(1, len(taken) + 2) if f"{stem}-{n}" not in taken)
    panel = Panel(id=f"{stem}-{number}", kind=kind, name=name)
    return replace(document, panels=(*document.panels, panel), active=panel.id), panel.id


def with_inspected(document: Document, panel_id: str) -> Document:
    """Put the inspected picture on the first slot of a new panel that cannot do without one."""
    panel, current = document.panel(panel_id), document.current
    plugin = plugin_of(panel.kind, panel.name)
    first = next(iter(getattr(plugin, "slots", ())), None)
    if first is None or first.optional or not isinstance(current, ImageInput | PixelsInput):
        return document
    return document.with_panel(replace(panel, slots={first.name: (current,)}))


def remove_panel(document: Document, panel_id: str) -> Document:
    """Take a panel away."""
    left = tuple(panel for panel in document.panels if panel.id != panel_id)
    active = document.active if document.active != panel_id else (left[0].id if left else "")
    return replace(document, panels=left, active=active)


def select(document: Document, indices: Iterable[int], how: str) -> Document:
    """Change the selection: ``replace`` it, ``add`` to it, ``toggle`` or ``remove`` single images.

    Raises
    ------
    ValueError
        `how` is none of these.
    """
    wanted = list(dict.fromkeys(int(i) for i in indices))
    old = document.selection
    if how == "replace":
        new = tuple(wanted)
    elif how == "add":
        new = tuple(dict.fromkeys((*old, *wanted)))
    elif how == "toggle":
        gone = set(old) & set(wanted)
        new = (*(i for i in old if i not in gone), *(i for i in wanted if i not in gone))
    elif how == "remove":
        new = tuple(i for i in old if i not in set(wanted))
    else:
        raise ValueError(f"how should be replace, add, toggle or remove, not '{how}'")
    return replace(document, selection=new)


def set_dataset(document: Document, spec: str) -> Document:
    """Show another dataset; selections and filters belong to the old one and go, pictures on slots stay."""
    if spec == document.data:
        return document
    browser = replace(document.browser, search="", filters={}, sort="")
    return replace(document, data=spec, data_digest="", selection=(), named_selections={}, browser=browser)


def with_digests(document: Document, models: Mapping[str, ModelInfo], datasets: Mapping[str, DatasetFacts]) -> Document:
    """Note the digests of model and dataset, as far as they are known."""
    model, facts = models.get(document.model), datasets.get(document.data)
    return replace(
        document,
        model_digest=model.digest if model is not None else document.model_digest,
        data_digest=facts.digest if facts is not None else document.data_digest,
    )


def random_pair(
    facts: DatasetFacts, same_person: bool | None, random: np.random.Generator
) -> tuple[ImageInput, ImageInput]:
    """Draw two different images: of one person, of two persons, or (None) whoever comes.

    Raises
    ------
    UserError
        The dataset names no persons, or nobody has two pictures, or there is only one person.
    """
    if facts.size < 2:
        raise UserError(f"'{facts.title}' has fewer than two images.")
    if same_person is None:
        first, second = (int(i) for i in random.choice(facts.size, 2, replace=False))
        return _image(facts, first), _image(facts, second)
    identity: NDArray[np.int64] | None = facts.attributes.identity
    if identity is None or not np.any(identity >= 0):
        raise UserError(f"'{facts.title}' does not say who is in its pictures.")
    known = np.flatnonzero(identity >= 0)
    people, counts = np.unique(identity[known], return_counts=True)
    if same_person:
        if not np.any(counts > 1):
            raise UserError(f"Nobody in '{facts.title}' has two pictures.")
        person = random.choice(people[counts > 1])
        first, second = (int(i) for i in random.choice(np.flatnonzero(identity == person), 2, replace=False))
    else:
        if len(people) < 2:
            raise UserError(f"'{facts.title}' shows only one person.")
        pair = random.choice(people, 2, replace=False)
        first, second = (int(random.choice(np.flatnonzero(identity == person))) for person in pair)
    return _image(facts, first), _image(facts, second)


def _image(facts: DatasetFacts, index: int) -> ImageInput:
    return ImageInput(dataset=facts.spec, index=index, id=facts.ids[index] if facts.ids else str(index))


def reopen(document: Document, figure: Figure) -> Document:
    """Bring the recipes of a figure back onto the screen.

    The first recipe takes the first panel of its operation or analysis, further ones of the same name get panels of
    their own. Model, snapshot and dataset become those of the figure; a recipe that differs from the first is pinned.
    """
    recipes = [recipe for row in figure.rows for recipe in row]
    if not recipes:
        return document
    lead = recipes[0]
    if lead.data is not None:
        document = set_dataset(document, lead.data.spec)
    if lead.model is not None:
        document = replace(document, model=lead.model.name, model_digest="", snapshot=lead.model.snapshot)
    used: set[str] = set()
    first = ""
    face: Input | None = None
    for recipe in recipes:
        marked = _with_move(document, recipe, used)
        if marked is not None:
            document, face = marked, recipe.inputs["images"][0]
            continue
        document, panel_id = _place(document, recipe, lead, used)
        used.add(panel_id)
        first = first or panel_id
    current = document.current
    if isinstance(current, ImageInput) and current.dataset != document.data:
        # What the inspector showed belongs to the scene before; the figure's own first picture takes its place.
        current = next((item for inputs in _slots_of(lead).values() for item in inputs), None)
    return replace(document, active=first, current=current if face is None else face)


def _with_move(document: Document, recipe: Recipe, used: set[str]) -> Document | None:
    """Give the histograms of a figure the marker that its moved face stands for; None for any other recipe."""
    move = Move.of_recipe(recipe)
    panels = (p for p in document.panels if p.id in used and p.name == "projections")
    panel = next((p for p in panels if move is not None and p.params.get("attribute") == move.attribute), None)
    if move is None or panel is None:
        return None
    return document.with_panel(replace(panel, view={"move": move.to_view()}))


def _place(document: Document, recipe: Recipe, lead: Recipe, used: set[str]) -> tuple[Document, str]:
    free = [p.id for p in document.panels if p.kind == recipe.kind and p.name == recipe.name and p.id not in used]
    if free:
        panel_id = free[0]
    else:
        document, panel_id = add_panel(document, recipe.kind, recipe.name)
    panel = Panel(
        id=panel_id,
        kind=recipe.kind,
        name=recipe.name,
        params=dict(recipe.params),
        slots=_slots_of(recipe),
        follow_selection=recipe.selection is not None,
    )
    if recipe.model is not None and recipe.model != lead.model:
        panel = replace(panel, model=recipe.model.name, snapshot=recipe.model.snapshot)
    if recipe.data is not None and recipe.data != lead.data:
        panel = replace(panel, data=recipe.data.spec)
    document = _with_groups(document.with_panel(panel), recipe)
    if recipe.selection is not None:
        document = replace(document, selection=tuple(recipe.selection))
    return document, panel_id


def _slots_of(recipe: Recipe) -> dict[str, tuple[Input, ...]]:
    """What lies on the slots of a recipe; the means and directions that are sealed beside them are no pictures."""
    plugin = plugin_of(recipe.kind, recipe.name)
    if plugin is None:
        return dict(recipe.inputs)
    names = {slot.name for slot in getattr(plugin, "slots", ())}
    return {name: inputs for name, inputs in recipe.inputs.items() if name in names}


def _with_groups(document: Document, recipe: Recipe) -> Document:
    """The selections that attributes of the recipe speak of come back under their names."""
    if not recipe.groups or (recipe.data is not None and recipe.data.spec != document.data):
        return document
    named = {name: tuple(members) for name, members in recipe.groups.items() if name != SELECTION}
    selection = tuple(recipe.groups.get(SELECTION, document.selection))
    return replace(document, selection=selection, named_selections={**document.named_selections, **named})

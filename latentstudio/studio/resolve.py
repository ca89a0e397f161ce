"""From what the person set up to what can be computed: a pure function of document and panel to recipe or reason."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from latentstudio.analyses import ANALYSES
from latentstudio.controls import build, controls
from latentstudio.data.attribute_spec import SELECTION, groups_in
from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, DataRef, ImageInput, Input, Recipe
from latentstudio.models.library import ModelInfo
from latentstudio.models.parts import check_parts
from latentstudio.operations import OPERATIONS
from latentstudio.operations.base import Slot
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel

_LACKS = {
    "encode": "has no encoder",
    "decode": "cannot turn codes into pictures",
    "sample": "cannot draw samples",
    "log_prob": "has no likelihood",
}


@dataclass(frozen=True)
class Reason:
    """Why a panel has nothing to show yet, as a short hint for the person.

    Attributes
    ----------
    waiting : it will resolve by itself (a dataset is being opened).
    """

    text: str
    waiting: bool = False


class _Unready(Exception):
    """Ends a resolution with its reason."""

    def __init__(self, text: str, waiting: bool = False) -> None:
        super().__init__(text)
        self.reason = Reason(text.rstrip("."), waiting)


def resolve(document: Document, panel_id: str, catalogue: Catalogue) -> Recipe | Reason:
    """Return the recipe of a panel, complete with all parameters and digests, or the reason why there is none yet.

    Raises
    ------
    KeyError
        The document has no such panel.
    """
    return resolve_panel(document, document.panel(panel_id), catalogue)


def resolve_panel(document: Document, panel: Panel, catalogue: Catalogue) -> Recipe | Reason:
    """Do what `resolve` does for a panel that need not be part of the document (a preview, the inspector)."""
    try:
        return _recipe(document, panel, catalogue)
    except _Unready as unready:
        return unready.reason


def resolve_inspection(document: Document, catalogue: Catalogue, current: Input | None = None) -> Recipe | Reason:
    """Return the recipe that shows one input in the inspector: `current`, or else the document's own."""
    shown = document.current if current is None else current
    if shown is None:
        return Reason("Click a picture to inspect it")
    panel = Panel(id="inspector", kind="operation", name="reconstruct", slots={"images": (shown,)})
    return resolve_panel(document, panel, catalogue)


def resolve_decoding(
    document: Document, panel_id: str, code: CodeInput, catalogue: Catalogue, *others: Input
) -> Recipe | Reason:
    """Return the recipe that decodes a code under the model of a panel, and measures it against nothing.

    Parameters
    ----------
    others : further pictures and codes, shown before it.

    Raises
    ------
    KeyError
        The document has no such panel.
    """
    panel = document.panel(panel_id)
    single = msgspec.structs.replace(
        panel, kind="operation", name="reconstruct", params={}, slots={"images": (*others, code)}, view={}
    )
    wanted = resolve_panel(document, single, catalogue)
    return wanted if isinstance(wanted, Reason) else msgspec.structs.replace(wanted, data=None)


def plugin_of(kind: str, name: str) -> type[Any] | None:
    """Return the class of an operation or analysis, None when this version has no such thing."""
    return (OPERATIONS if kind == "operation" else ANALYSES).get(name)


def _recipe(document: Document, panel: Panel, catalogue: Catalogue) -> Recipe:
    plugin = plugin_of(panel.kind, panel.name)
    if plugin is None:
        raise _Unready(f"This version of LatentStudio has no {panel.kind} '{panel.name}'")
    operation = panel.kind == "operation"
    params = _params(plugin, panel.params)
    # A note that looks at neither model nor data neither waits for them nor runs again when they change.
    uses_model = operation or plugin.needs_model
    info = _model(document, panel, catalogue) if uses_model else None
    required = not operation and plugin.needs_data
    data = _data(document, panel, catalogue, required) if uses_model or required else None
    if info is not None:
        _check_abilities(info, plugin.needs)
        _check_parts(info, plugin, params)
    inputs = _inputs(plugin, panel, info, catalogue)
    _check_complete(plugin, params, inputs)
    snapshot = _snapshot(document, panel)
    if info is not None and snapshot is not None and snapshot not in info.snapshots:
        raise _Unready(f"'{info.name}' has no snapshot at step {snapshot}")
    name = _model_name(document, panel)
    return Recipe(
        kind=panel.kind,
        name=panel.name,
        params=params,
        model=catalogue.model_ref(name, snapshot) if info is not None else None,
        data=data,
        inputs=inputs,
        selection=_selection(document, panel, data) if not operation else None,
        groups=_groups(document, panel, plugin, params),
    )


def _params(plugin: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its value, in JSON's own types so that a recipe equals itself after a round trip."""
    try:
        built = build(plugin, given)
    except UserError as error:
        raise _Unready(str(error)) from error
    values = asdict(built)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _check_complete(plugin: type[Any], params: Mapping[str, Any], inputs: Mapping[str, object]) -> None:
    """Some plugins know of more than slots and abilities that must be there, such as a chosen attribute."""
    lacks = getattr(build(plugin, params), "lacks", None)
    words = lacks(inputs) if lacks is not None else ""
    if words:
        raise _Unready(words)


def _model_name(document: Document, panel: Panel) -> str:
    return document.model if panel.model is None else panel.model


def _snapshot(document: Document, panel: Panel) -> int | None:
    """A panel pinned to a model or to a step does not follow the document's slider."""
    if panel.model is not None or panel.snapshot is not None:
        return panel.snapshot
    return document.snapshot


def _model(document: Document, panel: Panel, catalogue: Catalogue) -> ModelInfo:
    name = _model_name(document, panel)
    if not name:
        raise _Unready("Choose a model")
    info = catalogue.models.get(name)
    if info is None:
        raise _Unready(f"The model '{name}' is not here; choose another")
    return info


def _data(document: Document, panel: Panel, catalogue: Catalogue, required: bool) -> DataRef | None:
    """The dataset to measure against. Operations go on without one; analyses that need it wait for it."""
    spec = document.data if panel.data is None else panel.data
    if not spec:
        if required:
            raise _Unready("Open a dataset")
        return None
    if spec in catalogue.datasets:
        return catalogue.data_ref(spec)
    if spec not in catalogue.problems:
        raise _Unready("Opening the dataset …", waiting=True)
    if required:
        raise _Unready(catalogue.problems[spec])
    return None


def _check_abilities(info: ModelInfo, needs: frozenset[str]) -> None:
    for need in ("decode", "encode", "sample", "log_prob"):
        if need in needs and need not in info.abilities:
            raise _Unready(f"'{info.name}' {_LACKS[need]}")
    for need in sorted(needs - set(_LACKS)):
        if need not in info.abilities:
            raise _Unready(f"'{info.name}' lacks {need}")


def _check_parts(info: ModelInfo, plugin: type[Any], params: Mapping[str, Any]) -> None:
    for control in controls(plugin):
        if control.kind in ("part", "parts"):
            value = params[control.name]
            try:
                check_parts(info.parts, [value] if isinstance(value, str) else value, f"'{info.name}'")
            except UserError as error:
                raise _Unready(str(error)) from error


def _inputs(
    plugin: type[Any], panel: Panel, info: ModelInfo | None, catalogue: Catalogue
) -> dict[str, tuple[Input, ...]]:
    slots: tuple[Slot, ...] = getattr(plugin, "slots", ())
    found: dict[str, tuple[Input, ...]] = {}
    for slot in slots:
        given = panel.slots.get(slot.name, ())
        if not given:
            if slot.optional:
                continue
            raise _Unready(slot.hint or f"Drop a picture on {slot.label}")
        if len(given) > 1 and not slot.many:
            raise _Unready(f"{slot.label} takes one picture, not {len(given)}")
        found[slot.name] = tuple(_checked(value, slot, info, catalogue) for value in given)
    return found


def _checked(value: Input, slot: Slot, info: ModelInfo | None, catalogue: Catalogue) -> Input:
    if isinstance(value, CodeInput):
        _check_code(value, slot, info)
        return value
    if info is not None:
        _check_abilities(info, frozenset({"encode"}))
    return _checked_image(value, slot, catalogue) if isinstance(value, ImageInput) else value


def _check_code(value: CodeInput, slot: Slot, info: ModelInfo | None) -> None:
    try:
        code = value.values()
    except UserError as error:
        raise _Unready(str(error)) from error
    if info is not None and len(code) != info.latent_size:
        raise _Unready(
            f"The code on {slot.label} has {len(code)} numbers, from another model; "
            f"'{info.name}' works with {info.latent_size}"
        )
    if not all(map(math.isfinite, code.tolist())):
        raise _Unready(f"The code on {slot.label} holds numbers that are not finite")


def _checked_image(value: ImageInput, slot: Slot, catalogue: Catalogue) -> ImageInput:
    """Give the image its id; an image whose place has changed (a file came before it) is found again by its id."""
    if value.dataset in catalogue.problems:
        raise _Unready(f"{slot.label}: {catalogue.problems[value.dataset]}")
    facts = catalogue.datasets.get(value.dataset)
    if facts is None:
        return value
    names = facts.ids
    at_index = None
    if 0 <= value.index < facts.size:
        at_index = str(value.index) if names is None else names[value.index]
    if at_index is not None and value.id in ("", at_index):
        return msgspec.structs.replace(value, id=at_index)
    if names is not None and value.id in names:
        return msgspec.structs.replace(value, index=names.index(value.id))
    gone = f"'{value.id}'" if value.id else f"number {value.index}"
    raise _Unready(f"The image {gone} on {slot.label} is not in '{facts.title}' any more")


def _groups(
    document: Document, panel: Panel, plugin: type[Any], params: Mapping[str, Any]
) -> dict[str, tuple[int, ...]]:
    """The selections that the panel's attributes speak of; they belong to the document's dataset."""
    specs: list[str] = []
    for c in controls(plugin):
        if c.kind in ("attribute", "attributes"):
            value = params[c.name]
            specs += [value] if isinstance(value, str) else value
    names = {name for spec in specs for name in groups_in(spec)}
    if not names:
        return {}
    if panel.data is not None and panel.data != document.data:
        raise _Unready("Selections belong to the window's data set, and this panel looks at another")
    known = document.groups
    found = {}
    for name in sorted(names):
        if not known.get(name):
            raise _Unready("Select some faces first" if name == SELECTION else f"There is no selection called '{name}'")
        found[name] = tuple(sorted(set(known[name])))
    return found


def _selection(document: Document, panel: Panel, data: DataRef | None) -> tuple[int, ...] | None:
    """The selection belongs to the document's dataset; a panel pinned to another cannot follow it."""
    if not panel.follow_selection or not document.selection or data is None:
        return None
    if panel.data is not None and panel.data != document.data:
        return None
    return tuple(sorted(set(document.selection)))

"""The one frozen document: all that the person has set up. Every action makes a new one; undo is a list of old ones."""

from typing import Any

import msgspec

from latentstudio.data.attribute_spec import SELECTION
from latentstudio.figures.recipe import ImageInput, Input, decode_versioned

SCHEMA = 1


class Panel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One panel of the window.

    Attributes
    ----------
    id : stays with the panel, e.g. ``"strip-1"``.
    kind : ``"operation"`` or ``"analysis"``; name : registry name.
    params : only those that differ from the defaults.
    slots : slot name to inputs.
    model, data : None follows the document's; otherwise the panel is pinned to its own.
    follow_selection : an analysis is restricted to the selection (linked brushing).
    view : how the result is looked at (the quantity of a curve, the place of a slider); no part of any recipe.
    """

    id: str
    kind: str
    name: str
    params: dict[str, Any] = {}
    slots: dict[str, tuple[Input, ...]] = {}
    model: str | None = None
    snapshot: int | None = None
    data: str | None = None
    follow_selection: bool = False
    view: dict[str, Any] = {}


class Browser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the dataset grid is filtered and ordered.

    Attributes
    ----------
    search : words to find in ids and labels.
    filters : attribute name to the accepted values (``"yes"``/``"no"``/category) or ``">= 3"`` style comparisons.
    sort : column name (also ``norm`` and ``log_prob``), empty for the dataset's own order; ``-`` in front descends.
    thumbnail : edge in px.
    """

    search: str = ""
    filters: dict[str, str] = {}
    sort: str = ""
    thumbnail: int = 72


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session's content.

    Attributes
    ----------
    data : dataset specification; model : model name; snapshot : training step or None for the final weights.
    selection : dataset indices, in the order of selecting; named_selections : saved ones.
    current : what the inspector shows.
    layout : base64 of the window's dock layout, empty for the default.
    """

    schema: int = SCHEMA
    data: str = ""
    data_digest: str = ""
    model: str = ""
    model_digest: str = ""
    snapshot: int | None = None
    panels: tuple[Panel, ...] = ()
    active: str = ""
    browser: Browser = Browser()
    selection: tuple[int, ...] = ()
    named_selections: dict[str, tuple[int, ...]] = {}
    current: Input | None = None
    layout: str = ""

    def panel(self, panel_id: str) -> Panel:
        """Return the panel of that id.

        Raises
        ------
        KeyError
            There is no such panel.
        """
        for panel in self.panels:
            if panel.id == panel_id:
                return panel
        raise KeyError(panel_id)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every dataset that the document speaks of, by specification, its own first."""
        specs = [self.data]
        for panel in self.panels:
            specs.append(panel.data or "")
            specs += [i.dataset for inputs in panel.slots.values() for i in inputs if isinstance(i, ImageInput)]
        if isinstance(self.current, ImageInput):
            specs.append(self.current.dataset)
        return tuple(spec for spec in dict.fromkeys(specs) if spec)

    @property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """Selections that attributes may speak of, by name: the saved ones, and the current one unless it is empty."""
        saved = {name: members for name, members in self.named_selections.items() if name != SELECTION}
        return saved | ({SELECTION: self.selection} if self.selection else {})

    def with_panel(self, panel: Panel) -> "Document":
        """Return a document in which `panel` replaces the one of the same id, or is added at the end."""
        if any(p.id == panel.id for p in self.panels):
            panels = tuple(panel if p.id == panel.id else p for p in self.panels)
        else:
            panels = (*self.panels, panel)
        return msgspec.structs.replace(self, panels=panels)


def document_to_json(document: Document) -> bytes:
    """Write a document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def document_from_json(text: bytes | str, what: str = "The session") -> Document:
    """Read a document.

    Raises
    ------
    UserError
        The text is not a session; `what` names the file in the sentence.
    NewerVersionError
        It comes from a newer program.
    """
    document: Document = decode_versioned(text, Document, what, SCHEMA)
    return document

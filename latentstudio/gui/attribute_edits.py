"""What the person does to the attributes that a panel edits, as pure functions from document to document."""

from collections.abc import Sequence

from msgspec.structs import replace

from latentstudio.data.attribute_spec import SELECTION
from latentstudio.gui.edits import add_panel, set_param
from latentstudio.studio.document import Document, Panel

DEFAULT_PERCENTILE = 75.0


def make_attribute(document: Document, panel_id: str, name: str, members: Sequence[int], other: str = "") -> Document:
    """Keep images under a name and let a panel edit the attribute that they have and the rest, or `other`, lack.

    Parameters
    ----------
    panel_id : a panel of the operation `attribute`; empty adds one.
    other : name of the selection that lacks it, empty for all other images.
    """
    kept = tuple(dict.fromkeys(int(i) for i in members))
    document = replace(document, named_selections={**document.named_selections, name: kept})
    if not panel_id:
        document, panel_id = add_panel(document, "operation", "attribute")
    return add_attribute(document, panel_id, attribute_of(name, other))


def attribute_of(name: str, other: str = "") -> str:
    """Return the words of the attribute of a named selection against the rest, or against another."""
    return f"{SELECTION}:{name}" + (f"|{SELECTION}:{other}" if other else "")


def add_attribute(document: Document, panel_id: str, words: str) -> Document:
    """Let a panel edit a further attribute, by its default amount: 1, or the 75th percentile on the quantile scale."""
    panel = document.panel(panel_id)
    attributes = list(panel.params.get("attributes", ()))
    if words in attributes:
        return document
    amounts = amounts_of(panel)
    amounts.append(DEFAULT_PERCENTILE if panel.params.get("scale") == "quantile" else 1.0)
    params = {**panel.params, "attributes": [*attributes, words], "amounts": amounts}
    return replace(document.with_panel(replace(panel, params=params)), active=panel_id)


def remove_attribute(document: Document, panel_id: str, words: str) -> Document:
    """Take an attribute and its amount out of a panel."""
    panel = document.panel(panel_id)
    pairs = zip(panel.params.get("attributes", ()), amounts_of(panel), strict=True)
    left = [(attribute, amount) for attribute, amount in pairs if attribute != words]
    params = {name: value for name, value in panel.params.items() if name not in ("attributes", "amounts")}
    if left:
        params |= {"attributes": [a for a, _ in left], "amounts": [amount for _, amount in left]}
    return document.with_panel(replace(panel, params=params))


def amounts_of(panel: Panel) -> list[float]:
    """Amount of every attribute of a panel; those that are not set are 1, or a percentile on the quantile scale."""
    attributes = panel.params.get("attributes", ())
    amounts = [float(a) for a in panel.params.get("amounts", ())]
    if len(amounts) == len(attributes):
        return amounts
    return [DEFAULT_PERCENTILE if panel.params.get("scale") == "quantile" else 1.0] * len(attributes)


def under_hand(panel: Panel, amounts: Sequence[float], strengths: Sequence[float], known: int) -> Panel:
    """Return the panel with the amounts that a hand is at, for its first face alone.

    Parameters
    ----------
    strengths : frames that are wanted.
    known : how many measures the last strip has. Directions of watched attributes that are still being found must not
        keep the hand waiting, and are left out.
    """
    params = {**panel.params, "amounts": list(amounts), "strengths": list(strengths)}
    if known < len({*panel.params.get("attributes", ()), *panel.params.get("watch", ())}):
        params.pop("watch", None)
    return replace(panel, params=params, slots={name: inputs[:1] for name, inputs in panel.slots.items()})


def leak_panel(document: Document, panel_id: str) -> tuple[Document, str]:
    """Let an analysis measure what the edits of a panel leak; the one there is, or a new one. Returns its id too."""
    source = document.panel(panel_id).params
    found = next((p.id for p in document.panels if p.kind == "analysis" and p.name == "attribute_leak"), "")
    if not found:
        document, found = add_panel(document, "analysis", "attribute_leak")
    panel = document.panel(found)
    kept = {n: v for n, v in panel.params.items() if n not in ("attributes", "watched", "estimator", "keep", "edit")}
    wanted = {"attributes": "attributes", "watch": "watched", "estimator": "estimator", "keep": "keep"}
    params = kept | {theirs: source[ours] for ours, theirs in wanted.items() if source.get(ours)}
    return replace(document.with_panel(replace(panel, params=params)), active=found), found


def count_in(document: Document, panel_id: str, scale: str, percentiles: Sequence[float]) -> Document:
    """Count the amounts of a panel in ``alpha`` or ``quantile``; on the scale of alpha they begin at the face itself.

    Parameters
    ----------
    percentiles : where the edited face lies along the first attributes, 0 to 100; further ones take the default.
    """
    count = len(document.panel(panel_id).params.get("attributes", ()))
    amounts = [0.0] * count
    if scale == "quantile":
        amounts = [round(float(p), 1) for p in percentiles][:count]
        amounts += [DEFAULT_PERCENTILE] * (count - len(amounts))
    document = set_param(document, panel_id, "scale", scale, "alpha")
    return set_param(document, panel_id, "amounts", amounts, ())

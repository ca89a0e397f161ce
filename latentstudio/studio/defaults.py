"""What is on the screen at the first start: faces, a strip between two of them, and the model's view of the rest."""

import msgspec

from latentstudio.figures.recipe import ImageInput, Input
from latentstudio.models.library import ModelInfo
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel

_FAVOURITES = ("olivetti-realnvp", "faces-realnvp")
_OFFLINE = "faces-realnvp"

_ENDS = {"olivetti": (3, 117), "faces": (21, 23)}
"""First and last image of the welcome strip, by the kind of dataset: two different persons."""


def welcome_document(catalogue: Catalogue) -> Document:
    """Return the first scene: a model that works with what is here, its dataset, and one panel of each kind.

    A favourite whose dataset is open already wins; otherwise the procedural faces, which need neither network nor
    files; otherwise whatever model there is, or none.
    """
    info = _choose(catalogue)
    data = info.dataset if info is not None else "faces"
    if _kind(data) == "faces":
        data = "faces"  # fewer than a model is trained on, so that all of them are measured within seconds
    first, second = (ImageInput(dataset=data, index=i) for i in _ENDS.get(_kind(data), (0, 1)))
    return Document(
        data=data,
        model=info.name if info is not None else "",
        panels=welcome_panels((first,), (second,)),
        active="strip-1",
        current=first,
    )


def welcome_panels(a: tuple[ImageInput, ...] = (), b: tuple[ImageInput, ...] = ()) -> tuple[Panel, ...]:
    """Return one panel for each question that a newcomer asks of a model; `a` and `b` are the ends of the strip."""
    slots: dict[str, tuple[Input, ...]] = {name: inputs for name, inputs in (("a", a), ("b", b)) if inputs}
    return (
        Panel(id="strip-1", kind="operation", name="interpolate", params={"paths": ["linear"]}, slots=slots),
        Panel(id="samples-1", kind="operation", name="sample"),
        Panel(id="norms-1", kind="analysis", name="norms"),
        Panel(id="likelihood-1", kind="analysis", name="likelihood"),
        Panel(id="components-1", kind="analysis", name="components"),
        Panel(id="training-1", kind="analysis", name="training"),
    )


def document_for_model(document: Document, info: ModelInfo) -> Document:
    """Return `document` with another model, and with that model's own dataset where there was none."""
    return msgspec.structs.replace(
        document,
        model=info.name,
        model_digest=info.digest,
        snapshot=None,
        data=document.data or info.dataset,
    )


def _choose(catalogue: Catalogue) -> ModelInfo | None:
    for name in _FAVOURITES:
        info = catalogue.models.get(name)
        if info is not None and info.dataset in catalogue.datasets:
            return info
    if _OFFLINE in catalogue.models:
        return catalogue.models[_OFFLINE]
    return next(iter(catalogue.models.values()), None)


def _kind(spec: str) -> str:
    return spec.partition(":")[0].partition("?")[0]

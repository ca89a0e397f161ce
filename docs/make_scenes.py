"""Write the sessions that the screenshots of the guide show, into docs/scenes/."""

from pathlib import Path

from msgspec.structs import replace

from latentstudio.figures.recipe import ImageInput
from latentstudio.studio.browse import Browser
from latentstudio.studio.defaults import welcome_panels
from latentstudio.studio.document import Document, Panel, document_to_json

HOME = Path(__file__).parent / "scenes"


def olivetti(active: str, first: int = 3, second: int = 117, **changes: object) -> Document:
    """A session on the Olivetti faces with one panel in front."""
    a, b = (ImageInput(dataset="olivetti", index=i, id=f"{i // 10:02d}_{i % 10}") for i in (first, second))
    panels = welcome_panels((a,), (b,))
    document = Document(data="olivetti", model="olivetti-realnvp", panels=panels, active=active, current=a)
    return replace(document, **changes)


def codes() -> dict[str, Document]:
    """Sessions that look into the codes of a Glow."""
    first, second = (ImageInput(dataset="lfw", index=i, id=f"images/{i:06d}.jpg") for i in (3, 20))
    place = [row * 64 + column for row in range(17, 24) for column in range(17, 26)]
    corrupt = Panel(
        id="corrupt-1",
        kind="operation",
        name="corrupt",
        params={"region": place, "which": "region", "count": 2, "second": [3000]},
        slots={"face": (first,)},
    )
    reflect = Panel(id="reflect-1", kind="operation", name="reflect", slots={"faces": (first, second)})
    document = Document(data="lfw", model="lfw-glow", panels=(corrupt, reflect), active="corrupt-1", current=first)
    lines = Panel(
        id="projections-1",
        kind="analysis",
        name="projections",
        params={"attribute": "smiling"},
        view={"move": ["smiling", "opposite", 3.5]},
    )
    projected = replace(document, panels=(lines,), active=lines.id, current=first)
    means = ["smiling", "eyeglasses", "bald", "mustache", "hat"]
    asked = {
        "prototypes-1": Panel(
            id="prototypes-1", kind="analysis", name="prototypes", params={"attributes": means, "sample": 400}
        ),
        "edit_map-1": Panel(
            id="edit_map-1", kind="analysis", name="edit_map", params={"attribute": "smiling", "sample": 600}
        ),
    }
    classes = replace(document, panels=tuple(asked.values()), active="prototypes-1")
    return {
        "corruption": document,
        "reflection": replace(document, active="reflect-1"),
        "projections": projected,
        "prototypes": classes,
        "edit-map": replace(classes, active="edit_map-1"),
    } | attributes()


def attributes() -> dict[str, Document]:
    """Sessions on the panel of attribute sliders, and on what edits leak, with the model of drawn faces."""
    data = "faces?n=400&size=64"
    face = ImageInput(dataset=data, index=21)
    sliders = Panel(
        id="attribute-1",
        kind="operation",
        name="attribute",
        params={
            "attributes": ["Eyeglasses", "Smiling"],
            "amounts": [1.0, -0.8],
            "watch": ["Young", "Long_Hair", "Mustache", "Wearing_Hat"],
            "sample": 400,
        },
        slots={"images": (face,)},
    )
    leak = Panel(
        id="attribute_leak-1",
        kind="analysis",
        name="attribute_leak",
        params={"attributes": ["Smiling", "Eyeglasses", "Long_Hair"], "watched": ["Young", "Wearing_Hat", "Mustache"]},
    )
    document = Document(data=data, model="faces-glow", panels=(sliders,), active="attribute-1", current=face)
    return {"attributes": document, "leak": replace(document, panels=(leak,), active="attribute_leak-1")}


def main() -> None:
    """Write every scene."""
    paths = olivetti("strip-1", 71, 117)
    strip = replace(paths.panel("strip-1"), params={"paths": ["linear", "spherical", "matched"]})
    scenes = {
        "paths": paths.with_panel(strip),
        "likelihood": olivetti("likelihood-1", selection=(20, 21, 22, 23)),
        "components": olivetti("components-1"),
        "early": olivetti("samples-1", snapshot=100),
        "browse": olivetti(
            "norms-1", browser=Browser(filters={"eyeglasses": "yes"}, sort="-norm"), model="olivetti-realnvp"
        ),
    }
    scenes |= codes()
    HOME.mkdir(exist_ok=True)
    for name, document in scenes.items():
        (HOME / f"{name}.latentstudio").write_bytes(document_to_json(document))


if __name__ == "__main__":
    main()

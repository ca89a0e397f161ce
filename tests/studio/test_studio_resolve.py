"""From document to recipe or reason, without models, data or torch."""

import msgspec
import numpy as np
import pytest

from latentstudio.data.imageset import AttributeTable
from latentstudio.figures.recipe import CodeInput, ImageInput, PixelsInput, Recipe, recipe_from_json
from latentstudio.models.library import ModelInfo
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import DatasetFacts
from latentstudio.studio.resolve import Reason, resolve, resolve_inspection

ALL = ("decode", "encode", "log_prob", "sample")


def model(
    name: str = "m", abilities: tuple[str, ...] = ALL, size: int = 4, snapshots: tuple[int, ...] = (5,)
) -> ModelInfo:
    return ModelInfo(
        name=name,
        path=f"/models/{name}",
        family="pca_realnvp",
        title=name.upper(),
        dataset="faces",
        dataset_digest="",
        digest=f"digest-{name}",
        image_shape=(1, 8, 8),
        latent_size=size,
        parts={"code": (0, size)},
        prior="standard_normal",
        abilities=abilities,
        snapshots=snapshots,
        training={},
    )


def facts(spec: str = "faces", size: int = 10, ids: tuple[str, ...] | None = None) -> DatasetFacts:
    return DatasetFacts(spec, spec.title(), size, (8, 8, 1), f"digest-{spec}", ids, AttributeTable(size), None)


CATALOGUE = Catalogue(
    models={m.name: m for m in (model(), model("gan", ("decode", "sample")), model("wide", size=7))},
    datasets={"faces": facts(), "folder:/p": facts("folder:/p", 3, ("a.png", "b.png", "c.png"))},
    problems={"zip:/gone.zip": "There is no file or folder /gone.zip."},
)
A, B = ImageInput(dataset="faces", index=3), ImageInput(dataset="faces", index=7)
STRIP = Panel(id="strip-1", kind="operation", name="interpolate", slots={"a": (A,), "b": (B,)})
NORMS = Panel(id="norms-1", kind="analysis", name="norms")
DOCUMENT = Document(data="faces", model="m", panels=(STRIP, NORMS))


def text_of(document: Document, panel_id: str = "strip-1", catalogue: Catalogue = CATALOGUE) -> str:
    reason = resolve(document, panel_id, catalogue)
    assert isinstance(reason, Reason), reason
    assert not reason.text.endswith(".")
    return reason.text


def recipe_of(document: Document, panel_id: str = "strip-1", catalogue: Catalogue = CATALOGUE) -> Recipe:
    recipe = resolve(document, panel_id, catalogue)
    assert isinstance(recipe, Recipe), recipe
    return recipe


def with_strip(**changes: object) -> Document:
    return DOCUMENT.with_panel(msgspec.structs.replace(STRIP, **changes))


def test_complete_strip_becomes_a_recipe_with_digests_ids_and_all_parameters() -> None:
    recipe = recipe_of(DOCUMENT)
    assert (recipe.kind, recipe.name) == ("operation", "interpolate")
    assert (recipe.model.name, recipe.model.digest, recipe.model.snapshot) == ("m", "digest-m", None)
    assert (recipe.data.spec, recipe.data.digest) == ("faces", "digest-faces")
    assert recipe.inputs["a"] == (ImageInput(dataset="faces", index=3, id="3"),)
    assert recipe.params == {"paths": ["linear"], "steps": 9, "extrapolate": 0.0, "at": None}
    assert recipe.selection is None


def test_recipe_survives_json_and_keeps_its_key() -> None:
    recipe = recipe_of(with_strip(params={"steps": 11, "extrapolate": 1, "paths": ("linear", "matched")}))
    again = recipe_from_json(recipe.canonical())
    assert again == recipe
    assert again.key == recipe.key


def test_equal_intentions_have_equal_keys() -> None:
    plain = recipe_of(DOCUMENT)
    spelled_out = recipe_of(with_strip(params={"steps": 9.0, "extrapolate": 0, "paths": ["linear"]}))
    assert plain.key == spelled_out.key
    assert recipe_of(with_strip(params={"steps": 10})).key != plain.key


def test_pure_and_layout_independent() -> None:
    other = msgspec.structs.replace(DOCUMENT, layout="x", selection=(1,), current=B, active="norms-1")
    assert recipe_of(other) == recipe_of(DOCUMENT)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slots": {}}, "Drop a face on A"),
        ({"slots": {"a": (A,)}}, "Drop a second face on B"),
        ({"slots": {"a": (A, B), "b": (B,)}}, "A takes one picture, not 2"),
        ({"name": "teleport"}, "This version of LatentStudio has no operation 'teleport'"),
        ({"params": {"steps": 1}}, "Parameter 'steps' cannot be 1; a whole number from 2 to 65 would do"),
        ({"params": {"stepz": 1}}, "no parameter 'stepz'"),
        ({"model": "gone"}, "The model 'gone' is not here; choose another"),
        ({"model": "gan"}, "'gan' has no encoder"),
        ({"model": "m", "snapshot": 6}, "'m' has no snapshot at step 6"),
        (
            {"slots": {"a": (A,), "b": (ImageInput(dataset="faces", index=10),)}},
            "number 10 on B is not in 'Faces' any more",
        ),
        ({"slots": {"a": (A,), "b": (ImageInput(dataset="zip:/gone.zip", index=0),)}}, "There is no file or folder"),
        ({"slots": {"a": (CodeInput.of(np.zeros(5, np.float32)),), "b": (B,)}}, "5 numbers, from another model"),
        ({"slots": {"a": (CodeInput.of(np.full(4, np.nan, np.float32)),), "b": (B,)}}, "not finite"),
        ({"slots": {"a": (CodeInput(code="?"),), "b": (B,)}}, "damaged"),
    ],
)
def test_reasons_are_hints(changes: dict[str, object], words: str) -> None:
    assert words in text_of(with_strip(**changes))


def test_without_model_or_data() -> None:
    assert text_of(msgspec.structs.replace(DOCUMENT, model="")) == "Choose a model"
    no_data = msgspec.structs.replace(DOCUMENT, data="")
    assert text_of(no_data, "norms-1") == "Open a dataset"
    assert recipe_of(no_data).data is None


def test_dataset_that_is_being_opened_is_waited_for() -> None:
    reason = resolve(msgspec.structs.replace(DOCUMENT, data="olivetti"), "strip-1", CATALOGUE)
    assert reason == Reason("Opening the dataset …", waiting=True)


def test_dataset_that_would_not_open_stops_analyses_but_not_codes() -> None:
    codes = tuple(CodeInput.of(np.full(4, v, np.float32)) for v in (0, 1))
    document = msgspec.structs.replace(with_strip(slots={"a": codes[:1], "b": codes[1:]}), data="zip:/gone.zip")
    assert recipe_of(document).data is None
    assert "no file or folder" in (resolve(document, "norms-1", CATALOGUE).text)


def test_frame_of_another_strip_needs_no_encoder() -> None:
    codes = {name: (CodeInput.of(np.zeros(4, np.float32), "frame 4", "strip-2"),) for name in "ab"}
    recipe = recipe_of(with_strip(model="gan", slots=codes))
    assert recipe.inputs["a"][0].label == "frame 4"
    wide = resolve(with_strip(model="wide", slots=codes), "strip-1", CATALOGUE)
    assert isinstance(wide, Reason)
    assert "'wide' works with 7" in wide.text


def test_photo_needs_an_encoder_and_is_kept_as_it_is() -> None:
    photo = PixelsInput(png="AAAA", label="me.jpg")
    slots = {"a": (photo,), "b": (B,)}
    assert recipe_of(with_strip(slots=slots)).inputs["a"] == (photo,)
    assert text_of(with_strip(slots=slots, model="gan")) == "'gan' has no encoder"


def test_image_whose_place_changed_is_found_by_its_id() -> None:
    moved = ImageInput(dataset="folder:/p", index=0, id="c.png")
    recipe = recipe_of(with_strip(slots={"a": (moved,), "b": (B,)}))
    assert recipe.inputs["a"][0].index == 2
    gone = ImageInput(dataset="folder:/p", index=0, id="z.png")
    assert "'z.png' on A is not in" in text_of(with_strip(slots={"a": (gone,), "b": (B,)}))


def test_snapshots_follow_the_slider_unless_pinned() -> None:
    at_five = msgspec.structs.replace(DOCUMENT, snapshot=5)
    assert recipe_of(at_five).model.snapshot == 5
    pinned = at_five.with_panel(msgspec.structs.replace(STRIP, model="m"))
    assert recipe_of(pinned).model.snapshot is None
    assert recipe_of(DOCUMENT.with_panel(msgspec.structs.replace(STRIP, snapshot=5))).model.snapshot == 5


def test_panel_pinned_to_its_own_data() -> None:
    pinned = DOCUMENT.with_panel(msgspec.structs.replace(NORMS, data="folder:/p"))
    assert recipe_of(pinned, "norms-1").data.spec == "folder:/p"


def test_selection_restricts_only_panels_that_follow_it() -> None:
    document = msgspec.structs.replace(DOCUMENT, selection=(7, 2, 7))
    assert recipe_of(document, "norms-1").selection is None
    following = document.with_panel(msgspec.structs.replace(NORMS, follow_selection=True))
    assert recipe_of(following, "norms-1").selection == (2, 7)
    assert recipe_of(msgspec.structs.replace(following, selection=()), "norms-1").selection is None
    elsewhere = following.with_panel(msgspec.structs.replace(NORMS, follow_selection=True, data="folder:/p"))
    assert recipe_of(elsewhere, "norms-1").selection is None


def test_analysis_says_which_ability_is_missing() -> None:
    document = msgspec.structs.replace(DOCUMENT, model="gan").with_panel(
        Panel(id="likelihood-1", kind="analysis", name="likelihood")
    )
    assert text_of(document, "likelihood-1") in ("'gan' has no encoder", "'gan' has no likelihood")


def test_inspector() -> None:
    assert isinstance(resolve_inspection(DOCUMENT, CATALOGUE), Reason)
    recipe = resolve_inspection(DOCUMENT, CATALOGUE, A)
    assert isinstance(recipe, Recipe)
    assert recipe.inputs == {"images": (ImageInput(dataset="faces", index=3, id="3"),)}


def test_unknown_panel_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        resolve(DOCUMENT, "nobody", CATALOGUE)


def test_a_note_without_model_or_data_waits_for_neither_and_carries_neither() -> None:
    note = Panel(id="note-1", kind="analysis", name="half_space")
    found = resolve(Document(panels=(note,)), "note-1", CATALOGUE)
    assert isinstance(found, Recipe)
    assert found.model is None
    assert found.data is None
    assert found == resolve(Document(data="faces", model="m", panels=(note,)), "note-1", CATALOGUE)


def test_an_analysis_of_the_data_alone_needs_a_dataset_and_no_model() -> None:
    note = Panel(id="note-1", kind="analysis", name="unbounded_likelihood")
    assert text_of(Document(panels=(note,)), "note-1") == "Open a dataset"
    found = resolve(Document(data="faces", panels=(note,)), "note-1", CATALOGUE)
    assert isinstance(found, Recipe)
    assert found.model is None
    assert found.data is not None

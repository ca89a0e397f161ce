"""Which model suits a dataset, and what datasets and pictures are called."""

from pathlib import Path

import numpy as np
import pytest

from latentstudio.data.imageset import AttributeTable
from latentstudio.figures.recipe import CodeInput, ImageInput
from latentstudio.gui.dataset_switcher import full_name, ready_made, short_name
from latentstudio.gui.dragging import label_of
from latentstudio.gui.suggestions import fitting_model, with_model
from latentstudio.models.library import ModelInfo
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import DatasetFacts


def model(name: str, dataset: str) -> ModelInfo:
    return ModelInfo(
        name=name,
        path=f"/models/{name}",
        family="pca_realnvp",
        title=name,
        dataset=dataset,
        dataset_digest="",
        digest=name,
        image_shape=(1, 64, 64),
        latent_size=4,
        parts={"code": (0, 4)},
        prior="standard_normal",
        abilities=("encode", "decode"),
        snapshots=(),
        training={},
    )


@pytest.fixture
def models() -> dict[str, ModelInfo]:
    return {"drawn": model("drawn", "faces?n=4000"), "people": model("people", "olivetti")}


def test_offers_the_model_of_the_dataset_only_when_another_is_in_use(models: dict[str, ModelInfo]) -> None:
    assert fitting_model(Document(data="olivetti", model="drawn"), models) == models["people"]
    assert fitting_model(Document(data="olivetti", model="people"), models) is None
    assert fitting_model(Document(data="faces?n=100", model="drawn"), models) is None
    assert fitting_model(Document(data="digits", model="drawn"), models) is None


def test_taking_the_offer_replaces_foreign_images_and_keeps_codes(models: dict[str, ModelInfo]) -> None:
    facts = DatasetFacts("olivetti", "Olivetti", 400, (64, 64, 1), "d", None, AttributeTable(400), None)
    foreign = ImageInput(dataset="faces?n=4000", index=3, id="3")
    code = CodeInput.of(np.zeros(4, dtype=np.float32))
    panels = (
        Panel(id="strip-1", kind="operation", name="interpolate", slots={"a": (foreign,), "b": (code,)}),
        Panel(id="mean-1", kind="operation", name="mean", slots={"group": (foreign, foreign)}),
    )
    document = Document(data="olivetti", model="drawn", snapshot=100, panels=panels, current=foreign)
    changed = with_model(document, models["people"], facts)
    assert (changed.model, changed.snapshot) == ("people", None)
    assert changed.panel("strip-1").slots == {"a": (ImageInput(dataset="olivetti", index=0, id="0"),), "b": (code,)}
    assert changed.panel("mean-1").slots == {}
    assert changed.current == ImageInput(dataset="olivetti", index=0, id="0")


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("faces", "Drawn faces"),
        ("faces?n=4000", "Drawn faces (4,000)"),
        ("faces?size=128", "Drawn faces"),
        ("lfw", "LFW crops"),
        ("samples:faces-realnvp?n=400", "Samples of faces-realnvp (400)"),
        ("folder:/data/people?size=64", "people"),
        ("no such thing", "no such thing"),
    ],
)
def test_datasets_are_named_for_people(spec: str, name: str) -> None:
    assert short_name(spec) == name


def test_ready_made_datasets_are_those_that_can_be_opened_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(tmp_path))
    assert [spec for spec, _, _ in ready_made()] == ["faces", "olivetti", "digits"]
    (tmp_path / "lfw64").mkdir()
    (tmp_path / "lfw64" / "images.zip").touch()
    assert [spec for spec, _, _ in ready_made()] == ["faces", "olivetti", "lfw", "digits"]


def test_an_open_dataset_says_how_many_images_were_asked_for() -> None:
    assert full_name("Drawn faces", "faces?n=4000") == "Drawn faces (4,000)"
    assert full_name("Olivetti faces", "olivetti") == "Olivetti faces"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (ImageInput(dataset="faces", index=11), "image 11"),
        (ImageInput(dataset="faces", index=11, id="11"), "image 11"),
        (ImageInput(dataset="lfw", index=11, id="Ann/3.jpg"), "Ann/3.jpg"),
        (CodeInput.of(np.zeros(4, np.float32), label="Linear 0.5"), "Linear 0.5"),
        (CodeInput.of(np.zeros(4, np.float32), label="7"), "image 7"),
    ],
)
def test_pictures_have_one_form_of_name(item, words: str) -> None:
    assert label_of(item) == words

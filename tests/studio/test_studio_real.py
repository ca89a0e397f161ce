"""The welcome scene and the Olivetti faces through the engine process, with the bundled models."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from test_studio_engines import Ear

from latentstudio.figures.recipe import CodeInput, ImageInput, Recipe
from latentstudio.results import Strip
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.defaults import welcome_document
from latentstudio.studio.engine import start_engine
from latentstudio.studio.requests import ColumnsReady, DatasetColumns, Inspect, OpenDataset, RunRecipe, Urgency
from latentstudio.studio.resolve import resolve, resolve_inspection

OLIVETTI, MODEL = "olivetti", "olivetti-realnvp"


@pytest.fixture
def ear(olivetti_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(olivetti_home))
    if MODEL not in Catalogue.scan().models:
        pytest.skip(f"the bundled model {MODEL} is not here")
    engine = start_engine("process")
    yield Ear(engine)
    engine.close()


def answered(ear: Ear, request: Any, lane: str = "ask") -> Any:
    answer = ear.done(ear.engine.submit(lane, Urgency.VISIBLE, request))
    assert not answer.error, answer.error + answer.detail
    return answer.payload


@pytest.mark.realdata
def test_olivetti_from_the_welcome_scene_to_the_inspector(ear: Ear) -> None:
    catalogue = Catalogue.scan().with_dataset(answered(ear, OpenDataset(OLIVETTI)))
    document = welcome_document(catalogue)
    assert (document.data, document.model) == (OLIVETTI, MODEL)
    tickets = {}
    for panel in document.panels:
        recipe = resolve(document, panel.id, catalogue)
        assert isinstance(recipe, Recipe), recipe
        tickets[panel.id] = ear.engine.submit(panel.id, Urgency.VISIBLE, RunRecipe(recipe))
    results = {name: ear.done(ticket) for name, ticket in tickets.items()}
    assert {name: a.error for name, a in results.items()} == dict.fromkeys(tickets, "")
    strip = results["strip-1"].payload.result
    assert isinstance(strip, Strip)
    assert strip.frames.images.shape == (9, 64, 64, 1)
    assert strip.frames.nearest[[0, -1]].tolist() == [3, 117]
    assert strip.frames.data_percentile is not None

    code = CodeInput.of(strip.frames.codes[4], "middle", "strip-1")
    inspected = resolve_inspection(document, catalogue, code)
    assert isinstance(inspected, Recipe)
    inspection = answered(ear, Inspect(inspected))
    assert inspection.norm == pytest.approx(strip.frames.norm[4], rel=1e-5)
    assert inspection.log_prob == pytest.approx(strip.frames.log_prob[4], rel=1e-4)

    again = document.with_panel(
        msgspec.structs.replace(
            document.panel("strip-1"),
            slots={"a": (code,), "b": (ImageInput(dataset=OLIVETTI, index=50),)},
        )
    )
    follow = resolve(again, "strip-1", catalogue)
    assert isinstance(follow, Recipe)
    next_strip = answered(ear, RunRecipe(follow)).result
    np.testing.assert_array_equal(next_strip.frames.images[0], strip.frames.images[4])

    columns = answered(ear, DatasetColumns(catalogue.model_ref(MODEL), catalogue.data_ref(OLIVETTI)))
    assert isinstance(columns, ColumnsReady)
    assert np.isfinite(columns.norm).all()
    assert np.isfinite(columns.log_prob).all()
    assert columns.norm[3] == pytest.approx(strip.frames.norm[0], rel=1e-4)


@pytest.mark.realdata
def test_strip_through_every_snapshot(ear: Ear) -> None:
    catalogue = Catalogue.scan().with_dataset(answered(ear, OpenDataset(OLIVETTI)))
    document = welcome_document(catalogue)
    middles = []
    for step in (*catalogue.models[MODEL].snapshots, None):
        at_step = msgspec.structs.replace(document, snapshot=step)
        recipe = resolve(at_step, "strip-1", catalogue)
        assert isinstance(recipe, Recipe)
        middles.append(answered(ear, RunRecipe(recipe)).result.frames.images[4].astype(float))
    assert len(middles) > 3
    assert all(np.abs(a - b).max() > 0 for a, b in pairwise(middles[:-1]))

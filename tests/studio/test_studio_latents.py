"""The latent store as a background lane of the engine, and what the columns take from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentstudio.data import latent_store
from latentstudio.data.latent_shelf import stores
from latentstudio.data.latent_store import open_store
from latentstudio.figures.recipe import DataRef, ModelRef, Recipe
from latentstudio.studio import columns as columns_module
from latentstudio.studio.handlers import Handlers
from latentstudio.studio.requests import Answer, CodesStored, DatasetColumns, RunRecipe, StoreCodes, Urgency
from latentstudio.studio.worker import Worker
from latentstudio.studio.workspace import Workspace

MODEL = ModelRef(name="tiny")
DATA = DataRef(spec="faces?n=40&size=16")


class Desk:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.handlers = Handlers(Workspace())
        self.worker = Worker(self.handlers.start, self.answers.append)

    def submit(self, lane: str, urgency: Urgency, request: Any) -> Any:
        return self.worker.submit(lane, urgency, request)

    def last(self, request: Any) -> Any:
        ticket = self.submit("test", Urgency.BACKGROUND, request)
        self.worker.run_until_idle(1_000_000)
        answer = [a for a in self.answers if a.ticket == ticket][-1]
        assert not answer.error, answer.error + answer.detail
        return answer.payload


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    from latentstudio.models import checkpoint
    from latentstudio.models.pca_realnvp import PcaRealNvp

    monkeypatch.setenv("LATENTSTUDIO_MODELS", str(tmp_path / "models"))
    checkpoint.save(
        tmp_path / "models" / "tiny",
        PcaRealNvp.tiny(),
        title="Tiny",
        dataset={"spec": "faces", "digest": "", "title": "Faces", "images": 24},
        training={},
        card="A model for tests.",
        history=[],
    )
    desk = Desk()
    yield desk
    desk.handlers.close()


def test_the_lane_fills_the_store_and_says_where(desk: Desk) -> None:
    stored = desk.last(StoreCodes(MODEL, DATA))
    assert isinstance(stored, CodesStored)
    assert (stored.images, stored.encoded) == (40, 40)
    assert [str(f.folder) for f in stores()] == [stored.folder]
    assert stored.bytes == stores()[0].bytes
    assert open_store(Path(stored.folder)).complete
    assert desk.last(StoreCodes(MODEL, DATA)).encoded == 0
    assert desk.last(StoreCodes(MODEL, DATA, "float16")).encoded == 40


def test_a_wrong_number_type_is_a_sentence(desk: Desk) -> None:
    ticket = desk.submit("store", Urgency.BACKGROUND, StoreCodes(MODEL, DATA, "int8"))
    desk.worker.run_until_idle(1_000_000)
    assert "'int8'; float32 or float16 would do" in [a for a in desk.answers if a.ticket == ticket][-1].error


def test_a_dropped_pass_keeps_what_it_has_and_the_next_goes_on(desk: Desk) -> None:
    desk.submit("store", Urgency.BACKGROUND, StoreCodes(MODEL, DATA))
    while not any("16 of 40" in a.message for a in desk.answers):
        desk.worker.step()
    desk.worker.cancel("store")
    desk.worker.run_until_idle(1_000_000)
    assert desk.last(StoreCodes(MODEL, DATA)).encoded == 24


def test_the_hand_waits_for_one_chunk_at_most(desk: Desk) -> None:
    """While the store is filled, a request of the hand is worked on at the very next step."""
    desk.submit("store", Urgency.BACKGROUND, StoreCodes(MODEL, DATA))
    while not any(a.message.startswith("Encoding") for a in desk.answers):
        desk.worker.step()
    drag = desk.submit("hand", Urgency.HAND, RunRecipe(Recipe(kind="operation", name="sample", model=MODEL)))
    before = len(desk.answers)
    while not any(a.ticket == drag and a.done for a in desk.answers):
        desk.worker.step()
    between = {a.ticket for a in desk.answers[before:]}
    assert between == {drag}
    desk.worker.run_until_idle(1_000_000)
    assert stores()[0].state == "complete"


def test_columns_come_from_a_complete_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "LIMIT", 10)
    stored = desk.last(StoreCodes(MODEL, DATA))

    def refuse(*args: object) -> None:
        raise AssertionError("encoded again")

    with monkeypatch.context() as patch:
        patch.setattr(columns_module, "_measured", refuse)
        # Files that have been copied are read and verified first, a block at a time.
        (Path(stored.folder) / latent_store.STAMPS).unlink()
        columns = desk.last(DatasetColumns(MODEL, DATA))
    store = open_store(Path(stored.folder))
    np.testing.assert_array_equal(columns.norm, store.norms)
    np.testing.assert_array_equal(columns.log_prob, store.log_probs)
    path = next(Path(stored.folder).glob("*.scalars.npy"))
    path.write_bytes(path.read_bytes()[:-3])
    again = desk.last(DatasetColumns(MODEL, DATA))
    np.testing.assert_allclose(again.norm, store.norms, rtol=1e-5)

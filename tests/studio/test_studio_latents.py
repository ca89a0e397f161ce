"""The latent store as a background lane of the engine, and what the columns take from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentstudio.data import latent_store
from latentstudio.data.latent_shelf import stores
from latentstudio.data.latent_store import open_store
from latentstudio.errors import UserError
from latentstudio.figures import readouts
from latentstudio.figures.recipe import DataRef, ModelRef, Recipe
from latentstudio.studio import columns as columns_module
from latentstudio.studio import latent_encoding
from latentstudio.studio.codes_cache import ArrayStore
from latentstudio.studio.handlers import Handlers
from latentstudio.studio.requests import Answer, DatasetColumns, RunRecipe, Urgency
from latentstudio.studio.store_requests import ClearStores, CodesStored, ListStores, StoreCodes, VerifyStore
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


def half_done(desk: Desk) -> int:
    """Begin a store and drop it in the middle; returns the number of images that it holds."""
    ticket = desk.submit("store", Urgency.BACKGROUND, StoreCodes(MODEL, DATA))
    while not any(a.ticket == ticket and a.message.startswith("Encoding") for a in desk.answers):
        assert desk.worker.step()
    desk.worker.step()
    desk.worker.cancel("store")
    desk.worker.run_until_idle(1_000_000)
    (facts,) = stores()
    assert 0 < facts.stored < 40
    assert f"Encoding: {facts.stored} of 40" in [a for a in desk.answers if a.ticket == ticket][-1].message
    return facts.stored


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
    kept = half_done(desk)
    assert desk.last(StoreCodes(MODEL, DATA)).encoded == 40 - kept


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


def found_summary(workspace: Workspace) -> Any:
    return list(workspace.codes(MODEL, DATA))[-1]


def test_summaries_come_from_a_complete_store(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = found_summary(Workspace(store=ArrayStore(tmp_path / "other")))
    stored = desk.last(StoreCodes(MODEL, DATA))
    # Files that have been copied are verified first; the summary says meanwhile that nothing is known.
    (Path(stored.folder) / latent_store.STAMPS).unlink()
    monkeypatch.setattr(readouts, "encode_and_score", lambda *_: pytest.fail("encoded again"))
    parts = list(desk.handlers.workspace.codes(MODEL, DATA))
    assert len(parts[0].indices) == 0
    assert parts[0].fraction == 0
    read = parts[-1]
    store = open_store(Path(stored.folder))
    np.testing.assert_array_equal(read.norms, store.norms)
    np.testing.assert_array_equal(read.log_probs, store.log_probs)
    np.testing.assert_array_equal(read.features, encoded.features)
    np.testing.assert_array_equal(read.mean_image, encoded.mean_image)
    np.testing.assert_allclose(read.norms, encoded.norms, rtol=1e-5)
    np.testing.assert_allclose(read.mean_code, encoded.mean_code, atol=1e-5)
    assert (read.fraction, read.notes) == (1.0, ())


def test_summaries_are_encoded_without_a_complete_store(desk: Desk, tmp_path: Path) -> None:
    half_done(desk)
    assert desk.handlers.workspace.latent_store(MODEL, DATA) is None
    begun = found_summary(desk.handlers.workspace)
    encoded = found_summary(Workspace(store=ArrayStore(tmp_path / "other")))
    np.testing.assert_allclose(begun.norms, encoded.norms, rtol=1e-5)


def test_the_workspace_opens_complete_and_sound_stores_only(desk: Desk) -> None:
    workspace = desk.handlers.workspace
    assert workspace.latent_store(MODEL, DATA) is None
    folder = Path(desk.last(StoreCodes(MODEL, DATA)).folder)
    store = workspace.latent_store(MODEL, DATA)
    assert store is not None
    assert store.folder == folder
    assert workspace.latent_store(MODEL, DataRef(spec="faces?n=41&size=16")) is None
    flip_a_bit(folder / "shard_00000.codes.npy")
    assert workspace.latent_store(MODEL, DATA) is None
    assert desk.last(StoreCodes(MODEL, DATA)).encoded == 40
    mended = workspace.latent_store(MODEL, DATA)
    assert mended is not None
    np.testing.assert_allclose(mended.codes(np.arange(40)), store.codes(np.arange(40)), atol=1e-5)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


@pytest.fixture
def folder_data(tmp_path: Path) -> DataRef:
    """Twelve picture files, one of them broken."""
    from PIL import Image

    home = tmp_path / "pictures"
    home.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    for k, picture in enumerate(pixels):
        Image.fromarray(picture).save(home / f"{k:02d}.png")
    (home / "04.png").write_bytes((home / "04.png").read_bytes()[:60])
    return DataRef(spec=f"folder:{home}")


def test_one_broken_picture_does_not_stop_the_pass(desk: Desk, folder_data: DataRef, tmp_path: Path) -> None:
    from PIL import Image

    workspace = desk.handlers.workspace
    stored = desk.last(StoreCodes(MODEL, folder_data))
    assert (stored.images, stored.encoded) == (12, 12)
    assert stored.lost.startswith("1 image cannot be read")
    assert "04.png" in stored.lost
    store = workspace.latent_store(MODEL, folder_data)
    assert store is not None
    assert store.unread.tolist() == [4]
    assert np.isnan(store.codes(np.array([4]))).all()
    assert np.isfinite(store.codes(np.array([3, 5]))).all()
    assert list(workspace.codes(MODEL, folder_data))[-1].lost == 1
    rows = np.tile(np.arange(12), 4)
    asking = workspace.bank(MODEL, folder_data).codes(rows)
    while True:
        try:
            next(asking)
        except StopIteration as end:
            found = end.value
            break
    assert found.kept.tolist() == [k != 4 for k in rows]
    np.testing.assert_array_equal(found.codes, store.codes(rows[rows != 4]))
    # A file that is put right does not change the digest of a folder's names; its code is made when it is needed.
    Image.fromarray(np.full((16, 16), 99, np.uint8)).save(tmp_path / "pictures" / "04.png")
    fresh = Workspace(store=ArrayStore(tmp_path / "other"))
    summary = list(fresh.codes(MODEL, folder_data))[-1]
    assert (summary.lost, len(summary.norms)) == (0, 12)
    assert np.isfinite(summary.norms).all()


def test_a_drive_that_goes_ends_the_pass_and_costs_nothing(desk: Desk, folder_data: DataRef, tmp_path: Path) -> None:
    home, away = tmp_path / "pictures", tmp_path / "away"
    ticket = desk.submit("store", Urgency.BACKGROUND, StoreCodes(MODEL, folder_data))
    while not any(a.ticket == ticket and "1 of 12" in a.message for a in desk.answers):
        assert desk.worker.step()
    home.rename(away)
    desk.worker.run_until_idle(1_000_000)
    error = [a for a in desk.answers if a.ticket == ticket][-1].error
    kept = stores()[0].stored
    assert 0 < kept < 12
    assert "cannot be read any more" in error
    assert f"{kept} of 12 images are kept" in error
    away.rename(home)
    stored = desk.last(StoreCodes(MODEL, folder_data))
    assert stored.encoded == 12 - kept
    store = desk.handlers.workspace.latent_store(MODEL, folder_data)
    assert store is not None
    assert store.unread.tolist() == [4]


def test_chunks_follow_the_time_that_an_image_takes() -> None:
    size = 1
    for _ in range(12):
        size = latent_encoding._next_size(size, 0.001)
    assert size == round(1000 * latent_encoding.HAND_WAITS)
    assert latent_encoding._next_size(30, latent_encoding.HAND_WAITS * 0.7) == 1
    assert latent_encoding._next_size(4, 1e-9) == 8
    assert latent_encoding._next_size(256, 1e-9) == 256


def test_stores_are_listed_verified_and_cleared(desk: Desk) -> None:
    empty = desk.last(ListStores())
    assert empty.stores == ()
    assert empty.free > 0
    exact = desk.last(StoreCodes(MODEL, DATA))
    rough = desk.last(StoreCodes(MODEL, DATA, "float16"))
    listed = desk.last(ListStores())
    assert {str(line.facts.folder) for line in listed.stores} == {exact.folder, rough.folder}
    assert [(line.facts.state, line.facts.stored, line.outdated) for line in listed.stores] == [
        ("complete", 40, "")
    ] * 2
    assert desk.last(VerifyStore(exact.folder)).faults == ()
    path = Path(exact.folder) / "shard_00000.codes.npy"
    flip_a_bit(path)
    latent_store.write_stamps(path.parent, {p.name: latent_store.file_stamp(p) for p in path.parent.glob("shard_*")})
    (fault,) = desk.last(VerifyStore(exact.folder)).faults
    assert fault == f"{path} is damaged: its checksum is wrong."
    taken = sum(line.facts.bytes for line in desk.last(ListStores()).stores)
    cleared = desk.last(ClearStores((exact.folder, rough.folder, str(path.parent.parent / "gone"))))
    assert (cleared.cleared, cleared.kept) == (3, ())
    assert cleared.freed == taken > 40 * 16
    assert desk.last(ListStores()).stores == ()


def test_a_store_at_work_is_not_cleared(desk: Desk) -> None:
    desk.submit("store", Urgency.BACKGROUND, StoreCodes(MODEL, DATA))
    while not any(a.message.startswith("Encoding") for a in desk.answers):
        assert desk.worker.step()
    (facts,) = stores()
    handlers = Handlers(Workspace())
    answer = list(handlers.start(ClearStores((str(facts.folder),))))[-1].payload
    assert (answer.freed, answer.cleared) == (0, 0)
    assert "is being written already" in answer.kept[0]
    with pytest.raises(UserError, match="is being written already"):
        list(handlers.start(StoreCodes(MODEL, DATA)))
    desk.worker.run_until_idle(1_000_000)
    assert stores()[0].state == "complete"


def test_stores_of_a_changed_model_are_told_apart_and_not_continued(desk: Desk, tmp_path: Path) -> None:
    half_done(desk)
    folder = stores()[0].folder
    retrained(tmp_path / "models" / "tiny")
    (line,) = desk.last(ListStores()).stores
    assert line.outdated == "The model tiny has changed since; its codes are others now."
    assert desk.handlers.workspace.latent_store(MODEL, DATA) is None
    ticket = desk.submit("again", Urgency.BACKGROUND, StoreCodes(MODEL, DATA, folder=str(folder)))
    desk.worker.run_until_idle(1_000_000)
    error = [a for a in desk.answers if a.ticket == ticket][-1].error
    assert error.startswith("The model tiny has changed since this store was begun")
    assert desk.last(StoreCodes(MODEL, DATA)).encoded == 40
    assert len(stores()) == 2
    (tmp_path / "models" / "tiny" / "config.json").unlink()
    assert all(line.outdated.startswith("The model is not here") for line in desk.last(ListStores()).stores)


def retrained(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "weights.safetensors")
    changed = {name: t * 0.5 if t.is_floating_point() else t for name, t in tensors.items()}
    save_file(changed, folder / "weights.safetensors")


def test_a_store_begun_elsewhere_is_completed_as_it_was_begun(desk: Desk, tmp_path: Path) -> None:
    workspace = desk.handlers.workspace
    manifest = latent_encoding.plan(workspace, MODEL, DATA, "float16", (2, 2), shard_rows=7)
    pass_ = latent_encoding.encode_into_store(workspace, MODEL, DATA, manifest, tmp_path / "part")
    while not next(pass_).encoded:
        pass
    pass_.close()
    stored = desk.last(StoreCodes(MODEL, DATA, folder=str(tmp_path / "part")))
    assert stored.images == 7 + 7 + 5
    assert open_store(tmp_path / "part").known.tolist() == [k // 7 % 2 == 1 for k in range(40)]


def test_times_are_written_as_one_would_say_them() -> None:
    assert [latent_encoding.time_words(t) for t in (0.2, 40, 99, 2220, 9000)] == [
        "1 s",
        "40 s",
        "2 min",
        "37 min",
        "2.5 h",
    ]

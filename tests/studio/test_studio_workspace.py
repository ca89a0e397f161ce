"""Models, datasets and codes over real files, with a tiny model; and what each request does."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef, Figure, ImageInput, ModelRef, Recipe
from latentstudio.results import Strip, final
from latentstudio.studio import columns as columns_module
from latentstudio.studio.devices import choose_device, default_threads
from latentstudio.studio.handlers import Handlers, make_handlers
from latentstudio.studio.requests import (
    AlignPhoto,
    Answer,
    ColumnsReady,
    DatasetColumns,
    DatasetFacts,
    Inspect,
    OpenDataset,
    Picture,
    Preload,
    ReadPhoto,
    RenderFigure,
    RunRecipe,
    ThumbnailBatch,
    Thumbnails,
    Urgency,
)
from latentstudio.studio.shared_pass import SharedPass
from latentstudio.studio.worker import Worker
from latentstudio.studio.workspace import Workspace

TINY = ModelRef(name="tiny")
PHOTOS = 40


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from latentstudio.models import checkpoint
    from latentstudio.models.pca_realnvp import PcaRealNvp

    folder = tmp_path_factory.mktemp("models") / "tiny"
    model = PcaRealNvp.tiny()
    history = [{"step": s, "loss": 1.0 / s, "held_out": None, "seconds": 0.1, "skipped": 0} for s in (1, 2)]
    checkpoint.save(
        folder,
        model,
        title="Tiny",
        dataset={"spec": "faces", "digest": "", "title": "Faces", "images": 24},
        training={},
        card="A model for tests.",
        history=history,
    )
    checkpoint.save_snapshot(folder, model, 10)
    return folder


@pytest.fixture
def models(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "models"
    shutil.copytree(tiny_folder, home / "tiny")
    monkeypatch.setenv("LATENTSTUDIO_MODELS", str(home))
    return home


@pytest.fixture
def photos(tmp_path: Path) -> DataRef:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(PHOTOS):
        Image.fromarray(rng.integers(0, 255, (9, 8, 3), dtype=np.uint8)).save(folder / f"{i:03d}.png")
    return DataRef(spec=f"folder:{folder}?size=8")


@pytest.fixture
def workspace(models: Path) -> Workspace:
    return Workspace()


class Desk:
    """Handlers under a worker that is stepped by hand."""

    def __init__(self, workspace: Workspace) -> None:
        self.handlers = Handlers(workspace)
        self.answers: list[Answer] = []
        self.worker = Worker(self.handlers.start, self.answers.append, self.handlers.release_memory)

    def ask(self, request: Any) -> list[Answer]:
        ticket = self.worker.submit("test", Urgency.VISIBLE, request)
        self.worker.run_until_idle(1_000_000)
        mine = [a for a in self.answers if a.ticket == ticket]
        assert mine[-1].done
        assert sum(a.done for a in mine) == 1
        return mine

    def last(self, request: Any) -> Any:
        answer = self.ask(request)[-1]
        assert not answer.error, answer.error + answer.detail
        return answer.payload


@pytest.fixture
def desk(workspace: Workspace) -> Iterator[Desk]:
    desk = Desk(workspace)
    yield desk
    desk.handlers.close()


def strip(data: DataRef, model: ModelRef = TINY, **params: Any) -> Recipe:
    inputs = {slot: (ImageInput(dataset=data.spec, index=i),) for slot, i in (("a", 0), ("b", 1))}
    return Recipe(kind="operation", name="interpolate", params=params, model=model, data=data, inputs=inputs)


def test_model_is_loaded_once_until_its_files_change(workspace: Workspace, models: Path) -> None:
    first = workspace.model(TINY)
    assert workspace.model(TINY) is first
    assert workspace.model(ModelRef(name=str(models / "tiny"))) is first
    snapshot = workspace.model(ModelRef(name="tiny", snapshot=10))
    assert snapshot is not first
    assert [ref.snapshot for ref in workspace.holdings().models] == [None, 10]
    weights = models / "tiny" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # the last bits of the last number
    weights.write_bytes(content)
    os.utime(weights, (1, 1))
    assert workspace.model(TINY) is not first


def test_models_beyond_the_budget_are_let_go_of_but_the_last_stays(models: Path) -> None:
    workspace = Workspace(budget_bytes=1)
    first = workspace.model(TINY)
    assert workspace.model(TINY) is first
    workspace.model(ModelRef(name="tiny", snapshot=10))
    assert [ref.snapshot for ref in workspace.holdings().models] == [10]


@pytest.mark.parametrize("name", ["", "nobody", "../tiny"])
def test_unknown_model_is_a_sentence(workspace: Workspace, name: str) -> None:
    with pytest.raises(UserError, match="There is no model"):
        workspace.model(ModelRef(name=name))
    with pytest.raises(UserError, match="no snapshot at step 11; there are 10"):
        workspace.model(ModelRef(name="tiny", snapshot=11))


def test_device_that_is_not_there(models: Path) -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda", "mps")
    with pytest.raises(UserError, match=r"The device 'tpu' is not there; .*cpu.* would do"):
        Workspace("tpu").model(TINY)


def test_threads_leave_one_core_to_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentstudio.studio.devices.usable_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert default_threads() == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setattr("latentstudio.studio.devices.usable_cores", lambda: 1)
    assert default_threads() == 1


def test_pictures_of_files_are_decoded_once(workspace: Workspace, photos: DataRef) -> None:
    data = workspace.dataset(photos)
    first = data.images(range(5))
    for path in Path(photos.spec.removeprefix("folder:").partition("?")[0]).iterdir():
        path.unlink()
    np.testing.assert_array_equal(data.images([4, 0, 0]), first[[4, 0, 0]])
    assert workspace.dataset(photos) is data


def test_datasets_not_used_for_longest_are_let_go_of(workspace: Workspace) -> None:
    specs = [f"faces?n={n}&size=8" for n in range(2, 10)]
    for spec in specs:
        workspace.dataset(DataRef(spec=spec))
    assert [ref.spec for ref in workspace.holdings().datasets] == specs[-6:]


def test_samples_of_a_model_are_a_dataset(workspace: Workspace) -> None:
    data = workspace.dataset(DataRef(spec="samples:tiny?n=70"))
    assert (len(data), data.image_shape) == (70, (6, 5, 3))
    images = data.images(range(70))
    np.testing.assert_array_equal(data.images([69, 3]), images[[69, 3]])
    again = Workspace().dataset(DataRef(spec="samples:tiny?n=70"))
    np.testing.assert_array_equal(again.images([3]), images[[3]])
    assert again.digest == data.digest
    assert workspace.dataset(DataRef(spec="samples:tiny?n=71")).digest != data.digest
    assert workspace.dataset(DataRef(spec="samples:tiny?n=70&snapshot=10")).digest != data.digest
    assert data.attributes["seed"].values[69] == 69


@pytest.mark.parametrize("spec", ["samples:", "samples:nobody", "samples:tiny?n=0", "samples:tiny?m=4", "nothing:x"])
def test_samples_that_cannot_be(workspace: Workspace, spec: str) -> None:
    with pytest.raises(UserError, match=r"\w"):
        workspace.dataset(DataRef(spec=spec))


def test_codes_are_computed_once_and_kept_on_disk(
    workspace: Workspace, photos: DataRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = list(workspace.codes(TINY, photos))
    assert [len(p.indices) for p in parts] == [8, 16, 24, 32, 40]
    assert list(workspace.codes(TINY, photos)) == parts[-1:]

    def forbidden(*args: Any, **options: Any) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr("latentstudio.figures.readouts.DatasetCodes.of", forbidden)
    fresh = list(Workspace().codes(TINY, photos))
    assert len(fresh) == 1
    np.testing.assert_array_equal(fresh[0].norms, parts[-1].norms)
    with pytest.raises(AssertionError, match="encoded again"):
        list(workspace.codes(ModelRef(name="tiny", snapshot=10), photos))


def test_two_readers_share_one_pass_and_a_dropped_one_does_not_stop_it(workspace: Workspace, photos: DataRef) -> None:
    first, second = workspace.codes(TINY, photos), workspace.codes(TINY, photos)
    assert len(next(first).indices) == 8
    assert len(next(second).indices) == 8
    first.close()  # type: ignore[attr-defined]
    assert [len(part.indices) for part in second] == [16, 24, 32, 40]


def test_shared_pass_gives_every_reader_the_end_and_the_error() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("torn")

    shared = SharedPass(source())
    first, second = shared.follow(), shared.follow()
    assert [next(first), next(first)] == [1, 2]
    assert next(second) == 2
    for reader in (first, second, shared.follow()):
        if reader not in (first, second):
            assert next(reader) == 2
        with pytest.raises(ValueError, match="torn"):
            next(reader)


def test_release_memory_forgets_but_works_on(workspace: Workspace, photos: DataRef) -> None:
    before = workspace.model(TINY)
    list(workspace.codes(TINY, photos))
    workspace.release_memory()
    assert workspace.holdings().models == ()
    assert workspace.model(TINY) is not before
    assert len(list(workspace.codes(TINY, photos))) == 1


def test_strip_runs_in_steps_and_comes_from_the_cache_the_second_time(desk: Desk, photos: DataRef) -> None:
    recipe = strip(photos)
    answers = desk.ask(RunRecipe(recipe))
    assert len(answers) > 2
    result = answers[-1].payload.result
    assert isinstance(result, Strip)
    assert result.frames.ready.all()
    assert result.frames.data_percentile is not None
    again = desk.ask(RunRecipe(recipe))
    assert len(again) == 1
    assert again[0].payload.result is result
    from latentstudio.figures.run import run_recipe

    direct = final(run_recipe(recipe, desk.handlers.workspace))
    np.testing.assert_array_equal(direct.frames.images, result.frames.images)


def test_model_whose_weights_changed_is_not_taken_from_the_cache(desk: Desk, photos: DataRef, models: Path) -> None:
    recipe = strip(photos)
    before = desk.last(RunRecipe(recipe)).result
    _move_mean(models / "tiny" / "weights.safetensors")
    after = desk.last(RunRecipe(recipe)).result
    assert not np.array_equal(before.frames.norm, after.frames.norm)


def _move_mean(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    tensors["pca.mean"] = tensors["pca.mean"] + 0.25
    save_file(tensors, path)


def test_every_analysis_answers(desk: Desk, photos: DataRef) -> None:
    from latentstudio.analyses import ANALYSES

    for name in ANALYSES:
        recipe = Recipe(kind="analysis", name=name, model=TINY, data=photos)
        answer = desk.ask(RunRecipe(recipe))[-1]
        assert answer.payload is None or answer.payload.fraction == 1.0
        assert bool(answer.payload) != bool(answer.error), answer
        assert "Unexpected" not in answer.error, answer.error + answer.detail


def test_broken_model_is_a_sentence_and_the_next_request_works(desk: Desk, photos: DataRef, models: Path) -> None:
    (models / "bad").mkdir()
    shutil.copy(models / "tiny" / "config.json", models / "bad" / "config.json")
    (models / "bad" / "weights.safetensors").write_bytes(b"\x80\x04K\x01.")
    answer = desk.ask(RunRecipe(strip(photos, ModelRef(name="bad"))))[-1]
    assert "safetensors" in answer.error
    assert not answer.detail
    assert desk.last(RunRecipe(strip(photos))).result


def test_model_that_raises_in_the_worker(desk: Desk, photos: DataRef, monkeypatch: pytest.MonkeyPatch) -> None:
    from latentstudio.models.pca_realnvp import PcaRealNvp

    def explode(*args: Any) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with monkeypatch.context() as patch:
        patch.setattr(PcaRealNvp, "decode", explode)
        answer = desk.ask(RunRecipe(strip(photos)))[-1]
    assert answer.error == "Unexpected problem: mat1 and mat2 shapes cannot be multiplied"
    assert "explode" in answer.detail
    assert desk.last(RunRecipe(strip(photos))).result


def test_open_dataset_tells_all_but_the_pixels(desk: Desk, photos: DataRef) -> None:
    facts = desk.last(OpenDataset(photos.spec))
    assert isinstance(facts, DatasetFacts)
    assert (facts.size, facts.image_shape) == (PHOTOS, (8, 8, 3))
    assert facts.ids == tuple(f"{i:03d}.png" for i in range(PHOTOS))
    numbered = desk.last(OpenDataset("faces?n=30&size=8"))
    assert numbered.ids is None
    assert "identity" in numbered.attributes
    gone = desk.ask(OpenDataset("folder:/nowhere/at/all"))[-1]
    assert "/nowhere/at/all" in gone.error
    assert not gone.detail


def test_plain_path_is_known_by_its_specification(desk: Desk, photos: DataRef) -> None:
    path = photos.spec.removeprefix("folder:").partition("?")[0]
    facts = desk.last(OpenDataset(path))
    assert facts.spec == f"folder:{path}"


def test_dataset_that_changed_is_read_anew_when_opened(desk: Desk, photos: DataRef) -> None:
    before = desk.last(OpenDataset(photos.spec))
    folder = Path(photos.spec.removeprefix("folder:").partition("?")[0])
    (folder / "000.png").unlink()
    after = desk.last(OpenDataset(photos.spec))
    assert (before.size, after.size) == (PHOTOS, PHOTOS - 1)
    assert before.digest != after.digest
    assert len(desk.handlers.workspace.dataset(photos)) == PHOTOS - 1


def test_thumbnails_in_order_with_failures_named(desk: Desk, photos: DataRef) -> None:
    folder = Path(photos.spec.removeprefix("folder:").partition("?")[0])
    (folder / "007.png").write_bytes(b"not a picture")
    order = tuple(range(PHOTOS - 1, -1, -1))
    batches = [a.payload for a in desk.ask(Thumbnails(photos, order, 16))]
    assert all(isinstance(b, ThumbnailBatch) for b in batches)
    assert tuple(i for b in batches for i in b.indices) == order
    assert all(b.pixels.shape == (len(b.indices), 16, 16, 3) for b in batches)
    failed = {k: v for b in batches for k, v in b.failed.items()}
    assert list(failed) == [7]
    assert "007.png" in failed[7]


def test_picture_at_native_size(desk: Desk, photos: DataRef) -> None:
    assert desk.last(Picture(photos, 3)).shape == (9, 8, 3)


@pytest.mark.parametrize("limit", [20_000, 10])
def test_columns_agree_with_the_model_for_small_and_large_sets(
    desk: Desk, photos: DataRef, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(columns_module, "LIMIT", limit)
    answers = desk.ask(DatasetColumns(TINY, photos))
    columns = answers[-1].payload
    assert isinstance(columns, ColumnsReady)
    import torch

    from latentstudio.data.prepare import fit

    workspace = desk.handlers.workspace
    model = workspace.model(TINY)
    with torch.inference_mode():
        images = torch.from_numpy(fit(workspace.dataset(photos).images(range(PHOTOS)), model.image_shape))
        norm, log_prob = model.encode(images).double().norm(dim=1), model.log_prob(images)
    np.testing.assert_allclose(columns.norm, norm, rtol=1e-4)
    np.testing.assert_allclose(columns.log_prob, log_prob, rtol=1e-4)
    assert np.isnan(answers[0].payload.norm).sum() == PHOTOS - 8


def test_dropped_pass_over_a_large_set_is_taken_up_again(
    desk: Desk, photos: DataRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_module, "LIMIT", 10)
    desk.worker.submit("columns", Urgency.BACKGROUND, DatasetColumns(TINY, photos))
    desk.worker.step()
    desk.worker.cancel("columns")
    desk.worker.run_until_idle()
    encoded: list[int] = []
    measured = columns_module._measured

    def counting(model: ModelRef, space: Workspace, pixels: Any) -> Any:
        encoded.append(len(pixels))
        return measured(model, space, pixels)

    monkeypatch.setattr(columns_module, "_measured", counting)
    again = desk.last(DatasetColumns(TINY, photos))
    assert sum(encoded) == PHOTOS - 8
    assert not np.isnan(again.norm).any()
    assert desk.last(DatasetColumns(TINY, photos)).fraction == 1.0
    assert sum(encoded) == PHOTOS - 8


def test_inspection_first_the_code_then_the_dataset(desk: Desk, photos: DataRef) -> None:
    inputs = {"images": (ImageInput(dataset=photos.spec, index=2),)}
    recipe = Recipe(kind="operation", name="reconstruct", model=TINY, data=photos, inputs=inputs)
    payloads = [a.payload for a in desk.ask(Inspect(recipe)) if a.payload is not None]
    assert len(payloads) == 2
    assert payloads[0].nearest == ()
    distances = [distance for _, distance in payloads[-1].nearest]
    assert len(distances) > 1
    assert distances == sorted(distances)


def test_photos_are_read_and_aligned(desk: Desk, tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 40, 3), 90, np.uint8)).save(tmp_path / "me.jpg")
    assert desk.last(ReadPhoto(str(tmp_path / "me.jpg"), longest=30)).shape == (30, 20, 3)
    plain = desk.last(AlignPhoto(str(tmp_path / "me.jpg"), None, (1, 8, 8)))
    assert (plain.shape, plain.dtype) == ((8, 8, 1), np.uint8)
    eyes = ((10.0, 20.0), (30.0, 20.0))
    assert desk.last(AlignPhoto(str(tmp_path / "me.jpg"), eyes, (3, 8, 8), data="olivetti")).shape == (8, 8, 3)
    assert "gone.jpg" in desk.ask(AlignPhoto(str(tmp_path / "gone.jpg"), None, (1, 8, 8)))[-1].error


@pytest.mark.parametrize("form", ["png", "svg", "pdf", "json"])
def test_figures_are_rendered_to_files_and_bytes(desk: Desk, photos: DataRef, tmp_path: Path, form: str) -> None:
    from latentstudio.figures.embed import read_figure

    figure = Figure(rows=((strip(photos),),))
    path = tmp_path / f"fig.{form}"
    assert desk.last(RenderFigure(figure, str(path), form)) == str(path)
    carried = read_figure(path).rows[0][0]
    assert (carried.name, carried.model.name) == ("interpolate", "tiny")
    if form == "png":
        assert desk.last(RenderFigure(figure, None, "png")) == path.read_bytes()


def test_figure_that_cannot_be_written_keeps_the_old_file(desk: Desk, photos: DataRef, tmp_path: Path) -> None:
    figure = Figure(rows=((strip(photos),),))
    assert "Cannot write" in desk.ask(RenderFigure(figure, str(tmp_path / "no" / "fig.png"), "png"))[-1].error
    assert "fig.bmp" in desk.ask(RenderFigure(figure, str(tmp_path / "fig.bmp"), ""))[-1].error
    assert not list(tmp_path.glob("*.bmp"))


def test_preload_gets_models_and_data_ready(desk: Desk, photos: DataRef) -> None:
    desk.ask(Preload(models=(TINY,), datasets=(photos,)))
    held = desk.handlers.holdings()
    assert [ref.name for ref in held.models] == ["tiny"]
    assert [ref.spec for ref in held.datasets] == [photos.spec]
    assert desk.ask(Preload())[-1].error == ""


def test_request_of_no_kind_is_refused(desk: Desk) -> None:
    assert "str is no request" in desk.ask("hello")[-1].error


@pytest.mark.parametrize("host", ["thread", "process"])
def test_real_engines_run_a_strip_and_share_its_pictures(host: str, models: Path, photos: DataRef) -> None:
    from test_studio_engines import Ear

    from latentstudio.studio.engine import start_engine

    engine: Any = start_engine(host)
    ear = Ear(engine)
    answer = ear.done(engine.submit("strip", Urgency.VISIBLE, RunRecipe(strip(photos))))
    engine.close()
    assert not answer.error, answer.detail
    direct = final(iter(_run(strip(photos))))
    np.testing.assert_array_equal(answer.payload.result.frames.images, direct.frames.images)
    assert not answer.payload.result.frames.images.flags.writeable


def _run(recipe: Recipe) -> Iterator[Any]:
    from latentstudio.figures.run import run_recipe

    return run_recipe(recipe, Workspace())


def test_handlers_can_warm_up_beside_the_worker(models: Path) -> None:
    handlers = make_handlers(ahead=True)
    assert handlers.holdings().models == ()

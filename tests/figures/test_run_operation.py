import base64
import io

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from toys import DATA, EDGE, MODEL, SCALE, SIZE, ToyData, ToyModel, ToyWorkspace

from latentstudio.data.prepare import fit
from latentstudio.data.splits import held_out_mask
from latentstudio.errors import UserError
from latentstudio.figures.readouts import DatasetCodes, nearest_rows, picture_features
from latentstudio.figures.recipe import CodeInput, DataRef, ImageInput, ModelRef, PixelsInput, Recipe, recipe_from_json
from latentstudio.figures.run import run_recipe, seal
from latentstudio.operations import OPERATIONS
from latentstudio.results import ImageGrid, Partial, Strip, final


def image(index: int) -> ImageInput:
    return ImageInput(dataset="toy", index=index, id=f"toy-{index:03d}")


def recipe(name: str = "interpolate", **changes: object) -> Recipe:
    inputs = {
        "interpolate": {"a": (image(3),), "b": (image(17),)},
        "reconstruct": {"images": (image(3), image(5), image(9))},
        "mean": {"from": (image(3),)},
        "attribute": {"images": (image(3), image(5))},
        "reflect": {"faces": (image(3), image(5))},
        "corrupt": {"face": (image(3),)},
        "scan": {"faces": (image(3),)},
    }.get(name, {})
    params = {"attribute": {"attributes": ["eyeglasses"]}}.get(name, {})
    made = Recipe(kind="operation", name=name, model=MODEL, data=DATA, inputs=inputs, params=params)
    return msgspec.structs.replace(made, **changes)


def run(made: Recipe, workspace: ToyWorkspace) -> Strip | ImageGrid:
    result = final(run_recipe(made, workspace))
    assert isinstance(result, Strip | ImageGrid)
    return result


@pytest.fixture
def workspace() -> ToyWorkspace:
    return ToyWorkspace()


# --- what the numbers are


def test_strip_of_the_toy_is_exact(workspace: ToyWorkspace) -> None:
    strip = run(recipe(params={"paths": ["linear", "spherical"], "steps": 5}), workspace)
    assert isinstance(strip, Strip)
    model, data = workspace.models[None], workspace.data["toy"]
    codes = model.encode(torch.from_numpy(fit(data.pixels[[3, 17]], model.image_shape)))
    t = np.linspace(0, 1, 5)[:, None]
    line = (1 - t) * codes[0].numpy() + t * codes[1].numpy()
    assert np.allclose(strip.frames.codes[:5], line, atol=1e-6)
    pictures = SCALE * line @ model.basis.T.numpy() + 0.1
    expected = np.clip(np.rint((pictures + 1) * 127.5), 0, 255).reshape(5, EDGE, EDGE, 1)
    assert np.abs(strip.frames.images[:5].astype(int) - expected).max() <= 1
    assert np.allclose(strip.frames.norm[:5], np.linalg.norm(line, axis=1), atol=1e-6)
    density = -0.5 * np.square(line).sum(axis=1) - SIZE * (0.5 * np.log(2 * np.pi) + np.log(SCALE))
    assert strip.frames.log_prob is not None
    assert np.allclose(strip.frames.log_prob[:5], density, atol=1e-5)
    assert strip.row_labels == ("Linear", "Spherical")
    assert strip.end_labels == ("toy-003", "toy-017")
    assert bool(strip.frames.ready.all())
    assert bool(strip.frames.finite.all())


def test_readouts_against_prior_and_data_set(workspace: ToyWorkspace) -> None:
    import scipy.stats

    strip = run(recipe(params={"steps": 3}), workspace)
    assert isinstance(strip, Strip)
    frames, model, data = strip.frames, workspace.models[None], workspace.data["toy"]
    assert np.allclose(frames.prior_percentile, 100 * scipy.stats.chi(SIZE).cdf(frames.norm))
    codes = model.encode(torch.from_numpy(fit(data.pixels, model.image_shape))).numpy()
    norms = np.linalg.norm(codes.astype(float), axis=1)
    assert frames.data_percentile is not None
    for norm, percentile in zip(frames.norm, frames.data_percentile, strict=True):
        assert percentile == pytest.approx(scipy.stats.percentileofscore(norms, norm, kind="mean"), abs=1.3)
    assert frames.nearest is not None
    assert frames.nearest[[0, 2]].tolist() == [3, 17]
    assert strip.nearest_ids[0] == "toy-003"
    assert frames.nearest_distance is not None
    difference = frames.images[0].astype(float) - data.pixels[3]
    assert frames.nearest_distance[0] == pytest.approx(np.sqrt(np.square(difference).mean()), abs=0.5)
    assert strip.norm_band is not None
    assert (strip.norm_band.low, strip.norm_band.high) == pytest.approx(scipy.stats.chi(SIZE).ppf([0.025, 0.975]))
    assert strip.log_prob_band is not None
    assert strip.log_prob_band.low < strip.log_prob_band.high


def test_caption_names_data_split_number_and_model(workspace: ToyWorkspace) -> None:
    strip = run(recipe(), workspace)
    assert "Toy faces, n = 40" in strip.caption
    assert "toy-model@final" in strip.caption
    assert "toy-003 (" in strip.caption
    assert "image of Toy faces" in strip.caption
    grid = run(recipe("sample", params={"seed": 7, "count": 4}), workspace)
    assert "random seeds 7 to 10" in grid.caption


def test_reconstruction_shows_originals_and_error(workspace: ToyWorkspace) -> None:
    grid = run(recipe("reconstruct"), workspace)
    assert isinstance(grid, ImageGrid)
    data = workspace.data["toy"]
    assert grid.originals is not None
    assert np.array_equal(grid.originals, data.pixels[[3, 5, 9]])
    difference = grid.originals.astype(float) - grid.frames.images
    assert grid.error == pytest.approx(np.sqrt(np.square(difference).mean(axis=(1, 2, 3))))
    assert grid.labels == ("toy-003", "toy-005", "toy-009")


def test_mean_of_the_data_set_in_both_senses(workspace: ToyWorkspace) -> None:
    grid = run(recipe("mean", inputs={}), workspace)
    model, data = workspace.models[None], workspace.data["toy"]
    images = torch.from_numpy(fit(data.pixels, model.image_shape))
    expected = model.encode(images).double().mean(dim=0).numpy()
    assert np.allclose(grid.frames.codes[0], expected, atol=1e-5)
    # The toy is linear, so the code of the mean picture is the mean code.
    assert np.allclose(grid.frames.codes[1], expected, atol=1e-4)


def test_mean_of_a_group_does_not_read_the_data_set_first(workspace: ToyWorkspace) -> None:
    made = recipe("mean", inputs={"group": (image(1), image(2))}, data=None)
    grid = run(made, workspace)
    model, data = workspace.models[None], workspace.data["toy"]
    codes = model.encode(torch.from_numpy(fit(data.pixels[[1, 2]], model.image_shape))).numpy()
    assert np.allclose(grid.frames.codes[0], codes.mean(axis=0), atol=1e-5)
    assert np.allclose(grid.frames.codes[1], codes.mean(axis=0), atol=1e-4)
    assert workspace.passes == 0


def test_truncation_without_a_data_set_is_a_sentence(workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match="choose a data set"):
        run(recipe("sample", params={"truncation": 0.5}, data=None), workspace)


# --- how it runs


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_runs_and_its_partials_grow(name: str, workspace: ToyWorkspace) -> None:
    parts = list(run_recipe(recipe(name), workspace, chunk=2))
    assert len(parts) > 2
    fractions = [part.fraction for part in parts]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert max(fractions[:-1]) < 1.0
    seconds = [part.seconds for part in parts]
    assert seconds == sorted(seconds)
    ready = [part.result.frames.ready.sum() for part in parts if isinstance(part.result, Strip | ImageGrid)]
    assert ready == sorted(ready)
    last = parts[-1].result
    assert isinstance(last, Strip | ImageGrid)
    assert bool(last.frames.ready.all())
    assert last.title
    assert "toy-model@final" in last.caption


def test_the_first_partial_has_decoded_frames_and_reads_no_data_set(workspace: ToyWorkspace) -> None:
    first = next(run_recipe(recipe(), workspace, chunk=3))
    assert isinstance(first.result, Strip)
    assert first.result.frames.ready.tolist() == [True] * 3 + [False] * 6
    assert set(first.result.frames.images[5].ravel()) == {128}
    assert workspace.passes == 0
    assert workspace.data["toy"].reads == [1, 1]


def test_a_run_dropped_between_chunks_stops_working(workspace: ToyWorkspace) -> None:
    parts = run_recipe(recipe(), workspace, chunk=3)
    next(parts)
    parts.close()
    assert workspace.models[None].batches == [3]
    assert not torch.is_inference_mode_enabled()


def test_inference_mode_does_not_leak_while_a_run_waits(workspace: ToyWorkspace) -> None:
    for _ in run_recipe(recipe("mean"), workspace, chunk=2):
        assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_the_size_of_chunks_does_not_change_the_result(chunk: int, workspace: ToyWorkspace) -> None:
    made = recipe("sample")
    assert np.array_equal(
        final(run_recipe(made, workspace, chunk=chunk)).frames.images,  # type: ignore[union-attr]
        final(run_recipe(made, workspace)).frames.images,  # type: ignore[union-attr]
    )


def test_results_are_read_only(workspace: ToyWorkspace) -> None:
    strip = run(recipe(), workspace)
    with pytest.raises(ValueError, match="read-only"):
        strip.frames.images[0] = 0


def test_a_partial_result_is_not_changed_by_what_follows(workspace: ToyWorkspace) -> None:
    parts = run_recipe(recipe(), workspace, chunk=3)
    first = next(parts)
    assert isinstance(first.result, Strip)
    before = first.result.frames.images.copy()
    for _ in parts:
        pass
    assert np.array_equal(first.result.frames.images, before)


# --- sealing


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_sealed_recipe_gives_the_same_result_without_the_data(name: str, workspace: ToyWorkspace) -> None:
    made = recipe(name, params={"truncation": 0.5}) if name == "sample" else recipe(name)
    plain = run(made, workspace)
    sealed = recipe_from_json(seal(made, workspace).canonical())
    assert not any(isinstance(v, ImageInput) for values in sealed.inputs.values() for v in values)
    assert np.array_equal(run(sealed, workspace).frames.codes, plain.frames.codes)
    alone = ToyWorkspace(data={})
    result = run(sealed, alone)
    assert np.array_equal(result.frames.codes, plain.frames.codes)
    assert np.array_equal(result.frames.images, plain.frames.images)
    assert any("data set" in note for note in result.notes)
    if isinstance(plain, ImageGrid) and isinstance(result, ImageGrid):
        assert (plain.originals is None) == (result.originals is None)
        assert plain.labels == result.labels
        if plain.originals is not None and result.originals is not None:
            assert np.array_equal(plain.originals, result.originals)


def test_sealing_keeps_labels_captions_and_fills_digests(workspace: ToyWorkspace) -> None:
    made = recipe(model=ModelRef(name="toy-model"), data=DataRef(spec="toy"))
    sealed = seal(made, workspace)
    assert sealed.model == MODEL
    assert sealed.data == DATA
    assert run(sealed, workspace).caption == run(made, workspace).caption
    assert seal(sealed, workspace) == sealed
    for name in ("reconstruct", "mean"):
        made = recipe(name)
        assert run(seal(made, workspace), workspace).caption == run(made, workspace).caption


def test_sealing_a_group_keeps_its_mean_picture(workspace: ToyWorkspace) -> None:
    made = recipe("mean", inputs={"group": (image(1), image(2), image(8))})
    sealed = seal(made, workspace)
    assert all(isinstance(v, PixelsInput) for v in sealed.inputs["group"])
    assert np.array_equal(run(sealed, workspace).frames.codes, run(made, workspace).frames.codes)


# --- what may be wrong


def test_changed_digests_are_notes(workspace: ToyWorkspace) -> None:
    made = recipe(model=ModelRef(name="toy-model", digest="old"), data=DataRef(spec="toy", digest="old"))
    notes = run(made, workspace).notes
    assert any("model toy-model has changed" in note for note in notes)
    assert any("data set Toy faces has changed" in note for note in notes)


def test_an_image_that_moved_is_found_by_its_id(workspace: ToyWorkspace) -> None:
    moved = ImageInput(dataset="toy", index=30, id="toy-003")
    strip = run(recipe(inputs={"a": (moved,), "b": (image(17),)}), workspace)
    assert np.array_equal(strip.frames.codes, run(recipe(), workspace).frames.codes)
    assert any("now number 3" in note for note in strip.notes)


WRONG = {
    "no model 'other'": {"model": ModelRef(name="other")},
    "needs a model": {"model": None},
    "no operation 'dance'": {"name": "dance"},
    "kind 'opera'": {"kind": "opera"},
    "no parameter 'speed'": {"params": {"speed": 1}},
    "'steps' cannot be 1": {"params": {"steps": 1}},
    "needs a picture or code in slot 'b'": {"inputs": {"a": (image(1),)}},
    "no slot 'c'": {"inputs": {"a": (image(1),), "b": (image(1),), "c": (image(1),)}},
    "takes one input, not 2": {"inputs": {"a": (image(1), image(2)), "b": (image(1),)}},
    "no data set 'gone'": {"inputs": {"a": (ImageInput(dataset="gone", index=1),), "b": (image(1),)}},
    "no image number 40; 0 to 39": {"inputs": {"a": (ImageInput(dataset="toy", index=40),), "b": (image(1),)}},
    "no image 'gone' any more": {"inputs": {"a": (ImageInput(dataset="toy", index=1, id="gone"),), "b": (image(1),)}},
    "has 3 numbers": {"inputs": {"a": (CodeInput.of(np.zeros(3, np.float32), "x"),), "b": (image(1),)}},
    "picture of input 'photo' is damaged": {"inputs": {"a": (PixelsInput(png="?", label="photo"),), "b": (image(1),)}},
    "code of input 'x' is damaged": {"inputs": {"a": (CodeInput(code="?", label="x"),), "b": (image(1),)}},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_does_not_fit_is_one_sentence(sentence: str, workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match=sentence):
        run(recipe(**WRONG[sentence]), workspace)


def test_missing_data_for_readouts_alone_is_a_note(workspace: ToyWorkspace) -> None:
    code = CodeInput.of(np.ones(SIZE, np.float32), "one")
    made = recipe(inputs={"a": (code,), "b": (code,)}, data=DataRef(spec="gone"))
    strip = run(made, workspace)
    assert strip.frames.data_percentile is None
    assert any("no data set 'gone'" in note for note in strip.notes)


class _Broken(ToyModel):
    """Overflows for codes with a first component above 1, as an unbounded flow does."""

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        images = super().decode(codes)
        images[codes[:, 0] > 1] = torch.nan
        return images

    def code_log_prob(self, codes: torch.Tensor) -> torch.Tensor:
        return torch.where(codes[:, 0] > 1, -torch.inf, super().code_log_prob(codes))


def test_frames_that_are_not_finite_are_counted_and_marked() -> None:
    workspace = ToyWorkspace(models={None: _Broken()})
    a = CodeInput.of(np.zeros(SIZE, np.float32), "zero")
    b = CodeInput.of(np.full(SIZE, 2.0, np.float32), "two")
    strip = run(recipe(inputs={"a": (a,), "b": (b,)}), workspace)
    assert strip.frames.finite.tolist() == [True] * 5 + [False] * 4
    assert any(note.startswith("4 of 9 pictures are not finite") for note in strip.notes)
    assert any(note.startswith("4 of 9 log-densities are not finite") for note in strip.notes)
    assert strip.frames.nearest is not None
    assert strip.frames.nearest[-1] == -1
    assert strip.nearest_ids[-1] == ""


class _Deaf(ToyModel):
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return torch.full((len(images), SIZE), torch.nan)


def test_a_picture_that_cannot_be_encoded_is_named() -> None:
    strip = run(recipe(data=None), ToyWorkspace(models={None: _Deaf()}))
    assert "The code of 'toy-003' is not finite: toy-model cannot encode it." in strip.notes
    assert not strip.frames.finite.any()


def test_a_model_without_density_has_no_log_probs() -> None:
    strip = run(recipe(), ToyWorkspace(models={None: ToyModel(density=False)}))
    assert strip.frames.log_prob is None
    assert strip.log_prob_band is None
    assert strip.frames.data_percentile is not None


def test_a_dropped_photo_of_another_size_and_colour(workspace: ToyWorkspace) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    photo = PixelsInput(png=base64.b64encode(stream.getvalue()).decode(), label="photo.png")
    grid = run(recipe("reconstruct", inputs={"images": (photo,)}), workspace)
    assert isinstance(grid, ImageGrid)
    assert grid.labels == ("photo.png",)
    assert grid.originals is not None
    assert grid.originals.shape == (1, EDGE, EDGE, 1)
    assert "The pictures are in colour; toy-model sees them in grey, 8 x 8 px." in grid.notes
    sealed = seal(recipe(inputs={"a": (photo,), "b": (photo,)}), workspace)
    assert all(isinstance(values[0], CodeInput) for values in sealed.inputs.values())


# --- readouts


def test_dataset_codes_grow_and_agree_with_one_pass() -> None:
    model, data = ToyModel(), ToyData()
    parts = list(DatasetCodes.of(model, data, chunk=7))
    assert [len(part.indices) for part in parts] == [7, 14, 21, 28, 35, 40]
    assert parts[-1].fraction == 1.0
    assert parts[-1].sampled == ""
    codes = model.encode(torch.from_numpy(fit(data.pixels, model.image_shape))).double()
    assert np.allclose(parts[-1].norms, codes.norm(dim=1))
    assert np.allclose(parts[-1].mean_code, codes.mean(dim=0), atol=1e-6)
    assert np.allclose(parts[-1].mean_image[0], fit(data.pixels, model.image_shape).mean(axis=0)[0], atol=1e-6)
    assert np.allclose(parts[2].norms, codes.norm(dim=1)[:21])
    with pytest.raises(ValueError, match="read-only"):
        parts[-1].norms[0] = 0


def test_a_large_data_set_is_sampled_and_says_so() -> None:
    model, data = ToyModel(), ToyData()
    last = list(DatasetCodes.of(model, data, limit=11))[-1]
    assert len(set(last.indices.tolist())) == 11
    assert (last.planned, last.total) == (11, 40)
    assert "random 11 of 40 images" in last.sampled
    again = list(DatasetCodes.of(model, data, limit=11))[-1]
    assert np.array_equal(last.indices, again.indices)


def test_an_empty_data_set_gives_an_empty_summary() -> None:
    data = ToyData()
    data.pixels = data.pixels[:0]
    (only,) = DatasetCodes.of(ToyModel(), data)
    assert only.fraction == 1.0
    assert len(only.norms) == 0


def test_nearest_pictures_agree_with_brute_force() -> None:
    rng = np.random.default_rng(1)
    features, queries = rng.uniform(-1, 1, (300, 50)).astype(np.float32), rng.uniform(-1, 1, (9, 50)).astype(np.float32)
    queries[0] = features[123]
    rows, distances = nearest_rows(features, queries, 5)
    brute = np.sqrt(np.square(features[None].astype(float) - queries[:, None]).mean(axis=2)) * 127.5
    assert np.array_equal(rows, np.argsort(brute, axis=1)[:, :5])
    assert np.allclose(distances, np.sort(brute, axis=1)[:, :5])
    assert (rows[0, 0], distances[0, 0]) == (123, 0.0)
    assert nearest_rows(features[:2], queries, 5)[0].shape == (9, 2)


def test_features_are_box_averages_of_grey() -> None:
    images = np.random.default_rng(2).uniform(-1, 1, (2, 3, 64, 64)).astype(np.float32)
    grey = np.tensordot(images, [0.299, 0.587, 0.114], axes=([1], [0]))
    expected = grey.reshape(2, 32, 2, 32, 2).mean(axis=(2, 4)).reshape(2, -1)
    assert np.allclose(picture_features(images, 10), expected, atol=1e-6)
    small = images[:, :1, :8, :8]
    assert np.array_equal(picture_features(small, 10), small.reshape(2, -1))
    assert picture_features(images[:, :1], 10).shape == (2, 64 * 64)
    assert picture_features(images[:, :1], 10_000).shape == (2, 32 * 32)
    assert picture_features(np.zeros((1, 1, 100, 70), np.float32), 10).shape == (1, 25 * 17)


def test_the_typical_densities_are_those_of_training_images(workspace: ToyWorkspace) -> None:
    held_out = held_out_mask(workspace.data["toy"], "per_identity", 0.25, 0)
    codes = list(workspace.codes(MODEL, DATA))[-1]
    assert codes.log_probs is not None
    band = run(recipe(), workspace).log_prob_band
    assert band is not None
    assert (band.low, band.high) == pytest.approx(np.quantile(codes.log_probs[~held_out], [0.025, 0.975]))
    assert band.label == "95 % of the training images"
    workspace.split = {}
    other = run(recipe(), workspace).log_prob_band
    assert other is not None
    assert (other.low, other.high) == pytest.approx(np.quantile(codes.log_probs, [0.025, 0.975]))
    assert other.label == "95 % of the data set"


class _Flung(ToyModel):
    """Sends every fourth image a thousand times too far out, as a flow does with images that it has not seen."""

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        codes = super().encode(images)
        if len(codes) > 1:
            codes[::4] *= 1000
        return codes


def test_the_mean_code_leaves_out_what_is_far_outside_the_prior() -> None:
    workspace = ToyWorkspace(models={None: _Flung()})
    grid = run(recipe("mean", inputs={}), workspace)
    data, model = workspace.data["toy"], ToyModel()
    codes = model.encode(torch.from_numpy(fit(data.pixels, model.image_shape))).numpy()
    near = np.arange(40) % 4 != 0
    assert np.allclose(grid.frames.codes[0], codes[near].mean(axis=0), atol=1e-5)
    assert np.allclose(grid.frames.codes[1], codes.mean(axis=0), atol=1e-4)
    said = [note for note in grid.notes if "leaves out 10 of 40 images" in note]
    assert len(said) == 1
    sealed = run(seal(recipe("mean", inputs={}), workspace), ToyWorkspace(models=workspace.models, data={}))
    assert any("leaves out 10 of 40 images" in note for note in sealed.notes)


def test_an_input_far_outside_the_prior_is_named(workspace: ToyWorkspace) -> None:
    near, far = (CodeInput.of(np.full(SIZE, v, np.float32), label) for v, label in ((1.0, "near"), (9.0, "far")))
    strip = run(recipe(inputs={"a": (near,), "b": (far,)}), workspace)
    (said,) = strip.notes
    assert said.startswith(
        "The code of 'far' lies far outside the prior of toy-model (norm 22.05, typical is 1.11 to 3.8"
    )


class _Lost(ToyModel):
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return super().encode(images) + 1e6


def test_without_any_code_near_the_prior_there_is_no_mean() -> None:
    with pytest.raises(UserError, match="no image of Toy faces near the prior"):
        run(recipe("mean", inputs={}), ToyWorkspace(models={None: _Lost()}))


def test_nothing_to_run_is_not_a_result() -> None:
    with pytest.raises(RuntimeError, match="without a result"):
        final(iter([Partial(1.0)]))

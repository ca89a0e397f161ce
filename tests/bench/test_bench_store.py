"""The latent store and the streamed statistics: throughput, what a resume costs, and the share of the encode time.

Codes have 12,288 components, those of a Glow at 64 x 64 in colour. The encoders that statistics are compared with are
our fused Glow of the bundled size, and an independent one (normflows) with three levels of eight steps of width 128:
small ones, so that the share is not flattered.
"""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from glow_folder import NAME as GLOW
from glow_folder import write_glow

from latentstudio.analyses.gaussianity_counts import Counts, regions_of
from latentstudio.analyses.passes import Split
from latentstudio.data.latent_manifest import Manifest
from latentstudio.data.latent_store import STAMPS, open_store
from latentstudio.data.latent_writer import LatentWriter
from latentstudio.data.prepare import fit
from latentstudio.figures.readouts import encode_and_score
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.models import checkpoint
from latentstudio.stats.streaming import Covariance, LagProducts, PowerSums
from latentstudio.stats.streaming_counts import ClassSums, FixedHistogram, Projections
from latentstudio.studio import latent_encoding
from latentstudio.studio.workspace import Workspace

pytestmark = pytest.mark.bench

SIZE, ROWS, SHARD, BATCH = 12_288, 4096, 2048, 128


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plan(dtype: str) -> Manifest:
    facts = {"model": "glow", "model_digest": "a", "snapshot": None, "data": "d", "data_title": "D", "data_digest": "b"}
    return Manifest(**facts, rows=ROWS, size=SIZE, dtype=dtype, density=True, shard_rows=SHARD)


def write(folder: Path, dtype: str, codes: np.ndarray, stop: int = ROWS) -> list[float]:
    """Fill a store up to `stop`; returns seconds of preparing, then of each block."""
    times = []
    began = time.perf_counter()
    with LatentWriter(folder, plan(dtype)) as writer:
        for _ in writer.prepare():
            pass
        times.append(time.perf_counter() - began)
        while rows := writer.next_rows(BATCH):
            if rows.start >= stop:
                break
            began = time.perf_counter()
            writer.append(codes[: len(rows)], np.zeros(len(rows)))
            times.append(time.perf_counter() - began)
    return times


def seconds(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_write_read_and_resume(tmp_path, dtype, capsys):
    codes = np.random.default_rng(0).standard_normal((BATCH, SIZE), dtype=np.float32)
    megabytes = ROWS * plan(dtype).row_bytes() / 1e6
    times = write(tmp_path, dtype, codes)
    resumed = write(tmp_path / "half", dtype, codes, stop=SHARD + SHARD // 2)
    resume = write(tmp_path / "half", dtype, codes, stop=0)[0]
    assert len(resumed) == 1 + (SHARD + SHARD // 2) // BATCH
    opened = seconds(lambda: open_store(tmp_path))
    (tmp_path / STAMPS).unlink()
    verified = seconds(lambda: open_store(tmp_path))
    store = open_store(tmp_path)
    rows = np.random.default_rng(1).integers(0, ROWS, 512)
    at_random = seconds(lambda: store.codes(rows))
    whole = seconds(lambda: [block.sum() for _, block in store.chunks(BATCH)])
    with capsys.disabled():
        print(
            f"\n{dtype}: {megabytes:.0f} MB, {ROWS} x {SIZE}: write {megabytes / sum(times):.0f} MB/s "
            f"({ROWS / sum(times):.0f} images/s, worst block of {BATCH} {1e3 * max(times[1:]):.0f} ms); "
            f"read all {megabytes / whole:.0f} MB/s, 512 rows at random {1e3 * at_random:.0f} ms; "
            f"open {1e3 * opened:.1f} ms, with all checksums {verified:.2f} s; "
            f"resume in mid-shard ({SHARD // 2} rows) {resume:.2f} s"
        )


def test_encoding_into_a_store_against_bare_encoding(tmp_path, monkeypatch, capsys):
    """The same pictures of a Glow of the bundled size, kept in memory, in chunks as the window's pass takes them."""
    monkeypatch.setenv("LATENTSTUDIO_MODELS", str(tmp_path / "models"))
    workspace, model = Workspace(), ModelRef(name=write_glow(tmp_path / "models"))
    data = DataRef(spec="faces?n=192")
    images, network = workspace.dataset(data), workspace.model(model)
    images.images(np.arange(len(images)))
    codes, _ = encode_and_score(network, fit(images.images(np.arange(2)), network.image_shape))
    plan_of = latent_encoding.plan(workspace, model, data)

    def bare(size: int) -> None:
        for start in range(0, len(images), size):
            pixels = images.images(np.arange(start, min(start + size, len(images))))
            encode_and_score(network, fit(pixels, network.image_shape))

    def stored(folder: Path, chunk: int = 0, stop: int = 10**9) -> float:
        """Fill the store up to image `stop`; returns the seconds before the first image of this run."""
        began, first = time.perf_counter(), 0.0
        for part in latent_encoding.encode_into_store(workspace, model, data, plan_of, folder, chunk):
            first = first or (time.perf_counter() - began if part.encoded else 0.0)
            if part.done >= stop:
                break
        return first

    rounds = range(3)
    window = [(seconds(lambda k=k: stored(tmp_path / f"window{k}")), seconds(lambda: bare(4))) for k in rounds]
    command = [(seconds(lambda k=k: stored(tmp_path / f"command{k}", 64)), seconds(lambda: bare(64))) for k in rounds]
    stored(tmp_path / "half", stop=len(images) // 2)
    resumed = seconds(lambda: stored(tmp_path / "half", stop=len(images) // 2 + 1))
    assert codes.shape[1] == SIZE
    with capsys.disabled():
        for name, pairs in (("the window's chunks", window), ("chunks of 64", command)):
            store, alone = (min(times) for times in zip(*pairs, strict=True))
            print(
                f"\n{name}: {len(images) / store:.1f} images/s into the store, {len(images) / alone:.1f} bare; "
                f"ratio {alone / store:.3f}",
                end="",
            )
        image = min(t for _, t in command) / len(images)
        print(f"\nresume with {len(images) // 2} images there: {resumed / image:.1f} images' time ({resumed:.2f} s)")


def glow():
    nf = pytest.importorskip("normflows", reason="normflows, an independent implementation, is not installed")
    torch.manual_seed(0)
    bases, merges, flows = [], [], []
    levels, steps, hidden, shape = 3, 8, 128, (3, 64, 64)
    for i in range(levels):
        channels = shape[0] * 2 ** (levels + 1 - i)
        blocks = [nf.flows.GlowBlock(channels, hidden, split_mode="channel", scale=True) for _ in range(steps)]
        flows += [[*blocks, nf.flows.Squeeze()]]
        if i > 0:
            merges += [nf.flows.Merge()]
            latent = (shape[0] * 2 ** (levels - i), shape[1] // 2 ** (levels - i), shape[2] // 2 ** (levels - i))
        else:
            latent = (shape[0] * 2 ** (levels + 1), shape[1] // 2**levels, shape[2] // 2**levels)
        bases += [nf.distributions.DiagGaussian(latent)]
    return nf.MultiscaleFlow(bases, flows, merges).eval()


@pytest.mark.parametrize("encoder", ["fused", "normflows"])
@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_statistics_as_a_share_of_the_encode_time(tmp_path, encoder, capsys):
    """Both passes of the gaussianity analysis, with two splits and three levels, in the chunks of an analysis."""
    images = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    write_glow(tmp_path)
    model = glow() if encoder == "normflows" else checkpoint.load(tmp_path / GLOW)

    def encode() -> np.ndarray:
        if encoder == "fused":
            return encode_and_score(model, images.numpy())[0].astype(np.float64)
        with torch.inference_mode():
            parts, _ = model.inverse_and_log_det(images)
            return torch.cat([z.flatten(1) for z in parts], dim=1).double().numpy()

    codes = encode()
    assert codes.shape == (16, SIZE)
    n = 16 * 16
    held_out = np.random.default_rng(0).random(n) < 0.2
    splits = (Split("Training", "train", ~held_out), Split("Held out", "held_out", held_out))
    parts = {"level_1": (0, 6144), "level_2": (6144, 9216), "level_3": (9216, SIZE)}
    encoding, counting = [], []
    for _ in range(3):
        counts = Counts(np.arange(n), splits, regions_of(SIZE, parts), 1e9, (1, 2, 4, 8), 0)
        encoding.append(sum(seconds(encode) for _ in range(8)) * n / 128)
        began = time.perf_counter()
        for _ in range(n // 16):
            counts.add(codes)
        counts.fit_lines()
        between = time.perf_counter()
        assert counts.moments(0).count + counts.moments(1).count == n
        for start in range(0, n, 16):
            counts.project(slice(start, start + 16), codes)
        counting.append((between - began, time.perf_counter() - between))
    encode_ms = 1e3 * min(encoding) / n
    first_ms, second_ms = (1e3 * min(part) / n for part in zip(*counting, strict=True))
    share = (first_ms + second_ms) / (2 * encode_ms)
    with capsys.disabled():
        print(
            f"\ngaussianity, D = {SIZE}, one thread, {encoder} Glow: encode {encode_ms:.1f} ms an image, "
            f"statistics {first_ms:.2f} ms "
            f"in the first pass and {second_ms:.2f} ms in the second: {100 * share:.1f} % of the encode time"
        )


def test_each_accumulator(capsys):
    values = np.random.default_rng(0).standard_normal((BATCH, SIZE), dtype=np.float32)
    labels = (np.random.default_rng(1).random((BATCH, 40)) < 0.3).astype(float)
    edges, directions = np.linspace(-8, 8, 3201), np.random.default_rng(2).standard_normal((40, SIZE))
    lags = np.array([1, 2, 4, 8])
    found = {}
    for name, call in {
        "moments to the fourth": lambda: PowerSums.of(values, 4),
        "mean and variance": lambda: PowerSums.of(values),
        "covariance of 512": lambda: Covariance.of(values[:, :512]),
        "4 lags": lambda: LagProducts.of(values, lags),
        "40 class sums": lambda: ClassSums.of(values, labels),
        "histogram of all": lambda: FixedHistogram.of(values, edges),
        "40 projections": lambda: Projections.of(values, directions, edges),
    }.items():
        found[name] = 1e3 * min(seconds(call) for _ in range(5)) / BATCH
    with capsys.disabled():
        print("\nms an image: " + "; ".join(f"{name} {value:.3f}" for name, value in found.items()))

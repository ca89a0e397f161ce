"""The latent store: what is written comes back, whatever happens between, and nothing wrong is ever given out."""

import errno
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from latentstudio.data import latent_shard, latent_shelf, latent_store, latent_writer
from latentstudio.data.latent_manifest import MANIFEST, Manifest, codes_name, read_manifest, scalars_name
from latentstudio.data.latent_shard import journal_name, pack_rows
from latentstudio.data.latent_shelf import clear, merge, place_of, shelf, store_facts, stores
from latentstudio.data.latent_store import STAMPS, LatentStore, open_store
from latentstudio.data.latent_writer import LatentWriter
from latentstudio.errors import NewerVersionError, UserError

ROWS, SIZE, SHARD = 53, 7, 20


def plan(**changes: object) -> Manifest:
    facts = {
        "model": "glow",
        "model_digest": "a",
        "snapshot": None,
        "data": "faces",
        "data_title": "Faces",
        "data_digest": "b",
        "rows": ROWS,
        "size": SIZE,
        "dtype": "float32",
        "density": True,
        "shard_rows": SHARD,
    }
    return Manifest(**(facts | changes))


def row(index: int) -> np.ndarray:
    codes = np.random.default_rng(index).standard_normal(SIZE).astype(np.float32)
    return codes * 1e6 if index % 9 == 0 else codes


CODES = np.stack([row(k) for k in range(ROWS)])
DENSITIES = -np.arange(ROWS, dtype=float)


def fill(folder: Path, stop: int = ROWS, step: int = 3, **changes: object) -> list[int]:
    """Write up to image `stop`; returns the images that were written in this run."""
    written: list[int] = []
    manifest = plan(**changes)
    with LatentWriter(folder, manifest) as writer:
        for _ in writer.prepare():
            pass
        while rows := writer.next_rows(step):
            if rows.start >= stop:
                break
            writer.append(CODES[rows], DENSITIES[rows] if manifest.density else None)
            written += rows
    return written


def intact(folder: Path, dtype: str = "float32") -> LatentStore:
    store = open_store(folder)
    assert store.complete
    tolerance = 0 if dtype == "float32" else 2.0**-11
    np.testing.assert_allclose(store.codes(np.arange(ROWS)), CODES, rtol=tolerance, atol=1e-7)
    np.testing.assert_allclose(store.norms, np.linalg.norm(CODES.astype(float), axis=1), rtol=1e-12)
    np.testing.assert_array_equal(store.log_probs, DENSITIES)
    return store


# --- what is written comes back


@pytest.mark.parametrize("step", [1, 7, 20, 100])
def test_codes_come_back_bit_for_bit(tmp_path: Path, step: int) -> None:
    assert fill(tmp_path, step=step) == list(range(ROWS))
    store = intact(tmp_path)
    chosen = np.array([52, 0, 19, 20, 0, 40])
    np.testing.assert_array_equal(store.codes(chosen), CODES[chosen])
    np.testing.assert_array_equal(np.concatenate([c for _, c in store.chunks(6)]), CODES)
    assert [r.start for r, _ in store.chunks(15)] == [0, 15, 20, 35, 40]
    assert store.known.all()
    assert np.load(tmp_path / codes_name(1)).shape == (20, SIZE)
    with pytest.raises(UserError, match="images 0 to 52, not 53"):
        store.codes(np.array([3, 53]))


def test_half_precision_keeps_eleven_bits_of_any_size(tmp_path: Path) -> None:
    """Images that a flow sends a million times out are beyond the largest float16, 65,504."""
    fill(tmp_path, dtype="float16")
    store = open_store(tmp_path)
    found = store.codes(np.arange(ROWS))
    largest = np.abs(CODES).max(axis=1, keepdims=True)
    assert largest.max() > 1e6
    assert (np.abs(found - CODES) <= 2.0**-11 * np.abs(CODES) + 2.0**-24 * np.maximum(largest / 32768, 1)).all()
    np.testing.assert_allclose(store.norms, np.linalg.norm(CODES.astype(float), axis=1), rtol=1e-12)
    assert (tmp_path / codes_name(0)).stat().st_size < 20 * SIZE * 2 + 200


def test_codes_that_are_not_finite_stay_so() -> None:
    codes = np.array([[1.0, np.nan, 2.0], [np.inf, 1e30, 0.0], [3.0, 4.0, 0.0]], dtype=np.float32)
    for dtype in ("float32", "float16"):
        packed, scalars = pack_rows(codes, None, dtype)
        np.testing.assert_array_equal(np.isfinite(packed), np.isfinite(codes))
        assert scalars[:, 0].tolist() == [np.inf, np.inf, 5.0]
        assert np.isnan(scalars[:, 1]).all()


def test_a_model_without_density_and_an_empty_dataset(tmp_path: Path) -> None:
    fill(tmp_path / "a", density=False)
    assert open_store(tmp_path / "a").log_probs is None
    assert fill(tmp_path / "b", rows=0) == []
    assert open_store(tmp_path / "b").complete
    assert open_store(tmp_path / "b").codes(np.array([], dtype=np.int64)).shape == (0, SIZE)


def test_reading_holds_chunks_only(tmp_path: Path) -> None:
    size, rows = 2000, 3000
    with LatentWriter(tmp_path, plan(rows=rows, size=size, shard_rows=1024)) as writer:
        list(writer.prepare())
        while part := writer.next_rows(100):
            writer.append(np.ones((len(part), size), dtype=np.float32), np.zeros(len(part)))
    tracemalloc.start()
    total = sum(float(codes.sum()) for _, codes in open_store(tmp_path).chunks(64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == size * rows
    assert peak < size * rows * 4 / 3


# --- it can be ended at any moment


@pytest.mark.parametrize(("first", "last", "dtype"), [(0, 14, "float32"), (100, 107, "float16")])
def test_a_killed_writer_goes_on_where_it_was(tmp_path: Path, first: int, last: int, dtype: str) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    script = Path(__file__).with_name("killed_writer.py")
    words = [sys.executable, str(script), str(tmp_path), str(first), str(last), dtype]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > last - first


def test_only_what_is_missing_is_encoded_again(tmp_path: Path) -> None:
    assert fill(tmp_path, stop=30) == list(range(32))
    facts = store_facts(tmp_path)
    assert (facts.state, facts.manifest.done, facts.stored) == ("unfinished", 20, 32)
    part = open_store(tmp_path)
    assert part.known.sum() == 20
    np.testing.assert_array_equal(part.codes(np.arange(20)), CODES[:20])
    with pytest.raises(UserError, match="does not yet hold image 20"):
        part.codes(np.array([3, 20]))
    assert np.isnan(part.norms[20:]).all()
    assert fill(tmp_path) == list(range(32, ROWS))
    assert fill(tmp_path) == []
    intact(tmp_path)


def test_rows_written_before_the_manifest_named_them_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended after the last row of a shard, before the manifest was replaced."""

    def fails(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        real = latent_writer.write_manifest
        patch.setattr(latent_writer, "write_manifest", lambda f, m: real(f, m) if not m.shards else fails())
        with pytest.raises(KeyboardInterrupt):
            fill(tmp_path)
    assert read_manifest(tmp_path).shards == ()
    assert fill(tmp_path)[0] == 20
    intact(tmp_path)


@pytest.mark.parametrize("seed", range(30))
def test_files_cut_or_changed_while_nobody_wrote(tmp_path: Path, seed: int) -> None:
    """What a power cut may leave: any file of the shard at work shorter, longer or with other bytes."""
    rng = np.random.default_rng(seed)
    fill(tmp_path, stop=int(rng.integers(1, ROWS)))
    names = [p.name for p in sorted(tmp_path.iterdir()) if p.name.startswith("shard_")]
    for name in rng.choice(names, 2, replace=False):
        path = tmp_path / name
        content = bytearray(path.read_bytes())
        place = int(rng.integers(len(content)))
        how = rng.integers(4)
        if how == 0:
            content = content[:place]
        elif how == 1:
            content[place] ^= int(rng.integers(1, 256))
        elif how == 2:
            content += bytes(place)
        else:
            path.unlink()
            continue
        path.write_bytes(content)
    fill(tmp_path)
    intact(tmp_path)


def test_a_store_is_resumed_by_a_chunk_of_another_size(tmp_path: Path) -> None:
    fill(tmp_path, stop=11, step=4)
    assert fill(tmp_path, step=7)[0] == 12
    intact(tmp_path)


# --- never wrong data


def flip(path: Path, place: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("name", [codes_name(1), scalars_name(1)])
@pytest.mark.parametrize("damage", [flip, lambda p: flip(p, 3), lambda p: p.write_bytes(b""), Path.unlink])
def test_a_damaged_shard_is_a_sentence_and_is_rebuilt(tmp_path: Path, name: str, damage: Callable) -> None:
    fill(tmp_path)
    damage(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name} (is damaged|cannot be read)"):
        open_store(tmp_path)
    assert fill(tmp_path) == list(range(20, 40))
    intact(tmp_path)


def test_a_shard_with_the_right_name_and_other_content_is_found_out(tmp_path: Path) -> None:
    """Shards swapped, and a pickle in the clothes of an array."""
    fill(tmp_path)
    first, second = (tmp_path / codes_name(k) for k in (0, 1))
    first.rename(tmp_path / "shard_00009.codes.npy")
    second.rename(first)
    (tmp_path / "shard_00009.codes.npy").rename(second)
    with pytest.raises(UserError, match="checksum is wrong"):
        open_store(tmp_path)
    with first.open("wb") as stream:
        np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="checksum is wrong"):
        open_store(tmp_path)


def test_verified_files_are_not_read_again_until_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    read: list[str] = []
    real = latent_store.checksum
    monkeypatch.setattr(latent_store, "checksum", lambda path: read.append(path.name) or real(path))
    open_store(tmp_path)
    assert read == []
    os.utime(tmp_path / codes_name(2))
    open_store(tmp_path)
    open_store(tmp_path)
    assert read == [codes_name(2)]
    (tmp_path / STAMPS).write_text("{")
    open_store(tmp_path)
    assert len(read) == 7


def rewrite(folder: Path, **changes: object) -> None:
    raw = msgspec.json.decode((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(msgspec.json.encode(raw | changes))


def test_newer_stores_are_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name != MANIFEST}
    rewrite(tmp_path, schema=2)
    with pytest.raises(NewerVersionError, match="newer LatentStudio"):
        open_store(tmp_path)
    with pytest.raises(NewerVersionError, match="newer LatentStudio"):
        fill(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name != MANIFEST} == before
    assert store_facts(tmp_path).state == "newer"


@pytest.mark.parametrize(
    "changes",
    [{"model_digest": "x"}, {"data_digest": "x"}, {"dtype": "float16"}, {"rows": 52}, {"size": 6}, {"part": (1, 2)}],
)
def test_a_store_of_something_else_is_kept_and_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    fill(tmp_path)
    with pytest.raises(UserError, match="holds codes of faces under glow that are not those asked for"):
        fill(tmp_path, **changes)
    intact(tmp_path)


def test_the_same_codes_under_another_name_are_the_same_store(tmp_path: Path) -> None:
    fill(tmp_path)
    assert fill(tmp_path, model="renamed", data="folder:/elsewhere") == []


@pytest.mark.parametrize("changes", [{"format": "x"}, {"rows": "many"}, {"shard_rows": 0}, {"dtype": "int8"}])
def test_a_damaged_manifest_is_a_sentence_and_the_store_is_rebuilt(tmp_path: Path, changes: dict[str, object]) -> None:
    fill(tmp_path)
    rewrite(tmp_path, **changes)
    with pytest.raises(UserError, match=r"manifest\.json is"):
        open_store(tmp_path)
    assert store_facts(tmp_path).state == "damaged"
    assert fill(tmp_path) == list(range(ROWS))
    intact(tmp_path)


def test_folders_with_other_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match=r"other files \(thesis\.tex\)"):
        fill(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="is not a latent store"):
        open_store(tmp_path)
    with pytest.raises(UserError, match="Cannot make"):
        fill(tmp_path / "thesis.tex" / "store")


def test_two_processes_do_not_write_one_store(tmp_path: Path) -> None:
    with LatentWriter(tmp_path, plan()) as first:
        list(first.prepare())
        with pytest.raises(UserError, match="being written already"):
            fill(tmp_path)
        with pytest.raises(UserError, match="being written already"):
            clear(store_facts(tmp_path))
    fill(tmp_path)
    intact(tmp_path)


_HOLDER = """
import sys
from pathlib import Path
from killed_writer import LatentWriter, plan, row
import numpy as np
with LatentWriter(Path(sys.argv[1]), plan("float32")) as writer:
    list(writer.prepare())
    rows = writer.next_rows(5)
    writer.append(np.stack([row(k) for k in rows]), -np.array(rows, dtype=float))
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_store_that_another_process_writes_is_left_to_it_and_taken_over_when_that_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "writing\n"
            with pytest.raises(UserError, match="being written already, here or by another process"):
                fill(tmp_path)
            with pytest.raises(UserError, match="being written already"):
                clear(store_facts(tmp_path))
            assert store_facts(tmp_path).stored == 5, "reading what is there is allowed"
        finally:
            holder.kill()
    assert fill(tmp_path) == list(range(5, ROWS))
    intact(tmp_path)


# --- full disk


def test_a_disk_that_fills_up_keeps_what_was_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="file sizes cannot be limited here")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 128 + 13 * SIZE * 4 + 5
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        with pytest.raises(UserError, match="File too large; 12 of 53 images are kept"):
            fill(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert fill(tmp_path)[0] == 12
    intact(tmp_path)


@pytest.mark.parametrize("room", [0, 1, 100, 400, 700, 1100, 1500, 2300, 3300])
def test_a_write_that_finds_the_disk_full_costs_nothing(
    tmp_path: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes `room` bytes of shards and journals, the last write a part of what it was given."""
    left = [room]

    def write(file: Any, content: bytes) -> None:
        taken = content[: left[0]]
        os.write(file.fileno(), taken)
        left[0] -= len(taken)
        if len(taken) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(latent_shard, "_write_all", write)
        with pytest.raises(UserError, match="No space left on device"):
            fill(tmp_path)
    kept = store_facts(tmp_path).stored
    assert fill(tmp_path) == list(range(kept, ROWS))
    intact(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many pages of 4 KiB, and unmounts it in the end."""
    mount = tmp_path / "small"
    mount.mkdir()
    words = ["mount", "-t", "tmpfs", "-o"]

    def make(pages: int) -> Path:
        try:
            subprocess.run([*words, f"size={4 * pages}k", "tmpfs", str(mount)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("a small file system cannot be mounted here")
        mounted.append(mount)
        return mount

    mounted: list[Path] = []
    yield make
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("pages", range(1, 10))
def test_a_disk_that_is_truly_full(
    tmp_path: Path, pages: int, small_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file meets the end of the room: shards, journal, manifest or what is known to be verified."""
    folder = small_disk(pages) / "store"
    # The look at the free space before the work is tested by itself.
    monkeypatch.setattr(LatentWriter, "_check_space", lambda self: None)
    with pytest.raises(UserError, match="No space left on device"):
        fill(folder)
    kept = store_facts(folder).stored if (folder / MANIFEST).is_file() else 0
    roomy = tmp_path / "roomy"
    shutil.copytree(folder, roomy)
    assert fill(roomy) == list(range(kept, ROWS))
    intact(roomy)


def test_too_little_space_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(latent_writer.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="GB more in"):
        fill(tmp_path)


# --- parts and merging


def parts(home: Path, count: int) -> list[Path]:
    for i in range(1, count + 1):
        fill(home / f"part{i}", part=(i, count))
    return [home / f"part{i}" for i in range(1, count + 1)]


@pytest.mark.parametrize("links", [True, False])
def test_parts_join_to_the_whole(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:

        def refuse(*args: object) -> None:
            raise OSError("no links here")

        monkeypatch.setattr(latent_shelf.os, "link", refuse)
    folders = parts(tmp_path, 2)
    assert [store_facts(f).manifest.done for f in folders] == [33, 20]
    shares = list(merge(folders))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    store = intact(place_of(plan()))
    assert store.manifest.part == (1, 1)
    assert fill(place_of(plan())) == []


def test_merging_adds_to_what_is_there_and_the_rest_can_be_encoded(tmp_path: Path) -> None:
    target = tmp_path / "whole"
    fill(target, stop=5)
    folders = parts(tmp_path, 3)
    list(merge([folders[2]], target))
    assert [s.index for s in read_manifest(target).shards] == [2]
    assert fill(target)[0] == 6
    intact(target)
    list(merge(folders, target))
    intact(target)


def test_rebuilding_a_merged_shard_leaves_the_part_alone(tmp_path: Path) -> None:
    """Both share the file by a hard link."""
    folders = parts(tmp_path, 2)
    list(merge(folders, tmp_path / "whole"))
    (tmp_path / "whole" / MANIFEST).write_text("{")
    fill(tmp_path / "whole", stop=4)
    for folder in folders:
        open_store(folder)


def test_parts_that_do_not_belong_together_or_are_damaged(tmp_path: Path) -> None:
    folders = parts(tmp_path, 2)
    fill(tmp_path / "other", model_digest="x")
    with pytest.raises(UserError, match="another model, dataset, number type or shard size"):
        list(merge([*folders, tmp_path / "other"], tmp_path / "whole"))
    flip(folders[1] / codes_name(1))
    with pytest.raises(UserError, match="checksum is wrong"):
        list(merge(folders, tmp_path / "whole"))
    with pytest.raises(UserError, match="nothing to merge"):
        list(merge([]))
    with pytest.raises(UserError, match="is not a latent store"):
        list(merge([tmp_path / "nowhere"]))


# --- the shelf


def test_the_shelf_lists_and_clears_only_stores(tmp_path: Path) -> None:
    assert stores() == []
    fill(place_of(plan()))
    fill(place_of(plan(dtype="float16")), stop=30, dtype="float16")
    (shelf() / "broken").mkdir()
    (shelf() / "broken" / "notes.txt").write_text("mine")
    found = {f.folder.name: f for f in stores()}
    whole, half = found[plan().key], found[plan(dtype="float16").key]
    assert (whole.state, half.state, found["broken"].state) == ("complete", "unfinished", "damaged")
    assert whole.bytes >= ROWS * (SIZE * 4 + 24)
    assert clear(whole) > ROWS * SIZE * 4
    clear(found["broken"])
    assert sorted(p.name for p in shelf().iterdir()) == sorted([half.folder.name, "broken"])
    assert (shelf() / "broken" / "notes.txt").read_text() == "mine"


def test_a_journal_of_another_store_is_not_believed(tmp_path: Path) -> None:
    fill(tmp_path / "a", stop=5)
    fill(tmp_path / "b", stop=5, model_digest="x")
    (tmp_path / "a" / journal_name(0)).replace(tmp_path / "b" / journal_name(0))
    assert fill(tmp_path / "b", model_digest="x")[0] == 0

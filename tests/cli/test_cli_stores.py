"""Whole data sets into the latent store, from the front door."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from latentstudio.data.latent_shelf import shelf
from latentstudio.data.latent_store import file_stamp, open_store, write_stamps
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.studio.workspace import Workspace

Command = Callable[..., Any]


@pytest.fixture
def words(home: Any) -> list[str]:
    return ["encode", "--model", "toy", "--data", f"folder:{home.pictures}", "--store"]


def value_of(answer: Any, status: int = 0) -> Any:
    assert answer.status == status, answer.err
    return json.loads(answer.out)


def test_a_data_set_goes_into_the_store_once(command: Command, words: list[str], tmp_path: Path) -> None:
    first = value_of(command(*words, "--json"))
    assert (first["stored"], first["encoded_now"], first["latent_size"]) == (12, 12, 4)
    assert Path(first["folder"]).parent == shelf()
    assert value_of(command(*words, "--json"))["encoded_now"] == 0
    command(*words[:-1], "-o", tmp_path / "codes.safetensors")
    tensors, store = load_file(tmp_path / "codes.safetensors"), open_store(Path(first["folder"]))
    np.testing.assert_array_equal(store.codes(np.arange(12)), tensors["codes"])
    np.testing.assert_allclose(store.norms, tensors["norm"], rtol=1e-12)
    np.testing.assert_array_equal(store.log_probs, tensors["log_prob"])


def test_stores_are_listed_verified_and_cleared(command: Command, words: list[str]) -> None:
    assert value_of(command("stores", "--json")) == []
    command(*words)
    command(*words, "--dtype", "float16")
    listed = value_of(command("stores", "--json", "--verify"))
    assert sorted(s["dtype"] for s in listed) == ["float16", "float32"]
    assert {(s["model"], s["images"], s["stored"], s["state"], s["fault"]) for s in listed} == {
        ("toy", 12, 12, "complete", "")
    }
    assert all(s["bytes"] > 12 * 4 * 2 for s in listed)
    shown = command("stores").out
    assert "complete" in shown
    assert f"2 stores, {sum(s['bytes'] for s in listed) / 1e6:.1f} MB." in shown
    assert {s["outdated"] for s in listed} == {""}
    path = Path(listed[0]["folder"]) / "shard_00000.scalars.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    # A disk that loses a bit changes neither size nor times.
    write_stamps(path.parent, {p.name: file_stamp(p) for p in path.parent.glob("shard_*")})
    open_store(path.parent)
    assert "checksum is wrong" in value_of(command("stores", "--json", "--verify", path.parent), 1)[0]["fault"]
    path = Path(listed[0]["folder"]) / "shard_00000.codes.npy"
    path.write_bytes(path.read_bytes()[:-1])
    assert "checksum is wrong" in value_of(command("stores", "--json", "--verify", path.parent), 1)[0]["fault"]
    assert command("stores", "--clear", path.parent).out.startswith("1 store cleared")
    assert [s["folder"] for s in value_of(command("stores", "--json"))] == [listed[1]["folder"]]
    assert command("stores", "--clear").out.startswith("1 store cleared")
    assert value_of(command("stores", "--json")) == []


def test_parts_are_merged(command: Command, words: list[str], tmp_path: Path) -> None:
    folders = []
    for part in ("1/2", "2/2"):
        facts = value_of(command(*words, "--shard-rows", "5", "--shard", part, "--json"))
        folders.append(facts["folder"])
    half = value_of(command("merge", folders[0], "-o", tmp_path / "half", "--json"))
    assert (half["stored"], half["complete"]) == (7, False)
    assert "7 of 12 codes" in command("merge", folders[0], "-o", tmp_path / "half").out
    whole = value_of(command("merge", *folders, "--json"))
    assert whole["complete"]
    command(*words[:-1], "-o", tmp_path / "codes.safetensors")
    stored = open_store(Path(whole["folder"])).codes(np.arange(12))
    np.testing.assert_allclose(stored, load_file(tmp_path / "codes.safetensors")["codes"], atol=1e-5)


def test_the_complete_store_is_found_and_a_damaged_one_is_not(command: Command, words: list[str], home: Any) -> None:
    workspace, model = Workspace(), ModelRef(name="toy")
    data = DataRef(spec=f"folder:{home.pictures}")
    assert workspace.latent_store(model, data) is None
    command(*words, "--dtype", "float16")
    rough = workspace.latent_store(model, data)
    assert rough is not None
    assert rough.manifest.dtype == "float16"
    folder = Path(value_of(command(*words, "--json"))["folder"])
    exact = workspace.latent_store(model, data)
    assert exact is not None
    assert exact.folder == folder
    (folder / "shard_00000.codes.npy").unlink()
    found = workspace.latent_store(model, data)
    assert found is not None
    assert found.manifest.dtype == "float16"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--shard", "3/2"], "--shard cannot be '3/2'; 1/2 to 2/2 would do."),
        (["--shard", "two"], "--shard cannot be 'two'; 2/8"),
        (["--shard-rows", "0"], "--shard-rows cannot be 0"),
        (["--dtype", "int8"], "float32"),
        (["--indices", "1"], "--store goes with --data D alone"),
    ],
)
def test_bad_options_are_a_sentence(command: Command, words: list[str], more: list[str], sentence: str) -> None:
    answer = command(*words, *more)
    assert answer.status == 2
    assert sentence in answer.err
    assert answer.out == ""


def test_options_of_the_store_need_the_store(command: Command, words: list[str], tmp_path: Path) -> None:
    assert "--dtype goes with --store" in command(*words[:-1], "--dtype", "float16", "-o", tmp_path / "c").err
    assert "-o CODES.safetensors" in command(*words[:-1]).err
    assert command("stores", tmp_path / "nowhere").status == 2
    assert command("merge", tmp_path).status == 2
    (tmp_path / "mine.txt").write_text("x")
    answer = command(*words, "-o", tmp_path)
    assert answer.status == 2
    assert "other files" in answer.err

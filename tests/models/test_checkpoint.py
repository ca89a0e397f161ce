"""Checkpoints: what is saved comes back, and every fault is refused with a sentence."""

import json
import os
import pickle
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentstudio.errors import NewerVersionError, UserError
from latentstudio.models import checkpoint
from latentstudio.models.library import describe, scan_models, snapshot_steps
from latentstudio.models.pca_realnvp import PcaRealNvp


@pytest.fixture
def model():
    return PcaRealNvp.tiny()


@pytest.fixture
def folder(tmp_path, model):
    folder = tmp_path / "models" / "tiny"
    dataset = {"spec": "faces?n=24", "digest": "abc", "title": "Faces", "images": 24}
    lines = [{"step": 1, "loss": 2.5, "held_out": None, "seconds": 0.1, "skipped": 0}]
    checkpoint.save(folder, model, title="Tiny", dataset=dataset, training={"steps": 1}, card="# T\n", history=lines)
    return folder


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_weights(folder, change):
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_folder_holds_what_the_design_says(folder):
    names = {p.name for p in folder.iterdir()}
    assert names == {"config.json", "weights.safetensors", "history.jsonl", "card.md"}
    info = describe(folder)
    assert (info.title, info.dataset, info.dataset_digest) == ("Tiny", "faces?n=24", "abc")
    assert info.parts == {"code": (0, 4)}
    assert json.loads((folder / "history.jsonl").read_text())["loss"] == 2.5


def test_snapshot_has_its_own_flow_and_shares_the_rest(folder, model):
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.flow.norms[0].shift.add_(1)
    path = checkpoint.save_snapshot(folder, model, 7)
    assert not any(name.startswith("pca.") for name in load_file(path))
    assert snapshot_steps(folder) == (7,)
    with torch.inference_mode():
        assert torch.equal(checkpoint.load(folder, 7).decode(z), model.decode(z))
        assert not torch.equal(checkpoint.load(folder).decode(z), model.decode(z))


def test_half_precision_tensors_come_back_as_they_were(tmp_path):
    config = {"image_shape": [1, 6, 5], "components": 4, "layers": 1, "hidden": 4, "basis": "float16"}
    model = PcaRealNvp.from_config(config)
    model.fit_preprocessing(torch.rand(20, 1, 6, 5, generator=torch.Generator().manual_seed(0)))
    dataset = {"spec": "faces", "digest": "", "title": "", "images": 20}
    checkpoint.save(tmp_path / "m", model.eval(), title="", dataset=dataset, training={}, card="")
    assert load_file(tmp_path / "m" / "weights.safetensors")["pca.components"].dtype == torch.float16
    loaded = checkpoint.load(tmp_path / "m")
    assert torch.equal(loaded.pca.components, model.pca.components)
    assert loaded.pca.components.dtype == torch.float32


def test_loaded_model_is_ready_for_inference(folder):
    loaded = checkpoint.load(folder)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.pop("flow.norms.0.shift"), "lacks 1 tensor"),
        (lambda t: t.update(surprise=torch.zeros(2)), "does not know, the first is 'surprise'"),
        (lambda t: t.update({"flow.norms.0.shift": torch.zeros(5)}), r"shape \(5,\); \(4,\) is expected"),
        (lambda t: t["flow.norms.0.shift"].fill_(torch.nan), "NaN or infinite values in 'flow.norms.0.shift'"),
        (lambda t: t["pca.mean"].fill_(torch.inf), "NaN or infinite values in 'pca.mean'"),
        (lambda t: t.update({"flow.norms.0.shift": torch.zeros(4, dtype=torch.int64)}), "as I64"),
    ],
    ids=["missing", "extra", "shape", "nan", "infinite", "type"],
)
def test_faulty_tensors_are_refused(folder, change, sentence):
    edit_weights(folder, change)
    with pytest.raises(UserError, match=sentence):
        checkpoint.load(folder)


@pytest.mark.parametrize("content", [b"", b"\x00" * 3, b"\xff" * 64, b"not tensors at all, but quite long"])
def test_broken_files_are_refused(folder, content):
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.safetensors is not a safetensors file"):
        checkpoint.load(folder)


def test_truncated_weights_are_refused(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a safetensors file"):
        checkpoint.load(folder)


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("writer", ["pickle", "torch"])
@pytest.mark.parametrize("place", ["weights", "snapshot"])
def test_pickle_in_disguise_is_refused_and_not_executed(folder, model, tmp_path, writer, place):
    if place == "weights":
        path, step = folder / "weights.safetensors", None
    else:
        path, step = checkpoint.save_snapshot(folder, model, 3), 3
    trace = tmp_path / "executed"
    if writer == "pickle":
        path.write_bytes(pickle.dumps(_Bomb(str(trace))))
    else:
        torch.save(_Bomb(str(trace)), path)
    with pytest.raises(UserError, match="not a safetensors file"):
        checkpoint.load(folder, step)
    assert not trace.exists()
    # The bomb does work where something unpickles it, so its silence above means something.
    if writer == "pickle":
        pickle.loads(path.read_bytes()).close()
        assert trace.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"family": "perceptron"}, "family 'perceptron'; known are pca_realnvp"),
        ({"schema": "one"}, "schema"),
        ({"config": 3}, "JSON object as 'config'"),
        ({"training": "long"}, "JSON object as 'training'"),
        ({"latent_space": [64]}, "JSON object as 'latent_space'"),
        ({"config": {"image_shape": [3, 6, 5]}}, "not valid"),
        ({"image_shape": [3, 9, 9]}, "image shape"),
    ],
)
def test_faulty_configurations_are_refused(folder, changes, sentence):
    edit_config(folder, **changes)
    with pytest.raises(UserError, match=sentence):
        checkpoint.load(folder)


def test_sizes_that_do_not_fit_the_weights_are_refused_before_memory_is_taken(folder):
    config = json.loads((folder / "config.json").read_text())["config"]
    edit_config(folder, config=config | {"hidden": 16384, "layers": 256})
    with pytest.raises(UserError, match="lacks"):
        checkpoint.load(folder)


def test_newer_schema_is_told_apart(folder):
    edit_config(folder, schema=99)
    with pytest.raises(NewerVersionError, match="newer LatentStudio"):
        checkpoint.load(folder)


def test_configuration_that_is_not_json_is_refused(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        checkpoint.load(folder)


def test_missing_parts_are_named(folder, tmp_path):
    with pytest.raises(UserError, match="no snapshot at step 5; there are none"):
        checkpoint.load(folder, 5)
    with pytest.raises(UserError, match=r"no config\.json"):
        checkpoint.load(tmp_path / "nothing")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(UserError, match="no weights file"):
        checkpoint.load(folder)


def test_unknown_device_is_named(folder):
    with pytest.raises(UserError, match="device 'abacus'"):
        checkpoint.load(folder, device="abacus")


def test_broken_model_does_not_hide_the_others(folder, monkeypatch):
    broken = folder.parent / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("[]")
    monkeypatch.setenv("LATENTSTUDIO_MODELS", str(folder.parent))
    found, faults = scan_models()
    assert "tiny" in found
    assert str(broken) in {path.rstrip("/") for path in faults}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_folder_without_permission_is_a_sentence(folder, model):
    folder.chmod(0o500)
    try:
        with pytest.raises(UserError, match="Cannot write"):
            checkpoint.save_weights(folder / "weights.safetensors", model.state_dict())
    finally:
        folder.chmod(0o700)


def test_place_that_is_a_file_is_a_sentence(folder, model):
    with pytest.raises(UserError, match="Cannot make the folder"):
        checkpoint.save_snapshot(folder / "card.md", model, 1)


def test_library_is_imported_without_torch():
    code = "import sys, latentstudio.models.library, latentstudio.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

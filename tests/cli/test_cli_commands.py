"""Every command through its front door: answers, JSON, files and exit statuses."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from latentstudio.cli.main import COMMANDS
from latentstudio.cli.options import RESERVED, option_name
from latentstudio.controls import controls

Command = Callable[..., Any]


def value_of(answer: Any) -> Any:
    """Parse standard output as one strict JSON value."""
    assert answer.status == 0, answer.err

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(answer.out, parse_constant=refuse)


def test_models_as_json_have_the_promised_fields(command: Command) -> None:
    (model,) = value_of(command("models", "--json"))
    promised = {"name", "family", "dataset", "digest", "image_shape", "latent_size", "parts", "prior", "abilities"}
    assert promised | {"snapshots"} <= set(model)
    assert (model["name"], model["image_shape"], model["latent_size"]) == ("toy", [3, 6, 5], 4)
    assert model["parts"] == {"code": [0, 4]}
    assert set(model["abilities"]) == {"encode", "decode", "sample", "log_prob"}


def test_a_broken_model_is_told_on_standard_error_only(command: Command, home: Any, tmp_path: Path) -> None:
    broken = home.root / "models" / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{", encoding="utf-8")
    try:
        answer = command("models", "--json")
        assert [m["name"] for m in value_of(answer)] == ["toy"]
        assert "broken" in answer.err
    finally:
        (broken / "config.json").unlink()
        broken.rmdir()


def test_datasets_as_json_have_the_promised_fields(command: Command) -> None:
    by_name = {d["name"]: d for d in value_of(command("datasets", "--json"))}
    assert all({"name", "images", "available", "attributes"} <= set(d) for d in by_name.values())
    assert by_name["faces"]["available"]
    assert by_name["faces"]["images"] > 0
    assert "Smiling" in by_name["faces"]["attributes"]
    assert not by_name["olivetti"]["available"]
    assert "--fetch olivetti" in by_name["olivetti"]["why_not"]
    assert by_name["folder"]["needs_path"]


def test_a_folder_can_be_described(command: Command, home: Any) -> None:
    (data,) = value_of(command("datasets", f"folder:{home.pictures}?size=32", "--json"))
    assert (data["images"], data["image_shape"]) == (12, [32, 32, 3])
    assert data["attributes"] == ["identity", "smiling"]


@pytest.mark.parametrize("name", ["operations", "analyses"])
def test_tables_of_plugins(command: Command, name: str) -> None:
    entries = value_of(command(name, "--json"))
    assert {"interpolate", "sample"} <= {e["name"] for e in entries} or name == "analyses"
    assert all(e["summary"] and isinstance(e["parameters"], list) for e in entries)
    text = command(name)
    assert all(e["name"] in text.out for e in entries)


def test_run_gives_the_readouts_of_every_frame(command: Command, home: Any) -> None:
    answer = command("run", "interpolate", "--model", "toy", "--data", home.pictures, "--a", 0, "--b", "face_05.png",
                     "--steps", 4, "--paths", "linear,spherical", "--json")  # fmt: skip
    value = value_of(answer)
    result = value["result"]
    assert result["type"] == "Strip"
    assert len(result["norm"]) == len(result["log_prob"]) == 8
    assert result["positions"] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert result["end_labels"] == ["face_00.png", "face_05.png"]
    assert value["recipe"]["params"] == {"steps": 4, "paths": ["linear", "spherical"]}


def test_run_render_check_round_trip(command: Command, home: Any, tmp_path: Path) -> None:
    fig = tmp_path / "fig.png"
    made = command(
        "run", "interpolate", "--model", "toy", "--data", home.pictures, "--a", 1, "--b", 7, "-o", fig, "--dpi", 90
    )
    assert (made.status, made.out) == (0, "")
    checked = value_of(command("render", fig, "--check", "--json"))
    assert checked["largest_difference"] == 0
    assert command("render", "--from", fig, "-o", tmp_path / "fig.svg").status == 0
    assert command("render", tmp_path / "fig.svg", "--check").status == 0


def test_check_fails_with_status_1_when_a_pixel_differs(command: Command, home: Any, tmp_path: Path) -> None:
    from latentstudio.figures.embed import embedded, read_figure

    fig = tmp_path / "fig.png"
    command("run", "sample", "--model", "toy", "--count", 2, "-o", fig, "--dpi", 80)
    with Image.open(fig) as image:
        changed = np.asarray(image.convert("RGB")).copy()
    changed[5, 5] ^= 3
    out = io.BytesIO()
    Image.fromarray(changed).save(out, "PNG")
    fig.write_bytes(embedded(out.getvalue(), "png", read_figure(fig)))
    answer = command("render", fig, "--check", "--json")
    assert answer.status == 1
    assert json.loads(answer.out)["largest_difference"] == 3


def test_render_can_change_the_style_of_a_stored_figure(command: Command, tmp_path: Path) -> None:
    fig, other = tmp_path / "a.png", tmp_path / "b.png"
    command("run", "sample", "--model", "toy", "--count", 2, "-o", fig, "--dpi", 80, "--width-mm", 100)
    assert command("render", fig, "-o", other, "--dpi", 160).status == 0
    with Image.open(fig) as a, Image.open(other) as b:
        assert b.width == pytest.approx(2 * a.width, abs=1)


def test_run_writes_numbers_as_csv(command: Command, home: Any, tmp_path: Path) -> None:
    out = tmp_path / "numbers.csv"
    assert command("run", "sample", "--model", "toy", "--count", 3, "-o", out).status == 0
    assert len(list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))) == 3


@pytest.mark.parametrize("name", ["likelihood", "norms"])
def test_analyses_run_on_a_choice_of_images(command: Command, home: Any, name: str) -> None:
    answer = command("run", name, "--model", "toy", "--data", home.pictures, "--indices", "0:6", "--json")
    assert value_of(answer)["recipe"]["selection"] == [0, 1, 2, 3, 4, 5]


def test_run_prints_for_people_too(command: Command) -> None:
    answer = command("run", "sample", "--model", "toy", "--count", 2)
    assert answer.status == 0
    assert "norm" in answer.out


def test_encode_writes_codes_norms_and_densities(command: Command, home: Any, tmp_path: Path) -> None:
    import torch

    from latentstudio.data import open_dataset
    from latentstudio.data.prepare import fit
    from latentstudio.models.checkpoint import load

    out = tmp_path / "codes.safetensors"
    summary = value_of(
        command("encode", "--model", "toy", "--data", home.pictures, "--indices", "4", "2", "-o", out, "--json")
    )
    assert summary["tensors"] == {"codes": [2, 4], "norm": [2], "log_prob": [2]}
    stored = load_file(out)
    images = torch.from_numpy(fit(open_dataset(str(home.pictures)).images([4, 2]), (3, 6, 5)))
    model = load(home.model)
    with torch.inference_mode():
        assert np.array_equal(stored["codes"], model.encode(images).numpy())
        assert stored["log_prob"] == pytest.approx(model.log_prob(images).numpy())
    assert stored["norm"] == pytest.approx(np.linalg.norm(stored["codes"], axis=1))


def test_encode_takes_files_and_decode_draws_them(command: Command, home: Any, tmp_path: Path) -> None:
    out, grid = tmp_path / "codes.safetensors", tmp_path / "grid.png"
    files = [home.pictures / f"face_{k:02d}.png" for k in (1, 3, 5)]
    assert command("encode", "--model", "toy", "--images", *files, "-o", out).status == 0
    assert load_file(out)["codes"].shape == (3, 4)
    drawn = value_of(command("decode", out, "--model", "toy", "-o", grid, "--rows", "0:2", "--dpi", 80, "--json"))
    assert drawn == {"output": str(grid), "images": 2, "latent_size": 4, "not_finite": 0}
    assert command("render", grid, "--check").status == 0
    recipe = command("render", grid, "-o", tmp_path / "grid.json")
    assert recipe.status == 0
    stored = json.loads((tmp_path / "grid.json").read_text(encoding="utf-8"))
    assert len(stored["rows"][0][0]["inputs"]["images"]) == 2


def test_a_broken_picture_in_a_folder_is_named_and_the_rest_is_measured(
    command: Command, home: Any, tmp_path: Path
) -> None:
    for k in range(4):
        (tmp_path / f"{k}.png").write_bytes((home.pictures / f"face_{k:02d}.png").read_bytes())
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:50])
    strip = value_of(command("run", "interpolate", "--model", "toy", "--data", tmp_path, "--a", 0, "--b", 3, "--json"))
    assert "1 image cannot be read and is left out: 1.png" in " ".join(strip["result"]["notes"])
    assert "1.png" not in strip["result"]["nearest_id"]
    norms = value_of(command("run", "norms", "--model", "toy", "--data", tmp_path, "--json"))
    histograms = norms["result"]["parts"][0]["histograms"]
    assert sum(len(h["values"]) for h in histograms) == 3
    refused = command("encode", "--model", "toy", "--data", tmp_path, "-o", tmp_path / "c.safetensors")
    assert refused.status == 2, "codes in a file have to stand for every image that was asked for"
    assert "1.png" in refused.err


def test_codes_of_a_file_go_into_slots(command: Command, home: Any, tmp_path: Path) -> None:
    out = tmp_path / "codes.safetensors"
    command("encode", "--model", "toy", "--data", home.pictures, "-o", out)
    value = value_of(command("run", "interpolate", "--model", "toy", "--a", f"{out}:0", "--b", f"{out}:11", "--json"))
    norms = load_file(out)["norm"]
    assert value["result"]["norm"][0] == pytest.approx(norms[0], rel=1e-5)
    assert value["result"]["norm"][-1] == pytest.approx(norms[11], rel=1e-5)


def test_a_picture_file_goes_into_a_slot(command: Command, home: Any) -> None:
    file = home.pictures / "face_03.png"
    value = value_of(command("run", "reconstruct", "--model", "toy", "--images", file, "--json"))
    assert value["result"]["labels"] == ["face_03.png"]
    assert value["result"]["error"][0] >= 0


def test_check_model_tells_every_promise(command: Command) -> None:
    value = value_of(command("check-model", "toy", "--json"))
    assert value["ok"]
    assert all(check["ok"] for check in value["checks"])
    assert len(value["checks"]) >= 10
    assert "all promises hold" in command("check-model", "toy").out


def test_check_model_of_a_damaged_folder_is_bad_input(command: Command, home: Any, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "damaged"
    shutil.copytree(home.model, copy)
    (copy / "weights.safetensors").write_bytes(b"\x80\x04garbage")
    answer = command("check-model", copy)
    assert answer.status == 2
    assert "weights.safetensors" in answer.err


def test_doctor_names_versions_models_and_folders(command: Command) -> None:
    answer = command("doctor", "--json")
    findings = {f["topic"]: f for f in json.loads(answer.out)["findings"]}
    assert "torch" in findings["packages"]["text"]
    assert "toy" in findings["models"]["text"]
    assert all(f["ok"] or f["mend"] for f in findings.values())
    assert answer.status == (1 if any(f["fatal"] and not f["ok"] for f in findings.values()) else 0)


def test_doctor_says_which_package_brings_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from latentstudio.cli import doctor

    monkeypatch.setattr(doctor, "QT_LIBRARIES", {"libnowhere.so.9": "libnowhere9"})
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    wrong = [f for f in doctor._display() if not f.ok and f.topic == "Qt libraries"]
    assert wrong[0].text == "missing: libnowhere.so.9"
    assert "libnowhere9" in wrong[0].mend


def test_doctor_reports_a_broken_model(command: Command, home: Any) -> None:
    broken = home.root / "models" / "bad"
    broken.mkdir()
    (broken / "config.json").write_text("[]", encoding="utf-8")
    try:
        findings = json.loads(command("doctor", "--json").out)["findings"]
    finally:
        (broken / "config.json").unlink()
        broken.rmdir()
    assert any(f["topic"] == "model" and "bad" in f["text"] for f in findings)


def test_no_option_of_a_plugin_takes_a_name_of_the_command() -> None:
    from latentstudio.analyses import ANALYSES
    from latentstudio.operations import OPERATIONS

    for cls in (*OPERATIONS.values(), *ANALYSES.values()):
        names = [c.name for c in controls(cls)] + [s.name for s in getattr(cls, "slots", ())]
        options = [option_name(name) for name in names]
        assert len(set(options)) == len(options)
        assert not {o.removeprefix("--") for o in options} & RESERVED


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: Command, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(name, "--help")
    assert stopped.value.code == 0
    assert f"latentstudio {name}" in capsys.readouterr().out

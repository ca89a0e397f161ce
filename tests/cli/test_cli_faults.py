"""Broken models, odd labels, small data sets and far codes at the front door: counted, or one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from latentstudio.__main__ import main
from latentstudio.analyses import ANALYSES
from latentstudio.controls import controls
from latentstudio.models import checkpoint
from latentstudio.models.glow import Glow
from latentstudio.operations import OPERATIONS

EDGE, COUNT = 8, 48
ODD = (5, 17)
PLUGINS = {**ANALYSES, **OPERATIONS}
LEARNING = ("attribute", "prototypes", "projections", "attribute_leak", "edit_curve", "edit_map", "feature_sheet")
LEARNING += ("norm_table",)
FEW: dict[str, list[object]] = {
    "attribute_leak": ["--faces", 4, "--images", 48],
    "edit_curve": ["--faces", 4, "--images", 48],
    "feature_sheet": ["--faces", 4],
    "edit_map": ["--faces", 4],
    "norm_table": ["--images", 4],
    "separability": ["--trials", 5, "--dimensions", 3],
    "half_space": ["--draws", 100],
    "uniqueness": ["--draws", 100],
    "unbounded_likelihood": ["--repeats", 1, "--edge", 2],
    "gaussianity": ["--repeats", 10],
    "projections": ["--repeats", 20],
    "dose_response": ["--images", 48, "--repeats", 1, "--counts", 1, 2],
    "additivity": ["--images", 2, "--pairs", 1],
}


def pictures_in(folder: Path, count: int) -> Path:
    """Pictures with labels of which one is nobody's, one everybody's, one a single person's, one unknown of all."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ["id,smiling,none,one,every,unknown"]
    for k in range(count):
        value = np.full((EDGE, EDGE, 3), 110 + 20 * (k % 2)) + rng.normal(0, 15, (EDGE, EDGE, 3))
        pixels = np.full((EDGE, EDGE, 3), (255, 0, 0)) if k in ODD else value
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"f{k:02d}.png")
        rows.append(f"f{k:02d}.png,{k % 2},0,{int(k == 3)},1,")
    (folder / "attributes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def read(folder: Path, index: int) -> torch.Tensor:
    pixels = np.array(Image.open(folder / f"f{index:02d}.png"))
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)


def overflowing(folder: Path) -> Glow:
    """A Glow of which one channel of one coupling answers to the odd pictures alone, with a shift beyond float32."""
    model = Glow.tiny()
    step = model.flow.flow_levels()[0].flow_steps()[0]
    net = step.coupling.net

    def seen(images: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.pixel_unshuffle(images * (127.5 / 256), 2)
        x = step.conv.to_noise(step.norm.to_noise(x)[0])[0].chunk(2, 1)[0]
        return torch.nn.functional.conv2d(x, net.first.weight, padding=1).amax((0, 2, 3))

    with torch.no_grad():
        usual = seen(torch.cat([read(folder, k) for k in range(COUNT) if k not in ODD]))
        odd = seen(read(folder, ODD[0]))
        channel = int((odd - usual).argmax())
        assert odd[channel] > usual[channel] + 0.1
        for norm in (net.first_norm, net.middle_norm):
            norm.shift.zero_()
            norm.log_scale.zero_()
        net.first_norm.shift.fill_(1e6)
        net.first_norm.shift[channel] = (odd[channel] + usual[channel]) / 2
        net.middle.weight.zero_()
        net.middle.weight[:, channel] = 1e4
        net.last.conv.weight.zero_()
        net.last.conv.weight[-6:] = 1
        net.last.conv.bias.zero_()
        net.last.log_scale.fill_(29.0)
    return model


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("faults")
    found = {"many": pictures_in(root / "many", COUNT), "single": pictures_in(root / "single", 1)}
    for name, model in (("tiny", Glow.tiny()), ("overflowing", overflowing(found["many"]))):
        facts = {"spec": str(found["many"]), "digest": "", "title": "many", "images": COUNT}
        checkpoint.save(root / name, model, title=name, dataset=facts, training={}, card="# x\n", history=[])
        found[name] = root / name
    # The step that training began with: enough for an analysis of the training.
    line = json.dumps({"step": 0, "loss": 3.0, "held_out": 3.5, "seconds": 0, "skipped": 0})
    for name in ("tiny", "overflowing"):
        (found[name] / "history.jsonl").write_text(f"{line}\n{line.replace('0,', '1,', 1)}\n", encoding="utf-8")
    return found


class Ran:
    """Status, standard output and the sentence of a command; anything else about it is a fault."""

    def __init__(self, answer: tuple[int, str, str]) -> None:
        self.status, self.out, self.err = answer
        self.sentences = [line for line in self.err.splitlines() if line.startswith("latentstudio: ")]
        assert self.status in (0, 2), self.err
        assert "Traceback" not in self.err
        if self.status == 2:
            assert self.out == ""
            assert len(self.sentences) == 1, self.err

    @property
    def value(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))

    @property
    def notes(self) -> str:
        result = self.value["result"]
        return " ".join(note for part in result.get("parts") or [result] for note in part.get("notes", ()))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def call(*words: object) -> Ran:
        status = main([str(w) for w in words])
        printed = capsys.readouterr()
        return Ran((status, printed.out, printed.err))

    return call


def words_for(name: str, model: Path, data: Path, attribute: str = "", face: object = 0) -> list[object]:
    cls = PLUGINS[name]
    words: list[object] = ["run", name, "--model", model, "--data", data, *FEW.get(name, ())]
    for slot in getattr(cls, "slots", ()):
        if not slot.optional:
            words += [f"--{slot.name}", face]
    given = next((c.name for c in controls(cls) if c.kind in ("attribute", "attributes")), None)
    if attribute and given:
        words += [f"--{given}", attribute]
    return [*words, "--json"]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_model_that_overflows_on_an_image_runs_through_everything(
    name: str, run: Callable[..., Ran], places: dict[str, Path]
) -> None:
    """Strict JSON without NaN, or one sentence; with an image that overflows among those looked at, and as the face."""
    attribute = "smiling" if name in (*LEARNING, "separability") else ""
    for face in (0, ODD[0]):
        ran = run(*words_for(name, places["overflowing"], places["many"], attribute, face))
        if name == "components":
            assert "no principal components" in ran.sentences[0]
        elif ran.status == 2:
            assert (name, face) == ("sensitivity", ODD[0]), ran.err
        elif face == ODD[0] and name in OPERATIONS and any(not s.optional for s in OPERATIONS[name].slots):
            assert "The code of 'f05.png' is not finite" in ran.notes
    if name in ("norms", "gaussianity", "projections", "attribute", "prototypes", "dose_response", "separability"):
        assert "finite" in ran.notes


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ("none", "o image is none"),
        ("every", "o image is not every"),
        ("one", "nly one image is one"),
        ("unknown", "'unknown' is not known of any image"),
        ("nobody", "There is no attribute 'nobody'"),
    ],
)
def test_an_attribute_without_two_classes_is_a_sentence(
    name: str, attribute: str, sentence: str, run: Callable[..., Ran], places: dict[str, Path]
) -> None:
    ran = run(*words_for(name, places["tiny"], places["many"], attribute))
    assert ran.status == 2
    assert sentence in ran.sentences[0]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_single_picture_and_none_are_no_crash(
    name: str, run: Callable[..., Ran], places: dict[str, Path], tmp_path: Path
) -> None:
    for attribute in ("", "smiling"):
        ran = run(*words_for(name, places["tiny"], places["single"], attribute))
        if ran.status == 0:
            assert ran.value["result"]
    empty = run(*words_for(name, places["tiny"], tmp_path))
    assert empty.status == 2
    assert str(tmp_path) in empty.sentences[0]


@pytest.mark.parametrize("name", [n for n in OPERATIONS if getattr(OPERATIONS[n], "slots", ())])
@pytest.mark.parametrize("sigma", [5.0, 50.0, np.nan])
def test_codes_far_outside_pass_through_every_operation_and_are_said(
    name: str, sigma: float, run: Callable[..., Ran], places: dict[str, Path], tmp_path: Path
) -> None:
    codes = (sigma * np.random.default_rng(1).standard_normal((2, 3 * EDGE * EDGE))).astype(np.float32)
    save_file({"codes": codes}, tmp_path / "far.safetensors")
    words = words_for(name, places["tiny"], places["many"], "smiling", f"{tmp_path}/far.safetensors:0")
    words += ["--faces", f"{tmp_path}/far.safetensors:0"] if name == "scan" else []
    words += ["--from", f"{tmp_path}/far.safetensors:0"] if name == "mean" else []
    notes = run(*words).notes
    assert ("is not finite" if np.isnan(sigma) else "lies far outside the prior of tiny") in notes
    if np.isnan(sigma):
        assert "pictures are not finite; the missing pixels are black" in notes


def test_codes_that_are_not_finite_are_counted_by_encode_and_decode(
    run: Callable[..., Ran], places: dict[str, Path], tmp_path: Path
) -> None:
    given = ["--model", places["overflowing"], "--data", places["many"]]
    stored = run("encode", *given, "--store", "--json")
    assert stored.value["not_finite"] == 2
    assert stored.sentences == ["latentstudio: 2 codes are not finite."]
    assert run("encode", *given, "-o", tmp_path / "c.safetensors", "--json").value["not_finite"] == 2
    words = ["decode", tmp_path / "c.safetensors", "--model", places["overflowing"], "-o", tmp_path / "g.png"]
    drawn = run(*words, "--rows", "4:7", "--dpi", 60, "--json")
    assert drawn.value["not_finite"] == 1
    assert "1 of 3 codes of" in drawn.err


def test_pictures_that_break_in_the_middle_of_a_sample_are_left_out(
    run: Callable[..., Ran], places: dict[str, Path], tmp_path: Path
) -> None:
    data = pictures_in(tmp_path / "broken", COUNT)
    for k in (4, 11, 20):
        path = data / f"f{k:02d}.png"
        path.write_bytes(path.read_bytes()[:60])
    for name in LEARNING:
        ran = run(*words_for(name, places["tiny"], data, "smiling"))
        assert "cannot be read and" in ran.notes
        assert "damaged" in ran.notes


def test_a_recipe_with_a_direction_of_another_model_is_a_sentence(
    run: Callable[..., Ran], places: dict[str, Path], home: Any, tmp_path: Path
) -> None:
    fig = tmp_path / "r.json"
    words = ["--model", places["tiny"], "--data", places["many"], "--images", 0, "--attributes", "smiling"]
    assert run("run", "attribute", *words, "-o", fig).status == 0
    before = json.loads(fig.read_text(encoding="utf-8"))
    (row,) = before["rows"]
    row[0]["model"] = {"name": str(home.model)}
    fig.write_text(json.dumps(before), encoding="utf-8")
    out = tmp_path / "again.png"
    out.write_bytes(b"kept")
    ran = run("render", fig, "-o", out)
    assert ran.status == 2
    assert "192 numbers; toy works with 4" in ran.sentences[0]
    assert out.read_bytes() == b"kept"


def test_a_selection_file_with_wrong_ids_is_named(
    run: Callable[..., Ran], places: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "s.txt").write_text("f01.png\nnobody.png\n", encoding="utf-8")
    for name in LEARNING:
        ran = run(
            *words_for(name, places["tiny"], places["many"], "selection:a"), "--groups", f"a={tmp_path / 's.txt'}"
        )
        assert ran.status == 2
        assert "s.txt names 'nobody.png', which is no image of many" in ran.sentences[0]

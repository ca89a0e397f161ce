"""The experiments on Glow: their measures against closed forms, and a whole report of a tiny flow on drawn faces."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from latentstudio.__main__ import main
from latentstudio.cli.main import run_command
from latentstudio.data.align import CONVENTIONS, align
from latentstudio.data.prepare import cover
from latentstudio.errors import UserError
from latentstudio.figures.embed import read_figure
from latentstudio.figures.recipe import DataRef, FigureStyle
from latentstudio.models.glow import Glow
from latentstudio.nn.conv1x1 import InvertibleConv1x1
from latentstudio.studio.reproduce import glow_judge
from latentstudio.studio.reproduce import run as reproduce_run
from latentstudio.studio.reproduce.diagram import Arrow, Box, Diagram, painted_diagram
from latentstudio.studio.reproduce.glow import ENTRIES, PUBLISHED, unwritten
from latentstudio.studio.reproduce.glow_browser import displaced, eye_error, places_after
from latentstudio.studio.reproduce.glow_denoise import Components
from latentstudio.studio.reproduce.glow_features import Features
from latentstudio.studio.reproduce.glow_model import check_layer, checks
from latentstudio.studio.reproduce.glow_moments import neighbour_correlations
from latentstudio.studio.reproduce.glow_prior import _wilson
from latentstudio.studio.workspace import Workspace
from latentstudio.training.recipe import recipe_of
from latentstudio.training.run import TrainingRun

pytestmark = pytest.mark.timeout(600)  # one report of all entries, on a machine that has other work

DATA = "faces?n=600&size=32"
TABLE = {
    "title": "Small Glow",
    "family": "glow",
    "dataset": DATA,
    "model": {"levels": 3, "steps": 1, "width": 8},
    "objective": {"dequantise": True},
    "split": {"share": 0.5, "seed": 1},
    "training": {"steps": 4, "batch": 8, "evaluate_every": 4, "evaluate_images": 4},
}


# --- the table


def test_all_46_published_entries_are_written_or_named_as_missing() -> None:
    assert len(PUBLISHED) == 46
    kinds = {"T": 1, "F": 31, "X": 14}
    assert set(PUBLISHED) == {f"S1-{k}{i}" for k, n in kinds.items() for i in range(1, n + 1)}
    written, missing = [e.id for e in ENTRIES], [id for id, _ in unwritten()]
    assert len(set(written)) == len(written)
    assert sorted(written + missing) == sorted(PUBLISHED)
    order = list(PUBLISHED)
    assert written == sorted(written, key=order.index)
    assert all(e.claim.endswith(".") and e.method.endswith(".") for e in ENTRIES)


# --- measures


def test_a_determinant_is_checked_against_a_known_matrix() -> None:
    conv = InvertibleConv1x1(2)
    conv.set_matrix(torch.tensor([[2.0, 1.0], [0.0, 3.0]], dtype=torch.float64))
    conv.double()
    x = torch.randn(1, 2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    formula, found, trip = check_layer(conv.to_noise, conv.to_data, x)
    assert found == pytest.approx(6 * math.log(6))
    assert formula == pytest.approx(found)
    assert trip < 1e-12

    def wrong(v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, log_det = conv.to_noise(v)
        return y, log_det / 2

    formula, found, _ = check_layer(wrong, conv.to_data, x)
    assert abs(formula - found) > 1


def test_every_layer_of_a_glow_is_checked() -> None:
    flow = Glow.tiny().double().flow
    found = checks(flow, torch.rand(1, 3, 8, 8, dtype=torch.float64) - 0.5)
    assert [(c.level, c.layer) for c in found] == [
        (level, layer) for level in (1, 2) for layer in ("actnorm", "1x1 convolution", "coupling", "whole step")
    ]
    assert max(abs(c.formula - c.autograd) for c in found) < 1e-9
    for level in (found[:4], found[4:]):
        assert sum(c.formula for c in level[:3]) == pytest.approx(level[3].formula)


def test_denoising_by_pca_keeps_what_lies_in_the_components() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((20, 2)))[0]
    train = rng.standard_normal((50, 2)) @ basis.T + 0.5
    clean = rng.standard_normal((10, 2)) @ basis.T + 0.5
    outside = rng.standard_normal((10, 20))
    outside -= outside @ basis @ basis.T
    assert Components.of(train).denoised(clean + outside, 2) == pytest.approx(clean)


def test_dots_tell_where_eyes_come_to_lie() -> None:
    eyes = ((20.0, 30.0), (44.0, 28.5))
    assert np.array(places_after(lambda p: p, eyes, (64, 64))) == pytest.approx(np.array(eyes), abs=0.05)
    half = places_after(lambda p: cover(p, (32, 32)), eyes, (64, 64))
    assert np.array(half) == pytest.approx((np.array(eyes) + 0.5) / 2 - 0.5, abs=0.1)
    framing = CONVENTIONS["faces"]
    there = places_after(lambda p: align(p, eyes, (64, 64, 3), framing), eyes, (64, 64))
    assert eye_error(there, (64, 64), framing) < 0.01
    assert eye_error(eyes, (64, 64), framing) > 0.2
    assert eye_error(framing.in_pixels(64, 64), (64, 64), framing) == pytest.approx(0, abs=1e-12)


def test_a_displaced_picture_has_its_eyes_where_it_says() -> None:
    eyes = ((24.0, 30.0), (40.0, 30.0))
    y, x = np.mgrid[:64, :64]
    dot = np.exp(-((x - 24.0) ** 2 + (y - 30.0) ** 2) / 18)
    picture = np.rint(255 * dot).astype(np.uint8)[..., None].repeat(3, axis=2)
    moved, there = displaced(picture, eyes, np.random.default_rng(5))
    weight = moved[..., 0].astype(float)
    centre = (float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum()))
    assert centre == pytest.approx(there[0], abs=0.1)
    assert abs(there[0][0] - 24) + abs(there[0][1] - 30) > 1


def test_features_measure_pixel_distances_to_training_pictures() -> None:
    rng = np.random.default_rng(0)
    train = rng.uniform(-1, 1, (12, 1, 6, 6)).astype(np.float32)
    queries = rng.uniform(-1, 1, (5, 1, 6, 6)).astype(np.float32)
    features = Features.of(train)
    differences = queries.reshape(5, 1, -1) - train.reshape(1, 12, -1)
    expected = np.sqrt(np.square(differences).mean(axis=2)).min(axis=1) * 127.5
    assert features.nearest(queries) == pytest.approx(expected, rel=1e-4)
    assert features.nearest(train) == pytest.approx(np.zeros(12), abs=0.1)
    assert features.nearest(np.full((1, 1, 6, 6), np.nan, np.float32)) == pytest.approx(
        features.nearest(np.zeros((1, 1, 6, 6), np.float32))
    )
    assert features.frechet(train, train) == pytest.approx(0, abs=1e-6)


class _MapLab:
    """Stands in for the bench where only the model's shape is asked for."""

    def model(self) -> Glow:
        return Glow.tiny()


def test_planted_correlations_of_neighbours_are_found() -> None:
    """Level 1 of the tiny Glow is 6 x 4 x 4; each pixel there is half of its left neighbour plus noise."""
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((800, 192))
    maps = codes[:, :96].reshape(800, 6, 4, 4).copy()
    for k in range(1, 4):
        maps[..., k] = 0.5 * maps[..., k - 1] + math.sqrt(0.75) * maps[..., k]
    codes[:, :96] = maps.reshape(800, -1)
    found = neighbour_correlations(_MapLab(), codes)  # type: ignore[arg-type]
    pairs, mean, _ = found["level_1, across"]
    assert pairs == 6 * 4 * 3
    assert mean == pytest.approx(0.5, abs=0.02)
    for name, (pairs, mean, rms) in found.items():
        if name != "level_1, across":
            assert abs(mean) < 4 / math.sqrt(800 * pairs)
            assert rms == pytest.approx(1 / math.sqrt(800), rel=0.3)


def test_intervals_of_shares_agree_with_scipy() -> None:
    expected = scipy.stats.binomtest(17, 40).proportion_ci(method="wilson")
    assert _wilson(17 / 40, 40) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_a_diagram_is_drawn_in_both_themes() -> None:
    diagram = Diagram(4, 2, (Box(0.5, 0.5, 1, 1, ("a", "b")),), (Arrow(1.5, 1, 3, 1, "c"),))
    light, dark = (painted_diagram(diagram, FigureStyle(width_mm=60, dpi=72, theme=t)) for t in ("light", "dark"))
    assert light.startswith(b"\x89PNG")
    assert light != dark


# --- the report


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    for _ in TrainingRun(recipe_of(TABLE, "test.toml"), folder).advance():
        pass
    return folder


@pytest.fixture(scope="module")
def report(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reproduce_run, "DPI", 60)
        patch.setattr(glow_judge, "LEAST_AUC", 0.5)  # pictures of 32 px hardly show a smile
        status = main(
            ["reproduce", "glow", "--model", str(small), "--quick", "--images", "200", "-o", str(folder), "--json"]
        )
    return status, folder


def test_every_written_entry_yields_its_artefacts(report: tuple[int, Path]) -> None:
    status, folder = report
    assert status == 0
    text = (folder / "index.html").read_text(encoding="utf-8")
    made = [path.name for path in (folder / "figures").iterdir()]
    for entry in ENTRIES:
        assert f'<section id="{entry.id}">' in text
        mine = [name for name in made if name.startswith(f"{entry.id}-")]
        assert mine, entry.id
        assert all((folder / "figures" / name).stat().st_size > 20 for name in mine)
    assert "could not run" not in text
    assert text.count("<section") == len(ENTRIES)


def test_the_report_says_what_it_is_not(report: tuple[int, Path]) -> None:
    text = (report[1] / "index.html").read_text(encoding="utf-8")
    assert "Real faces were not used" in text
    for id, title in unwritten():
        assert f'<section id="{id}">' not in text
        assert f"{id} ({title})" in text.replace("&#x27;", "'")


def test_the_report_is_well_formed(report: tuple[int, Path]) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in ("meta", "img", "source", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed((report[1] / "index.html").read_text(encoding="utf-8"))
    assert reader.open == []


def test_the_summary_has_a_row_and_a_sentence_for_each_entry(report: tuple[int, Path]) -> None:
    lines = (report[1] / "summary.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:] if line.startswith("|")] == [e.id for e in ENTRIES]
    assert all(line.replace("\\|", "").count("|") == 6 for line in lines if line.startswith("|"))
    assert sum(line.startswith("- **S1-") for line in lines) == len(ENTRIES)


def test_pictures_of_the_report_carry_their_recipes(report: tuple[int, Path]) -> None:
    walk = read_figure(report[1] / "figures" / "S1-F8-1.png").rows[0][0]
    assert walk.name == "interpolate"
    assert walk.params["paths"] == ["linear"]
    assert read_figure(report[1] / "figures" / "S1-X11-1.png").rows[0][0].name == "half_space"


def test_pictures_of_edits_carry_their_directions(report: tuple[int, Path]) -> None:
    smile = read_figure(report[1] / "figures" / "S1-F14-1.png").rows[0][0]
    assert smile.params["attributes"] == ["Smiling"]
    assert smile.data is None
    assert any("Smiling" in slot for slot in smile.inputs)
    person = read_figure(report[1] / "figures" / "S1-F25-1.png").rows[0][0]
    assert {"images", "person", "mean_code"} <= set(person.inputs)


def test_measured_edits_are_those_of_the_operation(small: Path, tmp_path: Path) -> None:
    from latentstudio.studio.reproduce.glow_lab import open_glow
    from latentstudio.studio.reproduce.glow_subjects import strip_of, subject

    lab, _ = open_glow(Workspace(), None, str(small), tmp_path, True, 40)
    who = subject(lab, "eyeglasses")
    faces = who.faces(False, 3)
    assert lab.held_out[faces].all()
    assert (who.members.labels[faces] == 0).all()
    strengths = (-1.0, 0.0, 2.0)
    codes = strip_of(lab, who.edit(faces, strengths)).frames.codes
    assert who.edited(faces, strengths).reshape(len(codes), -1) == pytest.approx(codes, abs=1e-5)


def test_an_entry_that_cannot_run_says_why_and_the_others_go_on(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from latentstudio.studio.reproduce import glow_browser

    monkeypatch.setattr(glow_browser, "shown_attributes", lambda data: ())
    monkeypatch.setattr(reproduce_run, "DPI", 60)
    arguments = ["reproduce", "glow", "--model", str(small), "--images", "40", "--quick", "-o", str(tmp_path)]
    assert main([*arguments, "--only", "S1-F2", "S1-F3", "--json"]) == 1
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert [e["id"] for e in entries] == ["S1-F2", "S1-F3"]
    assert entries[0]["verdict"] == "held"
    assert "no binary attribute" in entries[1]["failure"]
    assert "could not run" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_several_groups_get_a_folder_each(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reproduce_run, "DPI", 60)
    arguments = ["olivetti", "glow", "--model", str(small), "--quick", "--images", "40", "--only", "S1-F2", "S1-T1"]
    assert main(["reproduce", *arguments, "-o", str(tmp_path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [e["id"] for e in value["entries"]] == ["S1-T1", "S1-F2"]
    assert value["report"] == str(tmp_path / "glow" / "index.html")
    assert not (tmp_path / "olivetti").exists()


def test_bad_wishes_get_a_sentence(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = ["-o", str(tmp_path / "r")]
    for arguments, sentence in (
        (["glow", "--only", "S1-Q1"], "no entry 'S1-Q1'"),
        (["glow", "--photo", "x.png"], "--photo goes with the experiments olivetti"),
        (["olivetti", "--model", "m"], "--model goes with the experiments glow"),
        (["glow", "--images", "3"], "at least 16"),
        (["glow", "--model", "nowhere"], "no model 'nowhere'"),
        (["glow", "--model", "faces-realnvp"], "need a glow"),
        (["jigsaw"], "there is olivetti, glow"),
    ):
        with pytest.raises(UserError, match=sentence):
            run_command(["reproduce", *arguments, *out])
    for id, _ in unwritten()[:1]:
        with pytest.raises(UserError, match=f"{id} is not written yet"):
            run_command(["reproduce", "glow", "--only", id, *out])
    monkeypatch.setattr("latentstudio.studio.reproduce.glow_lab.find_models", dict)
    with pytest.raises(UserError, match="no lfw-glow or faces-glow among the models"):
        run_command(["reproduce", "glow", *out])


def test_which_model_and_data_are_taken_without_a_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    from latentstudio.data import lfw
    from latentstudio.studio.reproduce import glow_lab

    both = {"lfw-glow": None, "faces-glow": None}
    for models, here, data, expected in (
        (both, True, None, "lfw-glow"),
        (both, False, None, "faces-glow"),
        (both, True, "faces", "faces-glow"),
        (both, False, "folder:/x", "lfw-glow"),
        ({"faces-glow": None}, True, None, "faces-glow"),
        ({"lfw-glow": None}, True, "faces?n=50", "lfw-glow"),
    ):
        monkeypatch.setattr(glow_lab, "find_models", lambda models=models: models)
        monkeypatch.setattr(lfw, "is_available", lambda here=here: here)
        assert glow_lab._model_for(data) == expected


def test_half_of_the_chosen_images_are_unseen(small: Path, tmp_path: Path) -> None:
    from latentstudio.studio.reproduce.glow_lab import open_glow

    lab, warning = open_glow(Workspace(), None, str(small), tmp_path, True, 20)
    assert "Real faces" in warning
    assert lab.spec == DATA
    assert int(lab.unseen_rows.sum()) == 10
    assert lab.indices.tolist() == sorted(lab.indices.tolist())
    assert lab.codes.shape == lab.noisy.shape == (20, lab.info.latent_size)
    one = Workspace().dataset(DataRef(spec=DATA))
    assert np.array_equal(lab.images[3].permute(1, 2, 0).add(1).mul(127.5).round(), one.images([lab.indices[3]])[0])
    pairs = list(lab.pairs(100))
    flat = [row for pair in pairs for row in pair]
    assert len(flat) == len(set(flat)) == 10
    assert lab.unseen_rows[flat].all()


def test_a_flow_that_overflows_on_its_images_is_said_and_the_others_go_on(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Glow, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return torch.full((len(images), self.space.size), torch.nan)

    monkeypatch.setattr(Glow, "dequantised_codes", broken)
    monkeypatch.setattr(reproduce_run, "DPI", 60)
    asked = ["S1-F2", "S1-F5", "S1-F6", "S1-F8", "S1-X8", "S1-F31"]
    arguments = ["reproduce", "glow", "--model", str(small), "--images", "40", "--quick", "-o", str(tmp_path)]
    assert main([*arguments, "--only", *asked, "--json"]) == 1
    entries = {e["id"]: e for e in json.loads(capsys.readouterr().out)["entries"]}
    assert entries["S1-F2"]["verdict"] == "held"
    for id in asked:
        if id != "S1-F2":
            assert "only 0 of 40 images have a finite code" in entries[id]["failure"]

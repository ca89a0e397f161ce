"""Figures as files: the recipe inside, exact replay, exact pixels, and faults that leave the old file alone."""

import io
import os
import struct
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from toys import DATA, MODEL, ToyWorkspace

from latentstudio.errors import NewerVersionError, UserError
from latentstudio.figures.embed import figure_in, read_figure
from latentstudio.figures.export import check, export, render_png
from latentstudio.figures.recipe import CodeInput, Figure, FigureStyle, ImageInput, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Strip, final

FORMATS = ("png", "svg", "pdf")


def interpolation(**params: object) -> Recipe:
    inputs = {"a": (ImageInput(dataset="toy", index=3),), "b": (ImageInput(dataset="toy", index=17),)}
    return Recipe(kind="operation", name="interpolate", params=params, model=MODEL, data=DATA, inputs=inputs)


def figure(*recipes: Recipe, **style: object) -> Figure:
    return Figure(rows=(recipes or (interpolation(steps=5),),), style=FigureStyle(dpi=100, **style))


@pytest.mark.parametrize("form", FORMATS)
def test_an_exported_file_gives_its_figure_back_and_renders_to_the_same_picture(form: str, tmp_path: Path) -> None:
    made = figure(interpolation(steps=5, paths=["linear", "spherical"]), theme="dark", width_mm=120)
    path = export(made, ToyWorkspace(), tmp_path / f"fig.{form}")
    back = read_figure(path)
    assert back.style == made.style
    assert back.program.startswith("latentstudio ")
    recipe = back.rows[0][0]
    assert (recipe.name, recipe.params) == ("interpolate", {"steps": 5, "paths": ["linear", "spherical"]})
    assert all(isinstance(i, CodeInput) for slot in recipe.inputs.values() for i in slot)
    report = check(path, ToyWorkspace())
    assert (report.identical, report.largest_difference) == (True, 0)


@pytest.mark.parametrize("form", FORMATS)
def test_exporting_twice_gives_the_same_bytes(form: str, tmp_path: Path) -> None:
    one, other = (export(figure(), ToyWorkspace(), tmp_path / f"{n}.{form}") for n in "ab")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_check_reports_what_a_changed_model_changes(form: str, tmp_path: Path) -> None:
    path = export(figure(captions=False, readouts=False), ToyWorkspace(), tmp_path / f"fig.{form}")
    changed = ToyWorkspace()
    changed.models[None].mean += 0.1
    report = check(path, changed)
    assert not report.identical
    # The mean rises by 0.1 of [-1, 1], which is 12.75 grey levels.
    assert report.largest_difference in (12, 13, 14)


def test_check_compares_pixels_even_when_the_png_was_packed_otherwise(tmp_path: Path) -> None:
    path = export(figure(), ToyWorkspace(), tmp_path / "fig.png")
    figure_text = msgspec.json.encode(read_figure(path)).decode()
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_itxt("latentstudio", figure_text, zip=True)
    Image.open(path).save(tmp_path / "repacked.png", pnginfo=notes, compress_level=1)
    assert check(tmp_path / "repacked.png", ToyWorkspace()).identical


def test_a_figure_renders_without_its_images(tmp_path: Path) -> None:
    path = export(figure(captions=False, readouts=False), ToyWorkspace(), tmp_path / "fig.png")
    assert check(path, ToyWorkspace(data={})).identical


def test_a_missing_data_set_is_named_when_readouts_cannot_be_drawn_again(tmp_path: Path) -> None:
    path = export(figure(), ToyWorkspace(), tmp_path / "fig.png")
    report = check(path, ToyWorkspace(data={}))
    assert not report.identical
    assert "'toy' is not here" in report.note


def test_the_png_has_the_size_and_resolution_of_its_style(tmp_path: Path) -> None:
    path = export(
        Figure(rows=((interpolation(),),), style=FigureStyle(width_mm=120, dpi=254)), ToyWorkspace(), tmp_path / "f.png"
    )
    with Image.open(path) as image:
        assert image.width == 1200
        assert image.info["dpi"] == pytest.approx((254, 254), abs=0.1)
        assert "latentstudio" in image.info


def test_frames_are_whole_repeats_of_the_models_pixels() -> None:
    recipe = interpolation(steps=3)
    style = FigureStyle(dpi=200, captions=False, readouts=False)
    png = np.asarray(Image.open(io.BytesIO(render_png(Figure(rows=((recipe,),), style=style), ToyWorkspace()))))
    strip = final(run_recipe(recipe, ToyWorkspace()))
    assert isinstance(strip, Strip)
    for frame in strip.frames.images:
        found = [k for k in range(2, 80) if _contains(png, np.repeat(np.repeat(frame, k, 0), k, 1)[..., 0])]
        assert len(found) == 1


def _contains(page: np.ndarray, patch: np.ndarray) -> bool:
    """Search a grey patch in a page by its first row, then compare it whole."""
    grey = page[..., 0]
    if not all((page[..., 0] == page[..., c]).mean() > 0.9 for c in (1, 2)):
        return False
    h, w = patch.shape
    if h > grey.shape[0] or w > grey.shape[1]:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(grey, (1, w))[..., 0, :]
    hits = np.argwhere((windows[:, :, ::7] == patch[0, ::7]).all(axis=2))
    return any(np.array_equal(grey[y : y + h, x : x + w], patch) for y, x in hits)


def test_a_grid_of_recipes_puts_panels_side_by_side_and_under_one_another(tmp_path: Path) -> None:
    norms = Recipe(kind="analysis", name="norms", model=MODEL, data=DATA)
    samples = Recipe(kind="operation", name="sample", params={"count": 4}, model=MODEL, data=DATA)
    made = Figure(rows=((interpolation(),), (norms, samples)), style=FigureStyle(dpi=80), title="Both")
    path = export(made, ToyWorkspace(), tmp_path / "grid.svg")
    text = path.read_text(encoding="utf-8")
    assert all(f">{letter} " in text for letter in "abc")
    assert ">Both<" in text
    assert check(path, ToyWorkspace()).identical


def test_captions_and_readouts_can_be_left_out(tmp_path: Path) -> None:
    full = export(figure(), ToyWorkspace(), tmp_path / "full.svg").read_text(encoding="utf-8")
    bare = export(figure(captions=False, readouts=False), ToyWorkspace(), tmp_path / "bare.svg").read_text(
        encoding="utf-8"
    )
    assert "Toy faces" in full.split("<metadata id=")[0]
    assert "‖z‖" in full
    assert "Toy faces" not in bare.split("<metadata id=")[0]
    assert "‖z‖" not in bare


def test_json_holds_the_recipes_alone(tmp_path: Path) -> None:
    path = export(figure(), ToyWorkspace(), tmp_path / "fig.json")
    assert read_figure(path).rows[0][0].name == "interpolate"
    with pytest.raises(UserError, match="no picture"):
        check(path, ToyWorkspace())


def test_a_png_saved_again_by_another_program_is_answered_with_a_sentence(tmp_path: Path) -> None:
    path = export(figure(), ToyWorkspace(), tmp_path / "fig.png")
    Image.open(path).convert("RGB").copy().save(tmp_path / "stripped.png")
    with pytest.raises(UserError, match=r"stripped\.png carries no recipe"):
        read_figure(tmp_path / "stripped.png")


@pytest.mark.parametrize("form", FORMATS)
def test_every_truncation_is_a_sentence_or_still_the_figure(form: str, tmp_path: Path) -> None:
    whole = export(figure(), ToyWorkspace(), tmp_path / f"fig.{form}").read_bytes()
    expected = figure_in(whole, "whole")
    rng = np.random.default_rng(0)
    for length in [0, 1, 7, 8, 20, 40, *rng.integers(41, len(whole) - 1, 60)]:
        try:
            found = figure_in(whole[: int(length)], "cut")
        except UserError as error:
            found = None
            sentence = str(error)
        assert found == expected or "cut" in sentence


def test_a_flipped_byte_in_the_recipe_is_noticed(tmp_path: Path) -> None:
    data = bytearray(export(figure(), ToyWorkspace(), tmp_path / "fig.png").read_bytes())
    data[data.index(b"iTXt") + 100] ^= 1
    with pytest.raises(UserError, match="checksum"):
        figure_in(bytes(data), "fig.png")


def test_hostile_files_are_refused() -> None:
    def png(body: bytes) -> bytes:
        chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
        return b"\x89PNG\r\n\x1a\n" + chunk

    packed = zlib.compress(b"\0" * 1000)
    cases = {
        "a chunk that promises too much": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 1 << 31) + b"iTXt",
        "no text": png(b"latentstudio\0"),
        "not packed": png(b"latentstudio\0\1\0\0\0garbage"),
        "not JSON": png(b"latentstudio\0\1\0\0\0" + packed),
        "entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><svg>&b;</svg>',
        "half an svg": b'<svg><metadata id="latentstudio">{',
        "an unknown struct": b'{"rows": 3, "schema": 1}',
        "a pickle": b"\x80\x04\x95.",
        "empty": b"",
    }
    for name, data in cases.items():
        with pytest.raises(UserError):
            figure_in(data, name)


def test_a_figure_of_a_newer_program_says_so(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    path.write_text('{"schema": 99, "rows": []}', encoding="utf-8")
    with pytest.raises(NewerVersionError, match="newer"):
        read_figure(path)


def test_a_recipe_text_with_markup_survives_svg_and_pdf(tmp_path: Path) -> None:
    made = msgspec.structs.replace(figure(), title="a < b & ]]> c $x$ \\ (ü)")
    for form in FORMATS:
        assert read_figure(export(made, ToyWorkspace(), tmp_path / f"fig.{form}")).title == made.title


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_full_disk_keeps_the_old_file(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export(figure(), ToyWorkspace(), tmp_path / "fig.png")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(UserError, match="No space left"):
        export(figure(theme="dark"), ToyWorkspace(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.suffix in (".png", "") and p.is_file()] == ["fig.png"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        export(figure(), ToyWorkspace(), tmp_path / "nowhere" / "fig.png")


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, whom no mode keeps out.
    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(UserError, match=r"fig\.png: Permission denied"):
        export(figure(), ToyWorkspace(), tmp_path / "fig.png")


@pytest.mark.parametrize(
    ("style", "words"),
    [({"width_mm": 1.0}, "mm wide"), ({"dpi": 10}, "dots per inch"), ({"theme": "pink"}, "theme")],
)
def test_styles_that_make_no_sense_are_refused(style: dict[str, object], words: str, tmp_path: Path) -> None:
    made = Figure(rows=((interpolation(),),), style=FigureStyle(**style))
    with pytest.raises(UserError, match=words):
        export(made, ToyWorkspace(), tmp_path / "fig.png")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png, \.svg, \.pdf or \.json"):
        export(figure(), ToyWorkspace(), tmp_path / "fig.tif")


def test_the_pdf_stays_a_valid_document_with_an_attachment(tmp_path: Path) -> None:
    """Walk the cross-reference chain by hand: every entry points at the object that it names."""
    import re

    data = export(figure(), ToyWorkspace(), tmp_path / "fig.pdf").read_bytes()
    start = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    seen = {}
    while True:
        assert data[start : start + 4] == b"xref"
        section = data[start : data.index(b"trailer", start)]
        number = 0
        for line in section.splitlines()[1:]:
            words = line.split()
            if len(words) == 2:
                number = int(words[0])
            elif len(words) == 3:
                if words[2] == b"n":
                    seen.setdefault(number, int(words[0]))
                number += 1
        trailer = data[data.index(b"trailer", start) :]
        previous = re.match(rb"trailer\s*<<.*?/Prev (\d+)", trailer, re.DOTALL)
        if previous is None or int(previous[1]) >= start:
            break
        start = int(previous[1])
    assert len(seen) > 5
    for number, place in seen.items():
        assert data[place:].startswith(b"%d 0 obj" % number)
    assert b"/EmbeddedFiles" in data

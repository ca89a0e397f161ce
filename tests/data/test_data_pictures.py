"""Every picture decodes upright to 8-bit grey or RGB, or is refused with a sentence."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from latentstudio.data.pictures import FORMATS, is_grey, read_picture
from latentstudio.errors import UserError

RED, GREEN, BLUE, WHITE = (250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 250)


def corners(height: int = 24, width: int = 32) -> np.ndarray:
    """A picture whose four quarters tell its orientation: red, green, blue, white."""
    out = np.empty((height, width, 3), np.uint8)
    out[: height // 2, : width // 2] = RED
    out[: height // 2, width // 2 :] = GREEN
    out[height // 2 :, : width // 2] = BLUE
    out[height // 2 :, width // 2 :] = WHITE
    return out


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    image = Image.fromarray(corners())
    if kind == "GIF":
        image = image.quantize(4)
    np.testing.assert_array_equal(read_picture(encoded(image, kind)), corners())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_back_nearly(kind: str) -> None:
    found = read_picture(encoded(Image.fromarray(corners()), kind, quality=95)).astype(int)
    assert np.abs(found - corners())[2:10, 2:14].max() <= 12


# What a camera stores for each EXIF orientation: applying the table of the standard to it gives the upright picture.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied_once(kind: str, orientation: int) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](corners())))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    found = read_picture(encoded(stored, kind, exif=exif, **options))
    assert found.shape == (24, 32, 3)
    for (row, column), colour in {(3, 3): RED, (3, 28): GREEN, (20, 3): BLUE, (20, 28): WHITE}.items():
        assert np.abs(found[row, column].astype(int) - colour).max() <= 12


@pytest.mark.parametrize("value", [0, 9, 77, 65535])
def test_senseless_orientation_is_ignored(value: object) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(corners()), exif=exif)), corners())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_exif_does_not_matter() -> None:
    data = encoded(Image.fromarray(corners()), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\xff")
    np.testing.assert_array_equal(read_picture(data), corners())


def test_cmyk_becomes_rgb() -> None:
    ink = np.zeros((8, 8, 4), np.uint8)
    ink[..., 1:3] = 255  # magenta and yellow make red
    for data in (
        encoded(Image.fromarray(ink, "CMYK"), "TIFF"),
        encoded(Image.fromarray(ink, "CMYK"), "JPEG", quality=95),
    ):
        found = read_picture(data)
        assert found.shape == (8, 8, 3)
        assert np.abs(found.astype(int) - [255, 0, 0]).max() <= 6


def test_sixteen_bits_are_scaled_not_cut() -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        found = read_picture(encoded(Image.fromarray(values), kind))
        np.testing.assert_array_equal(found[0, :, 0], [0, 1, 128, 255])
    swapped = b"P5 4 1 65535\n" + values.astype(">u2").tobytes()
    np.testing.assert_array_equal(read_picture(swapped)[0, :, 0], [0, 1, 128, 255])


def test_floating_point_is_scaled_or_refused() -> None:
    unit = np.array([[0.0, 0.5, 1.0]], np.float32)
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(unit), "TIFF"))[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(unit * 255), "TIFF"))[0, :, 0], [0, 128, 255])
    for bad in ([[-1.0, 0.0]], [[0.0, 900.0]], [[np.nan, 0.0]], [[np.inf, 0.0]]):
        with pytest.raises(UserError, match="would do"):
            read_picture(encoded(Image.fromarray(np.array(bad, np.float32)), "TIFF"))


def test_transparency_lies_on_white() -> None:
    clear = np.dstack([corners(), np.zeros((24, 32), np.uint8)])
    half = np.dstack([np.zeros((24, 32, 3), np.uint8), np.full((24, 32), 128, np.uint8)])
    assert (read_picture(encoded(Image.fromarray(clear))) == 255).all()
    assert np.abs(read_picture(encoded(Image.fromarray(half))).astype(int) - 127).max() <= 1
    grey = Image.fromarray(np.dstack([np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)]), "LA")
    found = read_picture(encoded(grey))
    assert found.shape == (4, 4, 1)
    assert (found == 255).all()


def test_transparent_colour_of_a_palette_lies_on_white() -> None:
    image = Image.fromarray(corners()).quantize(4)
    red = int(np.asarray(image)[0, 0])
    found = read_picture(encoded(image, transparency=red))
    assert (found[0, 0] == 255).all()
    np.testing.assert_array_equal(found[0, -1], GREEN)


def test_palette_bilevel_and_grey() -> None:
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(corners()).quantize(4))), corners())
    mask = Image.fromarray(np.eye(8, dtype=bool))
    np.testing.assert_array_equal(read_picture(encoded(mask))[..., 0], np.eye(8, dtype=np.uint8) * 255)
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert read_picture(encoded(grey)).shape == (8, 8, 1)
    assert is_grey(encoded(grey)) is True
    assert is_grey(encoded(Image.fromarray(corners()))) is False
    assert is_grey(b"no picture") is None


def test_lab_becomes_rgb() -> None:
    profile = ImageCms.createProfile("sRGB")
    lab = ImageCms.profileToProfile(
        Image.fromarray(corners()), profile, ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert read_picture(encoded(lab, "TIFF")).shape == (24, 32, 3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options)
    assert np.abs(read_picture(data)[8, 8].astype(int) - RED).max() <= 6


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_truncated_files_are_refused(kind: str) -> None:
    rng = np.random.default_rng(0)
    whole = encoded(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), kind)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(UserError, match=r"^face\.x "):
            read_picture(whole[: int(len(whole) * share)], name="face.x")


def test_bombs_are_refused_before_decoding() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    bomb = b"\x89PNG\r\n\x1a\n" + header + body + png_chunk(b"IEND", b"")
    with pytest.raises(UserError, match="megapixels"):
        read_picture(bomb)
    between = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0))
    with pytest.raises(UserError, match="megapixels"):
        read_picture(b"\x89PNG\r\n\x1a\n" + between + body + png_chunk(b"IEND", b""))


def test_text_bomb_in_png_is_refused() -> None:
    data = encoded(Image.fromarray(corners()))
    text = png_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(80_000_000), 9))
    with pytest.raises(UserError, match="damaged"):
        read_picture(data[:33] + text + data[33:])


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("I am a letter")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    (tmp_path / "folder.png").mkdir()
    script = tmp_path / "drawing.png"
    script.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(%pipe%touch x) (w) file\n%%EOF\n")
    for path, word in ((text, "not a picture"), (empty, "empty"), (tmp_path / "folder.png", "not a file")):
        with pytest.raises(UserError, match=word) as caught:
            read_picture(path)
        assert str(path) in str(caught.value)
    with pytest.raises(UserError, match="not a picture"):
        read_picture(script)
    with pytest.raises(UserError, match="Cannot read"):
        read_picture(tmp_path / "missing.png")
    assert not {"EPS", "PDF", "WMF"} & set(FORMATS)


def test_unreadable_name_is_a_sentence() -> None:
    with pytest.raises(UserError, match="Cannot read"):
        read_picture("zero\0byte.png")


def test_small_scale_decoding_keeps_shape_ratio(tmp_path: Path) -> None:
    picture = np.kron(corners(64, 64), np.ones((16, 16, 1), np.uint8))
    path = tmp_path / "large.jpg"
    Image.fromarray(picture).save(path, quality=95)
    small = read_picture(path, at_least=128)
    assert 128 <= small.shape[0] < 1024
    assert small.shape[0] == small.shape[1]
    assert np.abs(small[5, 5].astype(int) - RED).max() <= 12


SAMPLES = {
    kind: encoded(Image.fromarray(corners()), kind)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000")
}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(SAMPLES)), seed=st.integers(0, 2**31))
def test_damaged_bytes_never_crash(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(SAMPLES[kind])
    for place in rng.integers(0, len(data), rng.integers(1, 20)):
        data[place] = rng.integers(0, 256)
    found = None
    with contextlib.suppress(UserError):  # Any other exception fails the test.
        found = read_picture(bytes(data))
    if found is not None:
        assert found.dtype == np.uint8
        assert found.ndim == 3
        assert found.shape[2] in (1, 3)


@pytest.mark.parametrize(("kind", "name"), [("PNG", "face.jpg"), ("JPEG", "face.png"), ("GIF", "face.bmp")])
def test_the_content_decides_and_not_the_suffix(kind: str, name: str, tmp_path: Path) -> None:
    image = Image.fromarray(corners())
    (tmp_path / name).write_bytes(encoded(image.quantize(4) if kind == "GIF" else image, kind))
    found = read_picture(tmp_path / name)
    assert found.shape == (24, 32, 3)
    assert np.abs(found[3, 3].astype(int) - RED).max() <= 12

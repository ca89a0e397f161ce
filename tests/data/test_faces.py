"""The procedural faces: what is drawn is what the factors say, and nothing else decides it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latentstudio.data.faces import (
    ATTRIBUTE_NAMES,
    FACTOR_NAMES,
    Factors,
    binary_attributes,
    continuous_factors,
    draw_factors,
    eye_positions,
    identity_of,
    render,
)

PLAIN: dict[str, float] = {
    "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "gaze": 0.0, "light_azimuth": 0.0, "light_elevation": 25.0, "smile": 0.0,
    "mouth_open": 0.0, "eye_open": 1.0, "brow_raise": 0.0, "glasses": 0.0, "hat": 0.0, "beard": 0.0, "goatee": 0.0,
    "mustache": 0.0, "stubble": 0.0, "sideburns": 0.0, "lipstick": 0.0, "eye_shadow": 0.0, "bangs": 0.0,
    "skin_tone": 0.2, "earrings": 0.0, "necklace": 0.0, "necktie": 0.0, "baldness": 0.0, "hair_length": 0.1,
}  # fmt: skip


def with_(factors: Factors, **values: float) -> Factors:
    """Return the same faces with some factors set to one value each."""
    changed: dict[str, Any] = {name: np.full(len(factors), value) for name, value in values.items()}
    return replace(factors, **changed)


def plain(count: int = 6, **values: float) -> Factors:
    """Return frontal, neutral faces of different identities."""
    return with_(draw_factors(np.arange(count) * 17), **{**PLAIN, **values})


def change(before: Factors, after: Factors, size: int = 64) -> NDArray[np.float64]:
    """Return the mean absolute change of each pixel, shape (size, size), in display values."""
    gap = render(before, size).astype(np.float64) - render(after, size).astype(np.float64)
    return np.asarray(np.abs(gap).mean(axis=(0, 3)))


def boxes(size: int = 64) -> dict[str, tuple[slice, slice]]:
    """Return parts of a plain frontal face's picture, as rows and columns."""

    def part(top: float, bottom: float, left: float, right: float) -> tuple[slice, slice]:
        return slice(round(top * size), round(bottom * size)), slice(round(left * size), round(right * size))

    return {"eyes": part(0.38, 0.56, 0.2, 0.8), "mouth": part(0.6, 0.76, 0.35, 0.65), "top": part(0.0, 0.25, 0.2, 0.8)}


def test_an_image_depends_on_its_index_alone() -> None:
    indices = np.array([5, 202_598, 0, 77, 12, 901, 5, 31, 8, 40])
    batch = render(draw_factors(indices))
    for row, index in enumerate(indices):
        np.testing.assert_array_equal(batch[row], render(draw_factors(np.array([index])))[0])
    order = np.array([9, 3, 1, 0, 2, 4, 8, 7, 6, 5])
    np.testing.assert_array_equal(render(draw_factors(indices[order])), batch[order])
    assert len({image.tobytes() for image in batch}) == 9, "only index 5 occurs twice"


@pytest.mark.parametrize("size", [45, 64])
def test_faces_drawn_together_do_not_touch_each_other(size: int) -> None:
    """Hats, beards, glasses and every class of hair meet in one chunk; drawn in other company nothing changes."""
    factors = draw_factors(np.arange(48))
    together = render(factors, size)
    for width in (1, 7, 20):
        apart = [render(factors.take(np.arange(i, min(i + width, 48))), size) for i in range(0, 48, width)]
        np.testing.assert_array_equal(np.concatenate(apart), together)


@pytest.mark.parametrize("size", [16, 45, 64, 128])
def test_shape_and_type(size: int) -> None:
    images = render(draw_factors(np.arange(3)), size)
    assert images.shape == (3, size, size, 3)
    assert images.dtype == np.uint8
    assert images.std() > 20


def test_no_faces_and_bad_requests() -> None:
    assert render(draw_factors(np.array([], dtype=np.int64))).shape == (0, 64, 64, 3)
    with pytest.raises(ValueError, match="non-negative"):
        draw_factors(np.array([-1]))
    with pytest.raises(ValueError, match="at least 8"):
        render(draw_factors(np.array([0])), 4)


def test_sizes_show_the_same_face() -> None:
    factors = draw_factors(np.arange(6))
    large = render(factors, 256).astype(np.float64) / 255.0
    light = (large**2).reshape(6, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    small = render(factors, 64).astype(np.float64)
    gap = np.abs(255.0 * np.sqrt(light) - small)
    assert gap.mean() < 3.0
    other = np.abs(small - small[::-1]).mean()
    assert gap.mean() < 0.1 * other, "the same face is far closer than another one"


def test_extreme_factors_draw_without_a_warning() -> None:
    """Any floating-point fault raises here: every factor stands at one end of its range or the other."""
    drawn = draw_factors(np.arange(20_000))
    ends = {f.name: getattr(drawn, f.name) for f in fields(drawn)}
    rng = np.random.default_rng(3)
    pick = rng.random((len(ends), 24)) < 0.5
    extreme = Factors(**{n: np.where(pick[i], v.min(), v.max()) for i, (n, v) in enumerate(ends.items())})
    for size in (16, 45, 64):
        with np.errstate(invalid="raise", divide="raise", over="raise"):
            images = [render(extreme.take([row]), size) for row in range(24)]
        spread = np.concatenate(images).reshape(24, -1).std(axis=1)
        assert spread.min() > 5, "no picture is blank"


def test_smile_and_open_mouth_change_the_mouth() -> None:
    for name in ("smile", "mouth_open"):
        moved = change(plain(), plain(**{name: 1.0}))
        part = boxes()
        assert moved[part["mouth"]].mean() > 5
        assert moved[part["mouth"]].mean() > 5 * moved[part["top"]].mean()


def test_a_smile_lifts_the_corners_of_the_mouth() -> None:
    """The dark seam's height at the corners, against its height in the middle, rises."""
    lift = []
    for smile in (0.0, 1.0):
        images = render(plain(smile=smile, lips=0.0, age=0.2), 128).astype(np.float64).sum(axis=3)
        rows = np.arange(81, 92)
        middle = rows[images[:, 81:92, 62:66].mean(axis=2).argmin(axis=1)]
        sides = rows[images[:, 81:92, [55, 72]].mean(axis=2).argmin(axis=1)]
        lift.append((middle - sides).mean())
    assert lift[1] > lift[0] + 1.0


def test_glasses_change_the_eye_band() -> None:
    moved = change(plain(), plain(glasses=1.0))
    part = boxes()
    assert moved[part["eyes"]].mean() > 5
    assert moved[part["mouth"]].mean() < 0.2 * moved[part["eyes"]].mean()


def test_a_hat_covers_the_crown_only() -> None:
    moved = change(plain(), plain(hat=1.0))
    part = boxes()
    assert moved[part["top"]].mean() > 20
    assert moved[part["mouth"]].mean() < 2


def test_yaw_moves_the_nose_to_its_side() -> None:
    """The lips' redness is centred further right in the picture, the further right the face is turned."""
    centres = []
    for yaw in (-20.0, 0.0, 20.0):
        images = render(plain(yaw=yaw, lipstick=1.0, blush=0.0), 128).astype(np.float64)
        low = images[:, 76:100, 30:98]
        red = np.maximum(low[..., 0] - 1.6 * low[..., 1], 0.0)
        centres.append(float((red.sum(axis=(0, 1)) * np.arange(30, 98)).sum() / red.sum()))
    assert centres[0] + 1.5 < centres[1] < centres[2] - 1.5


@pytest.mark.parametrize("yaw", [-10.0, 0.0, 10.0])
def test_light_brightens_the_side_it_comes_from(yaw: float) -> None:
    def ratio(azimuth: float) -> float:
        images = render(plain(yaw=yaw, light_azimuth=azimuth)).astype(np.float64).mean(axis=(0, 3))
        return float(images[30:44, 36:44].mean() / images[30:44, 20:28].mean())

    assert ratio(-55.0) < 0.85 * ratio(0.0)
    assert ratio(55.0) > 1.15 * ratio(0.0)


def test_attributes_are_many_and_none_is_rare() -> None:
    assert len(ATTRIBUTE_NAMES) >= 40
    assert len(set(ATTRIBUTE_NAMES)) == len(ATTRIBUTE_NAMES)
    table = binary_attributes(draw_factors(np.arange(5_000)))
    assert table.dtype == np.int8
    assert table.shape == (5_000, len(ATTRIBUTE_NAMES))
    assert set(np.unique(table)) == {0, 1}
    share = dict(zip(ATTRIBUTE_NAMES, table.mean(axis=0), strict=True))
    assert {n: s for n, s in share.items() if not 0.01 <= s <= 0.99} == {}


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [
        ("Smiling", {"smile": 0.9}, {"smile": 0.0}),
        ("Eyeglasses", {"glasses": 1.0}, {"glasses": 0.0}),
        ("Turned_Left", {"yaw": -20.0}, {"yaw": 20.0}),
        ("Turned_Right", {"yaw": 20.0}, {"yaw": -20.0}),
        ("Lit_From_Left", {"light_azimuth": -50.0}, {"light_azimuth": 50.0}),
        ("Wearing_Hat", {"hat": 1.0}, {"hat": 0.0}),
        ("Bald", {"baldness": 1.0}, {"baldness": 1.0, "hat": 1.0}),
        ("No_Beard", {}, {"goatee": 0.8}),
        ("Mustache", {"mustache": 0.8}, {}),
        ("Eyes_Closed", {"eye_open": 0.0}, {"eye_open": 0.9}),
        ("Gray_Hair", {"gray": 0.9}, {"gray": 0.9, "baldness": 1.0}),
        ("Wavy_Hair", {"waves": 0.9}, {"waves": 0.0}),
        ("Bangs", {"bangs": 0.8}, {"bangs": 0.8, "hat": 1.0}),
    ],
)
def test_attributes_say_what_the_factors_say(name: str, on: dict[str, float], off: dict[str, float]) -> None:
    column = ATTRIBUTE_NAMES.index(name)
    assert binary_attributes(plain(**on))[:, column].all()
    assert not binary_attributes(plain(**off))[:, column].any()


HIDDEN_BY_HAT = ("bangs", "recession", "parting")


def test_every_factor_is_drawn() -> None:
    """Moving a factor from one end of its range to the other changes the picture, for each factor."""
    drawn = draw_factors(np.arange(5_000))
    context = {"hair_red": {"hair_light": 0.6}, "glasses_round": {"glasses": 1.0}, "hair_length": {"baldness": 0.0}}
    still = []
    for f in fields(drawn):
        values = getattr(drawn, f.name)
        base = plain(3, light_azimuth=20.0, **context.get(f.name, {}))
        high = 0.5 if f.name.endswith("_hue") else values.max()  # a hue of 1 is a hue of 0
        moved = change(with_(base, **{f.name: values.min()}), with_(base, **{f.name: high}))
        if moved.max() < 3.0:
            still.append(f.name)
    assert still == []


def test_what_a_hat_hides_is_not_drawn() -> None:
    for name in HIDDEN_BY_HAT:
        shown = change(plain(hair_length=0.1), plain(hair_length=0.1, **{name: 1.0})).sum()
        hidden = change(plain(hair_length=0.1, hat=1.0), plain(hair_length=0.1, hat=1.0, **{name: 1.0})).sum()
        assert hidden < 0.5 * shown


def test_an_identity_keeps_its_shape() -> None:
    identity = identity_of(np.arange(1_280))
    same = np.flatnonzero(identity == identity[0])
    assert len(same) > 5
    factors = draw_factors(same)
    for name in ("head_width", "eye_spacing", "nose_point", "skin_tone", "hair_light", "hair_length", "jaw", "age"):
        assert np.unique(getattr(factors, name)).size == 1, name
    for name in ("yaw", "light_azimuth", "smile", "background_hue"):
        assert np.unique(getattr(factors, name)).size == len(same), name


def test_identities_are_about_as_many_as_documented() -> None:
    counts = np.bincount(identity_of(np.arange(202_599)))
    counts = counts[counts > 0]
    assert 10_000 < counts.size < 10_300
    assert 15 < np.median(counts) < 25


def test_factors_vary_independently_of_their_neighbours() -> None:
    table = continuous_factors(draw_factors(np.arange(4_000)))
    assert table.shape == (4_000, len(FACTOR_NAMES))
    assert np.isfinite(table).all()
    assert table.std(axis=0).min() > 0.05
    pose = table[:, [FACTOR_NAMES.index(n) for n in ("yaw", "pitch", "light_azimuth", "smile", "background_hue")]]
    assert np.abs(np.corrcoef(pose, rowvar=False) - np.eye(5)).max() < 0.06
    assert np.abs(np.corrcoef(pose[1:, 0], pose[:-1, 0])[0, 1]) < 0.06


def test_eyes_are_where_they_are_said_to_be() -> None:
    """The pupils' and lashes' darkness lies at the stated places, under any pose: the cheek below is lighter."""
    factors = with_(draw_factors(np.arange(40)), **{**PLAIN, "light_elevation": 30.0})
    posed = draw_factors(np.arange(40))
    factors = replace(factors, yaw=0.6 * posed.yaw, pitch=posed.pitch, roll=posed.roll)
    images = render(factors, 128).astype(np.float64).mean(axis=3)
    places = eye_positions(factors, 128)
    assert places.shape == (40, 2, 2)
    assert (places[:, 0, 0] < places[:, 1, 0]).all()
    darker = 0
    for image, pair in zip(images, places, strict=True):
        for x, y in pair.round().astype(int):
            eye = image[y - 2 : y + 3, x - 3 : x + 4].min()
            cheek = image[y + 13 : y + 17, x - 2 : x + 3].mean()
            darker += int(eye < 0.6 * cheek)
    assert darker >= 76


def test_eyes_stay_in_place() -> None:
    """The faces are aligned: the middle between the eyes hardly moves, and its place scales with the picture."""
    factors = draw_factors(np.arange(300))
    middle = eye_positions(factors, 64).mean(axis=1)
    assert np.abs(middle[:, 0] - 31.5).max() < 3.0
    assert np.abs(middle[:, 1] - 30.0).max() < 3.0
    np.testing.assert_allclose((eye_positions(factors, 256) + 0.5) / 4, eye_positions(factors, 64) + 0.5)

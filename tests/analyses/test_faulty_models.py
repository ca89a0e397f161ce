"""Models that overflow: what is not finite is counted and said, and is no part of any mean."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from test_held_out_edits import LineData
from torch import Tensor
from toys import DATA, MODEL, ToyModel, ToyWorkspace

from latentstudio.errors import UserError
from latentstudio.figures.recipe import ImageInput, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Heatmap, Sheet, Table, final


class OverflowingModel(ToyModel):
    """The toy, but pictures of codes beyond `limit` along the first component are NaN, and so are codes of images.

    Parameters
    ----------
    encoder : whether it is `encode` that overflows, and not `decode`.
    """

    def __init__(self, limit: float, encoder: bool = False) -> None:
        super().__init__()
        self.limit, self.encoder = limit, encoder

    def encode(self, images: Tensor) -> Tensor:
        codes = super().encode(images)
        if self.encoder:
            codes[codes[:, 0] > self.limit, -1] = torch.inf
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        pictures = super().decode(codes)
        if not self.encoder:
            pictures[codes[:, 0] > self.limit, 0, 3, 3] = torch.nan
        return pictures


def run(name: str, model: ToyModel, selection: Sequence[int] | None = None, data: object = None, **params: object):
    made = Recipe(
        kind="analysis",
        name=name,
        model=MODEL,
        data=DATA,
        params=params,
        selection=None if selection is None else tuple(selection),
        inputs={"face": (FACE,)} if name == "sensitivity" else {},
    )
    workspace = ToyWorkspace(models={None: model}, split={})
    if data is not None:
        workspace.data["toy"] = data
    result = final(run_recipe(made, workspace))
    assert isinstance(result, Sheet)
    return result


def said(sheet: Sheet) -> str:
    return " ".join(note for part in sheet.parts for note in part.notes)


def table(sheet: Sheet) -> list[dict]:
    found = next(p for p in sheet.parts if isinstance(p, Table))
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def first_components() -> np.ndarray:
    data = ToyWorkspace().data["toy"]
    pictures = torch.from_numpy(data.pixels.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
    return ToyModel().encode(pictures)[:, 0].numpy()


GOOD = [int(k) for k in np.flatnonzero(first_components() <= 0.5)]
BAD = int(np.flatnonzero(first_components() > 0.5)[0])
FACE = ImageInput(dataset="toy", index=BAD, id=f"toy-{BAD:03d}")


@pytest.mark.parametrize("encoder", [False, True])
def test_the_dose_is_averaged_over_what_is_finite(encoder: bool) -> None:
    params = {"counts": [6], "magnitude": -1.0, "images": 40, "parts": ["all"], "repeats": 1}
    found = run("dose_response", OverflowingModel(0.5, encoder), **params)
    alone = run("dose_response", ToyModel(), GOOD, **params)
    assert 0 < len(GOOD) < 40
    (row,), (other,) = ([r for r in table(s) if r["components"] == 6] for s in (found, alone))
    assert row.pop("part") == other.pop("part") == "whole code"
    assert list(row.values()) == pytest.approx(list(other.values()), rel=1e-9)
    if encoder:
        assert f"{40 - len(GOOD)} of 40 images have no finite code and are left out" in said(found)
    else:
        assert f"{40 - len(GOOD)} of 40 answers are left out: a picture was not finite" in said(found)
    assert "not finite" not in said(alone)


def test_images_without_a_code_are_counted_by_every_analysis_that_leaves_them_out() -> None:
    lost = 40 - len(GOOD)
    model = OverflowingModel(0.5, encoder=True)
    assert f"{lost} images have no finite code" in said(run("separability", model, dimensions=3, trials=10))
    assert f"{lost} of 40 images have no finite code" in said(run("additivity", model, images=40, pairs=1))
    for name, params in (("feature_sheet", {"attributes": ["yaw>0"]}), ("edit_map", {"attribute": "yaw>0"})):
        assert "codes lie far outside the prior or are not finite" in said(run(name, model, **params))


def test_nothing_moves_a_face_without_a_code() -> None:
    with pytest.raises(UserError, match="not finite, so nothing moves it; another face would do"):
        run("sensitivity", OverflowingModel(0.5, encoder=True))


def test_a_leak_is_no_black_picture() -> None:
    """Adding e0 leaves 'across' alone; a picture that overflowed, taken as black, would not."""
    params = {"attributes": ["first"], "watched": ["across"], "faces": 60, "images": 240}
    plain = run("attribute_leak", ToyModel(), data=LineData(), **params)
    found = run("attribute_leak", OverflowingModel(5.0), data=LineData(), **params)
    assert "not finite, or had no finite code, and are left out" in said(found)
    assert "left out" not in said(plain)
    change = {
        name: next(r["change"] for r in table(s) if r["watched"] == "across")
        for name, s in (("plain", plain), ("found", found))
    }
    assert change["found"] == pytest.approx(change["plain"], abs=1.0)


def test_the_curve_of_an_edit_says_how_many_pictures_broke() -> None:
    params = {"attribute": "first", "faces": 20, "images": 240, "strengths": [0.0, 1.0, 3.0]}
    found = run("edit_curve", OverflowingModel(5.0), data=LineData(), **params)
    assert "edited pictures were not finite, or had no finite code, and are left out of the answer" in said(found)
    assert "left out of the answer" not in said(run("edit_curve", ToyModel(), data=LineData(), **params))


def test_maps_of_edits_leave_broken_pictures_out() -> None:
    model = OverflowingModel(0.5)
    edited = run("edit_map", model, attribute="yaw>0", strength=0.5, faces=16)
    assert "a picture that is not finite" in said(edited)
    features = run("feature_sheet", model, attributes=["yaw>0"], strength=0.5, faces=16)
    assert "edited pictures of yaw > 0 are not finite and left out" in said(features)
    for sheet in (edited, features):
        maps = next(p for p in sheet.parts if isinstance(p, Heatmap)).maps
        assert np.isfinite(maps).all()
        # The pixel that breaks is black in a broken picture, and would stand out of a mean that takes it in.
        usual = np.median(maps[0])
        assert maps[0][3, 3] < 40 * usual


def test_an_attribute_that_is_asked_for_is_the_one_that_is_explained() -> None:
    with pytest.raises(UserError) as caught:
        run("attribute_leak", ToyModel(), attributes=["yaw>99"], images=40)
    assert str(caught.value).startswith("yaw>99 is left out: no image is yaw > 99")
    assert str(caught.value).count(" is left out") == 1


@pytest.mark.parametrize("name", ["edit_map", "feature_sheet"])
def test_faces_that_leave_no_image_to_learn_from_are_named(name: str) -> None:
    given = {"attribute": "yaw>0"} if name == "edit_map" else {"attributes": ["yaw>0"]}
    with pytest.raises(UserError, match="All 40 images that are looked at are faces to be edited"):
        run(name, ToyModel(), faces=40, **given)


def test_densities_that_drown_all_others_are_counted() -> None:
    """What a Glow says in double precision of a picture whose code overflows in single precision."""

    class Drowning(ToyModel):
        def log_prob(self, images: Tensor) -> Tensor:
            found = super().log_prob(images)
            return torch.where(self.encode(images)[:, 0] > 0.5, found - 1e90, found)

    found = run("likelihood", Drowning())
    lost = 40 - len(GOOD)
    assert f"{lost} of 40 log-densities are more than a billion times as large as the median" in said(found)
    assert "billion" not in said(run("likelihood", ToyModel()))

"""A new photo through the model, and its light."""

import base64
import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from latentstudio.data.prepare import fit, to_pixels
from latentstudio.figures.recipe import PixelsInput
from latentstudio.results import Scatter, Table
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab
from latentstudio.studio.reproduce.samples import picture_grid


def photo_input(lab: Lab) -> PixelsInput:
    """The photo as a recipe holds it."""
    out = io.BytesIO()
    pixels = lab.photo
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(out, "PNG")
    return PixelsInput(png=base64.b64encode(out.getvalue()).decode("ascii"), label="photo")


def through_the_model(lab: Lab) -> Finding:
    """S0-F11."""
    ref = lab.robust
    model: Any = lab.workspace.model(ref)
    stranger = int(np.flatnonzero(lab.held_out)[0])
    pictures = torch.cat([torch.from_numpy(fit(lab.photo[None], lab.info.image_shape)), lab.images[[stranger]]])
    with torch.inference_mode():
        projected = model.pca_decode(model.pca_encode(pictures))
        back = model.decode(model.encode(pictures))
    stages = [to_pixels(t.numpy()) for t in (pictures, projected, back)]
    names = ("photo", f"held-out {lab.data.image_id(stranger)}")
    grid = picture_grid(
        np.concatenate([stage[[k]] for k in range(2) for stage in stages]),
        3,
        tuple(f"{name}: {stage}" for name in names for stage in ("as the model takes it", "PCA", "PCA and flow")),
    )
    lost = [_error(stages[0][k], stages[1][k]) for k in range(2)]
    flow = [float((projected[k] - back[k]).abs().max()) * 127.5 for k in range(2)]
    seen = _error(to_pixels(lab.images[lab.seen].numpy()), to_pixels(_projected(lab, model, lab.seen)))
    rows = ((names[0], lost[0], flow[0]), (names[1], lost[1], flow[1]), ("training images, mean", seen, None))
    path = lab.recipe("interpolate", ref, a=photo_input(lab), b=lab.image(int(lab.seen[0])), steps=9)
    return Finding(
        verdict=verdict_of(max(flow) < 0.5),
        sentence=(
            f"The flow itself loses nothing ({max(flow):.2g} grey levels at most); what the photo loses, it loses in "
            f"the projection: {lost[0]:.1f} grey levels against {seen:.1f} for training images."
        ),
        plates=(
            Plate(grid),
            Plate(Table(("picture", "lost by PCA, grey levels", "largest change by the flow"), rows, digits=4)),
            Plate(path, "From the photo to a training face."),
        ),
        split=f"photo: {lab.photo_words}; {lab.split_words}",
        n="1 photo, 1 held-out face",
        model=lab.words(ref),
        published="figure without a caption; order of steps inferred",
        ours=f"{lost[0]:.1f} grey levels lost by PCA",
    )


def _projected(lab: Lab, model: Any, indices: NDArray[np.int64]) -> NDArray[np.float32]:
    with torch.inference_mode():
        rows: NDArray[np.float32] = model.pca_decode(model.pca_encode(lab.images[indices])).numpy()
    return rows


def _error(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(np.sqrt(np.square(a.astype(np.float64) - b).mean()))


def light_survives(lab: Lab) -> Finding:
    """S0-X10."""
    ref = lab.robust
    model = lab.workspace.model(ref)
    unseen = np.flatnonzero(lab.held_out)
    pictures = torch.cat([torch.from_numpy(fit(lab.photo[None], lab.info.image_shape)), lab.images[unseen]])
    with torch.inference_mode():
        back = model.decode(model.encode(pictures))
    before, after = _light(pictures), _light(back)
    slope = float(np.polyfit(before[1:], after[1:], 1)[0])
    r = float(np.corrcoef(before[1:], after[1:])[0, 1])
    order = np.argsort(-np.abs(np.log(before[1:])))[:8]
    rows = [("photo", float(before[0]), float(after[0]))]
    rows += [(lab.data.image_id(int(unseen[k])), float(before[1 + k]), float(after[1 + k])) for k in order]
    shown = to_pixels(torch.stack([t for k in order[:4] for t in (pictures[1 + k], back[1 + k])]).numpy())
    labels = tuple(f"{lab.data.image_id(int(unseen[k]))}{s}" for k in order[:4] for s in (", in", ", out"))
    points = np.stack([before, after], axis=1)
    groups = np.array([0] + [1] * len(unseen))
    scatter = Scatter(points, np.array([-1, *unseen]), groups, ("photo", "held out"), "left over right, in", "out")
    return Finding(
        verdict=verdict_of(r > 0.9, abs(slope - 1) < 0.2),
        sentence=(
            f"The ratio of left to right brightness goes from {before[0]:.2f} to {after[0]:.2f} for the photo; over "
            f"held-out faces in and out correlate by {r:.3f} with slope {slope:.2f}."
        ),
        plates=(
            Plate(picture_grid(shown, 8, labels)),
            Plate(scatter),
            Plate(Table(("picture", "left over right, in", "out"), tuple(rows))),
        ),
        split=f"held-out images of {lab.split_words}; photo: {lab.photo_words}",
        n=f"{len(unseen)} held-out faces, 1 photo",
        model=lab.words(ref),
        published="the light from one side survives, stated without a number",
        ours=f"r = {r:.3f}",
    )


def _light(images: torch.Tensor) -> Floats:
    """Mean brightness of the left half over that of the right, float64 (n,)."""
    grey = ((images.double().mean(dim=1) + 1) / 2).clamp(0, 1).numpy()
    half = grey.shape[2] // 2
    ratio: Floats = (grey[:, :, :half].mean(axis=(1, 2)) + 1e-6) / (grey[:, :, half:].mean(axis=(1, 2)) + 1e-6)
    return ratio

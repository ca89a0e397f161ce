"""Claims of the text that are wrong or too strong as printed, beside the correct form; each is an analysis."""

import math
from typing import Any

import msgspec
import numpy as np
import torch

from latentstudio.analyses.uniqueness import twist
from latentstudio.figures.recipe import DataRef, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Sheet, Table, final
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab

_SCORED = 64


def _run(lab: GlowLab, recipe: Recipe) -> dict[str, Table]:
    """Tables of an analysis by title."""
    result = final(run_recipe(recipe, lab.workspace))
    assert isinstance(result, Sheet)
    return {part.title: part for part in result.parts if isinstance(part, Table)}


def _note(name: str, **params: Any) -> Recipe:
    return Recipe(kind="analysis", name=name, params=params)


def half_space(lab: GlowLab) -> Finding:
    """S1-X11."""
    sizes = (2, 10, 100, 1000) if lab.quick else (2, 10, 100, 1000, 10_000)
    recipe = _note("half_space", draws=lab.some(4000, 1000), dimensions=sizes)
    rows = _run(lab, recipe)["Halves of a normal law"].rows
    exact = rows[-1]
    means = [float(row[1] or 0) for row in rows[:-1]]
    crossing = [float(row[5] or 0) for row in rows[:-1]]
    mean, share = sum(means) / len(means), sum(crossing) / len(crossing)
    grows = crossing[-1] > 0.95
    return Finding(
        verdict=verdict_of(abs(mean - 0.6) < 0.05, grows),
        sentence=(
            f"The mean of half of a normal law is {mean:.3f} in the simulation and sqrt(2 / pi) = {exact[1]:.4f}, not "
            f"0.6; adding the difference of the two means crosses the plane with probability {share:.3f} "
            f"(closed form {exact[5]:.4f}) in {rows[0][0]} as in {rows[-2][0]:,} dimensions, so it does not grow; with "
            f"the printed mean it would be {exact[6]:.3f}."
        ),
        plates=(Plate(recipe),),
        split="simulation",
        n=f"{recipe.params['draws']:,} draws in each of {len(rows) - 1} dimensions",
        model="none",
        published="e / (2 sqrt(2 pi)), about 0.6; high probability as the dimension grows",
        ours=f"{mean:.3f}; {share:.3f}",
    )


def uniqueness(lab: GlowLab) -> Finding:
    """S1-X12."""
    recipe = _note("uniqueness", draws=lab.some(4000, 1000))
    rows = {row[0]: row for row in _run(lab, recipe)["What the twist keeps and changes"].rows}
    left = float(rows["left by the best rotation, share"][2] or 0)
    volume = float(rows["largest |log det| of the Jacobian"][2] or 0)
    component = rows["a component, KS distance from N(0, 1)"]
    kept = volume < 1e-6 and float(component[2] or 1) < float(component[3] or 0)
    apart, change = _under_the_flow(lab)
    return Finding(
        verdict=verdict_of(not kept, left < 0.01),
        sentence=(
            f"A turn by an angle that depends on the norm keeps N(0, I) (KS distance {component[2]:.4f}, 95 % of draws "
            f"below {component[3]:.4f}) and the volume (|log det| below {max(volume, 1e-12):.1e}), yet "
            f"{100 * left:.0f} % of the map is left by the best rotation. Put behind this flow it changes the "
            f"log-density of codes of faces by {change:.1e} nats at most and moves the midpoint of two faces "
            f"by {100 * apart:.0f} % of its length."
        ),
        plates=(Plate(recipe),),
        split="simulation; held-out faces for the flow",
        n=f"{recipe.params['draws']:,} draws; 16 faces",
        model=lab.words(),
        published="flows to N(0, I) are unique up to O(N)",
        ours=f"{100 * left:.0f} % left by the best rotation",
    )


def _under_the_flow(lab: GlowLab) -> tuple[float, float]:
    """How far the twist moves midpoints of faces' codes, as a share, and the most it changes the log-density by."""
    pairs = list(lab.pairs(8))
    a, b = (lab.noisy[[p[k] for p in pairs]].astype(np.float64) for k in (0, 1))
    turn = 1.0
    middle = (a + b) / 2
    # The other flow encodes by twist(f(x)); halfway between its codes, seen in the codes of this flow:
    others = twist((twist(a, turn) + twist(b, turn)) / 2, -turn)
    apart = float((np.linalg.norm(others - middle, axis=1) / np.linalg.norm(middle, axis=1)).mean())
    density = -0.5 * np.square(np.concatenate([a, b])).sum(axis=1)
    twisted = -0.5 * np.square(twist(np.concatenate([a, b]), turn)).sum(axis=1)
    return apart, float(np.abs(twisted - density).max())


def unbounded(lab: GlowLab) -> Finding:
    """S1-X13."""
    recipe = Recipe(
        kind="analysis",
        name="unbounded_likelihood",
        params={"repeats": lab.some(5, 2), "edge": _edge(len(lab.indices))},
        data=DataRef(spec=lab.data.spec, digest=lab.data.digest),
        selection=tuple(int(i) for i in lab.indices),
    )
    tables = _run(lab, recipe)
    normal = [row for row in tables["Normal law"].rows if math.isfinite(float(row[4] or 0))]
    mixture = tables["Mixture"].rows
    few, many = (normal[0], normal[-1]) if normal else (None, None)
    gain = float(mixture[-2][1] or 0) - float(mixture[-1][1] or 0)
    flow = _flow_bits(lab)
    law = (
        f"A normal law fitted exactly to {few[0]} images has {few[2]:.2f} bits/dim on them and {few[3]:.2f} on unseen "
        f"ones, fitted to {many[0]} images {many[2]:.2f} and {many[3]:.2f}. "
        if few is not None and many is not None
        else "There are too few images for a normal law of more than they span. "
    )
    widens = few is not None and many is not None and float(few[4] or 0) > float(many[4] or 0)
    return Finding(
        verdict=verdict_of(abs(gain - 1) < 0.01, widens),
        sentence=(
            f"{law}A normal law on every training image gains {gain:.3f} bits/dim for each halving of its width, "
            f"without end, while unseen images lose. The flow itself: {flow[0]:.3f} bits/dim on training and "
            f"{flow[1]:.3f} on held-out images."
        ),
        plates=(Plate(recipe),),
        split="half of the images for the fits, the other half unseen",
        n=f"{len(lab.indices):,} images; {_SCORED} of each kind for the flow",
        model=f"normal laws and mixtures, fitted exactly; {lab.words()}",
        published="the likelihood of a finite sample is unbounded (equation 2.2, with the determinant inside the log)",
        ours=f"gap {few[4]:.2f} to {many[4]:.2f} bits/dim" if few and many else f"{gain:.3f} bits for each halving",
    )


def _edge(images: int) -> int:
    """Edge of the pictures in px, 8 or what leaves six images of the fit for each pixel."""
    return max(2, min(8, math.isqrt(images // 12)))


def _flow_bits(lab: GlowLab) -> tuple[float, float]:
    """Bits per dimension of dequantised training and held-out images under the flow."""
    model, found = lab.model(), []
    device = next(model.parameters()).device
    with torch.inference_mode():
        for rows in (~lab.unseen_rows, lab.unseen_rows):
            images = lab.images[torch.from_numpy(rows)][:_SCORED].to(device)
            log_prob = model.dequantised_log_prob(images, torch.Generator().manual_seed(0))
            found.append(float(model.bits_per_dimension(log_prob).mean()))
    return found[0], found[1]


def separable(lab: GlowLab) -> Finding:
    """S1-X14."""
    attribute = "smiling" if "smiling" in lab.data.attributes else "Smiling" if "Smiling" in lab.data.attributes else ""
    dimensions = lab.some(20, 6)
    recipe = lab.recipe(
        "separability",
        kind="analysis",
        dimensions=dimensions,
        trials=lab.some(60, 20),
        images=lab.some(400, 100),
        attribute=attribute,
    )
    recipe = _among(recipe, lab)
    tables = _run(lab, recipe)
    rows = tables["Random divisions"].rows
    whole = {row[0]: row for row in tables["Labels in the whole latent space"].rows}
    label = whole["random labels"]
    few = [row for row in rows if float(row[1] or 0) <= 1.0]
    all_below = all(row[2] == 1.0 for row in few)
    near = min(rows, key=lambda row: abs(float(row[1] or 0) - 2))
    off = max(abs(float(row[2] or 0) - float(row[3] or 0)) for row in rows)
    real = whole.get(attribute) if attribute else None
    contrast = f"; '{attribute}' reaches {real[3]:.0f} % and {real[4]:.0f} %" if real is not None else ""
    return Finding(
        verdict=verdict_of(all_below),
        sentence=(
            f"Every random division of up to {dimensions + 1} images in {dimensions} dimensions is separable and "
            f"{100 * float(near[2] or 0):.0f} % of those of {near[0]} (Cover's theorem: "
            f"{100 * float(near[3] or 0):.0f} %; largest difference {off:.2f}). In all {label[2]:,} dimensions random "
            f"labels of {label[1]} images are reached to {label[3]:.0f} %, and unseen ones to {label[4]:.0f} %"
            f"{contrast}. The study had 202,599 images and 196,608 dimensions: more, but fewer than twice as many."
        ),
        plates=(Plate(recipe),),
        split="half of the codes for the fit in all dimensions, the other half unseen",
        n=f"{recipe.params['images']} images at most, {recipe.params['trials']} divisions for each number",
        model=lab.words(),
        published="any dichotomy of n < N images is separable",
        ours=f"{100 * float(near[2] or 0):.0f} % at twice the dimension, Cover {100 * float(near[3] or 0):.0f} %",
    )


def _among(recipe: Recipe, lab: GlowLab) -> Recipe:
    return msgspec.structs.replace(recipe, selection=tuple(int(i) for i in lab.indices))


ENTRIES = (
    Entry(
        "S1-X11",
        "The mean of half of a normal law, and crossing the plane",
        "The mean of a half is about 0.6; adding the mean difference crosses the plane with high probability as the "
        "dimension grows.",
        "Simulation of both halves in several dimensions beside sqrt(2 / pi) and 2 Phi(1.5958) - 1.",
        half_space,
    ),
    Entry(
        "S1-X12",
        "Codes are unique up to a rotation",
        "Maps that keep N(0, I) are the orthogonal ones, so that the flow is unique up to O(N).",
        "Counter-example: a turn by an angle that depends on the norm, its law, its volume, its distance from O(N).",
        uniqueness,
    ),
    Entry(
        "S1-X13",
        "The likelihood of a finite sample has no bound",
        "The likelihood on a finite sample is unbounded.",
        "Exactly fitted densities on shrinking numbers of images and widths, training against unseen bits/dim.",
        unbounded,
    ),
    Entry(
        "S1-X14",
        "Any division of fewer images than dimensions is separable",
        "Any dichotomy of fewer images than dimensions is linearly separable.",
        "Random labels decided exactly by a linear programme, over n / D, against Cover's counting theorem.",
        separable,
    ),
)

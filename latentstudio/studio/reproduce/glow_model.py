"""The building blocks of the model under study: their determinants checked, and its diagram."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentstudio.nn.glow import GlowFlow, GlowStep
from latentstudio.results import Table
from latentstudio.studio.reproduce.diagram import Arrow, Box, Diagram
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab

_PATCH = 4
_NUMBERS = 256


@dataclass(frozen=True)
class Check:
    """One layer at one place: its own log-determinant, its Jacobian's by automatic differentiation, and round trip."""

    level: int
    layer: str
    size: int
    formula: float
    autograd: float
    round_trip: float


def check_layer(
    to_noise: Callable[[Tensor], tuple[Tensor, Tensor]],
    to_data: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
) -> tuple[float, float, float]:
    """Return the layer's log-determinant at x (1, C, H, W) float64, that of its Jacobian, and max |x - inverse|."""
    with torch.no_grad():
        y, log_det = to_noise(x)
        back = to_data(y)[0]
    with torch.enable_grad():
        jacobian = torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
            lambda v: to_noise(v.view_as(x))[0].flatten(), x.flatten()
        )
    found = torch.linalg.slogdet(jacobian)[1]
    return float(log_det.sum()), float(found), float((back - x).abs().max())


def checks(flow: GlowFlow, image: Tensor) -> list[Check]:
    """Check the layers of a middle step of every level on a patch of the activations of an image (1, C, H, W)."""
    found = []
    x = image
    for number, level in enumerate(flow.flow_levels()):
        x = torch.nn.functional.pixel_unshuffle(x, 2)
        steps = level.flow_steps()
        for k, step in enumerate(steps):
            if k == len(steps) // 2:
                found += _check_step(step, _patch(x), number + 1)
            with torch.no_grad():
                x = step.to_noise(x)[0]
        if not level.is_top:
            x = x.chunk(2, 1)[0]
    return found


def _check_step(step: GlowStep, x: Tensor, level: int) -> list[Check]:
    with torch.no_grad():
        normed = step.norm.to_noise(x)[0]
        mixed = step.conv.to_noise(normed)[0]
    layers: tuple[tuple[str, Any, Tensor], ...] = (
        ("actnorm", step.norm, x),
        ("1x1 convolution", step.conv, normed),
        ("coupling", step.coupling, mixed),
        ("whole step", step, x),
    )
    return [Check(level, name, v.numel(), *check_layer(layer.to_noise, layer.to_data, v)) for name, layer, v in layers]


def _patch(x: Tensor) -> Tensor:
    """A central part of activations (1, C, H, W) with at most some hundred numbers, so that its Jacobian is small."""
    edge = min(_PATCH, x.shape[2], x.shape[3])
    while edge > 1 and x.shape[1] * edge * edge > _NUMBERS:
        edge //= 2
    top, left = (x.shape[2] - edge) // 2, (x.shape[3] - edge) // 2
    return x[:, :, top : top + edge, left : left + edge].clone()


_FORMULAS = Table(
    ("layer", "towards noise", "towards data", "log-determinant"),
    (
        ("actnorm", "z = (x - b) exp(-s), one b and s per channel", "x = z exp(s) + b", "-H W sum s"),
        ("1x1 convolution", "z = W x at every pixel, W = P L (U + diag)", "x = W^-1 z", "H W log |det W|"),
        (
            "affine coupling",
            "(h, t) = net(x1); z2 = (x2 + t) sigmoid(h + 2)",
            "x2 = z2 / sigmoid(h + 2) - t",
            "sum log sigmoid(h + 2)",
        ),
        ("additive coupling", "z2 = x2 + net(x1)", "x2 = z2 - net(x1)", "0"),
        ("split prior", "e = (z - m(kept)) exp(-s(kept))", "z = m + e exp(s)", "-sum s"),
    ),
    notes=(
        "The coupling is that of the authors' code; the published table has y = s x + t, and its formulas 2.1 and 2.2 "
        "leave the determinant outside the logarithm: log p(x) = log p(f(x)) + log |det J_f(x)|.",
    ),
)


def live_card(lab: GlowLab) -> Finding:
    """S1-T1."""
    model = lab.model()
    flow = deepcopy(model.flow).double().cpu()
    row = int(lab.unseen_rows.argmax())
    image = lab.images[[row]].double() * (127.5 / 256)
    found = checks(flow, image)
    worst = max(abs(c.formula - c.autograd) / max(1.0, abs(c.autograd)) for c in found)
    trip = max(c.round_trip for c in found)
    table = Table(
        ("level", "layer", "numbers", "its log-determinant", "Jacobian's", "difference", "round trip"),
        tuple(
            (c.level, c.layer, c.size, c.formula, c.autograd, f"{c.formula - c.autograd:.0e}", f"{c.round_trip:.0e}")
            for c in found
        ),
        digits=6,
        notes=(
            "The middle step of every level, with the trained weights in double precision, on a central patch of the "
            "activations of a held-out face. Jacobian: log |det| of all partial derivatives by automatic "
            "differentiation. Round trip: largest difference after the inverse.",
        ),
    )
    return Finding(
        verdict=verdict_of(worst < 1e-8, trip < 1e-8),
        sentence=(
            f"The log-determinants of {len(found)} layers differ from those of their Jacobians by at most {worst:.1e} "
            f"(relative), and the inverses return to within {trip:.1e}."
        ),
        plates=(Plate(_FORMULAS), Plate(table)),
        split=lab.split_words,
        n=f"1 held-out face, {len(found)} layers",
        model=lab.words(),
        published="table of formulas",
        ours=f"largest difference {worst:.1e}",
    )


def diagrams(lab: GlowLab) -> Finding:
    """S1-F2."""
    model = lab.model()
    flow: GlowFlow = model.flow
    shape = flow.shape
    seen = _observed_shapes(flow, lab.images[:1] * (127.5 / 256))
    said = [shape.noise_shape(k) for k in range(shape.levels)]
    size = lab.info.latent_size
    rows = []
    for k, level in enumerate(flow.flow_levels()):
        channels, height, width = shape.level_shape(k)
        noise = said[k]
        count = noise[0] * noise[1] * noise[2]
        weights = sum(p.numel() for p in level.parameters())
        rows.append(
            (
                f"level {k + 1}",
                f"{channels} x {height} x {width}",
                shape.steps,
                f"{noise[0]} x {noise[1]} x {noise[2]}",
                count,
                100 * count / size,
                weights,
            )
        )
    total = sum(p.numel() for p in flow.parameters())
    table = Table(
        ("", "inside", "steps", "noise", "components", "share of the code, %", "parameters"),
        (*rows, ("all", "", shape.levels * shape.steps, "", size, 100.0, total)),
    )
    agree = seen == said
    complete = sum(r[4] for r in rows) == size
    return Finding(
        verdict=verdict_of(agree, complete),
        sentence=(
            f"{shape.levels} levels of {shape.steps} steps with width {shape.width} give {size:,} components and "
            f"{total:,} parameters; the shapes drawn here are {'those' if agree else 'not those'} that a pass of a "
            "picture through the network shows."
        ),
        plates=(
            Plate(_step_diagram(flow), "One step of flow, towards noise."),
            Plate(_scales_diagram(flow), "The multi-scale architecture, towards noise."),
            Plate(table),
        ),
        split="–",
        n="1 picture",
        model=lab.words(),
        published="step and multi-scale diagram; L = 6, K = 32, width 512 at 256 px",
        ours=f"L = {shape.levels}, K = {shape.steps}, width {shape.width}",
    )


def _observed_shapes(flow: GlowFlow, v: Tensor) -> list[tuple[int, ...]]:
    """Shapes (C, H, W) of what each level really hands to the code, seen on the way of pictures through the network."""
    shapes: list[tuple[int, ...]] = []
    x = v.to(next(flow.parameters()).device)
    with torch.inference_mode():
        for level in flow.flow_levels():
            x = torch.nn.functional.pixel_unshuffle(x, 2)
            for step in level.flow_steps():
                x = step.to_noise(x)[0]
            kept, split = (None, x) if level.is_top else x.chunk(2, 1)
            shapes.append(tuple(split.shape[1:]))
            x = x if kept is None else kept
    return shapes


def _step_diagram(flow: GlowFlow) -> Diagram:
    shape = flow.shape
    channels = shape.level_shape(0)[0]
    half = channels // 2
    out = "h, t" if shape.coupling == "affine" else "t"
    rule = "(x2 + t) sigmoid(h + 2)" if shape.coupling == "affine" else "x2 + t"
    boxes = (
        Box(0.3, 1.2, 2.0, 1.0, ("actnorm", f"{channels} scales, shifts"), "train"),
        Box(3.1, 1.2, 2.2, 1.0, ("1x1 convolution", f"{channels} x {channels}, LU"), "train"),
        Box(6.6, 0.3, 3.2, 1.2, ("network", f"3x3, 1x1, 3x3; width {shape.width}"), "data"),
        Box(6.6, 1.9, 3.2, 1.0, (rule,), "train"),
        Box(11.2, 1.2, 1.4, 1.0, ("join", f"{channels}"), "reference"),
    )
    arrows = (
        Arrow(2.3, 1.7, 3.1, 1.7),
        Arrow(5.3, 1.5, 6.6, 0.9, f"x1: {half}"),
        Arrow(5.3, 1.9, 6.6, 2.4, f"x2: {half}"),
        Arrow(8.2, 1.5, 8.2, 1.9, ""),
        Arrow(9.8, 0.9, 11.2, 1.5, "x1"),
        Arrow(9.8, 2.4, 11.2, 1.9, "z2"),
    )
    caption = f"Step of level 1 with {shape.coupling} coupling; the network gives {out} of the kept half."
    return Diagram(13.0, 3.4, boxes, arrows, caption)


def _scales_diagram(flow: GlowFlow) -> Diagram:
    shape = flow.shape
    boxes, arrows = [], []
    size = shape.image[0] * shape.image[1] * shape.image[2]
    c, h, w = shape.image
    boxes.append(Box(0.2, 0.3, 1.7, 1.0, ("picture", f"{c} x {h} x {w}"), "other"))
    for k in range(shape.levels):
        y = 0.3 + 1.6 * k
        channels, height, width = shape.level_shape(k)
        noise = shape.noise_shape(k)
        count = noise[0] * noise[1] * noise[2]
        boxes.append(Box(2.7, y, 1.8, 1.0, ("squeeze", f"{channels} x {height} x {width}"), "reference"))
        boxes.append(Box(5.3, y, 2.2, 1.0, (f"{shape.steps} steps of flow", f"width {shape.width}"), "train"))
        arrows.append(Arrow(4.5, y + 0.5, 5.3, y + 0.5))
        kind = shape.top_prior if k == shape.levels - 1 else shape.split_prior
        boxes.append(
            Box(
                9.0,
                y,
                3.7,
                1.0,
                (
                    f"level_{k + 1}: {noise[0]} x {noise[1]} x {noise[2]}",
                    f"{100 * count / size:.3g} % of the code; prior {kind}",
                ),
                "data",
            )
        )
        arrows.append(Arrow(7.5, y + 0.5, 9.0, y + 0.5, "noise" if k == shape.levels - 1 else "half"))
        if k + 1 < shape.levels:
            arrows.append(Arrow(6.4, y + 1.0, 3.6, y + 1.6, ""))
    arrows.append(Arrow(1.9, 0.8, 2.7, 0.8))
    caption = "From the configuration of the model; the half that is not split off goes on to the next level."
    return Diagram(13.0, 0.2 + 1.6 * shape.levels, tuple(boxes), tuple(arrows), caption)


ENTRIES = (
    Entry(
        "S1-T1",
        "Actnorm, 1x1 convolution and coupling",
        "Each layer has a simple inverse and a simple log-determinant.",
        "The formulas as implemented; each log-determinant against the Jacobian by automatic differentiation.",
        live_card,
    ),
    Entry(
        "S1-F2",
        "Step of flow and multi-scale architecture",
        "A step is actnorm, 1x1 convolution and coupling; half of the channels leave at every level.",
        "Drawn from the model's configuration, and compared with the shapes of a pass through the network.",
        diagrams,
    ),
)

"""Where Glow works: decoded along rays from the origin, through the shell of the prior and beyond."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.results import Band, Curve, Line, Table
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.samples import gradient_energy

_FACTORS = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 2.0, 3.0)
_GRID = (0.0, 0.25, 0.5, 0.7, 1.0, 1.3, 1.5, 2.0)


@dataclass(frozen=True)
class Place:
    """What is decoded at one distance from the origin, over all rays.

    Attributes
    ----------
    factor : distance from the origin over sqrt(D), the sphere near which draws lie.
    finite, clipped : shares of finite pictures and of pixels outside the range, percent.
    nearest : median distance to the nearest training face, grey levels.
    sharpness : gradient energy over that of held-out faces.
    round_trip : median distance of encode(decode(z)) from z, over the norm of z.
    """

    factor: float
    norm: float
    finite: float
    clipped: float
    nearest: float
    sharpness: float
    round_trip: float


def scan(lab: GlowLab, ends: NDArray[np.float32]) -> list[Place]:
    """Decode every ray from the origin through `ends` (n, D), codes on the sphere, at all factors."""
    model = lab.model()
    real = gradient_energy(lab.images[torch.from_numpy(lab.unseen_rows)])
    places = []
    for factor in _FACTORS:
        codes = (factor * ends).astype(np.float32)
        images = lab.decoded_raw(codes)
        good = np.isfinite(images).reshape(len(images), -1).all(axis=1)
        trip = np.full(len(codes), np.nan)
        norm = np.linalg.norm(codes.astype(np.float64), axis=1)
        if good.any() and factor:
            with torch.inference_mode():
                back = model.encode(torch.from_numpy(images[good]).to(next(model.parameters()).device)).cpu().numpy()
            trip[good] = np.linalg.norm(back.astype(np.float64) - codes[good], axis=1) / norm[good]
        outside = np.abs(images[good]) > 1
        places.append(
            Place(
                factor,
                float(norm.mean()),
                100 * float(good.mean()),
                100 * float(outside.mean()) if good.any() else float("nan"),
                float(np.median(lab.features.nearest(images))),
                gradient_energy(torch.from_numpy(images[good])) / real if good.any() else float("nan"),
                float(np.nanmedian(trip)) if np.isfinite(trip).any() else float("nan"),
            )
        )
    return places


def on_sphere(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Codes (n, D) with their directions kept and the norm sqrt(D), near which all draws of the prior lie."""
    rows = codes.astype(np.float64)
    scaled: NDArray[np.float32] = (rows * (codes.shape[1] ** 0.5 / np.linalg.norm(rows, axis=1, keepdims=True))).astype(
        np.float32
    )
    return scaled


def _column(places: list[Place], name: str) -> Floats:
    return np.array([getattr(p, name) for p in places], dtype=np.float64)


def _measures(lab: GlowLab, rays: dict[str, list[Place]], own: float) -> tuple[Curve, Curve, Table]:
    """Distance to the nearest training face and clipped pixels along the rays, and a table of all; `own` of faces."""
    x = np.array(_FACTORS)
    sphere = lab.info.latent_size**0.5
    band = Band(lab.band[0] / sphere, lab.band[1] / sphere, "95 % of prior draws")

    def lines(field: str) -> tuple[Line, ...]:
        return tuple(
            Line(name, x, _column(places, field), "data" if name == "random rays" else "train", "both")
            for name, places in rays.items()
        )

    faces = Line("held-out faces", x[[0, -1]], np.full(2, own), "reference")
    words = "distance from the origin over that of the sphere"
    near = Curve(
        (*lines("nearest"), faces), words, "grey levels", title="Distance to the nearest training face", band=band
    )
    clipped = Curve(lines("clipped"), words, "%", title="Pixels outside the range", band=band)
    rows = tuple(
        (name, p.factor, p.norm, p.finite, p.clipped, p.nearest, p.sharpness, p.round_trip)
        for name, places in rays.items()
        for p in places
    )
    heads = ("", "factor", "norm", "finite, %", "clipped, %", "nearest", "sharpness", "round trip")
    notes = (f"Nearest: {lab.features.words}; what lies outside the components counts. Held-out faces: {own:.1f}.",)
    return near, clipped, Table(heads, rows, digits=3, notes=notes)


def where_it_works(lab: GlowLab) -> Finding:
    """S1-F31."""
    count = lab.some(24, 4)
    rows = np.random.default_rng(3).permutation(np.flatnonzero(lab.unseen_rows & lab.usable))[:count]
    rays = {
        "random rays": scan(lab, on_sphere(lab.draws(count))),
        "rays through faces": scan(lab, on_sphere(lab.noisy[rows])),
    }
    own = float(np.median(lab.features.nearest(lab.images[torch.from_numpy(lab.unseen_rows)].numpy())))
    faces = {p.factor: p for p in rays["rays through faces"]}
    random = {p.factor: p for p in rays["random rays"]}
    inside, shell = (random[f].nearest <= 1.15 * own for f in (0.5, 1.0))
    outside = random[1.5].nearest > 1.25 * random[1.0].nearest
    faces_shown = tuple(lab.code(int(row)) for row in rows[:3])
    grids = (
        Plate(lab.code_recipe("scan", radii=_GRID, directions=3), "Random rays, from the origin outwards."),
        Plate(lab.code_recipe("scan", faces=faces_shown, radii=_GRID, directions=0), "Rays through faces."),
    )
    broken = next((p.factor for p in rays["random rays"] if p.finite < 100), None)
    return Finding(
        verdict=verdict_of(inside, shell, outside),
        sentence=(
            f"On random rays the distance to the nearest training face is {random[0.5].nearest:.1f} grey levels at "
            f"half the radius, {random[1.0].nearest:.1f} on the shell and {random[1.5].nearest:.1f} at one and a half "
            f"(held-out faces: {own:.1f}), and {random[0.5].clipped:.1f}, {random[1.0].clipped:.1f} and "
            f"{random[1.5].clipped:.1f} % of the pixels leave the range; on rays through faces the distances are "
            f"{faces[0.5].nearest:.1f}, {faces[1.0].nearest:.1f} and {faces[1.5].nearest:.1f}. "
            + (f"From {broken:g} times on pictures are not finite." if broken else "All pictures are finite.")
        ),
        plates=(*grids, *(Plate(part) for part in _measures(lab, rays, own))),
        split=f"held-out images of {lab.split_words}",
        n=f"{count} rays of each kind, {len(_FACTORS)} distances",
        model=f"{lab.words()}; codes of dequantised images",
        seed=f"0 to {count - 1} for random rays",
        published="a sketch: the flow works near the sphere and inside it",
        ours=f"{random[0.5].nearest:.1f}, {random[1.0].nearest:.1f}, {random[1.5].nearest:.1f} at 0.5, 1, 1.5",
    )


ENTRIES = (
    Entry(
        "S1-F31",
        "Where Glow works",
        "Glow works near the sphere of the prior and inside it, and fails outside.",
        "Random rays and rays through held-out faces: distance to the nearest training face, pixels out of range, "
        "sharpness, round trip, from the origin to three times the radius.",
        where_it_works,
    ),
)

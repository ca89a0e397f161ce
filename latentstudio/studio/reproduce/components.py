"""Principal components: how many, and what they look at."""

import numpy as np
from numpy.typing import NDArray

from latentstudio.results import Curve, Heatmap, Line, Table
from latentstudio.studio.reproduce.bench import ATTRIBUTES
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab

_PUBLISHED_COUNT, _PUBLISHED_SHARE, _SIZE = 66, 89.70, 64


def cumulative_variance(rows: Floats) -> Floats:
    """Explained variance in percent of the first k components, k = 1, 2, ..., of rows (N, P)."""
    centred = rows - rows.mean(axis=0)
    squares = np.square(np.linalg.svd(centred, compute_uv=False))
    share: Floats = 100 * np.cumsum(squares) / squares.sum()
    return share


def variance_curve(lab: Lab) -> Finding:
    """S0-M1."""
    pixels = (lab.images.flatten(1).double().numpy() + 1) / 2
    every, seen = cumulative_variance(pixels), cumulative_variance(pixels[lab.seen])
    needed = [int(np.searchsorted(v, 90.0)) + 1 for v in (every, seen)]
    at_size = [float(v[min(_SIZE, len(v)) - 1]) for v in (every, seen)]
    counts = np.arange(1.0, len(every) + 1)
    curve = Curve(
        (
            Line("all images", counts, every, "data"),
            Line("training images", counts[: len(seen)], seen, "train"),
            Line("90 %", counts[[0, -1]], np.array([90.0, 90.0]), "reference"),
            Line(f"{_SIZE} components", np.array([_SIZE, _SIZE]), np.array([every[0], 100.0]), "reference"),
        ),
        "components",
        "explained variance, %",
    )
    rows = (
        ("components for 90 %", _PUBLISHED_COUNT, needed[0], needed[1]),
        (f"explained by {_SIZE}, %", _PUBLISHED_SHARE, at_size[0], at_size[1]),
    )
    table = Table(("", "published", "all images", "training images"), rows)
    close = abs(at_size[0] - _PUBLISHED_SHARE) < 0.1
    return Finding(
        verdict=verdict_of(needed[0] == _PUBLISHED_COUNT, close),
        sentence=(
            f"Fitted to all {len(every)} images, 90 % takes {needed[0]} components and {_SIZE} explain "
            f"{at_size[0]:.2f} %; fitted to the training images alone, {needed[1]} and {at_size[1]:.2f} %."
        ),
        plates=(Plate(curve), Plate(table)),
        split="all images, as published; training images beside",
        n=f"{len(every)}; {len(lab.seen)}",
        model="PCA",
        seed="none",
        published=f"{_PUBLISHED_COUNT} components for 90 %; {_SIZE} explain {_PUBLISHED_SHARE:.2f} %",
        ours=f"{needed[0]} components; {at_size[0]:.2f} %",
    )


def pixel_importance(lab: Lab) -> Finding:
    """S0-F1."""
    model = lab.model()
    maps = model.components(10)
    if maps.ndim == 4:
        maps = maps.mean(axis=3)
    ratios = 100 * model.explained_variance_ratio[:10]
    heatmap = Heatmap(
        np.ascontiguousarray(maps),
        tuple(f"{k + 1}: {r:.1f} %" for k, r in enumerate(ratios)),
        diverging=True,
        unit="loading",
        notes=("The sign of a component is arbitrary: the loading of largest size is made positive.",),
    )
    properties = _properties(lab)
    rows, strong = [], 0
    for k in range(10):
        found = {name: _correlation(lab.scores[:, k], values) for name, values in properties.items()}
        best = max(found, key=lambda name: abs(found[name]))
        strong += abs(found[best]) >= 0.4
        rows.append((k + 1, best, found[best], found.get("eyeglasses")))
    table = Table(("component", "follows most", "correlation", "with eyeglasses"), tuple(rows))
    return Finding(
        verdict="held" if strong >= 5 else ("partly" if strong else "not"),
        sentence=(
            f"{strong} of the first ten components correlate by 0.4 or more with a property that has a name; the first "
            f"follows {rows[0][1]} (r = {rows[0][2]:.2f}), the second {rows[1][1]} (r = {rows[1][2]:.2f})."
        ),
        plates=(Plate(heatmap), Plate(table)),
        split=f"components: training images ({lab.split_words}); correlations: all images",
        n=str(len(lab.data)),
        model=lab.words(),
        seed="none",
    )


def _properties(lab: Lab) -> dict[str, Floats]:
    grey = lab.images.mean(dim=1).double().numpy()
    half = grey.shape[2] // 2
    named: dict[str, Floats] = {
        "brightness": grey.mean(axis=(1, 2)),
        "light from the left": grey[:, :, :half].mean(axis=(1, 2)) - grey[:, :, half:].mean(axis=(1, 2)),
        "light from above": grey[:, : grey.shape[1] // 2].mean(axis=(1, 2))
        - grey[:, grey.shape[1] // 2 :].mean(axis=(1, 2)),
    }
    for name in (*ATTRIBUTES, "yaw", "pitch"):
        own = ATTRIBUTES.get(name, (name,))
        if any(o in lab.data.attributes for o in own):
            named[name] = lab.attribute(name)
    return named


def _correlation(a: Floats, b: Floats) -> float:
    known: NDArray[np.bool_] = np.isfinite(b)
    if known.sum() < 3 or np.ptp(b[known]) == 0:
        return 0.0
    return float(np.corrcoef(a[known], b[known])[0, 1])


def component_sweep(lab: Lab) -> Finding:
    """S0-X12: other sizes of the PCA, and a direction of an attribute."""
    from latentstudio.studio.reproduce.directions import direction_plates

    model = lab.model()
    pixels = (lab.images.flatten(1).double().numpy() + 1) / 2
    mean = pixels[lab.seen].mean(axis=0)
    _, _, basis = np.linalg.svd(pixels[lab.seen] - mean, full_matrices=False)
    sizes = [k for k in (2, 4, 8, 16, 32, 64, 128, 256) if k <= len(basis)]
    rows, errors = [], []
    for k in sizes:
        rebuilt = (pixels - mean) @ basis[:k].T @ basis[:k] + mean
        error = 255 * np.sqrt(np.square(rebuilt - pixels).mean(axis=1))
        errors.append((float(error[lab.seen].mean()), float(error[lab.held_out].mean())))
        rows.append((k, *errors[-1], errors[-1][1] - errors[-1][0]))
    both = np.array(errors)
    curve = Curve(
        (
            Line("training", np.array(sizes, float), both[:, 0], "train", "both"),
            Line("held out", np.array(sizes, float), both[:, 1], "held_out", "both"),
        ),
        "components",
        "error, grey levels",
        x_log=True,
    )
    table = Table(("components", "training error", "held-out error", "gap"), tuple(rows))
    plates, added, pairs, auc = direction_plates(lab)
    falling = bool(np.all(np.diff(both[:, 1]) < 0))
    return Finding(
        verdict=verdict_of(falling, added > pairs / 2),
        sentence=(
            f"The held-out error falls from {both[0, 1]:.1f} to {both[-1, 1]:.1f} grey levels over {sizes[0]} to "
            f"{sizes[-1]} components while its gap to training grows from {rows[0][3]:.1f} to {rows[-1][3]:.1f}; the "
            f"direction of eyeglasses (held-out AUC {auc:.2f}) puts glasses on {added} of {pairs} faces by a linear "
            "classifier in the pixels' PCA."
        ),
        plates=(Plate(curve), Plate(table), *plates),
        split=lab.split_words,
        n=lab.n_words,
        model=f"PCA of several sizes; {lab.words()}; D = {model.space.size}",
        published="proposed as future work, no numbers",
    )

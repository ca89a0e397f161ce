"""Walks between faces and to the mean."""

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.data.prepare import fit
from latentstudio.figures.readouts import nearest_rows
from latentstudio.figures.recipe import ImageInput
from latentstudio.results import Curve, Line, Strip, Table
from latentstudio.studio.reproduce.directions import classifier, probability
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab
from latentstudio.studio.reproduce.samples import gradient_energy

_STEPS = 9
_LONG = 17


def pairs_of(lab: Lab, name: str, count: int) -> list[tuple[int, int]]:
    """Pairs of training images of different persons, the first without an attribute and the second with it."""
    values = lab.attribute(name)
    without = [i for i in lab.seen if values[i] == 0]
    having = [i for i in lab.seen if values[i] == 1]
    chosen: list[tuple[int, int]] = []
    for k in range(count):
        a = without[(k * len(without)) // count + k]
        b = next((j for j in having[(k * len(having)) // count :] if lab.persons[j] != lab.persons[a]), None)
        if b is not None:
            chosen.append((int(a), int(b)))
    return chosen


def walk(lab: Lab, a: int, b: int, steps: int = _STEPS) -> Strip:
    """The measured linear path between two images."""
    from latentstudio.figures.run import run_recipe
    from latentstudio.results import final

    recipe = lab.recipe("interpolate", a=lab.image(a), b=lab.image(b), steps=steps)
    result = final(run_recipe(recipe, lab.workspace))
    assert isinstance(result, Strip)
    return result


def between_persons(lab: Lab) -> Finding:
    """S0-F9."""
    plates, rows, appear = [], [], 0
    for name in ("eyeglasses", "beard"):
        auc = classifier(lab, name)[1]
        for k, (a, b) in enumerate(pairs_of(lab, name, 3)):
            strip = walk(lab, a, b)
            p = probability(lab, name, strip.frames.images)
            crossing = next((i for i, v in enumerate(p) if v > 0.5), None)
            good = p[0] < 0.5 < p[-1]
            appear += bool(good)
            at = None if crossing is None else float(strip.positions[crossing])
            rows.append((name, *strip.end_labels, float(p[0]), float(p[-1]), at, auc))
            if k < 2:
                recipe = lab.recipe("interpolate", a=lab.image(a), b=lab.image(b), steps=_STEPS)
                plates.append(Plate(recipe, f"{name.capitalize()} along the path."))
    heads = ("attribute", "A", "B", "probability at A", "at B", "crosses 0.5 at t", "held-out AUC")
    return Finding(
        verdict=verdict_of(appear == len(rows), appear >= len(rows) / 2),
        sentence=(
            f"On {appear} of {len(rows)} linear paths from a face without to a face with the attribute, a linear "
            "classifier of the PCA scores changes from no to yes on the way."
        ),
        plates=(*plates, Plate(Table(heads, tuple(rows)))),
        split=f"training images of {lab.split_words}",
        n=f"{len(rows)} pairs, {_STEPS} frames each",
        model=lab.words(),
        published="glasses and beard appear along the path",
    )


def moustache(lab: Lab) -> Finding:
    """S0-X7."""
    plates, rows, turning = [], [], 0
    lines = []
    for k, (a, b) in enumerate(pairs_of(lab, "moustache", 3)):
        strip = walk(lab, a, b, _LONG)
        dark = band_darkness(strip.frames.images)
        p = probability(lab, "mouth open", strip.frames.images)
        excess = [float(np.abs(np.diff(v)).sum() / max(abs(v[-1] - v[0]), 1e-6)) for v in (dark, p)]
        turning += max(excess) > 1.5
        rows.append(
            (*strip.end_labels, float(dark[0]), float(dark[-1]), excess[0], float(p.min()), float(p.max()), excess[1])
        )
        lines.append(
            Line(
                f"{strip.end_labels[0]} to {strip.end_labels[1]}",
                strip.positions,
                dark,
                ("data", "train", "other")[k % 3],
            )
        )
        if k < 2:
            plates.append(Plate(lab.recipe("interpolate", a=lab.image(a), b=lab.image(b), steps=_LONG)))
    heads = ("A", "B", "lip band at A", "at B", "detour", "mouth open, least", "most", "its detour")
    curve = Curve(tuple(lines), "t", "darkness of the upper lip, grey levels")
    note = "Detour: length of the way over its net change, 1 for a steady one."
    return Finding(
        verdict=verdict_of(turning == len(rows), turning > 0),
        sentence=(
            f"On {turning} of {len(rows)} paths the darkness of the upper lip or the probability of an open mouth "
            "turns back on the way by more than half of its net change: the moustache does not grow steadily."
        ),
        plates=(*plates, Plate(curve), Plate(Table(heads, tuple(rows), notes=(note,)))),
        split=f"training images of {lab.split_words}",
        n=f"{len(rows)} pairs, {_LONG} frames each",
        model=lab.words(),
        published="the moustache turns into a mouth and back, stated without a number",
    )


def band_darkness(images: NDArray[np.uint8]) -> Floats:
    """How much darker the band between nose and mouth is than the cheeks, grey levels (n,); uint8 (n, H, W, C).

    The places are those of aligned Olivetti faces, as fractions of the picture.
    """
    grey = images.mean(axis=3)
    h, w = grey.shape[1:]
    lip = grey[:, int(0.66 * h) : int(0.74 * h), int(0.36 * w) : int(0.64 * w)].mean(axis=(1, 2))
    cheeks = grey[:, int(0.52 * h) : int(0.62 * h), int(0.16 * w) : int(0.84 * w)].mean(axis=(1, 2))
    darkness: Floats = cheeks - lip
    return darkness


def inside_one_person(lab: Lab) -> Finding:
    """S0-F10."""
    yaw, seen = lab.attribute("yaw"), ~lab.held_out
    plates: list[Plate] = []
    rows, steady = [], 0
    for person in np.unique(lab.persons):
        mine = np.flatnonzero((lab.persons == person) & seen & np.isfinite(yaw))
        if len(mine) < 2 or np.ptp(yaw[mine]) < (2 if np.nanmax(np.abs(yaw)) <= 1 else 30):
            continue
        a, b = int(mine[yaw[mine].argmin()]), int(mine[yaw[mine].argmax()])
        strip = walk(lab, a, b)
        turn = _turn(lab, strip.frames.images)
        detour = float(np.abs(np.diff(turn)).sum() / max(abs(turn[-1] - turn[0]), 1e-6))
        near = _nearest_persons(lab, strip.frames.images)
        same = float((near == person).mean())
        steady += detour < 1.25 and same > 0.5
        rows.append((int(person), *strip.end_labels, float(turn[0]), float(turn[-1]), detour, 100 * same))
        if len(plates) < 2:
            plates.append(Plate(lab.recipe("interpolate", a=lab.image(a), b=lab.image(b), steps=_STEPS)))
        if len(rows) == 8:
            break
    heads = ("person", "A", "B", "yaw at A", "at B", "detour", "nearest face is the same person, %")
    return Finding(
        verdict=verdict_of(steady == len(rows) > 0, steady >= len(rows) / 2 > 0),
        sentence=(
            f"Between extreme poses of one person the head turns steadily and stays that person on {steady} of "
            f"{len(rows)} paths (yaw by ridge regression on PCA scores; person by the nearest training face)."
        ),
        plates=(*plates, Plate(Table(heads, tuple(rows)))),
        split=f"training images of {lab.split_words}",
        n=f"{len(rows)} persons, {_STEPS} frames each",
        model=lab.words(),
        published="the viewing angle changes, the person stays",
    )


def _turn(lab: Lab, pictures: NDArray[np.uint8]) -> Floats:
    """Yaw that a ridge regression of the training images' PCA scores reads from pictures."""

    def make() -> object:
        from sklearn.linear_model import Ridge

        yaw = lab.attribute("yaw")
        known = np.isfinite(yaw) & ~lab.held_out
        return Ridge(alpha=30.0).fit(lab.scores[known], yaw[known])

    regression: object = lab.once("yaw", make)
    values: Floats = regression.predict(scores_of(lab, pictures))  # type: ignore[attr-defined]
    return values


def scores_of(lab: Lab, pictures: NDArray[np.uint8]) -> Floats:
    """Whitened PCA scores of pictures uint8 (n, H, W, C)."""
    model = lab.model()
    with torch.inference_mode():
        plain = model.pca_encode(torch.from_numpy(fit(pictures, model.image_shape))).double().numpy()
    white: Floats = plain / np.sqrt(model.variances)
    return white


def _nearest_persons(lab: Lab, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    rows, _ = nearest_rows(
        lab.images[lab.seen].flatten(1).numpy(), fit(pictures, lab.info.image_shape).reshape(len(pictures), -1)
    )
    return lab.persons[lab.seen[rows[:, 0]]]


def _start(lab: Lab) -> ImageInput:
    """The training image that the walks to a mean start from."""
    return lab.image(int(lab.seen[len(lab.seen) // 3]))


def to_mean_image(lab: Lab) -> Finding:
    """S0-F12."""
    return _to_mean(lab, "mean_image", "target: PCA scores 0 (caption of the publication missing, inferred)")


def to_mean_code(lab: Lab) -> Finding:
    """S0-F13."""
    return _to_mean(lab, "mean_code", "target: mean of all codes; expected: an odd face of everything at once")


def mean_walk(lab: Lab, what: str) -> Strip:
    """The measured path from one face to a mean, nearest training faces included."""

    def make() -> Strip:
        from latentstudio.figures.run import run_recipe
        from latentstudio.results import final

        result = final(run_recipe(lab.recipe("mean", from_=_start(lab), what=what, steps=_LONG), lab.workspace))
        assert isinstance(result, Strip)
        return result

    return lab.once(f"mean walk {what}", make)


def _to_mean(lab: Lab, what: str, published: str) -> Finding:
    strip = mean_walk(lab, what)
    images = torch.from_numpy(fit(strip.frames.images, lab.info.image_shape))
    sharp = [gradient_energy(i[None]) for i in images]
    data = [gradient_energy(i[None]) for i in lab.images[lab.seen]]
    share = float(np.mean(np.array(data) < sharp[-1]))
    norm = float(strip.frames.norm[-1])
    target = "mean image" if what == "mean_image" else "mean code"
    plain = share < 0.05
    return Finding(
        verdict=verdict_of(plain),
        sentence=(
            f"The {target} lies at norm {norm:.2f} (prior draws: {np.sqrt(lab.info.latent_size):.1f}; "
            f"{strip.frames.prior_percentile[-1]:.3g} % of them lie further in), and its picture is less sharp than "
            f"{100 * (1 - share):.0f} % of the training faces: "
            f"{'an average, not a person' if plain else 'a face of its own'}."
        ),
        plates=(Plate(lab.recipe("mean", from_=_start(lab), what=what, steps=_STEPS)),),
        split=f"mean of all images; {lab.split_words}",
        n=str(len(lab.data)),
        model=lab.words(),
        published=published,
        ours=f"norm {norm:.2f}",
    )


def another_face_midway(lab: Lab) -> Finding:
    """S0-X9."""
    lines, rows, found = [], [], 0
    for what in ("mean_image", "mean_code"):
        strip = mean_walk(lab, what)
        images = torch.from_numpy(fit(strip.frames.images, lab.info.image_shape))
        sharp = np.array([gradient_energy(i[None]) for i in images])
        near = strip.nearest_ids
        inner = sharp[1:-1]
        ends = (near[0], near[-1])
        other = [i for i in range(1, len(near) - 1) if near[i] not in ends]
        bump = float(inner.max() / max(np.interp(strip.positions[1 + inner.argmax()], [0, 1], sharp[[0, -1]]), 1e-12))
        found += bool(other) and bump > 1.0
        rows.append(
            (
                what.replace("_", " "),
                near[0],
                near[-1],
                len({near[i] for i in other}),
                bump,
                float(sharp[-1] / sharp[0]),
            )
        )
        lines.append(
            Line(what.replace("_", " "), strip.positions, sharp / sharp[0], "data" if what == "mean_image" else "other")
        )
    heads = (
        "path to",
        "nearest at A",
        "nearest at the mean",
        "other faces midway",
        "sharpest over straight line",
        "sharpness of the mean",
    )
    curve = Curve(tuple(lines), "t", "sharpness, share of A's")
    return Finding(
        verdict=verdict_of(*(row[3] > 0 for row in rows), found > 0),
        sentence=(
            f"Between the face and the mean the nearest training face is neither end's on "
            f"{sum(r[3] > 0 for r in rows)} of 2 paths; frames midway are up to {max(r[4] for r in rows):.2f} times as "
            "sharp as a steady fading would give."
        ),
        plates=(Plate(curve), Plate(Table(heads, tuple(rows)))),
        split=lab.split_words,
        n=f"2 paths, {_LONG} frames each",
        model=lab.words(),
        published="a different, less blurry face appears midway, stated without a number",
    )

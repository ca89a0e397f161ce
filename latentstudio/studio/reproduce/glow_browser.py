"""The data: pictures with their attributes, and what alignment by the eyes does."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.align import Convention, Eyes, align, convention_of, suggest_eyes
from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import cover, recolour
from latentstudio.errors import UserError
from latentstudio.results import Table
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.samples import picture_grid

_ATTRIBUTES, _PICTURES = 8, 8
_ALIGNED = 64
_LOST = (float("nan"), float("nan"))
_DISPLACED = "faces?n=400&size=128"


def shown_attributes(data: ImageSet) -> tuple[str, ...]:
    """The binary attributes to show: those with the most labelled images of their rarer class."""
    rarer = {}
    for name in data.attributes:
        column = data.attributes[name]
        if column.kind == "binary":
            known = column.values[column.known]
            rarer[name] = int(min((known == 1).sum(), (known == 0).sum()))
    ranked = sorted(rarer, key=lambda name: -rarer[name])
    return tuple(name for name in ranked[:_ATTRIBUTES] if rarer[name])


def browser(lab: GlowLab) -> Finding:
    """S1-F3."""
    data = lab.data
    names = shown_attributes(data)
    if not names:
        raise UserError(f"{data.title} has no binary attribute with both values; there is nothing to show.")
    columns = [data.attributes[name] for name in names]
    labelled = np.all([c.known for c in columns], axis=0)
    complete = np.flatnonzero(labelled)
    among = complete if len(complete) >= _PICTURES else np.arange(len(data))
    chosen = np.sort(np.random.default_rng(0).permutation(among)[:_PICTURES])
    labels = tuple(", ".join(n for n, c in zip(names, columns, strict=True) if c.values[i] == 1) or "–" for i in chosen)
    grid = picture_grid(np.ascontiguousarray(data.images(chosen)), _PICTURES // 2, labels)
    rows = tuple((data.image_id(int(i)), *(c.text(int(i)) for c in columns)) for i in chosen)
    counts = []
    for name, column in zip(names, columns, strict=True):
        known = int(column.known.sum())
        yes = int((column.values == 1).sum())
        counts.append((name, known, yes, 100 * yes / known, 100 * known / len(data)))
    binary = sum(data.attributes[name].kind == "binary" for name in data.attributes)
    return Finding(
        verdict=verdict_of(len(names) >= _ATTRIBUTES),
        sentence=(
            f"{data.title}: {len(data):,} images with {binary} binary attributes; the {len(names)} shown have both "
            f"values, the rarest of them on {min(c[3] for c in counts):.1f} % of the labelled images."
        ),
        plates=(
            Plate(grid),
            Plate(Table(("image", *names), rows)),
            Plate(Table(("attribute", "labelled", "with it", "share, %", "labelled of all, %"), tuple(counts))),
        ),
        split="all images",
        n=f"{len(chosen)} shown, {len(data):,} counted",
        model="none",
        published="8 of 40 attributes of 202,599 images (CelebA)",
        ours=f"{len(names)} of {binary} attributes of {len(data):,} images",
    )


def displaced(picture: NDArray[np.uint8], eyes: Eyes, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Eyes]:
    """Turn, shift and enlarge a picture about its centre at random; return it and where its eyes are then, exactly."""
    height, width = picture.shape[:2]
    centre = complex((width - 1) / 2, (height - 1) / 2)
    turn = np.exp(1j * np.radians(rng.uniform(-20, 20))) * rng.uniform(0.8, 1.2)
    shift = complex(rng.uniform(-0.06, 0.06) * width, rng.uniform(-0.06, 0.06) * height)
    moved = [turn * (complex(*eye) - centre) + centre + shift for eye in eyes]
    there: Eyes = ((moved[0].real, moved[0].imag), (moved[1].real, moved[1].imag))
    # Aligning the source eyes to the moved places is the same motion, done by the code under test's own resampling.
    targets = Convention(
        ((there[0][0] + 0.5) / width, (there[0][1] + 0.5) / height),
        ((there[1][0] + 0.5) / width, (there[1][1] + 0.5) / height),
    )
    return align(picture, eyes, (height, width, picture.shape[2]), targets), there


def eye_error(eyes: Eyes, shape: tuple[int, int], convention: Convention) -> float:
    """Mean distance of two eyes from the places of a framing, in share of its eye distance; shape is (H, W)."""
    targets = convention.in_pixels(*shape)
    apart = abs(complex(*targets[0]) - complex(*targets[1]))
    return float(np.mean([abs(complex(*e) - complex(*t)) for e, t in zip(eyes, targets, strict=True)])) / apart


def places_after(process: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], eyes: Eyes, shape: tuple[int, int]) -> Eyes:
    """Where eyes come to lie, measured: a soft dot at each goes through `process`, and its centre of mass is taken.

    Parameters
    ----------
    process : takes a picture uint8 (h, w, 3) and returns one of any size.
    shape : (h, w) of the picture that the eyes are in. A dot that the process cuts off gives NaN.
    """
    height, width = shape
    y, x = np.mgrid[:height, :width]
    spread = max(width / 40, 1.5)
    dots = [255 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * spread**2)) for a, b in eyes]
    mask = np.rint(np.stack([*dots, np.zeros(shape)], axis=2)).astype(np.uint8)
    moved = process(mask).astype(np.float64)
    rows, columns = np.mgrid[: moved.shape[0], : moved.shape[1]]
    found = []
    for channel in (0, 1):
        weight = moved[..., channel]
        total = weight.sum()
        found.append(
            (float((columns * weight).sum() / total), float((rows * weight).sum() / total)) if total else _LOST
        )
    return found[0], found[1]


def _variation(images: NDArray[np.uint8]) -> float:
    """Standard deviation of a pixel over the images, root mean square over the pixels, grey levels."""
    grey = recolour(images, 1)[..., 0].astype(np.float64)
    return float(np.sqrt(grey.var(axis=0).mean()))


def _moved(data: ImageSet, own: bool, count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Floats]:
    """Crop and align seeded pictures of a data set, displaced first unless they are its own.

    Returns
    -------
    before, after : uint8 (n, 64, 64, 3) ; errors : float64 (n, 2), how far the eyes are from their places in each.
    """
    convention, shape = convention_of(data.spec), (_ALIGNED, _ALIGNED, 3)
    rng = np.random.default_rng(0)
    before, after, errors = [], [], []
    for index in rng.permutation(len(data))[:count]:
        picture, eyes = data.picture(int(index)), suggest_eyes(data, int(index))
        if eyes is None:
            continue
        if not own:
            picture, eyes = displaced(picture, eyes, rng)
        before.append(recolour(cover(picture, shape[:2]), 3))
        after.append(align(picture, eyes, shape, convention))
        ways = (lambda p: cover(p, shape[:2]), lambda p, e=eyes: align(p, e, shape, convention))
        places = [places_after(way, eyes, picture.shape[:2]) for way in ways]
        errors.append([eye_error(there, shape[:2], convention) for there in places])
    if not errors:
        raise UserError(f"{data.title} does not say where the eyes are; there is nothing to align by.")
    return np.stack(before), np.stack(after), np.array(errors)


def alignment(lab: GlowLab) -> Finding:
    """S1-F4."""
    # The workspace's own handle keeps pictures in memory and does not pass on where the eyes are.
    source = lab.workspace.raw_dataset(lab.data.spec)
    own = suggest_eyes(source, 0) is not None and lab.real_faces
    data = source if own else lab.workspace.raw_dataset(_DISPLACED)
    loose, tight, errors = _moved(data, own, lab.some(200, 24))
    error: Floats = np.nanmean(errors, axis=0)
    spread = _variation(loose), _variation(tight)
    count = min(8, len(loose))
    means = np.stack([np.rint(stack.mean(axis=0)).astype(np.uint8) for stack in (loose, tight)])
    labels = tuple(f"{word}" for word in ("before", "after") for _ in range(count))
    table = Table(
        ("", "eyes from their places, % of the eye distance", "variation of a pixel, grey levels"),
        (("before", 100 * float(error[0]), spread[0]), ("after", 100 * float(error[1]), spread[1])),
    )
    motions = "with known eyes, turned by up to 20 degrees, enlarged by 0.8 to 1.2 and shifted by up to 6 %"
    origin = f"{data.title}, by their landmarks" if own else f"{data.title} {motions}"
    if lab.real_faces and not own:
        origin += f", since no landmarks of the eyes are known of {lab.data.title}"
    return Finding(
        verdict=verdict_of(float(error[1]) < 0.01, spread[1] < spread[0]),
        sentence=(
            f"A similarity transform brings the eyes from {100 * error[0]:.1f} % of their distance off their places to "
            f"{100 * error[1]:.2g} %, and the variation of a pixel over the images from {spread[0]:.1f} to "
            f"{spread[1]:.1f} grey levels."
        ),
        plates=(
            Plate(picture_grid(np.concatenate([loose[:count], tight[:count]]), count, labels)),
            Plate(picture_grid(means, 2, ("mean before", "mean after"))),
            Plate(table),
        ),
        split="all images",
        n=f"{len(loose)} images: {origin}",
        model="none",
        published="figure only",
        ours=f"{100 * error[0]:.1f} % to {100 * error[1]:.2g} % of the eye distance",
    )


ENTRIES = (
    Entry(
        "S1-F3",
        "Sample images with attributes",
        "Every image has 40 binary attributes.",
        "Seeded choice among the images of which all of these attributes are known, and how many images are labelled.",
        browser,
    ),
    Entry(
        "S1-F4",
        "Before and after alignment by the eyes",
        "Aligned faces have their eyes at the same places.",
        "Similarity transform by two eyes; where dots at the eyes come to lie, and how much pixels vary.",
        alignment,
    ),
)

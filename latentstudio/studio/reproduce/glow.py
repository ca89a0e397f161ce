"""The table of experiments on the latent space of Glow (group S1), in the order of the publication's list.

Each file on a topic holds the entries that it computes as `ENTRIES`; a new topic is one file and one place in
`_TOPICS`. An entry of the list that no topic holds is named in the report as not written yet.
"""

from collections.abc import Callable
from typing import Any

from latentstudio.errors import UserError
from latentstudio.studio.reproduce import (
    glow_attributes,
    glow_browser,
    glow_claims,
    glow_corruption,
    glow_criteria,
    glow_denoise,
    glow_local,
    glow_midpoints,
    glow_model,
    glow_moments,
    glow_paths,
    glow_placed,
    glow_prior,
    glow_projections,
    glow_prototypes,
    glow_scan,
    glow_specular,
)
from latentstudio.studio.reproduce.entry import Entry
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.page import Facts

_TOPICS: tuple[Any, ...] = (
    glow_model,
    glow_denoise,
    glow_browser,
    glow_prior,
    glow_moments,
    glow_paths,
    glow_midpoints,
    glow_prototypes,
    glow_attributes,
    glow_specular,
    glow_projections,
    glow_corruption,
    glow_placed,
    glow_local,
    glow_criteria,
    glow_scan,
    glow_claims,
)

PUBLISHED: dict[str, str] = {
    "S1-T1": "Actnorm, 1x1 convolution and coupling with inverse and log-determinant",
    "S1-F1": "Auto-encoders, and denoising with one",
    "S1-F2": "The step of flow and the multi-scale architecture",
    "S1-F3": "Sample images with attributes",
    "S1-F4": "Before and after alignment by the eyes",
    "S1-F5": "Norm of the mean against repeats of a true Gaussian",
    "S1-F6": "Norms of codes against the normal law",
    "S1-F7": "Projections on the line through the mean",
    "S1-X1": "The flow is biased, to one hemisphere",
    "S1-F8": "Linear transition between two images",
    "S1-F9": "Norm-preserving transition",
    "S1-X2": "Norm-preserving transitions look worse",
    "S1-F10": "Norms along both paths",
    "S1-F11": "Prototypes: bald, smiling, moustache, glasses",
    "S1-F12": "Opposite prototypes",
    "S1-X3": "Opposites of rare classes look alike",
    "S1-F13": "Male and female prototypes",
    "S1-F14": "Adding a smile",
    "S1-F15": "Adding a moustache",
    "S1-F16": "Adding age",
    "S1-X4": "Removing a feature again",
    "S1-X5": "The best strength is hard to find",
    "S1-F17": "Specular images at half the length",
    "S1-X6": "Specular images at full length are corrupted",
    "S1-F18": "Smile in pixels: opposite and zero projections",
    "S1-F19": "Smile in codes: opposite and zero projections",
    "S1-F20": "Eyeglasses in pixels: opposite and zero projections",
    "S1-F21": "Eyeglasses in codes: opposite and zero projections",
    "S1-X7": "Codes discriminate better than pixels",
    "S1-X8": "Codes are still correlated and not normal",
    "S1-F22": "Corrupting one component",
    "S1-F23": "Corrupting many components",
    "S1-X9": "Corruptions add up",
    "S1-F24": "A failed smile, placed in image coordinates",
    "S1-F25": "Adding a single person against adding a smile",
    "S1-F26": "Norms of a single person and of a smile",
    "S1-F27": "Eyeglasses: local, not unique",
    "S1-F28": "Moustache: local, fairly unique",
    "S1-F29": "Removing glasses",
    "S1-F30": "Hair colours keep the shape",
    "S1-X10": "What makes a feature work",
    "S1-F31": "Where Glow works: quality against the norm",
    "S1-X11": "The mean of half of a normal law, and crossing the plane",
    "S1-X12": "Codes are unique up to a rotation",
    "S1-X13": "The likelihood of a finite sample has no bound",
    "S1-X14": "Any division of fewer images than dimensions is separable",
}
"""Every published entry in order; titles in our words."""

ENTRIES: tuple[Entry, ...] = tuple(
    sorted((e for topic in _TOPICS for e in topic.ENTRIES), key=lambda e: list(PUBLISHED).index(e.id))
)


def unwritten() -> tuple[tuple[str, str], ...]:
    """Published entries, id and title, that no topic computes yet."""
    written = {e.id for e in ENTRIES}
    return tuple((id, title) for id, title in PUBLISHED.items() if id not in written)


def facts(lab: GlowLab, warning: str, seconds: float) -> Facts:
    """Return the head of the report."""
    from latentstudio.training.scores import hardware

    machine = hardware(1)
    missing = unwritten()
    steps = lab.info.training.get("steps")
    return Facts(
        title=f"The latent space of Glow on {lab.data.title}: the experiments repeated",
        lead=(
            "Figures, tables and findings of a study of Glow's latent space, computed again: our number beside the "
            "published one, and for each claim whether it held on our run. Claims of the text that are wrong as "
            "printed are shown beside the correct form. The study used colour pictures of 256 x 256 px; ours are "
            f"{lab.info.image_shape[2]} x {lab.info.image_shape[1]} px with {lab.info.latent_size:,} components."
        ),
        warning=warning,
        data=f"{lab.data.title} ({lab.spec}), {len(lab.data):,} images, digest {lab.data.digest[:12]}",
        model=f"{lab.words()}, digest {lab.info.digest[:12]}" + (f", {steps:,} training steps" if steps else ""),
        split=_or(lambda: lab.split_words),
        n=_or(lambda: lab.n_words),
        photo="",
        seconds=seconds,
        machine=f"{machine['processor']}, {machine['cores']} cores" + (", quick" if lab.quick else ""),
        unwritten=", ".join(f"{id} ({title})" for id, title in missing),
    )


def _or(words: Callable[[], str]) -> str:
    """Words about the data, or the sentence that says why there are none."""
    try:
        return words()
    except UserError as error:
        return str(error)

"""A judge of edited pictures without any flow: logistic regression on their edges and colours, tested on unseen ones.

Edges are counted by orientation in squares, as in histograms of oriented gradients (Dalal and Triggs, 2005). On faces
they tell a smile or eyeglasses far better than pixels do, whose brightness differs more from face to face.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.prepare import fit
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.errors import UserError
from latentstudio.stats.directions import auc_of, estimate
from latentstudio.stats.pictures import halved_sides
from latentstudio.studio.reproduce.bench import Floats

if TYPE_CHECKING:
    from latentstudio.studio.reproduce.glow_lab import GlowLab

LEAST_AUC = 0.6
"""Area under the ROC curve, on held-out images, below which a classifier judges nothing."""

_EDGE = 32
_SQUARES, _ORIENTATIONS = 16, 8


@dataclass(frozen=True)
class Judge:
    """A linear score of a picture: 0 for the average held-out picture without the attribute, 1 for that with it.

    Attributes
    ----------
    words : of the attribute.
    normal : float64 (F,) ; low, high : raw scores of both averages.
    auc : area under the ROC curve of the held-out pictures ; counts : of these, with and without.
    fitting : share of the held-out pictures with the attribute that score 0.5 to 1.5.
    """

    words: str
    normal: Floats
    low: float
    high: float
    auc: float
    counts: tuple[int, int]
    fitting: float = float("nan")

    def scores(self, images: NDArray[np.float32]) -> Floats:
        """Scores (n,) of images (n, C, H, W); pixels are clipped, not finite ones mid-grey. NaN where it cannot see."""
        if not self.high > self.low:
            return np.full(len(images), np.nan)
        found: Floats = (seen(images) @ self.normal - self.low) / (self.high - self.low)
        return found

    @property
    def sees(self) -> bool:
        """Whether it tells the classes apart at all."""
        return bool(self.auc >= LEAST_AUC and self.high > self.low)

    @property
    def sentence(self) -> str:
        """What its numbers mean."""
        return (
            f"The score is that of a classifier of pictures (AUC {self.auc:.2f} on held-out images): 0 is the average "
            f"face without, 1 the average face with {self.words}."
        )


def seen(images: NDArray[np.float32]) -> Floats:
    """Features (n, F) of images (n, C, H, W): edges by orientation, and colours at half the weight."""
    return np.concatenate([edges(images), 0.5 * reduced(images)], axis=1)


def edges(images: NDArray[np.float32]) -> Floats:
    """Gradients of the mean over channels, counted by orientation in squares: root of their sums, (n, F).

    There are eight orientations, a gradient between two counting for both; squares are 4 px wide, or a sixteenth of the
    picture where that is more.
    """
    grey = _shown(images).mean(axis=1)
    n, height, width = grey.shape
    down, across = np.gradient(grey, axis=(1, 2))
    length = np.hypot(across, down)
    turn = np.arctan2(down, across) % (2 * np.pi) / (2 * np.pi) * _ORIENTATIONS
    first = np.floor(turn).astype(np.int64)
    rest = turn - first
    edge = min(max(4, max(height, width) // _SQUARES), height, width)
    h, w = height // edge, width // edge
    counts = np.zeros((n, _ORIENTATIONS, h, w))
    for k in range(_ORIENTATIONS):
        part = (first % _ORIENTATIONS == k) * (1 - rest) + ((first + 1) % _ORIENTATIONS == k) * rest
        cut = (length * part)[:, : h * edge, : w * edge].reshape(n, h, edge, w, edge)
        counts[:, k] = cut.sum(axis=(2, 4))
    return np.asarray(np.sqrt(counts).reshape(n, -1), dtype=np.float64)


def _shown(images: NDArray[np.float32]) -> Floats:
    """Clip to [-1, 1]; what is not finite becomes mid-grey, or the end of the range."""
    shown: Floats = np.nan_to_num(images.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
    return shown


def reduced(images: NDArray[np.float32]) -> Floats:
    """Flatten images (n, C, H, W), clipped to [-1, 1], each side averaged in pairs while longer than 32: (n, F)."""
    return halved_sides(_shown(images), _EDGE).reshape(len(images), -1)


def judged(lab: "GlowLab", labels: Floats, words: str, limit: int) -> Judge:
    """Fit to images that the model was trained on, at most `limit`, as many of each class as there are; test on others.

    Parameters
    ----------
    labels : (N,) of the data set, 1, 0, or NaN where it is not known.

    Raises
    ------
    UserError
        A class has no image on one of the two sides.
    """
    rows, present = _balanced(labels, ~lab.held_out, limit)
    tested, truth = _balanced(labels, lab.held_out, limit)
    if len(np.unique(present)) < 2 or len(np.unique(truth)) < 2:
        raise UserError(f"{lab.data.title} has too few images that are {words} for a classifier of pictures.")
    normal = estimate(_rows(lab, rows), present, "logistic")[0]
    return measured(words, normal, _rows(lab, tested), truth)


def measured(words: str, normal: Floats, pictures: Floats, present: NDArray[np.bool_]) -> Judge:
    """Set the scale of a normal (F,) by features of pictures (n, F) that it was not fitted to."""
    raw = pictures @ normal
    ends = float(raw[~present].mean()), float(raw[present].mean())
    counts = int(present.sum()), int((~present).sum())
    reach = (ends[1] - ends[0]) / 2
    fitting = float((np.abs(raw[present] - ends[1]) < reach).mean())
    return Judge(words, normal, *ends, auc_of(raw, present), counts, fitting)


def _balanced(labels: Floats, among: NDArray[np.bool_], limit: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of `among` whose label is known, seeded, at most half of the limit of each class; and who has it."""
    generator = np.random.default_rng(5)
    half = max(limit // 2, 1)
    sides = [generator.permutation(np.flatnonzero((labels == value) & among))[:half] for value in (1.0, 0.0)]
    rows = np.sort(np.concatenate(sides)).astype(np.int64)
    return rows, np.asarray(labels[rows] == 1.0)


def _rows(lab: "GlowLab", rows: NDArray[np.int64]) -> Floats:
    pixels, kept = read_images(lab.data, rows, Unreadable())
    if not kept.all():
        raise UserError(f"Some of the images of {lab.data.title} cannot be read.")
    return seen(fit(pixels, lab.info.image_shape))

"""Which images a training run leaves out: seeded, by rules that the training record names."""

import math

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError

RULES = ("per_identity", "by_identity", "random", "published", "none")


def held_out_mask(data: ImageSet, rule: str, share: float, seed: int) -> NDArray[np.bool_]:
    """Return bool (N,), True where an image is held out; the same arguments always give the same mask.

    Parameters
    ----------
    rule : ``per_identity`` holds out a share of every person's images (known persons, new pictures), ``by_identity`` a
        share of the persons with all their images (new persons), ``random`` a share of the images, ``published`` the
        validation and test images of the data set, ``none`` nothing.
    share : part held out, 0 to 1 exclusive; counts are rounded half up.
    seed : non-negative.

    Raises
    ------
    UserError
        Unknown rule, share outside [0, 1), or the data set lacks the persons or the split that the rule needs.
    """
    size = len(data)
    if rule not in RULES:
        raise UserError(f"There is no split rule '{rule}'; one of {', '.join(RULES)} would do.")
    if not (math.isfinite(share) and 0.0 <= share < 1.0):
        raise UserError(f"The held-out share {share} is not accepted; a number from 0 to below 1 would do.")
    if seed < 0:
        raise UserError(f"The split seed {seed} is not accepted; a whole number from 0 would do.")
    if rule == "none":
        return np.zeros(size, dtype=bool)
    if rule == "published":
        if data.splits is None:
            raise UserError(f"{data.title} was published without a split; the rule random or per_identity would do.")
        published: NDArray[np.bool_] = data.splits != 0
        return published
    generator = np.random.default_rng(seed)
    if rule == "random":
        return _last_of_groups(np.zeros(size, dtype=np.int64), share, generator)
    identity = data.attributes.identity
    if identity is None:
        raise UserError(f"{data.title} names no persons, so the rule {rule} does not apply; random would do.")
    if rule == "per_identity":
        return _last_of_groups(identity, share, generator)
    # An image of an unknown person is a person of its own: nothing says that two of them are the same.
    persons = np.where(identity < 0, identity.max(initial=-1) + 1 + np.arange(size), identity)
    known, member = np.unique(persons, return_inverse=True)
    chosen: NDArray[np.bool_] = _last_of_groups(np.zeros(len(known), dtype=np.int64), share, generator)[member]
    return chosen


def _last_of_groups(groups: NDArray[np.int64], share: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Shuffle every group by itself and mark the last `share` of it."""
    mask = np.zeros(len(groups), dtype=bool)
    if not len(groups):
        return mask
    order = np.lexsort((generator.random(len(groups)), groups))
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    rank = np.arange(len(groups)) - np.repeat(starts, counts)
    kept = counts - np.floor(share * counts + 0.5).astype(np.int64)
    mask[order] = rank >= np.repeat(kept, counts)
    return mask

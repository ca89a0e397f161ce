"""A sentence about how strong an edit should be, only as far as what was measured supports one."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_GAIN = 10.0
"""Points by which the classifier's answer must rise for a strength to be recommended."""
LEAST_AUC = 0.6
SATURATED = 0.9
"""Share of the whole rise at which more strength brings little."""
LEFT = 0.1
"""Further share of the faces outside the data set at which an edit counts as having left it."""


def advice(strengths: Floats, mean: Floats, low: Floats, high: Floats, outside: Floats, auc: float) -> str:
    """Say which strengths above 0 are worth their price.

    Parameters
    ----------
    strengths : ascending, 0 among them ; mean, low, high : the classifier's answer in %, with its interval.
    outside : share of the faces outside the range of the data set ; auc : of the classifier, on held-out images.
    """
    if not auc >= LEAST_AUC:
        return f"No strength is recommended: the classifier hardly knows the attribute (AUC {auc:.2f})."
    zero = int(np.flatnonzero(strengths == 0)[0])
    above = np.arange(zero, len(strengths))
    above = above[np.isfinite(mean[above])]
    if len(above) < 2:
        return "No strength is recommended: none above 0 was measured."
    top = int(above[np.argmax(mean[above])])
    gain = float(mean[top] - mean[zero])
    left = [int(k) for k in above[1:] if outside[k] > outside[zero] + LEFT]
    gone = f"from {strengths[left[0]]:g} on codes leave the range of the data set" if left else ""
    if gain < LEAST_GAIN or low[top] <= high[zero]:
        how = f"only {gain:.0f} points" if low[top] > high[zero] else f"{gain:.0f} points, within its interval"
        sentence = f"No strength is recommended: the classifier's answer rises by {how}"
        return f"{sentence}; {gone}." if gone else f"{sentence}."
    enough = next(int(k) for k in above if mean[k] >= mean[zero] + SATURATED * gain)
    rise = f"the answer rises from {mean[zero]:.0f} to {mean[top]:.0f} %"
    rise += f", {SATURATED:.0%} of it by {strengths[enough]:g}"
    if left and left[0] <= enough:
        before = strengths[left[0] - 1]
        if before <= 0:
            return f"No strength is inside the data set: {rise}, and {gone}."
        return f"Up to about {before:g}: {rise}, but {gone}."
    still = " and still rises at the end" if enough == above[-1] else ""
    if gone:
        return f"About {strengths[enough]:g}: {rise}{still}; {gone}."
    return f"About {strengths[enough]:g}: {rise}{still}; all strengths stay within the range of the data set."

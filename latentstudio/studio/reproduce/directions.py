"""Attributes as directions of the latent space, and as linear classifiers of PCA scores."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.figures.recipe import CodeInput
from latentstudio.studio.reproduce.entry import Plate
from latentstudio.studio.reproduce.lab import Floats, Lab

_FACES = 4
_STRENGTHS = (0.0, 0.5, 1.0, 1.5)


def classifier(lab: Lab, name: str) -> tuple[Any, float]:
    """Return a logistic regression of an attribute on PCA scores, and its AUC on held-out images.

    It is fitted to training images whose attribute is known.
    """

    def make() -> tuple[Any, float]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score

        values = lab.attribute(name)
        known = np.isfinite(values)
        seen, unseen = known & ~lab.held_out, known & lab.held_out
        fitted = LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced")
        fitted.fit(lab.scores[seen], values[seen] > 0.5)
        both = len(np.unique(values[unseen] > 0.5)) == 2
        auc = roc_auc_score(values[unseen] > 0.5, fitted.decision_function(lab.scores[unseen])) if both else np.nan
        return fitted, float(auc)

    return lab.once(f"classifier {name}", make)


def probability(lab: Lab, name: str, pictures: NDArray[np.uint8]) -> Floats:
    """Probability of an attribute for pictures uint8 (n, H, W, C), float64 (n,)."""
    from latentstudio.data.prepare import fit

    model = lab.model()
    with torch.inference_mode():
        scores = model.pca_encode(torch.from_numpy(fit(pictures, model.image_shape))).double().numpy()
    values: Floats = classifier(lab, name)[0].predict_proba(scores / np.sqrt(model.variances))[:, 1]
    return values


def direction_plates(lab: Lab) -> tuple[tuple[Plate, ...], int, int, float]:
    """Add the mean difference of codes with and without eyeglasses to faces without.

    Returns
    -------
    A grid of faces by strengths, how many faces got glasses at full strength or more, of how many, and the held-out AUC
    of the classifier that judges it.
    """
    values = lab.attribute("eyeglasses")
    model = lab.model()
    with torch.inference_mode():
        codes = model.encode(lab.images[lab.seen]).double().numpy()
    worn = values[lab.seen]
    direction = codes[worn == 1].mean(axis=0) - codes[worn == 0].mean(axis=0)
    without = np.flatnonzero(worn == 0)
    chosen = without[np.linspace(0, len(without) - 1, _FACES).astype(int)]
    rows = [codes[i] + s * direction for i in chosen for s in _STRENGTHS]
    labels = [f"{lab.data.image_id(int(lab.seen[i]))}, strength {s:g}" for i in chosen for s in _STRENGTHS]
    inputs = tuple(
        CodeInput.of(row.astype(np.float32), label, "z + strength x (mean with - mean without glasses)")
        for row, label in zip(rows, labels, strict=True)
    )
    recipe = lab.recipe("reconstruct", images=inputs, columns=len(_STRENGTHS))
    pictures = lab.decoded(torch.from_numpy(np.array(rows, dtype=np.float32)))
    wearing = probability(lab, "eyeglasses", pictures).reshape(_FACES, len(_STRENGTHS))
    added = int((wearing[:, 2:].max(axis=1) > 0.5).sum())
    return (Plate(recipe, "Direction of eyeglasses."),), added, _FACES, classifier(lab, "eyeglasses")[1]

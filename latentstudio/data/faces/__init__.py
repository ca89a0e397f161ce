"""An embedded set of procedural faces whose factors are known.

Image ``k`` is drawn from ``draw_factors([k])`` and depends on ``k`` alone. Change one factor with
``dataclasses.replace`` and draw again to see what that factor does with all else fixed.
"""

from latentstudio.data.faces.attributes import ATTRIBUTE_NAMES, FACTOR_NAMES, binary_attributes, continuous_factors
from latentstudio.data.faces.factors import Factors, draw_factors, identity_of
from latentstudio.data.faces.render import eye_positions, render

__all__ = [
    "ATTRIBUTE_NAMES",
    "FACTOR_NAMES",
    "Factors",
    "binary_attributes",
    "continuous_factors",
    "draw_factors",
    "eye_positions",
    "identity_of",
    "render",
]

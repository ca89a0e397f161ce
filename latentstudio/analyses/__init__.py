"""Analyses: a data set under a model to plots and tables. `ANALYSES` is the table; each is one file and one line."""

from typing import Any

from latentstudio.analyses.additivity import Additivity
from latentstudio.analyses.attribute_leak import AttributeLeak
from latentstudio.analyses.components import Components
from latentstudio.analyses.dose_response import DoseResponse
from latentstudio.analyses.edit_curve import EditCurve
from latentstudio.analyses.gaussianity import Gaussianity
from latentstudio.analyses.half_space import HalfSpace
from latentstudio.analyses.likelihood import Likelihood
from latentstudio.analyses.norms import Norms
from latentstudio.analyses.sensitivity import Sensitivity
from latentstudio.analyses.separability import Separability
from latentstudio.analyses.training import Training
from latentstudio.analyses.unbounded_likelihood import UnboundedLikelihood
from latentstudio.analyses.uniqueness import Uniqueness

ANALYSES: dict[str, type[Any]] = {
    "likelihood": Likelihood,
    "norms": Norms,
    "gaussianity": Gaussianity,
    "components": Components,
    "sensitivity": Sensitivity,
    "dose_response": DoseResponse,
    "additivity": Additivity,
    "attribute_leak": AttributeLeak,
    "edit_curve": EditCurve,
    "training": Training,
    "separability": Separability,
    "half_space": HalfSpace,
    "uniqueness": Uniqueness,
    "unbounded_likelihood": UnboundedLikelihood,
}

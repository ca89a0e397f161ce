"""Analyses: a data set under a model to plots and tables. `ANALYSES` is the table; each is one file and one line."""

from typing import Any

from latentstudio.analyses.additivity import Additivity
from latentstudio.analyses.attribute_leak import AttributeLeak
from latentstudio.analyses.components import Components
from latentstudio.analyses.dose_response import DoseResponse
from latentstudio.analyses.edit_curve import EditCurve
from latentstudio.analyses.edit_map import EditMap
from latentstudio.analyses.feature_sheet import FeatureSheet
from latentstudio.analyses.gaussianity import Gaussianity
from latentstudio.analyses.half_space import HalfSpace
from latentstudio.analyses.likelihood import Likelihood
from latentstudio.analyses.norm_table import NormTable
from latentstudio.analyses.norms import Norms
from latentstudio.analyses.projections import Projections
from latentstudio.analyses.prototypes import Prototypes
from latentstudio.analyses.sensitivity import Sensitivity
from latentstudio.analyses.separability import Separability
from latentstudio.analyses.training import Training
from latentstudio.analyses.unbounded_likelihood import UnboundedLikelihood
from latentstudio.analyses.uniqueness import Uniqueness

ANALYSES: dict[str, type[Any]] = {
    "likelihood": Likelihood,
    "norms": Norms,
    "gaussianity": Gaussianity,
    "projections": Projections,
    "components": Components,
    "sensitivity": Sensitivity,
    "dose_response": DoseResponse,
    "additivity": Additivity,
    "attribute_leak": AttributeLeak,
    "edit_curve": EditCurve,
    "prototypes": Prototypes,
    "norm_table": NormTable,
    "feature_sheet": FeatureSheet,
    "edit_map": EditMap,
    "training": Training,
    "separability": Separability,
    "half_space": HalfSpace,
    "uniqueness": Uniqueness,
    "unbounded_likelihood": UnboundedLikelihood,
}

"""Analyses: a data set under a model to plots and tables. `ANALYSES` is the table; each is one file and one line."""

from typing import Any

from latentstudio.analyses.components import Components
from latentstudio.analyses.gaussianity import Gaussianity
from latentstudio.analyses.likelihood import Likelihood
from latentstudio.analyses.norms import Norms
from latentstudio.analyses.training import Training

ANALYSES: dict[str, type[Any]] = {
    "likelihood": Likelihood,
    "norms": Norms,
    "gaussianity": Gaussianity,
    "components": Components,
    "training": Training,
}

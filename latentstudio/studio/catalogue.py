"""What there is to work with, as plain data: models on disk, datasets that are open, and what would not open."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.models.library import ModelInfo, scan_models
from latentstudio.studio.requests import DatasetFacts


@dataclass(frozen=True)
class Catalogue:
    """Models and datasets that a document may refer to. Never changed in place: `with_...` return a new one.

    Attributes
    ----------
    models : by the name that documents use.
    datasets : by specification, those that the engine has opened.
    problems : specification of a dataset, or folder of a model, that would not open, with the sentence that says why.
    """

    models: Mapping[str, ModelInfo] = field(default_factory=dict)
    datasets: Mapping[str, DatasetFacts] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def scan() -> "Catalogue":
        """Describe the models on disk; reads their weights once for the digest, without importing torch."""
        found, broken = scan_models()
        return Catalogue(models=found, problems=broken)

    def rescanned(self) -> "Catalogue":
        """Look for models again and keep the datasets, and the models that were opened by path."""
        found, broken = scan_models()
        by_path = {name: info for name, info in self.models.items() if name == info.path and name not in found}
        problems = {spec: why for spec, why in self.problems.items() if spec not in broken}
        return replace(self, models={**found, **by_path}, problems={**problems, **broken})

    def with_model(self, info: ModelInfo, name: str = "") -> "Catalogue":
        """Add a model; `name` is what documents call it (a path for models outside the model folders)."""
        return replace(self, models={**self.models, name or info.name: info})

    def with_dataset(self, facts: DatasetFacts, spec: str = "") -> "Catalogue":
        """Add a dataset under its own specification, and under the one it was asked for by, if that was another."""
        names = {facts.spec, spec} - {""}
        problems = {key: why for key, why in self.problems.items() if key not in names}
        return replace(self, datasets={**self.datasets, **dict.fromkeys(names, facts)}, problems=problems)

    def with_problem(self, spec: str, sentence: str) -> "Catalogue":
        """Note that a dataset would not open."""
        return replace(self, problems={**self.problems, spec: sentence})

    def model_ref(self, name: str, snapshot: int | None = None) -> ModelRef:
        """Refer to a model as it is now, with its digest where it is known."""
        info = self.models.get(name)
        return ModelRef(name=name, digest=info.digest if info else "", snapshot=snapshot)

    def data_ref(self, spec: str) -> DataRef:
        """Refer to a dataset as it is now, with its digest where it is known."""
        facts = self.datasets.get(spec)
        return DataRef(spec=facts.spec if facts else spec, digest=facts.digest if facts else "")

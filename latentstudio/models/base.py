"""What every trained model offers: pictures to codes, codes to pictures, and how likely both are."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from latentstudio.models.priors import Prior


class Ability(StrEnum):
    """What a model can do. Declared by the family, proved by the conformance test."""

    ENCODE = "encode"
    DECODE = "decode"
    SAMPLE = "sample"
    LOG_PROB = "log_prob"


@dataclass(frozen=True)
class LatentSpace:
    """The space of flat codes (N, size).

    Attributes
    ----------
    parts : name to (start, stop), e.g. ``{"level_1": (0, 6144), ...}``; they cover the code without overlap.
    prior : the declared distribution of codes.
    """

    size: int
    parts: Mapping[str, tuple[int, int]]
    prior: Prior


@runtime_checkable
class LatentModel(Protocol):
    """A trained model. Families are `torch.nn.Module` classes that satisfy this protocol.

    Images are float32 (N, C, H, W) in [-1, 1]; codes are float32 (N, D), always flat. No method changes the model or
    draws random numbers; all run under ``torch.inference_mode`` when called by the program.
    """

    family: ClassVar[str]
    image_shape: tuple[int, int, int]
    space: LatentSpace
    abilities: frozenset[Ability]

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes (N, D) of images (N, C, H, W); deterministic."""
        ...

    def decode(self, codes: Tensor) -> Tensor:
        """Return images (N, C, H, W) of codes (N, D); not clipped."""
        ...

    def log_prob(self, images: Tensor) -> Tensor:
        """Return the log-density in nats per image, float64 (N,), in the space that the family documents."""
        ...

    def code_log_prob(self, codes: Tensor) -> Tensor:
        """Return the same log-density for the pictures that `codes` (N, D) decode to, float64 (N,)."""
        ...


class Family(Protocol):
    """The class side of a model family, as the `FAMILIES` table holds it."""

    family: ClassVar[str]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> nn.Module:
        """Build the network with untrained weights from the ``config`` object of ``config.json``."""
        ...

    @classmethod
    def tiny(cls) -> nn.Module:
        """Build the smallest useful network with seeded random weights, for the conformance test."""
        ...

    def config(self) -> dict[str, Any]:
        """Return the JSON object that `from_config` accepts."""
        ...

"""What a recipe may say of the family ``glow``: the shape of the network and the objective of its training."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from latentstudio.errors import UserError
from latentstudio.nn.glow import GlowShape


class GlowConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shapes the network.

    Attributes
    ----------
    image_shape : (C, H, W) in px; H and W are divisible by 2 to the number of levels.
    levels, steps : L scales with K steps of flow each.
    width : channels inside the coupling networks.
    n_bits : bits per pixel value that the density speaks of, 1 to 8; see `latentstudio.models.glow`.
    coupling : see `latentstudio.nn.glow_coupling` for the formulas.
    split_prior : prior of what a level splits off: ``conditional`` on the half that goes on, learned per ``channel`` or
        per ``pixel``, or ``none``, which is N(0, I).
    top_prior : prior of what remains at the top.
    edge : what the zero-initialised convolutions see beyond the border of the picture.
    limit : largest magnitude of h in ``sigmoid(h + 2)``. Near 1 even codes five times too long decode to numbers that
        float32 holds; at 6 a deep model may overflow from two or three times on, and fits a little better.
    prior_limit : largest magnitude of the log standard deviation of conditional priors.
    """

    image_shape: tuple[int, int, int]
    levels: int
    steps: int
    width: int = 512
    n_bits: int = 8
    coupling: Literal["affine", "additive"] = "affine"
    split_prior: Literal["conditional", "channel", "pixel", "none"] = "conditional"
    top_prior: Literal["channel", "pixel", "none"] = "channel"
    edge: Literal["zeros", "ones"] = "zeros"
    limit: float = 6.0
    prior_limit: float = 6.0

    @property
    def shape(self) -> GlowShape:
        """The shape of the flow."""
        return GlowShape(
            self.image_shape,
            self.levels,
            self.steps,
            self.width,
            self.coupling,
            self.split_prior,
            self.top_prior,
            self.edge,
            self.limit,
            self.prior_limit,
        )


class GlowObjective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How training disturbs its inputs.

    Attributes
    ----------
    dequantise : spread every pixel value evenly over its bin of the `n_bits` scale, which makes the loss a bound for
        the discrete likelihood. Without it the density grows without limit on the grid of pixel values, so every recipe
        for pictures should say true.
    """

    dequantise: bool = False


def read_glow_config(config: Mapping[str, Any]) -> GlowConfig:
    """Check a configuration.

    Raises
    ------
    UserError
        A field is missing, unknown or out of range.
    """
    try:
        read = msgspec.convert(dict(config), GlowConfig)
    except msgspec.ValidationError as error:
        raise UserError(f"The configuration of a glow model is not valid: {error}.") from error
    limits = {
        "image_shape": (
            read.image_shape[0] in (1, 3) and max(read.image_shape) <= 1024,
            "1 or 3 channels, up to 1024 px",
        ),
        "levels": (1 <= read.levels <= 8, "1 to 8"),
        "steps": (1 <= read.steps <= 256, "1 to 256"),
        "width": (1 <= read.width <= 4096, "1 to 4096"),
        "n_bits": (1 <= read.n_bits <= 8, "1 to 8"),
        "limit": (0 < read.limit <= 60, "above 0, up to 60"),
        "prior_limit": (0 < read.prior_limit <= 60, "above 0, up to 60"),
    }
    for name, (valid, accepted) in limits.items():
        if not valid:
            raise UserError(f"glow has {name} = {getattr(read, name)}; accepted are {accepted}.")
    _, height, width = read.image_shape
    divisor = 2**read.levels
    if min(height, width) < divisor or height % divisor or width % divisor:
        raise UserError(
            f"glow with {read.levels} levels needs a height and a width that {divisor} divides; the images are "
            f"{width} x {height} px."
        )
    return read

"""What a recipe may say of the family ``pca_realnvp``: the shape of the network and the objective of its training."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from latentstudio.errors import UserError


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shapes the network.

    Attributes
    ----------
    image_shape : (C, H, W) in px.
    components : PCA components D, the size of a code.
    layers : couplings K.
    hidden : width of the hidden layer of the coupling networks.
    log_scale_bound : b in ``s = b tanh(.)``; 0 for no bound, with which densities of unusual images may be -inf or NaN.
    basis : type in which the components are kept on disk; the model computes with the rounded values from the start.
    described : number of stored explained variance ratios; 0 until the PCA is fitted means D.
    """

    image_shape: tuple[int, int, int]
    components: int
    layers: int
    hidden: int = 128
    log_scale_bound: float = 0.5
    basis: Literal["float32", "float16"] = "float32"
    described: int = 0


class Objective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How training disturbs its inputs; all zero is plain maximum likelihood.

    Attributes
    ----------
    noise : standard deviation of Gaussian noise on whitened scores.
    dequantise : spread each pixel evenly over its grey level of 1/255 before projection.
    component_dropout : probability that a whitened score is replaced by an independent draw of N(0, 1).
    """

    noise: float = 0.0
    dequantise: bool = False
    component_dropout: float = 0.0


def read_config(config: Mapping[str, Any]) -> Config:
    """Check a configuration.

    Raises
    ------
    UserError
        A field is missing, unknown or out of range.
    """
    try:
        read = msgspec.convert(dict(config), Config)
    except msgspec.ValidationError as error:
        raise UserError(f"The configuration of a pca_realnvp model is not valid: {error}.") from error
    pixels = int(np.prod(read.image_shape))
    limits = {
        "image_shape": (min(read.image_shape) >= 1 and max(read.image_shape) <= 4096, "sizes from 1 to 4096"),
        "components": (2 <= read.components <= pixels, "2 up to the number of pixels"),
        "layers": (1 <= read.layers <= 256, "1 to 256"),
        "hidden": (1 <= read.hidden <= 16384, "1 to 16384"),
        "log_scale_bound": (0 <= read.log_scale_bound <= 20, "0 (no bound) to 20"),
        "described": (0 <= read.described <= pixels, "0 up to the number of pixels"),
    }
    for name, (valid, accepted) in limits.items():
        if not valid:
            raise UserError(f"pca_realnvp has {name} = {getattr(read, name)}; accepted are {accepted}.")
    return read

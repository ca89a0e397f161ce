"""Glow: an exact density of pictures, an exact inverse, and codes as large as the picture.

Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039

Codes are the standardised noise ``(z - mean) * exp(-log_sd)`` of all levels, each flattened (C, H, W), the finest level
first; the parts of the latent space are named level_1 to level_L.

The scale of pixels. A picture x in [-1, 1] has the pixel values ``p = (x + 1) * 127.5`` of 0 to 255; the flow sees
``v = (p + 1/2) / 256 - 1/2``, the middle of the value's bin. This is affine, without noise and without rounding, so
that `decode` undoes `encode` whatever `n_bits` is. In training with `dequantise`, v is spread evenly over the bin of a
scale with 2^n_bits bins instead, ``v = floor(p / 2^(8 - n_bits)) / 2^n_bits - 1/2 + U(0, 2^-n_bits)``; both speak of
the same v.

Log-densities are in nats per image, of v times the size of a bin, with D = C H W:

    log p = log N(code; 0, I) + log |det dcode/dv| - D log 2^n_bits

and bits per dimension are ``-log p / (D log 2)``. At the middle of the bins this is no bound, and for smooth pictures
it is far better than one; `dequantised_log_prob`, whose mean is a lower bound of the discrete log-likelihood, is what
compares with published numbers.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import msgspec
import torch
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.models.base import Ability, LatentSpace
from latentstudio.models.glow_config import GlowConfig, GlowObjective, read_glow_config
from latentstudio.models.glow_passes import GlowPasses
from latentstudio.models.priors import StandardNormal
from latentstudio.nn.glow import GlowFlow
from latentstudio.nn.noise import Noise
from latentstudio.nn.realnvp import standard_normal_log_prob

# Pixels that one pass without a plan takes at a time, and that set the ActNorm layers.
_PIXELS_AT_ONCE = 512 * 64 * 64


class Glow(nn.Module):
    """A `LatentModel` with all abilities; see the module's text for codes, pixel scale and density."""

    family: ClassVar[str] = "glow"
    abilities: frozenset[Ability] = frozenset(Ability)
    objective_type: ClassVar[type[GlowObjective]] = GlowObjective
    fixed_prefixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: GlowConfig) -> None:
        super().__init__()
        self._config = config
        self.image_shape = config.image_shape
        self.flow = GlowFlow(config.shape)
        self.space = LatentSpace(math.prod(config.image_shape), self.flow.parts(), StandardNormal())
        self._at_once = max(1, _PIXELS_AT_ONCE // math.prod(config.image_shape[1:]))
        self._passes = GlowPasses(self.flow, self._at_once)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Glow":
        """Build the network with zero weights.

        Raises
        ------
        UserError
            A field is missing, unknown or out of range.
        """
        return cls(read_glow_config(config))

    @classmethod
    def tiny(cls) -> "Glow":
        """Return a seeded model with two levels of two steps for 8 x 8 colour images."""
        model = cls(GlowConfig(image_shape=(3, 8, 8), levels=2, steps=2, width=8))
        generator = torch.Generator().manual_seed(0)
        model.reset(generator)
        model.initialise(torch.rand(64, 3, 8, 8, generator=generator) * 2 - 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
        return model.eval()

    def config(self) -> dict[str, Any]:
        """Return the JSON object that `from_config` accepts."""
        return cast("dict[str, Any]", msgspec.to_builtins(self._config))

    @property
    def density_space(self) -> str:
        """What the log-density is of, in words."""
        return f"the images (pixel values of {self._config.n_bits} bits)"

    def use_bfloat16_on_gpu(self, wanted: bool = True) -> None:
        """Let the coupling networks of `encode`, `decode` and the densities run in bfloat16 where they run on a GPU."""
        self._passes.gpu_dtype = torch.bfloat16 if wanted else torch.float32

    # -- the four abilities

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes (N, D) of images (N, C, H, W).

        Raises
        ------
        UserError
            The images have another shape, or a pixel is NaN or infinite.
        """
        return self._passes.to_noise(_to_flow(self._check_images(images)))

    def decode(self, codes: Tensor) -> Tensor:
        """Return images (N, C, H, W) of codes (N, D); not clipped.

        Raises
        ------
        UserError
            The codes have another size.
        """
        return _to_images(self._passes.to_data(self._check_codes(codes)))

    def log_prob(self, images: Tensor) -> Tensor:
        """Return the log-density in nats per image at the middle of the bins, float64 (N,).

        Where float32 overflows, float64 decides; what is not finite even then stays so and is for the caller to count.

        Raises
        ------
        UserError
            The images have another shape, or a pixel is NaN or infinite.
        """
        return self._log_prob(_to_flow(self._check_images(images)))

    def code_log_prob(self, codes: Tensor) -> Tensor:
        """Return the same log-density for the pictures that `codes` (N, D) decode to, float64 (N,).

        Raises
        ------
        UserError
            The codes have another size.
        """
        return self.decode_with_log_prob(codes)[1]

    # -- two answers of one pass

    def encode_with_log_prob(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `encode` and `log_prob` return, in the time of one of them."""
        v = _to_flow(self._check_images(images))
        noise, log_det = self._passes.to_noise_with_log_det(v)
        return noise, self._finished(noise, log_det, v)

    def decode_with_log_prob(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `decode` and `code_log_prob` return, in the time of one of them."""
        data, log_det = self._passes.to_data_with_log_det(self._check_codes(codes))
        log_det = self._passes.mend(log_det, codes, lambda flow, rows: flow.to_data(rows)[1])
        density = standard_normal_log_prob(codes.double()) - log_det + self.dequantisation_constant
        return _to_images(data), density

    # -- bits per dimension

    @property
    def dequantisation_constant(self) -> float:
        """``-D log 2^n_bits`` in nats: what turns a density of v into the log-probability of a bin."""
        return -self.space.size * self._config.n_bits * math.log(2)

    def bits_per_dimension(self, log_probs: Tensor) -> Tensor:
        """Convert log-densities in nats per image (N,) to bits per dimension (N,); lower is better."""
        return -log_probs / (self.space.size * math.log(2))

    def dequantised_log_prob(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return log-densities of uniformly dequantised images in nats, float64 (N,).

        The mean over the noise is a lower bound of the log-probability of the `n_bits` picture.
        """
        return self._log_prob(self._dequantise(self._check_images(images), Noise(generator)))

    def dequantised_codes(self, images: Tensor, generator: torch.Generator | Sequence[torch.Generator]) -> Tensor:
        """Return the codes (N, D) of uniformly dequantised images, with one generator for all or one for each.

        The flow was trained on such images. A picture without the noise, as `encode` takes it, has a shorter code:
        where the picture is smooth, the directions that hold the noise are empty.
        """
        return self._passes.to_noise(self._dequantise(self._check_images(images), Noise(generator)))

    def extra_scores(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Return further scores of images (N, C, H, W), each (N,), by name.

        ``bits_per_dimension`` is of dequantised images; ``round_trip`` is the largest difference in a pixel between an
        image and the decoding of its code, where the range of pixels has length 2.
        """
        bits = self.bits_per_dimension(self.dequantised_log_prob(images, generator))
        return {
            "bits_per_dimension": bits,
            "round_trip": (self.decode(self.encode(images)) - images).abs().flatten(1).amax(1),
        }

    # -- training

    def reset(self, generator: torch.Generator) -> None:
        """Draw untrained weights."""
        self.flow.reset(generator)

    def fit_preprocessing(self, images: Tensor) -> None:
        """Do nothing: Glow sees the pixels as they are."""

    def training_inputs(self, images: Tensor) -> Tensor:
        """Return what the training loop draws batches from, the images (N, C, H, W) themselves."""
        return self._check_images(images)

    def initialise(self, inputs: Tensor) -> None:
        """Set the ActNorm layers from some 512 training inputs of 64 px (fewer when larger), evenly chosen.

        They are dequantised first, so that a channel that is constant in all of them does no harm.
        """
        count = min(len(inputs), max(32, self._at_once))
        chosen = inputs[torch.linspace(0, len(inputs) - 1, count).long()]
        self.flow.train()
        with torch.no_grad():
            self.flow.to_noise(self._dequantise(chosen, Noise(torch.Generator().manual_seed(0))))

    def loss(self, inputs: Tensor, objective: GlowObjective, noise: Noise) -> Tensor:
        """Return the mean negative log-density in nats per image, a scalar with gradient."""
        v = self._dequantise(inputs, noise) if objective.dequantise else _to_flow(inputs)
        code, log_det = self.flow.to_noise(v)
        return -(standard_normal_log_prob(code) + log_det).mean() - self.dequantisation_constant

    def set_checkpointing(self, on: bool) -> None:
        """Keep for the gradient what enters a step of flow alone, and compute the inside again, or keep everything."""
        self.flow.checkpointing = on

    def input_log_prob(self, inputs: Tensor) -> Tensor:
        """Return `log_prob` for training inputs (N, C, H, W), float64 (N,)."""
        return self.log_prob(inputs)

    # -- inside

    def _dequantise(self, images: Tensor, noise: Noise) -> Tensor:
        bins = 2**self._config.n_bits
        values = ((images + 1) * 127.5).round().clamp(0, 255)
        v: Tensor = ((values * (bins / 256)).floor() + noise.uniform(images)) / bins - 0.5
        return v

    def _log_prob(self, v: Tensor) -> Tensor:
        return self._finished(*self._passes.to_noise_with_log_det(v), v)

    def _finished(self, noise: Tensor, log_det: Tensor, v: Tensor) -> Tensor:
        answer = standard_normal_log_prob(noise.double()) + log_det
        return self._passes.mend(answer, v, _flow_log_prob) + self.dequantisation_constant

    def _check_images(self, images: Tensor) -> Tensor:
        if tuple(images.shape[1:]) != self.image_shape:
            raise UserError(f"Images of shape {tuple(images.shape[1:])} do not fit; {self.image_shape} is expected.")
        if not bool(torch.isfinite(images).all()):
            raise UserError("An image has pixels that are NaN or infinite; finite pixels are expected.")
        return images

    def _check_codes(self, codes: Tensor) -> Tensor:
        if codes.ndim != 2 or codes.shape[1] != self.space.size:
            raise UserError(f"Codes of shape {tuple(codes.shape)} do not fit; (N, {self.space.size}) is expected.")
        return codes

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self._passes.forget()
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def load_state_dict(self, *args: Any, **options: Any) -> Any:
        """Load weights as every module does; a fused flow of earlier weights is forgotten."""
        self._passes.forget()
        return super().load_state_dict(*args, **options)


def _to_flow(images: Tensor) -> Tensor:
    """Turn pixels of [-1, 1] into v; see the module's text."""
    return images * (127.5 / 256)


def _to_images(v: Tensor) -> Tensor:
    return v * (256 / 127.5)


def _flow_log_prob(flow: GlowFlow, v: Tensor) -> Tensor:
    noise, log_det = flow.to_noise(v)
    return standard_normal_log_prob(noise) + log_det

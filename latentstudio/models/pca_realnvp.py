"""Real NVP on PCA scores: an exact density and an exact inverse for small sets of aligned faces.

Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", https://arxiv.org/abs/1605.08803

An image x in [-1, 1] becomes pixels p = (x + 1) / 2 in [0, 1], PCA scores s = V (p - mean), whitened scores
w = s / sqrt(variance), and the code z = f(w) ~ N(0, I). Log-densities are of the scores s, in nats:

    log p(s) = log N(z; 0, I) + log |det df/dw| - 1/2 sum_i log variance_i

The last term, the change-of-variables constant from whitened to plain scores, is `log_det_whitening`. What PCA leaves
out of an image has no part in the density, so values of models with different numbers of components do not compare.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar, cast

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.models.base import Ability, LatentSpace
from latentstudio.models.pca_realnvp_config import Config, Objective, read_config
from latentstudio.models.priors import StandardNormal
from latentstudio.nn.fused import FusedRealNvp
from latentstudio.nn.noise import Noise
from latentstudio.nn.pca import Pca
from latentstudio.nn.realnvp import RealNvp, standard_normal_log_prob

_GREY_LEVEL = 1 / 255


class PcaRealNvp(nn.Module):
    """A `LatentModel` with all abilities; see the module's text for the density.

    With a bounded log-scale the log-density is a finite number for every image of finite pixels.
    """

    family: ClassVar[str] = "pca_realnvp"
    abilities: frozenset[Ability] = frozenset(Ability)
    objective_type: ClassVar[type[Objective]] = Objective
    density_space: ClassVar[str] = "the PCA scores (pixel values from 0 to 1)"
    # Tensors that training does not change after `fit_preprocessing`; snapshots leave them out.
    fixed_prefixes: ClassVar[tuple[str, ...]] = ("pca.",)

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self.image_shape = config.image_shape
        self.space = LatentSpace(config.components, {"code": (0, config.components)}, StandardNormal())
        pixels = int(np.prod(config.image_shape))
        self.pca = Pca(pixels, config.components, config.described or config.components)
        self.flow = RealNvp(config.components, config.layers, config.hidden, config.log_scale_bound or None)
        self._plans: dict[type, tuple[int, FusedRealNvp]] = {}
        self._watched: tuple[nn.Parameter, ...] = ()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "PcaRealNvp":
        """Build the network with zero weights.

        Raises
        ------
        UserError
            A field is missing, unknown or out of range.
        """
        return cls(read_config(config))

    @classmethod
    def tiny(cls) -> "PcaRealNvp":
        """Return a seeded model of 4 components for 6 x 5 colour images."""
        model = cls(Config(image_shape=(3, 6, 5), components=4, layers=3, hidden=8, log_scale_bound=1.0))
        generator = torch.Generator().manual_seed(0)
        model.fit_preprocessing(torch.rand(24, 3, 6, 5, generator=generator) * 2 - 1)
        model.reset(generator)
        model.flow.train()
        with torch.no_grad():
            model.flow.to_noise(torch.randn(64, 4, generator=generator))
            for parameter in model.flow.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        return model.eval()

    def config(self) -> dict[str, Any]:
        """Return the JSON object that `from_config` accepts."""
        return cast("dict[str, Any]", msgspec.to_builtins(self._config))

    def stored_dtypes(self) -> dict[str, torch.dtype]:
        """Return the tensors that are kept on disk in another type than they are computed with."""
        return {"pca.components": torch.float16} if self._config.basis == "float16" else {}

    # -- the four abilities

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes (N, D) of images (N, C, H, W).

        Raises
        ------
        UserError
            The images have another shape, or a pixel is NaN or infinite.
        """
        white = self.pca_encode(images) / self.pca.variances.sqrt()
        plan = self._plan(np.float32)
        return self.flow.to_noise(white)[0] if plan is None else torch.from_numpy(plan.to_noise(white.numpy()))

    def decode(self, codes: Tensor) -> Tensor:
        """Return images (N, C, H, W) of codes (N, D); not clipped."""
        self._check_codes(codes)
        plan = self._plan(np.float32)
        white = self.flow.to_data(codes)[0] if plan is None else torch.from_numpy(plan.to_data(codes.detach().numpy()))
        return self.pca_decode(white * self.pca.variances.sqrt())

    def log_prob(self, images: Tensor) -> Tensor:
        """Return the log-density of the images' PCA scores in nats, float64 (N,).

        Raises
        ------
        UserError
            The images have another shape, or a pixel is NaN or infinite.
        """
        white = self._scores(images, torch.float64) / self.pca.variances.double().sqrt()
        plan = self._plan(np.float64)
        if plan is None:
            return self.input_log_prob(white.to(self.pca.mean.dtype))
        noise, log_det = plan.to_noise_with_log_det(white.numpy())
        return self._finish(torch.from_numpy(noise), torch.from_numpy(log_det))

    def code_log_prob(self, codes: Tensor) -> Tensor:
        """Return the same log-density for the pictures that `codes` (N, D) decode to, float64 (N,)."""
        self._check_codes(codes)
        plan = self._plan(np.float64)
        if plan is None:
            log_det = self.flow.to_data(codes)[1]
        else:
            log_det = torch.from_numpy(plan.to_data_with_log_det(codes.detach().double().numpy())[1])
        return standard_normal_log_prob(codes.double()) - log_det.double() + self.log_det_whitening

    # -- PCA

    @property
    def log_det_whitening(self) -> Tensor:
        """``-1/2 sum_i log variance_i`` in nats: log-density of plain scores minus that of whitened ones."""
        return -0.5 * self.pca.variances.double().log().sum()

    @property
    def mean_image(self) -> Tensor:
        """Mean of the training images, float32 (C, H, W) in [-1, 1]."""
        return (self.pca.mean * 2 - 1).view(self.image_shape)

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each PCA score over the training images, float64 (D,), in squared pixel values of [0, 1]."""
        return self.pca.variances.double().cpu().numpy()

    @property
    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """Share of the training images' variance that each component explains, float64, descending.

        There are as many as the training set allows, more than the D that the model keeps; for large training sets
        only the first 2 D are known.
        """
        return self.pca.ratios.double().cpu().numpy()

    def components(self, count: int) -> NDArray[np.float64]:
        """Return the first `count` components as pictures, float64 (count, H, W), or (count, H, W, 3) for colour.

        Raises
        ------
        UserError
            The model has fewer components.
        """
        if not 1 <= count <= self.space.size:
            raise UserError(f"The model has {self.space.size} components; {count} were asked for.")
        pictures = self.pca.components[:count].double().cpu().numpy().reshape(count, *self.image_shape)
        return pictures[:, 0] if self.image_shape[0] == 1 else np.moveaxis(pictures, 1, -1)

    def pca_encode(self, images: Tensor) -> Tensor:
        """Return the PCA scores (N, D) of images (N, C, H, W), in pixel values of [0, 1].

        Raises
        ------
        UserError
            The images have another shape, or a pixel is NaN or infinite.
        """
        return self._scores(images, self.pca.mean.dtype)

    def pca_decode(self, scores: Tensor) -> Tensor:
        """Return images (N, C, H, W) of PCA scores (N, D)."""
        return self.pca.decode(scores).mul_(2).sub_(1).view(-1, *self.image_shape)

    def gaussian_log_prob(self, images: Tensor) -> Tensor:
        """Log-density in nats of the baseline, one Gaussian with the training scores' variances, float64 (N,).

        PCA scores are uncorrelated over the training images, so this is their full Gaussian.
        """
        white = self._scores(images, torch.float64) / self.pca.variances.double().sqrt()
        return standard_normal_log_prob(white) + self.log_det_whitening

    # -- training

    def reset(self, generator: torch.Generator) -> None:
        """Draw untrained weights of the flow."""
        self.flow.reset(generator)

    def fit_preprocessing(self, images: Tensor) -> None:
        """Fit the PCA to training images (N, C, H, W).

        Raises
        ------
        UserError
            There are fewer images than components.
        """
        if len(images) < self.space.size:
            raise UserError(f"{self.space.size} components need at least as many images; there are {len(images)}.")
        described = Pca.described(len(images), self.pca.mean.numel(), self.space.size)
        self._config = msgspec.structs.replace(self._config, described=described)
        self.pca.fit(images.flatten(1).double().add(1).div(2))
        for name, dtype in self.stored_dtypes().items():
            tensor = self.get_buffer(name)
            tensor.copy_(tensor.to(dtype))

    def training_inputs(self, images: Tensor) -> Tensor:
        """Return what the training loop draws batches from: whitened scores (N, D)."""
        return self.pca_encode(images) / self.pca.variances.sqrt()

    def initialise(self, inputs: Tensor) -> None:
        """Set the ActNorm layers from training inputs (N, D)."""
        self.flow.train()
        with torch.no_grad():
            self.flow.to_noise(inputs)

    def loss(self, inputs: Tensor, objective: Objective, noise: Noise) -> Tensor:
        """Return the mean negative log-density of plain scores in nats per image, a scalar with gradient."""
        if objective.component_dropout:
            others = noise.normal(inputs)
            inputs = torch.where(noise.uniform(inputs) < objective.component_dropout, others, inputs)
        spread = torch.full_like(self.pca.variances, objective.noise)
        if objective.dequantise:
            # A sum over thousands of uniform pixels along a unit vector: Gaussian with a uniform pixel's variance.
            spread = (spread**2 + _GREY_LEVEL**2 / 12 / self.pca.variances).sqrt()
        if objective.noise or objective.dequantise:
            inputs = inputs + spread * noise.normal(inputs)
        return -self.flow.log_prob(inputs).mean() - self.log_det_whitening.to(inputs.dtype)

    def input_log_prob(self, inputs: Tensor) -> Tensor:
        """Return `log_prob` for training inputs (N, D), float64 (N,)."""
        answer = self._finish(*self.flow.to_noise(inputs))
        if inputs.dtype == torch.float32 and not bool(torch.isfinite(answer).all()):
            # Far from the data float32 overflows before float64 does.
            answer = self._finish(*deepcopy(self.flow).double().to_noise(inputs.double()))
        return answer

    # -- inside

    def _finish(self, noise: Tensor, log_det: Tensor) -> Tensor:
        return standard_normal_log_prob(noise.double()) + log_det.double() + self.log_det_whitening

    def _scores(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        if tuple(images.shape[1:]) != self.image_shape:
            raise UserError(f"Images of shape {tuple(images.shape[1:])} do not fit; {self.image_shape} is expected.")
        rows = images.flatten(1).to(dtype).add(1).div_(2)
        scores = (rows - self.pca.mean.to(dtype)) @ self.pca.components.to(dtype).T
        if not bool(torch.isfinite(scores).all()) and not bool(torch.isfinite(images).all()):
            raise UserError("An image has pixels that are NaN or infinite; finite pixels are expected.")
        return scores

    def _check_codes(self, codes: Tensor) -> None:
        if codes.ndim != 2 or codes.shape[1] != self.space.size:
            raise UserError(f"Codes of shape {tuple(codes.shape)} do not fit; (N, {self.space.size}) is expected.")

    def _plan(self, dtype: type[np.float32] | type[np.float64]) -> FusedRealNvp | None:
        """Return the fused flow, or None where the plain one must run: training, gradients, another device or type."""
        first = self.pca.mean
        if self.training or torch.is_grad_enabled() or first.device.type != "cpu" or first.dtype != torch.float32:
            return None
        if not self._watched:
            self._watched = tuple(self.flow.parameters())
        version = sum([0 if p.is_inference() else p._version for p in self._watched])
        kept = self._plans.get(dtype)
        if kept is None or kept[0] != version:
            kept = self._plans[dtype] = (version, FusedRealNvp(self.flow, dtype))
        return kept[1]

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self._plans, self._watched = {}, ()
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

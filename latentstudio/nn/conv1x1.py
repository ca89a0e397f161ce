"""Invertible 1x1 convolution, a learned rotation of the channels, in LU form.

Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentstudio.errors import UserError


class InvertibleConv1x1(nn.Module):
    """Towards noise every pixel's channels x become W x, with ``W = P L (U + diag(sign * exp(log_scale)))``.

    P is a permutation, L lower triangular with ones on its diagonal, U strictly upper triangular. P and the signs stay
    as they were drawn; so W cannot become singular in training, and its log-determinant is the sum of `log_scale`.

    Parameters
    ----------
    channels : C. W is the identity until `reset` or `set_matrix`.
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lower = nn.Parameter(torch.zeros(channels, channels))
        self.upper = nn.Parameter(torch.zeros(channels, channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        # Row k of P M is row permutation[k] of M.
        self.register_buffer("permutation", torch.arange(channels))
        self.register_buffer("sign", torch.ones(channels))

    def reset(self, generator: torch.Generator) -> None:
        """Draw W as a random rotation."""
        normal = torch.randn(self.lower.shape, generator=generator, dtype=torch.float64)
        self.set_matrix(torch.linalg.qr(normal)[0])

    @torch.no_grad()
    def set_matrix(self, matrix: Tensor) -> None:
        """Take P, L, U, signs and scales from W (C, C).

        Raises
        ------
        UserError
            W is singular or not finite.
        """
        matrix = matrix.double()
        if not bool(torch.isfinite(matrix).all()):
            raise UserError("A 1x1 convolution has NaN or infinite weights; finite weights are expected.")
        permutation, lower, upper = torch.linalg.lu(matrix)
        diagonal = upper.diagonal()
        if bool((diagonal.abs() <= 1e-12 * matrix.abs().max()).any()):
            raise UserError("A 1x1 convolution is singular, so the flow has no inverse; an invertible one is expected.")
        self.permutation.copy_(permutation.argmax(1))
        self.lower.copy_(lower.tril(-1))
        self.upper.copy_(upper.triu(1))
        self.sign.copy_(diagonal.sign())
        self.log_scale.copy_(diagonal.abs().log())

    def matrix(self, dtype: torch.dtype | None = None) -> Tensor:
        """Return W (C, C), in the type of the weights unless another is asked for."""
        lower, upper = self._triangles(dtype or self.lower.dtype)
        return (lower @ upper)[self.permutation]

    def inverse_matrix(self) -> Tensor:
        """Return the inverse of W (C, C), float64, by substitution in the triangular factors.

        Raises
        ------
        UserError
            The inverse is not finite, or W is so close to singular that float32 could not undo it.
        """
        lower, upper = self._triangles(torch.float64)
        unit = torch.eye(len(lower), dtype=torch.float64, device=lower.device)
        # P^T has the unit vectors as columns in the order of the permutation.
        half = torch.linalg.solve_triangular(lower, unit[:, self.permutation], upper=False, unitriangular=True)
        inverse: Tensor = torch.linalg.solve_triangular(upper, half, upper=True)
        condition = (inverse.norm() * (lower @ upper).norm()).item()
        if not condition < 1e9:
            raise UserError(
                f"A 1x1 convolution of {len(lower)} channels is singular or nearly so (condition {condition:.1g}); "
                "its flow has no inverse, so weights of another training step are needed."
            )
        return inverse

    def check_weights(self) -> None:
        """Refuse weights that no code could be decoded with, as `inverse_matrix` does."""
        with torch.inference_mode():
            self.inverse_matrix()

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards noise; the second value is the log-determinant in nats, the same for all images."""
        with torch.autocast(x.device.type, enabled=False):  # the determinant below is that of the full precision
            y = functional.conv2d(x, self.matrix()[:, :, None, None])
        return y, x.shape[2] * x.shape[3] * self.log_scale.double().sum()

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards data; the second value is the log-determinant in nats, the same for all images."""
        x = functional.conv2d(z, self.inverse_matrix().to(z.dtype)[:, :, None, None])
        return x, -z.shape[2] * z.shape[3] * self.log_scale.double().sum()

    def _triangles(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return L and U with its diagonal."""
        lower, upper = self.lower.to(dtype).tril(-1), self.upper.to(dtype).triu(1)
        unit = torch.eye(len(lower), dtype=dtype, device=lower.device)
        return lower + unit, upper + torch.diag(self.sign.to(dtype) * self.log_scale.to(dtype).exp())

"""Paths between two codes. Every function takes codes (D,) and places t (n,) and returns float64 (n, D)."""

import torch
from torch import Tensor


def linear(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line (1-t) a + t b."""
    t = t.double()[:, None]
    line: Tensor = (1 - t) * a.double() + t * b.double()
    return line


def linear_norm(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The norm (1-t)|a| + t|b|, shape (n,), never below 0 (far extrapolation between unequal norms would be)."""
    t = t.double()
    start, end = float(a.double().norm()), float(b.double().norm())
    norm: Tensor = start + t.double() * (end - start)
    return norm.clamp(min=0)


def great_circle(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Unit vectors (n, D) that turn at constant speed from the direction of `a` to that of `b`.

    The angle comes from atan2 of the chord lengths, which is exact for nearly parallel and nearly opposite vectors
    where the arc cosine is not. Exactly opposite vectors have no shortest way: the path then goes through the
    coordinate axis that is most nearly perpendicular to `a`. A zero vector has no direction and takes that of the other
    end.
    """
    a, b = a.double(), b.double()
    if not (a.any() and b.any()):
        whole = a + b
        return (whole / whole.norm() if whole.any() else whole).expand(len(t), -1).clone()
    u, v = a / a.norm(), b / b.norm()
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    side = v - (u @ v) * u
    if side.norm() < 1e-12:
        axis = torch.zeros_like(u)
        axis[u.abs().argmin()] = 1.0
        side = axis - (u @ axis) * u
    side = side - (u @ side) * u
    norm = side.norm()
    side = side / norm if norm > 0 else side
    turn = (t.double() * angle)[:, None]
    circle: Tensor = torch.cos(turn) * u + torch.sin(turn) * side
    return circle


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation of the direction with a linear norm.

    For |a| = |b| it is Shoemake's slerp (1985). For unequal norms the direction still turns at constant speed, where
    the common formula sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b grows without bound as the angle w nears 180 degrees.
    """
    path: Tensor = great_circle(a, b, t) * linear_norm(a, b, t)[:, None]
    return path


def norm_preserving(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line p_t, rescaled to the norm (1-t)|a| + t|b|.

    Where the line passes through the origin (opposite vectors) its direction is undefined and that of `great_circle` is
    taken.
    """
    line = linear(a, b, t)
    norm = line.norm(dim=1, keepdim=True)
    scale = a.double().norm() + b.double().norm()
    lost = (norm <= 1e-9 * scale).squeeze(1)
    direction = line / norm.clamp(min=torch.finfo(torch.float64).tiny)
    if bool(lost.any()):
        direction = torch.where(lost[:, None], great_circle(a, b, t), direction)
    scaled: Tensor = direction * linear_norm(a, b, t)[:, None]
    return scaled


def opposite(a: Tensor, b: Tensor) -> bool:
    """Whether two codes point in opposite directions to float32 precision."""
    a, b = a.double(), b.double()
    scale = float(a.norm() * b.norm())
    return scale > 0 and float(a @ b) / scale < -1 + 1e-12

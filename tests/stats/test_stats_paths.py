import math

import pytest
import torch

from latentstudio.stats.paths import great_circle, linear, norm_preserving, opposite, spherical

T = torch.linspace(-0.5, 1.5, 9, dtype=torch.float64)


def _pair(seed: int = 0, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, size, generator=generator)
    return a, b


def test_slerp_agrees_with_the_textbook_formula() -> None:
    a, b = _pair()
    b = b * (a.norm() / b.norm())
    angle = torch.acos((a.double() @ b.double()) / a.double().norm() / b.double().norm())
    for t, row in zip(T, spherical(a, b, T), strict=True):
        expected = (torch.sin((1 - t) * angle) * a.double() + torch.sin(t * angle) * b.double()) / torch.sin(angle)
        assert torch.allclose(row, expected, atol=1e-5)


def test_norms_of_spherical_and_norm_preserving_paths() -> None:
    a, b = _pair()
    expected = (1 - T) * a.double().norm() + T * b.double().norm()
    for path in (spherical, norm_preserving):
        assert torch.allclose(path(a, b, T).norm(dim=1), expected.clamp(min=0), atol=1e-9)


def test_norm_preserving_keeps_the_direction_of_the_line() -> None:
    a, b = _pair()
    cosine = torch.nn.functional.cosine_similarity(norm_preserving(a, b, T), linear(a, b, T))
    assert torch.allclose(cosine, torch.ones_like(cosine))


def test_slerp_turns_at_constant_speed() -> None:
    a, b = _pair()
    circle = great_circle(a, b, T)
    steps = (circle[1:] * circle[:-1]).sum(dim=1).clamp(-1, 1).acos()
    assert float(steps.std()) < 1e-7


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_nearly_parallel_and_nearly_opposite_codes_are_stable(gap: float, sign: float) -> None:
    a, noise = _pair()
    a, noise = a.double(), noise.double()
    b = sign * 1.7 * a + gap * noise
    inside = torch.linspace(0, 1, 9, dtype=torch.float64)
    for path in (spherical, norm_preserving):
        rows = path(a, b, inside)
        assert bool(torch.isfinite(rows).all())
        assert torch.allclose(rows[0], a, atol=1e-6)
        assert torch.allclose(rows[-1], b, atol=1e-6 + 3 * gap)
        longest = max(float(a.norm()), float(b.norm()))
        assert float(rows.norm(dim=1).max()) <= longest * (1 + 1e-9)


def test_opposite_codes_take_a_defined_great_circle() -> None:
    a = torch.tensor([3.0, 4.0, 0.0])
    assert opposite(a, -2 * a)
    assert not opposite(a, torch.tensor([3.0, -4.0, 0.0]))
    middle = spherical(a, -a, torch.tensor([0.5]))[0]
    assert torch.allclose(middle, torch.tensor([0.0, 0.0, 5.0], dtype=torch.float64), atol=1e-12)


def test_zero_and_identical_codes() -> None:
    zero, a = torch.zeros(5), torch.arange(5.0)
    half = torch.tensor([0.5])
    assert torch.equal(spherical(zero, zero, T), torch.zeros(9, 5, dtype=torch.float64))
    assert torch.allclose(spherical(zero, a, half)[0], a.double() / 2)
    assert torch.allclose(spherical(a, a, T), a.double().expand(9, -1))
    assert torch.allclose(norm_preserving(a, a, T), a.double().expand(9, -1))


def test_published_norms_at_the_midpoint() -> None:
    """METHODS, 100 dimensions, t = .5: mean and sd are 7.06/.50 linear, 9.99/.50 for equation 4.2, 10.0/.50 slerp."""
    generator = torch.Generator().manual_seed(4)
    pairs = torch.randn(2000, 2, 100, generator=generator)
    half = torch.tensor([0.5])
    for path, mean, sd in ((linear, 7.06, 0.5), (norm_preserving, 9.98, 0.5), (spherical, 9.98, 0.5)):
        norms = torch.stack([path(a, b, half)[0].norm() for a, b in pairs])
        assert float(norms.mean()) == pytest.approx(mean, abs=4 * sd / math.sqrt(2000) + 0.02)
        assert float(norms.std()) == pytest.approx(sd, abs=0.05)

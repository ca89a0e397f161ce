"""A map that keeps N(0, I) as it is and is no rotation: a flow's codes are not unique up to O(N).

A published argument says that two flows to the same normal prior differ by an orthogonal map, since those are the maps
that keep the prior. The counter-example: turn every pair of components by an angle that depends on the norm of the
whole code. On each sphere this is a rotation, so norms, the prior and the volume stay; between spheres it twists.
Behind any flow it gives another flow with the same likelihood of every image, in which straight lines, means and
directions of attributes are others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Scatter, Sheet, Table

Floats = NDArray[np.float64]

_JACOBIANS, _SHOWN = 16, 1500


def twist(codes: Floats, turn: float) -> Floats:
    """Turn the pairs of components of codes (n, D), D even, by `turn` times the norm of the code, in radians."""
    first, second = codes[:, 0::2], codes[:, 1::2]
    angle = turn * np.linalg.norm(codes, axis=1, keepdims=True)
    turned = np.empty_like(codes)
    turned[:, 0::2] = np.cos(angle) * first - np.sin(angle) * second
    turned[:, 1::2] = np.sin(angle) * first + np.cos(angle) * second
    return turned


def jacobian(code: Floats, turn: float, step: float = 1e-6) -> Floats:
    """Derivative of `twist` at one code (D,), float64 (D, D), by central differences."""
    size = len(code)
    moves = step * np.eye(size)
    difference: Floats = (twist(code + moves, turn) - twist(code - moves, turn)).T / (2 * step)
    return difference


def orthogonal_residual(before: Floats, after: Floats) -> float:
    """Share of `after` (n, D) that the best orthogonal map of `before` leaves, 0 for a rotation (Schoenemann, 1966)."""
    left, _, right = np.linalg.svd(before.T @ after)
    rest = after - before @ (left @ right)
    return float(np.linalg.norm(rest) / np.linalg.norm(after))


@dataclass(frozen=True)
class Uniqueness:
    """Twist draws of N(0, I): what stays the same, and what does not."""

    title: ClassVar[str] = "Uniqueness of codes"
    summary: ClassVar[str] = "A map that keeps the normal prior without being a rotation: codes are not unique."
    needs: ClassVar[frozenset[str]] = frozenset()
    needs_model: ClassVar[bool] = False
    needs_data: ClassVar[bool] = False

    size: int = control(2, "Dimensions", "int", minimum=2, maximum=1000, help="An even number.")
    draws: int = control(4000, "Draws", "int", minimum=100, maximum=100_000)
    turn: float = control(
        1.0, "Turn", "float", minimum=-10.0, maximum=10.0, help="Radians for each unit of the code's norm."
    )
    seed: int = control(0, "Seed", "int", minimum=0, maximum=2**31 - 1)

    def run(self, study: Study) -> Iterator[Partial]:
        """Draw, twist and measure; the study is not looked at.

        Raises
        ------
        UserError
            The number of dimensions is odd.
        """
        if self.size % 2:
            raise UserError(f"Components are turned in pairs, and {self.size} is odd; {self.size + 1} would do.")
        rng = np.random.default_rng([self.seed, self.size])
        before = rng.standard_normal((self.draws, self.size))
        yield Partial(0.2, None, "Twisting")
        after = twist(before, self.turn)
        logs = []
        for code in before[:_JACOBIANS]:
            logs.append(float(np.linalg.slogdet(jacobian(code, self.turn))[1]))
            yield Partial(0.2 + 0.6 * len(logs) / _JACOBIANS, None, "Measuring volumes")
        caption = (
            f"Simulation of N(0, I) in {self.size:,} dimensions without data or model; {self.draws:,} draws, turn "
            f"{self.turn:g}, random seed {self.seed}."
        )
        shown = (
            self._table(before, after, np.array(logs), caption),
            _scatter(before, caption, "Before"),
            _scatter(after, caption, "After the twist", before),
            self._line(before, caption),
        )
        yield Partial(1.0, Sheet(shown, title="Uniqueness of codes", caption=caption))

    def _table(self, before: Floats, after: Floats, logs: Floats, caption: str) -> Table:
        from latentstudio.stats.gaussian_nulls import ks_bound, ks_distance
        from latentstudio.stats.norms import ChiLaw

        half = self.draws // 2
        a, b = before[:half], before[half : 2 * half]
        middles = twist((a + b) / 2, self.turn) - (twist(a, self.turn) + twist(b, self.turn)) / 2
        off = float(np.linalg.norm(middles, axis=1).mean() / np.linalg.norm((a + b) / 2, axis=1).mean())
        change = float(np.abs(np.linalg.norm(after, axis=1) - np.linalg.norm(before, axis=1)).max())
        law, bound = ChiLaw(self.size), ks_bound(self.draws)
        distances = [ks_distance(np.linalg.norm(rows, axis=1), law) for rows in (before, after)]
        normal = [_normal_distance(rows) for rows in (before, after)]
        covariance = [float(np.abs(np.cov(rows.T) - np.eye(self.size)).max()) for rows in (before, after)]
        rows: tuple[tuple[str | float | None, ...], ...] = (
            ("largest change of a norm", 0.0, change, 0.0),
            ("largest |log det| of the Jacobian", 0.0, float(np.abs(logs).max()), 0.0),
            ("norms, KS distance from the chi law", *distances, bound),
            ("a component, KS distance from N(0, 1)", *normal, bound),
            ("covariance, largest deviation from I", *covariance, 4 / math.sqrt(self.draws)),
            ("left by the best rotation, share", 0.0, orthogonal_residual(before, after), None),
            ("how far midpoints move, share", 0.0, off, None),
        )
        notes = (
            "Bounds: what 95 % of such sets of draws stay below (covariance: four standard errors). The first five "
            "rows say that the law and the volume stay; the last two that the map is no rotation.",
        )
        columns = ("", "before", "after", "bound")
        return Table(columns, rows, digits=5, title="What the twist keeps and changes", caption=caption, notes=notes)

    def _line(self, before: Floats, caption: str) -> Curve:
        """The straight line between two codes and what becomes of it, seen in the first two components."""
        far = before[np.argsort(-np.linalg.norm(before[:, :2], axis=1))]
        start = far[0]
        end = far[int(np.argmin(far[:50, :2] @ start[:2]))]
        t = np.linspace(0.0, 1.0, 400)[:, None]
        line = (1 - t) * start + t * end
        image = twist(line, self.turn)
        return Curve(
            (
                Line("straight line", line[:, 0], line[:, 1], "reference"),
                Line("its image", image[:, 0], image[:, 1], "data"),
            ),
            "component 1",
            "component 2",
            title="A straight line and its image",
            caption=caption,
        )


def _normal_distance(rows: Floats) -> float:
    from scipy.special import ndtr

    values = np.sort(rows[:, 0])
    n, cdf = len(values), np.asarray(ndtr(np.sort(rows[:, 0])))
    return float(max((np.arange(1, n + 1) / n - cdf).max(), (cdf - np.arange(n) / n).max()))


def _scatter(rows: Floats, caption: str, title: str, coloured: Floats | None = None) -> Scatter:
    """First two components, coloured by the quadrant that they had before the twist."""
    source = rows if coloured is None else coloured
    quadrant = (source[:, 0] > 0).astype(np.int64) + 2 * (source[:, 1] > 0)
    count = min(len(rows), _SHOWN)
    return Scatter(
        rows[:count, :2].copy(),
        np.full(count, -1, dtype=np.int64),
        quadrant[:count],
        ("− −", "+ −", "− +", "+ +"),
        "component 1",
        "component 2",
        title=title,
        caption=caption,
        notes=("Coloured by the signs of the two components before the twist.",),
    )

"""The hair: a shell around the skull, cut open for the face, with strands that run from the parting."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Surface, Window, column, edge, smooth
from latentstudio.data.faces.head import SCALE, Pose, crown_width
from latentstudio.data.faces.palette import hair_colour
from latentstudio.data.faces.strands import strand_noise


@dataclass
class Shell:
    """Where lines of sight meet a dome that goes on downwards as a tube; planes of shape (h, w)."""

    x: Plane
    y: Plane
    z: Plane
    depth: Plane
    normal: Plane
    inside: Plane


def dome(pose: Pose, frame: Frame, window: Window, half: tuple[float, float, float], middle: tuple[float, float],
         back: bool = False, flare: float = 0.0) -> Shell:  # fmt: skip
    """Intersect a window's lines of sight with an upright dome on a tube.

    Parameters
    ----------
    half : tuple of float
        Half width, height above ``middle[0]`` and half depth, in head units.
    middle : tuple of float
        Height where the dome passes into the tube, and the z of its axis.
    back : bool, optional
        Return the far wall, seen from within, in place of the near one.
    flare : float, optional
        How much wider the tube becomes per unit below the dome.
    """
    ox, oy, oz = pose.origins(frame, window)
    oz = oz - middle[1]
    dx, dy, dz = ((v) for v in pose.turn[2])
    iy, iz = (1.0 / half[1]), (1.0 / half[2])
    base = middle[0]
    sign = -1.0 if back else 1.0
    t = np.full_like(oy, sign * 0.3)
    y = oy + t * dy
    inside = oy
    for _ in range(2):
        ix = 1.0 / ((half[0]) * crown_width(y) + flare * np.maximum(base - y, 0.0))
        dome_y = np.multiply(y > base, np.float32(iy))
        ex, ey, ez = dx * ix, dy * dome_y, dz * iz
        px, py, pz = ox * ix, (oy - base) * dome_y, oz * iz
        square = ex * ex + ey * ey + ez * ez
        b = px * ex + py * ey + pz * ez
        inside = b * b - square * (px * px + py * py + pz * pz - 1.0)
        t = (sign * np.sqrt(np.maximum(inside, 0.0)) - b) / square
        y = oy + t * dy
    inside = inside / square
    x, z = ox + t * dx, oz + t * dz
    g = (x * ix * ix, (y - base) * dome_y * dome_y, z * (iz * iz))
    length = sign / np.sqrt(np.maximum(g[0] * g[0] + g[1] * g[1] + g[2] * g[2], 1e-6))
    normal = pose.to_view((g[0] * length, g[1] * length, g[2] * length))
    return Shell(x, y, z + middle[1], t * SCALE, normal, inside * (0.25 * SCALE))


def volume(f: Face) -> float:
    """Return how far the hair stands off the skull at the crown, in head units."""
    return 0.05 + 0.035 * f.waves + 0.03 * min(f.hair_length, 0.6)


def has_hair(f: Face) -> bool:
    """Say whether the crown has hair."""
    return f.baldness < 0.5


def covers_ears(f: Face) -> bool:
    """Say whether the hair is long enough to fall over the ears."""
    return f.hair_length > 0.2


def falls_behind(f: Face) -> bool:
    """Say whether hair can be seen behind the neck."""
    return has_hair(f) and f.hair_length > 0.12


def _length_level(f: Face, build: Build) -> float:
    """Return the height, in head units, at which the hair ends."""
    return -0.03 - 1.15 * math.pow(max(f.hair_length - 0.12, 0.0), 0.8) - 0.04 * build.jaw


def _sides(f: Face, pose: Pose) -> tuple[float, float]:
    """Return the left and right ends, in scene units, between which hair can lie."""
    reach = 0.68 + 0.12 * min(f.hair_length * 2.0, 1.0)
    return pose.shift[0] - reach, pose.shift[0] + reach


def _strand_coordinate(f: Face, shell: Shell) -> Plane:
    """Return a coordinate that is constant along each strand: how far it has turned about the crown."""
    part = 0.16 * f.parting
    x = shell.x - part
    back = shell.z * 0.8 + 0.2
    turn: Plane = x / (np.abs(x) + np.abs(back) + 1e-3)
    turn = np.where(back > 0.0, turn, np.copysign(2.0, x) - turn) * 1.4
    bend: Plane = (0.05 * f.waves) * np.sin(
        shell.y * (17.0 + 9.0 * f.strands) + turn * 5.0 + (6.3 * f.strands))  # fmt: skip
    return turn + bend


def _fringe(f: Face, build: Build, shell: Shell, noise: Plane) -> Plane:
    """Return the signed distance, in head units, outside of the opening that the hair leaves for the face."""
    tight = 0.02 * (1.0 - f.hair_length)
    wide = build.half_width * 0.865 + tight
    top = 0.43 + 0.02 * f.face_length
    x = shell.x
    part = 0.16 * f.parting
    level = top + (0.10 * f.parting) * x
    if f.bangs > 0.0:
        drop = (0.285 * f.bangs + 0.02) - (0.22 * f.parting) * x
        level = level - drop + 0.035 * noise
    else:
        temples = np.exp(-np.square((np.abs(x - 0.4 * part) - 0.235) * (1 / 0.115)))
        level = level + (0.16 * f.recession) * temples + (0.03 * f.recession + 0.02) * noise
    low = -0.1
    rise = np.maximum(shell.y - low, 0.0) / (level - low)
    across = x / (wide + 0.008 * noise)
    across *= across
    rise *= rise
    power = across * np.sqrt(across) + rise * np.sqrt(rise)
    gap = (power - 1.0) * 0.16
    behind = 0.03 - shell.z
    return np.asarray(np.maximum(gap, behind))


def _strand_light(f: Face, shell: Shell, noise: Plane) -> Plane:
    """Return the strands' colour, shape (3, h, w): locks, with roots and ends darker than the lengths."""
    base = column(hair_colour(f))
    tone = 1.0 + 0.42 * noise
    tone *= 0.72 + 0.38 * smooth(shell.normal[1], -0.5, 0.8)
    return base * tone + 0.004


def front_hair(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return the hair that lies before the head: crown, fringe and the locks beside the face."""
    long = min(f.hair_length * 2.0, 1.0)
    bottom = _length_level(f, build) - 0.26
    window = frame.window(*_sides(f, pose), bottom, 0.97)
    thick = volume(f)
    half = (build.half_width + 0.008 + (0.1 + 0.9 * long) * thick, build.half_height + thick, 0.62 + thick)
    shell = dome(pose, frame, window, half, (0.0, -0.12), flare=0.06 * long)
    turn = _strand_coordinate(f, shell)
    noise = strand_noise(turn, 22.0, f.strands)
    end = (_length_level(f, build)) + (0.05 + 0.03 * long) * noise
    below = shell.y - end - (0.1 * (1.0 - long)) * smooth(shell.z, 0.1, 0.3)
    gap = _fringe(f, build, shell, noise)
    curl = (0.009 * f.waves * long + 0.005) * noise
    rim = shell.inside + curl
    mask = edge(np.minimum(gap, below) * SCALE, max(1.5 * frame.step, 0.028))
    mask *= edge(rim, 1.5 * frame.step)
    return _surface(f, shell, window, mask, turn, noise)


def back_hair(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return the hair behind the neck, seen past the face: the far wall of the shell."""
    long = min(f.hair_length * 2.0, 1.0)
    window = frame.window(*_sides(f, pose), -1.0, 0.5)
    thick = volume(f)
    half = (build.half_width + (0.1 + 0.9 * long) * thick, build.half_height + thick, 0.62 + thick)
    shell = dome(pose, frame, window, half, (0.0, -0.12), back=True, flare=0.06 * long)
    turn = _strand_coordinate(f, shell)
    noise = strand_noise(turn, 22.0, f.strands)
    end = (min(_length_level(f, build), -0.1) - 0.03) + 0.05 * noise
    mask = edge((shell.y - end) * SCALE, max(1.5 * frame.step, 0.016)) * edge(shell.inside, frame.step * 1.5)
    layer = _surface(f, shell, window, mask, turn, noise)
    layer.albedo *= 0.5
    layer.gloss = 0.0
    return layer


def _surface(f: Face, shell: Shell, window: Window, mask: Plane, turn: Plane, noise: Plane) -> Surface:
    """Return the shell as a layer whose normals are roughened across the strands."""
    albedo = _strand_light(f, shell, noise)
    normal = shell.normal
    normal[0] += 0.20 * noise
    normal[1] += (0.07 * f.waves) * np.sin(turn * 40.0 + shell.y * 20.0)
    np.clip(normal, -1.0, 1.0, out=normal)
    gloss = (0.85 + 0.55 * noise) * (1.0 - 0.5 * f.gray)
    return Surface(window, mask, albedo, normal, shell.depth, gloss * (0.12 + 0.75 * math.sqrt(sum(hair_colour(f)))))

"""The hair: a shell around the skull, cut open for the face, with strands that run from the parting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Level, Plane, Surface, Window, bell_curve, edge, smooth
from latentstudio.data.faces.head import SCALE, Pose, crown_width
from latentstudio.data.faces.palette import hair_colour
from latentstudio.data.faces.strands import strand_noise

LENGTHS = (0.12, 0.3)
"""Hair lengths at which the classes end that differ in how far down hair can reach: short, middling, long."""
_REACHES = ((0.71, 1.28), (0.755, 1.58), (0.8, 2.0))
"""Half width and height below the picture's top of the box that holds each class's hair, in scene units."""


@dataclass
class Shell:
    """Where lines of sight meet a dome that goes on downwards as a tube; planes of shape (B, h, w)."""

    x: Plane
    y: Plane
    z: Plane
    depth: Plane
    normal: Plane
    inside: Plane


def dome(pose: Pose, frame: Frame, window: Window, half: tuple[Plane, Plane, Level], middle: tuple[float, float],
         back: bool = False, flare: Level = 0.0) -> Shell:  # fmt: skip
    """Intersect a window's lines of sight with upright domes on tubes.

    Parameters
    ----------
    half : tuple of Plane or float
        Half width, height above ``middle[0]`` and half depth, in head units.
    middle : tuple of float
        Height where the dome passes into the tube, and the z of its axis.
    back : bool, optional
        Return the far wall, seen from within, in place of the near one.
    flare : float or Plane, optional
        How much wider the tube becomes per unit below the dome.
    """
    ox, oy, oz = pose.origins(frame, window)
    oz -= middle[1]
    dx, dy, dz = pose.turn[2]
    iy, iz = 1.0 / half[1], 1.0 / half[2]
    base = middle[0]
    sign = -1.0 if back else 1.0
    ez, pz = dz * iz, oz * iz
    ezz, pz_ez, pzz = ez * ez, pz * ez, pz * pz
    pzz -= 1.0
    y = oy + (sign * 0.3) * dy
    for _ in range(2):
        below = np.maximum(base - y, 0.0)
        below *= flare
        ix = crown_width(y)
        ix *= half[0]
        ix += below
        np.reciprocal(ix, out=ix)
        dome_y = np.multiply(y > base, iy)
        ex, ey = dx * ix, dy * dome_y
        px, py = ox * ix, oy - base
        py *= dome_y
        b, square, rest = px * ex, ex * ex, px * px
        b += py * ey
        b += pz_ez
        ey *= ey
        square += ey
        square += ezz
        py *= py
        rest += py
        rest += pzz
        rest *= square
        inside = b * b
        inside -= rest
        t = np.sqrt(np.maximum(inside, 0.0))
        t *= sign
        t -= b
        t /= square
        np.add(oy, t * dy, out=y)
    inside /= square
    inside *= 0.25 * SCALE
    ox += t * dx
    oz += t * dz
    ix *= ix
    ix *= ox
    dome_y *= dome_y
    dome_y *= y - base
    gz = oz * (iz * iz)
    length = ix * ix
    length += dome_y * dome_y
    length += gz * gz
    np.maximum(length, 1e-6, out=length)
    np.sqrt(length, out=length)
    np.divide(sign, length, out=length)
    normal = pose.to_view((ix, dome_y, gz))
    normal *= length
    oz += middle[1]
    t *= SCALE
    return Shell(ox, y, oz, t, normal, inside)


def volume(f: Face) -> Plane:
    """Return how far the hair stands off the skull at the crown, in head units."""
    return 0.05 + 0.035 * f.waves + 0.03 * np.minimum(f.hair_length, 0.6)


def has_hair(f: Face) -> NDArray[np.bool_]:
    """Say whose crown has hair."""
    return np.asarray(f.baldness < 0.5, dtype=np.bool_)


def covers_ears(f: Face) -> NDArray[np.bool_]:
    """Say whose hair falls over the ears."""
    return has_hair(f) & (f.hair_length > 0.2)


def falls_behind(f: Face) -> NDArray[np.bool_]:
    """Say whose hair can be seen behind the neck."""
    return has_hair(f) & (f.hair_length > LENGTHS[0])


def length_class(f: Face) -> NDArray[np.intp]:
    """Return each face's class of hair length: 0, 1 or 2."""
    return np.digitize(f.hair_length, LENGTHS, right=True)


def _length_level(f: Face, build: Build) -> Plane:
    """Return the height, in head units, at which the hair ends."""
    return np.asarray(-0.03 - 1.15 * np.maximum(f.hair_length - 0.12, 0.0) ** 0.8 - 0.04 * build.jaw)


def _strand_coordinate(f: Face, shell: Shell) -> Plane:
    """Return a coordinate that is constant along each strand: how far it has turned about the crown."""
    x = shell.x - 0.16 * f.parting
    back = shell.z * 0.8
    back += 0.2
    size = np.abs(back)
    size += np.abs(x)
    size += 1e-3
    turn: Plane = x / size
    turn = np.where(back > 0.0, turn, np.copysign(np.float32(2.0), x) - turn)
    turn *= 1.4
    bend = shell.y * (17.0 + 9.0 * f.strands)
    bend += turn * 5.0
    bend += 6.3 * f.strands
    np.sin(bend, out=bend)
    bend *= 0.05 * f.waves
    bend += turn
    return bend


def _fringe(f: Face, build: Build, shell: Shell, noise: Plane) -> Plane:
    """Return the signed distance, in head units, outside of the opening that the hair leaves for the face."""
    tight = 0.02 * (1.0 - f.hair_length)
    wide = build.half_width * 0.865 + tight
    top = 0.43 + 0.02 * f.face_length
    x = shell.x
    part = 0.16 * f.parting
    level = (0.10 * f.parting) * x
    level += top
    fringed = f.bangs > 0.0
    if fringed.any():
        drop = (0.285 * f.bangs + 0.02) - (0.22 * f.parting) * x
        drop -= 0.035 * noise
        drop *= fringed
        level -= drop
    if not fringed.all():
        temples = bell_curve(np.abs(x - 0.4 * part) - 0.235, 1 / 0.115)
        temples *= 0.16 * f.recession
        temples += (0.03 * f.recession + 0.02) * noise
        temples *= ~fringed
        level += temples
    low = -0.1
    level -= low
    rise = shell.y - low
    np.maximum(rise, 0.0, out=rise)
    rise /= level
    rise *= rise
    rise *= np.sqrt(rise)
    across = x / (wide + 0.008 * noise)
    across *= across
    across *= np.sqrt(across)
    across += rise
    across -= 1.0
    across *= 0.16
    behind = 0.03 - shell.z
    return np.asarray(np.maximum(across, behind, out=behind))


def _strand_light(f: Face, shell: Shell, noise: Plane) -> Plane:
    """Return the strands' colour, shape (3, B, h, w): locks, with roots and ends darker than the lengths."""
    tone = smooth(shell.normal[1], -0.5, 0.8)
    tone *= 0.38
    tone += 0.72
    tone *= 1.0 + 0.42 * noise
    out = hair_colour(f) * tone
    out += 0.004
    return np.asarray(out)


def front_hair(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return the hair that lies before the head: crown, fringe and the locks beside the face.

    All the faces must be of one class of hair length.
    """
    long = np.minimum(f.hair_length * 2.0, 1.0)
    reach, height = _REACHES[int(length_class(f).flat[0])]
    window = frame.window(pose.shift[0] - reach, 0.97 - height, 2.0 * reach, height)
    thick = volume(f)
    half = (build.half_width + 0.008 + (0.1 + 0.9 * long) * thick, build.half_height + thick, 0.62 + thick)
    shell = dome(pose, frame, window, half, (0.0, -0.12), flare=0.06 * long)
    turn = _strand_coordinate(f, shell)
    noise = strand_noise(turn, 22.0, f.strands)
    below = (0.05 + 0.03 * long) * noise
    below += _length_level(f, build)
    below += (0.1 * (1.0 - long)) * smooth(shell.z, 0.1, 0.3)
    np.subtract(shell.y, below, out=below)
    gap = _fringe(f, build, shell, noise)
    rim = (0.009 * f.waves * long + 0.005) * noise
    rim += shell.inside
    mask = edge(np.minimum(gap, below), max(1.5 * frame.step, 0.028) / SCALE)
    mask *= edge(rim, 1.5 * frame.step)
    return _surface(f, shell, window, mask, turn, noise)


def back_hair(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return the hair behind the neck, seen past the face: the far wall of the shell."""
    long = np.minimum(f.hair_length * 2.0, 1.0)
    reach, height = _REACHES[int(length_class(f).flat[0])]
    window = frame.window(pose.shift[0] - reach, 0.97 - height, 2.0 * reach, height - 0.47)
    thick = volume(f)
    half = (build.half_width + (0.1 + 0.9 * long) * thick, build.half_height + thick, 0.62 + thick)
    shell = dome(pose, frame, window, half, (0.0, -0.12), back=True, flare=0.06 * long)
    turn = _strand_coordinate(f, shell)
    noise = strand_noise(turn, 22.0, f.strands)
    end = (np.minimum(_length_level(f, build), -0.1) - 0.03) + 0.05 * noise
    mask = edge(shell.y - end, max(1.5 * frame.step, 0.016) / SCALE)
    mask *= edge(shell.inside, frame.step * 1.5)
    layer = _surface(f, shell, window, mask, turn, noise)
    layer.albedo *= 0.5
    layer.gloss = 0.0
    return layer


def _surface(f: Face, shell: Shell, window: Window, mask: Plane, turn: Plane, noise: Plane) -> Surface:
    """Return the shell as a layer whose normals are roughened across the strands."""
    albedo = _strand_light(f, shell, noise)
    normal = shell.normal
    normal[0] += 0.20 * noise
    wave = turn * 40.0
    wave += shell.y * 20.0
    np.sin(wave, out=wave)
    wave *= 0.07 * f.waves
    normal[1] += wave
    np.maximum(normal, -1.0, out=normal)
    np.minimum(normal, 1.0, out=normal)
    shine = (1.0 - 0.5 * f.gray) * (0.12 + 0.75 * np.sqrt(hair_colour(f).sum(axis=0)))
    gloss = (0.55 * shine) * noise
    gloss += 0.85 * shine
    return Surface(window, mask, albedo, normal, shell.depth, gloss)

"""Ears and what is put on: earrings, eyeglasses and a knitted hat."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Surface, bell_curve, coloured, edge, smooth, tint, vectors
from latentstudio.data.faces.hair import dome
from latentstudio.data.faces.head import SCALE, Pose
from latentstudio.data.faces.palette import dyed, mix, scale, skin_colour

EAR_Z = -0.06
EAR_Y = -0.05


def ear(f: Face, build: Build, pose: Pose, frame: Frame, sign: int) -> Surface:
    """Return one ear (sign -1: on the left of the picture), in a plane that turns with the head."""
    size = 0.135 + 0.014 * f.ears
    x0, y0, z0 = pose.project(sign * (build.half_width + 0.012), EAR_Y, EAR_Z)
    window = frame.window(x0 - 0.17, y0 - 0.18, 0.34, 0.36)
    x, y = frame.grid(window)
    open_out = 0.075 - sign * 0.11 * pose.turn[0, 2]
    width = np.maximum(open_out, 0.02)
    u = (x - x0) * (sign / (width * SCALE))
    v = (y - y0) * (1.0 / (size * SCALE))
    shape = u - 0.18 * v
    lobe = 1.0 - 0.28 * smooth(v, 0.1, -0.9)
    r = np.sqrt(np.square(shape / lobe) + v * v)
    mask = edge((1.0 - r) * (np.minimum(width, size) * SCALE), 1.5 * frame.step)
    skin = skin_colour(f)
    albedo = coloured(scale(skin, (1.0, 0.86, 0.84)), r.shape)
    bowl = np.exp((np.square(shape + 0.1) + np.square(v * 0.85 - 0.06)) * (-1 / 0.42**2))
    fold = bell_curve(r - 0.74, 1 / 0.12) * smooth(v, -0.7, -0.1)
    tint(albedo, np.clip(0.75 * bowl + 0.42 * fold, 0.0, 1.0), scale(skin, 0.36))
    nx = (sign * 0.45) + (0.4 * sign) * (r - 0.5) * np.sign(shape)
    ny = 0.25 * v
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.1))
    return Surface(window, mask, albedo, vectors(nx, ny, nz), z0 + 0.035, 0.2)


def earring(f: Face, build: Build, pose: Pose, frame: Frame, sign: int) -> Surface:
    """Return a bead that hangs from one ear's lobe."""
    drop = EAR_Y - 0.17
    x0, y0, z0 = pose.project(sign * (build.half_width + 0.008), drop, EAR_Z + 0.05)
    radius = 0.034
    window = frame.window(x0 - 0.08, y0 - 0.08, 0.16, 0.16)
    x, y = frame.grid(window)
    u, v = (x - x0) / radius, (y - y0) / radius
    r2 = u * u + v * v
    nz = np.sqrt(np.maximum(1.0 - r2, 0.05))
    mask = edge((1.0 - np.sqrt(r2)) * radius, 1.5 * frame.step)
    gold = (f.cloth_hue > 0.5).astype(np.float32)
    albedo = coloured(mix((0.85, 0.85, 0.86), (0.80, 0.55, 0.18), gold), r2.shape)
    normal = vectors(np.clip(u, -1, 1), np.clip(v, -1, 1), nz)
    return Surface(window, mask, albedo, normal, z0 + (radius + 0.05), 2.2)


def _rim_distance(f: Face, build: Build, x: Plane, y: Plane) -> Plane:
    """Return the signed distance inside of the nearer lens's outline, between round and rectangular."""
    side = np.abs(x)
    round_ = f.glasses_round
    half_x, half_y = 0.152 - 0.012 * round_, 0.098 + 0.032 * round_
    corner = 0.05 + (half_y - 0.05) * round_
    px = np.abs(side - (build.eye_x + 0.008)) - (half_x - corner)
    py = np.abs(y + 0.02 - 0.06 * (side - build.eye_x)) - (half_y - corner)
    beyond = np.sqrt(np.square(np.maximum(px, 0.0)) + np.square(np.maximum(py, 0.0)))
    return np.asarray(corner - beyond - np.minimum(np.maximum(px, py), 0.0))


def glasses(f: Face, build: Build, pose: Pose, frame: Frame) -> tuple[Surface, Surface]:
    """Return the lenses' faint reflection and the frame, in a gently curved plane before the eyes."""
    x0, y0, _ = pose.project(0.0, 0.0, 0.5)
    window = frame.window(x0 - 0.66, y0 - 0.24, 1.32, 0.46)
    ox, oy, oz = pose.origins(frame, window)
    dx, dy, dz = pose.turn[2]
    x = ox
    for _ in range(3):
        t = (0.54 - 0.75 * x * x - oz) / dz
        x = ox + t * dx
    y = oy + t * dy
    inside = _rim_distance(f, build, x, y)
    bar = 0.0125 + 0.007 * (1.0 - f.glasses_round)
    blur = max(1.4 * frame.step, 0.008)
    rim = edge(bar - np.abs(inside), blur)
    arch = np.abs(y - 0.03 + 2.0 * x * x)
    bridge = edge(bar - arch, blur) * (np.abs(x) < build.eye_x) * smooth(inside, 0.01, -0.01)
    arm = edge(0.9 * bar - np.abs(y - 0.035), blur)
    arm *= smooth(np.abs(x), build.eye_x + 0.14, build.eye_x + 0.16) * smooth(
        np.abs(x), build.half_width - 0.01, build.half_width - 0.04
    )
    mask = np.maximum(np.maximum(rim, bridge), arm)
    depth = t * SCALE
    albedo = coloured(dyed(f.cloth_hue * 0.12, 0.75, 0.12 + 0.28 * f.glasses_round), x.shape)
    nx = 0.5 * pose.turn[0, 2]
    ny = np.clip(inside * 30.0, -0.5, 0.5)
    normal = vectors(nx, ny, np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.1)))
    streak = smooth(np.abs(x * 0.9 + y - np.round(x * 2.4) * 0.4 - 0.02), 0.075, 0.045)
    lens_mask = edge(inside, blur) * (0.06 + 0.10 * streak)
    pane = np.ones_like(albedo)
    lens = Surface(window, lens_mask, pane, normal, depth, 0.2)
    return lens, Surface(window, mask, albedo, normal, depth, 1.2)


def hat(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return a knitted hat: a ribbed dome with a folded brim that sits above the brows."""
    window = frame.window(-0.95, -0.1, 1.9, 1.1)
    half = (build.half_width + 0.085, build.half_height + 0.13, 0.7)
    shell = dome(pose, frame, window, half, (0.1, -0.1))
    rim = 0.27 + 0.1 * shell.z * -1.0 + 0.04
    above = shell.y - rim
    fold = edge(0.17 - above, max(0.012, 1.5 * frame.step))
    turn = shell.x / np.sqrt(shell.x * shell.x + np.square(shell.z) + 0.01)
    angle = np.arcsin(np.clip(turn, -1.0, 1.0))
    rib = np.cos(angle * 46.0)
    knit = np.cos(angle * 30.0) * 0.6 + 0.4 * np.cos(shell.y * 70.0)
    weave = rib * fold + knit * (1.0 - fold)
    mask = edge(above * SCALE, 1.5 * frame.step) * edge(shell.inside, 1.5 * frame.step)
    colour = dyed(f.cloth_hue + 0.12, 0.55, 0.3 + 0.42 * f.cloth_light)
    albedo = colour * (0.86 + 0.16 * weave + 0.12 * fold)
    seam = bell_curve(above - 0.175, 1 / 0.018)
    albedo *= 1.0 - 0.55 * seam * (1.0 - fold * 0.7)
    normal = shell.normal
    normal[0] += 0.10 * rib * fold
    normal[1] += 0.35 * bell_curve(above - 0.17, 1 / 0.04) * fold
    return Surface(window, mask, albedo, normal, shell.depth, 0.05)

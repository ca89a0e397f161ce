"""From factors to pictures: the layers in order, the light, and the threads that share a batch."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.faces import body, eyes, hair, lighting, mouth, skin, wear
from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face, Factors
from latentstudio.data.faces.frame import HALF, MIDDLE, Frame, Plane, Surface, Window
from latentstudio.data.faces.head import Pose, meet

_FEWEST_SAMPLES = 64
_SAMPLES_PER_PIXEL = 1.5
_CHUNK = 8


def _samples(size: int) -> int:
    """Return how many samples a picture has along each side: 1.5 for each pixel, more if it is tiny.

    The layers' edges are smoothed over a sample and a half already; this averages what is left.
    """
    return max(_FEWEST_SAMPLES, math.ceil(_SAMPLES_PER_PIXEL * size))


@cache
def _averaging(size: int, samples: int) -> Plane:
    """Return the weights, shape (size, samples), by which pixels average the samples that they cover."""
    ends = np.arange(samples + 1) * (size / samples)
    pixel = np.arange(size)[:, None]
    share = np.minimum(ends[1:], pixel + 1.0) - np.maximum(ends[:-1], pixel)
    return np.asarray(np.maximum(share, 0.0), dtype=np.float32)


def _inner(part: Window, whole: Window) -> Window:
    """Return a window of the frame, relative to another that contains it."""
    cuts = []
    for a, b in zip(part, whole, strict=True):
        first = min(max(a.start - b.start, 0), b.stop - b.start - 1)
        cuts.append(slice(first, min(max(a.stop - b.start, first + 1), b.stop - b.start)))
    return cuts[0], cuts[1]


def _head(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return the head with everything that is painted on its skin."""
    window = frame.window(pose.shift[0] - 0.64, pose.shift[0] + 0.64, -0.8, 0.84)
    front = meet(f, build, pose, frame, window)
    albedo = skin.skin_albedo(f, build, front)
    gloss = np.full_like(front.x, 0.34)
    low = _inner(mouth.mouth_window(build, pose, frame), window)
    mouth.paint_nostrils(f, build, front, low, albedo)
    chin = _inner(frame.window(-1.0, 1.0, -1.0, pose.project(0.0, 0.24, 0.2)[1] + 0.04), window)
    hidden = skin.paint_beard(f, build, front.part(chin), albedo[:, chin[0], chin[1]])
    gloss[chin] *= 1.0 - 0.8 * hidden
    mouth.paint_mouth(f, build, front, low, albedo, gloss)
    arch = _inner(eyes.brow_window(build, pose, frame), window)
    skin.paint_brows(f, build, front.part(arch), albedo[:, arch[0], arch[1]])
    band = _inner(eyes.eye_window(build, pose, frame), window)
    eyes.paint_eyes(f, build, front, band, albedo, gloss)
    return Surface(window, front.mask, albedo, front.normal, front.depth, gloss)


def _paint_layers(f: Face, build: Build, pose: Pose, frame: Frame) -> None:
    """Paint all the layers of a face, from the back to the front."""
    haired = hair.has_hair(f)
    if hair.falls_behind(f):
        frame.paint(hair.back_hair(f, build, pose, frame))
    frame.paint(body.neck(f, frame))
    if f.necklace > 0:
        frame.paint(body.necklace(f, frame))
    frame.paint(body.clothes(f, frame))
    frame.paint(_head(f, build, pose, frame))
    if haired:
        frame.paint(hair.front_hair(f, build, pose, frame))
    if not (haired and hair.covers_ears(f)):
        for sign in (-1, 1):
            frame.paint(_before(wear.ear(f, build, pose, frame, sign), frame))
    if f.earrings > 0:
        for sign in (-1, 1):
            bead = wear.earring(f, build, pose, frame, sign)
            frame.paint(_before(bead, frame))
    if f.glasses > 0:
        for layer in wear.glasses(f, build, pose, frame):
            frame.paint(layer)
    if f.hat > 0:
        frame.paint(wear.hat(f, build, pose, frame))


def _before(layer: Surface, frame: Frame) -> Surface:
    """Hide the samples of a layer that lie behind what has been painted already."""
    rows, cols = layer.window
    ahead = (layer.depth - frame.depth[rows, cols]) * (1 / 0.03)
    layer.mask = layer.mask * np.clip(ahead + 0.5, 0.0, 1.0)
    return layer


def _develop(picture: Plane, size: int) -> NDArray[np.uint8]:
    """Average the samples of each pixel and turn linear light into display values, (size, size, 3)."""
    weights = _averaging(size, picture.shape[1])
    mean = weights @ picture @ weights.T
    # A shoulder: bright light is compressed in place of being cut off.
    mean = mean * (1.16 / (1.0 + 0.16 * mean))
    display = np.sqrt(np.clip(mean, 0.0, 1.0)) * 255.0 + 0.5
    return np.ascontiguousarray(display.astype(np.uint8).transpose(1, 2, 0))


@cache
def _settle_allocator() -> None:
    """Keep the memory of one picture's planes for the next picture, once for the process.

    The C library's allocator hands the top of its heap back to the system when more than a
    threshold is free there, and the next picture pays for the page faults: a third of its time.
    Freeing one block of its own mapping raises that threshold (glibc; elsewhere nothing happens).
    """
    np.empty(4 << 20, dtype=np.float32)


def draw(f: Face, size: int) -> NDArray[np.uint8]:
    """Draw one face as a picture of shape (size, size, 3), 8-bit RGB."""
    _settle_allocator()
    frame = Frame(_samples(size))
    build = Build.of(f)
    pose = Pose.of(f, build)
    _paint_layers(f, build, pose, frame)
    eyes.add_glints(f, build, pose, frame, lighting.light_direction(f))
    picture = lighting.shade(f, frame)
    backdrop = body.paint_background(f, frame)
    picture = backdrop + frame.cover * (picture - backdrop)
    return _develop(picture, size)


def render(factors: Factors, size: int = 64) -> NDArray[np.uint8]:
    """Draw a batch of faces.

    Each picture is drawn for itself, in planes that stay in a core's cache, so its pixels cannot
    depend on its batch; threads share the batch, for numpy lets go of the interpreter's lock.

    Parameters
    ----------
    factors : Factors
        N faces.
    size : int, optional
        Pixels on a side, at least 8.

    Returns
    -------
    NDArray[np.uint8]
        RGB pictures, shape (N, size, size, 3).
    """
    if size < 8:
        raise ValueError(f"a face needs at least 8 pixels on a side, not {size}")
    pictures = np.empty((len(factors), size, size, 3), dtype=np.uint8)

    def fill(start: int) -> None:
        rows = np.arange(start, min(start + _CHUNK, len(factors)))
        for row, face in zip(rows, factors.take(rows).faces(), strict=True):
            pictures[row] = draw(face, size)

    starts = range(0, len(factors), _CHUNK)
    workers = min(os.cpu_count() or 1, len(starts))
    if workers < 2:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(fill, starts))
    return pictures


def eye_positions(factors: Factors, size: int = 64) -> NDArray[np.float64]:
    """Return where the eyes' middles are, shape (N, 2, 2): left and right in the picture, each (x, y) in pixels.

    Pixel ``(0, 0)`` has its centre at ``(0, 0)``, so the picture's corner is at ``(-0.5, -0.5)``.
    """
    out = np.empty((len(factors), 2, 2), dtype=np.float64)
    for row, f in enumerate(factors.faces()):
        build = Build.of(f)
        pose = Pose.of(f, build)
        for column, sign in enumerate((-1, 1)):
            x, y, _ = pose.project(sign * build.eye_x, 0.0, build.eye_z)
            out[row, column] = (x / HALF + 1.0) * size / 2.0 - 0.5, (1.0 - (y - MIDDLE) / HALF) * size / 2.0 - 0.5
    return out

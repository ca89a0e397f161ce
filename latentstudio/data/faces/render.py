"""From factors to pictures: the layers in order, the light, and the threads that share a batch."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.faces import body, eyes, hair, lighting, mouth, skin, wear
from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face, Factors
from latentstudio.data.faces.frame import HALF, MIDDLE, Frame, Plane, Rows, Surface, Window
from latentstudio.data.faces.head import Pose, Skin, meet

Painter = Callable[[Skin], None]
Layer = Callable[[Face, Build, Pose, Frame], Surface | tuple[Surface, Surface]]

_FEWEST_SAMPLES = 64
_SAMPLES_PER_PIXEL = 1.5
_CHUNK_SAMPLES = 16 * 96 * 96
"""Samples of the faces that are drawn at once: few enough to stay in a core's cache."""


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


def _touch_up(paint: Painter, skin: Skin, part: Window) -> None:
    """Paint on the samples of a window within the skin's."""
    piece = Skin(skin.step, part.gather(skin.planes))
    paint(piece)
    part.scatter(piece.planes[3:], skin.planes[3:])


def _head(f: Face, build: Build, pose: Pose, frame: Frame) -> Surface:
    """Return the heads with everything that is painted on their skin."""
    window = frame.window(pose.shift[0] - 0.64, -0.8, 1.28, 1.64)
    front = meet(f, build, pose, frame, window)
    whole = front.skin
    skin.paint_skin(f, build, whole)
    whole.gloss[:] = 0.34
    low = mouth.mouth_window(build, pose, frame).within(window)
    _touch_up(partial(mouth.paint_nostrils, f, build), whole, low)
    if skin.has_beard(f):
        skin.paint_beard(f, build, whole)
    _touch_up(partial(mouth.paint_mouth, f, build), whole, low)
    arch = eyes.brow_window(build, pose, frame).within(window)
    _touch_up(partial(skin.paint_brows, f, build), whole, arch)
    band = eyes.eye_window(build, pose, frame).within(window)
    _touch_up(partial(eyes.paint_eyes, f, build), whole, band)
    return Surface(window, front.mask, whole.albedo, front.normal, front.depth, whole.gloss)


def _paint_layers(f: Face, build: Build, pose: Pose, frame: Frame) -> None:
    """Paint all the layers of the faces, from the back to the front."""

    def add(where: NDArray[np.bool_], *layers: Layer, hidden: bool = False) -> None:
        rows = np.flatnonzero(where)
        if len(rows):
            all_of_them = len(rows) == frame.count
            some = (f, build, pose) if all_of_them else (f.take(rows), build.take(rows), pose.take(rows))
            for layer in layers:
                made = layer(*some, frame)
                for surface in made if isinstance(made, tuple) else (made,):
                    frame.paint(_before(surface, frame, rows) if hidden else surface, rows)

    everyone = np.ones(frame.count, dtype=np.bool_)
    length = hair.length_class(f)
    for kind in (1, 2):
        add(hair.falls_behind(f) & (length == kind), hair.back_hair)
    add(everyone, lambda g, b, p, at: body.neck(g, at))
    add(f.necklace > 0, lambda g, b, p, at: body.necklace(g, at))
    add(everyone, lambda g, b, p, at: body.clothes(g, at), _head)
    for kind in (0, 1, 2):
        add(hair.has_hair(f) & (length == kind), hair.front_hair)
    add(~hair.covers_ears(f), partial(wear.ear, sign=-1), partial(wear.ear, sign=1), hidden=True)
    add(f.earrings > 0, partial(wear.earring, sign=-1), partial(wear.earring, sign=1), hidden=True)
    add(f.glasses > 0, wear.glasses)
    add(f.hat > 0, wear.hat)


def _before(layer: Surface, frame: Frame, faces: Rows) -> Surface:
    """Hide the samples of a layer that lie behind what has been painted already."""
    chosen = faces.tolist()
    there = np.stack([frame.depth[chosen[i], rows, cols] for i, rows, cols in layer.window.slices(len(chosen))])
    ahead = (layer.depth - there) * (1 / 0.03)
    layer.mask = layer.mask * np.clip(ahead + 0.5, 0.0, 1.0)
    return layer


def _develop(pictures: Plane, size: int) -> NDArray[np.uint8]:
    """Average the samples of each pixel and turn linear light into display values, (B, size, size, 3)."""
    weights = _averaging(size, pictures.shape[-1])
    mean = weights @ (pictures @ weights.T)
    np.maximum(mean, 0.0, out=mean)
    # A shoulder: bright light is compressed in place of being cut off.
    mean *= 1.16 / (1.0 + 0.16 * mean)
    np.minimum(mean, 1.0, out=mean)
    np.sqrt(mean, out=mean)
    mean *= 255.0
    mean += 0.5
    return np.ascontiguousarray(mean.astype(np.uint8).transpose(1, 2, 3, 0))


@cache
def _settle_allocator() -> None:
    """Keep the memory of one chunk's planes for the next chunk, once for the process.

    The C library's allocator hands the top of its heap back to the system when more than a
    threshold is free there, and the next picture pays for the page faults: a third of its time.
    Freeing one block of its own mapping raises that threshold (glibc; elsewhere nothing happens).
    """
    np.empty(4 << 20, dtype=np.float32)


def draw(factors: Factors, size: int) -> NDArray[np.uint8]:
    """Draw some faces together as pictures of shape (B, size, size, 3), 8-bit RGB."""
    _settle_allocator()
    f = factors.face()
    frame = Frame(_samples(size), len(factors))
    build = Build.of(f)
    pose = Pose.of(f, build)
    _paint_layers(f, build, pose, frame)
    light = lighting.light_direction(f)
    pictures = lighting.shade(f, frame, light, eyes.glints(f, build, pose, frame, light))
    backdrop = body.paint_background(f, frame)
    pictures -= backdrop
    pictures *= frame.cover
    pictures += backdrop
    return _develop(pictures, size)


def _alike(factors: Factors) -> Rows:
    """Return an order in which neighbours have the same layers, so that few of a chunk's are drawn for one face."""
    bearded = (factors.beard > 0) | (factors.goatee > 0) | (factors.mustache > 0) | (factors.stubble > 0)
    haired = np.where(factors.baldness < 0.5, np.digitize(factors.hair_length, hair.LENGTHS, right=True), -1)
    keys = (factors.necklace > 0, factors.earrings > 0, bearded, factors.glasses > 0, haired, factors.hat > 0)
    return np.lexsort(keys)


def render(factors: Factors, size: int = 64) -> NDArray[np.uint8]:
    """Draw a batch of faces.

    Some faces at a time are drawn in the same calls, in planes that stay in a core's cache. All that
    is done to a sample is done from its own face's factors and planes, so the pixels cannot depend on
    the batch; threads share the chunks, for numpy lets go of the interpreter's lock.

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
    order = _alike(factors)
    chunk = max(1, _CHUNK_SAMPLES // _samples(size) ** 2)

    def fill(start: int) -> None:
        rows = order[start : start + chunk]
        pictures[rows] = draw(factors.take(rows), size)

    starts = range(0, len(factors), chunk)
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
    f = factors.face()
    build = Build.of(f)
    pose = Pose.of(f, build)
    out = np.empty((len(factors), 2, 2), dtype=np.float64)
    for column, sign in enumerate((-1, 1)):
        x, y, _ = (v.reshape(-1).astype(np.float64) for v in pose.project(sign * build.eye_x, 0.0, build.eye_z))
        out[:, column, 0] = (x / HALF + 1.0) * size / 2.0 - 0.5
        out[:, column, 1] = (1.0 - (y - MIDDLE) / HALF) * size / 2.0 - 0.5
    return out

"""Simulated users: boxes drawn a little off, clicks near the middle of what is wrong.

Robot users that click exactly overestimate a model (arXiv 2404.01816), so every click and every box is jittered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def mask_bounds(mask: Mask) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the first and last pixel, inclusive. Raises ValueError for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask has no bounds")
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def jittered_box(rng: np.random.Generator, mask: Mask, *, jitter: float = 0.04) -> NDArray[np.float32]:
    """(4,) x0, y0, x1, y1 pixel centres, inclusive: the mask's bounds, each edge off by a normal share of the size.

    jitter: standard deviation as a share of width or height, cut at three deviations. The box stays inside the picture.
    """
    x0, y0, x1, y1 = mask_bounds(mask)
    size = np.array([x1 - x0 + 1, y1 - y0 + 1] * 2, float)
    off = np.clip(rng.normal(0, jitter, 4), -3 * jitter, 3 * jitter) * size
    box = np.array([x0, y0, x1, y1], float) + off
    rows, columns = mask.shape
    box = np.clip(box, 0, [columns - 1, rows - 1, columns - 1, rows - 1])
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        box = np.array([x0, y0, x1, y1], float)
    return box.astype(np.float32)


def _inner_pixel(rng: np.random.Generator, region: Mask, *, centrality: float) -> tuple[float, float]:
    """A pixel (x, y) of the region; the larger `centrality`, the nearer to its deepest place."""
    x0, y0, x1, y1 = mask_bounds(region)
    padded = np.pad(region[y0 : y1 + 1, x0 : x1 + 1], 1)  # the rest is far away and would take most of the time
    depth = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
    candidates = np.argwhere(depth >= centrality * depth.max())
    row, column = candidates[rng.integers(len(candidates))]
    return float(x0 + column), float(y0 + row)


def first_click(rng: np.random.Generator, mask: Mask) -> tuple[float, float]:
    """Where a user clicks first: inside, usually near the middle of the largest piece."""
    pieces, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(pieces.ravel())[1:].astype(float)
        mask = pieces == 1 + rng.choice(count, p=sizes**2 / (sizes**2).sum())
    return _inner_pixel(rng, mask, centrality=float(rng.uniform(0.3, 0.9)))


def corrective_click(rng: np.random.Generator, predicted: Mask, truth: Mask) -> tuple[float, float, bool] | None:
    """(x, y, positive) inside the largest wrong region, or None where nothing is wrong."""
    wrong = predicted ^ truth
    pieces, count = ndimage.label(wrong)
    if count == 0:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    region = pieces == 1 + int(np.argmax(sizes))
    x, y = _inner_pixel(rng, region, centrality=float(rng.uniform(0.5, 0.95)))
    return x, y, bool(truth[int(y), int(x)])

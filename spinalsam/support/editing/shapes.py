"""Changes of one binary shape: fill holes, keep its largest piece, smooth, grow and shrink.

Arrays are bool [i, j, k] and hold the shape with room around it, except where the volume itself ends: there the shape is taken
to go on, so that a vertebra cut by the end of the scan keeps its flat end. Distances are in mm between voxel centres along the
spacing; a sheared grid is treated as if its axes were perpendicular.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Shape = NDArray[np.bool_]

# A Gaussian reaches this many standard deviations.
_REACH = 3.0
_EPSILON_MM = 1e-6


def fill_holes(shape: Shape, *, axis: int | None = None) -> Shape:
    """The shape with every hole filled that the outside cannot reach over faces; with an axis, slice by slice across it."""
    if axis is None:
        return np.asarray(ndimage.binary_fill_holes(shape))
    slices = [ndimage.binary_fill_holes(piece) for piece in np.moveaxis(shape, axis, 0)]
    return np.moveaxis(np.stack(slices), 0, axis)


def pieces(shape: Shape) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(numbers, sizes): the connected pieces (faces, edges or corners touch) numbered from 1, the largest first."""
    numbers, count = ndimage.label(shape, structure=np.ones((3,) * shape.ndim))
    sizes = np.bincount(numbers.ravel(order="K"), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    rank = np.zeros(count + 1, np.int32)
    rank[order + 1] = np.arange(1, count + 1)
    return rank[numbers], sizes[order].astype(np.int64)


def largest_piece(shape: Shape) -> Shape:
    """Only the largest connected piece; of equal ones the first."""
    return pieces(shape)[0] == 1


def grow(shape: Shape, distance_mm: float, spacing_mm: ArrayLike) -> Shape:
    """The shape and every voxel whose centre is at most so far from one of its own."""
    distance = ndimage.distance_transform_edt(~shape, sampling=_spacing(spacing_mm))
    return np.asarray(distance <= distance_mm + _EPSILON_MM)


def shrink(shape: Shape, distance_mm: float, spacing_mm: ArrayLike) -> Shape:
    """The shape without the voxels whose centres are at most so far from one outside; what lies beyond the array is not outside."""
    if shape.all():
        return shape.copy()
    distance = ndimage.distance_transform_edt(shape, sampling=_spacing(spacing_mm))
    return np.asarray(distance > distance_mm + _EPSILON_MM)


def smooth(shape: Shape, strength_mm: float, spacing_mm: ArrayLike) -> Shape:
    """The shape with steps and spikes narrower than about the strength gone, of the same volume.

    A Gaussian of standard deviation `strength_mm` blurs the shape; the threshold is not 0.5, which would eat convex bone, but the
    value above which as many voxels lie as the shape had (a volume-preserving threshold). Volume changes by ties only. Along an
    axis on which the shape is one voxel thick nothing is blurred: a mask on one slice stays on it.
    """
    count = int(np.count_nonzero(shape))
    if count == 0:
        return shape.copy()
    sigmas = [strength_mm / mm if thick else 0.0 for mm, thick in zip(_spacing(spacing_mm), _is_thick(shape), strict=True)]
    blurred = ndimage.gaussian_filter(shape.astype(np.float32), sigmas, truncate=_REACH, mode="nearest")
    if count == shape.size:
        return shape.copy()
    threshold = np.partition(blurred.ravel(order="K"), shape.size - count)[shape.size - count]
    # Ties at the threshold: those that belonged to the shape come first, so that nothing creeps.
    sure = blurred > threshold
    ties = blurred == threshold
    missing = count - int(np.count_nonzero(sure))
    own, new = np.flatnonzero(ties & shape), np.flatnonzero(ties & ~shape)
    sure.ravel()[np.concatenate([own, new])[:missing]] = True
    return sure


def smooth_margin_mm(strength_mm: float) -> float:
    """How far around the shape `smooth` looks."""
    return _REACH * strength_mm


def _is_thick(shape: Shape) -> list[bool]:
    axes = range(shape.ndim)
    return [int(np.count_nonzero(shape.any(axis=tuple(other for other in axes if other != axis)))) > 1 for axis in axes]


def _spacing(spacing_mm: ArrayLike) -> tuple[float, ...]:
    return tuple(float(mm) for mm in np.asarray(spacing_mm, float).reshape(-1))

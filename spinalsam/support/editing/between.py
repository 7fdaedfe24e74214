"""Shape-based interpolation: what lies between the slices on which a structure was drawn.

On every drawn slice the signed distance to the outline is taken, in mm, positive inside; between two of them it is interpolated
linearly, and what is above zero is filled (Raya and Udupa, IEEE Transactions on Medical Imaging 9, 1990; Herman, Zheng and
Bucholtz, IEEE Computer Graphics and Applications 12, 1992; the distance here is the exact Euclidean one). Outlines that have no
pixel in common are first moved onto each other by their centres, since the plain rule would let the structure vanish between them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage


def fill_between(shape: NDArray[np.bool_], axis: int, spacing_mm: ArrayLike) -> NDArray[np.bool_]:
    """The shape [i, j, k] with every gap along an axis filled: empty slices that have drawn ones on both sides.

    Drawn slices stay exactly as they are. spacing_mm: (3,).
    """
    stack = np.moveaxis(shape, axis, 0).copy()
    in_plane = [float(mm) for n, mm in enumerate(np.asarray(spacing_mm, float)) if n != axis]
    drawn = np.flatnonzero(stack.any(axis=(1, 2)))
    for first, last in itertools.pairwise(drawn):
        if last - first > 1:
            stack[first + 1 : last] = _between(stack[first], stack[last], int(last - first), in_plane)
    return np.moveaxis(stack, 0, axis)


def gaps(shape: NDArray[np.bool_], axis: int) -> int:
    """How many empty slices lie between drawn ones along an axis."""
    drawn = np.flatnonzero(shape.any(axis=tuple(n for n in range(shape.ndim) if n != axis)))
    return int(drawn[-1] - drawn[0] + 1 - len(drawn)) if len(drawn) else 0


def signed_distance(shape: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Distance in mm to the outline, which runs half way between the last pixel inside and the first outside; positive inside."""
    inside = ndimage.distance_transform_edt(np.pad(shape, 1), sampling=spacing_mm)
    crop = tuple(slice(1, -1) for _ in range(shape.ndim))
    outside = ndimage.distance_transform_edt(~shape, sampling=spacing_mm)
    half = 0.5 * min(spacing_mm)
    return np.where(shape, inside[crop] - half, half - outside)


def _between(first: NDArray[np.bool_], last: NDArray[np.bool_], steps: int, spacing_mm: Sequence[float]) -> NDArray[np.bool_]:
    """The slices (steps - 1, rows, columns) between two drawn ones."""
    shift = np.zeros(2) if np.any(first & last) else _centre(last) - _centre(first)
    room = [int(np.ceil(abs(n))) for n in shift]
    pads = [(n, n) for n in room]
    one, other = (signed_distance(np.pad(piece, pads), spacing_mm) for piece in (first, last))
    crop = tuple(slice(n, n + size) for n, size in zip(room, first.shape, strict=True))
    out = np.empty((steps - 1, *first.shape), bool)
    for number in range(1, steps):
        share = number / steps
        moved_one, moved_other = _moved(one, share * shift), _moved(other, (share - 1.0) * shift)
        out[number - 1] = ((1.0 - share) * moved_one + share * moved_other)[crop] > 0
    return out


def _moved(distance: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(ndimage.shift(distance, by, order=1, mode="nearest")) if np.any(by) else distance


def _centre(shape: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.argwhere(shape).mean(axis=0)

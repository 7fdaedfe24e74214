"""What a brush touches: every voxel whose centre lies within a radius of a path, at true millimetres on any grid.

With A the 3x3 part of the affine, the distance between two voxel indices a and b is sqrt((a - b)' M (a - b)), M = A'A, so oblique,
anisotropic and sheared grids need no special case. A disc is the ball cut by one slice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinalsam.support.geometry import Geometry

_EPSILON = 1e-9
# Points of a path that deviate less than this from a straight line add nothing that a voxel could show.
_STRAIGHT_PIXELS = 0.05

Block = tuple[tuple[int, int, int], NDArray[np.bool_]]


def metric_of(geometry: Geometry) -> NDArray[np.float64]:
    """(3, 3) matrix M with |v|^2 = v' M v in mm^2 for a step v in voxel indices."""
    matrix = geometry.affine[:3, :3]
    return np.asarray(matrix.T @ matrix)


def stroke_block(
    path_ijk: ArrayLike, radius_mm: float, metric: NDArray[np.float64], shape: tuple[int, int, int], *, normal_axis: int | None = None
) -> Block | None:
    """The voxels within a radius of a path, as (first voxel, bool block), or None where the path touches none.

    path_ijk: (n, 3) voxel indices, float, n >= 1; neighbours are joined by straight lines. shape: size of the grid.
    normal_axis: keeps the stroke on the slice of its first point (a disc instead of a ball). The voxel that holds a point of the
    path always belongs to the stroke, however small the radius is.
    """
    path = np.asarray(path_ijk, float).reshape(-1, 3)
    reach = radius_mm * np.sqrt(np.diag(np.linalg.inv(metric)))
    lower, upper = _clipped(path.min(axis=0) - reach, path.max(axis=0) + reach, shape)
    if normal_axis is not None:
        index = round(float(path[0, normal_axis]))
        lower[normal_axis], upper[normal_axis] = max(lower[normal_axis], index), min(upper[normal_axis], index + 1)
    if np.any(upper <= lower):
        return None
    block = np.zeros(tuple(upper - lower), bool, order="F")
    for start, end in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        _add_segment(block, lower, start, end, radius_mm, reach, metric)
    touched = np.rint(path).astype(int) - lower
    inside = np.all((touched >= 0) & (touched < block.shape), axis=1)
    block[tuple(touched[inside].T)] = True
    i, j, k = (int(n) for n in lower)
    return ((i, j, k), block) if block.any() else None


def _clipped(first: NDArray, last: NDArray, shape: tuple[int, int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First voxel and first voxel beyond of all whose centres lie between two corners, inside the grid."""
    lower = np.maximum(np.floor(first + 0.5).astype(np.int64), 0)
    upper = np.minimum(np.floor(last + 0.5).astype(np.int64) + 1, shape)
    return lower, upper


def _add_segment(
    block: NDArray[np.bool_],
    lower: NDArray[np.int64],
    start: NDArray,
    end: NDArray,
    radius_mm: float,
    reach: NDArray,
    metric: NDArray[np.float64],
) -> None:
    """Set the voxels of the block (which begins at `lower`) that lie within the radius of one straight piece."""
    first, beyond = _clipped(np.minimum(start, end) - reach - lower, np.maximum(start, end) + reach - lower, block.shape)
    if np.any(beyond <= first):
        return
    axes = [np.arange(low, high) + lower[axis] - start[axis] for axis, (low, high) in enumerate(zip(first, beyond, strict=True))]
    steps = np.meshgrid(*axes, indexing="ij", sparse=True)
    along = end - start
    squared = _quadratic(steps, metric)
    length = float(along @ metric @ along)
    if length > _EPSILON:
        pulled = metric @ along
        dot = steps[0] * pulled[0] + steps[1] * pulled[1] + steps[2] * pulled[2]
        share = np.clip(dot / length, 0.0, 1.0)
        squared = squared + share * (share * length - 2.0 * dot)
    part = tuple(slice(int(low), int(high)) for low, high in zip(first, beyond, strict=True))
    block[part] |= squared <= radius_mm * radius_mm + _EPSILON


def _quadratic(steps: Sequence[NDArray], metric: NDArray[np.float64]) -> NDArray[np.float64]:
    """v' M v for all combinations of three sparse coordinate arrays."""
    out = sum(metric[a, a] * steps[a] ** 2 for a in range(3))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        if metric[a, b]:
            out = out + 2.0 * metric[a, b] * steps[a] * steps[b]
    return np.asarray(out)


def simplified(path_xy: ArrayLike, tolerance: float = _STRAIGHT_PIXELS) -> NDArray[np.float64]:
    """A path (n, 2) without the points that lie on the line between others (Douglas and Peucker 1973); its ends stay."""
    path = np.asarray(path_xy, float).reshape(-1, 2)
    keep = np.zeros(len(path), bool)
    keep[[0, -1]] = True
    stack = [(0, len(path) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        distances = _from_segment(path[first + 1 : last], path[first], path[last])
        farthest = int(distances.argmax())
        if distances[farthest] > tolerance:
            middle = first + 1 + farthest
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return path[keep]


def _from_segment(points: NDArray, start: NDArray, end: NDArray) -> NDArray[np.float64]:
    """Distances (n,) of points (n, 2) from the straight piece between two ends."""
    along = end - start
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0.0, 1.0) if length > 0 else np.zeros(len(points))
    return np.linalg.norm(points - start - share[:, None] * along, axis=1)


def polygon_mask(corners_xy: ArrayLike, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (rows, columns) whose centres lie in a polygon (n, 2) of [x, y]; an outline that crosses itself counts even-odd.

    Pixel centres are at whole numbers. Fewer than three corners hold nothing. Rows are filled between the edges' crossings.
    """
    corners = np.asarray(corners_xy, float).reshape(-1, 2)
    mask = np.zeros(shape, bool)
    if len(corners) < 3:
        return mask
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, axis=0).T
    top, bottom = max(0, int(np.ceil(y0.min()))), min(shape[0] - 1, int(np.floor(y0.max())))
    columns = np.arange(shape[1])
    for row in range(top, bottom + 1):
        # Half open in y, so that a corner on the row counts for one of its two edges.
        crosses = (y0 <= row) != (y1 <= row)
        at = np.sort(x0[crosses] + (row - y0[crosses]) * (x1[crosses] - x0[crosses]) / (y1[crosses] - y0[crosses]))
        mask[row] = np.searchsorted(at, columns, side="right") % 2 == 1
    return mask

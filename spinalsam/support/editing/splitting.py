"""One shape in parts: by a drawn line, or where it is thinnest.

The thinnest place is found by a watershed of the distance to the shape's surface. Every local maximum starts a basin; basins are
then joined over their highest saddle first, and a basin whose peak rises least above its saddle (its persistence; Edelsbrunner and
Harer 2010) is the first to lose its own name, until as many parts are left as were asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Shape = NDArray[np.bool_]


def sides_of_line(
    shape_of_grid: tuple[int, int, int], lower_ijk: ArrayLike, start_ijk: ArrayLike, end_ijk: ArrayLike, *, normal_axis: int
) -> Shape:
    """Which voxels of a block lie on the one side of a plane: the one through a line on a slice, upright on the slice.

    shape_of_grid: size of the block; lower_ijk: its first voxel; start_ijk, end_ijk: two different points of the line.
    """
    one, other = (n for n in range(3) if n != normal_axis)
    start, end = np.asarray(start_ijk, float), np.asarray(end_ijk, float)
    lower = np.asarray(lower_ijk, float)
    along = end - start
    first = np.arange(shape_of_grid[one]) + lower[one] - start[one]
    second = np.arange(shape_of_grid[other]) + lower[other] - start[other]
    side = first[:, None] * along[other] - second[None, :] * along[one] > 0
    return np.broadcast_to(np.expand_dims(side, normal_axis), shape_of_grid)


def watershed_parts(shape: Shape, parts: int, spacing_mm: ArrayLike) -> NDArray[np.int32]:
    """The shape cut at its thinnest places into so many parts, numbered from 1 by size; 0 outside. Fewer where it has no more peaks."""
    from skimage.segmentation import watershed

    height = ndimage.distance_transform_edt(np.pad(shape, 1), sampling=np.asarray(spacing_mm, float))
    height = height[tuple(slice(1, -1) for _ in range(shape.ndim))]
    markers, count = ndimage.label((height == ndimage.maximum_filter(height, size=3)) & shape, structure=np.ones((3,) * shape.ndim))
    basins = watershed(-height, markers, mask=shape)
    owner = _joined(basins, count, height, parts)
    return _by_size(owner[basins])


def _joined(basins: NDArray, count: int, height: NDArray, parts: int) -> NDArray[np.int32]:
    """For every basin the one whose name it ends with, so that `parts` names are left."""
    peaks = np.zeros(count + 1)
    peaks[1:] = ndimage.maximum(height, basins, np.arange(1, count + 1))
    saddles = _saddles(basins, height)
    survivors = _most_persistent(peaks, saddles, parts)
    owner = np.arange(count + 1, dtype=np.int32)

    def root(basin: int) -> int:
        while owner[basin] != basin:
            owner[basin] = owner[owner[basin]]
            basin = int(owner[basin])
        return basin

    for _, one, other in saddles:
        first, second = root(one), root(other)
        if first == second or (first in survivors and second in survivors):
            continue
        stays = first in survivors or (second not in survivors and peaks[first] >= peaks[second])
        keep, lose = (first, second) if stays else (second, first)
        owner[lose] = keep
    return np.array([root(basin) for basin in range(count + 1)], np.int32)


def _most_persistent(peaks: NDArray, saddles: list[tuple[float, int, int]], parts: int) -> set[int]:
    """The basins that rise most above the saddle over which they join a higher one."""
    owner = list(range(len(peaks)))
    persistence = np.full(len(peaks), np.inf)
    persistence[0] = -1.0

    def root(basin: int) -> int:
        while owner[basin] != basin:
            owner[basin] = owner[owner[basin]]
            basin = owner[basin]
        return basin

    for level, one, other in saddles:
        first, second = root(one), root(other)
        if first != second:
            low, high = sorted((first, second), key=lambda basin: (peaks[basin], -basin))
            persistence[low] = peaks[low] - level
            owner[low] = high
    order = np.lexsort((np.arange(len(peaks)), -peaks, -persistence))
    return {int(basin) for basin in order[:parts] if basin}


def _saddles(basins: NDArray, height: NDArray) -> list[tuple[float, int, int]]:
    """(height of the pass, one basin, the other) of all neighbouring basins, the highest pass first."""
    found: dict[tuple[int, int], float] = {}
    for axis in range(basins.ndim):
        low = tuple(slice(None, -1) if n == axis else slice(None) for n in range(basins.ndim))
        high = tuple(slice(1, None) if n == axis else slice(None) for n in range(basins.ndim))
        one, other = basins[low], basins[high]
        meet = (one != other) & (one > 0) & (other > 0)
        pairs = np.sort(np.stack([one[meet], other[meet]], axis=1), axis=1)
        passes = np.minimum(height[low][meet], height[high][meet])
        for (a, b), level in zip(pairs.tolist(), passes.tolist(), strict=True):
            found[a, b] = max(found.get((a, b), -1.0), level)
    return sorted(((level, a, b) for (a, b), level in found.items()), key=lambda entry: (-entry[0], entry[1], entry[2]))


def _by_size(numbers: NDArray) -> NDArray[np.int32]:
    """The same parts numbered from 1, the largest first."""
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    order = [int(n) for n in np.argsort(-sizes, kind="stable") if sizes[n]]
    rank = np.zeros(len(sizes), np.int32)
    rank[order] = np.arange(1, len(order) + 1)
    return rank[numbers]

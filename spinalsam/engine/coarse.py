"""A volume on the locator's coarse grid: axis-parallel LPS voxels of VOXEL_MM, whatever the file's orientation and spacing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.geometry import Geometry

VOXEL_MM = 3.0
SLAB = 16  # layers of coarse voxels that are averaged together
PADDING_HU = -1500  # what scanners write outside their round field of view lies below


@dataclass(frozen=True)
class Coarse:
    """hu: float32 [x, y, z] in LPS order. seen: bool, where there is a voxel of the file. geometry: the coarse grid's."""

    hu: NDArray[np.float32]
    seen: NDArray[np.bool_]
    geometry: Geometry


def coarse_volume(voxels: NDArray, geometry: Geometry, *, is_hu: bool) -> Coarse:
    """Resample a volume [i, j, k] of any orientation: averaged over whole blocks first, so that nothing aliases."""
    factors = [max(1, int(VOXEL_MM / mm)) if n > 1 else 1 for mm, n in zip(geometry.spacing_mm, geometry.shape, strict=True)]
    factors = [min(f, n) for f, n in zip(factors, geometry.shape, strict=True)]
    blocks = _block_mean(voxels, factors)
    if not is_hu:
        blocks = _as_hu(blocks)
    corners = geometry.to_mm(_corners(geometry.shape))
    low, high = corners.min(axis=0) + VOXEL_MM / 2, corners.max(axis=0)
    shape = np.maximum(np.ceil((high - low) / VOXEL_MM - 1e-6).astype(int), 1)
    affine = np.diag([VOXEL_MM] * 3 + [1.0])
    affine[:3, 3] = low
    grid = Geometry((int(shape[0]), int(shape[1]), int(shape[2])), affine)
    # Coarse voxel -> mm -> file voxel -> block.
    inverse = np.linalg.inv(geometry.affine) @ affine
    matrix, shift = inverse[:3, :3], inverse[:3, 3]
    scale = np.array(factors, float)
    to_block, block_shift = matrix / scale[:, None], (shift - (scale - 1) / 2) / scale
    hu = ndimage.affine_transform(blocks, to_block, block_shift, grid.shape, np.float32, order=1, mode="nearest")
    return Coarse(hu, _inside(matrix, shift, grid.shape, geometry.shape) & (hu > PADDING_HU), grid)


def _corners(shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """(8, 3) outer corners of the grid's voxels."""
    ends = [(-0.5, n - 0.5) for n in shape]
    return np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T


def _block_mean(voxels: NDArray, factors: list[int]) -> NDArray[np.float32]:
    """Mean over blocks; voxels that fill no whole block at the far end are left out. A few layers at a time: the mean along the first axis
    alone takes as much memory as the volume."""
    step = SLAB * factors[2]
    ends = range(0, voxels.shape[2] // factors[2] * factors[2], step)
    return np.concatenate([_slab_mean(voxels[:, :, first : first + step], factors) for first in ends], axis=2)


def _slab_mean(voxels: NDArray, factors: list[int]) -> NDArray[np.float32]:
    for axis, factor in enumerate(factors):
        if factor > 1:
            count = voxels.shape[axis] // factor
            parts = [voxels[_every(axis, first, factor, count)] for first in range(factor)]
            total = parts[0].astype(np.float32)
            for part in parts[1:]:
                total += part
            voxels = total * np.float32(1 / factor)
    return np.asarray(voxels, np.float32)


def _every(axis: int, first: int, step: int, count: int) -> tuple[slice, ...]:
    index = [slice(None)] * 3
    index[axis] = slice(first, first + step * count, step)
    return tuple(index)


def _as_hu(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels of unknown scale as if they were HU: the darkest are air, the brightest hundredth is dense bone."""
    dark, bright = np.percentile(values[:: max(1, values.shape[0] // 64)], [1, 99.5])
    return (values - dark) * np.float32(1600 / max(float(bright - dark), 1e-3)) - 1000


def _inside(matrix: NDArray, shift: NDArray, shape: tuple[int, int, int], size: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Where coarse voxels lie within the file's grid."""
    axes = [np.arange(n, dtype=np.float32) for n in shape]
    inside = np.ones(shape, bool)
    for row, offset, n in zip(matrix.astype(np.float32), shift, size, strict=True):
        place = row[0] * axes[0][:, None, None] + row[1] * axes[1][None, :, None] + row[2] * axes[2][None, None] + np.float32(offset)
        inside &= (place > -0.51) & (place < n - 0.49)
    return inside

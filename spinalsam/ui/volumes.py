"""How large each label is, counted a slab at a time so that other threads get their turn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.geometry import Geometry


def volumes_ml(mask: NDArray[Any], geometry: Geometry) -> dict[int, float]:
    """Label value -> ml (thousands of voxels where the voxel size is unknown), of the labels that have voxels."""
    counts = np.zeros(int(np.iinfo(mask.dtype).max) + 1, np.int64)
    axis = int(np.argmax(np.abs(mask.strides)))
    for slab in np.moveaxis(mask, axis, 0):
        if slab.any():
            found = np.bincount(slab.ravel(order="K"))
            counts[: len(found)] += found
    voxel_ml = abs(float(np.linalg.det(geometry.affine[:3, :3]))) / 1000.0
    return {int(value): float(counts[value]) * voxel_ml for value in np.flatnonzero(counts) if value}

"""Parting of whole vertebrae that touch, at facets and across discs, by a watershed over the votes and the depth inside the bone.

Only what both claim nearly alike is shared out anew: there every vertebra floods from what is surely its own (Beucher and Meyer 1993), so
that a voxel goes to the one that it hangs on and not to a single vote. Where a whole region was judged wrongly, flooding it from cores
makes that worse (measured; see docs/WHOLE_VERTEBRAE.md), so sure voxels stay as the votes say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CONTESTED = 0.35  # votes that lie nearer to each other than this leave a voxel open


def parted(
    mine: NDArray[np.bool_], first: NDArray[np.float32], second: NDArray[np.float32], spacing_mm: Sequence[float]
) -> NDArray[np.bool_] | None:
    """Which voxels of `mine` [i, j, k], all that two neighbours hold together, belong to the first; None where nothing is open.

    first, second: float32 [i, j, k] their shares of the votes. spacing_mm: along i, j, k.
    """
    from skimage.segmentation import watershed

    leads = first >= second
    sure = mine & (np.abs(first - second) >= CONTESTED)
    markers = np.where(sure & leads, 1, np.where(sure & ~leads, 2, 0)).astype(np.int32)
    if np.array_equal(sure, mine) or not (markers == 1).any() or not (markers == 2).any():
        return None
    depth = ndimage.distance_transform_edt(np.pad(mine, 1), sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
    relief = -np.maximum(first, second) - depth / max(float(depth.max(initial=0.0)), 1e-6)
    found = watershed(relief, markers, mask=mine)
    # What no sure voxel reaches stays with the one that has more votes.
    return np.asarray((found == 1) | ((found == 0) & mine & leads))

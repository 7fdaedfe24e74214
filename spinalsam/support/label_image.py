"""What a label image holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def label_values(image: NDArray) -> list[int]:
    """The values above 0 that occur in an image of whole numbers of any shape, rising; a slab at a time, so memory stays small."""
    found: set[int] = set()
    for slab in image if image.ndim > 1 and image.strides[0] >= image.strides[-1] else np.moveaxis(image, -1, 0):
        if slab.dtype.kind in "bu" and slab.dtype.itemsize <= 2:
            found.update(np.flatnonzero(np.bincount(slab.ravel(order="K"))).tolist())
        else:
            found.update(int(value) for value in np.unique(slab))
    return sorted(value for value in found if value > 0)

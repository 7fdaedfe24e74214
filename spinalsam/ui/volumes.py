"""How large each label is and on which slices it lies, counted a slab at a time so that other threads get their turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.geometry import Geometry


@dataclass(frozen=True)
class Extents:
    """ml: label value -> ml (thousands of voxels where their size is unknown). slices: label value -> for each index axis, bool (n,)."""

    ml: dict[int, float] = field(default_factory=dict)
    slices: dict[int, tuple[NDArray[np.bool_], ...]] = field(default_factory=dict)

    def along(self, axis: int) -> dict[int, NDArray[np.bool_]]:
        """Label value -> whether each slice across an index axis holds it."""
        return {value: held[axis] for value, held in self.slices.items()}


def extents(mask: NDArray[Any], geometry: Geometry) -> Extents:
    """Of the labels that have voxels in a label map [i, j, k]."""
    counts = np.zeros(int(np.iinfo(mask.dtype).max) + 1, np.int64)
    slow = int(np.argmax(np.abs(mask.strides)))
    others = [axis for axis in range(3) if axis != slow]
    held: dict[int, list[NDArray[np.bool_]]] = {}
    for index, slab in enumerate(np.moveaxis(mask, slow, 0)):
        if not slab.any():
            continue
        found = np.bincount(slab.ravel(order="K"))
        counts[: len(found)] += found
        for value in np.flatnonzero(found).tolist():
            if value:
                inside = slab == value
                spans = held.setdefault(value, [np.zeros(n, bool) for n in mask.shape])
                spans[slow][index] = True
                spans[others[0]] |= inside.any(axis=1)
                spans[others[1]] |= inside.any(axis=0)
    voxel_ml = abs(float(np.linalg.det(geometry.affine[:3, :3]))) / 1000.0
    ml = {int(value): float(counts[value]) * voxel_ml for value in np.flatnonzero(counts) if value}
    return Extents(ml, {value: tuple(spans) for value, spans in sorted(held.items())})


def known_ml(workspace: Any) -> dict[int, float]:
    """Label value -> ml as the workspace has counted them edit by edit; empty without a case."""
    if not workspace.has_case:
        return {}
    voxel_ml = abs(float(np.linalg.det(workspace.volume.geometry.affine[:3, :3]))) / 1000.0
    return {value: count * voxel_ml for value, count in workspace.case.extents.counts.items()}

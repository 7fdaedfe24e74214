"""On which slices each label lies, counted a slab at a time so that other threads get their turn, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.measuring import measured_geometry


@dataclass(frozen=True)
class Extents:
    """slices: label value -> for each index axis whether its slices hold the label, bool (n,)."""

    slices: dict[int, tuple[NDArray[np.bool_], ...]] = field(default_factory=dict)

    def along(self, axis: int) -> dict[int, NDArray[np.bool_]]:
        """Label value -> whether each slice across an index axis holds it."""
        return {value: held[axis] for value, held in self.slices.items()}


def extents(mask: NDArray[Any]) -> Extents:
    """Of the labels that have voxels in a label map [i, j, k]."""
    slow = int(np.argmax(np.abs(mask.strides)))
    others = [axis for axis in range(3) if axis != slow]
    held: dict[int, list[NDArray[np.bool_]]] = {}
    for index, slab in enumerate(np.moveaxis(mask, slow, 0)):
        if not slab.any():
            continue
        for value in np.flatnonzero(np.bincount(slab.ravel(order="K"))).tolist():
            if value:
                inside = slab == value
                spans = held.setdefault(value, [np.zeros(n, bool) for n in mask.shape])
                spans[slow][index] = True
                spans[others[0]] |= inside.any(axis=1)
                spans[others[1]] |= inside.any(axis=0)
    return Extents({value: tuple(spans) for value, spans in sorted(held.items())})


def known_ml(workspace: Any) -> dict[int, float]:
    """Label value -> ml (thousands of voxels where their size is unknown) as counted edit by edit; empty without a case."""
    if not workspace.has_case:
        return {}
    voxel_ml = measured_geometry(workspace.volume).voxel_mm3 / 1000
    return {value: count * voxel_ml for value, count in workspace.case.extents.counts.items()}

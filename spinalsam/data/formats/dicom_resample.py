"""Unevenly spaced slices brought onto an even grid, which is done only where somebody asks for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats.dicom_grid import Frame, Stack

# A slice of the grid that lies this near to a measured one is that one.
_SAME_PLACE_MM = 1e-3


def onto_grid(voxels: NDArray, stack: Stack) -> tuple[NDArray, Stack]:
    """(voxels on the stack's even grid [i, j, k], the stack with the frames that lie on slices of it).

    voxels: slices as they were measured, at `stack.along_mm`; those whose frame is None could not be decoded and are passed over.
    Each slice of the grid is the linear mixture of the two measured ones that it lies between.
    """
    assert stack.along_mm is not None
    used = [n for n, frame in enumerate(stack.slices) if frame is not None]
    places = np.array(stack.along_mm)[used]
    count = stack.geometry.shape[2]
    grid = np.linspace(places[0], places[-1], count)
    out = np.empty((*voxels.shape[:2], count), voxels.dtype, order="F")
    slices: list[Frame | None] = [None] * count
    for k, place in enumerate(grid):
        nearest = int(np.abs(places - place).argmin())
        if abs(places[nearest] - place) < _SAME_PLACE_MM:
            slices[k] = stack.slices[used[nearest]]
            out[:, :, k] = voxels[:, :, used[nearest]]
            continue
        after = int(np.searchsorted(places, place))
        weight = (place - places[after - 1]) / (places[after] - places[after - 1])
        mixed = voxels[:, :, used[after - 1]] * (1 - weight) + voxels[:, :, used[after]] * weight
        out[:, :, k] = np.rint(mixed) if voxels.dtype.kind == "i" else mixed
    return out, replace(stack, slices=tuple(slices), along_mm=None)

"""On which slice a sentence's regions are prompted: the shown one where they are on it, else the one that shows most of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.masking import values_of
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace


def slice_of_regions(ws: Workspace, ref: SliceRef, regions: Sequence[str]) -> tuple[SliceRef, dict[str, Any]]:
    """The slice of `ref`'s plane for prompts on regions, and the change of the view that shows it.

    It is `ref` itself, and nothing changes, where one of the regions has a mask there or none has one anywhere.
    """
    values = [value for value in values_of(regions) if value in ws.case.extents.counts]
    if not values or np.isin(ws.plane(ref.plane).cut(ws.case.mask, ref.index), values).any():
        return ref, {}
    voxel = _middle_of_largest_slice(ws, ref.plane, values)
    there = SliceRef(ref.plane, voxel[ws.plane(ref.plane).normal_axis])
    return there, {"view": replace(ws.state.view, crosshair_ijk=voxel)}


def slices_of(ws: Workspace, plane: str, values: Sequence[int]) -> tuple[int, int] | None:
    """The first and the last slice of a plane, from 1, between which labels lie; None where they have no voxel."""
    axis = ws.plane(plane).normal_axis
    boxes = [box for value in values if (box := ws.case.extents.box_of(ws.case.mask, value)) is not None]
    return (min(box[axis].start for box in boxes) + 1, max(box[axis].stop for box in boxes)) if boxes else None


def _middle_of_largest_slice(ws: Workspace, plane: str, values: Sequence[int]) -> tuple[int, int, int]:
    """A voxel of the labels near their middle on the slice that shows most of them; only the box that holds them is looked at."""
    boxes = [box for value in values if (box := ws.case.extents.box_of(ws.case.mask, value)) is not None]
    lower = [min(box[axis].start for box in boxes) for axis in range(3)]
    upper = [max(box[axis].stop for box in boxes) for axis in range(3)]
    i, j, k = (slice(low, high) for low, high in zip(lower, upper, strict=True))
    where: NDArray[np.bool_] = np.isin(ws.case.mask[i, j, k], values)
    axis = ws.plane(plane).normal_axis
    index = int(where.sum(axis=tuple(n for n in range(3) if n != axis)).argmax())
    on_slice = np.argwhere(np.take(where, index, axis=axis))
    nearest = on_slice[np.abs(on_slice - on_slice.mean(axis=0)).sum(axis=1).argmin()]
    a, b, c = (int(n) + low for n, low in zip(np.insert(nearest, axis, index), lower, strict=True))
    return a, b, c

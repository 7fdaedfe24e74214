"""Where one looks after something was made: the panes show it, and what shows it already stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from spinalsam.control.operation import MaskEdit
from spinalsam.control.painting import union_box
from spinalsam.support.planes import PLANES

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace


def shown_after(ws: Workspace, edit: MaskEdit | None, values: Sequence[int]) -> dict[str, Any]:
    """The change of the view, if one is needed, after which every shown plane cuts one of the labels.

    edit: what is about to be done to the mask. values: the labels that it is about, in their order; where none of them is seen on all
    shown planes it is the middle one that will be. A plane whose slice cuts that one stays where it is.
    """
    view = ws.state.view
    shown = PLANES if view.layout in ("mpr", "3d") else (view.layout,)
    axes = [ws.plane(plane).normal_axis for plane in shown]
    here = np.array(view.crosshair_ijk)
    lower, labels = _labels(ws, edit, values)
    boxes = find_objects(labels, max_label=max(values, default=0))
    found = [(value, _cut(box, here - lower)) for value in values if (box := boxes[value - 1]) is not None]
    if not found or any(np.all(cut[axes]) for _, cut in found):
        return {}
    value, cut = found[len(found) // 2]
    i, j, k = (int(n) for n in _place(np.argwhere(labels == value) + lower, here, cut))
    return {"view": replace(view, crosshair_ijk=(i, j, k))}


def _labels(ws: Workspace, edit: MaskEdit | None, values: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.unsignedinteger]]:
    """(first voxel, labels from there on as they will be) of a block that holds all of the given ones."""
    boxes = [box for value in values if (box := ws.case.extents.boxes.get(value)) is not None]
    around = union_box([*boxes, (edit.lower_ijk, edit.upper_ijk)] if edit else boxes)
    if around is None:
        return np.zeros(3, int), np.zeros((0, 0, 0), np.uint8)
    lower = np.array(around[0])
    labels = ws.case.mask[tuple(slice(low, high) for low, high in zip(*around, strict=True))]
    if edit is not None:
        labels = labels.astype(np.promote_types(labels.dtype, edit.after.dtype))
        labels[tuple(slice(low, low + n) for low, n in zip(edit.lower_ijk - lower, edit.after.shape, strict=True))] = edit.after
    return lower, labels


def _cut(box: tuple[slice, ...], here: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Along which axes the slice through a voxel lies among a box's."""
    return np.array([part.start <= n < part.stop for part, n in zip(box, here, strict=True)])


def _place(where: NDArray[np.int64], here: NDArray[np.int64], stays: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The voxel among those of a label that is nearest to its middle; on the slices that stay, where they meet in it."""
    on_them = where[np.all(where[:, stays] == here[stays], axis=1)]
    candidates = on_them if len(on_them) else where
    middle = candidates.mean(axis=0)
    return np.where(stays, here, candidates[((candidates - middle) ** 2).sum(axis=1).argmin()])

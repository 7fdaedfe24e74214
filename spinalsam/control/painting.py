"""Label maps: painting a mask on a slice, finding what changed, and doing it both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.operation import MaskEdit
from spinalsam.support.planes import SlicePlane

Labels = NDArray[np.unsignedinteger]
Box = tuple[tuple[int, int, int], tuple[int, int, int]]
# Label value -> a number of voxels.
Counts = Mapping[int, int]


def paint(labels: Labels, mask: NDArray[np.bool_], value: int, locked: Iterable[int] = ()) -> Labels:
    """A copy of `labels` with `value` where `mask` holds, except on locked labels. Same shape, any number of axes."""
    where = mask & ~np.isin(labels, list(locked)) if locked else mask
    painted = labels.astype(np.uint16) if value > np.iinfo(labels.dtype).max else labels.copy()
    painted[where] = value
    return painted


def to_slab(plane: SlicePlane, picture: NDArray) -> NDArray:
    """A slice as shown (rows, columns) to the voxels' axis order, with length 1 along the plane's normal: the inverse of a cut."""
    if plane.column_flipped:
        picture = picture[:, ::-1]
    if plane.row_flipped:
        picture = picture[::-1]
    if plane.row_axis > plane.column_axis:
        picture = picture.T
    return np.expand_dims(picture, plane.normal_axis)


def slice_edit(labels: Labels, plane: SlicePlane, index: int, after: Labels) -> MaskEdit | None:
    """The edit that turns slice `index` of the label map [i, j, k] into `after` (rows, columns); None when nothing changes."""
    lower = [0, 0, 0]
    lower[plane.normal_axis] = index
    return block_edit(labels, (lower[0], lower[1], lower[2]), to_slab(plane, after))


def block_edit(labels: Labels, lower_ijk: tuple[int, int, int], after: Labels) -> MaskEdit | None:
    """The smallest edit that puts the block `after` at `lower_ijk` of the label map; None when nothing changes."""
    box = tuple(slice(low, low + n) for low, n in zip(lower_ijk, after.shape, strict=True))
    changed = labels[box] != after
    inner = bounding_box(changed)
    if inner is None:
        return None
    low = tuple(start + part.start for start, part in zip(lower_ijk, inner, strict=True))
    before = labels[box][inner].copy(order="F")
    kept = after[inner]
    dtype = labels.dtype if kept.max() <= np.iinfo(labels.dtype).max else np.dtype(np.uint16)
    return MaskEdit((low[0], low[1], low[2]), before, kept.astype(dtype, order="F"))


def bounding_box(where: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box that holds every True, or None when there is none."""
    found: list[slice] = []
    for axis in range(where.ndim):
        others = tuple(n for n in range(where.ndim) if n != axis)
        indices = np.flatnonzero(where.any(axis=others))
        if indices.size == 0:
            return None
        found.append(slice(int(indices[0]), int(indices[-1]) + 1))
    return tuple(found)


def apply_edit(labels: Labels, edit: MaskEdit, *, back: bool = False) -> Labels:
    """The label map with the edit done, or undone with `back`; changed in place unless it has to become uint16."""
    return put_block(labels, edit.lower_ijk, edit.before if back else edit.after)


def put_block(labels: Labels, lower_ijk: tuple[int, int, int], values: Labels) -> Labels:
    """The label map with a block of values at a voxel; changed in place unless it has to become uint16."""
    if np.dtype(values.dtype).itemsize > labels.dtype.itemsize:
        labels = labels.astype(values.dtype, order="F")
    labels[tuple(slice(low, low + n) for low, n in zip(lower_ijk, values.shape, strict=True))] = values
    return labels


def changed_counts(before: Labels, after: Labels) -> tuple[dict[int, int], dict[int, int]]:
    """Of the voxels that differ: how many had each value, and how many have it now; a slab at a time, which keeps memory small."""
    size = int(max(before.max(initial=0), after.max(initial=0))) + 1
    lost, won = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for old, new in zip(np.moveaxis(before, -1, 0), np.moveaxis(after, -1, 0), strict=True):
        changed = old != new
        if changed.any():
            lost += np.bincount(old[changed], minlength=size)
            won += np.bincount(new[changed], minlength=size)
    return _counted(lost), _counted(won)


def _counted(numbers: NDArray[np.int64]) -> dict[int, int]:
    return {value: int(numbers[value]) for value in np.flatnonzero(numbers).tolist()}


def union_box(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that holds all boxes, or None for none."""
    if not boxes:
        return None
    lower = np.min([low for low, _ in boxes], axis=0)
    upper = np.max([high for _, high in boxes], axis=0)
    return (int(lower[0]), int(lower[1]), int(lower[2])), (int(upper[0]), int(upper[1]), int(upper[2]))

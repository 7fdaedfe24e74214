"""Slices that lie across memory, read several at a time.

In a volume whose first index runs fastest, a sagittal slice takes two bytes from every line of the processor's cache, and its neighbours
lie in the same lines. Who scrolls reads them all for little more than the price of one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.planes import SlicePlane

DEPTH = 8
# A step so far, and no further, is scrolling.
NEAR = 2
SMALLEST_PIXELS = 1 << 14


class Slabs:
    """The slices around the last one that was cut, where that saves time: one block of `DEPTH` slices is kept."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._voxels: Callable[[], NDArray[Any] | None] = lambda: None
        self._first = 0
        self._block: NDArray[Any] | None = None
        self._index = -1

    def cut(self, plane: SlicePlane, voxels: NDArray[Any], index: int, revision: int = 0) -> NDArray[Any]:
        """The slice as (rows, columns), laid out row by row. voxels: [i, j, k]; revision changes whenever they do. Do not write into it."""
        key = plane.plane, plane.normal_axis, revision
        same = key == self._key and self._voxels() is voxels
        near = same and 0 < abs(index - self._index) <= NEAR
        if not same:
            self._key, self._voxels, self._block = key, weakref.ref(voxels), None
        self._index = index
        held = self._block is not None and self._first <= index < self._first + self._block.shape[plane.normal_axis]
        if not held and near and _lies_across(plane, voxels):
            self._first = index // DEPTH * DEPTH
            self._block, held = _block(plane.normal_axis, voxels, self._first), True
        if held and self._block is not None:
            return np.ascontiguousarray(plane.cut(self._block, index - self._first))
        return np.ascontiguousarray(plane.cut(voxels, index))


def _lies_across(plane: SlicePlane, voxels: NDArray[Any]) -> bool:
    """Whether neighbours across the slice are neighbours in memory."""
    rows, columns = plane.shape
    return abs(voxels.strides[plane.normal_axis]) == voxels.itemsize and rows * columns >= SMALLEST_PIXELS


def _block(axis: int, voxels: NDArray[Any], first: int) -> NDArray[Any]:
    """Slices from `first` on along an axis, each of them together in memory; indexed [i, j, k] like the voxels."""
    slow, fast = sorted((other for other in range(3) if other != axis), key=lambda other: -abs(voxels.strides[other]))
    piece = voxels.transpose(axis, slow, fast)[first : first + DEPTH]
    block = np.empty(piece.shape, voxels.dtype)
    # One line after the other: numpy itself would go through memory once for every slice.
    for line in range(piece.shape[1]):
        block[:, line] = piece[:, line]
    return block.transpose(np.argsort((axis, slow, fast)))

"""Slices as they are shown: which voxels make a slice, and where each stands on the screen.

Display follows the radiological convention. On an axial slice the patient's right is on the left of the picture and
anterior is up; on a coronal slice right is on the left and superior is up; on a sagittal slice anterior is on the left and
superior is up. A volume is never resampled to be shown: the slice of a plane runs along the two index axes that are nearest
to the plane, whatever the file's orientation.

A pixel is ``(x, y)`` = (column, row) on the shown slice, 0-based, integers at pixel centres, one pixel a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinalsam.errors import InputError, UsageError
from spinalsam.support.geometry import Geometry

PLANES = ("axial", "sagittal", "coronal")

# plane -> (world axis of the normal, world axis and sign that increase to the right, the same downwards), in LPS.
_DISPLAY = {
    "axial": (2, (0, +1), (1, +1)),
    "sagittal": (0, (1, +1), (2, -1)),
    "coronal": (1, (0, +1), (2, -1)),
}
_LETTERS = {(0, +1): "L", (0, -1): "R", (1, +1): "P", (1, -1): "A", (2, +1): "S", (2, -1): "I"}


@dataclass(frozen=True)
class SliceRef:
    """One slice of a case: an anatomical plane and the 0-based voxel index along the plane's normal axis."""

    plane: str
    index: int

    def __post_init__(self) -> None:
        if self.plane not in PLANES:
            raise UsageError(f"There is no plane '{self.plane}'; use axial, sagittal or coronal.")


@dataclass(frozen=True)
class SlicePlane:
    """How the slices of one anatomical plane are cut from a grid and shown.

    normal_axis, column_axis, row_axis: index axes (0 i, 1 j, 2 k) across the slice, to the right and downwards.
    column_flipped, row_flipped: whether the index decreases to the right or downwards.
    """

    geometry: Geometry
    plane: str

    def __post_init__(self) -> None:
        if self.plane not in PLANES:
            raise UsageError(f"There is no plane '{self.plane}'; use axial, sagittal or coronal.")

    @cached_property
    def _layout(self) -> tuple[int, int, int, bool, bool]:
        normal_world, (right_world, right_sign), (down_world, down_sign) = _DISPLAY[self.plane]
        axes = self.geometry.world_axes
        normal, column, row = axes.index(normal_world), axes.index(right_world), axes.index(down_world)
        direction = self.geometry.direction
        return (
            normal,
            column,
            row,
            bool(direction[right_world, column] * right_sign < 0),
            bool(direction[down_world, row] * down_sign < 0),
        )

    @property
    def normal_axis(self) -> int:
        return self._layout[0]

    @property
    def column_axis(self) -> int:
        return self._layout[1]

    @property
    def row_axis(self) -> int:
        return self._layout[2]

    @property
    def column_flipped(self) -> bool:
        return self._layout[3]

    @property
    def row_flipped(self) -> bool:
        return self._layout[4]

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.geometry.shape[self.normal_axis]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of a shown slice."""
        return self.geometry.shape[self.row_axis], self.geometry.shape[self.column_axis]

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """(row, column) pixel size in mm."""
        spacing = self.geometry.spacing_mm
        return float(spacing[self.row_axis]), float(spacing[self.column_axis])

    @property
    def edge_letters(self) -> tuple[str, str, str, str]:
        """Orientation letters at the (left, right, top, bottom) edge of the shown slice."""
        _, (right, right_sign), (down, down_sign) = _DISPLAY[self.plane]
        return (
            _LETTERS[right, -right_sign],
            _LETTERS[right, right_sign],
            _LETTERS[down, -down_sign],
            _LETTERS[down, down_sign],
        )

    def cut(self, voxels: NDArray, index: int) -> NDArray:
        """The slice ``index`` of voxels indexed [i, j, k] as a (rows, columns) view, as it is shown.

        It is a view: writing into it writes the volume. Raises InputError outside the volume.
        """
        if not 0 <= index < self.count:
            raise InputError(f"{self.plane} slice {index + 1} is outside the volume, which has {self.count} of them.")
        selector: list[slice | int] = [slice(None)] * 3
        selector[self.normal_axis] = index
        picture = voxels[tuple(selector)]
        if self.row_axis > self.column_axis:
            picture = picture.T
        if self.row_flipped:
            picture = picture[::-1]
        return picture[:, ::-1] if self.column_flipped else picture

    def to_voxel(self, pixels_xy: ArrayLike, index: float) -> NDArray[np.float64]:
        """Pixels (..., 2) as (x, y) on slice ``index`` to voxel indices (..., 3)."""
        pixels = np.asarray(pixels_xy, float)
        rows, columns = self.shape
        ijk = np.empty((*pixels.shape[:-1], 3))
        ijk[..., self.normal_axis] = index
        ijk[..., self.column_axis] = columns - 1 - pixels[..., 0] if self.column_flipped else pixels[..., 0]
        ijk[..., self.row_axis] = rows - 1 - pixels[..., 1] if self.row_flipped else pixels[..., 1]
        return ijk

    def to_pixel(self, points_ijk: ArrayLike) -> NDArray[np.float64]:
        """Voxel indices (..., 3) to pixels (..., 2) as (x, y); the index across the slice is dropped."""
        points = np.asarray(points_ijk, float)
        rows, columns = self.shape
        x, y = points[..., self.column_axis], points[..., self.row_axis]
        return np.stack([columns - 1 - x if self.column_flipped else x, rows - 1 - y if self.row_flipped else y], axis=-1)

    def slice_of(self, point_ijk: ArrayLike) -> SliceRef:
        """The slice that runs through a voxel."""
        return SliceRef(self.plane, int(np.rint(np.asarray(point_ijk, float)[..., self.normal_axis])))

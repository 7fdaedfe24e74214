"""Signed distances of simple shapes, drawn on small boxes of a grid.

All coordinates are LPS millimetres. Arrays are [z, y, x] float32; a distance is negative inside. Distances are exact at the
surface to first order, which is all that partial volume and a thin cortical shell need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.frame import Frame, Vector, unit

FAR_MM = 30.0

Array = NDArray[np.floating[Any]]
Box = tuple[slice, slice, slice]
Factors = tuple[int, int, int]


def smooth_min(first: Array, second: Array, radius_mm: float) -> Array:
    """Union of two distances with a fillet of the given radius."""
    low = np.minimum(first, second)
    if radius_mm <= 0:
        return low
    overlap = np.subtract(first, second)
    np.abs(overlap, out=overlap)
    np.subtract(radius_mm, overlap, out=overlap)
    np.maximum(overlap, 0.0, out=overlap)
    overlap *= overlap
    overlap *= 0.25 / radius_mm
    low -= overlap
    return low


def smooth_max(first: Array, second: Array, radius_mm: float) -> Array:
    """Intersection of two distances with a rounded edge."""
    return -smooth_min(-first, -second, radius_mm)


@dataclass(frozen=True)
class Grid:
    """A regular grid: x_mm, y_mm, z_mm are the coordinates of its voxel centres."""

    x_mm: Array
    y_mm: Array
    z_mm: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """(dz, dy, dx); 1 mm along an axis with a single voxel."""
        dz, dy, dx = (float(c[1] - c[0]) if len(c) > 1 else 1.0 for c in (self.z_mm, self.y_mm, self.x_mm))
        return dz, dy, dx

    def box(self, low_mm: Vector, high_mm: Vector) -> tuple[slice, slice, slice] | None:
        """Slices [z, y, x] of the voxels between two corners (x, y, z) in mm, or None where there are none."""
        slices = []
        for axis, low, high in zip((self.z_mm, self.y_mm, self.x_mm), low_mm[::-1], high_mm[::-1], strict=True):
            start, stop = np.searchsorted(axis, (low, high))
            if start >= stop:
                return None
            slices.append(slice(int(start), int(stop)))
        return slices[0], slices[1], slices[2]

    def part(self, box: tuple[slice, slice, slice]) -> Grid:
        return Grid(self.x_mm[box[2]], self.y_mm[box[1]], self.z_mm[box[0]])

    def refined(self, factors: tuple[int, int, int]) -> Grid:
        """The same extent with each voxel split into `factors` (z, y, x) parts."""
        axes = []
        for coordinates, factor, step in zip((self.z_mm, self.y_mm, self.x_mm), factors, self.spacing_mm, strict=True):
            offsets = ((np.arange(factor) + 0.5) / factor - 0.5) * step
            axes.append((coordinates[:, None] + offsets).ravel().astype(np.float32))
        return Grid(axes[2], axes[1], axes[0])

    def linear(self, direction: Vector, origin_mm: Vector) -> Array:
        """The component of every voxel's position, seen from the origin, along a direction; [z, y, x]."""
        dx, dy, dz = (float(v) for v in direction)
        ox, oy, oz = (float(v) for v in origin_mm)
        plane = ((self.y_mm - oy) * dy)[:, None] + ((self.x_mm - ox) * dx)[None, :]
        return ((self.z_mm - oz) * dz)[:, None, None] + plane[None]

    def local(self, frame: Frame) -> tuple[Array, Array, Array]:
        """Local coordinates (left, back, head) of every voxel."""
        left, back, head = (self.linear(frame.axes[:, n], frame.centre_mm) for n in range(3))
        return left, back, head


def block_mean(values: Array, factors: tuple[int, int, int]) -> Array:
    """Mean over blocks of `factors` (z, y, x) voxels."""
    if factors == (1, 1, 1):
        return values
    nz, ny, nx = (n // f for n, f in zip(values.shape, factors, strict=True))
    fz, fy, fx = factors
    return values.reshape(nz, fz, ny, fy, nx, fx).mean(axis=(1, 3, 5))


def rod_distance(
    grid: Grid,
    start_mm: Vector,
    end_mm: Vector,
    start_radii_mm: tuple[float, float],
    end_radii_mm: tuple[float, float],
    thin_axis: Vector,
) -> Array:
    """Distance to a straight rod with rounded ends and an elliptical, tapering cross-section.

    radii are (along thin_axis, across it), at the start and at the end; thin_axis need not be perpendicular to the rod.
    """
    start, end = np.asarray(start_mm, float), np.asarray(end_mm, float)
    length = float(np.linalg.norm(end - start))
    along_axis = (end - start) / length
    thin = np.asarray(thin_axis, float)
    thin = unit(thin - along_axis * (thin @ along_axis))
    wide = np.cross(along_axis, thin)
    along = grid.linear(along_axis, start)
    fraction = np.clip(along / length, 0.0, 1.0)
    # Plain floats: NumPy's own scalars would turn the arrays into float64.
    (thin_0, wide_0), (thin_1, wide_1) = (map(float, start_radii_mm), map(float, end_radii_mm))
    r_thin = thin_0 + (thin_1 - thin_0) * fraction
    r_wide = wide_0 + (wide_1 - wide_0) * fraction
    beyond = (along - fraction * length) / np.minimum(r_thin, r_wide)
    a = grid.linear(thin, start) / r_thin
    b = grid.linear(wide, start) / r_wide
    return _ellipsoid_value(a, b, beyond, r_thin, r_wide, np.minimum(r_thin, r_wide))


def ellipsoid_distance(grid: Grid, frame: Frame, radii_mm: Sequence[float]) -> Array:
    """Distance to an ellipsoid with the frame's axes."""
    radii_mm = tuple(map(float, radii_mm))
    a, b, c = (coordinate / radius for coordinate, radius in zip(grid.local(frame), radii_mm, strict=True))
    return _ellipsoid_value(a, b, c, *radii_mm)


def _ellipsoid_value(a: Array, b: Array, c: Array, ra: Array | float, rb: Array | float, rc: Array | float) -> Array:
    """First-order distance from coordinates already divided by the radii (Quilez' ellipsoid bound)."""
    scaled = np.sqrt(a * a + b * b + c * c)
    a, b, c = a / ra, b / rb, c / rc
    slope = np.sqrt(a * a + b * b + c * c) + 1e-9
    # At the very centre both vanish; the limit there is the smallest radius, which max() approaches closely enough.
    return scaled * (scaled - 1.0) / slope


class DistanceField:
    """The distance to one growing shape on a box of a grid; everything outside what was added is FAR_MM away."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.distance: Array = np.full(grid.shape, FAR_MM, np.float32)

    def add(self, low_mm: Vector, high_mm: Vector, shape: Callable[[Grid], Array], *, fillet_mm: float = 0.0) -> None:
        """Unite with a shape that lies between two corners."""
        margin = fillet_mm + 2.5
        box = self.grid.box(np.asarray(low_mm, float) - margin, np.asarray(high_mm, float) + margin)
        if box is not None:
            self.distance[box] = smooth_min(self.distance[box], shape(self.grid.part(box)), fillet_mm)

    def carve(self, low_mm: Vector, high_mm: Vector, shape: Callable[[Grid], Array], *, fillet_mm: float = 0.0) -> None:
        """Take a shape away."""
        box = self.grid.box(np.asarray(low_mm, float), np.asarray(high_mm, float))
        if box is not None:
            self.distance[box] = smooth_max(self.distance[box], -shape(self.grid.part(box)), fillet_mm)

    def add_rod(
        self,
        start_mm: Vector,
        end_mm: Vector,
        start_radii_mm: tuple[float, float],
        end_radii_mm: tuple[float, float] | None = None,
        *,
        thin_axis: Vector = (0.0, 0.0, 1.0),
        fillet_mm: float = 3.0,
        cut: Callable[[Grid], Array] | None = None,
    ) -> None:
        """Unite with a rod (see `rod_distance`); `cut` gives a distance to intersect it with first."""
        ends = end_radii_mm or start_radii_mm
        corners = np.array([start_mm, end_mm], float)
        radius = max(*start_radii_mm, *ends)

        def shape(grid: Grid) -> Array:
            distance = rod_distance(grid, start_mm, end_mm, start_radii_mm, ends, thin_axis)
            return distance if cut is None else smooth_max(distance, cut(grid), 1.0)

        self.add(corners.min(0) - radius, corners.max(0) + radius, shape, fillet_mm=fillet_mm)

    def add_ellipsoid(self, frame: Frame, radii_mm: Sequence[float], *, fillet_mm: float = 3.0) -> None:
        """Unite with an ellipsoid."""
        radius = max(radii_mm)
        self.add(
            frame.centre_mm - radius,
            frame.centre_mm + radius,
            lambda grid: ellipsoid_distance(grid, frame, radii_mm),
            fillet_mm=fillet_mm,
        )

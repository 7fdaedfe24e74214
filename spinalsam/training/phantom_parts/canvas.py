"""The picture under construction: HU and tissue of every voxel, painted from back to front with partial volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.training.phantom_parts.shapes import Array, Frame, Grid, Vector, ellipsoid_distance, rod_distance

# Tissue ids of `Phantom.tissues`.
TISSUES: dict[str, int] = {
    "air": 0,
    "skin": 1,
    "subcutaneous fat": 2,
    "visceral fat": 3,
    "muscle": 4,
    "vertebral body": 5,
    "posterior elements": 6,
    "sacrum": 7,
    "disc": 8,
    "thecal sac": 9,
    "spinal cord": 10,
    "epidural fat": 11,
    "ligament": 12,
    "rib": 13,
    "ilium": 14,
    "aorta and arteries": 15,
    "calcification": 16,
    "vena cava and veins": 17,
    "kidney": 18,
    "liver": 19,
    "spleen": 20,
    "bowel wall": 21,
    "bowel content": 22,
    "bowel gas": 23,
    "lung": 24,
    "table": 25,
    "metal": 26,
    "nerve root": 28,
}


@dataclass
class Canvas:
    """hu: float32 and tissue: uint8, both [z, y, x] on the grid."""

    grid: Grid
    hu: Array
    tissue: NDArray[np.uint8]

    @classmethod
    def empty(cls, grid: Grid) -> Canvas:
        return cls(grid, np.full(grid.shape, -1000.0, np.float32), np.zeros(grid.shape, np.uint8))

    @property
    def edge_mm(self) -> float:
        """Over what length an edge fades: about one voxel."""
        _dz, dy, dx = self.grid.spacing_mm
        return float((dx * dy) ** 0.5)

    def coverage(self, distance: Array) -> Array:
        """Share of each voxel that lies inside."""
        return np.clip(0.5 - distance / self.edge_mm, 0.0, 1.0)

    def blend(self, box: tuple[Any, ...], share: Array, hu: Array | float, tissue: str | int) -> None:
        """Cover part of every voxel of a box with a tissue."""
        view = self.hu[box]
        view += share * (hu - view)
        value = TISSUES[tissue] if isinstance(tissue, str) else tissue
        self.tissue[box][share >= 0.5] = value

    def paint(
        self,
        low_mm: Vector,
        high_mm: Vector,
        shape: Callable[[Grid], Array],
        hu: float,
        tissue: str,
    ) -> None:
        """Paint a shape that lies between two corners."""
        box = self.grid.box(np.asarray(low_mm, float) - 2.0, np.asarray(high_mm, float) + 2.0)
        if box is not None:
            self.blend(box, self.coverage(shape(self.grid.part(box))), hu, tissue)

    def paint_ellipsoid(self, frame: Frame, radii_mm: Sequence[float], hu: float, tissue: str) -> None:
        radius = max(radii_mm)
        centre = frame.centre_mm
        self.paint(centre - radius, centre + radius, lambda grid: ellipsoid_distance(grid, frame, radii_mm), hu, tissue)

    def paint_rod(
        self,
        start_mm: NDArray,
        end_mm: NDArray,
        radii_mm: tuple[float, float],
        thin_axis: Vector,
        hu: float,
        tissue: str,
    ) -> None:
        """Paint a straight rod; see `rod_distance`."""

        def shape(grid: Grid) -> Array:
            return rod_distance(grid, start_mm, end_mm, radii_mm, radii_mm, thin_axis)

        radius = max(radii_mm)
        self.paint(np.minimum(start_mm, end_mm) - radius, np.maximum(start_mm, end_mm) + radius, shape, hu, tissue)

    def paint_tube(self, tube: Tube, hu: float, tissue: str, *, inset_mm: float = 0.0) -> None:
        """Paint a tube, or what lies more than inset_mm deep in it."""
        low, high = tube.corners()
        self.paint(low, high, lambda grid: tube.distance(grid) + inset_mm, hu, tissue)


@dataclass(frozen=True)
class Tube:
    """A structure that runs along the body: an ellipse in every axial slice.

    knots: rows of (z, x, y, radius_x, radius_y, turn in degrees), any order in z; the ends are rounded.
    power: 2 for an ellipse, more for squarer outlines.
    """

    knots: NDArray[np.float64]
    power: float = 2.0
    wobble_mm: float = 0.0
    phase: float = 0.0

    def corners(self) -> tuple[NDArray, NDArray]:
        rows = self.knots
        radius = np.maximum(rows[:, 3], rows[:, 4]) + self.wobble_mm
        low = np.array([(rows[:, 1] - radius).min(), (rows[:, 2] - radius).min(), rows[:, 0].min()])
        high = np.array([(rows[:, 1] + radius).max(), (rows[:, 2] + radius).max(), rows[:, 0].max()])
        return low, high

    def distance(self, grid: Grid) -> Array:
        rows = self.knots[np.argsort(self.knots[:, 0])]
        z = grid.z_mm
        x, y, rx, ry, turn = (_smooth_interp(z, rows[:, 0], rows[:, n]) for n in range(1, 6))
        # Rounded ends: the section shrinks over the last radius.
        from_end = np.clip(np.minimum(z - rows[0, 0], rows[-1, 0] - z), 0.0, None)
        cap = np.minimum((rx + ry) / 2, 0.3 * (rows[-1, 0] - rows[0, 0]))
        shrink = np.sqrt(np.clip(1 - (1 - np.clip(from_end / cap, 0, 1)) ** 2, 1e-4, 1))
        rx, ry = rx * shrink, ry * shrink
        cos, sin = (f(np.radians(turn))[:, None, None].astype(np.float32) for f in (np.cos, np.sin))
        x, y, rx, ry = (v[:, None, None].astype(np.float32) for v in (x, y, rx, ry))
        dx, dy = grid.x_mm[None, None] - x, grid.y_mm[None, :, None] - y
        along, across = (dx * cos + dy * sin) / rx, (dy * cos - dx * sin) / ry
        if self.power == 2.0:
            radius = np.sqrt(along * along + across * across)
        else:
            radius = (np.abs(along) ** self.power + np.abs(across) ** self.power) ** (1 / self.power)
        distance = (radius - 1.0) * np.minimum(rx, ry)
        if self.wobble_mm:
            distance = distance + self.wobble_mm * ripple(grid, 26.0, self.phase)
        return distance


def _smooth_interp(z: Array, knots: NDArray, values: NDArray) -> NDArray:
    """Monotone smooth interpolation: linear in a smoothed position, so there are no kinks at the knots."""
    if len(knots) < 3:
        return np.interp(z, knots, values)
    step = 3.0
    fine = np.arange(knots[0] - 15, knots[-1] + 15 + step, step)
    line = np.interp(fine, knots, values)
    kernel = np.hanning(7)[1:-1]
    smooth = np.convolve(np.pad(line, 2, mode="edge"), kernel / kernel.sum(), mode="valid")
    return np.interp(z, fine, smooth)


def ripple(grid: Grid, length_mm: float, phase: float) -> Array:
    """A cheap smooth unevenness between about -1 and 1 that makes ellipses look grown rather than drawn."""
    k = 2 * np.pi / length_mm
    x, y, z = grid.x_mm[None, None], grid.y_mm[None, :, None], grid.z_mm[:, None, None]
    first = np.sin(k * (0.8 * x + 0.3 * z) + phase) * np.cos(k * 0.7 * y + 1.7 * phase)
    second = np.sin(k * (0.6 * y - 0.5 * z) + 2.3 * phase) * np.cos(k * 0.9 * x + 0.4 * z * k + 0.6 * phase)
    return (0.6 * first + 0.4 * second).astype(np.float32)

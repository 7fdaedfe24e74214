"""A mask seen from a pose: values on a regular grid of a frame in mm, whatever grid the mask lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.frame import Frame
from spinalsam.support.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Piece:
    """One label of a map, cut out: bool [i, j, k] and the affine of its first voxel (4, 4) in LPS mm.

    lower_ijk: where the cut begins in the volume of `shape` voxels.
    """

    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    lower_ijk: NDArray[np.int64]
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, labels: NDArray, value: int, box: tuple[slice, ...], geometry: Geometry) -> Piece:
        """The label `value` of `labels` [i, j, k] inside the box that holds all of it; closed cavities count as inside."""
        lower = np.array([part.start for part in box])
        affine = geometry.affine.copy()
        affine[:3, 3] = geometry.to_mm(lower)
        return cls(ndimage.binary_fill_holes(labels[box] == value), affine, lower, geometry.shape)

    @property
    def points_mm(self) -> NDArray[np.float64]:
        """LPS mm (n, 3) of the voxel centres."""
        return np.argwhere(self.mask) @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def corners_mm(self) -> NDArray[np.float64]:
        """LPS mm (8, 3) of the corners of the box that holds the piece."""
        ends = [(-0.5, n - 0.5) for n in self.mask.shape]
        ijk = np.array([(a, b, c) for a in ends[0] for b in ends[1] for c in ends[2]])
        return ijk @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def touches_edge(self) -> bool:
        """Whether it holds voxels at the edge of the volume."""
        upper = self.lower_ijk + self.mask.shape
        ends = [(axis, 0) for axis in range(3) if self.lower_ijk[axis] == 0]
        ends += [(axis, -1) for axis in range(3) if upper[axis] == self.shape[axis]]
        return any(bool(self.mask.take(end, axis=axis).any()) for axis, end in ends)

    def step_mm(self, direction: NDArray) -> float:
        """How far apart voxels lie along a unit direction (root of the squared projections of the voxel's edges)."""
        return float(np.linalg.norm(direction @ self.affine[:3, :3]))

    def is_outside(self, points_mm: NDArray) -> NDArray[np.bool_]:
        """Which points (..., 3) lie beyond the outer faces of the volume's voxels."""
        flat = np.asarray(points_mm, float)
        ijk = np.linalg.solve(self.affine[:3, :3], (flat - self.affine[:3, 3]).reshape(-1, 3).T).T.reshape(flat.shape) + self.lower_ijk
        return np.asarray(np.any((ijk < -0.5) | (ijk > np.array(self.shape) - 0.5), axis=-1))


@dataclass(frozen=True, eq=False)
class Lattice:
    """Coordinates in mm along left, back and up of a frame at which a mask is sampled; each evenly spaced and rising."""

    left: NDArray[np.float64]
    back: NDArray[np.float64]
    up: NDArray[np.float64]

    @classmethod
    def around(cls, points_mm: NDArray, steps_mm: tuple[float, float, float], room_mm: float = 1.5) -> Lattice:
        """The lattice that holds local points (n, 3); it runs through the origin."""
        low, high = points_mm.min(axis=0) - room_mm, points_mm.max(axis=0) + room_mm
        axes = [step * np.arange(np.floor(a / step), np.ceil(b / step) + 1) for a, b, step in zip(low, high, steps_mm, strict=True)]
        return cls(*axes)

    @property
    def steps_mm(self) -> tuple[float, float, float]:
        left, back, up = (float(axis[1] - axis[0]) for axis in (self.left, self.back, self.up))
        return left, back, up

    def points_mm(self, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Local mm (n, 3) of the lattice's points that are inside."""
        return np.stack([axis[at] for axis, at in zip((self.left, self.back, self.up), np.nonzero(inside), strict=True)], axis=1)


def sample(piece: Piece, frame: Frame, lattice: Lattice) -> NDArray[np.float32]:
    """The piece [left, back, up] on a lattice of a frame: 1 inside, 0 outside, linear between voxel centres."""
    inverse = np.linalg.inv(piece.affine[:3, :3])
    matrix = inverse @ frame.axes * np.array(lattice.steps_mm)
    first = frame.to_world((lattice.left[0], lattice.back[0], lattice.up[0]))
    offset = inverse @ (first - piece.affine[:3, 3])
    shape = (len(lattice.left), len(lattice.back), len(lattice.up))
    return ndimage.affine_transform(piece.mask.astype(np.float32), matrix, offset, shape, order=1, mode="grid-constant")

"""Where voxels are: the map between voxel indices and millimetres.

All world coordinates are LPS millimetres (x to the patient's Left, y to Posterior, z to Superior), as in DICOM and ITK.
NIfTI's RAS is converted in `data/formats` and nowhere else. Voxel indices ``ijk`` are 0-based, in the file's own order
(SimpleITK's ``image[i, j, k]``), integers at voxel centres.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinalsam.errors import InputError

ORTHONORMAL_TOLERANCE = 1e-4
SINGULAR_TOLERANCE = 1e-9
# Beyond a thousand kilometres no patient lies.
LARGEST_MM = 1e9

# World axis letters for the positive and negative direction of x, y, z in LPS.
_AXIS_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))


@dataclass(frozen=True, eq=False)
class Geometry:
    """An immutable voxel grid in space.

    shape: (ni, nj, nk), voxels along each index axis.
    affine: (4, 4) float64, ``[i, j, k, 1] -> [x, y, z, 1]`` in LPS mm. It may be oblique, left-handed or sheared; it is
        kept as given, never orthonormalised.
    has_spacing: False for plain pictures, whose pixel size in mm is unknown (the affine is then the identity).

    Raises InputError when the shape is not positive, the affine cannot be inverted or no patient can be so large.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    has_spacing: bool = True

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(f"The volume has the size {shape}; three positive numbers are needed.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.all(np.isfinite(affine)) or not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise InputError("The volume's orientation is not a finite affine 4x4 matrix; the header is damaged.")
        if np.abs(affine).max() > LARGEST_MM:
            raise InputError(f"The volume claims to be {np.abs(affine).max():.0e} mm large or away; the header is damaged.")
        # Relative to the axes' lengths, so that neither tiny voxels nor lengths in metres count as singular.
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() == 0 or abs(np.linalg.det(affine[:3, :3] / lengths)) < SINGULAR_TOLERANCE:
            raise InputError("The volume's orientation matrix is singular; the header is damaged.")
        affine.flags.writeable = False
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_parts(
        cls,
        shape: tuple[int, int, int],
        *,
        spacing_mm: ArrayLike = (1.0, 1.0, 1.0),
        origin_mm: ArrayLike = (0.0, 0.0, 0.0),
        direction: ArrayLike | None = None,
        has_spacing: bool = True,
    ) -> Geometry:
        """Build from ITK's parts: direction is (3, 3) or 9 numbers, its columns the LPS directions of i, j, k."""
        columns = np.eye(3) if direction is None else np.asarray(direction, float).reshape(3, 3)
        affine = np.eye(4)
        affine[:3, :3] = columns * np.asarray(spacing_mm, float)
        affine[:3, 3] = origin_mm
        return cls(shape, affine, has_spacing)

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """(3,) distance in mm between neighbouring voxel centres along i, j, k."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def voxel_mm3(self) -> float:
        """The volume of one voxel in mm³; on a sheared grid less than the product of the spacings."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))

    @property
    def origin_mm(self) -> NDArray[np.float64]:
        """(3,) LPS position of the centre of voxel (0, 0, 0)."""
        return self.affine[:3, 3].copy()

    @property
    def direction(self) -> NDArray[np.float64]:
        """(3, 3); column n is the unit LPS direction of index axis n."""
        return self.affine[:3, :3] / self.spacing_mm

    @property
    def is_orthonormal(self) -> bool:
        """Whether the direction is orthonormal within what ITK accepts."""
        return bool(np.allclose(self.direction.T @ self.direction, np.eye(3), atol=ORTHONORMAL_TOLERANCE))

    @property
    def world_axes(self) -> tuple[int, int, int]:
        """For each index axis the LPS axis (0 x, 1 y, 2 z) nearest to it; a permutation, so oblique grids stay unambiguous."""
        cosines = np.abs(self.direction)
        choices = [(a, b, 3 - a - b) for a, b in itertools.permutations(range(3), 2)]
        return max(choices, key=lambda axes: sum(cosines[axes[n], n] for n in range(3)))

    @property
    def axis_codes(self) -> str:
        """Three letters, one an index axis, naming the direction in which it increases, such as ``LPS`` or ``PIR``."""
        return "".join(_AXIS_LETTERS[world][0 if self.direction[world, n] >= 0 else 1] for n, world in enumerate(self.world_axes))

    def to_mm(self, points_ijk: ArrayLike) -> NDArray[np.float64]:
        """Voxel indices (..., 3), float allowed, to LPS mm (..., 3)."""
        points = np.asarray(points_ijk, float)
        return points @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_ijk(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """LPS mm (..., 3) to continuous voxel indices (..., 3)."""
        points = np.asarray(points_mm, float)
        flat = np.linalg.solve(self.affine[:3, :3], (points - self.affine[:3, 3]).reshape(-1, 3).T).T
        return np.asarray(flat, np.float64).reshape(points.shape)

    def contains(self, point_ijk: ArrayLike) -> bool:
        """Whether the nearest voxel of the index exists."""
        nearest = np.rint(np.asarray(point_ijk, float))
        return bool(np.all(nearest >= 0) and np.all(nearest < self.shape))

    def same_grid(self, other: Geometry, *, tolerance_mm: float = 1e-3) -> bool:
        """Whether both have the same shape and every voxel centre lies within the tolerance of its twin."""
        if self.shape != other.shape:
            return False
        corners = np.array(list(itertools.product(*[(0, n - 1) for n in self.shape])))
        return bool(np.max(np.abs(self.to_mm(corners) - other.to_mm(corners))) <= tolerance_mm)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Geometry)
            and self.shape == other.shape
            and self.has_spacing == other.has_spacing
            and np.array_equal(self.affine, other.affine)
        )

    def __hash__(self) -> int:
        # Adding zero turns -0.0 into 0.0, which compare equal and so must hash alike.
        return hash((self.shape, (self.affine + 0.0).tobytes()))

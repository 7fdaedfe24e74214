"""The surface of a label, closed and smoothed without shrinking, in LPS millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import OutputError
from spinalsam.support.geometry import Geometry

# Taubin's pair of weights: a smoothing step and a slightly larger step back, so that the volume stays.
_SMOOTHING_STEPS, _SHRINK, _SWELL = 10, 0.5, -0.53


@dataclass(frozen=True)
class Mesh:
    """A closed surface. vertices_mm: (n, 3) LPS. faces: (m, 3) vertex numbers, counter-clockwise seen from outside."""

    vertices_mm: NDArray[np.float64]
    faces: NDArray[np.int64]

    @property
    def volume_mm3(self) -> float:
        """Enclosed volume; positive when the faces look outwards."""
        one, two, three = (self.vertices_mm[self.faces[:, n]] for n in range(3))
        return float(np.einsum("ij,ij->i", one, np.cross(two, three)).sum() / 6)


def mesh_of(mask: NDArray, value: int, geometry: Geometry, *, smooth: bool = True) -> Mesh:
    """The surface of one label of a mask [i, j, k]. Raises OutputError when the label does not occur."""
    from skimage.measure import marching_cubes

    lower, upper = _box(mask, value)
    inside = np.pad(mask[tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))] == value, 1)
    vertices, faces, _, _ = marching_cubes(inside.astype(np.float32), 0.5, allow_degenerate=False)
    vertices_mm = geometry.to_mm(vertices.astype(np.float64) + np.array(lower) - 1)
    mesh = Mesh(_smoothed(vertices_mm, faces) if smooth else vertices_mm, faces.astype(np.int64))
    return mesh if mesh.volume_mm3 >= 0 else Mesh(mesh.vertices_mm, mesh.faces[:, ::-1])


def _box(mask: NDArray, value: int) -> tuple[list[int], list[int]]:
    lower, upper = [], []
    hit = mask == value
    for axis in range(3):
        along = np.flatnonzero(hit.any(axis=tuple(other for other in range(3) if other != axis)))
        if along.size == 0:
            raise OutputError(f"The mask has no voxel of label {value}, so there is no surface to write.")
        lower.append(int(along[0]))
        upper.append(int(along[-1]) + 1)
    return lower, upper


def _smoothed(vertices_mm: NDArray[np.float64], faces: NDArray) -> NDArray[np.float64]:
    """Taubin smoothing: steps of the voxel grid vanish, volume and topology stay."""
    from scipy import sparse

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = len(vertices_mm)
    links = sparse.coo_matrix((np.ones(2 * len(edges)), (edges.T.ravel(), edges[:, ::-1].T.ravel())), (count, count)).tocsr()
    links.data[:] = 1.0
    mean = sparse.diags(1.0 / np.maximum(links.sum(axis=1).A1 if hasattr(links.sum(axis=1), "A1") else links.sum(axis=1), 1)) @ links
    moved = vertices_mm
    for _ in range(_SMOOTHING_STEPS):
        for weight in (_SHRINK, _SWELL):
            moved = moved + weight * (mean @ moved - moved)
    return moved

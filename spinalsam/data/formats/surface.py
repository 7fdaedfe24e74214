"""The surface of every label as one STL file, in LPS millimetres."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats.labels import Label
from spinalsam.data.formats.safe_write import Output
from spinalsam.data.volume import Volume
from spinalsam.errors import OutputError
from spinalsam.support.geometry import Geometry

# Slicer reads the SPACE mark; the text must not begin with "solid", which would mean a text file.
_HEADER = b"SpinalSAM surface in millimetres. SPACE=LPS"
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
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


def triangles_of(mesh: Mesh) -> NDArray:
    """The mesh as STL records."""
    corners = mesh.vertices_mm[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    records = np.zeros(len(corners), _TRIANGLE)
    records["normal"] = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
    records["corners"] = corners
    return records


def read_stl(path: Path) -> NDArray[np.float32]:
    """The (n, 3, 3) triangle corners of a binary STL file."""
    with open(path, "rb") as file:
        file.seek(80)
        (count,) = struct.unpack("<I", file.read(4))
        return np.frombuffer(file.read(), _TRIANGLE, count)["corners"]


def output(path: Path, mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Output:
    """How to write and check the surfaces of all labels. Raises OutputError when there is nothing or no scale to write."""
    if not labels:
        raise OutputError("The mask is empty, so there is no surface to write; segment something first.")
    if not volume.geometry.has_spacing:
        raise OutputError("The picture does not say how large a pixel is, so a surface in mm cannot be made; export as PNG or NIfTI.")
    records = np.concatenate([triangles_of(mesh_of(mask, label.value, volume.geometry)) for label in labels])

    def write(file: BinaryIO) -> None:
        file.write(_HEADER.ljust(80, b" ") + struct.pack("<I", len(records)))
        file.write(records.tobytes())

    def check(written: Path) -> None:
        if not np.array_equal(read_stl(written), records["corners"]):
            raise OutputError("The surface was not written: reading it back gave other triangles; check the disk.")

    return Output(path, write, check)

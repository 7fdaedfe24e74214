"""The surfaces of all labels as STL, OBJ or PLY, in LPS millimetres.

All three carry the mark ``SPACE=LPS``, which 3D Slicer reads. STL knows triangles only; OBJ keeps every label as an object with its
name and colour; PLY keeps the label value and the colour of every vertex.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats.labels import Label
from spinalsam.data.formats.safe_write import Output
from spinalsam.data.formats.surface import Mesh, mesh_of
from spinalsam.data.volume import Volume
from spinalsam.errors import OutputError

# The text of a binary STL must not begin with "solid", which would mean a text file.
_STL_HEADER = b"SpinalSAM surface in millimetres. SPACE=LPS"
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("label", "<u2")])
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


@dataclass(frozen=True)
class LabelledMesh:
    """The surface of one label."""

    label: Label
    mesh: Mesh


def output(path: Path, mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Output:
    """How to write and check the surfaces of all labels. Raises OutputError when there is nothing or no scale to write."""
    if not labels:
        raise OutputError("The mask is empty, so there is no surface to write; segment something first.")
    if not volume.geometry.has_spacing:
        raise OutputError("The picture does not say how large a pixel is, so a surface in mm cannot be made; export as PNG or NIfTI.")
    meshes = [LabelledMesh(label, mesh_of(mask, label.value, volume.geometry)) for label in labels]
    write, read = _CODECS[path.suffix.lower()]
    expected = np.concatenate([one.mesh.vertices_mm[one.mesh.faces] for one in meshes]).astype(np.float32)

    def check(written: Path) -> None:
        found = read(written)
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=1e-4):
            raise OutputError("The surface was not written: reading it back gave other triangles; check the disk.")

    return Output(path, lambda file: write(file, meshes), check)


def write_stl(file: BinaryIO, meshes: list[LabelledMesh]) -> None:
    corners = np.concatenate([one.mesh.vertices_mm[one.mesh.faces] for one in meshes])
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    records = np.zeros(len(corners), _TRIANGLE)
    records["normal"] = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
    records["corners"] = corners
    file.write(_STL_HEADER.ljust(80, b" ") + struct.pack("<I", len(records)))
    file.write(records.tobytes())


def read_stl(path: Path) -> NDArray[np.float32]:
    """The (n, 3, 3) triangle corners of a binary STL file."""
    with open(path, "rb") as file:
        file.seek(80)
        (count,) = struct.unpack("<I", file.read(4))
        return np.frombuffer(file.read(), _TRIANGLE, count)["corners"]


def write_obj(file: BinaryIO, meshes: list[LabelledMesh]) -> None:
    file.write(b"# SpinalSAM surfaces in millimetres. SPACE=LPS\n")
    start = 1
    for one in meshes:
        colour = " ".join(f"{part / 255:.4f}" for part in one.label.colour)
        lines = [f"o {_word(one.label.name)}"]
        lines += [f"v {x:.5f} {y:.5f} {z:.5f} {colour}" for x, y, z in one.mesh.vertices_mm.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (one.mesh.faces + start).tolist()]
        file.write(("\n".join(lines) + "\n").encode("utf-8"))
        start += len(one.mesh.vertices_mm)


def read_obj(path: Path) -> NDArray[np.float32]:
    """The (n, 3, 3) triangle corners of an OBJ file of triangles."""
    vertices, faces = [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if words[:1] == ["v"]:
                vertices.append([float(word) for word in words[1:4]])
            elif words[:1] == ["f"]:
                faces.append([int(word) - 1 for word in words[1:4]])
    return np.array(vertices, np.float32)[np.array(faces, int)]


def write_ply(file: BinaryIO, meshes: list[LabelledMesh]) -> None:
    vertices = np.zeros(sum(len(one.mesh.vertices_mm) for one in meshes), _VERTEX)
    faces = np.zeros(sum(len(one.mesh.faces) for one in meshes), _FACE)
    faces["count"] = 3
    at = face_at = 0
    names = []
    for one in meshes:
        part = slice(at, at + len(one.mesh.vertices_mm))
        vertices["xyz"][part], vertices["rgb"][part], vertices["label"][part] = one.mesh.vertices_mm, one.label.colour, one.label.value
        faces["corners"][face_at : face_at + len(one.mesh.faces)] = one.mesh.faces + at
        at, face_at = part.stop, face_at + len(one.mesh.faces)
        names.append(f"comment label {one.label.value} {_word(one.label.name)}")
    header = [
        "ply", "format binary_little_endian 1.0", "comment SpinalSAM surfaces in millimetres. SPACE=LPS", *names,
        f"element vertex {len(vertices)}", "property float x", "property float y", "property float z",
        "property uchar red", "property uchar green", "property uchar blue", "property ushort label",
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header",
    ]  # fmt: skip
    file.write(("\n".join(header) + "\n").encode("utf-8"))
    file.write(vertices.tobytes())
    file.write(faces.tobytes())


def read_ply(path: Path) -> NDArray[np.float32]:
    """The (n, 3, 3) triangle corners of a PLY file as `write_ply` makes it."""
    header, _, data = path.read_bytes().partition(b"end_header\n")
    counts = {words[1]: int(words[2]) for words in (line.split() for line in header.split(b"\n")) if words[:1] == [b"element"]}
    vertices = np.frombuffer(data, _VERTEX, counts[b"vertex"])
    faces = np.frombuffer(data, _FACE, counts[b"face"], offset=vertices.nbytes)
    return vertices["xyz"][faces["corners"]]


def _word(name: str) -> str:
    """A label's name without blanks and line breaks, which these formats take for the end of it."""
    return "_".join(name.split()) or "label"


_Writer = Callable[[BinaryIO, list[LabelledMesh]], None]
_Reader = Callable[[Path], NDArray[np.float32]]
_CODECS: dict[str, tuple[_Writer, _Reader]] = {
    ".stl": (write_stl, read_stl),
    ".obj": (write_obj, read_obj),
    ".ply": (write_ply, read_ply),
}

"""Surfaces: closed, at the right place in LPS mm, of the right size, and read back by VTK."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinalsam.data.formats import write_mask
from spinalsam.data.formats.surface import Mesh, mesh_of
from spinalsam.data.formats.surface_files import read_stl
from spinalsam.data.volume import Volume
from spinalsam.errors import OutputError
from spinalsam.support.geometry import Geometry
from tests.data.make import ct, oblique
from tests.support.grids import ORIENTATIONS


def ball(shape: tuple[int, int, int], centre: tuple[float, ...], radius: float, spacing: np.ndarray) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    return (np.linalg.norm((grid - centre) * spacing, axis=-1) <= radius).astype(np.uint8)


def is_watertight(mesh: Mesh) -> bool:
    """Every edge is used once in each direction."""
    edges = Counter((int(a), int(b)) for face in mesh.faces for a, b in zip(face, np.roll(face, -1), strict=True))
    return all(count == 1 and edges[b, a] == 1 for (a, b), count in edges.items())


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_a_ball_is_closed_outward_and_of_its_true_size_and_place(orientation) -> None:
    spacing = np.array([0.8, 1.0, 1.3])
    geometry = Geometry((40, 36, 30), oblique(orientation, tuple(spacing), degrees=20))
    mesh = mesh_of(ball(geometry.shape, (19, 17, 14), 11.0, spacing) * 22, 22, geometry)
    assert is_watertight(mesh)
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * np.pi * 11**3, rel=0.03)
    assert np.allclose(mesh.vertices_mm.mean(axis=0), geometry.to_mm((19, 17, 14)), atol=0.2)
    radii = np.linalg.norm(mesh.vertices_mm - geometry.to_mm((19, 17, 14)), axis=1)
    assert radii.min() > 10
    assert radii.max() < 12


def test_smoothing_takes_the_steps_and_leaves_the_volume() -> None:
    geometry = Geometry.from_parts((40, 40, 40))
    mask = ball(geometry.shape, (20, 20, 20), 12, np.ones(3))
    rough, smooth = mesh_of(mask, 1, geometry, smooth=False), mesh_of(mask, 1, geometry)
    spread = [np.std(np.linalg.norm(mesh.vertices_mm - 20, axis=1)) for mesh in (rough, smooth)]
    assert spread[1] < 0.75 * spread[0]
    assert smooth.volume_mm3 == pytest.approx(rough.volume_mm3, rel=0.01)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), share=st.floats(0.05, 0.95))
def test_any_scatter_of_voxels_gives_a_closed_surface(seed: int, share: float) -> None:
    """Voxels that touch at an edge or corner only are where marching cubes go wrong."""
    mask = (np.random.default_rng(seed).random((6, 5, 4)) < share).astype(np.uint8)
    mask[2, 2, 2] = 1
    mesh = mesh_of(mask, 1, Geometry.from_parts((6, 5, 4)))
    edges = Counter((int(a), int(b)) for face in mesh.faces for a, b in zip(face, np.roll(face, -1), strict=True))
    assert all(edges[b, a] == count for (a, b), count in edges.items())


def two_balls() -> tuple[np.ndarray, Geometry]:
    geometry = Geometry((30, 30, 40), oblique(ORIENTATIONS[0], (1, 1, 1.5), degrees=10))
    spacing = np.array([1, 1, 1.5])
    return ball(geometry.shape, (14, 14, 9), 7, spacing) * 22 + ball(geometry.shape, (14, 14, 28), 6, spacing) * 23, geometry


@pytest.mark.parametrize(("ending", "reader_name"), [(".stl", "vtkSTLReader"), (".obj", "vtkOBJReader"), (".ply", "vtkPLYReader")])
def test_a_file_holds_every_label_and_vtk_finds_it_closed(tmp_path, ending: str, reader_name: str) -> None:
    vtk = pytest.importorskip("vtk")
    mask, geometry = two_balls()
    path = tmp_path / f"m{ending}"
    write_mask(path, mask, Volume(ct(geometry.shape), geometry), labels={23: "L4 with\nscrew"})
    assert b"SPACE=LPS" in path.read_bytes()[:200]
    reader = getattr(vtk, reader_name)()
    reader.SetFileName(str(path))
    reader.Update()
    edges = vtk.vtkFeatureEdges()
    edges.SetInputConnection(reader.GetOutputPort())
    edges.BoundaryEdgesOn()
    edges.NonManifoldEdgesOn()
    edges.FeatureEdgesOff()
    edges.ManifoldEdgesOff()
    edges.Update()
    assert edges.GetOutput().GetNumberOfCells() == 0
    parts = vtk.vtkPolyDataConnectivityFilter()
    parts.SetInputConnection(reader.GetOutputPort())
    parts.SetExtractionModeToAllRegions()
    parts.Update()
    assert parts.GetNumberOfExtractedRegions() == 2
    size = vtk.vtkMassProperties()
    size.SetInputConnection(reader.GetOutputPort())
    assert size.GetVolume() == pytest.approx(4 / 3 * np.pi * (7**3 + 6**3), rel=0.05)
    middles_mm = np.array([geometry.to_mm(point) for point in ((14, 14, 9), (14, 14, 28))])
    assert np.allclose(reader.GetOutput().GetCenter(), middles_mm.mean(axis=0), atol=1)


def test_an_stl_is_binary_and_states_its_space(tmp_path) -> None:
    mask, geometry = two_balls()
    write_mask(tmp_path / "m.stl", mask, Volume(ct(geometry.shape), geometry))
    assert not (tmp_path / "m.stl").read_bytes().startswith(b"solid")
    assert read_stl(tmp_path / "m.stl").shape[1:] == (3, 3)


def test_obj_and_ply_tell_the_labels_apart(tmp_path) -> None:
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    from spinalsam.support.anatomy import label_colour

    mask, geometry = two_balls()
    case = Volume(ct(geometry.shape), geometry)
    write_mask(tmp_path / "m.obj", mask, case, labels={23: "L4 with\nscrew"})
    text = (tmp_path / "m.obj").read_text()
    assert [line for line in text.splitlines() if line.startswith("o ")] == ["o L3", "o L4_with_screw"]
    write_mask(tmp_path / "m.ply", mask, case)
    reader = vtk.vtkPLYReader()
    reader.SetFileName(str(tmp_path / "m.ply"))
    reader.Update()
    surface = reader.GetOutput()
    upper = vtk_to_numpy(surface.GetPoints().GetData())[:, 2] > geometry.to_mm((14, 14, 18))[2]
    colours = vtk_to_numpy(surface.GetPointData().GetScalars())[:, :3]
    assert {tuple(colour) for colour in colours[~upper].tolist()} == {label_colour(22)}
    assert {tuple(colour) for colour in colours[upper].tolist()} == {label_colour(23)}
    assert b"comment label 22 L3" in (tmp_path / "m.ply").read_bytes()


def test_a_label_that_reaches_the_edge_of_the_volume_is_closed() -> None:
    assert is_watertight(mesh_of(np.ones((3, 4, 5), np.uint8), 1, Geometry.from_parts((3, 4, 5))))


def test_nothing_to_show_and_no_scale_are_refused(tmp_path) -> None:
    with pytest.raises(OutputError, match="empty"):
        write_mask(tmp_path / "m.stl", np.zeros((5, 6, 7), np.uint8), Volume(ct(), Geometry.from_parts((5, 6, 7))))
    flat = Geometry((5, 6, 1), np.eye(4), has_spacing=False)
    with pytest.raises(OutputError, match="does not say how large a pixel is"):
        write_mask(tmp_path / "m.stl", np.ones((5, 6, 1), np.uint8), Volume(ct((5, 6, 1)), flat, False))
    assert list(tmp_path.iterdir()) == []

"""Slices as shown: the radiological convention from first principles, and pixels to voxels and back for every grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinalsam.errors import InputError, UsageError
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane, SliceRef
from tests.support.grids import ORIENTATIONS, geometries

# What a radiologist expects, in words: on which side of the picture the patient's side lies, as LPS directions in mm.
TOWARDS = {"R": (-1, 0, 0), "L": (1, 0, 0), "A": (0, -1, 0), "P": (0, 1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
EXPECTED_EDGES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "S", "I"), "sagittal": ("A", "P", "S", "I")}
ids = {"ids": lambda matrix: "".join("-" if n < 0 else str(int(n)) for n in np.asarray(matrix).ravel())}


def marked(geometry: Geometry, ijk: tuple[int, ...]) -> np.ndarray:
    voxels = np.zeros(geometry.shape, np.uint8)
    voxels[ijk] = 1
    return voxels


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("orientation", ORIENTATIONS, **ids)
def test_a_voxel_on_a_known_side_of_the_patient_is_drawn_on_the_expected_edge(orientation: np.ndarray, plane: str) -> None:
    geometry = Geometry.from_parts((7, 9, 11), spacing_mm=(0.7, 1.1, 2.5), direction=orientation, origin_mm=(31, -7, 12))
    centre_ijk = (np.array(geometry.shape) - 1) // 2
    cut = SlicePlane(geometry, plane)
    middle_xy = cut.to_pixel(centre_ijk)
    for edge, letter in zip(("left", "right", "top", "bottom"), EXPECTED_EDGES[plane], strict=True):
        # Two voxels from the centre toward that side of the patient, found by walking along whichever index axis gets there.
        steps = [sign * np.eye(3, dtype=int)[axis] for axis in range(3) for sign in (1, -1)]
        step = max(steps, key=lambda s: (geometry.to_mm(s) - geometry.to_mm((0, 0, 0))) @ TOWARDS[letter])
        voxel = tuple(int(n) for n in centre_ijk + 2 * step)
        picture = cut.cut(marked(geometry, voxel), int(centre_ijk[cut.normal_axis]))
        row, column = (int(n) for n in np.argwhere(picture)[0])
        offset = {"left": (0, -2), "right": (0, 2), "top": (-2, 0), "bottom": (2, 0)}[edge]
        assert (row - middle_xy[1], column - middle_xy[0]) == offset
        assert cut.edge_letters[("left", "right", "top", "bottom").index(edge)] == letter


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("orientation", ORIENTATIONS, **ids)
def test_cut_to_voxel_and_to_pixel_agree_on_every_pixel(orientation: np.ndarray, plane: str) -> None:
    geometry = Geometry.from_parts((3, 4, 5), direction=orientation)
    voxels = np.arange(60).reshape(3, 4, 5)
    cut = SlicePlane(geometry, plane)
    for index in range(cut.count):
        picture = cut.cut(voxels, index)
        assert picture.shape == cut.shape
        for (row, column), value in np.ndenumerate(picture):
            ijk = cut.to_voxel((column, row), index)
            assert voxels[tuple(ijk.astype(int))] == value
            assert np.array_equal(cut.to_pixel(ijk), (column, row))


@given(geometries(), st.sampled_from(PLANES), st.data())
def test_pixel_to_voxel_to_mm_and_back_is_exact(geometry: Geometry, plane: str, data: st.DataObject) -> None:
    cut = SlicePlane(geometry, plane)
    rows, columns = cut.shape
    index = data.draw(st.integers(0, cut.count - 1))
    xy = np.array([data.draw(st.integers(0, columns - 1)), data.draw(st.integers(0, rows - 1))])
    ijk = cut.to_voxel(xy, index)
    assert geometry.contains(ijk)
    assert np.array_equal(cut.to_pixel(ijk), xy)
    assert cut.slice_of(ijk) == SliceRef(plane, index)
    back = np.rint(geometry.to_ijk(geometry.to_mm(ijk)))
    assert np.array_equal(back, ijk)
    assert np.array_equal(cut.to_pixel(back), xy)


@given(geometries(), st.sampled_from(PLANES), st.tuples(st.floats(-5, 45), st.floats(-5, 45)), st.integers(0, 39))
def test_positions_between_pixels_survive_there_and_back(geometry: Geometry, plane: str, xy: tuple[float, float], index: int) -> None:
    cut = SlicePlane(geometry, plane)
    assert np.allclose(cut.to_pixel(cut.to_voxel(xy, index)), xy, atol=1e-9)


@given(geometries(oblique_degrees=30, shear=0.1), st.sampled_from(PLANES))
def test_oblique_grids_are_shown_along_their_nearest_axes(geometry: Geometry, plane: str) -> None:
    """Moving one pixel right or down goes more toward the edge's side of the patient than away from it."""
    cut = SlicePlane(geometry, plane)
    _, right, _, bottom = EXPECTED_EDGES[plane]
    origin = geometry.to_mm(cut.to_voxel((0, 0), 0))
    assert (geometry.to_mm(cut.to_voxel((1, 0), 0)) - origin) @ TOWARDS[right] > 0
    assert (geometry.to_mm(cut.to_voxel((0, 1), 0)) - origin) @ TOWARDS[bottom] > 0


@given(geometries())
def test_the_three_planes_have_three_different_normals(geometry: Geometry) -> None:
    assert {SlicePlane(geometry, plane).normal_axis for plane in PLANES} == {0, 1, 2}


@given(geometries(), st.sampled_from(PLANES))
def test_pixel_spacing_is_the_distance_between_neighbouring_pixels(geometry: Geometry, plane: str) -> None:
    cut = SlicePlane(geometry, plane)
    origin, right, down = (geometry.to_mm(cut.to_voxel(xy, 0)) for xy in ((0, 0), (1, 0), (0, 1)))
    assert np.allclose(cut.spacing_mm, (np.linalg.norm(down - origin), np.linalg.norm(right - origin)), atol=1e-6)


def test_a_cut_is_a_view_that_writes_into_the_volume() -> None:
    voxels = np.zeros((3, 4, 5), np.uint8)
    cut = SlicePlane(Geometry.from_parts((3, 4, 5), direction=-np.eye(3)), "coronal")
    cut.cut(voxels, 1)[2, 0] = 7
    assert voxels[tuple(cut.to_voxel((0, 2), 1).astype(int))] == 7
    assert voxels.sum() == 7


def test_many_pixels_are_mapped_at_once() -> None:
    cut = SlicePlane(Geometry.from_parts((3, 4, 5), direction=-np.eye(3)), "axial")
    many = cut.to_voxel([[0, 0], [2, 3]], 4)
    assert np.array_equal(many, [cut.to_voxel((0, 0), 4), cut.to_voxel((2, 3), 4)])
    assert np.array_equal(cut.to_pixel(many), [[0, 0], [2, 3]])


@pytest.mark.parametrize("index", [-1, 5])
def test_a_slice_outside_the_volume_is_refused(index: int) -> None:
    with pytest.raises(InputError, match="outside the volume"):
        SlicePlane(Geometry((3, 4, 5), np.eye(4)), "axial").cut(np.zeros((3, 4, 5)), index)


@pytest.mark.parametrize("make", [lambda: SliceRef("oblique", 0), lambda: SlicePlane(Geometry((1, 1, 1), np.eye(4)), "Axial")])
def test_an_unknown_plane_is_refused(make) -> None:
    with pytest.raises(UsageError, match="axial, sagittal or coronal"):
        make()

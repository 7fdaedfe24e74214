"""Voxel indices and millimetres, there and back, for every orientation a file can have."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry
from tests.support.grids import ORIENTATIONS, geometries

indices = st.tuples(*[st.floats(-50, 600, allow_nan=False)] * 3)


@given(geometries(), indices)
def test_voxel_to_mm_and_back_gives_the_same_index(geometry: Geometry, ijk: tuple[float, float, float]) -> None:
    assert np.allclose(geometry.to_ijk(geometry.to_mm(ijk)), ijk, atol=1e-6)


@given(geometries(), st.lists(st.tuples(*[st.integers(0, 600)] * 3), min_size=1, max_size=5))
def test_whole_voxels_come_back_exactly_after_rounding(geometry: Geometry, points: list[tuple[int, int, int]]) -> None:
    assert np.array_equal(np.rint(geometry.to_ijk(geometry.to_mm(points))), points)


@given(geometries(), indices)
def test_mm_is_what_the_affine_says(geometry: Geometry, ijk: tuple[float, float, float]) -> None:
    expected = [sum(geometry.affine[row, n] * ijk[n] for n in range(3)) + geometry.affine[row, 3] for row in range(3)]
    assert np.allclose(geometry.to_mm(ijk), expected, atol=1e-9)


@given(geometries())
def test_spacing_direction_and_origin_rebuild_the_affine(geometry: Geometry) -> None:
    again = Geometry.from_parts(geometry.shape, spacing_mm=geometry.spacing_mm, origin_mm=geometry.origin_mm, direction=geometry.direction)
    assert np.allclose(again.affine, geometry.affine, atol=1e-9)
    assert again.same_grid(geometry)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=lambda matrix: "".join(str(int(n)) for n in matrix.ravel()))
def test_axis_codes_name_the_direction_of_every_index(orientation: np.ndarray) -> None:
    geometry = Geometry.from_parts((4, 5, 6), spacing_mm=(0.5, 1.5, 3), direction=orientation)
    for axis in range(3):
        step = geometry.to_mm(np.eye(3)[axis]) - geometry.to_mm((0, 0, 0))
        world = int(np.argmax(np.abs(step)))
        letter = ("RL", "AP", "IS")[world][int(step[world] > 0)]
        assert geometry.axis_codes[axis] == letter
    assert geometry.is_orthonormal


def test_axis_codes_agree_with_nibabel_for_all_orientations() -> None:
    nibabel = pytest.importorskip("nibabel")
    for orientation in ORIENTATIONS:
        geometry = Geometry.from_parts((4, 5, 6), direction=orientation)
        ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine
        assert geometry.axis_codes == "".join(nibabel.aff2axcodes(ras))


@given(geometries())
def test_world_axes_are_a_permutation(geometry: Geometry) -> None:
    assert sorted(geometry.world_axes) == [0, 1, 2]


def test_world_axes_of_a_grid_at_45_degrees_stay_a_permutation() -> None:
    root = np.sqrt(0.5)
    geometry = Geometry.from_parts((3, 3, 3), direction=[[root, -root, 0], [root, root, 0], [0, 0, 1]])
    assert sorted(geometry.world_axes) == [0, 1, 2]
    assert geometry.world_axes[2] == 2


@given(geometries(shear=0))
def test_rotated_grids_are_orthonormal(geometry: Geometry) -> None:
    assert geometry.is_orthonormal


def test_a_sheared_grid_is_not_orthonormal_and_is_kept_as_given() -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.05
    geometry = Geometry((3, 3, 3), affine)
    assert not geometry.is_orthonormal
    assert np.array_equal(geometry.affine, affine)


@pytest.mark.parametrize("outside", [(-0.6, 0, 0), (4, 0, 0), (0, 5, 0), (0, 0, 5.6), (np.nan, 0, 0), (np.inf, 0, 0)])
def test_points_beyond_half_a_voxel_are_outside(outside: tuple[float, float, float]) -> None:
    assert not Geometry((4, 5, 6), np.eye(4)).contains(outside)


def test_corner_voxels_are_inside() -> None:
    geometry = Geometry((4, 5, 6), np.eye(4))
    assert all(geometry.contains(corner) for corner in itertools.product((0, 3), (0, 4), (0, 5)))


def test_same_grid_sees_a_shift_of_a_far_corner() -> None:
    affine = np.eye(4)
    affine[0, 2] = 1e-4
    one, other = Geometry((10, 10, 400), np.eye(4)), Geometry((10, 10, 400), affine)
    assert not one.same_grid(other, tolerance_mm=0.01)
    assert one.same_grid(other, tolerance_mm=0.05)
    assert not one.same_grid(Geometry((10, 10, 399), np.eye(4)))


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((0, 4, 4), np.eye(4)),
        ((4, 4), np.eye(4)),
        ((4, 4, -1), np.eye(4)),
        ((4, 4, 4), np.zeros((4, 4))),
        ((4, 4, 4), np.full((4, 4), np.nan)),
        ((4, 4, 4), np.eye(3)),
        ((4, 4, 4), np.diag([1, 1, 0, 1])),
        ((4, 4, 4), np.diag([1, 1, 1, 2])),
        ((4, 4, 4), [[1, 2, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    ],
)
def test_impossible_grids_are_refused(shape: tuple[int, ...], affine: np.ndarray) -> None:
    with pytest.raises(InputError):
        Geometry(shape, affine)  # type: ignore[arg-type]


def test_tiny_voxels_are_no_singular_grid() -> None:
    geometry = Geometry.from_parts((4, 4, 4), spacing_mm=(1e-5, 1e-5, 1e-5))
    assert np.allclose(geometry.to_ijk(geometry.to_mm((1, 2, 3))), (1, 2, 3))


def test_a_grid_cannot_be_changed() -> None:
    affine = np.eye(4)
    geometry = Geometry((2, 2, 2), affine)
    affine[0, 3] = 99
    assert geometry.origin_mm[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2
    with pytest.raises(AttributeError):
        geometry.shape = (1, 1, 1)  # type: ignore[misc]


def test_equal_grids_are_equal_and_hash_alike() -> None:
    one, other = Geometry((2, 3, 4), np.eye(4)), Geometry((2, 3, 4), np.eye(4))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Geometry((2, 3, 4), np.eye(4), has_spacing=False)


@given(geometries())
def test_equal_affines_with_negative_zero_hash_alike(geometry: Geometry) -> None:
    flipped = geometry.affine.copy()
    flipped[3, 0] = -0.0
    other = Geometry(geometry.shape, flipped)
    assert geometry == other
    assert hash(geometry) == hash(other)

"""Brush strokes and lassos at true size on every grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinalsam.support.editing.strokes import metric_of, polygon_mask, simplified, stroke_block
from spinalsam.support.geometry import Geometry
from tests.support.grids import geometries


def whole(block: tuple | None, shape: tuple[int, int, int]) -> np.ndarray:
    out = np.zeros(shape, bool)
    if block is not None:
        lower, inside = block
        out[tuple(slice(low, low + n) for low, n in zip(lower, inside.shape, strict=True))] = inside
    return out


def by_hand(geometry: Geometry, path: np.ndarray, radius_mm: float) -> np.ndarray:
    """Distance in mm of every voxel centre to the path, the slow way."""
    centres = geometry.to_mm(np.stack(np.indices(geometry.shape), axis=-1).reshape(-1, 3).astype(float))
    points = geometry.to_mm(path)
    best = np.full(len(centres), np.inf)
    for start, end in zip(points, points[1:] if len(points) > 1 else points, strict=False):
        along = end - start
        length = along @ along
        share = np.clip((centres - start) @ along / length, 0, 1) if length > 0 else np.zeros(len(centres))
        best = np.minimum(best, np.linalg.norm(centres - start - share[:, None] * along, axis=1))
    return (best <= radius_mm).reshape(geometry.shape)


@settings(max_examples=40, deadline=None)
@given(geometry=geometries(), seed=st.integers(0, 10**6), radius_mm=st.floats(0.2, 12.0))
def test_a_ball_holds_exactly_the_voxels_within_its_radius_in_mm(geometry: Geometry, seed: int, radius_mm: float) -> None:
    rng = np.random.default_rng(seed)
    path = rng.integers(0, geometry.shape, (3, 3)).astype(float)
    got = whole(stroke_block(path, radius_mm, metric_of(geometry), geometry.shape), geometry.shape)
    wanted = by_hand(geometry, path, radius_mm)
    wanted[tuple(path.astype(int).T)] = True
    edge = by_hand(geometry, path, radius_mm + 1e-6) & ~by_hand(geometry, path, radius_mm - 1e-6)
    assert np.array_equal(got & ~edge, wanted & ~edge)


def test_a_disc_stays_on_its_slice_and_is_the_ball_cut_there() -> None:
    geometry = Geometry.from_parts((40, 40, 20), spacing_mm=(0.5, 0.5, 2.0))
    path = [[10.0, 12.0, 7.0], [25.3, 20.1, 7.0]]
    ball = whole(stroke_block(path, 4.0, metric_of(geometry), geometry.shape), geometry.shape)
    disc = whole(stroke_block(path, 4.0, metric_of(geometry), geometry.shape, normal_axis=2), geometry.shape)
    assert set(np.flatnonzero(disc.any(axis=(0, 1)))) == {7}
    assert np.array_equal(disc[:, :, 7], ball[:, :, 7])
    assert set(np.flatnonzero(ball.any(axis=(0, 1)))) == {5, 6, 7, 8, 9}


def test_the_area_of_a_disc_is_that_of_its_radius() -> None:
    geometry = Geometry.from_parts((200, 160, 1), spacing_mm=(0.3, 0.4, 1.0))
    _, disc = stroke_block([[100.0, 80.0, 0.0]], 9.0, metric_of(geometry), geometry.shape) or (None, None)
    assert disc is not None
    assert disc.sum() * 0.12 == pytest.approx(np.pi * 81, rel=0.01)


def test_a_click_with_a_radius_below_a_voxel_paints_that_voxel() -> None:
    geometry = Geometry.from_parts((5, 5, 5), spacing_mm=(3, 3, 3))
    got = whole(stroke_block([[2.3, 1.8, 3.0]], 0.1, metric_of(geometry), geometry.shape), geometry.shape)
    assert np.argwhere(got).tolist() == [[2, 2, 3]]


def test_a_stroke_that_leaves_the_grid_keeps_what_is_inside() -> None:
    geometry = Geometry.from_parts((10, 10, 3))
    assert stroke_block([[-30.0, 5.0, 1.0]], 4.0, metric_of(geometry), geometry.shape) is None
    got = whole(stroke_block([[-2.0, 5.0, 1.0], [4.0, 5.0, 1.0]], 1.0, metric_of(geometry), geometry.shape), geometry.shape)
    assert got[0, 5, 1] and not got[6, 5, 1]


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), min_size=1, max_size=40))
def test_a_simplified_path_keeps_ends_and_strays_no_farther_than_allowed(points: list[tuple[float, float]]) -> None:
    path = np.array(points)
    short = simplified(path, 0.3)
    assert np.array_equal(short[0], path[0]) and np.array_equal(short[-1], path[-1])
    for point in path:
        starts, ends = (short[:-1], short[1:]) if len(short) > 1 else (short, short)
        along = ends - starts
        length = (along**2).sum(axis=1)
        safe = np.where(length > 0, length, 1)
        share = np.where(length > 0, np.clip(((point - starts) * along).sum(axis=1) / safe, 0, 1), 0)
        assert np.linalg.norm(point - starts - share[:, None] * along, axis=1).min() <= 0.3 + 1e-6


def test_a_straight_path_with_many_points_is_two_points() -> None:
    assert len(simplified(np.stack([np.linspace(0, 9, 100), np.linspace(3, 30, 100)], axis=1))) == 2


def test_a_polygon_holds_the_pixels_whose_centres_lie_in_it() -> None:
    mask = polygon_mask([[1.5, 0.5], [5.5, 0.5], [5.5, 3.5], [1.5, 3.5]], (6, 8))
    assert np.argwhere(mask).min(axis=0).tolist() == [1, 2] and np.argwhere(mask).max(axis=0).tolist() == [3, 5]
    assert mask.sum() == 12


def test_a_lasso_that_crosses_itself_is_even_odd_and_may_leave_the_slice() -> None:
    mask = polygon_mask([[-5, -5], [20, 20], [20, -5], [-5, 20]], (12, 12))
    assert not mask[0, 6] and not mask[11, 6] and mask[7, 1] and mask[7, 10]
    assert not polygon_mask([[1, 1], [5, 5]], (8, 8)).any()


def test_a_polygon_agrees_with_another_implementation() -> None:
    from skimage.measure import points_in_poly

    rng = np.random.default_rng(3)
    corners = rng.uniform(-2, 22, (7, 2))
    centres = np.stack(np.meshgrid(np.arange(20), np.arange(18)), axis=-1).reshape(-1, 2)
    hull = corners[np.argsort(np.arctan2(*(corners - corners.mean(0)).T))]
    wanted = points_in_poly(centres, hull).reshape(18, 20)
    assert np.array_equal(polygon_mask(hull, (18, 20)), wanted)

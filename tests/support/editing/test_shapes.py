"""Fill, keep, smooth, grow, shrink, fill between and split: on shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from spinalsam.support.editing.between import fill_between, gaps, signed_distance
from spinalsam.support.editing.shapes import fill_holes, grow, largest_piece, pieces, shrink, smooth
from spinalsam.support.editing.splitting import sides_of_line, watershed_parts
from spinalsam.support.metrics import dice


def ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius_mm: float, spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    steps = np.stack(np.indices(shape), axis=-1) - np.array(centre)
    return np.linalg.norm(steps * np.array(spacing), axis=-1) <= radius_mm


def test_holes_in_space_and_holes_on_slices() -> None:
    tube = np.zeros((12, 12, 8), bool)
    tube[2:10, 2:10] = True
    tube[5:7, 5:7] = False
    assert np.array_equal(fill_holes(tube), tube)  # open at both ends
    filled = fill_holes(tube, axis=2)
    assert filled[5:7, 5:7].all() and filled.sum() == 8 * 8 * 8
    closed = ball((20, 20, 20), (10, 10, 10), 8) & ~ball((20, 20, 20), (10, 10, 10), 3)
    assert np.array_equal(fill_holes(closed), ball((20, 20, 20), (10, 10, 10), 8))


def test_only_the_largest_piece_stays() -> None:
    both = ball((40, 20, 20), (9, 10, 10), 7) | ball((40, 20, 20), (30, 10, 10), 5)
    assert np.array_equal(largest_piece(both), ball((40, 20, 20), (9, 10, 10), 7))
    numbers, sizes = pieces(both)
    assert len(sizes) == 2 and sizes[0] > sizes[1] and (numbers == 2).sum() == sizes[1]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.7, 2.0)])
def test_growing_and_shrinking_change_the_radius_by_mm(spacing: tuple[float, float, float]) -> None:
    shape = tuple(round(60 / mm) for mm in spacing)
    centre = tuple((n - 1) / 2 for n in shape)
    start = ball(shape, centre, 15, spacing)
    assert dice(grow(start, 4.0, spacing), ball(shape, centre, 19, spacing)) > 0.96
    assert dice(shrink(start, 4.0, spacing), ball(shape, centre, 11, spacing)) > 0.94


def test_shrinking_undoes_growing_of_a_convex_shape_nearly() -> None:
    start = np.zeros((30, 30, 30), bool)
    start[8:22, 8:22, 8:22] = True
    assert np.array_equal(shrink(grow(start, 3.0, (1, 1, 1)), 3.0, (1, 1, 1)), start)


def test_shrinking_leaves_the_end_where_the_volume_ends() -> None:
    cut = np.zeros((20, 20, 10), bool)
    cut[5:15, 5:15, 0:6] = True
    less = shrink(cut, 1.0, (1, 1, 1))
    assert less[8, 8, 0] and not less[8, 8, 5] and not less[5, 8, 2]


def rough_vertebra(seed: int) -> np.ndarray:
    """A body with a ring and thin processes, roughened at its surface."""
    shape = (60, 60, 30)
    body = ball(shape, (30, 20, 15), 13)
    arch = ball(shape, (30, 36, 15), 10) & ~ball(shape, (30, 35, 15), 7)
    bone = body | arch
    bone[28:33, 44:58, 12:18] = True
    noise = np.random.default_rng(seed).random(shape)
    return (bone & ~(ndimage.binary_dilation(~bone) & (noise < 0.3))) | (ndimage.binary_dilation(bone) & ~bone & (noise < 0.2))


@pytest.mark.parametrize("strength_mm", [0.8, 1.0, 2.0])
def test_smoothing_keeps_the_volume_and_makes_the_surface_smaller(strength_mm: float) -> None:
    rough = rough_vertebra(1)
    smoothed = smooth(rough, strength_mm, (1.0, 1.0, 1.0))
    assert abs(int(smoothed.sum()) - int(rough.sum())) <= 0.001 * rough.sum()
    assert surface(smoothed) < 0.9 * surface(rough)
    assert dice(smoothed, rough) > 0.85


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), strength_mm=st.floats(0.2, 3.0), spacing=st.tuples(*[st.floats(0.3, 3.0)] * 3))
def test_smoothing_never_changes_the_volume(seed: int, strength_mm: float, spacing: tuple[float, float, float]) -> None:
    blob = ndimage.gaussian_filter(np.random.default_rng(seed).random((18, 20, 16)), 2) > 0.5
    assert smooth(blob, strength_mm, spacing).sum() == blob.sum()


def test_smoothing_a_mask_on_one_slice_stays_there() -> None:
    flat = np.zeros((30, 30, 9), bool)
    flat[8:20, 9:22, 4] = True
    flat[20:23, 15, 4] = True
    smoothed = smooth(flat, 1.5, (1, 1, 3))
    assert set(np.flatnonzero(smoothed.any(axis=(0, 1)))) == {4} and not smoothed[21:23, 15, 4].any()


def surface(shape: np.ndarray) -> int:
    return int((shape & ~ndimage.binary_erosion(shape)).sum())


def test_filling_between_every_fifth_slice_of_a_sphere_brings_it_back() -> None:
    whole = ball((70, 70, 70), (35, 35, 35), 30)
    drawn = np.zeros_like(whole)
    drawn[:, :, ::5] = whole[:, :, ::5]
    assert gaps(drawn, 2) == 48
    filled = fill_between(drawn, 2, (1, 1, 1))
    assert dice(filled, whole) > 0.95
    assert np.array_equal(filled[:, :, ::5], whole[:, :, ::5])
    assert gaps(filled, 2) == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_filling_between_works_along_every_axis_and_at_true_spacing(axis: int) -> None:
    spacing = (0.6, 0.9, 1.5)
    shape = tuple(round(50 / mm) for mm in spacing)
    whole = ball(shape, tuple((n - 1) / 2 for n in shape), 20, spacing)
    keep = [slice(None)] * 3
    keep[axis] = slice(0, None, 4)
    drawn = np.zeros_like(whole)
    drawn[tuple(keep)] = whole[tuple(keep)]
    assert dice(fill_between(drawn, axis, spacing), whole) > 0.93


def test_outlines_that_do_not_overlap_are_joined_by_an_oblique_tube() -> None:
    drawn = np.zeros((60, 30, 9), bool)
    drawn[5:15, 10:20, 0] = True
    drawn[40:50, 10:20, 8] = True
    filled = fill_between(drawn, 2, (1, 1, 1))
    middle = np.argwhere(filled[:, :, 4])
    assert middle.size and abs(middle[:, 0].mean() - 27) < 1.5
    assert 80 <= filled[:, :, 4].sum() <= 120


def test_the_signed_distance_is_that_of_a_disc() -> None:
    disc = ball((41, 41, 1), (20, 20, 0), 12)[:, :, 0]
    distance = signed_distance(disc, (1.0, 1.0))
    assert distance[20, 20] == pytest.approx(12, abs=0.6) and distance[20, 0] == pytest.approx(-8, abs=0.6)


def test_a_line_cuts_in_two_sides() -> None:
    side = sides_of_line((10, 10, 4), (5, 5, 0), (10.0, 5.0, 2.0), (10.0, 15.0, 2.0), normal_axis=2)
    assert side.shape == (10, 10, 4)
    assert len(np.unique(side[0, :, :])) == 1 and side[0, 0, 0] != side[9, 0, 3]
    assert (side == side[:, :, :1]).all()


def test_two_touching_balls_are_split_where_they_touch() -> None:
    shape, spacing = (30, 30, 50), (1.0, 1.0, 1.0)
    one, other = ball(shape, (15, 15, 13), 11), ball(shape, (15, 15, 33), 10.5)
    parts = watershed_parts(one | other, 2, spacing)
    assert parts.max() == 2 and np.array_equal(parts > 0, one | other)
    assert dice(parts == 1, one & ~other) > 0.97 and dice(parts == 2, other & ~one) > 0.97


def test_three_parts_of_a_rough_chain() -> None:
    chain = np.zeros((24, 24, 66), bool)
    for number in range(3):
        chain |= ball(chain.shape, (12, 12, 11 + 21 * number), 11 - number)
    chain &= np.random.default_rng(0).random(chain.shape) > 0.01
    parts = watershed_parts(chain, 3, (1, 1, 1))
    middles = [np.argwhere(parts == n)[:, 2].mean() for n in (1, 2, 3)]
    assert parts.max() == 3 and sorted(round(m / 10) for m in middles) == [1, 3, 5]


def test_a_ball_has_no_second_part() -> None:
    assert watershed_parts(ball((20, 20, 20), (10, 10, 10), 8), 2, (1, 1, 1)).max() <= 2

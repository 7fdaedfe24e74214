"""Figures of agreement, against a brute-force implementation that shares nothing with the one under test."""

from __future__ import annotations

import itertools
import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spinalsam.errors import InputError
from spinalsam.support import metrics
from spinalsam.support.metrics import dice, evaluate_mask, evaluate_pair, hd95_mm, iou, mean_of_pairs, msd_mm, nsd

FIGURES = ("dice", "iou", "msd_mm", "hd95_mm", "nsd_1mm")


def surface_by_hand(mask: NDArray) -> list[tuple[int, ...]]:
    """Voxels with a face neighbour that is outside the mask or the array, one at a time."""
    found = []
    for voxel in map(tuple, np.argwhere(mask)):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            beside = list(voxel)
            beside[axis] += step
            if not 0 <= beside[axis] < mask.shape[axis] or not mask[tuple(beside)]:
                found.append(voxel)
                break
    return found


def distances_by_hand(one: NDArray, other: NDArray, spacing: tuple[float, ...]) -> list[float]:
    there = surface_by_hand(other)
    return [min(math.dist(np.multiply(a, spacing), np.multiply(b, spacing)) for b in there) for a in surface_by_hand(one)]


def figures_by_hand(pred: NDArray, truth: NDArray, spacing: tuple[float, ...]) -> dict[str, float]:
    p, t = {tuple(v) for v in np.argwhere(pred)}, {tuple(v) for v in np.argwhere(truth)}
    forth, back = distances_by_hand(pred, truth, spacing), distances_by_hand(truth, pred, spacing)

    def percentile_95(values: list[float]) -> float:
        ordered = sorted(values)
        place = 0.95 * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return {
        "dice": 2 * len(p & t) / (len(p) + len(t)),
        "iou": len(p & t) / len(p | t),
        "msd_mm": sum(forth + back) / len(forth + back),
        "hd95_mm": max(percentile_95(forth), percentile_95(back)),
        "nsd_1mm": sum(d <= 1 + 1e-6 for d in forth + back) / len(forth + back),
    }


def blob(seed: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A random shape of one or a few smooth pieces, never empty, touching the edge now and then."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    mask = np.zeros(shape, bool)
    for _ in range(rng.integers(1, 4)):
        centre = rng.uniform(0, np.array(shape) - 1)
        radii = rng.uniform(0.7, max(1.0, max(shape) / 3), len(shape))
        mask |= (((grid - centre) / radii) ** 2).sum(axis=-1) < rng.uniform(0.7, 1.3)
    if not mask.any():
        mask[tuple(n // 2 for n in shape)] = True
    return mask


spacing_values = st.floats(0.2, 5.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.tuples(*[st.integers(1, 11)] * 3), st.tuples(*[spacing_values] * 3))
def test_three_dimensional_figures_agree_with_brute_force(one: int, other: int, shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    pred, truth = blob(one, shape), blob(other, shape)
    found, expected = evaluate_mask(pred, truth, spacing), figures_by_hand(pred, truth, spacing)
    for name in FIGURES:
        assert found[name] == pytest.approx(expected[name], abs=1e-9), name


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.tuples(*[st.integers(1, 30)] * 2), st.tuples(*[spacing_values] * 2))
def test_two_dimensional_figures_agree_with_brute_force(one: int, other: int, shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    pred, truth = blob(one, shape), blob(other, shape)
    found, expected = evaluate_mask(pred, truth, spacing), figures_by_hand(pred, truth, spacing)
    for name in FIGURES:
        assert found[name] == pytest.approx(expected[name], abs=1e-9), name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.tuples(*[spacing_values] * 3))
def test_tree_and_distance_map_give_the_same_distances(seed: int, spacing: tuple[float, ...]) -> None:
    one, other = (metrics._surface(blob(seed + n, (12, 9, 10))) for n in (0, 1))
    assert np.allclose(metrics._by_tree(one, other, spacing), metrics._by_map(one, other, spacing), atol=1e-9)


@given(st.integers(0, 10**6), st.tuples(*[spacing_values] * 3))
def test_figures_are_symmetric_and_in_range(seed: int, spacing: tuple[float, ...]) -> None:
    one, other = blob(seed, (9, 8, 7)), blob(seed + 1, (9, 8, 7))
    forth, back = evaluate_mask(one, other, spacing), evaluate_mask(other, one, spacing)
    assert forth == pytest.approx(back)
    assert 0 <= forth["iou"] <= forth["dice"] <= 1
    assert forth["iou"] == pytest.approx(forth["dice"] / (2 - forth["dice"]))
    assert 0 <= forth["nsd_1mm"] <= 1
    assert forth["msd_mm"] >= 0


@given(st.integers(0, 10**6))
def test_a_mask_agrees_wholly_with_itself(seed: int) -> None:
    mask = blob(seed, (9, 8, 7))
    assert evaluate_mask(mask, mask, (1, 2, 3)) == {"dice": 1, "iou": 1, "msd_mm": 0, "hd95_mm": 0, "nsd_1mm": 1}


def test_a_cube_moved_by_one_voxel_is_measured_along_the_true_spacing() -> None:
    pred, truth = np.zeros((8, 8, 8), bool), np.zeros((8, 8, 8), bool)
    pred[1:3, 2:4, 2:4], truth[2:4, 2:4, 2:4] = True, True
    found = evaluate_mask(pred, truth, (2.5, 1, 1))
    # Two 2x2x2 cubes that share half: 4 of 8 surface voxels of each lie on the other, 4 lie one step away.
    assert found["dice"] == pytest.approx(0.5)
    assert found["iou"] == pytest.approx(1 / 3)
    assert found["msd_mm"] == pytest.approx(1.25)
    assert found["hd95_mm"] == pytest.approx(2.5)
    assert found["nsd_1mm"] == pytest.approx(0.5)
    assert nsd(pred, truth, (2.5, 1, 1), tolerance_mm=2.5) == 1


def test_surfaces_exactly_at_the_tolerance_count_as_near() -> None:
    pred, truth = np.zeros((20, 3), bool), np.zeros((20, 3), bool)
    pred[3], truth[13] = True, True
    assert nsd(pred, truth, (0.1, 0.1)) == 1
    assert nsd(pred, truth, (0.1001, 0.1)) == 0


def test_the_edge_of_the_picture_is_a_surface() -> None:
    whole, part = np.ones((5, 5), bool), np.ones((5, 5), bool)
    part[:, 3:] = False
    assert hd95_mm(whole, part, (1, 1)) == pytest.approx(2)


def test_two_empty_masks_agree_and_one_empty_mask_does_not() -> None:
    empty, full = np.zeros((4, 4, 4), np.uint8), np.ones((4, 4, 4), np.uint8)
    assert evaluate_mask(empty, empty, (1, 1, 1)) == {"dice": 1, "iou": 1, "msd_mm": 0, "hd95_mm": 0, "nsd_1mm": 1}
    for pair in ((empty, full), (full, empty)):
        assert dice(*pair) == iou(*pair) == nsd(*pair, (1, 1, 1)) == 0
        assert msd_mm(*pair, (1, 1, 1)) == hd95_mm(*pair, (1, 1, 1)) == math.inf


def test_any_value_above_zero_is_inside() -> None:
    labels = np.array([[0, 22, 300], [0, 0, 22]], np.uint16)
    assert dice(labels, labels > 0) == 1


def test_masks_of_different_size_are_refused() -> None:
    with pytest.raises(InputError, match="different sizes"):
        evaluate_pair(np.zeros((2, 2, 2), int), np.zeros((2, 2, 3), int), (1, 1, 1))


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, 1, -1), (1, 1, float("nan"))])
def test_a_spacing_that_is_none_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="positive spacings"):
        msd_mm(np.ones((2, 2, 2)), np.ones((2, 2, 2)), spacing)


def test_unknown_spacing_counts_voxels() -> None:
    one, other = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    one[2], other[5] = True, True
    assert msd_mm(one, other, None) == 3


def test_a_pair_has_every_label_of_either_image_and_all_of_them_overall() -> None:
    truth = np.zeros((10, 10, 10), np.uint8)
    truth[1:4, 1:4, 1:4], truth[6:9, 6:9, 6:9] = 22, 23
    pred = np.zeros_like(truth)
    pred[1:4, 1:4, 1:4], pred[0, 0, 9] = 22, 5
    result = evaluate_pair(pred, truth, (1, 1, 1))
    assert list(result["labels"]) == ["5", "22", "23"]
    assert result["labels"]["22"]["dice"] == 1
    assert result["labels"]["23"] == {"dice": 0, "iou": 0, "msd_mm": None, "hd95_mm": None, "nsd_1mm": 0}
    assert result["overall"]["dice"] == pytest.approx(2 * 27 / (28 + 54))
    assert set(result["overall"]) == set(FIGURES)
    json.dumps(result, allow_nan=False)


def test_labels_of_a_pair_agree_with_their_masks_alone() -> None:
    rng = np.random.default_rng(3)
    truth, pred = (rng.integers(0, 3, (9, 8, 7)).astype(dtype) for dtype in (np.int32, np.uint16))
    result = evaluate_pair(pred, truth, (1, 2, 0.5))
    for value in (1, 2):
        assert result["labels"][str(value)] == pytest.approx(figures_by_hand(pred == value, truth == value, (1, 2, 0.5)))


def test_two_empty_images_agree_and_have_no_labels() -> None:
    empty = np.zeros((4, 4, 4), np.uint8)
    assert evaluate_pair(empty, empty, (1, 1, 1)) == {
        "overall": {"dice": 1, "iou": 1, "msd_mm": 0, "hd95_mm": 0, "nsd_1mm": 1},
        "labels": {},
    }


def test_the_mean_of_pairs_leaves_out_figures_without_a_value() -> None:
    row = {"dice": 1.0, "iou": 1.0, "msd_mm": 0.0, "hd95_mm": 2.0, "nsd_1mm": 1.0}
    none = {"dice": 0.0, "iou": 0.0, "msd_mm": None, "hd95_mm": None, "nsd_1mm": 0.0}
    mean = mean_of_pairs([{"overall": row, "labels": {"22": row}}, {"overall": none, "labels": {"5": none}}])
    assert mean["overall"] == {"dice": 0.5, "iou": 0.5, "msd_mm": 0.0, "hd95_mm": 2.0, "nsd_1mm": 0.5}
    assert mean["labels"] == {"5": none, "22": row}


def test_a_case_of_full_size_is_measured_in_seconds() -> None:
    shape = (512, 512, 200)
    truth = np.zeros(shape, np.uint8, order="F")
    for number in range(5):
        truth[200:290, 220:300, 10 + 38 * number : 40 + 38 * number] = 20 + number
    pred = np.roll(truth, (1, 2, 1), axis=(0, 1, 2))
    started = time.perf_counter()
    result = evaluate_pair(pred, truth, (0.7, 0.7, 1.0))
    assert time.perf_counter() - started < 60
    assert result["overall"]["dice"] > 0.9
    assert set(result["labels"]) == {"20", "21", "22", "23", "24"}

"""Simulated users click inside what is wrong and draw boxes about where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.training.interaction import corrective_click, first_click, jittered_box, mask_bounds


def _disc(centre: tuple[int, int] = (30, 40), radius: int = 12) -> np.ndarray:
    rows, columns = np.mgrid[:64, :80]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def test_bounds_are_inclusive() -> None:
    assert mask_bounds(_disc()) == (28, 18, 52, 42)
    with pytest.raises(ValueError):
        mask_bounds(np.zeros((3, 3), bool))


def test_boxes_jitter_around_the_bounds_and_stay_inside_the_picture() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([jittered_box(rng, _disc(), jitter=0.05) for _ in range(300)])
    assert boxes.mean(axis=0) == pytest.approx([28, 18, 52, 42], abs=0.4)
    assert 0.5 < boxes.std(axis=0).mean() < 2.0
    edge = np.array([jittered_box(rng, _disc((5, 5), 9), jitter=0.3) for _ in range(100)])
    assert edge.min() >= 0


def test_a_thin_structure_still_gets_a_box() -> None:
    line = np.zeros((20, 20), bool)
    line[5, 3:15] = True
    box = jittered_box(np.random.default_rng(3), line, jitter=0.3)
    assert box[2] > box[0]


def test_first_clicks_are_inside() -> None:
    rng = np.random.default_rng(1)
    mask = _disc() | _disc((10, 10), 3)
    for _ in range(50):
        x, y = first_click(rng, mask)
        assert mask[int(y), int(x)]


def test_corrections_hit_the_largest_mistake_with_the_right_sign() -> None:
    rng = np.random.default_rng(2)
    truth = _disc()
    x, y, positive = corrective_click(rng, np.zeros_like(truth), truth)
    assert positive and truth[int(y), int(x)]
    predicted = truth | _disc((10, 70), 6)
    x, y, positive = corrective_click(rng, predicted, truth)
    assert not positive and predicted[int(y), int(x)] and not truth[int(y), int(x)]
    assert corrective_click(rng, truth, truth) is None

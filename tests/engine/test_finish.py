"""Vertebrae that touch are parted where they are thinnest, and only where the votes leave it open."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.engine.finish import parted


@pytest.fixture
def balls() -> tuple[np.ndarray, np.ndarray]:
    """Two balls that touch: (upper, lower), bool [i, j, k]."""
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in (24, 24, 40)], indexing="ij"))
    upper, lower = (np.linalg.norm(grid - np.array([12, 12, z])[:, None, None, None], axis=0) <= 9.5 for z in (29, 11))
    return upper, lower


def votes_of(balls: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
    return [np.where(ball, 0.9, 0.1).astype(np.float32) for ball in balls]


def test_an_open_crumb_goes_to_the_bone_that_it_hangs_on(balls: tuple[np.ndarray, np.ndarray]) -> None:
    upper, lower = balls
    first, second = votes_of(balls)
    crumb = np.zeros(upper.shape, bool)
    crumb[11:14, 5:8, 10:13] = True
    crumb &= lower
    first[crumb], second[crumb] = 0.75, 0.7  # a few votes for the upper one, deep in the lower one
    owned = parted(upper | lower, first, second, (1, 1, 1))
    assert owned is not None
    assert (first >= second)[crumb].all() and not owned[crumb].any()
    assert owned[upper & ~lower].all()


def test_what_the_votes_say_surely_stays(balls: tuple[np.ndarray, np.ndarray]) -> None:
    upper, lower = balls
    first, second = votes_of(balls)
    tip = lower & ~upper
    tip[..., 4:] = False
    first[tip], second[tip] = 0.9, 0.2
    open_one = np.zeros(upper.shape, bool)
    open_one[12, 12, 15] = True
    first[open_one] = second[open_one] = 0.8
    owned = parted(upper | lower, first, second, (1, 1, 1))
    assert owned is not None
    assert owned[tip].all()
    assert not owned[open_one].any()


def test_nothing_open_or_nothing_sure_changes_nothing(balls: tuple[np.ndarray, np.ndarray]) -> None:
    upper, lower = balls
    assert parted(upper | lower, *votes_of((upper, lower & ~upper)), (1, 1, 1)) is None
    even = np.full(upper.shape, 0.7, np.float32)
    assert parted(upper | lower, even, even, (1, 1, 1)) is None

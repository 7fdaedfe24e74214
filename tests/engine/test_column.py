"""What tells the usual height of a vertebra, and which evidence for discs is believed."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.engine.column import HEIGHT_MM, _agreement, _usual


@pytest.mark.parametrize(
    ("width", "depth", "told", "trusted", "expected"),
    [(45, 40, 36, True, 34), (41, 22, 17.5, True, 17), (45, 40, 18, False, 38), (41, 22, 36, False, 18)],
    ids=["loins", "neck", "loins taken for a neck", "a neck taken for loins"],
)
def test_bodies_tell_the_height_where_they_contradict_the_network(
    width: float, depth: float, told: float, trusted: bool, expected: float
) -> None:
    height, believed = _usual(np.full(90, width), np.full(90, depth), np.full(90, told))
    assert believed is trusted
    assert height == pytest.approx(expected, abs=2.0)


def test_without_an_opinion_and_with_no_body_at_all_heights_stay_possible() -> None:
    height, believed = _usual(np.zeros(5), np.zeros(5), None)
    assert believed and np.all((height >= HEIGHT_MM[0]) & (height <= HEIGHT_MM[1]))


def test_evidence_that_contradicts_the_other_does_not_count() -> None:
    wave = np.sin(np.linspace(0, 30, 400))
    assert _agreement(wave, wave) == 1
    assert _agreement(-wave, wave) == 0
    assert _agreement(wave, np.zeros(400)) == 1  # nothing to contradict

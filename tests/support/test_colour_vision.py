"""Simulated colour blindness against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.support.colour_vision import difference, lab


def test_lab_of_known_colours() -> None:
    assert lab((255, 255, 255)) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab((255, 0, 0)) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert lab((0, 0, 255)) == pytest.approx([32.30, 79.19, -107.86], abs=0.05)


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia"])
def test_greys_stay_grey_and_some_reds_meet_some_greens(kind: str) -> None:
    assert np.abs(lab((120, 120, 120), kind)[1:]).max() < 1.0
    # A red and a green that are far apart for normal eyes.
    red, green = {"protanopia": ((200, 90, 60), (110, 110, 60)), "deuteranopia": ((200, 90, 60), (135, 125, 55))}[kind]
    assert difference(red, green) > 30
    assert difference(red, green, kind) < 0.5 * difference(red, green)


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia"])
def test_blue_and_yellow_stay_apart(kind: str) -> None:
    assert difference((0, 90, 220), (230, 200, 40), kind) > 60

"""The shipped locator on phantoms, whose vertebrae are known exactly: scoliosis, L6, metal, osteoporosis, thick slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spinalsam.engine.locate import locate
from spinalsam.engine.locator_net import shipped_locator
from spinalsam.support.anatomy import LABEL_VALUES
from spinalsam.training.phantom import make_phantom

NEAR_MM = 10.0
SPACING_MM = (2.5, 2.5, 2.5)
CASES: dict[str, dict[str, Any]] = {
    "scoliosis": {"scoliosis_deg": 30.0},
    "six lumbar vertebrae": {"lumbar_count": 6},
    "metal": {"screws": ("L3", "L4")},
    "osteoporosis": {"osteoporosis": 0.7},
    "thick slices": {"spacing_mm": (1.5, 1.5, 5.0)},
}


@pytest.mark.parametrize("difficulty", CASES)
def test_every_vertebra_is_found_where_it_is_and_none_is_invented(difficulty: str) -> None:
    phantom = make_phantom(6, **{"spacing_mm": SPACING_MM, "levels": ("T12", "sacrum"), **CASES[difficulty]})
    volume = phantom.volume
    found = locate(shipped_locator(), np.asarray(volume.voxels), volume.geometry, is_hu=True)
    places = {name: phantom.centres_mm[name] for name in phantom.whole if name in LABEL_VALUES and name != "sacrum"}
    for name, place in places.items():
        nearest = min(found.vertebrae, key=lambda one: float(np.linalg.norm(one.centre_mm - place)))
        assert np.linalg.norm(nearest.centre_mm - place) < NEAR_MM, name
        if difficulty != "six lumbar vertebrae":
            assert nearest.name == name
    everything = np.array(list(phantom.centres_mm.values()))
    for one in found.vertebrae:
        assert np.linalg.norm(everything - one.centre_mm, axis=1).min() < 2 * NEAR_MM
    if difficulty == "six lumbar vertebrae":
        assert any(reading[-1] == LABEL_VALUES["L6"] for reading, _ in found.readings)

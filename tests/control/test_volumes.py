"""Whole vertebrae through the operations, with a network that can look at many windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spinalsam.control.workspace import Workspace
from tests.control.conftest import BACK, FRONT, SHAPE
from tests.fakes import FakeSegmenter


class WideSegmenter(FakeSegmenter):
    encodes_windows = True


@pytest.fixture
def wide(make_workspace: Callable[..., Workspace]) -> Workspace:
    ws = make_workspace(segmenter=WideSegmenter(), journal=False)
    ws.run("open_image", path="sample:toy")
    return ws


def _boxed(ws: Workspace, region: str) -> None:
    ws.run("set_label", regions=[region])
    ws.run("prompt_mask", prompt={"plane": "axial", "box": [[10, 6, 5], [21, 13, 5]], "label": region})


def _inside(box: tuple[slice, ...]) -> np.ndarray:
    inside = np.zeros(SHAPE, bool)
    inside[box] = True
    return inside


def test_propagating_both_ways_gives_the_whole_structure_in_one_undo_step(wide: Workspace) -> None:
    _boxed(wide, "L3")
    before = wide.mask.copy()
    result = wide.run("propagate", plane="axial", slice=6, value=22)
    assert "in 3-D" in result.message and 0.8 < result.data["agreement"] <= 1
    found = wide.mask == 22
    assert 2 * (found & _inside(FRONT)).sum() / (found.sum() + _inside(FRONT).sum()) > 0.85
    assert not (found & _inside(BACK)).any()
    wide.run("undo")
    np.testing.assert_array_equal(wide.mask, before)


def test_what_other_labels_hold_stays_theirs(wide: Workspace) -> None:
    wide.run("prompt_mask", prompt={"plane": "axial", "box": [[10, 6, 7], [21, 9, 7]], "label": "L4"})
    kept = (wide.mask == 23).copy()
    _boxed(wide, "L3")
    wide.run("propagate", plane="axial", slice=6, value=22)
    np.testing.assert_array_equal(wide.mask == 23, kept)


def test_segment_makes_it_whole_from_its_mask(wide: Workspace) -> None:
    _boxed(wide, "L3")
    result = wide.run("segment", regions=["L3"])
    assert "in 3-D" in result.message
    assert (wide.mask == 22).any(axis=(0, 1)).sum() >= 7


def test_groups_and_sacrum_are_followed_slice_by_slice(wide: Workspace) -> None:
    _boxed(wide, "sacrum")
    assert "in 3-D" not in wide.run("propagate", plane="axial", slice=6, value=26).message

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


def test_what_was_segmented_is_seen_on_every_plane(wide: Workspace) -> None:
    _boxed(wide, "L3")
    wide.run("set_crosshair", ijk=[30, 30, 13])
    wide.run("segment", regions=["L3"])
    i, j, k = wide.state.view.crosshair_ijk
    assert wide.mask[i, j, k] == 22
    assert abs(i - 15.5) <= 2 and abs(j - 9.5) <= 2 and abs(k - 5.5) <= 2, "its middle"
    wide.run("undo")
    assert wide.state.view.crosshair_ijk == (i, j, k), "undo does not move what one looks at"


def test_a_slice_that_shows_it_already_stays(wide: Workspace) -> None:
    _boxed(wide, "L3")
    wide.run("set_crosshair", ijk=[30, 30, 4])
    wide.run("segment", regions=["L3"])
    assert wide.state.view.crosshair_ijk[2] == 4
    assert wide.mask[wide.state.view.crosshair_ijk] == 22
    wide.run("undo")
    wide.run("set_crosshair", ijk=[11, 7, 8])
    wide.run("propagate", plane="axial", slice=6, value=22)
    assert wide.state.view.crosshair_ijk == (11, 7, 8), "every plane shows it"
    wide.run("undo")
    wide.run("set_view", plane="axial")
    wide.run("set_crosshair", ijk=[30, 30, 5])
    wide.run("segment", regions=["L3"])
    assert wide.state.view.crosshair_ijk == (30, 30, 5), "the one pane there is shows it"


def test_a_vertebra_that_was_asked_for_by_its_name_is_what_the_next_click_corrects(wide: Workspace) -> None:
    _boxed(wide, "L3")
    wide.run("set_label", regions=["L5"])
    wide.run("segment", regions=["L3"])
    assert wide.state.active_label == 22
    wide.run("undo")
    assert wide.state.active_label == 24
    assert wide.run("propagate", plane="axial", slice=6, value=22).data["wants_look"] is False

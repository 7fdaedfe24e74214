"""The open mask: previews before it, keeping it, dropping it."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.control import previewing
from spinalsam.control.prompting import unanswered
from spinalsam.control.workspace import Workspace
from spinalsam.errors import RequirementError
from spinalsam.support.planes import SliceRef
from tests.control.conftest import FRONT, put_mask

REF = SliceRef("axial", 6)


def test_a_kept_mask_stays_and_its_prompts_go(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("add_points", at=[[15, 25]], regions=["L4"])
    before = ws.mask.copy()
    ws.run("keep_mask")
    assert np.array_equal(ws.mask, before)
    assert not ws.state.boxes and len(ws.state.points) == 1
    with pytest.raises(RequirementError, match="no candidates"):
        ws.run("keep_mask")
    ws.undo()
    assert len(ws.state.boxes) == 1


def test_a_dropped_mask_gives_back_what_was_there(ws: Workspace) -> None:
    put_mask(ws)
    before = ws.mask.copy()
    ws.run("add_points", at=[[15, 25]], regions=["L4"])
    ws.run("generate_point_mask")
    assert not np.array_equal(ws.mask, before)
    ws.run("drop_mask")
    assert np.array_equal(ws.mask, before)
    assert not ws.state.points and len(ws.state.boxes) == 1
    ws.undo()
    assert len(ws.state.points) == 1 and not np.array_equal(ws.mask, before)


def test_a_locked_mask_is_not_dropped(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("lock_label", value=22, locked=True)
    with pytest.raises(RequirementError, match="locked"):
        ws.run("drop_mask")


def test_unanswered_prompts_are_told_until_their_mask_is_there(ws: Workspace) -> None:
    assert unanswered(ws, REF) == ""
    ws.run("add_box", corners=[8, 4, 24, 16])
    assert unanswered(ws, REF) == "boxes"
    ws.run("generate_box_mask")
    assert unanswered(ws, REF) == ""
    ws.run("add_points", at=[[15, 25]])
    assert unanswered(ws, REF) == "points"


def test_a_preview_is_what_the_click_would_give_and_changes_nothing(ws: Workspace) -> None:
    revision = ws.revision
    prompt = previewing.prompt_if(ws, REF, point_ijk=(15, 10, 6))
    found = previewing.preview(ws, prompt)
    assert ws.revision == revision and not ws.mask.any()
    ws.run("add_points", at=[[15, 10]])
    ws.run("generate_point_mask")
    assert np.array_equal(ws.plane("axial").cut(ws.mask, 6) > 0, found.mask)
    assert found.mask.sum() == 12 * 8 and FRONT[0] == slice(10, 22)


def test_a_preview_of_a_box_and_of_a_negative_click_in_one(ws: Workspace) -> None:
    found = previewing.preview(ws, previewing.prompt_if(ws, REF, box_ijk=((8, 4, 6), (24, 16, 6))))
    assert found.mask.sum() == 12 * 8
    assert previewing.prompt_if(ws, REF, point_ijk=(15, 10, 6), positive=False) is None
    put_mask(ws)
    less = previewing.preview(ws, previewing.prompt_if(ws, REF, point_ijk=(11, 7, 6), positive=False))
    assert 0 < less.mask.sum() < 12 * 8


def test_only_a_network_that_looks_at_windows_is_asked_at_every_short_rest(ws: Workspace, monkeypatch) -> None:
    assert not previewing.is_quick(ws)
    monkeypatch.setattr(ws.segmenter(), "encodes_windows", True, raising=False)
    assert previewing.is_quick(ws)


def test_nothing_is_previewed_for_a_locked_label(ws: Workspace) -> None:
    ws.run("set_label", regions=["L3"])
    ws.run("lock_label", value=22, locked=True)
    assert previewing.prompt_if(ws, REF, point_ijk=(15, 10, 6)) is None


def test_previews_are_slow_only_when_the_usual_one_is() -> None:
    pace = previewing.Pace()
    for seconds in (3.0, 0.05, 0.05, 0.05):
        pace.took(seconds)
    assert not pace.slow
    for _ in range(3):
        pace.took(1.0)
    assert pace.slow

"""The queue of doubtful slices: worst first, corrected ones leave it."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.control.workspace import Workspace
from spinalsam.errors import RequirementError
from spinalsam.support.anatomy import label_value
from tests.control.conftest import put_mask

L3 = label_value("L3")
DOUBTFUL = tuple(
    {"label": L3, "plane": plane, "slice": number, "score": score} for plane, number, score in (("axial", 9, 0.2), ("coronal", 12, 0.4))
)


@pytest.fixture
def doubted(ws: Workspace) -> Workspace:
    put_mask(ws)
    ws.run("clear_boxes")
    ws.case.doubtful = DOUBTFUL
    return ws


def test_without_doubt_there_is_nothing_to_go_to(ws: Workspace) -> None:
    put_mask(ws)
    with pytest.raises(RequirementError, match="No slice is doubtful"):
        ws.run("next_doubtful")


def test_it_goes_from_the_worst_to_the_next_and_round(doubted: Workspace) -> None:
    assert doubted.run("next_doubtful").data["slice"] == 9
    assert doubted.shown.index == 8 and doubted.shown.plane == "axial"
    doubted.run("next_doubtful")
    assert doubted.shown.plane == "coronal" and doubted.shown.index == 11
    assert doubted.run("next_doubtful").data["slice"] == 9


def test_a_slice_that_was_corrected_leaves_the_queue(doubted: Workspace) -> None:
    doubted.run("next_doubtful")
    doubted.run("add_points", at=[[15, 10]], regions=["L3"])
    assert doubted.run("next_doubtful").data["plane"] == "coronal"
    doubted.run("add_points", at=[[15, 5]], regions=["L3"])
    before = doubted.mask.copy()
    assert "corrected" in doubted.run("next_doubtful").message
    assert np.array_equal(doubted.mask, before)


def test_a_walk_leaves_its_unsure_slices_in_the_queue(ws: Workspace) -> None:
    put_mask(ws)
    result = ws.run("propagate", direction="up")
    assert ws.case.doubtful == tuple(result.data["doubtful"])

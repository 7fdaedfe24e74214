"""Placing prompts: at pixels, and on structures that are known."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.control.workspace import Workspace
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.anatomy import label_value
from spinalsam.support.planes import SliceRef
from tests.control.conftest import put_mask


def test_points_at_pixels_lie_on_the_shown_slice(ws: Workspace) -> None:
    ws.run("add_points", at=[[12, 8], [15, 9]])
    ws.run("add_points", at=[[1, 2]], label="negative")
    assert [(point.ijk, point.positive) for point in ws.state.points] == [
        ((12.0, 8.0, 6.0), True),
        ((15.0, 9.0, 6.0), True),
        ((1.0, 2.0, 6.0), False),
    ]
    assert {point.ref for point in ws.state.points} == {SliceRef("axial", 6)}
    assert ws.undo_titles[0] == "Add 1 negative point on axial slice 7"


def test_pixels_follow_the_active_plane(ws: Workspace) -> None:
    ws.run("set_view", plane="sagittal")
    ws.run("go_to", slice=16)
    ws.run("add_points", at=[[8, 3]])
    point = ws.state.points[0]
    # Sagittal: anterior on the left, superior up; the file runs L, P, S, so rows are turned round.
    assert point.ref == SliceRef("sagittal", 15)
    assert point.ijk == (15.0, 8.0, 13 - 3.0)


@pytest.mark.parametrize("at", [[[40, 3]], [[-1, 3]], [[3, 36]], [[3, 3], [3, 99]]])
def test_a_pixel_outside_the_slice_is_refused_and_nothing_is_placed(ws: Workspace, at: list[list[int]]) -> None:
    with pytest.raises(InputError, match="outside"):
        ws.run("add_points", at=at)
    assert ws.state.points == ()


def test_count_and_places_must_agree(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="3 points"):
        ws.run("add_points", at=[[1, 1]], count=3)


def test_a_region_becomes_the_points_label(ws: Workspace) -> None:
    ws.run("add_points", at=[[12, 8]], regions=["L3"])
    assert ws.state.points[0].label == label_value("L3")
    with pytest.raises(UsageError, match="one vertebra"):
        ws.run("add_points", at=[[12, 8]], regions=["L3", "L4"])


def test_points_on_an_unknown_structure_say_what_to_do(ws: Workspace) -> None:
    with pytest.raises(RequirementError, match="click on it, or drag a box"):
        ws.run("add_points", count=3, regions=["L3"])
    with pytest.raises(RequirementError, match="click on the vertebra"):
        ws.run("add_points", count=3)


@pytest.mark.parametrize(("op", "field"), [("add_points", "points"), ("add_box", "boxes")])
def test_prompts_on_a_structure_of_another_slice_are_set_there_and_shown(ws: Workspace, op: str, field: str) -> None:
    put_mask(ws)
    ws.run("clear_boxes")
    ws.run("go_to", slice=12)
    result = ws.run(op, regions=["L3"])
    assert {placed.ref for placed in getattr(ws.state, field)} == {SliceRef("axial", 6)} == {ws.shown}
    assert "axial slice 7" in result.message
    assert ws.mask[ws.state.view.crosshair_ijk] == label_value("L3")
    ws.run("undo")
    assert getattr(ws.state, field) == ()


def test_prompts_on_a_structure_of_the_shown_slice_move_nothing(ws: Workspace) -> None:
    put_mask(ws)
    view = ws.state.view
    ws.run("add_points", regions=["L3"])
    ws.run("add_box", regions=["lumbar"])
    assert ws.state.view == view


def test_a_slice_that_is_named_stays(ws: Workspace) -> None:
    put_mask(ws)
    with pytest.raises(RequirementError, match="between slices 7 and 7"):
        ws.run("add_points", regions=["L3"], slice=12)


@pytest.mark.parametrize(("absent", "words"), [("L4", "L4 is not on axial slice 7 but between slices 12 and 12"), ("L5", "Where L5 lies")])
def test_some_of_the_structures_are_not_enough(ws: Workspace, absent: str, words: str) -> None:
    put_mask(ws)
    ws.run("go_to", slice=12)
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("clear_boxes")
    ws.run("go_to", slice=7)
    with pytest.raises(RequirementError, match=words):
        ws.run("add_box", regions=["L3", absent])
    assert ws.state.boxes == ()


@pytest.mark.parametrize("count", [1, 2, 6, 12])
def test_points_on_a_known_structure_lie_inside_and_apart(ws: Workspace, count: int) -> None:
    put_mask(ws)
    ws.run("add_points", count=count, regions=["lumbar"])
    points = ws.state.points
    assert len(points) == count
    assert {point.label for point in points} == {label_value("L3")}
    voxels = np.array([point.ijk for point in points], int)
    assert all(ws.mask[tuple(voxel)] == label_value("L3") for voxel in voxels)
    gaps = [np.linalg.norm(a - b) for n, a in enumerate(voxels) for b in voxels[:n]]
    assert not gaps or min(gaps) >= 2


def test_the_first_point_is_the_deepest(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("add_points", count=1)
    i, j, _ = ws.state.points[0].ijk
    assert min(i - 10, 21 - i) >= 3 and min(j - 6, 13 - j) >= 3


def test_negative_points_lie_beside_the_structure(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("add_points", count=4, label="negative", regions=["L3"])
    for point in ws.state.points:
        i, j, k = (int(n) for n in point.ijk)
        assert not point.positive and ws.mask[i, j, k] == 0


def test_points_are_shared_out_among_structures_and_replay_keeps_their_labels(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("clear_boxes")
    put_mask(ws, "L4", (8, 18, 24, 34))
    result = ws.run("add_points", count=5, regions=["L3", "L4"])
    labels = [point.label for point in ws.state.points]
    assert sorted(labels) == [label_value("L3")] * 3 + [label_value("L4")] * 2
    points = ws.state.points
    ws.run("clear_points")
    ws.run("add_points", **result.replay_args)
    assert ws.state.points == points


def test_more_points_than_room_are_refused(ws: Workspace) -> None:
    put_mask(ws)
    with pytest.raises(RequirementError, match="ask for 96 or fewer"):
        ws.run("add_points", count=500, regions=["L3"])


def test_a_box_keeps_its_corners_whatever_their_order(ws: Workspace) -> None:
    ws.run("add_box", corners=[24, 16, 8, 4])
    box = ws.state.boxes[0]
    assert (box.corner_a_ijk, box.corner_b_ijk) == ((8.0, 4.0, 6.0), (24.0, 16.0, 6.0))
    with pytest.raises(InputError, match="outside"):
        ws.run("add_box", corners=[0, 0, 40, 5])


def test_a_box_around_a_known_structure_has_a_margin(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("clear_boxes")
    ws.run("add_box", regions=["L3"])
    box = ws.state.boxes[0]
    assert (box.corner_a_ijk[:2], box.corner_b_ijk[:2]) == ((8.0, 4.0), (23.0, 15.0))
    assert box.label == label_value("L3")


def test_boxes_around_several_structures_are_one_step(ws: Workspace) -> None:
    put_mask(ws)
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("clear_boxes")
    ws.run("add_box", regions=["L3", "L4"])
    assert [box.label for box in ws.state.boxes] == [label_value("L3"), label_value("L4")]
    ws.run("undo")
    assert ws.state.boxes == ()


def test_a_box_around_an_unknown_structure_says_what_to_do(ws: Workspace) -> None:
    with pytest.raises(RequirementError, match="drag a box"):
        ws.run("add_box", regions=["T12"])


def test_clearing_moving_and_deleting(ws: Workspace) -> None:
    ws.run("add_points", at=[[1, 1], [2, 2], [3, 3]])
    ws.run("add_box", corners=[1, 1, 5, 5])
    ws.run("move_point", number=2, to=[[7, 8]])
    ws.run("delete_point", number=1)
    assert [point.ijk[:2] for point in ws.state.points] == [(7.0, 8.0), (3.0, 3.0)]
    ws.run("move_box", number=1, corners=[2, 2, 9, 9])
    assert ws.state.boxes[0].corner_b_ijk == (9.0, 9.0, 6.0)
    ws.run("delete_box", number=1)
    ws.run("clear_points")
    assert ws.state.points == () and ws.state.boxes == ()
    with pytest.raises(RequirementError, match="no points"):
        ws.run("clear_points")
    ws.run("undo", count=7)
    assert ws.state.points == () and ws.state.boxes == ()
    ws.run("redo")
    assert len(ws.state.points) == 3


def test_numbers_that_do_not_exist_are_refused(ws: Workspace) -> None:
    ws.run("add_points", at=[[1, 1]])
    ws.run("add_box", corners=[1, 1, 5, 5])
    for op, args in (("delete_point", {}), ("move_point", {"to": [[1, 1]]}), ("delete_box", {}), ("move_box", {"corners": [1, 1, 2, 2]})):
        with pytest.raises(UsageError, match="there are 1"):
            ws.run(op, number=2, **args)


def test_fewer_points_than_structures_leave_some_with_none(ws: Workspace) -> None:
    put_mask(ws, "L3")
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("add_points", count=1, regions=["L3", "L4"])
    assert [point.label for point in ws.state.points] == [22]

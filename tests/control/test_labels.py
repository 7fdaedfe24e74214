"""Labels: numbering, progress and locks, looks, figures and the comparison with a reference."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from spinalsam.control import comparing
from spinalsam.control.comparing import ONLY_OURS, ONLY_REFERENCE, OTHER_LABEL, CompareRequest, compare_labels, difference
from spinalsam.control.figures_text import table_text
from spinalsam.control.jobs import Job
from spinalsam.control.label_table import TableRequest, label_table, warnings_of
from spinalsam.control.measuring import measured_labels
from spinalsam.control.painting import Box
from spinalsam.control.recovery import recover, replay
from spinalsam.control.workspace import Workspace
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.anatomy import label_value
from tests.control.conftest import put_mask, toy_volume
from tests.fakes import FakeSegmenter


def stack(ws: Workspace, *values: int) -> None:
    """Small discs above each other, the first one nearest to the head."""
    for number, value in enumerate(values):
        ws.run("brush", path=[[20, 18]], radius_mm=3.0, value=value, slice=13 - 2 * number)


def names_down(ws: Workspace) -> list[str]:
    column = ws.mask[20, 18, ::-1]
    return [ws.state.label(int(value)).name for value in column if value]


# --- levels -----------------------------------------------------------------------------------------------------------


def test_this_one_is_l3_numbers_its_neighbours(ws: Workspace) -> None:
    stack(ws, 100, 5, 30, 26)
    result = ws.run("number_from", regions=["L3"], value=5)
    assert names_down(ws) == ["L2", "L3", "L4", "sacrum"]
    assert result.data["labels"] == {"100": 21, "5": 22, "30": 23}
    assert ws.undo_titles[0] == "C5 is L3: 3 labels numbered"
    ws.run("undo")
    assert names_down(ws) == ["spine", "C5", "label 30", "sacrum"]


def test_numbering_knows_the_variants(ws: Workspace) -> None:
    stack(ws, 10, 11, 12)
    ws.run("number_from", regions=["T12"], value=10, thoracic=13)
    assert names_down(ws) == ["T12", "T13", "L1"]
    ws.run("undo")
    ws.run("number_from", regions=["L6"], value=12)
    assert names_down(ws) == ["L4", "L5", "L6"]


def test_prompts_and_looks_follow_their_label_but_names_do_not(ws: Workspace) -> None:
    stack(ws, 22, 23)
    ws.run("set_label", regions=["L3"])
    ws.run("add_points", at=[[20, 18]])
    ws.run("rename_label", value=22, name="the odd one")
    ws.run("style_label", value=22, opacity=0.8, drawn="fill")
    ws.run("set_label_progress", value=22, progress="in_progress")
    ws.run("shift_levels", direction="up")
    assert names_down(ws) == ["L2", "L3"]
    info = ws.state.label(21)
    assert (info.name, info.opacity, info.drawn, info.progress) == ("L2", 0.8, "fill", "in_progress")
    assert ws.state.label(22).progress == "open"
    assert ws.state.active_label == 21 and [point.label for point in ws.state.points] == [21]


def test_shifting_down_and_up_again_changes_nothing(ws: Workspace) -> None:
    stack(ws, 18, 19, 20, 26)
    before = ws.mask.copy()
    ws.run("shift_levels", direction="down")
    assert names_down(ws) == ["T12", "L1", "L2", "sacrum"]
    ws.run("shift_levels", direction="up")
    assert np.array_equal(ws.mask, before)


def test_a_shift_past_the_end_or_of_a_locked_label_changes_nothing(ws: Workspace) -> None:
    stack(ws, 23, 24)
    before = ws.mask.copy()
    with pytest.raises(UsageError, match="L6"):
        ws.run("shift_levels", direction="down")
    ws.run("set_label_progress", value=23, progress="done")
    with pytest.raises(RequirementError, match="L4 is locked"):
        ws.run("shift_levels", direction="up")
    with pytest.raises(RequirementError, match="locked"):
        ws.run("number_from", regions=["L1"], value=24)
    assert np.array_equal(ws.mask, before)


def test_warnings_name_duplicates_gaps_and_order(ws: Workspace) -> None:
    stack(ws, 20, 22, 21)
    warnings = ws.run("check_levels").data["warnings"]
    assert [(warning["kind"], warning["labels"]) for warning in warnings] == [("order", [22, 21])]
    ws.run("delete_label", value=21)
    assert ws.run("check_levels").message == "L2 is missing between L1 and L3."
    ws.run("rename_label", value=20, name="the odd one")
    ws.run("rename_label", value=22, name="The odd one ")
    assert "name of 2 labels" in ws.run("check_levels").message


def test_a_label_gets_no_other_levels_name(ws: Workspace) -> None:
    stack(ws, 20, 22)
    for name in ("L3", " l3 ", "sacrum"):
        with pytest.raises(InputError, match=r"'Change label'"):
            ws.run("rename_label", value=20, name=name)
    assert ws.state.label(20).name == "L1"
    ws.run("rename_label", value=20, name="L1 broken")
    ws.run("rename_label", value=20, name="L1")
    assert ws.state.label(20).name == "L1"


# --- the list of labels -------------------------------------------------------------------------------------------------


def test_a_done_label_is_locked_and_unlocking_makes_it_unfinished(ws: Workspace) -> None:
    stack(ws, 22)
    ws.run("set_label_progress", value=22, progress="done")
    assert ws.state.label(22).locked
    with pytest.raises(RequirementError, match="locked"):
        ws.run("brush", path=[[20, 18]], radius_mm=8, value=22)
    ws.run("lock_label", value=22, locked=False)
    assert ws.state.label(22).progress == "in_progress"


def test_a_label_of_ones_own_is_added_used_and_deleted(ws: Workspace) -> None:
    given = ws.run("add_label", name="Screw", colour=[250, 250, 0]).data["label"]
    assert (given, ws.state.active_label, ws.state.label(given).name) == (29, 29, "Screw")
    ws.run("brush", path=[[20, 18]], radius_mm=3)
    assert np.unique(ws.mask).tolist() == [0, 29]
    assert ws.run("add_label").data["label"] == 30
    ws.run("use_label", value=29)
    assert ws.undo_titles[0] == "New masks are Screw"
    ws.run("delete_label", value=29)
    assert not ws.has_mask and all(info.value != 29 for info in ws.state.labels) and ws.state.active_label == 100
    ws.run("undo")
    assert ws.has_mask and ws.state.label(29).colour == (250, 250, 0)
    with pytest.raises(UsageError, match="in use"):
        ws.run("add_label", value=29)


def test_new_labels_are_drawn_like_all_others(ws: Workspace) -> None:
    stack(ws, 22)
    ws.run("style_label", drawn="outline", opacity=0.6)
    ws.run("brush", path=[[5, 5]], radius_mm=2, value=24)
    assert {(info.drawn, info.opacity) for info in ws.state.labels} == {("outline", 0.6)}
    for wrong in ({"opacity": 1.5}, {}):
        with pytest.raises(UsageError):
            ws.run("style_label", **wrong)


# --- figures ------------------------------------------------------------------------------------------------------------


def test_the_live_table_measures_again_only_what_changed(ws: Workspace) -> None:
    stack(ws, 22, 24)
    first = label_table(TableRequest.of(ws))
    changes = []
    ws.subscribe(lambda change: changes.append(change.box_ijk))
    ws.run("brush", path=[[20, 18]], radius_mm=5, value=24, slice=11)
    second = label_table(TableRequest.of(ws, changes), first)
    assert second[22] is first[22] and second[24].measurement.voxels > first[24].measurement.voxels
    assert second == label_table(TableRequest.of(ws))


def test_the_live_table_is_right_after_any_edits(ws: Workspace) -> None:
    from tests.control.test_editing import START, attempt, random_edit

    rng = np.random.default_rng(4)
    table: dict = {}
    boxes: list = []
    ws.subscribe(lambda change: boxes.append(change.box_ijk) if change.box_ijk else None)
    for number in range(60):
        attempt(ws, *(START[number] if number < len(START) else random_edit(rng, ws, locks=True)))
        if number % 3 == 0:
            table = label_table(TableRequest.of(ws, boxes), table)
            boxes.clear()
            assert table == label_table(TableRequest.of(ws))
    assert {value: figures.measurement.voxels for value, figures in table.items()} == ws.case.extents.counts


def test_measurements_are_those_of_a_known_block(ws: Workspace) -> None:
    ws.run("lasso", outline=[[9.6, 5.6], [19.4, 5.6], [19.4, 13.4], [9.6, 13.4]], value=22, slice=5)
    ws.run("lasso", outline=[[9.6, 5.6], [19.4, 5.6], [19.4, 13.4], [9.6, 13.4]], value=22, slice=6)
    (one,) = measured_labels(ws, Job())
    assert (one.voxels, one.volume_mm3) == (160, pytest.approx(400))
    assert (one.height_mm, one.width_mm, one.depth_mm) == pytest.approx((5.0, 10.0, 8.0))
    assert (one.mean, one.sd) == pytest.approx((400, 0))
    assert warnings_of(label_table(TableRequest.of(ws)), {22: "L3"}) == []


def test_figures_are_copied_as_a_table(ws: Workspace) -> None:
    stack(ws, 22, 23)
    ws.run("rename_label", value=22, name='L3, "cracked"')
    text = table_text(measured_labels(ws, Job()), is_hu=True, compared={"22": {"dice": 0.5, "hd95_mm": None}})
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    assert [row["name"] for row in rows] == ['L3, "cracked"', "L4"]
    assert float(rows[0]["volume_ml"]) == pytest.approx(np.count_nonzero(ws.mask == 22) * 2.5 / 1000, abs=1e-3)
    assert (rows[0]["dice"], rows[0]["hd95_mm"], rows[1]["dice"]) == ("0.5000", "", "")


# --- comparison ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reference_file(tmp_path: Path) -> Path:
    """L3 as a disc of radius 3 on axial slice 7, L5 elsewhere."""
    labels = np.zeros((40, 36, 14), np.uint8)
    x, y = np.indices((40, 36))
    labels[:, :, 6][(x - 20) ** 2 + (y - 18) ** 2 <= 9] = 22
    labels[30:34, 30:34, 2] = 24
    path = tmp_path / "reference.nii.gz"
    # The toy case is LPS; NIfTI writes RAS.
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([-1.0, -1.0, 2.5, 1.0])), path)
    return path


def test_a_reference_with_every_organ_does_not_flood_the_answer(ws: Workspace, tmp_path: Path) -> None:
    ws.run("brush", path=[[20, 18]], radius_mm=3, value=22)
    labels = np.zeros((40, 36, 14), np.uint8)
    labels[0, :36, 0] = np.arange(30, 66)
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([-1.0, -1.0, 2.5, 1.0])), tmp_path / "organs.nii.gz")
    result = ws.run("compare_mask", path=str(tmp_path / "organs.nii.gz"))
    assert "label 35, 30 more labels. Not in the reference: L3." in result.message and len(result.message) < 220
    assert len(result.data["labels"]) == 37


def test_a_reference_gives_dice_and_hd95_per_label(ws: Workspace, reference_file: Path) -> None:
    ws.run("brush", path=[[20, 18]], radius_mm=3, value=22)
    ws.run("brush", path=[[5, 5]], radius_mm=2, value=23)
    result = ws.run("compare_mask", path=str(reference_file))
    labels = result.data["labels"]
    assert labels["22"]["dice"] == 1.0 and labels["22"]["hd95_mm"] == 0.0
    assert labels["23"]["reference_voxels"] == 0 and labels["23"]["hd95_mm"] is None
    assert labels["24"]["voxels"] == 0 and labels["24"]["dice"] == 0.0
    assert "Only in the reference: L5." in result.message and "Not in the reference: L4." in result.message
    ws.run("brush", path=[[22, 18]], radius_mm=3, value=22)
    worse = ws.run("compare_mask").data["labels"]["22"]
    assert worse["dice"] < 0.9 and worse["hd95_mm"] == pytest.approx(2.0, abs=0.3)


def test_the_comparison_is_no_step_and_no_part_of_the_journal(recorded: Workspace, reference_file: Path, tmp_path: Path) -> None:
    recorded.run("brush", path=[[20, 18]], radius_mm=3, value=22)
    steps, path = recorded.undo_titles, recorded.journal_path
    recorded.run("compare_mask", path=str(reference_file))
    recorded.run("show_difference", visible=False)
    assert recorded.undo_titles == steps and recorded.state.reference is not None and not recorded.state.reference.shown
    recorded.run("end_comparison")
    assert recorded.state.reference is None
    recorded.close()
    reference_file.unlink()
    assert path is not None
    with recover(path, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as again:
        assert again.has_mask
    assert replay(path, tmp_path / "again.nii.gz", segmenter=FakeSegmenter(), samples={"toy": toy_volume}).identical


def test_a_reference_on_another_grid_is_refused(ws: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "other.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((5, 6, 7), np.uint8), np.eye(4)), path)
    with pytest.raises(InputError):
        ws.run("compare_mask", path=str(path))
    with pytest.raises(RequirementError, match="no reference yet"):
        ws.run("compare_mask")
    assert ws.state.reference is None


def test_the_difference_tells_what_each_side_has_alone() -> None:
    ours, theirs = np.array([[22, 22, 0, 23]], np.uint8), np.array([[22, 0, 5, 22]], np.uint8)
    assert difference(ours, theirs).tolist() == [[0, ONLY_OURS, ONLY_REFERENCE, OTHER_LABEL]]


def test_colours_and_values_are_verses() -> None:
    assert [label_value(name) for name in ("C1", "T1", "T12", "L1", "L6", "sacrum", "coccyx", "T13")] == [1, 8, 19, 20, 25, 26, 27, 28]


def test_an_earlier_state_is_compared_with(ws: Workspace) -> None:
    ws.run("brush", path=[[20, 18]], radius_mm=3, value=22)
    before = ws.mask.copy()
    ws.run("brush", path=[[24, 18]], radius_mm=3, value=22)
    ws.run("rename_label", value=22, name="mine")
    ws.run("brush", path=[[5, 5]], radius_mm=2, value=23)
    result = ws.run("compare_mask", steps_back=3)
    reference = ws.state.reference
    assert reference is not None and np.array_equal(reference.labels, before)
    assert result.data["labels"]["22"]["dice"] < 1 and result.data["labels"]["23"]["reference_voxels"] == 0
    assert "before: " in result.message and result.data["path"] == ""
    again = ws.run("compare_mask").data
    assert again["labels"] == result.data["labels"]
    ws.undo(3)
    assert ws.run("compare_mask").data["labels"]["22"]["dice"] == 1.0
    with pytest.raises(RequirementError, match="only 1 step"):
        ws.run("compare_mask", steps_back=2)
    with pytest.raises(UsageError, match="not with both"):
        ws.run("compare_mask", steps_back=1, path="x.nii.gz")


def test_only_what_an_edit_touched_is_compared_again(ws: Workspace, reference_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from nothing, after random edits, undo and redo."""
    ws.run("brush", path=[[20, 18]], radius_mm=3, value=22)
    ws.run("brush", path=[[5, 5]], radius_mm=2, value=23)
    ws.run("compare_mask", path=str(reference_file))
    reference = ws.state.reference
    assert reference is not None
    changed: list[Box] = []
    ws.subscribe(lambda change: changed.append(change.box_ijk) if change.box_ijk is not None else None)
    known = compare_labels(CompareRequest.of(ws, reference))
    asked: list[int] = []
    compared = comparing._compared
    monkeypatch.setattr(comparing, "_compared", lambda request, value, around: asked.append(value) or compared(request, value, around))
    rng = np.random.default_rng(3)
    for _ in range(25):
        value, x, y = int(rng.choice([22, 23, 24])), int(rng.integers(3, 36)), int(rng.integers(3, 33))
        where = {"path": [[x, y]], "radius_mm": float(rng.uniform(1, 5)), "slice": int(rng.integers(1, 15))}
        ws.run(str(rng.choice(["brush", "erase"])), value=value, **where)
        if ws.undo_titles and rng.random() < 0.3:
            ws.undo()
        asked.clear()
        known = compare_labels(CompareRequest.of(ws, reference, changed), known)
        changed.clear()
        again = len(asked)
        assert known == compare_labels(CompareRequest.of(ws, reference))
        assert again <= 3
    asked.clear()
    compare_labels(CompareRequest.of(ws, reference), known)
    assert asked == []


def test_side_by_side_is_a_state_and_a_picture(ws: Workspace, reference_file: Path, tmp_path: Path) -> None:
    with pytest.raises(RequirementError, match="no reference mask"):
        ws.run("show_side_by_side", visible=True)
    ws.run("brush", path=[[5, 5]], radius_mm=2, value=23, slice=7)
    ws.run("compare_mask", path=str(reference_file))
    ws.run("save_picture", path=str(tmp_path / "one.png"), plane="axial", slice=7)
    ws.run("show_side_by_side", visible=True)
    assert ws.state.reference is not None and ws.state.reference.side_by_side and not ws.state.reference.shown
    ws.run("save_picture", path=str(tmp_path / "two.png"), plane="axial", slice=7)
    one, two = (np.asarray(Image.open(tmp_path / name)) for name in ("one.png", "two.png"))
    assert two.shape[0] == one.shape[0] and two.shape[1] == 2 * one.shape[1] + 8
    assert np.array_equal(two[:, : one.shape[1]], one)
    coloured = [part.max(axis=2).astype(int) - part.min(axis=2) > 20 for part in (two[:, : one.shape[1]], two[:, -one.shape[1] :])]
    assert coloured[0].any() and coloured[1].any() and not (coloured[0] & coloured[1]).any(), "each has its own labels"
    ws.run("set_view", plane="sagittal")
    assert ws.state.reference.side_by_side
    ws.run("set_view", plane="mpr")
    assert not ws.state.reference.side_by_side


@pytest.mark.parametrize("there_and_back", [False, True])
def test_a_corrective_click_takes_pixels_away_after_the_label_was_renamed(recorded: Workspace, there_and_back: bool) -> None:
    ws, journal = recorded, recorded.journal_path
    put_mask(ws)
    before = int(np.count_nonzero(ws.mask))
    ws.run("number_from", regions=["L4"])
    if there_and_back:
        ws.run("undo")
        ws.run("redo")
    assert [prompt.label for prompt in ws.case.slice_masks.prompts] == [label_value("L4")]
    ws.close()
    with recover(journal, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as again:
        again.run("add_points", at=[[12, 8]], label="negative", regions=["L4"])
        again.run("generate_box_mask")
        assert 0 < int(np.count_nonzero(again.mask)) < before
        assert set(np.unique(again.mask)) == {0, label_value("L4")}


def test_a_box_like_one_of_another_label_is_a_new_one(ws: Workspace) -> None:
    put_mask(ws, "L3")
    ws.run("lock_label", value=label_value("L3"), locked=True)
    ws.run("clear_boxes")
    put_mask(ws, "L4", (8, 2, 24, 16))
    ws.run("add_box", corners=[8, 4, 24, 16], regions=["L4"])
    ws.run("generate_box_mask")
    assert (ws.mask == label_value("L3")).any()


def test_a_corrective_click_brings_no_locked_label_back(ws: Workspace) -> None:
    put_mask(ws, "L4", (8, 4, 15, 16))
    put_mask(ws, "L3")
    lower = ws.mask == label_value("L4")
    ws.run("lock_label", value=label_value("L4"), locked=True)
    ws.run("add_points", at=[[12, 8]], label="negative", regions=["L3"])
    ws.run("generate_box_mask")
    assert np.array_equal(ws.mask == label_value("L4"), lower)


def test_a_corrective_click_brings_nothing_of_a_cleared_label_back(recorded: Workspace) -> None:
    ws, journal = recorded, recorded.journal_path
    l4 = label_value("L4")
    put_mask(ws, "L4", (8, 4, 15, 16))
    put_mask(ws, "L3", (12, 4, 24, 16))
    ws.run("clear_mask", regions=["L4"])
    assert l4 not in ws.mask
    ws.close()

    def corrected(case: Workspace) -> bool:
        case.run("add_points", at=[[14, 8]], label="negative", regions=["L3"])
        case.run("generate_box_mask")
        return bool((case.mask == l4)[14, 8, 6])

    with recover(journal, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as again:
        assert not corrected(again)
        again.run("undo", count=3)
        assert corrected(again), "the clearing was undone too"
        again.run("undo", count=2)
        again.run("clear_mask", regions=["L4"])
        assert not corrected(again)


def test_what_was_undone_is_forgotten_so_that_asking_again_gives_the_same_and_paints_nothing_else(ws: Workspace) -> None:
    l4 = label_value("L4")
    put_mask(ws, "L4", (8, 4, 15, 16))
    ws.run("brush", path=[[35, 30]], radius_mm=2, value=l4)
    ws.run("erase", path=[[11, 8]], radius_mm=1)
    put_mask(ws, "L3", (16, 4, 24, 16))
    ws.run("add_points", at=[[19, 8]], label="negative", regions=["L3"])
    ws.run("generate_box_mask")
    first = ws.mask.copy()
    prompts = ws.case.slice_masks.prompts
    ws.run("undo", count=2)
    assert ws.case.slice_masks.prompts != prompts, "the sidecar of a mask names what made it"
    ws.run("add_points", at=[[19, 8]], label="negative", regions=["L3"])
    ws.run("generate_box_mask")
    assert np.array_equal(ws.mask, first), "what was done to L4 by hand stays"
    assert ws.case.slice_masks.prompts == prompts

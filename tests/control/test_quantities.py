"""What `measure` says, keeps, draws and writes of vertebrae."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spinalsam.control.operation import MaskEdit, OperationResult
from spinalsam.control.operations import find
from spinalsam.control.quantities import visible_marks
from spinalsam.control.workspace import Workspace
from spinalsam.errors import RequirementError
from spinalsam.support.calls import OperationCall
from spinalsam.support.morphometry.marks import COLOURS, on_slice
from tests.toy_spine import CORE_HU, DISC_MM, HEIGHT_MM, LEVELS, toy_spine


@pytest.fixture
def spine(make_workspace: Callable[..., Workspace]) -> Workspace:
    """Three vertebrae with their masks, without a journal."""
    return opened(make_workspace(journal=False, samples={"spine": lambda: toy_spine()[0]}))


def opened(workspace: Workspace) -> Workspace:
    workspace.run("open_image", path="sample:spine")
    labels = toy_spine()[1]
    edit = MaskEdit((0, 0, 0), np.zeros_like(labels), labels)
    operation = find("load_mask")
    workspace.commit(operation, OperationCall("load_mask", {"path": "toy"}), OperationResult("put", edit=edit), origin="test")
    return workspace


def test_rows_and_sentence_hold_what_was_drawn(spine: Workspace) -> None:
    result = spine.run("measure", regions=["L3"])
    (row,) = result.data["measurements"]
    for place in ("anterior", "middle", "posterior"):
        assert row[f"height_{place}_mm"] == pytest.approx(HEIGHT_MM, abs=1)
        assert row[f"disc_{place}_mm"] == pytest.approx(DISC_MM, abs=1)
    assert row["core_hu"] == pytest.approx(CORE_HU)
    assert (row["genant_grade"], row["disc_below_to"], row["not_measured"]) == (0, "L4", "")
    assert row["crush_ratio"] == pytest.approx(1, abs=0.05)
    assert row["use"] == "research use only"
    assert result.data["cobb"] == []
    figures = ("L3: ", "Body height 2", "Genant grade 0", "Core 150", "at or under 160 HU")
    assert all(words in result.message for words in (*figures, "without contrast medium", "For research use only.")), result.message


def test_several_vertebrae_have_an_angle(spine: Workspace) -> None:
    angles = spine.run("measure", regions=["L2", "L4"]).data["cobb"]
    assert [(one["plane"], one["upper"], one["lower"]) for one in angles] == [("coronal", "L2", "L4"), ("sagittal", "L2", "L4")]
    assert all(one["angle_deg"] < 1.5 for one in angles)


def test_a_cobb_angle_of_two_named_endplates_and_of_none(spine: Workspace) -> None:
    named = spine.run("measure_cobb", upper=["L2"], lower=["L3"], lower_endplate="superior", plane="sagittal").data["cobb"][0]
    assert (named["upper"], named["lower"], named["lower_endplate"], named["plane"]) == ("L2", "L3", "superior", "sagittal")
    assert named["angle_deg"] < 1.5
    assert spine.run("measure_cobb").data["cobb"][0]["plane"] == "coronal"
    with pytest.raises(RequirementError, match="T12: it is not masked"):
        spine.run("measure_cobb", upper=["T12"], lower=["L4"])
    with pytest.raises(RequirementError, match="name both"):
        spine.run("measure_cobb", upper=["L2"])


def test_the_lowest_says_that_nothing_lies_below(spine: Workspace) -> None:
    row = spine.run("measure", regions=["L4"]).data["measurements"][0]
    assert row["disc_middle_mm"] is None
    assert row["not_measured"] == "disc below: no bone is masked below it"


def test_lines_are_drawn_until_the_mask_changes(spine: Workspace) -> None:
    assert "measure a mask first" in find("show_figures").missing(spine)
    spine.run("measure")
    assert {mark.kind for mark in visible_marks(spine)} == {"height", "disc", "endplate", "core", "cobb"}
    spine.run("show_figures", visible=False)
    assert visible_marks(spine) == ()
    spine.run("show_figures")
    spine.run("set_label_visible", value=22, visible=False)
    assert {mark.value for mark in visible_marks(spine)} == {21, 23}
    spine.run("clear_mask", regions=["L2"])
    assert visible_marks(spine) == ()
    assert spine.state.figures is not None  # the table still has them, and says that they are old
    spine.run("undo")
    assert visible_marks(spine) == ()


def test_marks_lie_where_they_were_read(spine: Workspace) -> None:
    spine.run("measure", regions=["L3"])
    middle = np.argwhere(spine.mask == 22).mean(axis=0)
    sagittal, axial = spine.plane("sagittal"), spine.plane("axial")
    drawn = on_slice(visible_marks(spine), sagittal, round(middle[sagittal.normal_axis]))
    heights = [corners for mark, corners in drawn if mark.kind == "height"]
    assert len(heights) == 3
    for corners in heights:
        assert abs(corners[0, 1] - corners[1, 1]) * sagittal.spacing_mm[0] == pytest.approx(HEIGHT_MM, abs=1)
    assert not any(mark.kind == "height" for mark, _ in on_slice(visible_marks(spine), sagittal, 3))
    cores = [corners for mark, corners in on_slice(visible_marks(spine), axial, round(middle[axial.normal_axis])) if mark.kind == "core"]
    assert len(cores) == 1
    labels = axial.cut(spine.mask, round(middle[axial.normal_axis]))
    columns, rows = np.rint(cores[0]).astype(int).T
    assert (labels[rows, columns] == 22).all()


def test_a_picture_shows_the_lines_and_their_legend(spine: Workspace, tmp_path: Path) -> None:
    plane = spine.plane("sagittal")
    number = round(np.argwhere(spine.mask == 22).mean(axis=0)[plane.normal_axis]) + 1
    spine.run("save_picture", path=str(tmp_path / "before.png"), plane="sagittal", slice=number)
    spine.run("measure")
    spine.run("save_picture", path=str(tmp_path / "after.png"), plane="sagittal", slice=number)
    before, after = (np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int) for name in ("before", "after"))
    for kind in ("height", "disc", "core", "endplate"):
        near = [int((np.abs(picture - COLOURS[kind]).sum(axis=2) < 12).sum()) for picture in (before, after)]
        assert near[1] > near[0] + 20, kind


def test_the_table_has_every_figure(spine: Workspace, tmp_path: Path) -> None:
    spine.run("save_measurements", path=str(tmp_path / "m.csv"))
    with open(tmp_path / "m.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == list(LEVELS)
    assert float(rows[0]["height_middle_mm"]) == pytest.approx(HEIGHT_MM, abs=1)
    assert rows[2]["disc_middle_mm"] == ""
    assert "no bone is masked" in rows[2]["not_measured"]
    assert {row["use"] for row in rows} == {"research use only"}


def test_a_label_that_is_no_vertebra_is_measured_as_before(ws: Workspace) -> None:
    from tests.control.conftest import put_mask

    put_mask(ws, "spine")
    result = ws.run("measure")
    assert "research" not in result.message
    assert result.data["measurements"][0]["use"] is None
    assert ws.state.figures is None


def test_what_was_measured_is_not_part_of_a_restored_case(make_workspace: Callable[..., Workspace]) -> None:
    first = make_workspace(samples={"toy": lambda: toy_spine()[0]})
    first.run("open_image", path="sample:toy")
    first.run("brush", plane="axial", slice=40, path=[[24, 20], [28, 24]], radius_mm=6.0, shape="ball", value=22)
    assert first.run("measure").data["measurements"][0]["not_measured"]
    assert first.state.figures is not None
    journal = first.journal_path
    first.close()
    second = make_workspace(samples={"toy": lambda: toy_spine()[0]})
    second.run("restore_case", journal=str(journal))
    assert second.has_mask
    assert second.state.figures is None

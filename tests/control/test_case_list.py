from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.control.case_list import holds_studies
from spinalsam.control.workspace import Workspace
from spinalsam.errors import InputError, RequirementError


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Three cases, a mask and a note; one case is a folder of DICOM files by its first file's mark."""
    folder = tmp_path / "studies"
    for name in ("case10/ct.nii.gz", "case2/ct.nii.gz", "case2/ct_mask.nii.gz"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), path)
    (folder / "case3" / "DICOM").mkdir(parents=True)
    (folder / "case3" / "DICOM" / "I0001").write_bytes(bytes(128) + b"DICM")
    (folder / "notes.txt").write_text("nothing")
    return folder


def test_cases_are_listed_in_natural_order_without_masks(empty: Workspace, studies: Path) -> None:
    found = empty.run("list_cases", path=str(studies))
    assert found.data["cases"] == ["case2/ct.nii.gz", "case3/DICOM", "case10/ct.nii.gz"]
    assert empty.case_list is not None and not empty.has_case


def test_next_previous_and_number_open_cases_of_the_list(empty: Workspace, studies: Path) -> None:
    empty.run("list_cases", path=str(studies))
    empty.run("open_listed", number=3)
    assert empty.source_path == studies / "case10" / "ct.nii.gz"
    with pytest.raises(RequirementError, match="last of 3"):
        empty.run("open_listed", direction="next")
    with pytest.raises(InputError):
        empty.run("open_listed", number=2)  # case3 is no picture
    assert empty.source_path == studies / "case10" / "ct.nii.gz"


def test_next_and_previous_pass_over_what_cannot_be_read_and_say_so(empty: Workspace, studies: Path) -> None:
    (studies / "case0.nii.gz").write_bytes(b"nothing")
    empty.run("list_cases", path=str(studies))
    opened = empty.run("open_listed", direction="next")
    assert empty.source_path == studies / "case2" / "ct.nii.gz"
    assert "Passed over: 'case0.nii.gz'" in opened.message and any("case0.nii.gz" in note for note in opened.data["notes"])
    empty.run("open_listed", direction="next")
    assert empty.source_path == studies / "case10" / "ct.nii.gz"
    empty.run("open_listed", direction="previous")
    assert empty.source_path == studies / "case2" / "ct.nii.gz"
    with pytest.raises(InputError, match=r"case0\.nii\.gz"):
        empty.run("open_listed", direction="previous")
    assert empty.source_path == studies / "case2" / "ct.nii.gz"


def test_a_case_of_the_list_is_opened_as_it_was_left(make_workspace: Callable[..., Workspace], studies: Path) -> None:
    ws = make_workspace()
    ws.run("list_cases", path=str(studies))
    ws.run("open_listed", number=1)
    ws.run("add_points", at=[[1, 1]])
    ws.run("brush", path=[[1, 1], [2, 2]], radius_mm=1)
    journal, mask = ws.journal_path, ws.case.mask.copy()
    ws.run("open_listed", direction="next")
    assert ws.source_path == studies / "case10" / "ct.nii.gz" and not ws.undo_titles
    back = ws.run("open_listed", direction="previous")
    assert back.data["restored"] and ws.journal_path == journal
    assert mask.any() and np.array_equal(ws.case.mask, mask) and len(ws.undo_titles) == 2
    ws.run("undo", count=2)
    assert not ws.case.mask.any()
    assert "is open already" in ws.run("open_listed", number=1).message and ws.redo_titles


def test_a_list_begins_with_the_first_case_that_is_not_done(make_workspace: Callable[..., Workspace], studies: Path) -> None:
    first = make_workspace(journal=False)
    first.run("list_cases", path=str(studies))
    for name in ("case2", "case10"):
        first.run("open_listed", direction="next")
        assert first.source_path == studies / name / "ct.nii.gz"
        first.run("mark_case", done=True)
        again = make_workspace(journal=False)
        again.run("list_cases", path=str(studies))
        again.run("open_listed", direction="next")
        assert again.source_path == studies / ("case10" if name == "case2" else "case2") / "ct.nii.gz", "else the first"


def test_a_case_whose_journal_is_damaged_is_opened_anew_and_the_rest_offered(
    make_workspace: Callable[..., Workspace], studies: Path
) -> None:
    ws = make_workspace()
    ws.run("list_cases", path=str(studies))
    ws.run("open_listed", number=1)
    for _ in range(3):
        ws.run("add_points", at=[[1, 1]])
    journal = ws.journal_path
    ws.run("open_listed", number=3)
    assert journal is not None
    lines = journal.read_bytes().split(b"\n")
    lines[2] = lines[2][:-20] + b"x" * 20
    journal.write_bytes(b"\n".join(lines))
    opened = ws.run("open_listed", number=1)
    assert not opened.data.get("restored") and ws.journal_path != journal
    assert [one["journal"] for one in opened.data["recoverable"]] == [str(journal)] and opened.data["recoverable"][0]["damaged"]


def test_done_marks_last_and_lie_outside_the_studies(make_workspace: Callable[..., Workspace], studies: Path) -> None:
    before = sorted(studies.rglob("*"))
    first = make_workspace(journal=False)
    first.run("list_cases", path=str(studies))
    with pytest.raises(RequirementError, match="not in the list"):
        first.run("mark_case", done=True)
    first.run("open_listed", number=1)
    first.run("mark_case", done=True)
    second = make_workspace(journal=False)
    assert second.run("list_cases", path=str(studies)).data["done"] == ["case2/ct.nii.gz"]
    assert sorted(studies.rglob("*")) == before
    first.run("mark_case", done=False)
    assert not first.case_list.done


def test_a_folder_without_a_case_is_refused(empty: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no CT"):
        empty.run("list_cases", path=str(tmp_path))
    with pytest.raises(InputError, match="not a folder"):
        empty.run("list_cases", path=str(tmp_path / "nowhere"))


def test_about_names_version_model_and_device(ws: Workspace) -> None:
    facts = ws.run("about").data
    assert facts["version"] and facts["model"] == "fake" and facts["checksum"] == "f" * 16 and facts["device"]


def test_a_folder_of_several_studies_is_told_from_one_study_of_several_series(tmp_path: Path) -> None:
    from tests.data.make import dicom_series

    one, two, stored = tmp_path / "one", tmp_path / "two", np.zeros((4, 5, 3), np.int16)
    one.mkdir()
    two.mkdir()
    for name in ("a", "b"):
        dicom_series(one / name, stored, StudyInstanceUID="1.2.3", SeriesInstanceUID=f"1.2.3.{ord(name)}")
    assert not holds_studies(one), "series of one study"
    dicom_series(two / "a", stored, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1")
    dicom_series(two / "b", stored, StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.1")
    assert holds_studies(two)
    (one / "ct.nii.gz").write_bytes(b"")
    assert holds_studies(one), "a volume file is a study of its own"
    assert not holds_studies(two / "a")

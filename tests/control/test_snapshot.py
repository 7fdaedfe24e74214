"""What is kept aside: a damaged line, a deleted journal, a full disk or another image take no work along."""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.control import snapshot
from spinalsam.control.journal import FORMAT_VERSION, read_journal
from spinalsam.control.recovery import find_recoverable, recover, replay
from spinalsam.control.snapshot import snapshot_path
from spinalsam.control.workspace import Workspace
from spinalsam.errors import JournalError, OutputError, ResourceError, UsageError
from tests.control.conftest import put_mask, toy_volume, toy_voxels
from tests.control.test_recovery import TOY, everything, work
from tests.fakes import FakeSegmenter

FORMAT_1 = Path(__file__).parent / "journals" / "format1.jsonl"
FORMAT_2 = Path(__file__).parent / "journals" / "format2.jsonl"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot after every other change of the mask."""
    monkeypatch.setattr("spinalsam.control.session.EVERY", 2)


def shown(ws: Workspace) -> tuple[object, ...]:
    """What a snapshot brings back: everything but the undo history."""
    return everything(ws)[:-2]


def damage(journal: Path, line: int) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"t":"', b'"t":"x', 1)
    journal.write_bytes(b"".join(lines))


@pytest.mark.parametrize("line", [0, 1, 5])
def test_a_damaged_line_takes_nothing_after_it_along(recorded: Workspace, line: int) -> None:
    work(recorded)
    recorded.case.session._snapshots.finish()
    recorded.run("add_points", at=[[3, 3]])  # what comes after the snapshot follows from the journal's own lines
    before, journal = shown(recorded), recorded.journal_path
    recorded.close()
    damage(journal, line)
    (offer,) = find_recoverable()
    assert offer.damaged and offer.steps > 5
    with pytest.raises(JournalError):
        recover(journal, samples=TOY)
    with recover(journal, samples=TOY, segmenter=FakeSegmenter(), accept_damage=True) as ws:
        assert shown(ws) == before
        assert ws.journal_path != journal and not ws.problem
        ws.run("set_view", plane="axial")
        put_mask(ws, "L1", (8, 18, 24, 34))
        before, journal = shown(ws), ws.journal_path
    # The new journal begins with what was rescued, so it needs neither the damaged one nor its snapshot.
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert shown(ws) == before


def test_a_damaged_snapshot_is_no_loss(recorded: Workspace) -> None:
    work(recorded)
    before, journal = everything(recorded), recorded.journal_path
    recorded.close()
    for content in (b"", b"nonsense\n", snapshot_path(journal).read_bytes()[:-40]):
        snapshot_path(journal).write_bytes(content)
        with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
            assert everything(ws) == before
    damage(journal, 5)
    with recover(journal, samples=TOY, segmenter=FakeSegmenter(), accept_damage=True) as ws:
        assert ws.has_mask  # what stands before the damage


def test_a_damaged_last_line_needs_no_snapshot(recorded: Workspace) -> None:
    work(recorded)
    journal = recorded.journal_path
    recorded.close()
    count = len(read_journal(journal).done)
    with open(journal, "ab") as file:
        file.write(b'{"n":99,"kind":"done"')
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert ws.journal_path == journal and len(read_journal(journal).done) == count


def test_a_snapshot_lies_beside_its_journal_and_names_it(recorded: Workspace) -> None:
    put_mask(recorded)
    journal = recorded.journal_path
    recorded.run("undo", count=3)
    recorded.close()
    assert sorted(path.suffix for path in journal.parent.iterdir()) == ["", ".jsonl", ".snapshot"]
    assert read_journal(snapshot_path(journal)).case["snapshot_of"] == journal.stem


def test_snapshots_are_written_now_and_then_and_at_the_end(recorded: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.control.session.EVERY", 3)
    written = []
    monkeypatch.setattr(snapshot, "_write", lambda path, case, pack: written.append(case["lines"]))
    put_mask(recorded)
    for _ in range(6):
        recorded.run("choose_candidate")
        recorded.case.session._snapshots.finish()
    assert len(written) == 2
    recorded.close()
    assert len(written) == 3 and written == sorted(written)


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def gone(*_: object) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize(("failure", "kind", "words"), [(full, ResourceError, "disk"), (gone, OutputError, "Input/output error")])
def test_where_the_journal_cannot_be_written_the_work_goes_on_elsewhere(
    recorded: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[..., None], kind: type[Exception], words: str
) -> None:
    work(recorded)
    before = everything(recorded)
    with monkeypatch.context() as patch:
        patch.setattr("spinalsam.control.journal.os.fsync", failure)
        with pytest.raises(kind, match=words) as caught:
            recorded.run("clear_points")
        assert "Keep journal elsewhere" in str(caught.value)
        assert caught.value.remedy == "keep_journal"
        assert everything(recorded) == before  # the step was not done
        with pytest.raises(kind):
            recorded.run("keep_journal", folder=str(tmp_path / "also full"))
        assert list(tmp_path.glob("also full/*")) == []
    recorded.run("keep_journal", folder=str(tmp_path / "stick"))
    recorded.run("clear_points")
    before, journal = shown(recorded), recorded.journal_path
    assert journal.parent == tmp_path / "stick"
    recorded.close()
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert shown(ws) == before
    report = replay(journal, tmp_path / "again.nii.gz", samples=TOY, segmenter=FakeSegmenter())
    assert report.identical


@pytest.mark.skipif(os.name != "posix", reason="an open file can be deleted only there")
@pytest.mark.parametrize("what", ["deleted", "cut", "longer"])
def test_a_journal_that_someone_else_touched_is_noticed_before_a_step_is_lost(recorded: Workspace, tmp_path: Path, what: str) -> None:
    put_mask(recorded)
    before, journal = everything(recorded), recorded.journal_path
    if what == "deleted":
        shutil.rmtree(journal.parent)
    else:
        with open(journal, "r+b") as file:
            file.truncate(100 if what == "cut" else journal.stat().st_size + 10)
    with pytest.raises(OutputError, match="someone else"):
        recorded.run("add_points", at=[[1, 1]])
    assert everything(recorded) == before
    recorded.run("keep_journal", folder=str(tmp_path / "new"))
    recorded.run("add_points", at=[[1, 1]])
    before, journal = shown(recorded), recorded.journal_path
    recorded.close()
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert shown(ws) == before


def test_an_unwritable_data_folder_is_left_for_another(
    make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path / "file"))
    ws = make_workspace()
    ws.run("open_image", path="sample:toy")
    put_mask(ws)
    assert "Nothing you do is recorded" in ws.problem
    ws.run("keep_journal", folder=str(tmp_path / "stick"))
    assert ws.problem == ""
    before, journal = shown(ws), ws.journal_path
    ws.close()
    monkeypatch.delenv("SPINALSAM_DATA_DIR")
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as again:
        assert shown(again) == before


@pytest.mark.skipif(os.name != "posix", reason="locks are made otherwise there")
def test_on_a_drive_that_knows_no_locks_the_work_is_recorded_all_the_same(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("spinalsam.control.case_lock.fcntl.flock", refuse)
    with make_workspace() as ws:
        ws.run("open_image", path="sample:toy")
        assert ws.problem == "" and ws.read_only == ""
        ws.run("prompt_mask", prompt={"points": [[12, 9, 8, 1]], "label": "L3"})
        mask, path = ws.mask.copy(), ws.journal_path
    with recover(path, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as again:
        assert np.array_equal(again.mask, mask)


def test_a_clock_that_goes_backwards_changes_nothing(recorded: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(f"20{99 - n:02d}-01-01T00:00:00.000Z" for n in range(90))
    monkeypatch.setattr("spinalsam.control.session.now_text", lambda: next(times))
    work(recorded)
    before, journal = everything(recorded), recorded.journal_path
    recorded.close()
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert everything(ws) == before


def test_work_on_an_image_that_changed_is_not_lost(make_workspace: Callable[..., Workspace], ct_file: Path) -> None:
    ws = make_workspace()
    ws.open(ct_file)
    ws.run("add_box", corners=[0, 0, 39, 35])
    ws.run("generate_box_mask")
    before, journal = shown(ws), ws.journal_path
    ws.close()
    voxels = toy_voxels()
    voxels[0, 0, 0] += 1
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 2.5, 1.0])), ct_file)
    with pytest.raises(JournalError, match="it has changed"):
        recover(journal)
    other = make_workspace()
    (offer,) = other.open(ct_file).data["recoverable"]
    assert offer["other_image"] and offer["journal"] == str(journal)
    other.run("restore_case", journal=str(journal), accept_other_image=True)
    assert shown(other) == before
    assert other.journal_path != journal
    other.close()
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 3.5, 1.0])), ct_file)
    with pytest.raises(JournalError, match="same voxels in the same place"):
        make_workspace().run("restore_case", journal=str(journal), accept_other_image=True)


def test_a_journal_of_the_first_format_opens(tmp_path: Path) -> None:
    journal = tmp_path / "session.jsonl"
    shutil.copy(FORMAT_1, journal)
    assert read_journal(journal).case["format"] == 1 < FORMAT_VERSION
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert zlib.crc32(ws.mask.tobytes(order="F")) == 788032987
        assert len(ws.undo_titles) == 12
        assert ws.state.label(23).locked
        ws.run("undo", count=12)
        assert not ws.has_mask
    assert replay(FORMAT_1, tmp_path / "m.nii.gz", samples=TOY, segmenter=FakeSegmenter()).identical


def test_a_journal_of_the_second_format_opens(tmp_path: Path) -> None:
    """Its lines repeat all prompts; lines of today that are added to it count them."""
    journal = tmp_path / "session.jsonl"
    shutil.copy(FORMAT_2, journal)
    assert read_journal(journal).case["format"] == 2 < FORMAT_VERSION
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert zlib.crc32(ws.mask.tobytes(order="F")) == 3673423633
        assert len(ws.undo_titles) == 6
        assert [point.ijk for point in ws.case.state.points] == [(10, 24, 7), (14, 24, 7), (16, 26, 7)]
        assert [(box.corner_a_ijk, box.label) for box in ws.case.state.boxes] == [((22, 8, 7), 23)]
    assert replay(FORMAT_2, tmp_path / "m.nii.gz", samples=TOY, segmenter=FakeSegmenter()).identical


def test_lines_do_not_grow_with_the_prompts_that_stay(recorded: Workspace) -> None:
    for x in range(8, 32):
        recorded.run("add_points", at=[[x, 20]])
    recorded.run("delete_point", number=5)
    recorded.run("undo")
    recorded.run("add_points", at=[[9, 9]])
    path = recorded.journal_path
    assert path is not None
    lines = path.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines[4:26])) < min(map(len, lines[4:26])) + 12
    points = recorded.case.state.points
    with recover(path, samples=TOY, segmenter=FakeSegmenter()) as again:
        assert again.case.state.points == points and len(points) == 25


def test_a_line_that_counts_prompts_that_are_not_there_is_refused() -> None:
    from spinalsam.control.state import decode_changes

    with pytest.raises(ValueError, match="keeps 3 prompts where there are 0"):
        decode_changes({"points": {"kept": 3, "then": []}})


def test_a_workspace_without_a_journal_has_none_to_keep(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no journal"):
        ws.run("keep_journal", folder=str(tmp_path))


def test_a_state_that_does_not_fit_the_case_is_refused(recorded: Workspace, tmp_path: Path) -> None:
    from spinalsam.control.snapshot import put_state

    put_mask(recorded)
    values = snapshot.gather(recorded.case, None)()
    fresh = Workspace(journal=False, samples={"toy": toy_volume})
    fresh.run("open_image", path="sample:toy")
    put_state(fresh.case, values)
    assert np.array_equal(fresh.mask, recorded.mask)
    for wrong in ({"mask": {**values["mask"], "lower": [30, 0, 0]}}, {"mask": None}, {"changes": {"points": [1]}}, {"masks": [{}]}):
        with pytest.raises(JournalError):
            put_state(fresh.case, {**values, **wrong})
    fresh.close()

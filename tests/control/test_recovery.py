"""From a journal back to the case, at once or by doing it all again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

import spinalsam
from spinalsam.control.journal import Journal, read_journal
from spinalsam.control.recovery import find_recoverable, recover, replay
from spinalsam.control.workspace import Workspace
from spinalsam.errors import JournalError, ModelError, OutputError, RequirementError, UsageError
from tests.control.conftest import put_mask, toy_volume, toy_voxels
from tests.fakes import FakeSegmenter

TOY = {"toy": toy_volume}


def work(ws: Workspace) -> None:
    """A sitting with a bit of everything."""
    put_mask(ws, "L3")
    ws.run("add_points", at=[[12, 8]], label="negative")
    ws.run("generate_box_mask")
    ws.run("choose_candidate")
    ws.run("propagate", direction="up")
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("lock_label", value=23, locked=True)
    ws.run("add_points", regions=["L3"], count=2)
    ws.run("undo", count=2)
    ws.run("redo")
    ws.run("change_label", value=22, to=21)
    ws.run("set_view", plane="sagittal")
    ws.run("set_window", preset="soft_tissue")
    ws.run("navigate", direction="next", count=3)


def everything(ws: Workspace) -> tuple[object, ...]:
    state = ws.state
    return (ws.mask.tobytes(), state.points, state.boxes, state.view, state.active_label, state.labels, ws.undo_titles, ws.redo_titles)


def test_a_restored_case_is_as_it_was_and_undo_goes_on(recorded: Workspace, segmenter: FakeSegmenter) -> None:
    work(recorded)
    before, journal = everything(recorded), recorded.journal_path
    recorded.close()
    decoded = segmenter.decoded
    with recover(journal, samples=TOY, segmenter=segmenter) as ws:
        assert everything(ws) == before
        assert segmenter.decoded == decoded  # no network ran
        count = len(ws.undo_titles)
        ws.run("undo", count=count)
        assert not ws.has_mask and ws.state.points == ()
        ws.run("redo", count=count)
        assert everything(ws)[0] == before[0]


def test_what_is_done_after_a_restore_goes_on_in_the_same_journal(recorded: Workspace, tmp_path: Path) -> None:
    work(recorded)
    journal = recorded.journal_path
    recorded.close()
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert ws.journal_path == journal
        ws.run("set_view", plane="axial")
        ws.run("add_points", at=[[20, 12]], regions=["L2"], label="negative")
        ws.run("generate_box_mask")
        ws.run("clear_points")
        mask = ws.mask.copy()
    report = replay(journal, tmp_path / "again.nii.gz", segmenter=FakeSegmenter(), samples=TOY)
    assert report.identical
    assert np.array_equal(np.asarray(nibabel.load(report.out).dataobj), mask)


def test_replay_runs_the_network_again_and_gives_the_identical_mask(recorded: Workspace, tmp_path: Path) -> None:
    work(recorded)
    mask = recorded.mask.copy()
    segmenter = FakeSegmenter()
    report = replay(recorded.journal_path, tmp_path / "again.nii.gz", segmenter=segmenter, samples=TOY)
    assert segmenter.decoded > 0
    assert report.identical and report.model == {"name": "fake", "checksum": "f" * 16}
    assert np.array_equal(np.asarray(nibabel.load(report.out).dataobj), mask)


def test_replay_counts_what_another_network_does_otherwise(recorded: Workspace, tmp_path: Path) -> None:
    put_mask(recorded)
    other = FakeSegmenter(brightness=500)  # the same checksum, but another behaviour
    recorded.run("add_box", corners=[8, 18, 24, 34])
    recorded.run("generate_box_mask")
    report = replay(recorded.journal_path, tmp_path / "again.nii.gz", segmenter=other, samples=TOY)
    assert report.differing_voxels == 12 * 8 and not report.identical
    # The session had 12 x 8 voxels of one block and 8 x 10 of the other, the replay only the latter.
    assert report.dice == pytest.approx(2 * 80 / (80 + 80 + 96))


def test_replay_refuses_another_model(recorded: Workspace, tmp_path: Path) -> None:
    put_mask(recorded)
    with pytest.raises(ModelError, match="fake"):
        replay(recorded.journal_path, tmp_path / "again.nii.gz", segmenter=FakeSegmenter(checksum="0" * 16), samples=TOY)
    assert list(tmp_path.iterdir()) == []


def test_replay_writes_nothing_into_journals_and_overwrites_nothing(recorded: Workspace, tmp_path: Path) -> None:
    put_mask(recorded)
    before = recorded.journal_path.read_bytes()
    out = tmp_path / "again.nii.gz"
    replay(recorded.journal_path, out, segmenter=FakeSegmenter(), samples=TOY)
    assert recorded.journal_path.read_bytes() == before
    assert list(recorded.journal_path.parent.glob("*.jsonl")) == [recorded.journal_path]
    with pytest.raises(OutputError, match="exists"):
        replay(recorded.journal_path, out, segmenter=FakeSegmenter(), samples=TOY)


def test_replay_of_a_session_without_a_mask_says_so(recorded: Workspace, tmp_path: Path) -> None:
    recorded.run("add_points", at=[[1, 1]])
    with pytest.raises(RequirementError, match="without a mask"):
        replay(recorded.journal_path, tmp_path / "again.nii.gz", segmenter=FakeSegmenter(), samples=TOY)


def test_the_main_job_end_to_end_with_a_file(make_workspace: Callable[..., Workspace], ct_file: Path, tmp_path: Path) -> None:
    ws = make_workspace()
    ws.open(ct_file)
    ws.run("go_to", slice=7)
    ws.run("add_box", corners=[0, 0, 39, 35])
    ws.run("generate_box_mask")
    ws.run("undo")
    ws.run("redo")
    ws.export(tmp_path / "mask.nii.gz")
    journal = ws.journal_path
    ws.close()
    replay(journal, tmp_path / "again.nii.gz", segmenter=FakeSegmenter())
    first, again, ct = (nibabel.load(path) for path in (tmp_path / "mask.nii.gz", tmp_path / "again.nii.gz", ct_file))
    assert np.array_equal(np.asarray(first.dataobj), np.asarray(again.dataobj)) and np.asarray(first.dataobj).any()
    assert np.array_equal(first.affine, ct.affine) and first.shape == ct.shape


def test_the_offer_names_the_unfinished_session_first(make_workspace: Callable[..., Workspace], ct_file: Path) -> None:
    first = make_workspace()
    first.open(ct_file)
    first.run("add_points", at=[[1, 1]])
    first.close()
    second = make_workspace()
    second.open(ct_file)
    second.run("add_points", at=[[1, 1], [2, 2]])
    second.run("clear_points")
    offers = find_recoverable(source=ct_file)
    assert [(offer.steps, offer.unfinished) for offer in offers] == [(2, True), (1, False)]
    assert [offer.steps for offer in find_recoverable(unfinished_only=True)] == [2]
    assert find_recoverable(source=ct_file.with_name("other.nii")) == []


def test_the_offer_counts_the_steps_that_stand_when_others_were_undone(make_workspace: Callable[..., Workspace], ct_file: Path) -> None:
    def offered() -> int:
        (offer,) = find_recoverable(source=ct_file)
        assert offer.steps == len(ws.undo_titles)
        return offer.steps

    ws = make_workspace()
    ws.open(ct_file)
    for row in range(4):
        ws.run("add_points", at=[[1, row + 1]])
    ws.run("undo", count=3)
    assert offered() == 1
    ws.run("redo", count=2)
    assert offered() == 3
    ws.run("clear_points")  # forgets what was undone
    assert offered() == 4
    ws.run("undo", count=9)
    assert offered() == 0, "what was undone can be redone, so it is offered still"


def test_a_session_in_which_nothing_was_done_leaves_no_file(recorded: Workspace) -> None:
    journal = recorded.journal_path
    recorded.run("navigate", direction="next")
    recorded.close()
    assert not journal.exists() and find_recoverable() == []


def test_a_changed_image_is_refused(make_workspace: Callable[..., Workspace], ct_file: Path, tmp_path: Path) -> None:
    ws = make_workspace()
    ws.open(ct_file)
    ws.run("add_box", corners=[0, 0, 39, 35])
    ws.run("generate_box_mask")
    journal = ws.journal_path
    ws.close()
    voxels = toy_voxels()
    voxels[0, 0, 0] += 1
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 2.5, 1.0])), ct_file)
    with pytest.raises(JournalError, match="it has changed"):
        recover(journal)
    with pytest.raises(JournalError, match="it has changed"):
        replay(journal, tmp_path / "again.nii.gz", segmenter=FakeSegmenter())


def test_a_second_workspace_on_the_case_is_read_only_and_says_why(recorded: Workspace, make_workspace: Callable[..., Workspace]) -> None:
    put_mask(recorded)
    second = make_workspace()
    second.run("open_image", path="sample:toy")
    assert "open already" in second.read_only and "process" in second.read_only
    with pytest.raises(RequirementError, match="open already"):
        second.run("add_points", at=[[1, 1]])
    second.run("navigate", direction="next")
    recorded.close()
    third = make_workspace()
    third.run("open_image", path="sample:toy")
    assert third.read_only == ""


def test_a_session_that_is_open_elsewhere_is_restored_read_only(recorded: Workspace) -> None:
    put_mask(recorded)
    with recover(recorded.journal_path, samples=TOY, segmenter=FakeSegmenter()) as ws:
        assert "open already" in ws.read_only and ws.has_mask


def test_an_unwritable_data_folder_is_told_and_work_goes_on(
    make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path / "file"))
    ws = make_workspace()
    ws.run("open_image", path="sample:toy")
    assert "Nothing you do is recorded" in ws.problem
    ws.run("add_points", at=[[1, 1]])


def test_a_line_that_cannot_be_done_again_is_named(recorded: Workspace, tmp_path: Path) -> None:
    put_mask(recorded)
    journal = recorded.journal_path
    recorded.close()
    content = read_journal(journal)
    for args, op in (({"at": [[999, 999]]}, "add_points"), ({}, "no_such_operation"), ({"count": "x"}, "undo")):
        copy = tmp_path / "copy" / "j.jsonl"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(journal.read_bytes())
        writer = Journal.resume(read_journal(copy))
        writer.append({"kind": "done", "op": op, "args": args})
        writer.close()
        with pytest.raises(JournalError, match=f"Line {len(content.entries) + 1} "):
            recover(copy, samples=TOY)


def test_what_stands_before_a_damaged_line_can_be_restored(recorded: Workspace) -> None:
    work(recorded)
    journal = recorded.journal_path
    recorded.close()
    raw = journal.read_bytes()
    lines = raw.splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"op":"', b'"op":"x', 1)
    journal.write_bytes(b"".join(lines))
    assert find_recoverable()[0].damaged
    with pytest.raises(JournalError, match="Line 6"):
        recover(journal, samples=TOY)
    with recover(journal, samples=TOY, segmenter=FakeSegmenter(), accept_damage=True) as ws:
        assert ws.has_mask


def test_a_journal_names_no_user_and_every_line_its_time(recorded: Workspace) -> None:
    work(recorded)
    for entry in read_journal(recorded.journal_path).entries:
        assert entry.values["t"].endswith("Z")
        if entry.op in ("generate_box_mask", "propagate"):
            assert entry.values["model"] == {"name": "fake", "checksum": "f" * 16}


def test_a_thousand_operations_open_in_under_two_seconds(recorded: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.control.journal.os.fsync", lambda _: None)  # a thousand waits for the disk prove nothing here
    put_mask(recorded)
    for number in range(330):
        recorded.run("add_points", at=[[number % 40, number % 36]])
        recorded.run("choose_candidate")
        recorded.run("navigate", direction="next" if number % 2 else "previous")
    before, journal = everything(recorded), recorded.journal_path
    recorded.close()
    started = time.process_time()
    with recover(journal, samples=TOY, segmenter=FakeSegmenter()) as ws:
        took = time.process_time() - started
        assert everything(ws) == before
    # Processor time, since the machine of a test may be busy with other things.
    assert took < 2


def test_only_the_own_session_is_refused_for_restoring(recorded: Workspace) -> None:
    put_mask(recorded)
    with pytest.raises(UsageError):
        recover(recorded.journal_path, workspace=recorded)


def test_a_journal_opens_like_an_image(recorded: Workspace, segmenter: FakeSegmenter) -> None:
    work(recorded)
    before, journal = everything(recorded), recorded.journal_path
    assert journal is not None
    recorded.close()
    with Workspace(samples=TOY, segmenter=segmenter) as ws:
        found = ws.open(journal)
        assert everything(ws) == before
        assert found.data["restored"] and f"with {len(ws.undo_titles)} steps" in found.message
        assert ws.journal_path == journal
        with pytest.raises(UsageError, match="names its series"):
            ws.open(journal, series_uid="1.2")
        with pytest.raises(UsageError, match="open already"):
            ws.open(journal)
        with spinalsam.open(journal, samples=TOY, segmenter=segmenter) as beside:  # it is open already: without a journal
            assert everything(beside) == before
            assert beside.journal_path is None and not beside.read_only
    prompts = journal.with_name("prompts.jsonl")
    prompts.write_text('{"plane": "axial", "points": [[1, 2, 3, 1]]}\n')
    for wrong in (journal.with_name("nothing.jsonl"), prompts):
        with Workspace(samples=TOY, segmenter=segmenter) as ws, pytest.raises(JournalError, match=wrong.name):
            ws.open(wrong)

"""validate → require → run → commit, on which thread, in which order, and what happens when it fails."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.workspace import Workspace
from spinalsam.errors import Cancelled, RequirementError, ResourceError, UsageError
from spinalsam.support.calls import OperationCall
from tests.control.conftest import put_mask
from tests.fakes import FakeSegmenter


class SlowSegmenter(FakeSegmenter):
    """Waits in decode until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = threading.Event()
        self.go = threading.Event()

    def decode(self, embedding: Any, prompt: Any, previous: Any = None) -> Any:
        self.inside.set()
        assert self.go.wait(10)
        return super().decode(embedding, prompt, previous)


class MainLoop:
    """What a window's event loop does: runs what is posted, on this thread, when asked."""

    def __init__(self) -> None:
        self.posted: queue.Queue[Callable[[], None]] = queue.Queue()
        self.thread = threading.get_ident()

    def post(self, function: Callable[[], None]) -> None:
        self.posted.put(function)

    def run_until(self, condition: Callable[[], bool]) -> None:
        for _ in range(2000):
            if condition():
                return
            try:
                self.posted.get(timeout=0.01)()
            except queue.Empty:
                continue
        raise AssertionError("it never happened")


@pytest.fixture
def loop() -> MainLoop:
    return MainLoop()


@pytest.fixture
def slow() -> SlowSegmenter:
    return SlowSegmenter()


@pytest.fixture
def window(make_workspace: Callable[..., Workspace], loop: MainLoop, slow: SlowSegmenter) -> Iterator[Dispatcher]:
    """A dispatcher as a window has it, with the toy case open and a box drawn."""
    ws = make_workspace(journal=False, segmenter=slow)
    dispatcher = Dispatcher(ws, post=loop.post)
    job = dispatcher.submit(call("open_image", path="sample:toy"))
    loop.run_until(lambda: job.done)
    dispatcher.submit(call("go_to", slice=7))
    dispatcher.submit(call("add_box", corners=[8, 4, 24, 16]))
    yield dispatcher
    slow.go.set()


def call(op: str, **args: Any) -> OperationCall:
    return OperationCall(op, args)


def test_an_unknown_operation_or_argument_is_refused_before_anything_runs(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="no operation"):
        ws.run("format_disk")
    with pytest.raises(UsageError, match="no argument 'number'"):
        ws.run("add_points", number=3)
    with pytest.raises(UsageError, match="must be"):
        ws.run("add_points", count=0)


def test_requirements_are_sentences(empty: Workspace) -> None:
    with pytest.raises(RequirementError, match="No image is open"):
        empty.run("measure")


def test_quick_operations_are_done_when_submit_returns(window: Dispatcher) -> None:
    job = window.submit(call("add_points", at=[[3, 3]]))
    assert job.done and job.result.message == "Set 1 point on axial slice 7."
    assert len(window.workspace.state.points) == 1


def test_background_operations_run_elsewhere_and_commit_here(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    committed_on: list[int] = []
    window.workspace.subscribe(lambda change: committed_on.append(threading.get_ident()) if "mask" in change.fields else None)
    done: list[Any] = []
    job = window.submit(call("generate_box_mask"), on_done=done.append)
    assert slow.inside.wait(5) and not job.done and window.busy and window.jobs == (job,)
    slow.go.set()
    loop.run_until(lambda: bool(done))
    assert committed_on == [loop.thread] and job.done and window.workspace.has_mask


def test_prompts_and_view_stay_live_while_a_job_runs(window: Dispatcher, slow: SlowSegmenter) -> None:
    window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    assert window.submit(call("navigate", direction="next")).done
    assert window.submit(call("add_points", at=[[3, 3]])).done


def test_a_result_is_dropped_when_its_prompts_have_changed(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    errors: list[BaseException] = []
    window.submit(call("generate_box_mask"), on_error=errors.append)
    assert slow.inside.wait(5)
    window.submit(call("clear_boxes"))
    slow.go.set()
    loop.run_until(lambda: bool(errors))
    assert isinstance(errors[0], Cancelled) and "dropped" in str(errors[0])
    assert not window.workspace.has_mask


def test_prompts_on_another_slice_drop_nothing(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    job = window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    window.submit(call("go_to", slice=9))
    window.submit(call("add_points", at=[[3, 3]]))
    slow.go.set()
    loop.run_until(lambda: job.done)
    assert job.error is None
    assert window.workspace.mask[12, 8, 6] and not window.workspace.mask[..., 8].any()


def test_what_changes_the_mask_waits_its_turn(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    undo = window.submit(call("undo"))
    assert not undo.done
    slow.go.set()
    loop.run_until(lambda: undo.done)
    assert undo.error is None and not window.workspace.has_mask
    assert window.workspace.redo_titles == ("Mask of spine on axial slice 7",)


def test_a_newer_prompt_job_replaces_a_waiting_one(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    first = window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    second = window.submit(call("generate_box_mask"))
    third = window.submit(call("generate_box_mask"))
    assert second.done and isinstance(second.error, Cancelled) and "newer" in str(second.error)
    slow.go.set()
    loop.run_until(lambda: third.done)
    assert first.error is None and third.error is None


def test_a_cancelled_job_changes_nothing(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    job = window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    job.cancel()
    slow.go.set()
    loop.run_until(lambda: job.done)
    assert isinstance(job.error, Cancelled) and not window.workspace.has_mask


def test_closing_the_case_drops_what_is_under_way(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    job = window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    closing = window.submit(call("clear_image"))
    slow.go.set()
    loop.run_until(lambda: closing.done)
    assert job.done and closing.error is None and not window.workspace.has_case


def test_waiting_on_the_main_thread_is_refused_clearly(window: Dispatcher, slow: SlowSegmenter) -> None:
    window.submit(call("generate_box_mask"))
    assert slow.inside.wait(5)
    with pytest.raises(RequirementError, match="'Generate box mask' is under way"):
        window.run(call("undo"))
    window.run(call("navigate", direction="next"))  # what need not wait does not


def test_observers_hear_of_jobs(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    heard: list[int] = []
    window.workspace.subscribe(lambda change: heard.append(len(window.jobs)) if "job" in change.fields else None)
    slow.go.set()
    job = window.submit(call("generate_box_mask"))
    loop.run_until(lambda: job.done and len(heard) >= 2)
    assert heard[-1] == 0


def test_headless_run_waits_for_jobs(make_workspace: Callable[..., Workspace]) -> None:
    ws = make_workspace(journal=False)
    ws.dispatcher.submit(call("open_image", path="sample:toy"))
    ws.dispatcher.wait(10)
    ws.run("go_to", slice=7)
    ws.run("add_box", corners=[8, 4, 24, 16])
    ws.dispatcher.submit(call("generate_box_mask"))
    ws.run("undo")
    assert not ws.has_mask and ws.redo_titles == ("Mask of spine on axial slice 7",)


def test_running_out_of_memory_is_told_and_changes_nothing(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ws.run("add_box", corners=[8, 4, 24, 16])

    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FakeSegmenter, "decode", exhausted)
    with pytest.raises(ResourceError, match="ran out of memory"):
        ws.run("generate_box_mask")
    assert not ws.has_mask


def test_a_bug_keeps_its_own_type_and_the_worker_lives_on(
    window: Dispatcher, loop: MainLoop, slow: SlowSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.go.set()
    with monkeypatch.context() as patch:
        patch.setattr(SlowSegmenter, "decode", lambda *_: 1 / 0)
        failed = window.submit(call("generate_box_mask"))
        loop.run_until(lambda: failed.done)
    assert isinstance(failed.error, ZeroDivisionError)
    again = window.submit(call("generate_box_mask"))
    loop.run_until(lambda: again.done)
    assert again.error is None and window.workspace.has_mask


def test_run_all_stops_at_the_first_failure_and_says_what_was_done(ws: Workspace) -> None:
    calls = [call("add_box", corners=[8, 4, 24, 16]), call("add_points", regions=["T1"]), call("generate_box_mask")]
    with pytest.raises(RequirementError, match=r"Done: Add box\. Not done: Add points, Generate box mask\."):
        ws.dispatcher.run_all(calls)
    assert len(ws.state.boxes) == 1 and not ws.has_mask


def test_nothing_runs_when_one_call_does_not_fit(ws: Workspace) -> None:
    with pytest.raises(UsageError):
        ws.dispatcher.run_all([call("add_box", corners=[8, 4, 24, 16]), call("explode")])
    assert ws.state.boxes == ()


def test_submit_all_runs_in_order_and_reports_each(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    slow.go.set()
    each: list[str] = []
    done: list[Any] = []
    calls = [call("generate_box_mask"), call("measure"), call("navigate", direction="next")]
    window.submit_all(calls, on_each=lambda one, result: each.append(one.op), on_done=done.append)
    loop.run_until(lambda: bool(done))
    assert each == ["generate_box_mask", "measure", "navigate"] and len(done[0]) == 3


def test_submit_all_stops_at_the_first_failure(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    slow.go.set()
    errors: list[BaseException] = []
    calls = [call("generate_box_mask"), call("segment", regions=["T1"]), call("clear_boxes")]
    window.submit_all(calls, on_error=errors.append)
    loop.run_until(lambda: bool(errors))
    assert "Done: Generate box mask. Not done: Segment, Clear boxes." in str(errors[0])
    assert len(window.workspace.state.boxes) == 1


def test_stopping_a_sequence_stops_its_running_step(window: Dispatcher, loop: MainLoop, slow: SlowSegmenter) -> None:
    errors: list[BaseException] = []
    sequence = window.submit_all([call("generate_box_mask"), call("measure")], on_error=errors.append)
    assert slow.inside.wait(5)
    sequence.cancel()
    slow.go.set()
    loop.run_until(lambda: bool(errors))
    assert isinstance(errors[0], Cancelled) and not window.workspace.has_mask


def test_nothing_is_changed_when_the_journal_cannot_be_written(recorded: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    put_mask(recorded)
    mask, state, revision = recorded.mask.copy(), recorded.state, recorded.revision

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("spinalsam.control.journal.os.fsync", full)
        with pytest.raises(ResourceError, match="full"):
            recorded.run("clear_mask")
    assert (recorded.mask == mask).all() and recorded.state is state and recorded.revision == revision
    recorded.run("clear_mask")
    assert not recorded.has_mask


def test_points_that_were_looked_for_never_replace_those_set_meanwhile(
    window: Dispatcher, loop: MainLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go = threading.Event(), threading.Event()

    def masks_on(ws: Workspace, job: Any, ref: Any, regions: Any, *, may_move: bool) -> Any:
        started.set()
        assert go.wait(10)
        return ref, {22: np.ones(ws.plane(ref.plane).shape, bool)}

    monkeypatch.setattr("spinalsam.control.locating.masks_on", masks_on)
    ends: list[BaseException] = []
    job = window.submit(call("add_points", regions=["L3"], plane="axial", slice=7), on_error=ends.append)
    assert started.wait(5)
    assert window.submit(call("add_points", at=[[3, 3]], plane="axial", slice=2)).done
    go.set()
    loop.run_until(lambda: job.done and bool(ends))
    assert isinstance(ends[0], Cancelled)
    assert [point.ref.index for point in window.workspace.state.points] == [1]


def test_a_label_renamed_while_a_mask_is_loaded_keeps_its_name(
    window: Dispatcher, loop: MainLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spinalsam.data import formats
    from spinalsam.data.volume import Volume

    started, go = threading.Event(), threading.Event()

    def read(path: Any, geometry: Any, **_: Any) -> Volume:
        started.set()
        assert go.wait(10)
        return Volume(np.full(geometry.shape, 23, np.uint8), geometry)

    monkeypatch.setattr(formats, "read_label_volume", read)
    window.submit(call("use_label", value=40))
    job = window.submit(call("load_mask", path=str(tmp_path / "m.nii.gz")))
    assert started.wait(5)
    window.submit(call("rename_label", value=40, name="screw"))
    go.set()
    loop.run_until(lambda: job.done)
    assert window.workspace.state.label(40).name == "screw"


def test_a_file_that_was_written_is_not_said_to_be_stopped(
    window: Dispatcher, loop: MainLoop, slow: SlowSegmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spinalsam.data import formats

    slow.go.set()
    made = window.submit(call("generate_box_mask"))
    loop.run_until(lambda: made.done)
    write, jobs, known = formats.write_mask, [], threading.Event()

    def stopped_meanwhile(*args: Any, **options: Any) -> None:
        assert known.wait(10)
        jobs[0].cancel()
        write(*args, **options)

    monkeypatch.setattr(formats, "write_mask", stopped_meanwhile)
    jobs.append(window.submit(call("export_mask", path=str(tmp_path / "m.nii.gz"))))
    known.set()
    loop.run_until(lambda: jobs[0].done)
    assert jobs[0].error is None and (tmp_path / "m.nii.gz").exists()


def test_what_stops_a_sentence_keeps_its_remedy(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinalsam.errors import OffGridError

    def uneven(*_: Any, **__: Any) -> Any:
        raise OffGridError("The slices are unevenly spaced.")

    monkeypatch.setattr("spinalsam.control.opening.open_case", uneven)
    with pytest.raises(OffGridError, match="Not done") as caught:
        ws.dispatcher.run_all([call("go_to", slice=2), call("open_image", path="x")])
    assert caught.value.remedy_call == call("open_image", path="x", resample=True)


def test_a_listener_that_fails_neither_undoes_the_step_nor_keeps_it_from_others(ws: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    warned: list[str] = []
    heard: list[frozenset[str]] = []

    def broken(_: object) -> None:
        raise ZeroDivisionError("of the listener")

    ws.tell_warnings(warned.append)
    ws.subscribe(broken)
    ws.subscribe(lambda change: heard.append(change.fields))
    done, failed = [], []
    ws.dispatcher.submit(call("add_points", at=[[3, 3]]), on_done=done.append, on_error=failed.append)
    assert len(done) == 1 and not failed and len(ws.state.points) == 1
    assert heard and "ZeroDivisionError" in warned[0] and "was done" in warned[0]
    assert any(record.exc_info for record in caplog.records)
    caplog.clear()

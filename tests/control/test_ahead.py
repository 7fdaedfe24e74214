"""Slices encoded before they are asked for: in the right order, behind every call, and given up when they are stale."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from spinalsam.control.ahead import Ahead, in_order
from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.device.interrupt import checkpoint
from spinalsam.engine.segmenter import Embedding, SliceImage
from spinalsam.errors import Cancelled, ModelError, RequirementError
from spinalsam.support.calls import OperationCall
from spinalsam.support.planes import SliceRef
from tests.control.conftest import SHAPE, toy_volume, toy_voxels
from tests.fakes import FakeSegmenter


class Slow(FakeSegmenter):
    """Encodes when it is let, and asks between two halves whether to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.finished: list[float] = []

    def encode(self, image: SliceImage) -> Embedding:
        self.begun.release()
        assert self.go_on.acquire(timeout=10)
        checkpoint()
        self.finished.append(float(image.pixels.sum()))
        return super().encode(image)


def graded_volume() -> Volume:
    """The toy case with no two axial slices alike."""
    voxels = np.asfortranarray(toy_voxels() + np.arange(SHAPE[2], dtype=np.int16))
    return replace(toy_volume(), voxels=voxels)


@pytest.fixture
def ws(make_workspace) -> Workspace:
    workspace = make_workspace(journal=False, samples={"toy": graded_volume})
    workspace.run("open_image", path="sample:toy")
    return workspace


@pytest.fixture
def slow(make_workspace):
    """A workspace whose network encodes only when it is let."""
    segmenter = Slow()
    ws = make_workspace(journal=False, segmenter=segmenter, samples={"toy": graded_volume})
    ws.run("open_image", path="sample:toy")
    yield ws, segmenter
    for _ in range(200):
        segmenter.go_on.release()


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr("spinalsam.control.ahead.SETTLE_S", 0.0)


def axial(*indices: int) -> list[SliceRef]:
    return [SliceRef("axial", index) for index in indices]


def held(ws: Workspace, ref: SliceRef) -> bool:
    return ws.cache.holds(ws.segmenter(), ws.slice_image(ref))


def test_the_shown_slice_comes_first_then_the_way_one_scrolls() -> None:
    now = {"axial": 6, "sagittal": 20, "coronal": 18}
    refs = in_order(now, {**now, "axial": 5}, "axial", 14)
    assert refs[:3] == axial(6, 7, 8) and refs[3:5] == [SliceRef("sagittal", 20), SliceRef("coronal", 18)]
    assert [ref.index for ref in refs[5:]] == [9, 10, 11, 12]
    back = in_order(now, {**now, "axial": 7}, "axial", 14)
    assert [ref.index for ref in back if ref.plane == "axial"] == [6, 5, 4, 3, 2, 1, 0]


def test_both_sides_are_wanted_where_nothing_was_scrolled_and_none_beyond_the_ends() -> None:
    refs = in_order({"axial": 1}, {}, "axial", 4)
    assert refs == axial(1, 2, 0, 3)


def test_what_is_shown_is_encoded_without_being_asked_for(ws, segmenter) -> None:
    ws.ahead.follow()
    ws.run("go_to", slice=9)
    assert ws.ahead.wait(10)
    before = segmenter.encoded
    assert all(held(ws, ref) for ref in (*axial(8, 9), ws.shown_slice("sagittal"), ws.shown_slice("coronal")))
    ws.run("add_box", corners=[8, 4, 24, 16])
    ws.run("generate_box_mask")
    assert segmenter.encoded == before


class Windowed(FakeSegmenter):
    """Looks at windows that depend on the prompt, as the compact network does."""

    encodes_windows = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[float, np.ndarray, np.ndarray | None]] = []

    def decode(self, embedding: Embedding, prompt, previous=None):
        self.asked.append((float(embedding.image.pixels.sum()), prompt.points_xy, prompt.box_xyxy))
        return super().decode(embedding, prompt, previous)


def test_windows_are_encoded_where_the_pointer_rests_or_the_last_prompt_was(make_workspace) -> None:
    segmenter = Windowed()
    ws = make_workspace(journal=False, segmenter=segmenter, samples={"toy": graded_volume})
    ws.run("open_image", path="sample:toy")

    def guessed(index: int) -> list[tuple[list, list | None]]:
        segmenter.asked.clear()
        ws.ahead.want(axial(index))
        assert ws.ahead.wait(10)
        pixels = float(ws.slice_image(SliceRef("axial", index)).pixels.sum())
        assert all(seen == pixels for seen, _, _ in segmenter.asked)
        return [(points.tolist(), None if box is None else box.tolist()) for _, points, box in segmenter.asked]

    assert guessed(5) == []
    ws.ahead.pointed(SliceRef("axial", 4), (20.0, 11.0, 4.0))
    assert guessed(6) == [([[20.0, 11.0]], None)]
    ws.ahead.pointed(SliceRef("axial", 4), None)
    assert guessed(6) == []
    ws.run("go_to", slice=7)
    ws.run("add_box", corners=[8, 4, 24, 16])
    ws.run("generate_box_mask")
    assert guessed(7) == [([], [8.0, 4.0, 24.0, 16.0])]


def test_newer_wishes_replace_those_that_wait(slow) -> None:
    ws, segmenter = slow
    ws.ahead.want(axial(1, 2, 3))
    assert segmenter.begun.acquire(timeout=10)
    ws.ahead.want(axial(9))
    for _ in range(4):
        segmenter.go_on.release()
    assert ws.ahead.wait(10)
    assert held(ws, SliceRef("axial", 9)) and not any(held(ws, ref) for ref in axial(1, 2, 3))
    assert len(segmenter.finished) == 1


def test_a_click_on_another_slice_is_answered_before_the_slice_under_way(slow) -> None:
    ws, segmenter = slow
    ws.ahead.want(axial(1))
    assert segmenter.begun.acquire(timeout=10)
    ws.run("go_to", slice=7)
    job = ws.dispatcher.submit(OperationCall("prompt_mask", {"prompt": {"box": [[8, 4, 6], [24, 16, 6]]}}))
    while not ws.dispatcher.busy:
        time.sleep(0.001)
    for _ in range(3):
        segmenter.go_on.release()
    assert job.wait(10) and job.error is None
    assert segmenter.finished[0] == float(ws.slice_image(SliceRef("axial", 6)).pixels.sum())
    assert ws.ahead.wait(10) and held(ws, SliceRef("axial", 1))


def test_nothing_is_begun_ahead_while_a_button_has_just_gone_down(slow, monkeypatch) -> None:
    ws, segmenter = slow
    monkeypatch.setattr("spinalsam.control.ahead.STAND_BACK_S", 30.0)
    ws.ahead.want(axial(1))
    assert segmenter.begun.acquire(timeout=10)
    ws.ahead.stand_back()
    segmenter.go_on.release()  # what was under way is given up
    assert not segmenter.begun.acquire(timeout=0.3) and segmenter.finished == []
    monkeypatch.setattr("spinalsam.control.ahead.STAND_BACK_S", 0.0)
    ws.ahead.stand_back()
    segmenter.go_on.release()
    assert ws.ahead.wait(10) and held(ws, SliceRef("axial", 1))


def test_a_click_on_the_very_slice_under_way_waits_for_it_and_encodes_nothing_twice(slow) -> None:
    ws, segmenter = slow
    ws.ahead.want(axial(6))
    assert segmenter.begun.acquire(timeout=10)
    job = ws.dispatcher.submit(OperationCall("prompt_mask", {"prompt": {"box": [[8, 4, 6], [24, 16, 6]]}}))
    while not ws.cache.awaited(segmenter, ws.slice_image(SliceRef("axial", 6))):
        time.sleep(0.001)
    segmenter.go_on.release()
    assert job.wait(10) and job.error is None
    assert len(segmenter.finished) == 1


def test_a_whole_case_is_encoded_with_progress(ws, segmenter) -> None:
    result = ws.run("precompute", plane="axial")
    case = ws.ahead.precomputation
    seen: list[float] = []
    case.job.subscribe(lambda job: seen.append(job.fraction))
    assert result.data["slices"] == 14 and case.job.wait(10)
    assert all(held(ws, ref) for ref in axial(*range(14))) and segmenter.encoded == 14
    assert case.sentence == "Precomputed: 14 of 14 axial slices." and seen == sorted(seen)
    ws.run("precompute", plane="axial")
    assert ws.ahead.precomputation.job.wait(10) and segmenter.encoded == 14


def test_a_precomputation_rests_goes_on_and_stops(slow) -> None:
    ws, segmenter = slow
    ws.run("precompute", plane="axial")
    case = ws.ahead.precomputation
    for _ in range(2):
        assert segmenter.begun.acquire(timeout=10)
        segmenter.go_on.release()
    assert segmenter.begun.acquire(timeout=10)
    assert "rests: 2 of 14" in ws.run("precompute", action="pause").message
    segmenter.go_on.release()  # the slice under way is given up
    assert ws.ahead.wait(10) and case.done == 2 and not case.job.done
    ws.run("precompute", action="resume")
    assert segmenter.begun.acquire(timeout=10)
    segmenter.go_on.release()
    assert segmenter.begun.acquire(timeout=10) and case.done == 3
    ws.run("precompute", action="stop")
    segmenter.go_on.release()
    assert case.job.wait(10) and isinstance(case.job.error, Cancelled)
    assert sum(held(ws, ref) for ref in axial(*range(14))) == 3


def test_what_one_looks_at_goes_before_the_rest_of_the_case(slow) -> None:
    ws, segmenter = slow
    ws.run("precompute", plane="axial")
    assert segmenter.begun.acquire(timeout=10)
    ws.ahead.want(axial(13))
    for _ in range(2):
        segmenter.go_on.release()
    while len(segmenter.finished) < 2:
        time.sleep(0.001)
    assert segmenter.finished[1] == float(ws.slice_image(SliceRef("axial", 13)).pixels.sum())


def test_no_more_slices_than_can_be_kept(ws, segmenter) -> None:
    ws.cache.memory_bytes, ws.cache._disk = 5 * 40 * 36, None
    ws.run("precompute", plane="axial")
    assert ws.ahead.precomputation.job.wait(10)
    assert ws.ahead.precomputation.total == 5 and segmenter.encoded == 5


def test_closing_the_case_ends_its_precomputation(slow) -> None:
    ws, segmenter = slow
    ws.ahead.follow()
    ws.run("precompute", plane="axial")
    case = ws.ahead.precomputation
    assert segmenter.begun.acquire(timeout=10)
    ws.run("clear_image")
    segmenter.go_on.release()
    assert case.job.wait(10) and isinstance(case.job.error, Cancelled)
    assert ws.ahead.precomputation is None


def test_a_broken_network_ends_the_precomputation_with_its_error_and_prefetching_in_silence(make_workspace) -> None:
    class Broken(FakeSegmenter):
        def encode(self, image: SliceImage) -> Embedding:
            raise ModelError("broken")

    ws = make_workspace(journal=False, segmenter=Broken())
    ws.run("open_image", path="sample:toy")
    ws.ahead.want(axial(1))
    assert ws.ahead.wait(10)
    ws.run("precompute")
    assert ws.ahead.precomputation.job.wait(10) and isinstance(ws.ahead.precomputation.job.error, ModelError)


def test_there_must_be_something_to_pause(ws) -> None:
    with pytest.raises(RequirementError, match="start it first"):
        ws.run("precompute", action="pause")


def test_a_network_of_windows_needs_no_precomputing(ws, segmenter) -> None:
    segmenter.encodes_windows = True
    assert "needs no precomputing" in ws.run("precompute").message
    assert ws.ahead.precomputation is None


def test_closing_ends_the_thread_in_the_middle_of_a_slice() -> None:
    segmenter = Slow()
    ws = Workspace(journal=False, segmenter=segmenter, samples={"toy": graded_volume})
    ws.run("open_image", path="sample:toy")
    ahead: Ahead = ws.ahead
    ahead.want(axial(1, 2, 3))
    assert segmenter.begun.acquire(timeout=10)
    threading.Timer(0.05, segmenter.go_on.release).start()
    ws.close()
    assert not ahead._thread.is_alive() and segmenter.finished == []

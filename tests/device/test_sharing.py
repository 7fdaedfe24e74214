"""Pieces from one pile: each is done once, whoever takes it; a helper that is late, or that fails, harms nothing."""

from __future__ import annotations

import threading
import time

import pytest

from spinalsam.device import sharing


@pytest.fixture
def one_helper(monkeypatch):
    helpers = sharing._Helpers(1)
    monkeypatch.setattr(sharing, "_helpers", lambda: helpers)
    yield helpers
    helpers.pool.shutdown()


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_every_piece_is_done_once(one_helper, count) -> None:
    done: list[int] = []
    sharing.share(done.append, count)
    assert sorted(done) == list(range(count))


def test_two_threads_take_from_the_pile(one_helper) -> None:
    meeting, seen = threading.Barrier(2, timeout=20), set()

    def work(number: int) -> None:
        meeting.wait()
        seen.add(threading.get_ident())

    sharing.share(work, 2)
    assert len(seen) == 2


def test_without_idle_cores_the_caller_does_all(monkeypatch) -> None:
    monkeypatch.setattr(sharing, "_helpers", lambda: None)
    seen: set[int] = set()
    sharing.share(lambda number: seen.add(threading.get_ident()), 9)
    assert seen == {threading.get_ident()}


def test_a_helper_that_does_not_come_is_not_waited_for(one_helper) -> None:
    held = threading.Event()
    one_helper.pool.submit(held.wait, 20)
    done: list[int] = []
    sharing.share(done.append, 5)
    assert done == [0, 1, 2, 3, 4]
    held.set()


@pytest.mark.parametrize("who", ["caller", "helper"])
def test_a_failure_comes_to_the_caller_after_the_others_have_ended(one_helper, who) -> None:
    caller, meeting, running = threading.get_ident(), threading.Barrier(2, timeout=20), []

    def work(number: int) -> None:
        running.append(1)
        try:
            if number < 2:
                meeting.wait()
            if (threading.get_ident() == caller) == (who == "caller"):
                raise ValueError("broken")
            time.sleep(0.02)
        finally:
            running.pop()

    with pytest.raises(ValueError, match="broken"):
        sharing.share(work, 6)
    assert not running
    done: list[int] = []
    sharing.share(done.append, 3)
    assert len(done) == 3


def test_helpers_that_are_in_the_way_rest_for_a_while(one_helper, monkeypatch) -> None:
    monkeypatch.setattr(sharing, "REST_S", 0.3)
    caller, meeting, others = threading.get_ident(), threading.Barrier(2, timeout=20), []

    def slow_helper(number: int) -> None:
        if number < 2:
            meeting.wait()
        if threading.get_ident() != caller:
            others.append(number)
            time.sleep(0.05)

    sharing.share(slow_helper, 2)
    assert len(others) == 1 and one_helper.resting_until > time.perf_counter()
    seen: set[int] = set()
    sharing.share(lambda number: seen.add(threading.get_ident()), 8)
    assert seen == {caller}
    one_helper.resting_until = 0.0
    meeting.reset()
    sharing.share(slow_helper, 2)
    assert len(others) == 2

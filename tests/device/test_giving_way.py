"""Background work waits while the watched thread does something, and only then."""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from spinalsam.device import giving_way
from spinalsam.device.giving_way import LONGEST_S, GivesWay, give_way

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a thread sleeps in")


class Events:
    """A thread that waits for events as an event loop does, and is busy when told to."""

    def __init__(self) -> None:
        self.busy = threading.Event()
        self._ends = threading.Event()
        self._ready = threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        self._ready.wait()

    def _work(self) -> None:
        with GivesWay():
            self._ready.set()
            while not self._ends.is_set():
                if self.busy.is_set():
                    time.sleep(0.002)  # not in poll
                else:
                    select.poll().poll(2)

    def end(self) -> None:
        self._ends.set()
        self.thread.join()


@pytest.fixture
def events() -> Iterator[Events]:
    with ExitStack() as stack:
        made = Events()
        stack.callback(made.end)
        yield made


def longest(work: Callable[[], None], times: int = 40) -> float:
    """Seconds of the slowest of so many calls, on a thread of its own."""
    found: list[float] = []

    def measure() -> None:
        for _ in range(times):
            began = time.perf_counter()
            work()
            found.append(time.perf_counter() - began)

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()
    return max(found)


def seen_idle() -> None:
    """Wait until it was seen that the system tells."""
    end = time.monotonic() + 5
    while giving_way._watched is None or not giving_way._watched._tells:
        assert time.monotonic() < end
        give_way()


def test_it_waits_for_a_busy_thread_but_not_for_long(events: Events) -> None:
    seen_idle()
    events.busy.set()
    time.sleep(0.02)
    assert longest(give_way) >= LONGEST_S * 0.9
    began = time.monotonic()
    longest(give_way, 3)  # the turn after a wait is its own
    assert time.monotonic() - began < 10


def test_it_does_not_wait_where_the_thread_waits_for_events(events: Events) -> None:
    seen_idle()
    assert giving_way._watched is not None
    idle = sum(not giving_way._watched.is_busy() for _ in range(200))
    assert idle > 100


def test_a_thread_that_was_never_seen_waiting_holds_nobody_up(events: Events) -> None:
    assert giving_way._watched is not None
    events.busy.set()
    time.sleep(0.02)
    giving_way._watched._tells = False
    assert longest(give_way) < LONGEST_S


def test_imports_elsewhere_give_way_and_find_what_they_look_for(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(giving_way, "give_way", lambda: asked.append(threading.current_thread().name))
    sys.modules.pop("this_is_no_module", None)

    def load() -> None:
        sys.modules.pop("colorsys", None)
        import colorsys

        assert colorsys.rgb_to_hsv(1, 0, 0)

    thread = threading.Thread(target=load, name="loader")
    thread.start()
    thread.join()
    assert asked == ["loader"]


def test_afterwards_nothing_gives_way(events: Events) -> None:
    before = len(sys.meta_path)
    events.end()
    assert giving_way._watched is None and len(sys.meta_path) == before - 1
    give_way()

"""The system's own word for how exactly a thread wakes up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from spinalsam.device.punctual import be_punctual, stand_back

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has the setting")


def slack_after(*steps: Callable[[], bool]) -> int:
    """Nanoseconds by which the kernel may lengthen a sleep of a thread that has taken the steps."""
    found: list[int] = []

    def work() -> None:
        assert all(step() for step in steps)
        found.append(int(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def test_a_punctual_thread_wakes_up_when_it_wants_to() -> None:
    assert slack_after(be_punctual) == 1


def test_a_thread_that_stands_back_is_as_others_are() -> None:
    assert slack_after(be_punctual, stand_back) == 50_000


def test_this_thread_is_left_as_it_was() -> None:
    before = slack_after()
    slack_after(be_punctual)
    assert slack_after() == before

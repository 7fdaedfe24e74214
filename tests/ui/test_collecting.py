"""Garbage is looked for when nothing happens, and what a closed case leaves behind goes too."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from spinalsam.ui import app, collecting
from spinalsam.ui.collecting import IdleCollector
from spinalsam.ui.main_window import MainWindow

# Waiting by looking again and again would never let the event loop rest.
REST_MS = 1200


class Loop:
    """Refers to itself, so that only a search finds that nobody needs it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(collecting, "PAUSE_S", 0.0)
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def forgotten() -> weakref.ref[Loop]:
    return weakref.ref(Loop())


def test_old_garbage_goes_when_nothing_happens(qtbot: Any) -> None:
    resting = [False]
    collector = IdleCollector(lambda: resting[0])
    loop = Loop()
    gone = weakref.ref(loop)
    gc.collect(1)  # now it is old, and small searches do not find it
    del loop
    qtbot.wait(400)
    assert gone() is not None, "a search came while something was under way"
    resting[0] = True
    qtbot.wait(REST_MS)
    assert gone() is None
    collector.close()


def test_what_was_loaded_is_left_out_until_another_case_is_open(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MANY", 0)
    collector = IdleCollector(lambda: True)
    gone = forgotten()
    collector.case_changed(was_open=False)
    qtbot.wait(500)
    assert gone() is not None
    collector.case_changed(was_open=True)
    qtbot.wait(REST_MS)
    assert gone() is None
    collector.close()


def test_the_window_tells_when_another_case_is_open(case: MainWindow, qtbot: Any) -> None:
    collector = app.collect_when_idle(case)
    gone = forgotten()
    gc.freeze()
    case.run("clear_image", {})
    qtbot.wait(REST_MS)
    assert gone() is None
    collector.close()

"""How long the main thread is held up by single events; for tests and for whoever looks for a stutter.

Set ``SPINALSAM_WATCHDOG`` to a file's path and the window writes a JSON object there when it closes: ``events``, ``worst_ms``,
``worst_held_ms``, ``worst_cpu_ms`` and the ``slow`` ones, each with what it was and where the time went.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QEvent, QObject, QThread
from PyQt5.QtWidgets import QApplication

VARIABLE = "SPINALSAM_WATCHDOG"
LIMIT_S = 0.05
MOST_KEPT = 40
_NAMES = {value: name for name, value in vars(QEvent).items() if isinstance(value, QEvent.Type)}


@dataclass
class SlowEvent:
    """wall_ms: how long it took. held_ms: without the time in which other programs had the processor. cpu_ms: how long the main thread
    worked. at: where it was at the limit. others: where the other threads were then, one of which may have held it up.
    """

    event: str
    receiver: str
    wall_ms: float
    held_ms: float
    cpu_ms: float
    at: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class Watch:
    """Keeps the figures; a thread of its own notes where the main thread is when an event passes the limit."""

    def __init__(self) -> None:
        self.events = 0
        self.worst_ms = 0.0
        self.worst_held_ms = 0.0
        self.worst_cpu_ms = 0.0
        self.slow: list[SlowEvent] = []
        self._main = threading.get_ident()
        self._began: float | None = None
        self._seen: list[str] = []
        self._others: list[str] = []
        self._delays = _open_delays()
        self._closed = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def begin(self) -> tuple[float, float, float]:
        self._seen, self._others = [], []
        self._began = time.perf_counter()
        return self._began, time.thread_time(), self._delay_s()

    def end(self, began: tuple[float, float, float], event: str, receiver: str) -> None:
        self._began = None
        wall, cpu = time.perf_counter() - began[0], time.thread_time() - began[1]
        held = max(cpu, wall - (self._delay_s() - began[2]))
        self.events += 1
        self.worst_ms, self.worst_cpu_ms = max(self.worst_ms, 1000 * wall), max(self.worst_cpu_ms, 1000 * cpu)
        self.worst_held_ms = max(self.worst_held_ms, 1000 * held)
        if wall > LIMIT_S:
            times = (round(1000 * one, 1) for one in (wall, held, cpu))
            self.slow.append(SlowEvent(event, receiver, *times, self._seen, self._others))
            self.slow = sorted(self.slow, key=lambda one: -one.held_ms)[:MOST_KEPT]

    def _delay_s(self) -> float:
        """How long the main thread has been ready while others had the processor, so far; 0 where the system does not tell."""
        return 0.0 if self._delays is None else int(os.pread(self._delays, 64, 0).split()[1]) / 1e9

    def forget(self) -> None:
        """The event turned out to hold an event loop of its own, as a menu does."""
        self._began = None

    def save(self, path: Path) -> None:
        self._closed.set()
        worst = {"worst_ms": self.worst_ms, "worst_held_ms": self.worst_held_ms, "worst_cpu_ms": self.worst_cpu_ms}
        found = {"events": self.events, **{name: round(ms, 1) for name, ms in worst.items()}}
        path.write_text(json.dumps({**found, "slow": [asdict(one) for one in self.slow]}, indent=1), encoding="utf-8")

    def _look(self) -> None:
        while not self._closed.wait(0.01):
            began = self._began
            if began is not None and not self._seen and time.perf_counter() - began > LIMIT_S:
                self._seen = _place(self._main)
                own = threading.get_ident()
                self._others = [_place(thread)[-1] for thread in list(sys._current_frames()) if thread not in (self._main, own)]


def _open_delays() -> int | None:
    """The file in which Linux counts how long this thread had to wait for a processor."""
    try:
        return os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
    except OSError:
        return None


def _place(thread: int) -> list[str]:
    """Where a thread is, innermost last. Its frames are let go at once: what they hold must be destroyed on that thread."""
    found: list[tuple[Any, int]] = []
    frame = sys._current_frames().get(thread)
    while frame is not None and len(found) < 8:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    del frame
    return [f"{Path(code.co_filename).name}:{line} {code.co_name}" for code, line in reversed(found)]


class WatchedApplication(QApplication):
    """Times every event that the event loop delivers."""

    def __init__(self, argv: Sequence[str]) -> None:
        super().__init__(list(argv))
        self.watch = Watch()
        self._level = 0
        self._deepest = 0

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        level = QThread.currentThread().loopLevel()
        self._deepest = max(self._deepest, level)
        if level <= self._level:
            return super().notify(receiver, event)
        outer, self._level = self._level, level
        kind, name = event.type(), type(receiver).__name__
        began = self.watch.begin()
        try:
            return super().notify(receiver, event)
        finally:
            if self._deepest > level:
                self.watch.forget()
            else:
                self.watch.end(began, _NAMES.get(kind, str(int(kind))), name)
            self._level, self._deepest = outer, level


def application(argv: Sequence[str]) -> QApplication:
    """An application that is watched if the environment asks for it."""
    path = os.environ.get(VARIABLE)
    if not path:
        return QApplication(list(argv))
    made: Any = WatchedApplication(argv)
    made.aboutToQuit.connect(lambda: made.watch.save(Path(path)))
    return made

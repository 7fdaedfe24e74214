"""Small pieces of work of the window itself, off the main thread: lists of series, thumbnails, counts of voxels."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QObject, QRunnable, Qt, QThreadPool, pyqtSignal

from spinalsam.device.punctual import be_punctual, stand_back

_log = logging.getLogger(__name__)


class _Signals(QObject):
    ended = pyqtSignal(object, object)


class _Task(QRunnable):
    def __init__(self, work: Callable[[], Any], urgent: bool) -> None:
        super().__init__()
        self._work, self._urgent = work, urgent
        self.signals = _Signals()
        self.outcome: tuple[Any, Exception | None] = (None, None)
        self.ended = threading.Event()

    def run(self) -> None:
        be_punctual() if self._urgent else stand_back()
        try:
            self.outcome = self._work(), None
        except Exception as caught:  # every failure is told to whoever asked
            self.outcome = None, caught
        self.ended.set()
        try:
            self.signals.ended.emit(*self.outcome)
        except RuntimeError:
            _log.debug("the window was gone before its work ended")


class Background:
    """Runs functions on a pool; their results arrive on the main thread, unless `stop` was called before."""

    def __init__(self, threads: int = 1) -> None:
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(threads)
        self._pool.setExpiryTimeout(-1)  # a new thread's first steps take their time
        self._stopped = False
        self._alive: set[_Signals] = set()

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        *,
        wait_s: float = 0.0,
    ) -> None:
        """Start work; `done(result)` or `failed(error)` follows, before this returns where it takes no longer than `wait_s`."""
        task = _Task(work, urgent=wait_s > 0)
        signals = task.signals
        self._alive.add(signals)

        def ended(result: Any, error: Exception | None) -> None:
            if self._stopped or signals not in self._alive:
                return
            self._alive.discard(signals)
            if error is None:
                done(result)
            elif failed is not None:
                failed(error)
            else:
                _log.error("background work failed", exc_info=error)

        signals.ended.connect(ended, Qt.QueuedConnection)
        self._pool.start(task)
        if wait_s and task.ended.wait(wait_s):
            ended(*task.outcome)

    def stop(self) -> None:
        """Drop what has not arrived; waits for the piece that runs."""
        self._stopped = True
        self._pool.clear()
        self._pool.waitForDone(5000)

"""Small pieces of work of the window itself, off the main thread: lists of series, thumbnails, counts of voxels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QObject, QRunnable, Qt, QThreadPool, pyqtSignal

_log = logging.getLogger(__name__)


class _Signals(QObject):
    ended = pyqtSignal(object, object)


class _Task(QRunnable):
    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.signals = _Signals()

    def run(self) -> None:
        result, error = None, None
        try:
            result = self._work()
        except Exception as caught:  # every failure is told to whoever asked
            error = caught
        try:
            self.signals.ended.emit(result, error)
        except RuntimeError:
            _log.debug("the window was gone before its work ended")


class Background:
    """Runs functions on a pool; their results arrive on the main thread, unless `stop` was called before."""

    def __init__(self, threads: int = 1) -> None:
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(threads)
        self._stopped = False
        self._alive: set[_Signals] = set()

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None] | None = None) -> None:
        task = _Task(work)
        signals = task.signals
        self._alive.add(signals)

        def ended(result: Any, error: Exception | None) -> None:
            self._alive.discard(signals)
            if self._stopped:
                return
            if error is None:
                done(result)
            elif failed is not None:
                failed(error)
            else:
                _log.error("background work failed", exc_info=error)

        signals.ended.connect(ended, Qt.QueuedConnection)
        self._pool.start(task)

    def stop(self) -> None:
        """Drop what has not arrived; waits for the piece that runs."""
        self._stopped = True
        self._pool.clear()
        self._pool.waitForDone(5000)

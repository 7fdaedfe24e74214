"""Python's search for garbage, kept out of the user's way.

Every now and then Python looks through all objects for such as only refer to each other, and everything stands still meanwhile: 60 to
110 ms with the network's library loaded, whoever happened to make the object too many. Here the great search waits until nothing
has happened for a while, and leaves out what was loaded once and stays. Small ones, of young objects, go on as ever.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QAbstractEventDispatcher, QObject, QTimer

IDLE_MS = 200
# Not more often than this, however often nothing happens.
PAUSE_S = 2.0
# Young objects before a small search, small ones before a middling one, those before a great one, which so comes by itself only where
# there is never rest.
THRESHOLDS = (3000, 10, 500)
# So many old objects (some 10 ms of searching) have been loaded, not made by what the user did.
MANY = 40_000


class IdleCollector(QObject):
    """Searches between two things that the user does.

    `case_changed` is to be called when another case is open. may_rest: whether nothing is under way that a search would hold up.
    """

    def __init__(self, may_rest: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._may_rest = may_rest
        self._last = time.monotonic()
        self._before = gc.get_threshold()
        self._all = False
        gc.set_threshold(*THRESHOLDS)
        gc.collect()
        gc.freeze()
        # The timer begins anew whenever the event loop is woken; only Qt is asked for that, not Python.
        self._timer = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._timer.timeout.connect(self._idle)
        QAbstractEventDispatcher.instance().awake.connect(self._timer.start)

    def case_changed(self, was_open: bool) -> None:
        """What belonged to the case before, if there was one, is looked for too when nothing happens next."""
        self._all |= was_open
        if not self._all:
            gc.freeze()

    def close(self) -> None:
        """Everything as it was before."""
        self._timer.stop()
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def _idle(self, *_: Any) -> None:
        if time.monotonic() - self._last < PAUSE_S or not self._may_rest():
            return
        if self._all:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._all = False
        elif len(gc.get_objects(generation=2)) > MANY:
            gc.freeze()
        else:
            gc.collect()
        self._last = time.monotonic()

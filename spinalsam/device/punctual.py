"""Threads that get Python's lock at once where somebody looks at what they do, and threads that stand back.

A thread that wants Python's lock sleeps for the switch interval before it asks the holder to give it up. Linux may lengthen every such
sleep by the thread's timer slack (man 2 PR_SET_TIMERSLACK), 50 µs by default. A window takes the lock anew for each widget that it
paints: where another thread computes, that is most of what a paint event waits for (measured: 211 µs a time with the slack, 22 µs without).
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

_SET_TIMER_SLACK = 29  # of linux/prctl.h
_SHORTEST_NS, _USUAL_NS = 1, 50_000


def be_punctual() -> bool:
    """Let the calling thread wake up when it wants to, and those that it starts unless they `stand_back`. Returns whether it works."""
    return _set_slack(_SHORTEST_NS)


def stand_back() -> bool:
    """Let the calling thread, and those that it starts, sleep as inexactly as threads do elsewhere. Returns whether it works."""
    return _set_slack(_USUAL_NS)


def _set_slack(ns: int) -> bool:
    return sys.platform.startswith("linux") and _library().prctl(_SET_TIMER_SLACK, ctypes.c_ulong(ns), 0, 0, 0) == 0


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)

"""Work that nobody waits for gives way to what the user does just now.

Python runs one thread at a time. While the window handles an event, a thread that computes something ahead, reads headers or imports
a library would take every second turn from it, two such threads two of three. Such work calls `give_way` between two parts of it.

Whether the window's thread waits for events is read from the system, as no toolkit says when it begins with one without Python having
to run for that: Linux tells in which function of the kernel a thread sleeps (man 5 proc_pid_wchan). Elsewhere nothing gives way.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

# However busy the window is, what gives way has at least every second turn.
LONGEST_S = 0.012
_LOOK_S = 0.001
_turn = threading.local()


class Watched:
    """A thread that waits for events with poll(2). It counts as busy only if it was ever seen waiting: some systems do not tell."""

    def __init__(self, thread: int) -> None:
        """thread: its native id. Raises OSError where the system has no such file."""
        self._file = os.open(f"/proc/self/task/{thread}/wchan", os.O_RDONLY)
        self._tells = False

    def is_busy(self) -> bool:
        waits = b"poll" in os.pread(self._file, 64, 0)
        self._tells |= waits
        return self._tells and not waits

    def close(self) -> None:
        os.close(self._file)


_watched: Watched | None = None


class GivesWay:
    """While this is entered, `give_way` waits for the thread that has entered it, and imports on other threads give way to it."""

    def __enter__(self) -> GivesWay:
        global _watched
        try:
            _watched = Watched(threading.get_native_id())
        except OSError:
            return self
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        global _watched
        if _watched is not None:
            sys.meta_path.remove(self)
            _watched = None  # its file stays open for whoever looks just now

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Python asks before any module is looked for; it is never found here."""
        if threading.current_thread() is not threading.main_thread():
            give_way()
        return None


def give_way() -> None:
    """Wait until the user's events are done with, a moment at most. Not for the thread that handles them."""
    watched = _watched
    now = time.monotonic()
    if watched is None or now < getattr(_turn, "until", 0.0):
        return
    end = now + LONGEST_S
    while watched.is_busy():
        if now >= end:
            _turn.until = now + LONGEST_S
            return
        time.sleep(_LOOK_S)
        now = time.monotonic()

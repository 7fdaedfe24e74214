"""Work that takes a while: its progress, its end, and the wish to stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from spinalsam.errors import Cancelled


class Job:
    """One piece of work as its owner and its observers see it.

    Listeners are called with the job on the thread that reports progress; a window passes that on to its own thread.
    """

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.message = ""
        self.fraction: float | None = None  # None: no end in sight can be told
        self.result: Any = None
        self.error: BaseException | None = None
        self.located = False  # whether the locator has had a part in it
        self._cancel = threading.Event()
        self._done = threading.Event()
        self._started = time.monotonic()
        self._listeners: list[Callable[[Job], None]] = []
        self._cancel_hooks: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[Job], None]) -> Callable[[], None]:
        """Call `listener(job)` at every progress and at the end; returns what stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def start(self) -> None:
        """The work begins now; waiting does not count for the time left."""
        self._started = time.monotonic()

    def progress(self, fraction: float | None, message: str = "") -> None:
        """Tell how far the work is (0-1). Raises Cancelled when the user has stopped it."""
        self.check()
        self.fraction = None if fraction is None else min(max(float(fraction), 0.0), 1.0)
        if message:
            self.message = message
        self._notify()

    def check(self) -> None:
        """Raises Cancelled when the user has stopped the work."""
        if self.cancelled:
            raise Cancelled(f"'{self.title or 'The work'}' was stopped; nothing was changed.")

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._cancel.set()
        for hook in tuple(self._cancel_hooks):
            hook()

    def on_cancel(self, hook: Callable[[], None]) -> None:
        """Also call `hook()` when the work is asked to stop; at once when it has been already."""
        self._cancel_hooks.append(hook)
        if self.cancelled:
            hook()

    def finish(self, result: Any = None, error: BaseException | None = None) -> None:
        """The work has ended; only its owner calls this, once."""
        self.result, self.error = result, error
        if error is None:
            self.fraction = 1.0
        self._done.set()
        self._notify()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until the end; False when the time ran out first."""
        return self._done.wait(timeout_s)

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def remaining_s(self) -> float | None:
        """Estimated time left, or None while nothing can be said."""
        if self.done:
            return 0.0
        if not self.fraction or self.elapsed_s < 0.2:
            return None
        return self.elapsed_s * (1 - self.fraction) / self.fraction

    def _notify(self) -> None:
        for listener in tuple(self._listeners):
            listener(self)

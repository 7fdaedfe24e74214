"""Long computations that nobody may need any more ask, between two parts, whether to go on.

Whoever starts such work says how that is decided; a network only calls `checkpoint`, which costs nothing where nobody has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)


def checkpoint() -> None:
    """Between two parts of long work. Raises what the starter of the work wants raised, to end it."""
    check = _check.get()
    if check is not None:
        check()


@contextmanager
def interruptible(check: Callable[[], None]) -> Iterator[None]:
    """`check` is called at every checkpoint on this thread and may raise to end the work."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)

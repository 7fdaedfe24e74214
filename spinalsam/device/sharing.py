"""Pieces of work that the calling thread and idle cores take from one pile, so that a core which is busy elsewhere delays nobody for long.

Threads inside of one matrix product wait for each other at its end: where another program has taken the second core for a moment, a click
waits for that program. Here whoever is free takes the next piece, and a helper that did not come is not waited for. Where helpers
were waited for longer than they had helped, nobody is asked for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from spinalsam.device.threads import FEW, all_threads, cpu_threads

MOST_HELPERS = 3
REST_S = 0.5  # without helpers, after they were in the way


class _Helpers:
    """The idle cores' threads, and until when they are left alone."""

    def __init__(self, count: int) -> None:
        self.count, self.resting_until = count, 0.0
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="helper", initializer=_one_thread)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(FEW)


@lru_cache(maxsize=1)
def _helpers() -> _Helpers | None:
    count = min(MOST_HELPERS, all_threads() - 1)
    return _Helpers(count) if count > 0 else None


def share(work: Callable[[int], None], count: int) -> None:
    """Call `work(0)` ... `work(count - 1)`, each once, in any order and on several threads; returns when all are done.

    work: of PyTorch or NumPy, which let other threads run; in inference mode and on one processor thread. Raises what a piece raises,
    after the others have ended.
    """
    pile = iter(range(count))  # taking from it is one step of Python's
    helpers = _helpers() if count > 1 else None
    began = time.perf_counter()
    if helpers is None or began < helpers.resting_until:
        _take(work, pile)
        return
    asked = [helpers.pool.submit(_take, work, pile) for _ in range(min(count - 1, helpers.count))]
    done = 0
    try:
        done = _take(work, pile)
        ended = time.perf_counter()
    finally:
        helped = sum(future.result() for future in asked if not future.cancel())
    waited = time.perf_counter() - ended
    if waited > helped * (ended - began) / max(1, done):
        helpers.resting_until = time.perf_counter() + REST_S


def _take(work: Callable[[int], None], pile: Iterator[int]) -> int:
    """Work through the pile; returns how many pieces were done here."""
    import torch

    done = 0
    with torch.inference_mode(), cpu_threads(FEW):
        for number in pile:
            work(number)
            done += 1
    return done

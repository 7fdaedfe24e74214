"""How many processor threads a network computes with.

A small network is done before a second thread has woken up, and one thread leaves the other cores to the window and to what else the
machine does. A large network takes them all. `spinalsam/__init__.py` lets threads that wait for each other sleep instead of spin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

FEW = 1


@lru_cache(maxsize=1)
def all_threads() -> int:
    """What PyTorch, or the environment's OMP_NUM_THREADS, chose for this process before anything here changed it."""
    import torch

    return int(torch.get_num_threads())


@contextmanager
def cpu_threads(count: int | None = None) -> Iterator[None]:
    """PyTorch's work on this Python thread runs on `count` processor threads, never more than `all_threads`; None means all."""
    import torch

    most = all_threads()
    before, wanted = torch.get_num_threads(), min(count or most, most)
    if before == wanted:  # setting it makes PyTorch forget what it has prepared
        yield
        return
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)

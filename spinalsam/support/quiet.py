"""Keeping libraries' own chatter off the terminal, where a failure is one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_errors_silenced() -> Iterator[None]:
    """Nothing that is written to the process's standard error meanwhile appears, not even by a C++ library."""
    try:
        kept = os.dup(2)
    except OSError:  # a window program without a terminal has no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

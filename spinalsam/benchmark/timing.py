"""Durations, and what is said of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

Work = Callable[[], object]


def times_ms(work: Work, repeats: int, *, warm_up: int = 1) -> list[float]:
    """Durations of repeated calls, without the first ones."""
    return in_turn({"": work}, repeats, warm_up=warm_up)[""]


def in_turn(works: Mapping[str, Work], repeats: int, *, warm_up: int = 1) -> dict[str, list[float]]:
    """Durations of several works, called in turn so that whatever else the machine does strikes all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(repeats + warm_up):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if number >= warm_up:
                taken[name].append((time.perf_counter() - started) * 1000)
    return taken


def summary(taken_ms: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50_ms": round(float(np.percentile(taken_ms, 50)), 3), "p95_ms": round(float(np.percentile(taken_ms, 95)), 3)}


def ratio(theirs_ms: list[float], ours_ms: list[float]) -> float:
    """How many times as fast ours is, by the medians."""
    return round(float(np.median(theirs_ms)) / max(float(np.median(ours_ms)), 1e-3), 3)

"""Progress, time left, and stopping."""

from __future__ import annotations

import time

import pytest

from spinalsam.control.jobs import Job
from spinalsam.errors import Cancelled


def test_listeners_see_progress_and_the_end() -> None:
    job = Job("Work")
    seen: list[tuple[float | None, str, bool]] = []
    stop = job.subscribe(lambda one: seen.append((one.fraction, one.message, one.done)))
    job.progress(0.5, "half")
    job.finish("result")
    stop()
    job.finish("again")
    assert seen == [(0.5, "half", False), (1.0, "half", True)]
    assert job.wait(0)


def test_a_stopped_job_raises_at_its_next_report() -> None:
    job = Job("Work")
    job.progress(0.1)
    job.cancel()
    with pytest.raises(Cancelled, match="'Work' was stopped"):
        job.progress(0.2)


def test_fractions_stay_between_0_and_1() -> None:
    job = Job()
    job.progress(7)
    assert job.fraction == 1
    job.progress(None)
    assert job.fraction is None


def test_the_time_left_follows_the_fraction() -> None:
    job = Job()
    assert job.remaining_s is None
    job.start()
    time.sleep(0.25)
    job.progress(0.5)
    assert job.remaining_s == pytest.approx(job.elapsed_s, rel=0.2)
    job.finish()
    assert job.remaining_s == 0


def test_hooks_hear_of_the_stop_even_when_it_came_before() -> None:
    job, heard = Job(), []
    job.on_cancel(lambda: heard.append(1))
    job.cancel()
    job.on_cancel(lambda: heard.append(2))
    assert heard == [1, 2]

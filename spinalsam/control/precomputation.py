"""A whole case encoded in the background: what is done, what waits, and the way to let it rest or stop."""

from __future__ import annotations

import contextlib

from spinalsam.control.jobs import Job
from spinalsam.control.workspace import CaseContent
from spinalsam.errors import Cancelled
from spinalsam.support.planes import SlicePlane, SliceRef

TITLE = "Precompute this case"


class Precomputation:
    """The slices of one plane of a case, from the shown one outwards. `control/ahead.py` works on it; job tells the progress."""

    def __init__(self, content: CaseContent, plane: str, shown: int) -> None:
        count = SlicePlane(content.volume.geometry, plane).count
        self.content = content
        self.plane = plane
        self.job = Job(TITLE)
        self.waiting = [SliceRef(plane, index) for index in sorted(range(count), key=lambda index: abs(index - shown))]
        self.total = count
        self.paused = False

    @property
    def done(self) -> int:
        """How many slices have been encoded."""
        return self.total - len(self.waiting)

    @property
    def sentence(self) -> str:
        """How far it is, for people."""
        text = f"{self.done} of {self.total} {self.plane} slices"
        if self.job.done:
            return f"Precomputed: {text}."
        if self.paused:
            return f"Precomputing rests: {text}."
        left_s = self.job.remaining_s
        return f"Precomputing: {text}" + (f", about {_duration(left_s)} left." if left_s is not None else ".")

    def next(self) -> SliceRef | None:
        """The slice whose turn it is, or None while there is nothing to do."""
        resting = self.paused or self.job.done or self.job.cancelled
        return None if resting or not self.waiting else self.waiting[0]

    def count(self, ref: SliceRef) -> None:
        """A slice is encoded; the last one ends the job."""
        if self.job.done or ref not in self.waiting:
            return
        self.waiting.remove(ref)
        with contextlib.suppress(Cancelled):
            self.job.progress(self.done / self.total, f"{self.done} of {self.total} {self.plane} slices")
        if not self.waiting:
            self.end()

    def limit(self, room: int) -> None:
        """No more slices than can be kept at once: the last ones would throw the first ones out."""
        done = self.done
        if 0 < room < self.total:
            del self.waiting[max(0, room - done) :]
            self.total = done + len(self.waiting)

    def end(self, error: BaseException | None = None) -> None:
        if not self.job.done:
            self.job.finish(self.done, error)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

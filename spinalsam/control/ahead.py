"""Slices encoded before anybody asks for them, on a thread of low priority: what is shown, then what one scrolls towards, and on request
a whole case. A user's call always goes first, and what is no longer wanted is given up. For a network that looks at windows, those are
encoded that the next prompt will most likely need. When nothing else is wanted the locator looks at the case, so that prompts are answered
with what it knows (`control/starting.py`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from spinalsam.control.locating import surveyed
from spinalsam.control.precomputation import Precomputation
from spinalsam.control.starting import may_look, rough_shape, shapes_of
from spinalsam.control.state import Change
from spinalsam.control.workspace import CaseContent, slice_image
from spinalsam.device.giving_way import give_way
from spinalsam.device.interrupt import interruptible
from spinalsam.device.punctual import stand_back
from spinalsam.errors import Cancelled, SpinalSamError
from spinalsam.support.planes import PLANES, SlicePlane, SliceRef
from spinalsam.support.prompts import Ijk, SlicePrompt

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

NEIGHBOURS = 6  # how many slices in the direction of scrolling are wanted
SETTLE_S = 0.12  # who leaves a slice sooner than this does not want it
STAND_BACK_S = 0.25  # after a button has gone down
_POLL_S = 0.03
_NICE = 10

_log = logging.getLogger(__name__)


class Ahead:
    """Encodes slices of a workspace's case into its cache; nothing else is changed by it. The thread ends with `close`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._changed = threading.Condition()
        self._refs: list[SliceRef] = []
        self._content: CaseContent | None = None
        self._asked_at = 0.0
        self._stands_back_until = 0.0
        self._working = False
        self._case: Precomputation | None = None
        self._closed = False
        self._thread: threading.Thread | None = None
        self._surveyed: CaseContent | None = None  # the case that has been looked at, or cannot be
        self._shown: dict[str, int] = {}
        self._pointed: dict[str, Ijk] = {}
        self._unsubscribe: Callable[[], None] | None = None

    # Wishes

    def follow(self) -> None:
        """From now on want what is shown and its neighbours, at every change of the view. Call it on the main thread."""
        if self._unsubscribe is None:
            self._unsubscribe = self.workspace.subscribe(self._looked)
            self._start()  # now, when nobody waits for a new thread's first breath

    def want(self, refs: Iterable[SliceRef]) -> None:
        """These slices of the open case, in this order, instead of whatever waits."""
        with self._changed:
            self._refs, self._content = list(dict.fromkeys(refs)), self.workspace.content
            self._asked_at = time.monotonic()
            self._changed.notify_all()
        self._start()

    def pointed(self, ref: SliceRef, ijk: Ijk | None) -> None:
        """The pointer rests on a voxel, or on nothing. Who scrolls on from there clicks at the same place, most likely."""
        if ijk is None:
            self._pointed.pop(ref.plane, None)
        else:
            self._pointed[ref.plane] = ijk

    def stand_back(self) -> None:
        """A button has gone down: begin nothing for a moment, and give up what is under way, so that the click has the processor."""
        self._stands_back_until = time.monotonic() + STAND_BACK_S

    def precompute(self, plane: str) -> Precomputation:
        """Every slice of a plane of the open case, as many as can be kept, instead of an earlier such wish."""
        self.stop()
        case = Precomputation(self.workspace.case, plane, self.workspace.shown_slice(plane).index)
        with self._changed:
            self._case = case
            self._changed.notify_all()
        case.job.on_cancel(self._end_case)
        self._start()
        return case

    @property
    def precomputation(self) -> Precomputation | None:
        """The last one that was asked for, while its case is open."""
        return self._case if self._case is not None and self._case.content is self.workspace.content else None

    def pause(self, paused: bool = True) -> None:
        """Let the precomputation rest, or go on."""
        with self._changed:
            if self._case is not None:
                self._case.paused = paused
            self._changed.notify_all()

    def stop(self) -> None:
        """End the precomputation; what has been encoded stays."""
        if self._case is not None and not self._case.job.done:
            self._case.job.cancel()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until nothing is left to do; False when the time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._working and not self._has_work(), timeout_s)

    def end(self) -> None:
        """Let the thread end; a slice under way is given up."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.stop()

    def close(self) -> None:
        """End the thread and wait for it."""
        self.end()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _looked(self, change: Change) -> None:
        """The view has changed."""
        if not change.fields & {"case", "view"}:
            return
        ws = self.workspace
        if "case" in change.fields:
            self._shown, self._pointed = {}, {}
            self._end_case()
        if not ws.has_case:
            self.want([])
            return
        active = ws.state.view.active_plane
        now = {name: ws.shown_slice(name).index for name in (active, *(other for other in PLANES if other != active))}
        if now != self._shown:
            refs = in_order(now, self._shown, active, ws.plane(active).count)
            self._shown = now
            self.want(refs)

    # The thread

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="spinalsam-ahead", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        _lower_priority()
        stand_back()
        while True:
            with self._changed:
                self._working = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed or self._has_work())
                if self._closed:
                    return
                ref, content = self._next(), self.workspace.content
                rest = self._rest()
                self._working = not rest
            if rest:
                time.sleep(_POLL_S)
            elif content is not None and ref is not None:
                self._do(ref, content)
            elif content is not None:
                self._survey(content)

    def _has_work(self) -> bool:
        """Call it with the condition held."""
        return self._next() is not None or self._may_survey()

    def _may_survey(self) -> bool:
        """Whether the locator has not looked at the open case yet, and a loaded network could use what it sees."""
        ws, content = self.workspace, self.workspace.content
        if content is None or content is self._surveyed or ws.looks_around != "ready" or ws.loaded_segmenter is None:
            return False
        return content.rough is None and may_look(ws, content)

    def _survey(self, content: CaseContent) -> None:
        """Let the locator look at a case; it rests while anybody waits for something else, and gives up for a slice that is wanted."""
        ws = self.workspace

        def check() -> None:
            while self._gives_way and not content.surveying.waiting and not self._closed:
                time.sleep(_POLL_S)
            if self._closed or content is not ws.content or (self._next() is not None and not content.surveying.waiting):
                raise Cancelled("The case is not looked at any more.")

        try:
            with interruptible(check):
                surveyed(content, lambda share, text: check())
            shapes_of(content)
        except Cancelled:
            return
        except SpinalSamError as error:
            _log.info("The locator does not look at this case: %s", error)
        except Exception:  # a bug must not end the thread
            _log.exception("the locator could not look at a case")
        with self._changed:
            self._surveyed = content

    def _next(self) -> SliceRef | None:
        """The slice whose turn it is; what is looked at goes before the rest of the case. Call it with the condition held."""
        content = self.workspace.content
        if content is None:
            return None
        if self._refs and self._content is content:
            return self._refs[0]
        return self._case.next() if self._case is not None and self._case.content is content else None

    def _rest(self) -> bool:
        """Whether a call or a preview is under way or about to be, or the user still scrolls."""
        return self._gives_way or (bool(self._refs) and time.monotonic() - self._asked_at < SETTLE_S)

    @property
    def _gives_way(self) -> bool:
        return self.workspace.is_asked or time.monotonic() < self._stands_back_until

    def _do(self, ref: SliceRef, content: CaseContent) -> None:
        error: BaseException | None = None
        try:
            self._encode(ref, content)
        except Cancelled:
            return  # another wish, or a call; it is done again when it is still wanted then
        except SpinalSamError as caught:
            error = caught
        except Exception as caught:  # a bug must not end the thread
            _log.exception("a slice could not be encoded ahead")
            error = caught
        with self._changed:
            self._refs = [] if error else [other for other in self._refs if other != ref]
            if self._case is not None and self._case.content is content:
                self._case.end(error) if error else self._case.count(ref)

    def _encode(self, ref: SliceRef, content: CaseContent) -> None:
        ws, image = self.workspace, slice_image(content.volume, ref)
        segmenter = ws.segmenter()

        def check() -> None:
            """Whoever waits for this very slice is served soonest when it goes on."""
            wanted = content is ws.content and self._wants(ref)
            if (not wanted or self._closed or self._gives_way) and not ws.cache.awaited(segmenter, image):
                raise Cancelled("The slice is not wanted any more.")
            give_way()

        check()
        with interruptible(check):
            if ref in self._refs or not ws.cache.holds(segmenter, image):
                embedding = ws.cache.get_or_encode(segmenter, image)
                prompt = self._guess(ref, content) if getattr(segmenter, "encodes_windows", False) else None
                if prompt is not None:
                    check()
                    # For the windows that are encoded for it, which are remembered.
                    segmenter.decode(embedding, prompt, rough_shape(ws, None, ref, prompt))
                if self._case is not None:
                    self._case.limit(ws.cache.room_for(segmenter, embedding.nbytes))

    def _guess(self, ref: SliceRef, content: CaseContent) -> SlicePrompt | None:
        """What will be asked on a slice: a click where the pointer rests, else what was asked last in that plane, at the same place."""
        pointed = self._pointed.get(ref.plane)
        if pointed is not None:
            pixel = SlicePlane(content.volume.geometry, ref.plane).to_pixel([pointed])
            return SlicePrompt(pixel.astype(np.float32), np.array([True]))
        last = self.workspace.state.candidates
        if last is None or last.prompt.plane != ref.plane:
            return None
        return last.prompt.on_slice(content.volume.geometry)[1]

    def _wants(self, ref: SliceRef) -> bool:
        return ref in self._refs or (self._case is not None and self._case.next() is not None and ref in self._case.waiting)

    def _end_case(self) -> None:
        """The precomputation was stopped, or its case was closed."""
        case = self._case
        if case is not None and (case.job.cancelled or case.content is not self.workspace.content):
            case.end(Cancelled("Precomputing was stopped; what was encoded is kept."))


def in_order(now: dict[str, int], before: dict[str, int], active: str, count: int) -> list[SliceRef]:
    """What to encode first: the shown slice of the active plane, those one scrolls towards, what the other panes show.

    now, before: slice index by plane; before is empty for a fresh case. count: slices of the active plane. Both sides are wanted
    where nothing was scrolled.
    """
    here = now[active]
    step = here - before.get(active, here)
    ways: Sequence[int] = (1,) if step > 0 else (-1,) if step < 0 else (1, -1)
    near = [here + way * distance for distance in range(1, NEIGHBOURS + 1) for way in ways]
    ahead = [SliceRef(active, index) for index in near if 0 <= index < count]
    others = [SliceRef(plane, index) for plane, index in now.items() if plane != active]
    return [SliceRef(active, here), *ahead[:2], *others, *ahead[2:]]


def _lower_priority() -> None:
    """This thread and those that compute for it give way to the window and to clicks, where the system can do that."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)

"""From what the user did in a pane to operation calls: no drawing, and no effect but through the dispatcher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.jobs import Job
from spinalsam.control.operation import OperationResult
from spinalsam.control.prompting import unanswered
from spinalsam.errors import Cancelled, SpinalSamError
from spinalsam.support.calls import OperationCall
from spinalsam.support.planes import SlicePlane, SliceRef

Ijk = tuple[int, int, int]
# In live mode a generation that takes longer than this switches live mode off: the machine is too slow for it.
SLOW_S = 2.5


class Commands(QObject):
    """One way from widgets to the dispatcher.

    done(op, result), failed(op, exception), started(job): what became of each call. live: whether every prompt makes its mask at once.
    """

    started = pyqtSignal(object)
    done = pyqtSignal(str, object)
    failed = pyqtSignal(str, object)
    live_changed = pyqtSignal(bool)

    def __init__(self, dispatcher: Dispatcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dispatcher = dispatcher
        self.workspace = dispatcher.workspace
        self.live = True
        self._generations = 0
        # The prompts of a slice when their mask was last asked for; a mask that came out as before leaves no other trace.
        self._asked: dict[SliceRef, tuple[Any, ...]] = {}

    def submit(self, op: str, *, on_done: Callable[[OperationResult], None] | None = None, **args: Any) -> Job:
        """Run one operation; its result, or its error, comes as a signal."""

        def finished(result: OperationResult) -> None:
            self.done.emit(op, result)
            if on_done is not None:
                on_done(result)

        job = self.dispatcher.submit(OperationCall(op, args), on_done=finished, on_error=lambda error: self.failed.emit(op, error))
        if not job.done:
            self.started.emit(job)
        return job

    # --- prompts -----------------------------------------------------------------------------------------------------

    def place_point(self, ref: SliceRef, ijk: Ijk, positive: bool) -> None:
        label = "positive" if positive else "negative"
        job = self.submit("add_points", at=[self._pixel(ref, ijk)], label=label, plane=ref.plane, slice=ref.index + 1)
        self.submit("set_crosshair", ijk=list(ijk))
        if job.error is None:
            self._after_prompt(ref, boxed=not positive and bool(self.workspace.state.boxes_on(ref)))

    def draw_box(self, ref: SliceRef, corner_a_ijk: Ijk, corner_b_ijk: Ijk) -> None:
        job = self.submit("add_box", corners=self._corners(ref, corner_a_ijk, corner_b_ijk), plane=ref.plane, slice=ref.index + 1)
        if job.error is None:
            self._after_prompt(ref, boxed=True)

    def move_point(self, position: int, ijk: Ijk) -> None:
        point = self.workspace.state.points[position]
        job = self.submit("move_point", number=position + 1, to=[self._pixel(point.ref, ijk)])
        if job.error is None:
            self._after_prompt(point.ref, boxed=not point.positive and bool(self.workspace.state.boxes_on(point.ref)))

    def move_box(self, position: int, corner_a_ijk: Ijk, corner_b_ijk: Ijk) -> None:
        ref = self.workspace.state.boxes[position].ref
        job = self.submit("move_box", number=position + 1, corners=self._corners(ref, corner_a_ijk, corner_b_ijk))
        if job.error is None:
            self._after_prompt(ref, boxed=True)

    def delete_point(self, position: int) -> None:
        self.submit("delete_point", number=position + 1)

    def delete_box(self, position: int) -> None:
        self.submit("delete_box", number=position + 1)

    def generate(self, ref: SliceRef | None = None, *, boxed: bool | None = None) -> None:
        """The mask of the prompts on a slice, by default the shown one: from its boxes where it has some, else from its points."""
        ref = ref or self.workspace.shown
        if boxed is None:
            boxed = bool(self.workspace.state.boxes_on(ref))
        self._asked[ref] = self._prompts(ref)
        op = "generate_box_mask" if boxed else "generate_point_mask"
        job = self.submit(op, plane=ref.plane, slice=ref.index + 1)
        job.subscribe(self._measure_generation)

    def accept(self) -> None:
        """What Enter means: make the mask that prompts wait for, else keep the one that is open, else make it again."""
        shown = self.workspace.shown
        waiting = unanswered(self.workspace, shown) if self._asked.get(shown) != self._prompts(shown) else ""
        if not waiting and self.workspace.state.candidates is not None:
            self.submit("keep_mask")
        else:
            self.generate(shown, boxed=waiting == "boxes" if waiting else None)

    def drop(self) -> bool:
        """Take the mask back that is open on a shown slice; False where there is none."""
        candidates = self.workspace.state.candidates if self.workspace.has_case else None
        if candidates is None or self.workspace.shown_slice(candidates.ref.plane) != candidates.ref:
            return False
        self.submit("drop_mask")
        return True

    def set_live(self, live: bool) -> None:
        if live != self.live:
            self.live = live
            self._generations = 0
            self.live_changed.emit(live)

    def _after_prompt(self, ref: SliceRef, *, boxed: bool) -> None:
        has_positive = boxed or any(point.positive for point in self.workspace.state.points_on(ref))
        if self.live and has_positive:
            self.generate(ref, boxed=boxed)

    def _measure_generation(self, job: Job) -> None:
        """The first one may load the model and does not count. Called on the worker's thread: only numbers are touched."""
        if job.done and job.error is None:
            self._generations += 1
            if self.live and self._generations > 2 and job.elapsed_s > SLOW_S:
                self.live = False

    def _prompts(self, ref: SliceRef) -> tuple[Any, ...]:
        return (*self.workspace.state.points_on(ref), *self.workspace.state.boxes_on(ref))

    # --- view --------------------------------------------------------------------------------------------------------

    def activate(self, plane: str) -> None:
        if self.workspace.has_case and self.workspace.state.view.active_plane != plane:
            self.submit("set_active_plane", plane=plane)

    def scroll(self, plane: str, slices: int) -> None:
        self.submit("navigate", direction="next" if slices > 0 else "previous", count=abs(slices), plane=plane)

    def go_to(self, plane: str, index: int) -> None:
        self.submit("go_to", slice=index + 1, plane=plane)

    def maximise(self, name: str) -> None:
        """Let a pane fill the grid, or show all panes again."""
        reference = self.workspace.state.reference
        if reference is not None and reference.side_by_side:
            self.submit("show_side_by_side", visible=False)
        elif self.workspace.has_case:
            self.submit("set_view", plane="mpr" if self.workspace.state.view.layout == name else name)

    def set_crosshair(self, ijk: Ijk) -> None:
        self.submit("set_crosshair", ijk=list(ijk))

    def look_at_mm(self, point_mm: list[float]) -> None:
        """Put the crosshair on a place in space, if it lies in the image."""
        geometry = self.workspace.case.volume.geometry
        ijk = [round(float(n)) for n in geometry.to_ijk(point_mm)]
        if geometry.contains(ijk):
            self.submit("set_crosshair", ijk=ijk)

    def set_window(self, level: float, width: float) -> None:
        self.submit("set_window", level=level, width=width)

    # --- pixels ------------------------------------------------------------------------------------------------------

    def _plane(self, ref: SliceRef) -> SlicePlane:
        return self.workspace.plane(ref.plane)

    def _pixel(self, ref: SliceRef, ijk: Ijk) -> list[float]:
        return [float(n) for n in self._plane(ref).to_pixel(ijk)]

    def _corners(self, ref: SliceRef, corner_a_ijk: Ijk, corner_b_ijk: Ijk) -> list[float]:
        return self._pixel(ref, corner_a_ijk) + self._pixel(ref, corner_b_ijk)


def sentence_of(error: BaseException) -> str:
    """What to say about a call that failed, in English, as operations say it; our own errors are sentences already."""
    if isinstance(error, SpinalSamError):
        return str(error)
    return f"Something went wrong inside the program: {type(error).__name__}: {error}"


def loudness_of(error: BaseException) -> str:
    """The level of the notice about it; 'info' needs none."""
    return "info" if isinstance(error, Cancelled) else "error"

"""Masks before they are set: previews while the pointer hovers or drags, one at a time, the newest wish first, off where the machine is
slow; and those of clicks that have begun, which wait for nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal

from spinalsam.control import previewing
from spinalsam.device.interrupt import interruptible
from spinalsam.errors import Cancelled, SpinalSamError
from spinalsam.support.planes import SliceRef
from spinalsam.ui.background import Background

# So long the window stands still for a click's mask. Whatever it painted meanwhile would take from the network more time than that: both
# are Python, and each of the network's many steps would wait for its turn.
PRESS_WAIT_S = 0.03


@dataclass(eq=False)
class _Run:
    """A prompt that is being answered. dropped: nobody wants it any more."""

    prompt: Any
    dropped: bool = False

    def check(self) -> None:
        if self.dropped:
            raise Cancelled("The pointer has gone on.")


@dataclass(frozen=True)
class _Wish:
    """asked: by a click that has begun."""

    ref: SliceRef
    wanted: dict[str, Any]
    asked: bool = False


class Previews(QObject):
    """ready(Preview or None). too_slow: previews have taken too long and are off now."""

    ready = pyqtSignal(object)
    too_slow = pyqtSignal()

    def __init__(self, workspace: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.enabled = True
        self._workspace = workspace
        self._background = Background(threads=2)  # one for the click that overtakes a preview
        self._pace = previewing.Pace()
        self._runs: list[_Run] = []
        self._waiting: _Wish | None = None
        self._foreseen: _Wish | None = None
        self._serial = 0

    def wish(self, ref: SliceRef, **wanted: Any) -> None:
        """Show what `previewing.prompt_if(ws, ref, **wanted)` would give; replaces a wish that still waits."""
        if self.enabled:
            self._want(_Wish(ref, wanted))

    def ask(self, ref: SliceRef, **wanted: Any) -> None:
        """A click has begun: the same at once, whether or not previews are on. A network that is quick is waited for a moment."""
        self._want(_Wish(ref, wanted, asked=True))

    def foresee(self, ref: SliceRef, **wanted: Any) -> None:
        """Let the network answer what will perhaps be wished for next, once it has nothing else to do. Nothing is shown."""
        workspace, self._foreseen = self._workspace, None
        if not self.enabled or not workspace.has_case or workspace.dispatcher.busy:
            return
        if self._runs or self._waiting is not None:
            self._foreseen = _Wish(ref, wanted)
            return
        prompt = previewing.prompt_if(workspace, ref, **wanted)
        if prompt is not None:
            self._run(prompt, lambda found: None)

    def forget(self) -> None:
        """Nothing is wished for any more; what is under way is dropped."""
        self._waiting = self._foreseen = None
        self._serial += 1

    def stop(self) -> None:
        self.forget()
        for run in self._runs:
            run.dropped = True
        self._background.stop()

    def go_on(self) -> None:
        """Do what is wished for, unless a preview or a call is under way; whoever hears of the call's end asks again."""
        workspace, serial, wish = self._workspace, self._serial, self._waiting
        if wish is None or workspace.dispatcher.busy or (self._runs and not wish.asked):
            return
        self._waiting = None
        if not workspace.has_case:
            return
        prompt = previewing.prompt_if(workspace, wish.ref, **wish.wanted)
        if prompt is None:
            self.ready.emit(None)
            return
        volume, quick = workspace.volume, previewing.is_quick(workspace)

        def show(found: Any) -> None:
            if serial == self._serial and workspace.volume is volume:
                self.ready.emit(found)

        for run in self._runs:
            run.dropped = quick and run.prompt != prompt  # another network encodes the slice, which both need
        self._run(prompt, show, wait_s=PRESS_WAIT_S if wish.asked and quick else 0.0)

    @property
    def _running(self) -> bool:
        return bool(self._runs)

    def _want(self, wish: _Wish) -> None:
        if not self._workspace.has_case:
            return
        self._serial += 1
        self._waiting, self._foreseen = wish, None
        self.go_on()

    def _run(self, prompt: Any, show: Callable[[Any], None], wait_s: float = 0.0) -> None:
        workspace, run = self._workspace, _Run(prompt)
        self._runs.append(run)

        def ended() -> None:
            self._runs.remove(run)

        def done(found: Any) -> None:
            ended()
            self._measure(found)
            show(found)
            self._go_on()

        def failed(_: Exception) -> None:
            ended()
            self._go_on()

        self._background.run(lambda: _preview(workspace, run), done, failed, wait_s=wait_s)

    def _go_on(self) -> None:
        self.go_on()
        if self._foreseen is not None and not self._runs:
            self.foresee(self._foreseen.ref, **self._foreseen.wanted)

    def _measure(self, found: Any) -> None:
        if found is None or found.decode_s is None:
            return
        self._pace.took(found.decode_s)
        if self._pace.slow and self.enabled:
            self.enabled = False
            self.too_slow.emit()


def _preview(workspace: Any, run: _Run) -> previewing.Preview | None:
    try:
        with interruptible(run.check):
            return previewing.preview(workspace, run.prompt)
    except SpinalSamError:
        # What is wrong with the model or the memory is said when a mask is really asked for.
        return None

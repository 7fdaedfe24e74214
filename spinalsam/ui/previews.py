"""Live previews of a mask while the pointer hovers or drags: one at a time, the newest wish first, off where the machine is slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal

from spinalsam.control import previewing
from spinalsam.errors import SpinalSamError
from spinalsam.support.planes import SliceRef
from spinalsam.ui.background import Background


class Previews(QObject):
    """ready(Preview or None). too_slow: previews have taken too long and are off now."""

    ready = pyqtSignal(object)
    too_slow = pyqtSignal()

    def __init__(self, workspace: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.enabled = True
        self._workspace = workspace
        self._background = Background()
        self._pace = previewing.Pace()
        self._running = False
        self._waiting: tuple[SliceRef, dict[str, Any]] | None = None
        self._serial = 0

    def wish(self, ref: SliceRef, **wanted: Any) -> None:
        """Show what `previewing.prompt_if(ws, ref, **wanted)` would give; replaces a wish that still waits."""
        if not self.enabled or not self._workspace.has_case:
            return
        self._serial += 1
        self._waiting = ref, wanted
        self.go_on()

    def foresee(self, ref: SliceRef, **wanted: Any) -> None:
        """Let the network answer what will perhaps be wished for next, while it has nothing else to do. Nothing is shown."""
        workspace = self._workspace
        if not self.enabled or self._running or self._waiting is not None or not workspace.has_case or workspace.dispatcher.busy:
            return
        prompt = previewing.prompt_if(workspace, ref, **wanted)
        if prompt is not None:
            self._run(prompt, lambda found: None)

    def forget(self) -> None:
        """Nothing is wished for any more; what is under way is dropped."""
        self._waiting = None
        self._serial += 1

    def stop(self) -> None:
        self.forget()
        self._background.stop()

    def go_on(self) -> None:
        """Do what is wished for, unless a preview or a call is under way; whoever hears of the call's end asks again."""
        workspace, serial = self._workspace, self._serial
        if self._running or self._waiting is None or workspace.dispatcher.busy:
            return
        (ref, wanted), self._waiting = self._waiting, None
        if not workspace.has_case:
            return
        prompt = previewing.prompt_if(workspace, ref, **wanted)
        if prompt is None:
            self.ready.emit(None)
            return
        volume = workspace.volume

        def show(found: Any) -> None:
            if serial == self._serial and workspace.volume is volume:
                self.ready.emit(found)

        self._run(prompt, show)

    def _run(self, prompt: Any, show: Callable[[Any], None]) -> None:
        workspace, self._running = self._workspace, True

        def done(found: Any) -> None:
            self._running = False
            self._measure(found)
            show(found)
            self.go_on()

        def failed(_: Exception) -> None:
            self._running = False
            self.go_on()

        self._background.run(lambda: _preview(workspace, prompt), done, failed)

    def _measure(self, found: Any) -> None:
        if found is None or found.decode_s is None:
            return
        self._pace.took(found.decode_s)
        if self._pace.slow and self.enabled:
            self.enabled = False
            self.too_slow.emit()


def _preview(workspace: Any, prompt: Any) -> previewing.Preview | None:
    try:
        return previewing.preview(workspace, prompt)
    except SpinalSamError:
        # What is wrong with the model or the memory is said when a mask is really asked for.
        return None

"""One sentence of the chat on its way: parsed, shown, confirmed where it must be, run, answered. No widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.operation import OperationResult
from spinalsam.control.operations import SPECS, SPOKEN_SPECS
from spinalsam.errors import SpinalSamError
from spinalsam.support.calls import OperationCall
from spinalsam.ui.background import Background

SURE = 0.6


@dataclass(frozen=True)
class Understood:
    """What a sentence was taken for. reason: why it should be confirmed first, or an empty string."""

    text: str
    calls: tuple[OperationCall, ...]
    source: str
    ms: float
    explanation: str = ""
    reason: str = ""
    alternatives: tuple[tuple[OperationCall, ...], ...] = field(default_factory=tuple)


class Conversation(QObject):
    """parse(text, specs, hints) -> ParseResult. Signals tell a view what to show."""

    understood = pyqtSignal(object)  # Understood; asks for confirmation where it has a reason
    running = pyqtSignal(object)  # Job
    answered = pyqtSignal(str, float, int)  # message, seconds, how many undo steps it made
    failed = pyqtSignal(str)

    def __init__(self, dispatcher: Dispatcher, parse: Callable[..., Any], background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._dispatcher = dispatcher
        self._parse = parse
        self._background = background

    def say(self, text: str) -> None:
        """Parse a sentence off the main thread and go on from there."""
        hints = self._dispatcher.workspace.hints
        self._background.run(
            lambda: self._parse(text, SPOKEN_SPECS, hints),
            lambda result: self._take(text, result),
            lambda error: self.failed.emit(str(error) if isinstance(error, SpinalSamError) else f"The sentence could not be read: {error}"),
        )

    def _take(self, text: str, result: Any) -> None:
        calls = tuple(result.calls)
        reason = reason_to_ask(calls, float(result.confidence))
        understood = Understood(text, calls, result.source, float(result.ms), str(result.explanation or ""), reason)
        self.understood.emit(understood)
        if calls and not reason:
            self.run(calls)

    def run(self, calls: Sequence[OperationCall]) -> None:
        """Do the calls in order and answer."""
        began = time.monotonic()
        steps = len(self._dispatcher.workspace.undo_titles)

        def done(results: list[OperationResult]) -> None:
            made = max(0, len(self._dispatcher.workspace.undo_titles) - steps)
            self.answered.emit("\n".join(result.message for result in results), time.monotonic() - began, made)

        job = self._dispatcher.submit_all(list(calls), origin="chat", on_done=done, on_error=lambda error: self.failed.emit(str(error)))
        if not job.done:
            self.running.emit(job)


def reason_to_ask(calls: Sequence[OperationCall], confidence: float) -> str:
    """Why the calls should be confirmed before they run, or an empty string."""
    destructive = [SPECS[call.op].title for call in calls if call.op in SPECS and SPECS[call.op].destructive]
    if destructive:
        return "destructive"
    return "ambiguous" if calls and confidence < SURE else ""


def chip_text(call: OperationCall) -> str:
    """A call in a few words, such as ``Add points · 3 · L3``."""
    spec = SPECS.get(call.op)
    title = spec.title if spec is not None else call.op
    return " · ".join([title, *(_value_text(name, value) for name, value in call.args.items())])


def _value_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"{name}: {'yes' if value else 'no'}"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return f"{name} {value:g}" if isinstance(value, (int, float)) else str(value)

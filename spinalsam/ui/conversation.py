"""Sentences of the chat on their way: read, shown, confirmed where they must be, run, answered; one after another. No widgets."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.history import Step
from spinalsam.control.jobs import Job
from spinalsam.control.operation import OperationResult
from spinalsam.control.operations import find
from spinalsam.control.state import Change
from spinalsam.errors import Cancelled, SeveralCasesError, SpinalSamError
from spinalsam.support.calls import OperationCall
from spinalsam.ui.background import Background
from spinalsam.ui.commands import sentence_of
from spinalsam.ui.understanding import Calls, SentenceReader, Understood, reason_to_ask, replacing, understand

# Pieces of a model's reasoning are passed on this often; a token a time would keep the window busy.
PASS_ON_S = 0.1


@dataclass(frozen=True)
class Outcome:
    """What became of a sentence, in English. steps: the undo steps that it made, oldest first. ok: whether all of it was done."""

    message: str
    seconds: float
    steps: tuple[Step, ...] = ()
    ok: bool = True


class Conversation(QObject):
    """Reads sentences off the main thread and runs their calls. Signals tell a view what to show, all on the main thread."""

    model_asked = pyqtSignal(str)  # who: 'DeepSeek-R1 at ...'
    heard = pyqtSignal(str, str)  # 'thought' or 'status', and the text
    read = pyqtSignal(object)  # Understood; comes before `understood`, whatever was found
    understood = pyqtSignal(object)  # Understood; asks where it has a reason
    running = pyqtSignal(object)  # Job
    stepped = pyqtSignal(int)  # how many of the calls are done
    did = pyqtSignal(str, object)  # operation and OperationResult, before the next call runs
    answered = pyqtSignal(object)  # Outcome
    several = pyqtSignal(str)  # a folder to choose a series or a study from
    failed = pyqtSignal(str)  # a sentence that was not even read
    history_changed = pyqtSignal()

    def __init__(self, dispatcher: Dispatcher, reader: SentenceReader, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._dispatcher = dispatcher
        self.reader = reader
        self._background = background
        self._waiting: list[str] = []
        self._stop: threading.Event | None = None
        self._runs = 0
        self._unsubscribe = dispatcher.workspace.subscribe(self._changed)

    def close(self) -> None:
        """The window goes: give up what is being read, watch no longer."""
        self.stop()
        self._unsubscribe()

    def _changed(self, change: Change) -> None:
        if change.fields & {"history", "case"}:
            self.history_changed.emit()

    # Reading

    @property
    def is_reading(self) -> bool:
        """Whether a sentence is being read, which a model may take its time for."""
        return self._stop is not None

    def say(self, text: str) -> None:
        """Take a sentence; it is read when those before it have been read and run."""
        self._waiting.append(text)
        self._next()

    def stop(self) -> None:
        """Give up what is being read, and forget what waits."""
        self._waiting.clear()
        if self._stop is not None:
            self._stop.set()

    def _next(self) -> None:
        if self._runs or self.is_reading or not self._waiting:
            return
        text, hints, reader = self._waiting.pop(0), self._dispatcher.workspace.hints, self.reader
        unrecorded = self._is_unrecorded()
        stop = self._stop = threading.Event()
        listener = _Listener(self)

        def read() -> Understood:
            try:
                return understand(reader, text, hints, listen=listener, stop=stop, unrecorded=unrecorded)
            finally:
                listener.flush()

        self._background.run(read, self._take, self._unread)

    def _take(self, understood: Understood) -> None:
        self._stop = None
        self.read.emit(understood)
        self.understood.emit(understood)
        if understood.calls and not understood.reason:
            self.run(understood.calls)
        self._next()

    def _unread(self, error: Exception) -> None:
        self._stop = None
        known = isinstance(error, SpinalSamError)
        self.failed.emit(str(error) if known else f"The sentence could not be read: {type(error).__name__}.")
        self._next()

    # Running

    def choose(self, understood: Understood, calls: Calls) -> None:
        """One of the readings was chosen: it runs, or asks once more where it destroys something."""
        reason = reason_to_ask(calls, 1.0, self._is_unrecorded())
        if reason:
            self.understood.emit(replace(understood, calls=calls, reason=reason, readings=(), answer="", notice=""))
        else:
            self.understood.emit(replace(understood, calls=calls, reason="", readings=(), answer="", notice=""))
            self.run(calls)

    def confirm(self, calls: Sequence[OperationCall]) -> None:
        """Run calls that were asked about; what would replace a file may."""
        self.run([replacing(call) for call in calls])

    def run(self, calls: Sequence[OperationCall]) -> None:
        """Do the calls in order and answer."""
        self._runs += 1
        began = time.monotonic()
        before = list(self._history())  # held, so that no new step gets the identity of one of these
        known = {id(step) for step in before}
        results: list[OperationResult] = []
        steps: list[Step] = []

        def one(call: OperationCall, result: OperationResult) -> None:
            results.append(result)
            if find(call.op).undoable and result.has_effect:
                title = result.title or find(call.op).spec.title
                newest = takewhile(lambda step: id(step) not in known, reversed(self._history()))
                steps.extend([step for step in newest if step.title == title][:1])
                known.update(id(step) for step in steps)
            self.stepped.emit(len(results))
            self.did.emit(call.op, result)

        def end(message: str, ok: bool) -> None:
            self._runs -= 1
            there = {id(step) for step in self._history()}
            kept = tuple(step for step in steps if id(step) in there)
            self.answered.emit(Outcome(message, time.monotonic() - began, kept, ok))
            self._next()

        def failed(error: BaseException) -> None:
            if isinstance(error, SeveralCasesError):
                path = str(calls[len(results)].args["path"])
                end(f"'{Path(path).name}' holds several cases; choose one.", True)
                self.several.emit(path)
            else:
                end(sentence_of(error), isinstance(error, Cancelled) and not results)

        job: Job = self._dispatcher.submit_all(
            list(calls),
            origin="chat",
            on_each=one,
            on_done=lambda _: end("\n".join(result.message for result in results), True),
            on_error=failed,
        )
        if not job.done:
            self.running.emit(job)

    # Taking back

    def can_take_back(self, steps: Sequence[Step]) -> bool:
        """Whether undo would take back exactly these steps: nothing has been done since, and they have not been undone."""
        last = self._history()[-len(steps) :] if steps else []
        return bool(steps) and len(last) == len(steps) and all(a is b for a, b in zip(last, steps, strict=True))

    def _is_unrecorded(self) -> bool:
        """Whether there is work on the case that no journal keeps, and that another case in its place would lose."""
        workspace = self._dispatcher.workspace
        return bool(workspace.undo_titles) and (bool(workspace.problem) or workspace.journal_path is None)

    def _history(self) -> list[Step]:
        content = self._dispatcher.workspace.content
        return content.history.done if content is not None else []


class _Listener:
    """Hears a model on the reading thread and passes it on now and then."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._pieces: list[str] = []
        self._last = 0.0

    def __call__(self, kind: str, text: str) -> None:
        if kind == "thought":
            self._pieces.append(text)
            if time.monotonic() - self._last >= PASS_ON_S:
                self.flush()
        elif kind == "reader":
            self._conversation.model_asked.emit(text)
        else:
            self.flush()
            self._conversation.heard.emit(kind, text)

    def flush(self) -> None:
        self._last = time.monotonic()
        if self._pieces:
            text, self._pieces = "".join(self._pieces), []
            self._conversation.heard.emit("thought", text)

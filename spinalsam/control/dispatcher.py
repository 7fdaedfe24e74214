"""The one way in: validate → require → run → commit.

Every call takes it, whoever makes it. Background operations run on one worker thread; whatever they propose is committed on the
main thread, one at a time. While a job works on the mask, calls that would change the mask, the case or the history wait their
turn; others run at once, and a job's result is dropped when what it was computed from has changed in the meantime.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from spinalsam.control.jobs import Job
from spinalsam.control.operation import Operation, OperationResult
from spinalsam.control.operations import SPECS, find
from spinalsam.control.state import Change
from spinalsam.device.punctual import stand_back
from spinalsam.errors import Cancelled, RequirementError, ResourceError, SpinalSamError
from spinalsam.support.calls import OperationCall, validate_call
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

Post = Callable[[Callable[[], None]], None]
OnDone = Callable[[OperationResult], None]
OnError = Callable[[BaseException], None]

# An operation that writes one of these waits for a job that is under way.
_QUEUED_FIELDS = frozenset({"mask", "case", "history"})
# Changing one of these is refused in a case that another process holds.
_PROTECTED_FIELDS = frozenset({"points", "boxes", "active_label", "labels", "candidates", "mask", "history"})

_log = logging.getLogger(__name__)


@dataclass
class _Task:
    """A submitted call on its way through the worker."""

    operation: Operation
    call: OperationCall
    origin: str
    job: Job
    on_done: OnDone | None
    on_error: OnError | None


@dataclass
class _Queue:
    """What waits and what runs, shared by the threads."""

    waiting: list[_Task] = field(default_factory=list)
    running: _Task | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    closed: bool = False


class Dispatcher:
    """Runs the operations of one workspace.

    post: runs a function on the main thread soon (a window's event loop); None means that commits happen on whatever thread
    ran the operation, as in scripts. The thread that makes the dispatcher is the main thread.
    """

    def __init__(self, workspace: Workspace, *, post: Post | None = None) -> None:
        self.workspace = workspace
        self._post = post
        self._main_thread = threading.get_ident()
        self._queue = _Queue()
        self._worker: threading.Thread | None = None
        self._serial = threading.RLock()
        workspace.dispatcher = self

    # Asking

    def check(self, call: OperationCall) -> Operation:
        """The operation, once the call is known to be possible now.

        Raises UsageError for a call that does not fit the registry, RequirementError when something is missing.
        """
        validate_call(call, SPECS)
        operation = find(call.op).for_call(self.workspace, call.args)
        missing = operation.missing(self.workspace)
        if missing:
            raise RequirementError(missing)
        if self.workspace.read_only and operation.writes & _PROTECTED_FIELDS:
            raise RequirementError(self.workspace.read_only)
        return operation

    def run(self, call: OperationCall, *, origin: str = "script") -> OperationResult:
        """Do a call and wait for its end.

        Raises SpinalSamError when it cannot be done; nothing is changed then. On the main thread of a window it is refused while
        a job is under way, because waiting there would stop the window; use `submit`.
        """
        operation = self._validated(call)
        if operation.background or operation.writes & _QUEUED_FIELDS:
            self._wait_for_jobs(operation)
        with self._serial:
            return self._perform(self.check(call), self._bound(operation, call), origin, Job(operation.spec.title))

    def run_all(self, calls: Sequence[OperationCall], *, origin: str = "script") -> list[OperationResult]:
        """Do calls in order and wait; the first failure stops them, and its message says what was and what was not done."""
        for call in calls:
            self._validated(call)
        results: list[OperationResult] = []
        for number, call in enumerate(calls):
            try:
                results.append(self.run(call, origin=origin))
            except SpinalSamError as error:
                raise _stopped(error, calls, number) from error
        return results

    def submit(
        self,
        call: OperationCall,
        *,
        origin: str = "window",
        on_done: OnDone | None = None,
        on_error: OnError | None = None,
    ) -> Job:
        """Start a call and return at once; call it on the main thread only.

        Quick operations have been done on return, unless they have to wait for a job. on_done(result) or on_error(exception) is
        called on the main thread, exactly once. A newer prompt job replaces one that still waits, which ends as cancelled.
        """
        job = Job(call.op)
        try:
            operation = self._validated(call)
            job.title = operation.spec.title
        except SpinalSamError as error:
            self._end(job, None, error, on_done, on_error)
            return job
        task = _Task(operation, self._bound(operation, call), origin, job, on_done, on_error)
        if operation.background or (operation.writes & _QUEUED_FIELDS and self.busy):
            self._enqueue(task)
        else:
            self._perform_task(task)
        return job

    def submit_all(
        self,
        calls: Sequence[OperationCall],
        *,
        origin: str = "chat",
        on_each: Callable[[OperationCall, OperationResult], None] | None = None,
        on_done: Callable[[list[OperationResult]], None] | None = None,
        on_error: OnError | None = None,
    ) -> Job:
        """Start calls that run one after another; the first failure stops them and says what was and what was not done.

        Nothing runs when one of them does not fit the registry. The returned job stands for all of them.
        """
        job = Job(", ".join(find(call.op).spec.title if call.op in SPECS else call.op for call in calls) or "nothing")
        return _Sequence(self, list(calls), origin, job, on_each, on_done, on_error).start()

    # What is under way

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        with self._queue.changed:
            return self._queue.running is not None or bool(self._queue.waiting)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The running job and then the waiting ones."""
        with self._queue.changed:
            tasks = ([self._queue.running] if self._queue.running else []) + self._queue.waiting
            return tuple(task.job for task in tasks)

    @property
    def writing(self) -> bool:
        """Whether a file is being written or waits to be: who ends the program now would lose it."""
        with self._queue.changed:
            tasks = [*([self._queue.running] if self._queue.running else []), *self._queue.waiting]
            return any(task.operation.outside for task in tasks)

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for job in self.jobs:
            job.cancel()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until no job is left; not for the main thread of a window. False when the time ran out."""
        with self._queue.changed:
            return self._queue.changed.wait_for(lambda: self._queue.running is None and not self._queue.waiting, timeout_s)

    def close(self) -> None:
        """Stop all jobs and the worker; nothing may be submitted after. A file that is being written is written to its end."""
        self.cancel_all()
        with self._queue.changed:
            self._queue.closed = True
            running = self._queue.running
            self._queue.changed.notify_all()
        writes = running is not None and running.operation.outside
        if self._worker is not None and threading.get_ident() != self._worker.ident and (self._post is None or writes):
            self._worker.join(timeout=30)

    # Doing

    def _validated(self, call: OperationCall) -> Operation:
        validate_call(call, SPECS)
        return find(call.op).for_call(self.workspace, call.args)

    def _bound(self, operation: Operation, call: OperationCall) -> OperationCall:
        """A background call about 'the shown slice' means the one shown now, not when its turn comes."""
        spec = operation.spec
        # An operation that is only sometimes heavy may choose the slice itself.
        fixed = operation.background and operation.heavy_when is None
        if not (fixed and spec.argument("slice") and spec.argument("plane") and self.workspace.has_case):
            return call
        plane = call.args.get("plane", self.workspace.state.view.active_plane)
        if "slice" in call.args:
            return replace(call, args={**call.args, "plane": plane})
        return replace(call, args={**call.args, "plane": plane, "slice": self.workspace.shown_slice(plane).index + 1})

    def _perform(self, operation: Operation, call: OperationCall, origin: str, job: Job) -> OperationResult:
        """Run here and commit on the main thread; quick operations do both there, so that nothing changes in between."""
        job.start()
        if not operation.background:
            done: list[OperationResult] = []
            self._on_main_thread(lambda: done.append(self._run_and_commit(operation, call, origin, job)))
            return done[0]
        seen = self._seen(operation, call)
        result = self._run_operation(operation, call, job)
        if result.edit is not None:
            _ = result.edit.packed, result.edit.values  # which would hold up the main thread, where the edit is large
        self._on_main_thread(lambda: self._commit(operation, call, result, origin, seen))
        return result

    def _run_operation(self, operation: Operation, call: OperationCall, job: Job) -> OperationResult:
        try:
            result = operation.run(self.workspace, job, **call.args)
        except MemoryError:
            raise ResourceError(f"'{operation.spec.title}' ran out of memory; close other programs or work on a smaller image.") from None
        if not operation.outside:
            job.check()  # a file that was written stays, and saying that nothing was changed would be wrong
        return replace(result, located=True) if job.located else result

    def _run_and_commit(self, operation: Operation, call: OperationCall, origin: str, job: Job) -> OperationResult:
        with self.workspace.lock:
            result = self._run_operation(operation, call, job)
            self.workspace.commit(operation, _recorded(call, result), result, origin=origin)
        return result

    def _seen(self, operation: Operation, call: OperationCall) -> tuple[Any, ...]:
        """What a background result depends on; of the prompts only those on its slice, where it is about one slice."""
        workspace = self.workspace
        fields = operation.reads
        prompts: tuple[Any, ...] = ()
        sets_prompts = operation.writes & {"points", "boxes"}
        if workspace.has_case and "points" in fields and not sets_prompts and "plane" in call.args and "slice" in call.args:
            ref = SliceRef(call.args["plane"], call.args["slice"] - 1)
            prompts = (workspace.state.points_on(ref), workspace.state.boxes_on(ref))
            fields = fields - {"points", "boxes"}
        return id(workspace.content), workspace.revisions_of(fields), prompts

    def _commit(self, operation: Operation, call: OperationCall, result: OperationResult, origin: str, seen: tuple[Any, ...]) -> None:
        with self.workspace.lock:
            if result.has_effect and self._seen(operation, call) != seen:
                raise Cancelled(f"The result of '{operation.spec.title}' was dropped: the case has changed since it was asked for.")
            self.workspace.commit(operation, _recorded(call, result), result, origin=origin)

    def _on_main_thread(self, function: Callable[[], None]) -> None:
        """Run it there and wait; errors come back to the caller."""
        if self._post is None or threading.get_ident() == self._main_thread:
            function()
            return
        done = threading.Event()
        errors: list[BaseException] = []

        def wrapped() -> None:
            try:
                function()
            except BaseException as error:  # handed to the thread that waits
                errors.append(error)
            finally:
                done.set()

        self._post(wrapped)
        while not done.wait(0.2):
            if self._queue.closed:
                raise Cancelled("The program is closing; the result was not taken over.")
        if errors:
            raise errors[0]

    def _perform_task(self, task: _Task) -> None:
        result, error = None, None
        try:
            task.job.check()
            result = self._perform(self.check(task.call), task.call, task.origin, task.job)
        except BaseException as caught:  # every end is told to whoever asked
            error = caught
        self._end(task.job, result, error, task.on_done, task.on_error)

    def _end(
        self,
        job: Job,
        result: OperationResult | None,
        error: BaseException | None,
        on_done: OnDone | None,
        on_error: OnError | None,
    ) -> None:
        if error is not None and not isinstance(error, SpinalSamError):
            _log.error("'%s' failed", job.title, exc_info=error)
        job.finish(result, error)
        if error is None and on_done is not None and result is not None:
            self._tell(lambda: on_done(result))
        elif error is not None and on_error is not None:
            self._tell(lambda: on_error(error))

    def _tell(self, function: Callable[[], None]) -> None:
        """Run a caller's function on the main thread; its own mistakes must not end the worker."""
        if self._post is None or threading.get_ident() == self._main_thread:
            function()
        else:
            self._post(function)

    # The worker

    def _enqueue(self, task: _Task) -> None:
        replaced: list[_Task] = []
        with self._queue.changed:
            if self._queue.closed:
                replaced = [task]
            else:
                if task.operation.coalesce:
                    replaced = [old for old in self._queue.waiting if old.operation.name == task.operation.name]
                    self._queue.waiting = [old for old in self._queue.waiting if old not in replaced]
                self._queue.waiting.append(task)
                self._queue.changed.notify_all()
        for old in replaced:
            error = Cancelled(f"'{old.operation.spec.title}' was replaced by a newer call.")
            self._end(old.job, None, error, old.on_done, old.on_error)
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="spinalsam-worker", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        stand_back()
        while True:
            with self._queue.changed:
                self._queue.changed.wait_for(lambda: self._queue.closed or bool(self._queue.waiting))
                if self._queue.closed:
                    left, self._queue.waiting = self._queue.waiting, []
                    break
                task = self._queue.running = self._queue.waiting.pop(0)
            self._announce()
            try:
                self._perform_task(task)
            except Exception:  # a listener's mistake; the worker has to live on
                _log.exception("a callback of '%s' failed", task.job.title)
            with self._queue.changed:
                self._queue.running = None
                self._queue.changed.notify_all()
            self._announce()
        for task in left:
            self._end(task.job, None, Cancelled("The case was closed before this began."), task.on_done, task.on_error)

    def _announce(self) -> None:
        self._tell(lambda: self.workspace.notify(Change(frozenset({"job"}))))

    def _wait_for_jobs(self, operation: Operation) -> None:
        if not self.busy or threading.current_thread() is self._worker:
            return
        if self._post is not None and threading.get_ident() == self._main_thread:
            running = self.jobs[0].title if self.jobs else "another job"
            raise RequirementError(f"'{operation.spec.title}' has to wait: '{running}' is under way; wait for it or stop it.")
        self.wait()


def _recorded(call: OperationCall, result: OperationResult) -> OperationCall:
    """The call with the arguments that reproduce its effect."""
    if result.replay_args is None:
        return call
    resolved = replace(call, args=dict(result.replay_args))
    if "case" not in result.changes:
        # A line that could not be read again would make the whole journal unreadable: rather refuse the step. A case that is
        # opened begins a journal of its own, whose first line is no call.
        validate_call(resolved, SPECS)
    return resolved


def _stopped(error: SpinalSamError, calls: Sequence[OperationCall], number: int) -> SpinalSamError:
    """The error of call `number`, of the same type, with what was and what was not done."""
    titles = [find(call.op).spec.title for call in calls]
    if len(calls) == 1:
        return error
    done = f" Done: {', '.join(titles[:number])}." if number else " Nothing was done before it."
    left = f" Not done: {', '.join(titles[number:])}."
    told = type(error)(f"{error}{done}{left}")
    vars(told).update(vars(error))  # the remedy
    return told


class _Sequence:
    """Calls of one sentence on their way: each is submitted when the one before it has ended."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        calls: list[OperationCall],
        origin: str,
        job: Job,
        on_each: Callable[[OperationCall, OperationResult], None] | None,
        on_done: Callable[[list[OperationResult]], None] | None,
        on_error: OnError | None,
    ) -> None:
        self.dispatcher = dispatcher
        self.calls = calls
        self.origin = origin
        self.job = job
        self.results: list[OperationResult] = []
        self._on_each, self._on_done, self._on_error = on_each, on_done, on_error

    def start(self) -> Job:
        try:
            for call in self.calls:
                validate_call(call, SPECS)
        except SpinalSamError as error:
            self._fail(error)
            return self.job
        self._next()
        return self.job

    def _next(self) -> None:
        number = len(self.results)
        if number == len(self.calls):
            self.job.finish(self.results)
            if self._on_done is not None:
                self._on_done(self.results)
            return
        if self.job.cancelled:
            self._failed(Cancelled("The sequence was stopped."))
            return
        step = self.dispatcher.submit(self.calls[number], origin=self.origin, on_done=self._one_done, on_error=self._failed)
        self.job.on_cancel(step.cancel)

    def _one_done(self, result: OperationResult) -> None:
        call = self.calls[len(self.results)]
        self.results.append(result)
        if self._on_each is not None:
            self._on_each(call, result)
        self._next()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, SpinalSamError):
            error = _stopped(error, self.calls, len(self.results))
        self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.job.finish(self.results, error)
        if self._on_error is not None:
            self._on_error(error)

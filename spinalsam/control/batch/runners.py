"""Who does the cases: this process, one after another, or the workers of a dask cluster. Both hand back a record for every case.

A cluster's worker that dies loses nothing: its case goes to another one. No more cases are handed out than there are workers, so that
only the case that was at work is suspected when a worker dies.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from spinalsam.control.batch.work import MOST_TRIES, UNREACHABLE, Task, failed, keep, segment_case
from spinalsam.errors import InputError, ResourceError, UsageError

Record = dict[str, Any]
Work = Callable[[Task], Record]
Say = Callable[[str], None]
_T = TypeVar("_T")

# What one worker may need: a case of 512 x 512 x 600 voxels took 1.8 GB (docs/BATCH.md).
WORKER_BYTES = 3 << 30
PATIENCE_S = 60.0  # without a worker, after which that is said
CONNECT_S = 20.0
SILENCE_S = 120.0  # without an answer of the scheduler, after which the batch ends
CLOSE_S = 10.0
POLL_S = 0.05
_ADDRESS = re.compile(r"(?:(?:tcp|tls|ws|wss)://)?(?P<host>\[[0-9a-fA-F:.]+\]|[\w.-]+):(?P<port>\d{1,5})", re.IGNORECASE)


class Runner(Protocol):
    """Does tasks in any order and yields their records as they come; `close` leaves no process behind."""

    @property
    def workers(self) -> int: ...

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Record]]: ...

    def close(self) -> None: ...


class PlainRunner:
    """One case after another in this process."""

    workers = 1

    def __init__(self, work: Work = segment_case) -> None:
        self._work = work

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Record]]:
        for task in tasks:
            yield task, self._work(task)

    def close(self) -> None:
        pass


@dataclass
class _Flight:
    """A case at a cluster. avoid: addresses of workers that cannot see it."""

    task: Task
    avoid: set[str] = field(default_factory=set)


class DaskRunner:
    """The workers of a cluster. work: an importable function, which every worker runs."""

    def __init__(self, client: Any, cluster: Any = None, *, work: Work = segment_case, say: Say = lambda text: None) -> None:
        self._client, self._cluster, self._work, self._say = client, cluster, work, say
        self._blind: set[str] = set()
        self._flying: dict[Any, _Flight] = {}
        self._known: list[str] = []
        self._asked = 0.0
        self._silent = False

    @property
    def workers(self) -> int:
        return len(self._addresses())

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Record]]:
        waiting = [_Flight(task) for task in reversed(tasks)]
        idle_since = time.monotonic()
        told = False
        while waiting or self._flying:
            while waiting and len(self._flying) < self.workers:
                self._submit(waiting.pop())
            landed = self._landed()
            if landed or self.workers:
                idle_since, told = time.monotonic(), False
            elif not told and time.monotonic() - idle_since > PATIENCE_S:
                self._say("No worker is left; waiting for one to join. Ctrl+C stops, and a later run goes on.")
                told = True
            for future in landed:
                flight = self._flying.pop(future)
                record = self._result(future, flight)
                if record is None:
                    waiting.append(flight)
                else:
                    yield flight.task, record

    def close(self) -> None:
        """Stop what is at work. Cases that were begun count as not begun."""
        from spinalsam.control.batch import records

        flights = list(self._flying.values())
        with contextlib.suppress(Exception):  # a cluster that is gone already
            _within(1.0 if self._silent else CLOSE_S, lambda: self._client.cancel(list(self._flying), force=True))
        self._flying.clear()
        with contextlib.suppress(Exception):
            _within(CLOSE_S, lambda: self._client.close(timeout=5))
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=10)
        for flight in flights:
            with contextlib.suppress(OSError):
                records.forget_tries(flight.task.folder)

    def _answer(self, ask: Callable[[], _T]) -> _T:
        """What the scheduler says to a question. Raises ResourceError where it stays silent."""
        try:
            return _within(SILENCE_S, ask)
        except FutureTimeout:
            self._silent = True
            raise ResourceError(
                f"The scheduler has not answered for {SILENCE_S:.0f} s (has it stopped, or is the network down?); no case is lost: run the "
                "same command again once it answers."
            ) from None

    def _addresses(self) -> list[str]:
        if time.monotonic() - self._asked > 0.5:
            self._known = list(self._answer(lambda: self._client.scheduler_info(n_workers=-1))["workers"])
            self._asked = time.monotonic()
        return [address for address in self._known if address not in self._blind]

    def _submit(self, flight: _Flight) -> None:
        avoid = flight.avoid | self._blind
        chosen = [address for address in self._addresses() if address not in avoid] if avoid else None
        key = f"{flight.task.case.id}-{os.urandom(4).hex()}"
        future = self._client.submit(self._work, flight.task, key=key, pure=False, workers=chosen or None, allow_other_workers=False)
        self._flying[future] = flight

    def _landed(self) -> list[Any]:
        """Cases that have come back, after a short wait where none has."""
        landed = [future for future in self._flying if future.done()]
        if not landed:
            time.sleep(POLL_S)
        return landed

    def _result(self, future: Any, flight: _Flight) -> Record | None:
        """The record of a case, or None when it must be given to another worker."""
        from distributed import KilledWorker

        try:
            record = self._answer(future.result)
        except ResourceError:
            raise
        except KilledWorker:
            reason = f"It ended {MOST_TRIES} workers, most likely by taking more memory than they have."
            return keep(flight.task, failed(flight.task, reason, ResourceError.exit_code))
        except Exception as error:  # what dask raises for a cluster that is gone, or a worker without the program
            if self._client.status != "running":
                raise ResourceError(f"The cluster is gone ({' '.join(str(error).split())}); a later run goes on.") from None
            reason = f"The worker could not do it ({type(error).__name__}: {' '.join(str(error).split())})."
            return keep(flight.task, failed(flight.task, reason, InputError.exit_code))
        if record["status"] != UNREACHABLE:
            return dict(record)
        return self._elsewhere(record, flight)

    def _elsewhere(self, record: Record, flight: _Flight) -> Record | None:
        """A case whose worker cannot see its files: another worker gets it, as long as there is one."""
        address = record.get("worker", "")
        if address and address not in self._blind:
            self._blind.add(address)
            self._say(f"{record['reason']} It gets no more cases.")
        if self._addresses():
            return None
        return keep(flight.task, failed(flight.task, record["reason"], InputError.exit_code))


def _within(seconds: float, work: Callable[[], _T]) -> _T:
    """The result of work that may wait without end; then its thread is left behind. Raises TimeoutError, or what the work raises."""
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # handed to who waits
            done.set_exception(error)

    threading.Thread(target=run, name="scheduler", daemon=True).start()
    return done.result(seconds)


def has_dask() -> bool:
    """Whether dask.distributed is installed."""
    import importlib.util

    return importlib.util.find_spec("distributed") is not None


def make_runner(cases: int, *, scheduler: str | None, workers: int | None, work: Work = segment_case, say: Say) -> Runner:
    """The runner that the arguments and this machine call for.

    Raises UsageError when dask is asked for and not installed, ResourceError when no scheduler answers or no worker can be started.
    """
    if scheduler is None and workers == 0:
        return PlainRunner(work)
    if not has_dask():
        if scheduler is not None or workers not in (None, 1):
            raise UsageError("Several workers need dask, which is not installed; run: pip install 'spinalsam[batch]'.")
        return PlainRunner(work)
    if scheduler is not None:
        return _join(scheduler, work, say)
    return _start(min(cases, workers or _fitting_workers()), work, say)


def _fitting_workers() -> int:
    """As many workers as there are cores, and as fit into the memory that is free."""
    from spinalsam.data.formats.limits import available_memory_bytes

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = available_memory_bytes() or WORKER_BYTES
    return max(1, min(cores, free // WORKER_BYTES))


def host_and_port(address: str) -> tuple[str, int]:
    """Where a scheduler's address leads. Raises UsageError when it has not the form host:port or scheme://host:port."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise UsageError(f"--scheduler takes host:port or tcp://host:port, such as tcp://127.0.0.1:8786, not '{address}'.")
    return found["host"].strip("[]"), int(found["port"])


def _join(address: str, work: Work, say: Say) -> DaskRunner:
    """Workers that somebody has started. Raises UsageError for no address, ResourceError when nobody answers there or has no workers."""
    client = _client(address)
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        client.close(timeout=5)
        raise ResourceError(f"The scheduler at '{address}' has no workers; start some with 'dask worker {address} --nthreads 1'.") from None
    return DaskRunner(client, work=work, say=say)


def _client(address: str) -> Any:
    """A client of the scheduler at an address. Raises as `_join`."""
    from distributed import Client

    try:
        # Dask knocks for as long as it may where nobody listens, and waits without end for the greeting of what is no scheduler.
        socket.create_connection(host_and_port(address), timeout=CONNECT_S / 4).close()
        return _within(CONNECT_S, lambda: Client(address, timeout=CONNECT_S, set_as_default=False))
    except (OSError, TimeoutError, FutureTimeout, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or "what listens there is none"
        raise ResourceError(f"No scheduler answers at '{address}' ({reason}); start one with 'dask scheduler'.") from None


def _start(count: int, work: Work, say: Say) -> DaskRunner:
    """Worker processes of our own, which nobody else on this machine or beyond can talk to."""
    import dask
    from distributed import Client, LocalCluster

    from spinalsam.data.formats.limits import available_memory_bytes

    cores = os.cpu_count() or 1
    threads = str(max(1, cores // count))
    free = available_memory_bytes()
    spawned = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    settings = {
        "distributed.scheduler.allowed-failures": MOST_TRIES - 1,
        "distributed.nanny.pre-spawn-environ": {**dask.config.get("distributed.nanny.pre-spawn-environ", {}), **spawned},
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.95,
    }
    with dask.config.set(settings):
        try:
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                memory_limit=max(1 << 30, int(0.95 * free / count)) if free else 0,
                dashboard_address=None,
                worker_dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                security=_own_keys(),
                silence_logs=50,
            )
            client = Client(cluster, set_as_default=False)
        except (OSError, RuntimeError, TimeoutError) as error:
            raise ResourceError(f"The workers could not be started ({' '.join(str(error).split())}); try --workers 0.") from None
    return DaskRunner(client, cluster, work=work, say=say)


def _own_keys() -> Any:
    """Keys for this cluster alone, so that other users of the machine cannot send it work; None where keys cannot be made."""
    try:
        from distributed.security import Security

        return Security.temporary()
    except ImportError:
        return None

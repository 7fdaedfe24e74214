"""A batch from beginning to end: which cases are left to do, who does them, and a summary that is true at every moment."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinalsam.control.batch import records
from spinalsam.control.batch.cases import BatchCase, find_cases, signature
from spinalsam.control.batch.records import DONE, FAILED, Recipe
from spinalsam.control.batch.runners import Runner, make_runner
from spinalsam.control.batch.summary import CSV, HTML, write_summaries
from spinalsam.control.batch.work import Task
from spinalsam.control.case_lock import CaseLock
from spinalsam.control.saying import check_sentences
from spinalsam.errors import InputError, OutputError
from spinalsam.settings import write_atomically
from spinalsam.support.paths import absolute

# The summary is written again when this much longer has passed than writing it takes, and at the end.
_PATIENCE, _LEAST_S = 20.0, 2.0
LOCK = ".batch"  # folder in the results that one batch holds at a time


@dataclass(frozen=True)
class Orders:
    """What a batch is asked to do. inputs: folders, files and lists. workers: how many processes; 0 for none, None for what fits.

    key: a file that says which case is which, or None.
    """

    inputs: Sequence[str]
    out: Path
    recipe: Recipe
    scheduler: str | None = None
    workers: int | None = None
    force: bool = False
    key: Path | None = None


class Audience:
    """Who is told how a batch goes on; this one listens to nothing."""

    def looking(self, share: float, text: str) -> None: ...
    def note(self, text: str) -> None: ...
    def begin(self, total: int, done: int, workers: int) -> None: ...
    def case(self, record: dict[str, Any]) -> None: ...
    def end(self) -> None: ...


@dataclass
class Outcome:
    """total: cases of this run. done_before: of them, those that were finished already. results: those of this run."""

    total: int = 0
    done_before: int = 0
    results: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.total - self.done_before - len(self.results)

    @property
    def exit_code(self) -> int:
        """0 when every case was done; else the gravest of what failed."""
        return max((record["code"] for record in self.failed), default=0)


def recipe_for(sentences: Sequence[str], *, model: str | None, device: str, resample: bool = False) -> Recipe:
    """What is to be done. Raises InputError or UsageError for sentences that ask for no mask, ModelError without the weights."""
    from spinalsam.control.batch.work import sentences_of
    from spinalsam.engine import cards

    said = sentences_of(sentences)
    check_sentences(said)
    card = cards.find_card(model)
    return Recipe(said, card.name, cards.checksum(card), cards.checksum(cards.locator_card()), device, resample)


def run_batch(orders: Orders, audience: Audience, *, outcome: Outcome | None = None, start: Callable[..., Runner] = make_runner) -> Outcome:
    """Do every case that is not done yet.

    outcome: filled in as the cases come, so that it is true after an interruption too. start: makes the runner.
    Raises InputError when there is no case, OutputError or ResourceError when results cannot be kept.
    """
    outcome = outcome if outcome is not None else Outcome()
    _check_key(orders)
    # Before the folder of the results is made: bad input leaves nothing behind.
    listing = find_cases(orders.inputs, orders.out, audience.looking)
    for sentence in listing.left_out:
        audience.note(sentence)
    fresh = not orders.out.exists()
    lock = _prepare(orders.out)
    try:
        if orders.scheduler is None:
            records.sweep(orders.out)
        if orders.key is not None:
            _write_key(orders.key, listing.cases)
        tasks = [_task(case, orders) for case in listing.cases]
        open_tasks = [task for task in tasks if orders.force or not _finished(task)]
        outcome.total, outcome.done_before = len(tasks), len(tasks) - len(open_tasks)
        _do(open_tasks, orders, audience, outcome, start)
    finally:
        lock.release()
        if fresh:
            _leave_nothing_empty(orders.out)
    return outcome


def _leave_nothing_empty(out: Path) -> None:
    """Take away a folder of results that holds nothing but the lock, as where no scheduler answered."""
    with contextlib.suppress(OSError):  # something lies in it, or somebody else has opened the lock
        if {entry.name for entry in os.scandir(out)} == {LOCK}:
            (out / LOCK / "lock").unlink()
            (out / LOCK).rmdir()
            out.rmdir()


def _do(tasks: Sequence[Task], orders: Orders, audience: Audience, outcome: Outcome, start: Callable[..., Runner]) -> None:
    board = _Board(orders.out)
    if not tasks:
        board.write()
        return
    runner = start(len(tasks), scheduler=orders.scheduler, workers=orders.workers, say=audience.note)
    audience.begin(outcome.total, outcome.done_before, runner.workers)
    try:
        for _, record in runner.run(tasks):
            outcome.results.append(record)
            if record["status"] == FAILED:
                outcome.failed.append(record)
            board.put(record)
            audience.case(record)
    finally:
        audience.end()
        try:
            runner.close()
        finally:
            board.write()


def _prepare(out: Path) -> CaseLock:
    """The folder of the results, and the lock on it. Raises OutputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = CaseLock.acquire(out / LOCK)
    except OSError as error:
        raise OutputError(f"The folder '{out}' cannot be written: {error.strerror or error}; choose another place.") from None
    if lock is None:
        raise OutputError(
            f"A batch is at work in '{out}' already ({CaseLock.holder(out / '.batch')}); wait for it, or choose another folder."
        )
    return lock


def _task(case: BatchCase, orders: Orders) -> Task:
    mark = signature(case)
    return Task(case, str(orders.out), orders.recipe, mark, force=orders.force, remote=orders.scheduler is not None)


def _finished(task: Task) -> bool:
    return records.is_finished(records.read_record(task.folder), task.folder, task.recipe, task.signature)


def _check_key(orders: Orders) -> None:
    """Raises InputError for a key among the results, which are given away."""
    if orders.key is not None and orders.out.absolute() in absolute(orders.key).parents:
        raise InputError(f"'{orders.key}' lies among the results, which are to name nobody; keep the key elsewhere.")


def _write_key(key: Path, cases: Sequence[BatchCase]) -> None:
    """Which case is which. Raises OutputError."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["case", "path", "files"])
    writer.writerows([case.id, case.source, len(case.paths)] for case in cases)
    write_atomically(absolute(key), text.getvalue().encode("utf-8-sig", "surrogateescape"))


class _Board:
    """The summary of everything that lies in the results, kept up to date without taking much of the time."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._records = {record["case"]: record for record in records.all_records(out)}
        self._written, self._took = 0.0, 0.0

    def put(self, record: dict[str, Any]) -> None:
        self._records[record["case"]] = record
        if time.monotonic() - self._written > max(_LEAST_S, _PATIENCE * self._took):
            self.write()

    def write(self) -> None:
        started = time.monotonic()
        write_summaries([self._records[name] for name in sorted(self._records)], self._out)
        self._written = time.monotonic()
        self._took = self._written - started


def document(outcome: Outcome, out: Path) -> dict[str, Any]:
    """What `--json` prints."""
    statuses = Counter(record["status"] for record in outcome.results)
    return {
        "output": str(out),
        "summary": {"csv": str(out / CSV), "html": str(out / HTML)},
        "cases": outcome.total,
        "done_before": outcome.done_before,
        "done": statuses[DONE],
        "nothing_found": statuses[records.NOTHING],
        "failed": statuses[FAILED],
        "left": outcome.left,
        "results": [
            {name: record[name] for name in ("case", "status", "flags", "reason", "seconds")}
            | {"vertebrae": [row["name"] for row in record["vertebrae"]]}
            for record in outcome.results
        ],
    }

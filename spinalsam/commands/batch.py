"""`spinalsam segment FOLDER... -o FOLDER --say TEXT`: many cases, one sentence, a summary. Part of `segment`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.commands.output import note, print_result, progress
from spinalsam.control.batch.run import Audience, Outcome
from spinalsam.control.batch.runners import host_and_port
from spinalsam.errors import UsageError
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from rich.progress import Progress

# Options of a single image, which mean nothing for many.
_SINGLE = ("point", "box", "label", "prompts", "series")
_OWN = ("scheduler", "workers", "force", "key")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that belong to many cases."""
    many = parser.add_argument_group("many cases", "With a folder for -o, IMAGE is any number of folders, files and lists (docs/BATCH.md).")
    many.add_argument("--scheduler", metavar="ADDRESS", help="workers of a dask cluster, such as tcp://host:8786; a local one by default")
    many.add_argument("--workers", type=int, metavar="N", help="processes of the local cluster (default: what fits; 0: none)")
    many.add_argument("--force", action="store_true", help="do every case again, finished or not")
    many.add_argument("--key", metavar="FILE", help="write which case is which; holds the images' paths")


def is_batch(options: argparse.Namespace) -> bool:
    """Whether the arguments ask for many cases: -o names a folder, and no prompt belongs to one image."""
    from spinalsam.data.formats.masks import format_of

    out = Path(options.out)
    if any(getattr(options, name) for name in _OWN) or options.workers == 0 or len(options.image) > 1:
        return True
    if any(getattr(options, name) for name in _SINGLE):
        return False
    named = options.out.endswith(("/", "\\")) or out.is_dir() or not out.suffix
    return bool(options.say) and named and format_of(out) is None


def run(options: argparse.Namespace) -> int:
    """Do the batch. Returns its exit code: 0, or the gravest of the cases that failed."""
    from spinalsam.control.batch.run import Orders, document, recipe_for, run_batch
    from spinalsam.settings import Settings

    _check(options)
    settings = Settings.load()
    out = absolute(options.out)
    model, device = options.model or settings.model, options.device or settings.device
    recipe = recipe_for(options.say, model=model, device=device, resample=options.resample)
    key = Path(options.key) if options.key else None
    orders = Orders(options.image, out, recipe, options.scheduler, options.workers, options.force, key)
    outcome = Outcome()
    try:
        run_batch(orders, _Screen(), outcome=outcome)
    except KeyboardInterrupt as stop:
        code = stop.args[0] if stop.args else 130
        hint = f"{outcome.total - outcome.left} of {outcome.total} cases are done" if outcome.total else "no case was begun"
        raise KeyboardInterrupt(code, f"stopped; {hint}, and the same command goes on from there") from None
    print_result(options, document(outcome, out), lambda: _text(outcome, out))
    return outcome.exit_code


def _check(options: argparse.Namespace) -> None:
    for name in _SINGLE:
        if getattr(options, name):
            raise UsageError(f"--{name} belongs to one image; for many cases say what to do with --say.")
    if options.alone:
        raise UsageError("--alone belongs to prompts on one image; for many cases say what to do with --say.")
    if options.propagate:
        raise UsageError("--propagate belongs to prompts on one image; for many cases say what to do with --say.")
    if not options.say:
        raise UsageError("Nothing says what to do with the cases; give a sentence, such as --say 'segment the spine'.")
    if options.workers is not None and options.workers < 0:
        raise UsageError(f"--workers takes a whole number from 0 on, not {options.workers}.")
    if options.scheduler is not None and options.workers is not None:
        raise UsageError("--workers starts processes on this machine and --scheduler uses those of a cluster; give one of them.")
    if options.scheduler is not None:
        host_and_port(options.scheduler)
    if not options.out:
        raise UsageError("-o is empty; name the folder of the results.")
    out = Path(options.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"'{out}' is a file; many cases need a folder for -o.")


def _text(outcome: Outcome, out: Path) -> str:
    doubtful = sum(bool(record["flags"]) for record in outcome.results) - len(outcome.failed)
    parts = [f"{len(outcome.results) - len(outcome.failed)} of {outcome.total} cases done now"]
    parts += [f"{outcome.done_before} were done before"] if outcome.done_before else []
    parts += [f"{doubtful} to look at"] if doubtful else []
    parts += [f"{len(outcome.failed)} failed (a second run tries them again)"] if outcome.failed else []
    return f"{', '.join(parts)}: {out / 'summary.html'}"


class _Screen(Audience):
    """Progress on standard error: a bar with the time left on a terminal, else a line a case."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._bar_task: Any = None
        self._total = self._count = 0

    def looking(self, share: float, text: str) -> None:
        progress(share, text)

    def note(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(f"note: {text}", markup=False, highlight=False)
        else:
            note(f"note: {text}")

    def begin(self, total: int, done: int, workers: int) -> None:
        from rich import progress as bars
        from rich.console import Console

        self._total, self._count = total, done
        note(f"{total - done} of {total} cases to do, {workers} at a time.")
        if not sys.stderr.isatty():
            return
        shown = (
            bars.SpinnerColumn(),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.description}"),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left"),
            bars.TimeRemainingColumn(),
        )
        # The time left is told from the last hour's cases, since one takes from seconds to minutes.
        self._bar = bars.Progress(*shown, console=Console(stderr=True), speed_estimate_period=3600)
        self._bar_task = self._bar.add_task("cases", total=total, completed=done)
        self._bar.start()

    def case(self, record: dict[str, Any]) -> None:
        self._count += 1
        line = f"{self._count}/{self._total} {record['case']}: {_line(record)}"
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
            self._bar.advance(self._bar_task)
        else:
            note(line)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _line(record: dict[str, Any]) -> str:
    if record["reason"]:
        return f"{record['status']}: {record['reason']}"
    names = [row["name"] for row in record["vertebrae"]]
    found = f"{names[0]} to {names[-1]}" if len(names) > 1 else "".join(names)
    flags = f" [{', '.join(record['flags'])}]" if record["flags"] else ""
    return f"{found}{flags}, {record['seconds']:.1f} s"

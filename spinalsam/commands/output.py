"""What commands say: the result on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

OUT_HELP = "the mask: .nii.gz, .nii, .nrrd, .seg.nrrd, .mha, .dcm, .rtstruct.dcm, .png, .stl, .obj or .ply"

_held: list[list[str]] = []


def add_json(parser: argparse.ArgumentParser) -> None:
    """The `--json` option."""
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else on standard output")


def add_series(parser: argparse.ArgumentParser) -> None:
    """What says how a DICOM folder is opened: `--series` and `--resample`."""
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder")
    parser.add_argument("--resample", action="store_true", help="bring DICOM slices that are unevenly spaced onto an even grid")


def print_result(options: argparse.Namespace, document: Any, text: Callable[[], str]) -> None:
    """Print the document with `--json`, else what `text()` says for people."""
    if options.json:
        print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(text())


def note(text: str) -> None:
    """A line about what is going on, for a person who waits."""
    if _held:
        _held[-1].append(text)
    else:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def notes_on_success() -> Iterator[None]:
    """Keep notes back until the work has succeeded, since a failure is one line and nothing else."""
    notes: list[str] = []
    _held.append(notes)
    try:
        yield
    finally:
        _held.pop()
    for text in notes:
        note(text)


def progress(fraction: float, message: str) -> None:
    """One line that changes in place, on a terminal only."""
    if sys.stderr.isatty():
        end = "\n" if fraction >= 1 else ""
        print(f"\r\x1b[K{message} {fraction:4.0%}", end=end, file=sys.stderr, flush=True)


def table(title: str, columns: list[str], rows: list[list[str]]) -> str:
    """A table for a terminal."""
    import io

    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        drawn.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        drawn.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=110).print(drawn)
    return text.getvalue().rstrip("\n")


def figure(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"

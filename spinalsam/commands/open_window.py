"""`spinalsam` and `spinalsam open PATH`: the workstation."""

from __future__ import annotations

import argparse
from pathlib import Path

from spinalsam.errors import InputError, UsageError

NAME = "open"
HELP = "Open the workstation, on a case if one is named."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", nargs="?", help="what to open; sample:phantom is the sample case")


def run(options: argparse.Namespace) -> int:
    return show(options.path)


def show(path: str | None, *, mask: Path | None = None) -> int:
    """Open the window and wait until it is closed. Raises UsageError where no window can be opened."""
    if path and not path.startswith("sample:") and not Path(path).exists():
        raise InputError(f"'{path}' does not exist; check the path.")
    from spinalsam.commands.samples import SAMPLES

    try:
        from spinalsam.ui import app
    except ImportError as error:
        raise UsageError(f"The window needs PyQt5, which cannot be loaded ({error}); every other command works without it.") from None
    return app.run(path, samples=SAMPLES, mask=mask)

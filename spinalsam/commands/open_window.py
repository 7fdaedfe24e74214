"""`spinalsam` and `spinalsam open PATH`: the workstation."""

from __future__ import annotations

import argparse
import os
import sys
from functools import cache
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
    missing = missing_display()
    if missing:
        raise UsageError(f"No window can be opened: {missing}. Every other command works without one.")
    from spinalsam.commands.samples import SAMPLES

    try:
        from spinalsam.ui import app
    except ImportError as error:
        raise UsageError(f"The window needs PyQt5, which cannot be loaded ({error}); every other command works without it.") from None
    return app.run(path, samples=SAMPLES, mask=mask)


def missing_display() -> str:
    """Why no window can be opened here, or nothing. Qt would end the whole program without a word that helps."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "xcb").partition(":")[0] != "xcb":
        return ""
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    name = os.environ.get("DISPLAY")
    if not name:
        return "there is no display (DISPLAY is not set)"
    return "" if _answers(name) else f"the display '{name}' does not answer"


@cache
def _answers(name: str) -> bool:
    """Whether an X server lets this program in; what cannot be tried is left to Qt.

    The connection stays open: some servers restart when their last client goes, and would not be there for Qt a moment later.
    """
    import ctypes

    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(name.encode(), None))
    return not xcb.xcb_connection_has_error(connection)

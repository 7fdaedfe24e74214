"""The command line: `spinalsam COMMAND`, and the one place where an error becomes a line and an exit code.

Every command is a module of `spinalsam.commands`; its heavy imports happen when it runs, so that help, `parse` and mistakes in the
arguments answer at once, and only `open` (and `demo` with a display) ever import Qt.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from spinalsam import __version__
from spinalsam.commands import (
    benchmark,
    demo,
    devices,
    evaluate,
    info,
    models,
    open_window,
    parse,
    precompute,
    replay,
    segment,
    train,
)
from spinalsam.errors import ResourceError, SpinalSamError, UsageError, is_disk_full

COMMANDS = (demo, open_window, segment, parse, evaluate, models, devices, train, benchmark, info, precompute, replay)

_WITH_WINDOW = ("open", "demo")
# Options whose value may begin with a minus sign, as in `--point -1,2,3`.
_NUMBER_OPTIONS = ("--point", "--box")


class _Parser(argparse.ArgumentParser):
    """argparse with one-line errors that this module reports like every other error."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see '{self.prog} --help'.")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(prog="spinalsam", description="Vertebrae in CT, segmented by points, boxes and sentences. Research use only.")
    parser.add_argument("--version", action="version", version=f"SpinalSAM {__version__}")
    parser.set_defaults(debug=False, json=False)
    shared = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", parser_class=_Parser)
    for command in COMMANDS:
        sub = commands.add_parser(command.NAME, help=command.HELP, description=command.HELP, parents=[shared])
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 0 done, 2 usage, 3 bad input, 4 model, 5 out of memory or disk."""
    words = _join_numbers(sys.argv[1:] if arguments is None else list(arguments))
    debug = "--debug" in words
    try:
        options = build_parser().parse_args(words or ["open"])
        if options.command is None:
            options = build_parser().parse_args([*words, "open"])
        with _cleaning_up_when_terminated(options.command), warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")  # of libraries, about files on which the error message has the last word
            code = options.run(options)
        sys.stdout.flush()
        return int(code or 0)
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except KeyboardInterrupt as stop:
        code, said = _stopped(stop)
        return _fail(said, code, debug=debug)
    except BrokenPipeError:
        # Whoever read the output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except BaseException as error:  # every failure becomes one line here and nowhere else
        known = as_known(error)
        if known is None:
            return _fail(
                f"something unexpected happened ({type(error).__name__}: {_one_line(error)}); repeat it with --debug "
                "and report what it prints",
                1,
                debug=debug,
            )
        return _fail(_one_line(known), known.exit_code, debug=debug)


@contextmanager
def _cleaning_up_when_terminated(command: str) -> Iterator[None]:
    """A polite kill ends a command as Ctrl-C does, so that files that are half written are taken away.

    Not in the window, whose journal is whole at every moment, and whose event loop bears no exception.
    """

    def stop(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt(128 + signal.SIGTERM)

    if command in _WITH_WINDOW or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stopped(stop: KeyboardInterrupt) -> tuple[int, str]:
    """The exit code and the line of a command that was stopped; a command may have put its own into the exception."""
    given = stop.args
    code = given[0] if given and isinstance(given[0], int) else 130
    return code, str(given[1]) if len(given) > 1 else "stopped; no partial file is left"


def as_known(error: BaseException) -> SpinalSamError | None:
    """The error as one that a user can act on, or None for a bug."""
    if isinstance(error, SpinalSamError):
        return error
    from spinalsam.device.manager import is_out_of_memory

    if is_out_of_memory(error):
        return ResourceError("The memory is full; close other programs, or use a smaller image or model.")
    if is_disk_full(error):
        name = getattr(error, "filename", None)
        where = f" while writing '{name}'" if name else ""
        return ResourceError(f"The disk is full{where}; free some space and try again. Nothing partial is left.")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        from spinalsam.support.paths import too_long

        return too_long(error.filename or "")
    return None


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    start = "\r\x1b[K" if sys.stderr.isatty() else ""  # over a line of progress
    print(f"{start}spinalsam: {message}", file=sys.stderr)
    return code


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _join_numbers(words: list[str]) -> list[str]:
    """``--point -1,2,3`` as ``--point=-1,2,3``, which argparse does not take for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in _NUMBER_OPTIONS and re.match(r"-[\d.,]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined

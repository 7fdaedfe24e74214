"""`spinalsam parse TEXT`: how a sentence is understood. It runs nothing, and starts quickly: neither torch nor Qt is imported."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from spinalsam.commands.output import add_json
from spinalsam.errors import SpinalSamError, UsageError

NAME = "parse"
HELP = "How a sentence is understood, as JSON."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", nargs="?", help="one sentence")
    parser.add_argument("--jsonl", action="store_true", help='read {"text": "..."} lines from standard input, write one line for each')
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    if options.jsonl == (options.text is not None):
        raise UsageError("Give either one sentence or --jsonl; see 'spinalsam parse --help'.")
    if not options.jsonl:
        _write(understood(options.text))
        return
    for answer in answers(sys.stdin.buffer):
        _write(answer)


def understood(text: str) -> dict[str, Any]:
    """The wire format of OPERATIONS: text, calls, source, ms."""
    from spinalsam.control.operations import SPOKEN_SPECS
    from spinalsam.language import parse

    started = time.perf_counter()
    parsed = parse(text, SPOKEN_SPECS)
    took_ms = (time.perf_counter() - started) * 1000
    return {"text": text, "calls": [call.to_json() for call in parsed.calls], "source": parsed.source, "ms": round(took_ms, 3)}


def answers(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """One answer a line; a line that cannot be read gives `{"error": ...}`, and the stream goes on. Empty lines are passed over."""
    for raw in lines:
        if raw.strip():
            yield _answer(raw)


def _answer(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw.decode("utf-8-sig"))
    except RecursionError:
        return {"error": "The line is nested too deeply."}
    except ValueError:
        return {"error": 'The line is not JSON in UTF-8; write {"text": "..."}.'}
    if not isinstance(line, dict) or not isinstance(line.get("text"), str):
        return {"error": 'The line has no "text"; write {"text": "..."}.'}
    try:
        return understood(line["text"])
    except SpinalSamError as error:
        return {"text": line["text"], "error": str(error)}


def _write(answer: dict[str, Any]) -> None:
    try:
        line = json.dumps(answer, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry and UTF-8 cannot
        line = json.dumps(answer).encode()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()

"""`spinalsam parse TEXT`: how a sentence is understood. It runs nothing, and starts quickly: neither torch nor Qt is imported."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.commands.output import add_json
from spinalsam.errors import SpinalSamError, UsageError
from spinalsam.settings import LANGUAGE_MODES, Settings

if TYPE_CHECKING:
    from spinalsam.language.reader import Reader

NAME = "parse"
HELP = "How a sentence is understood, as JSON."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", nargs="?", help="one sentence")
    parser.add_argument("--jsonl", action="store_true", help='read {"text": "..."} lines from standard input, write one line for each')
    parser.add_argument("--mode", choices=LANGUAGE_MODES, help="offline only, a language model first, or offline first (default: settings)")
    parser.add_argument("--endpoint", metavar="URL", help="OpenAI-compatible address to ask, such as http://127.0.0.1:11434/v1")
    parser.add_argument("--model", metavar="NAME", help="the language model's name there")
    parser.add_argument("--timeout", type=int, metavar="S", help="seconds for a model's whole answer")
    parser.add_argument(
        "--benchmark",
        metavar="FILE",
        nargs="+",
        help="read labelled sentences (JSON Lines) and print how many are understood, as Markdown or JSON",
    )
    parser.add_argument(
        "--learn",
        metavar="FILE",
        nargs="+",
        help="learn from labelled sentences what commands look like and what does not, and write it into --out",
    )
    parser.add_argument("--kept-apart", metavar="FILE", nargs="+", default=[], help="labelled sentences that --learn must not learn from")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path(), help="folder for what --learn finds (default: the current one)")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    if options.learn:
        _learn(options.learn, options.kept_apart, options.out)
        return
    if options.benchmark:
        _benchmark(options.benchmark, _reader(_settings(options)), as_json=options.json)
        return
    if options.jsonl == (options.text is not None):
        raise UsageError("Give either one sentence or --jsonl; see 'spinalsam parse --help'.")
    reader = _reader(_settings(options))
    if not options.jsonl:
        _write(understood(options.text, reader))
        return
    for answer in answers(sys.stdin.buffer, reader):
        _write(answer)


def _reader(settings: Settings) -> Reader:
    from spinalsam.language.reader import Reader

    return Reader(settings)


def _settings(options: argparse.Namespace) -> Settings:
    """The saved settings with what the command line says. An endpoint alone means that it is asked."""
    chosen = {
        "language_mode": options.mode or ("deepseek" if options.endpoint else None),
        "language_endpoint": options.endpoint,
        "language_model": options.model,
        "language_timeout_s": options.timeout,
    }
    return Settings.load().with_changes(**{name: value for name, value in chosen.items() if value is not None})


def _benchmark(files: list[str], reader: Reader, *, as_json: bool) -> None:
    from spinalsam.control.operations import SPOKEN_SPECS
    from spinalsam.language.benchmark import as_markdown, read_sentences, score

    def calls_of(text: str) -> list[dict[str, Any]]:
        return [call.to_json() for call in reader.read(text, SPOKEN_SPECS).calls]

    calls_of("add a point")  # the lexicon is built with the first sentence
    scores = {Path(name).name: score(read_sentences(Path(name)), calls_of) for name in files}
    if as_json:
        print(json.dumps({name: found.to_json() for name, found in scores.items()}, ensure_ascii=False))
    else:
        print(as_markdown(scores), end="")


def _learn(files: list[str], kept_apart: list[str], folder: Path) -> None:
    from spinalsam.language.benchmark import read_sentences
    from spinalsam.language.learning import as_markdown, learn

    apart = {sentence.text.lower() for name in kept_apart for sentence in read_sentences(Path(name))}
    sentences = [sentence for name in files for sentence in read_sentences(Path(name)) if sentence.text.lower() not in apart]
    learned = [learn(sentences, language) for language in ("en", "zh")]
    for one in learned:
        one.write(folder)
    print(as_markdown(learned), end="")


def understood(text: str, reader: Reader | None = None) -> dict[str, Any]:
    """The wire format of OPERATIONS: text, calls, source, ms; with a language model also its answer, or why it was not the one who read."""
    from spinalsam.control.operations import SPOKEN_SPECS

    started = time.perf_counter()
    parsed = (reader or _reader(Settings.load())).read(text, SPOKEN_SPECS)
    took_ms = (time.perf_counter() - started) * 1000
    return replace(parsed, ms=took_ms).to_json(text)


def answers(lines: Iterable[bytes], reader: Reader | None = None) -> Iterator[dict[str, Any]]:
    """One answer a line; a line that cannot be read gives `{"error": ...}`, and the stream goes on. Empty lines are passed over."""
    for raw in lines:
        if raw.strip():
            yield _answer(raw, reader)


def _answer(raw: bytes, reader: Reader | None) -> dict[str, Any]:
    try:
        line = json.loads(raw.decode("utf-8-sig"))
    except RecursionError:
        return {"error": "The line is nested too deeply."}
    except ValueError:
        return {"error": 'The line is not JSON in UTF-8; write {"text": "..."}.'}
    if not isinstance(line, dict) or not isinstance(line.get("text"), str):
        return {"error": 'The line has no "text"; write {"text": "..."}.'}
    try:
        return understood(line["text"], reader)
    except SpinalSamError as error:
        return {"text": line["text"], "error": str(error)}
    except Exception as error:  # a fault of ours in one sentence must not take the others' answers away
        return {"text": line["text"], "error": f"The sentence could not be read ({type(error).__name__}: {error}); please report it."}


def _write(answer: dict[str, Any]) -> None:
    try:
        line = json.dumps(answer, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry and UTF-8 cannot
        line = json.dumps(answer).encode()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()

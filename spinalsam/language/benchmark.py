"""How well sentences are understood: accuracy with confidence intervals by operation, kind and language, refusals and time.

A file holds JSON Lines: `{"id", "text", "lang", "kind", "accept": [[call, ...], ...]}`. A sentence counts as right where the calls equal
one of the accepted lists exactly. Kind `nothing` (and any sentence that accepts the empty list) must be left alone.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinalsam.errors import UsageError

Calls = list[dict[str, Any]]
Reader = Callable[[str], Calls]


@dataclass(frozen=True)
class Sentence:
    """One sentence with the lists of calls that are right for it."""

    name: str
    text: str
    language: str
    kind: str
    accept: tuple[Calls, ...]

    @property
    def asks_nothing(self) -> bool:
        return [] in self.accept


@dataclass
class Share:
    """How many of how many."""

    right: int = 0
    all: int = 0

    def add(self, right: bool) -> None:
        self.right += right
        self.all += 1

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % score interval (Wilson, JASA 1927)."""
        if not self.all:
            return 0.0, 1.0
        z, n = 1.959964, self.all
        share = self.right / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval()
        return {"right": self.right, "all": self.all, "low": round(low, 4), "high": round(high, 4)}


@dataclass
class Score:
    """What a benchmark found. times_ms: processor time of each sentence's reading, sorted; other
    programs on the machine do not count."""

    total: Share = field(default_factory=Share)
    by_operation: dict[str, Share] = field(default_factory=dict)
    by_kind: dict[str, Share] = field(default_factory=dict)
    by_language: dict[str, Share] = field(default_factory=dict)
    left_alone: Share = field(default_factory=Share)
    times_ms: list[float] = field(default_factory=list)
    wrong: list[tuple[Sentence, Calls]] = field(default_factory=list)

    def quantile_ms(self, share: float) -> float:
        return self.times_ms[min(len(self.times_ms) - 1, int(share * len(self.times_ms)))] if self.times_ms else 0.0

    def to_json(self) -> dict[str, Any]:
        groups = {"operations": self.by_operation, "kinds": self.by_kind, "languages": self.by_language}
        return {
            "total": self.total.to_json(),
            **{name: {key: share.to_json() for key, share in sorted(group.items())} for name, group in groups.items()},
            "left_alone": self.left_alone.to_json(),
            "p50_ms": round(self.quantile_ms(0.5), 3),
            "p95_ms": round(self.quantile_ms(0.95), 3),
            "wrong": [{"id": s.name, "text": s.text, "want": s.accept[0], "got": got} for s, got in self.wrong],
        }


def read_sentences(path: Path) -> list[Sentence]:
    """The sentences of a JSON Lines file. Raises UsageError where the file or a line cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' could not be read: {error}") from error
    return [_sentence(line, f"{path.name} line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _sentence(line: str, where: str) -> Sentence:
    try:
        held = json.loads(line)
        return Sentence(str(held["id"]), held["text"], held["lang"], held["kind"], tuple(held["accept"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f'{where} is not {{"id", "text", "lang", "kind", "accept"}}: {error}') from error


def score(sentences: Iterable[Sentence], reader: Reader) -> Score:
    """Read every sentence once and compare. reader: text to calls in the wire format."""
    found = Score()
    for sentence in sentences:
        started = time.process_time()
        calls = reader(sentence.text)
        found.times_ms.append((time.process_time() - started) * 1000)
        _count(found, sentence, calls)
    found.times_ms.sort()
    return found


def _count(found: Score, sentence: Sentence, calls: Calls) -> None:
    right = calls in sentence.accept
    found.total.add(right)
    found.by_kind.setdefault(sentence.kind, Share()).add(right)
    found.by_language.setdefault(sentence.language, Share()).add(right)
    for op in dict.fromkeys(call["op"] for call in sentence.accept[0]):
        found.by_operation.setdefault(op, Share()).add(right)
    if sentence.asks_nothing:
        found.left_alone.add(not calls)
    if not right:
        found.wrong.append((sentence, calls))


def as_markdown(scores: Mapping[str, Score]) -> str:
    """Tables for a page, one column a file."""
    parts = [_table("", scores, lambda score: {"all": score.total, "left alone where nothing is asked": score.left_alone})]
    for title, pick in (("kind", "by_kind"), ("language", "by_language"), ("operation", "by_operation")):
        parts.append(_table(title, scores, lambda score, pick=pick: getattr(score, pick)))  # type: ignore[misc]
    times = " | ".join(f"{score.quantile_ms(0.5):.2f} / {score.quantile_ms(0.95):.2f}" for score in scores.values())
    parts.append("\n".join([*_head("processor time", scores), f"| p50 / p95 in ms | {times} |"]))
    return "\n\n".join(parts) + "\n"


def _head(title: str, scores: Mapping[str, Score]) -> Sequence[str]:
    return f"| {title} | " + " | ".join(scores) + " |", "|---|" + "---|" * len(scores)


def _table(title: str, scores: Mapping[str, Score], pick: Callable[[Score], Mapping[str, Share]]) -> str:
    names = list(dict.fromkeys(name for score in scores.values() for name in sorted(pick(score))))
    rows = [f"| {name} | " + " | ".join(_cell(pick(score).get(name)) for score in scores.values()) + " |" for name in names]
    return "\n".join([*_head(title, scores), *rows])


def _cell(share: Share | None) -> str:
    if share is None or not share.all:
        return "–"
    low, high = share.interval()
    return f"{share.right}/{share.all} = {share.right / share.all:.1%} ({low:.1%}–{high:.1%})"

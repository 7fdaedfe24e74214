"""The offline parser: bilingual, deterministic, in milliseconds, and silent when nothing was asked.

A sentence becomes tokens (`reading`, `senses`), clauses (`clauses`, `order`, `joining`) and, clause by clause, at most one call each
(`rules`). `guards` takes out what is forbidden, reported, past, postponed, a clinical question or no business of this program.
Doing nothing is right there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from spinalsam.errors import UsageError
from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause, spares_something, split, without_exceptions
from spinalsam.language.corrections import corrected, without_contrasts
from spinalsam.language.evidence import has_unknown, has_used_values, is_supported
from spinalsam.language.guards import answers_only, asked_for, is_refused
from spinalsam.language.joining import rejoined, with_shared_words
from spinalsam.language.order import reordered, with_leading_before
from spinalsam.language.reading import LONGEST, read
from spinalsam.language.residue import residue
from spinalsam.language.rules import call_of
from spinalsam.language.rules.masks import is_only_mask, is_only_run
from spinalsam.language.schema import ParseResult
from spinalsam.language.senses import resolved
from spinalsam.language.spared import without_spared
from spinalsam.language.tokens import Token
from spinalsam.support.calls import OperationCall, OperationSpec, validate_call

Hints = Mapping[str, Any]


@dataclass(frozen=True)
class _Reading:
    """What one clause asks for. sure: every word of it has a place in the call."""

    clause: Clause
    call: OperationCall
    sure: bool

    @property
    def explained(self) -> str:
        return f"'{self.clause.text}' → {self.call.op}"


def parse(text: str, specs: Mapping[str, OperationSpec], hints: Hints | None = None) -> ParseResult:
    """Read one sentence. specs: the operations that may be called. hints: `has_points`, `has_boxes` of the case.

    Calls that do not fit their specification are left out, and so are those that some word speaks against, or all where too much of the
    sentence is left over (`residue`): they are among the alternatives, with a low confidence, so that a person can be asked. Never
    raises for any text.
    """
    started = time.perf_counter()
    text = text.strip()
    if len(text) > LONGEST:
        return ParseResult(explanation=f"longer than {LONGEST} characters")
    tokens = read(text)
    left = residue(text, tokens)
    readings = [
        reading for reading in _understood(without_spared(without_contrasts(corrected(tokens))), hints or {}) if _fits(reading.call, specs)
    ]
    doubtful = left.is_too_much({reading.call.op for reading in readings if reading.sure})
    if doubtful:
        readings = [replace(reading, sure=False) for reading in readings]
    sure = [reading for reading in readings if reading.sure]
    calls, every = tuple(_merged(sure)), tuple(_merged(readings))
    alternatives = (every,) if every != calls else _twins(calls)
    said = [reading.explained for reading in sure] if not doubtful else [f"left over: '{' '.join(left.words)}'"]
    took = (time.perf_counter() - started) * 1000
    return ParseResult(calls, _confidence(readings, hints), "; ".join(said), alternatives, "local", took, residue=left)


def _fits(call: OperationCall, specs: Mapping[str, OperationSpec]) -> bool:
    try:
        validate_call(call, specs)
    except UsageError:
        return False
    return True


def _confidence(readings: Sequence[_Reading], hints: Hints | None) -> float:
    """1 where every word has its place, less for words that say nothing to us, under `SURE` where a person should be asked."""
    if not all(reading.sure for reading in readings):
        return 0.4
    if len(readings) == 1 and _is_open(readings[0], hints):
        return 0.5
    known, unknown = _coverage([reading.clause for reading in readings])
    return known / (known + unknown) if known else 1.0


def _is_open(reading: _Reading, hints: Hints | None) -> bool:
    """'generate the mask' in a case with points and with boxes, or with neither."""
    if not hints or reading.call.op not in _TWINS or reading.clause.has("POINT", "BOX", "PMASK", "BMASK"):
        return False
    points = hints.get("points_on_slice", hints.get("has_points"))
    boxes = hints.get("boxes_on_slice", hints.get("has_boxes"))
    return bool(points) == bool(boxes)


_TWINS = {"generate_point_mask": "generate_box_mask", "generate_box_mask": "generate_point_mask"}


def _twins(calls: Sequence[OperationCall]) -> tuple[tuple[OperationCall, ...], ...]:
    """Where 'generate the mask' could mean points or boxes, the other reading."""
    if len(calls) == 1 and calls[0].op in _TWINS:
        return ((OperationCall(_TWINS[calls[0].op], calls[0].args),),)
    return ()


def _understood(tokens: list[Token], hints: Hints) -> list[_Reading]:
    polite = [i for i, token in enumerate(tokens) if "NOTNEG" in token.ideas and not token.ideas & ACTIONS and not _is_praise(tokens, i)]
    tokens = resolved([token for i, token in enumerate(tokens) if i not in polite])
    if not tokens or is_refused(tokens):
        return []
    readings = _readings(tokens, hints)
    known, unknown = _coverage([reading.clause for reading in readings])
    return [replace(reading, sure=False) for reading in readings] if unknown > known else readings


def _is_praise(tokens: Sequence[Token], i: int) -> bool:
    """掩膜不错, but not 不错，..."""
    return tokens[i].text == "不错" and i > 0 and tokens[i - 1].kind != "sep"


def _readings(tokens: list[Token], hints: Hints) -> list[_Reading]:
    whole = reordered(split(with_leading_before(tokens)))
    said = [without_exceptions(clause) for clause in whole]
    clauses = with_shared_words(rejoined(asked_for([clause for clause in said if clause.tokens])))
    readings: list[_Reading] = []
    previous: Clause | None = None
    named = False  # things that a bare 'clear' may mean
    lost = any(spares_something(clause) for clause in whole)  # something said that no call takes up: levels, coordinates, what is spared
    for clause in clauses:
        call = None if clause.told else _call(clause, readings, hints)
        follows = previous is not None and clause.glued and not clause.told and not previous.told
        done = bool(readings) and readings[-1].clause is previous
        if call is None and follows and done and has_unknown(clause):
            readings[-1] = replace(readings[-1], sure=False)  # '显卡又涨价了': what follows without a comma is no request of ours
        if (
            call is None
            and not clause.told
            and (_holds_values(clause) or (clause.timed and (clause.ideas & OBJECTS or has_unknown(clause))))
        ):
            lost = True
        if clause.told and clause.timed and clause.has("YOU") and clause.ideas & (ACTIONS | OBJECTS):
            lost = True  # what is to be done first, and cannot be read
        if call is not None and answers_only(clause, call.op):
            strange = follows and not done and previous is not None and has_unknown(previous)
            sure = is_supported(clause, call.op) and has_used_values(clause, call) and not strange and not _waits(clause)
            sure = sure and not (call.op == "clear_image" and named and not clause.has("IMAGE", "EVERYTHING", "ALL", "RESET", "CLOSE"))
            readings.append(_Reading(clause, call, sure))
        named = named or clause.has("POINT", "NEGPOINT", "POSPOINT", "BOX", "MASK", "FRAMEIT")
        previous = clause
    lost = lost or _mislaid(clauses, readings)
    readings = [one for i, one in enumerate(readings) if not _only_finds(one, readings[i + 1] if i + 1 < len(readings) else None)]
    return [replace(reading, sure=False) for reading in readings] if lost else readings


def _only_finds(reading: _Reading, following: _Reading | None) -> bool:
    """'find T3 in the volume | and go there': where it is, and no mask of it."""
    if following is None or reading.call.op != "segment" or following.call.op != "go_to" or reading.call.args != following.call.args:
        return False
    return all(t.text.startswith(("find", "locate", "look", "找", "定位")) for t in reading.clause.tokens if "SEG" in t.ideas)


def _mislaid(clauses: Sequence[Clause], readings: Sequence[_Reading]) -> bool:
    """Whether coordinates or a file that a remark names ('(30, 40) is muscle, put a point') are in no call."""
    said = [t.value for clause in clauses if clause.told and not clause.has("NEG", "KEEP") for t in clause.kinds("pair")]
    used = [pair for reading in readings for pair in reading.call.args.get("at", [])]
    placed = any(reading.call.op in ("add_points", "add_box") for reading in readings)
    opened = any(reading.call.op == "open_image" and not reading.call.args for reading in readings)
    files = any(clause.kinds("path") for clause in clauses if not clause.has("NEG", "KEEP"))
    return (placed and any(list(pair) not in used for pair in said)) or (opened and files)


def _holds_values(clause: Clause) -> bool:
    """Whether it names levels or coordinates, or counts something."""
    return any(
        token.kind in ("region", "pair", "quad") or (token.kind == "number" and token.value != 1 and not token.ordinal)
        for token in clause.tokens
    )


def _waits(clause: Clause) -> bool:
    """'... once you have frobnicated ten points': what is to be done first, and is not understood."""
    return any(
        a.stands_for("AFTER") and b.text == "you" and any(t.ideas & OBJECTS or t.kind in VALUES for t in clause.tokens[i + 2 :])
        for i, (a, b) in enumerate(pairwise(clause.tokens))
        if i
    )


def _call(clause: Clause, earlier: list[_Reading], hints: Hints) -> OperationCall | None:
    """The clause's call, read with what was just asked for: 'add points, then run it', 'find T12 and segment it'."""
    call = call_of(clause, hints)
    if (
        call is None
        and (is_only_mask(clause) or is_only_run(clause))
        and any(previous.call.op in ("add_points", "add_box") for previous in earlier)
    ):
        call = OperationCall("generate_point_mask")
    if call is None or not earlier or call.op not in ("generate_point_mask", "generate_box_mask"):
        return call
    if clause.has("POINT", "BOX", "PMASK", "BMASK"):
        return call
    ops = [previous.call.op for previous in earlier]
    if ops[-1] == "segment" and clause.has("SEG") and not call.args:
        return None
    prompts = [op for op in ops if op in ("add_points", "add_box")]
    if prompts:
        return OperationCall("generate_box_mask" if prompts[-1] == "add_box" else "generate_point_mask", call.args)
    return call


def _coverage(clauses: Sequence[Clause]) -> tuple[int, int]:
    """How many words of the clauses are known, and how many are not."""
    words = [token for clause in clauses for token in clause.tokens if token.kind == "word"]
    known = sum(1 for clause in clauses for token in clause.tokens if token.kind != "word" or token.ideas - {"FILLER"})
    return known, sum(1 for token in words if not token.ideas and len(token.text) > 1)


def _completes(last: OperationCall, call: OperationCall) -> bool:
    """Whether one names only where points go and the other only how many."""
    return {frozenset(last.args), frozenset(call.args)} == {frozenset({"regions"}), frozenset({"count"})}


def _merged(readings: Sequence[_Reading]) -> list[OperationCall]:
    """Two equal neighbours are one, and so are an export and where it goes."""
    result: list[OperationCall] = []
    for reading in readings:
        clause, call = reading.clause, reading.call
        last = result[-1] if result else None
        repeats = call.op in ("navigate", "undo", "redo") and not (clause.glued and clause.joined)
        if last == call and not repeats:
            continue
        if (
            last is not None
            and last.op == "clear_image"
            and call.op.startswith("clear_")
            and clause.joined
            and clause.tokens[-1].ideas & {"CLEAR", "GONE"}
        ):
            continue  # with the image everything on it is gone
        if last is not None and last.op == call.op == "add_box" and not last.args and call.args and not clause.then:
            result[-1] = call  # 要一个框，框住L3
            continue
        if last is not None and last.op == call.op == "add_points" and not (clause.then or clause.joined) and _completes(last, call):
            result[-1] = OperationCall("add_points", {**last.args, **call.args})  # 'seed L4, ten points'
            continue
        if last is not None and last.op == call.op and call.op in ("undo", "redo") and not last.args and call.args:
            result[-1] = call
            continue
        if last is not None and last.op == call.op == "export_mask" and not set(last.args) & set(call.args):
            result[-1] = OperationCall("export_mask", {**last.args, **call.args})
        else:
            result.append(call)
    return result

"""The offline parser: bilingual, deterministic, in milliseconds, and silent when nothing was asked.

A sentence becomes tokens (`reading`, `senses`), clauses (`clauses`, `order`, `joining`) and, clause by clause, at most one call each
(`rules`). `guards` takes out what is forbidden, reported, past, postponed, a clinical question or no business of this program.
Doing nothing is right there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from spinalsam.errors import UsageError
from spinalsam.language.clauses import ACTIONS, Clause, split, without_exceptions
from spinalsam.language.corrections import corrected
from spinalsam.language.evidence import has_unknown, is_supported
from spinalsam.language.guards import answers_only, asked_for, is_refused
from spinalsam.language.joining import rejoined, with_shared_words
from spinalsam.language.order import reordered, with_leading_before
from spinalsam.language.reading import read
from spinalsam.language.rules import call_of
from spinalsam.language.rules.masks import is_only_mask, is_only_run
from spinalsam.language.schema import ParseResult
from spinalsam.language.senses import resolved
from spinalsam.language.tokens import Token
from spinalsam.support.calls import OperationCall, OperationSpec, validate_call

Hints = Mapping[str, Any]


def parse(text: str, specs: Mapping[str, OperationSpec], hints: Hints | None = None) -> ParseResult:
    """Read one sentence. specs: the operations that may be called. hints: `has_points`, `has_boxes` of the case.

    Calls that do not fit their specification are left out. Never raises for any text.
    """
    started = time.perf_counter()
    calls, explained, confidence = _understand(corrected(read(text)), hints or {})
    kept = []
    for call in calls:
        try:
            validate_call(call, specs)
            kept.append(call)
        except UsageError:
            confidence = min(confidence, 0.5)
    if len(kept) < len(calls) and not kept:
        explained = []
    took = (time.perf_counter() - started) * 1000
    return ParseResult(tuple(kept), confidence, "; ".join(explained), _alternatives(kept), "local", took)


def _alternatives(calls: Sequence[OperationCall]) -> tuple[tuple[OperationCall, ...], ...]:
    """Where 'generate the mask' could mean points or boxes, the other reading."""
    twins = {"generate_point_mask": "generate_box_mask", "generate_box_mask": "generate_point_mask"}
    if len(calls) == 1 and calls[0].op in twins:
        return ((OperationCall(twins[calls[0].op], calls[0].args),),)
    return ()


def _understand(tokens: list[Token], hints: Hints) -> tuple[list[OperationCall], list[str], float]:
    """Calls, what explains them, and confidence."""
    tokens = resolved([token for token in tokens if "NOTNEG" not in token.ideas or token.ideas & ACTIONS])
    if not tokens or is_refused(tokens):
        return [], [], 1.0
    readings = _readings(tokens, hints)
    known, unknown = _coverage([clause for clause, _ in readings])
    if not readings:
        return [], [], 1.0
    if unknown > known:
        return [], [], 0.3
    explained = [f"'{clause.text}' → {call.op}" for clause, call in readings]
    return _merged(readings), explained, known / (known + unknown) if known else 1.0


def _readings(tokens: list[Token], hints: Hints) -> list[tuple[Clause, OperationCall]]:
    said = [without_exceptions(clause) for clause in reordered(split(with_leading_before(tokens)))]
    clauses = asked_for([clause for clause in said if clause.tokens])
    readings: list[tuple[Clause, OperationCall]] = []
    previous: Clause | None = None
    for clause in with_shared_words(rejoined(clauses)):
        call = None if clause.told else _call(clause, readings, hints)
        if call is None and not clause.told and clause.glued and readings and readings[-1][0] is previous and has_unknown(clause):
            readings.pop()  # '显卡又涨价了': what follows without a comma is no request of ours
        if (
            call is not None
            and clause.glued
            and previous is not None
            and not previous.told
            and readings[-1:]
            and readings[-1][0] is not previous
            and has_unknown(previous)
        ):
            call = None
        previous = clause
        if call is not None and answers_only(clause, call.op) and is_supported(clause, call.op):
            readings.append((clause, call))
    return readings


def _call(clause: Clause, earlier: list[tuple[Clause, OperationCall]], hints: Hints) -> OperationCall | None:
    """The clause's call, read with what was just asked for: 'add points, then run it', 'find T12 and segment it'."""
    call = call_of(clause, hints)
    if (
        call is None
        and (is_only_mask(clause) or is_only_run(clause))
        and any(previous.op in ("add_points", "add_box") for _, previous in earlier)
    ):
        call = OperationCall("generate_point_mask")
    if call is None or not earlier or call.op not in ("generate_point_mask", "generate_box_mask"):
        return call
    if clause.has("POINT", "BOX", "PMASK", "BMASK"):
        return call
    ops = [previous.op for _, previous in earlier]
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


def _merged(readings: list[tuple[Clause, OperationCall]]) -> list[OperationCall]:
    """Two equal neighbours are one, and so are an export and where it goes."""
    result: list[OperationCall] = []
    for clause, call in readings:
        last = result[-1] if result else None
        if last == call:
            continue
        if (
            last is not None
            and last.op == "clear_image"
            and call.op.startswith("clear_")
            and clause.joined
            and clause.tokens[-1].ideas & {"CLEAR", "GONE"}
        ):
            continue  # with the image everything on it is gone
        if last is not None and last.op == call.op and call.op in ("undo", "redo") and not last.args:
            result[-1] = call
            continue
        if last is not None and last.op == call.op == "export_mask" and not set(last.args) & set(call.args):
            result[-1] = OperationCall("export_mask", {**last.args, **call.args})
        else:
            result.append(call)
    return result

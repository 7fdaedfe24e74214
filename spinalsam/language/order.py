"""Clauses in the order in which they should run: 'A once B' runs B first, 'before A, B' too; 'A before B' stands as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from spinalsam.language.clauses import VALUES, Clause, acts
from spinalsam.language.tokens import Token

_WORDS_OF_STATE = frozenset("when having once after as".split())


def reordered(clauses: list[Clause]) -> list[Clause]:
    """The clauses without 'before' and 'after', each where it runs."""
    result: list[Clause] = []
    postponed: list[Clause] = []  # what 'before X,' puts behind the next clause
    earlier_follows = False
    for clause in clauses:
        if _announces_earlier(clause):
            earlier_follows = True
            clause = replace(clause, tokens=clause.tokens[1:])
        now, late = _parts(clause)
        if earlier_follows and now and result:
            result[-1:-1] = now
            earlier_follows = False
        else:
            result += now
        if now and postponed:
            result, postponed = result + postponed, []
        postponed += late
    return [clause for clause in result + postponed if clause.tokens]


def _announces_earlier(clause: Clause) -> bool:
    """'A. Before that, B' and 'A, but first B'."""
    texts = [token.text for token in clause.tokens[:3]]
    return texts[:2] == ["but", "first"] or texts[:2] == ["before", "that"] or texts[:3] == ["but", "before", "that"]


def _parts(clause: Clause) -> tuple[list[Clause], list[Clause]]:
    """What runs where the clause stands, in order, and what runs after the next clause."""
    tokens = clause.tokens
    before = _first(tokens, lambda i, t: "BEFORE" in t.ideas and (acts(tokens[i + 1 :]) and (i == 0 or acts(tokens[:i]))))
    if before == 0:
        return [], [replace(clause, tokens=tokens[1:], timed=True)]
    if before is not None:
        return [replace(clause, tokens=tokens[:before]), Clause(tokens[before + 1 :], timed=True)], []
    chinese = _first(tokens, lambda i, t: "BEFOREVERB" in t.ideas and i > 0 and acts(tokens[:i]))
    if chinese is not None:
        left = replace(clause, tokens=[t for t in tokens[:chinese] if t.text not in ("在", "于")], timed=True)
        rest = Clause(tokens[chinese + 1 :])
        return ([rest, left], []) if rest.tokens else ([], [left])
    done = _first(tokens, lambda i, t: _is_done_verb(tokens, i, t))
    if done is not None:
        return [replace(clause, tokens=tokens[:done], timed=True), Clause(tokens[done + 1 :])], []
    after = _first(tokens, lambda i, t: "AFTER" in t.ideas and acts(tokens[i + 1 :]))
    if after == 0:
        return [replace(clause, tokens=tokens[1:], timed=True)], []
    if after is not None:
        return [Clause(tokens[after + 1 :], timed=True), replace(clause, tokens=tokens[:after])], []
    return [clause], []


def _first(tokens: list[Token], fits: Callable[[int, Token], bool]) -> int | None:
    return next((i for i, token in enumerate(tokens) if fits(i, token)), None)


def _is_done_verb(tokens: list[Token], i: int, token: Token) -> bool:
    """后, 之后, 完 between two actions; 完 in 清完点 belongs to its verb."""
    if "AFTERVERB" not in token.ideas or token.text.isascii() or not acts(tokens[:i]) or not acts(tokens[i + 1 :]):
        return False
    after = tokens[i + 1]
    return not (token.text in ("完", "好", "后") and (after.stands_for("POINT", "BOX", "MASK", "IMAGE") or after.kind in VALUES))

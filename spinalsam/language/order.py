"""Clauses in the order in which they should run: 'A once B' runs B first, 'before A, B' too; 'A before B' stands as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause, acts
from spinalsam.language.tokens import Token

_WORDS_OF_STATE = frozenset("when having once after as".split())


def with_leading_before(tokens: list[Token]) -> list[Token]:
    """X 之前先 Y as 'before X, Y': the order of English, which the clauses are cut for."""
    result: list[Token] = []
    start = 0
    for i, token in enumerate(tokens):
        if token.kind == "sep" and token.text != "、":
            start = len(result) + 1
        elif "BEFOREVERB" in token.ideas and not token.text.isascii() and i + 1 < len(tokens) and tokens[i + 1].text != "的":
            event, rest = result[start:], tokens[i + 1 :]
            if _says_something(event) and rest[0].kind != "sep" and _says_something(rest):
                event = [t for t in event if t.text not in ("在", "于")]
                result[start:] = [Token("word", "before", frozenset({"BEFORE"})), *event, Token("sep", ",")]
                start = len(result)
                continue
        result.append(token)
    return result


def _says_something(tokens: list[Token]) -> bool:
    """Whether there is an action or a thing before the next separator."""
    for token in tokens:
        if token.kind == "sep":
            return False
        if token.ideas & (ACTIONS | OBJECTS):
            return True
    return False


def reordered(clauses: list[Clause]) -> list[Clause]:
    """The clauses without 'before' and 'after', each where it runs."""
    result: list[Clause] = []
    postponed: list[Clause] = []  # what 'before X,' puts behind the next clause
    earlier_follows = flushed = postponing = False
    for clause in clauses:
        announced = _announces_earlier(clause)
        if announced:
            earlier_follows = True
            clause = replace(clause, tokens=clause.tokens[announced:])
            if not clause.tokens:
                continue
        if postponed and result and not clause.joined and not flushed:
            result, postponed = result + postponed, []
        if postponing and clause.joined and clause.glued:
            postponed.append(replace(clause, timed=True))  # 'before you find and segment it, ...'
            continue
        now, late = _parts(clause)
        postponing = bool(late) and not now
        if earlier_follows and now and result:
            result[-1:-1] = [replace(one, timed=one.timed or _segments_it(one)) for one in now]
            earlier_follows = False
        else:
            result += now
        flushed = bool(late)
        postponed += late
    return [clause for clause in result + postponed if clause.tokens]


def _segments_it(clause: Clause) -> bool:
    """'measure L3, but first segment it': what 'it' is follows."""
    return (
        any("SEG" in t.ideas for t in clause.tokens) and any(t.text in ("it", "它") for t in clause.tokens) and not clause.kinds("region")
    )


def _announces_earlier(clause: Clause) -> int:
    """How many words say that what follows comes first: 'A. Before that, B', 'A, but first B', A，不过先B; 0 where none do."""
    texts = [token.text for token in clause.tokens[:4]]
    if texts[:2] == ["before", "that"]:
        return 2
    if texts[:3] == ["but", "before", "that"]:
        return 3
    if texts[:1] == ["but"] and clause.tokens[-1].text in ("first", "beforehand") and acts(clause.tokens[:-1]):
        return 1
    if texts[:2] == ["but", "first"]:
        return 1
    later = texts[:1] and texts[0] in ("但", "但是", "不过", "只是", "但在") and any(text in ("先", "首先", "先把") for text in texts[1:3])
    return 1 if later else 0


def _parts(clause: Clause) -> tuple[list[Clause], list[Clause]]:
    """What runs where the clause stands, in order, and what runs after the next clause."""
    tokens = clause.tokens
    before = _first(
        tokens,
        lambda i, t: (
            "BEFORE" in t.ideas
            and (
                (i == 0 and _says_something(tokens[1:]))
                or _is_addressed(tokens, i)
                or (acts(tokens[i + 1 :]) and (i == 0 or acts(tokens[:i])))
            )
        ),
    )
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


def _is_addressed(tokens: list[Token], i: int) -> bool:
    """'before you ...', 'before doing ...'."""
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    return after is not None and (after.text in ("you", "u", "we") or "ing" in after.forms) and len(tokens) > i + 2


def _first(tokens: list[Token], fits: Callable[[int, Token], bool]) -> int | None:
    return next((i for i, token in enumerate(tokens) if fits(i, token)), None)


def _is_done_verb(tokens: list[Token], i: int, token: Token) -> bool:
    """后, 之后, 完 between two actions; 完 in 清完点 belongs to its verb."""
    if "AFTERVERB" not in token.ideas or token.text.isascii() or not acts(tokens[:i]) or not acts(tokens[i + 1 :]):
        return False
    after = tokens[i + 1]
    return not (token.text in ("完", "好", "后") and (after.stands_for("POINT", "BOX", "MASK", "IMAGE") or after.kind in VALUES))

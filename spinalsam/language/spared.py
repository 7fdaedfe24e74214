"""'L1 to L4 but leave out L3', 腰1跳过, 除了L3: levels that are left out of those named beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from spinalsam.language.tokens import Token
from spinalsam.support.anatomy import CERVICAL, LUMBAR, THORACIC

_GROUPS = {"cervical": list(CERVICAL), "thoracic": list(THORACIC), "lumbar": list(LUMBAR)}
_ENGLISH = (
    r"(?:except(?:ing)?(?: for| from)?|exclud(?:e|es|ing)|without|minus|not|but not|leav(?:e|ing)(?: me)? out"
    r"|leave off|skip(?:ping| the)?|skip over|"
    r"omit(?:ting)?|apart from|aside from|other than|save(?: for)?|bar(?:ring)?|but|not including|don't"
    r" include|do not include|don't do|drop|ignore|ignoring|"
    r"spare|keep(?:ing)?|not counting|forget|forget about|jump over|pass over|never mind|do without)"
)
_CHINESE = (
    r"(?:除了?|除去|除开|不要|不含|不包括|不算|不带|别算|别加|别管|跳过|越过|略过|绕过|避开|去掉|排除|剔除"
    r"|不做|漏掉|空出|空开|扣除|扣掉|保留|留下)"
)
_BEFORE = re.compile(rf"(?:{_ENGLISH}|{_CHINESE})$")
_AFTER = re.compile(
    r"(?:excepted|excluded|skipped|aside|apart|not(?: included)?|is not|is out|is excluded|is left out|left out|can be skipped|stays out"
    r"|(?:就|先)?(?:除外|跳过|略过|不要|不用|不算|以外|之外|不做|不加|不分割|不用管|别管|排除|不含|不包括|别加|不画|别画|不标|空着|别分|不分|保留|留着|留下|除开))$"
)
# What is left of the whole spine cannot be said in levels, so that a person is asked.
_HALF_SAID = Token("word", "spared", frozenset({"STATIVE"}))
_IDLE = frozenset(
    "the please just only level levels vertebra vertebrae body and but though so to "
    "这 这个 那个 节 但 但是 的 把 将 它 也 要 在 上 请".split()
)


def without_spared(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, with levels that are left out taken from the regions that hold them.

    Where less than a group is left, its other levels are written out.
    """
    tokens = list(tokens)
    for at, token in enumerate(tokens):
        if token.kind != "region":
            continue
        whole = next((i for i, other in enumerate(tokens) if i != at and _holds(other, token)), None)
        span = (_said_before(tokens, at, whole) or _said_after(tokens, at, whole)) if whole is not None else None
        if span is None or whole is None:
            continue
        if tokens[whole].value == ["spine"]:
            kept = [*tokens[: span[0]], *tokens[span[1] :]]
            return [*kept, _HALF_SAID]
        spared = {name for part in tokens[span[0] : span[1]] if part.kind == "region" for name in _levels(part)}
        tokens[whole] = replace(tokens[whole], value=[name for name in _levels(tokens[whole]) if name not in spared])
        return without_spared([*tokens[: span[0]], *tokens[span[1] :]])
    return tokens


def _levels(token: Token) -> list[str]:
    return [level for name in token.value for level in _GROUPS.get(name, [name])]


def _holds(whole: Token, part: Token) -> bool:
    return whole.kind == "region" and (set(_levels(part)) < set(_levels(whole)) or (whole.value == ["spine"] and part.value != ["spine"]))


def _said_before(tokens: list[Token], at: int, whole: int) -> tuple[int, int] | None:
    """Where 'but leave out L3' begins and ends."""
    start = at
    said: list[str] = []
    while start and tokens[start - 1].kind == "word" and start - 1 != whole:
        start -= 1
        if tokens[start].text not in _IDLE:
            said.insert(0, tokens[start].text)
        if (said and _BEFORE.fullmatch(" ".join(said))) or (said and _BEFORE.fullmatch("".join(said))):
            longer = _longer(tokens, start, said)
            return _with_neighbours(tokens, longer, _end_of_list(tokens, at, whole), whole)
        if len(said) > 3:
            return None
    return None


def _end_of_list(tokens: list[Token], at: int, whole: int) -> int:
    """Behind the last of 'L2, L3 and L4', all of them held by the whole."""
    end = at + 1
    while (
        end + 1 < len(tokens)
        and (tokens[end].text in ("and", "和", "与", "及", "、", ",") or "AND" in tokens[end].ideas)
        and tokens[end + 1].kind == "region"
        and _holds(tokens[whole], tokens[end + 1])
    ):
        end += 2
    return end


def _longer(tokens: list[Token], start: int, said: list[str]) -> int:
    """The start with 'but' before 'not' and the like."""
    while start and tokens[start - 1].kind == "word" and _BEFORE.fullmatch(" ".join([tokens[start - 1].text, *said])):
        start -= 1
        said = [tokens[start].text, *said]
    return start


def _said_after(tokens: list[Token], at: int, whole: int) -> tuple[int, int] | None:
    """Where 'L3 excluded', 腰1跳过 begins and ends."""
    said: list[str] = []
    for end in range(at + 1, min(at + 5, len(tokens))):
        if tokens[end].kind != "word" or end == whole:
            break
        if tokens[end].text in _IDLE and not said:
            continue
        said.append(tokens[end].text)
        ends = end + 1 == len(tokens) or tokens[end + 1].kind == "sep" or tokens[end + 1].text in ("的", "了", "都", "and", "then")
        if ends and (_AFTER.fullmatch(" ".join(said)) or _AFTER.fullmatch("".join(said))):
            return _with_neighbours(tokens, at, end + 1, whole)
    return None


def _with_neighbours(tokens: list[Token], start: int, end: int, whole: int) -> tuple[int, int]:
    """With idle words and the separator that part the exception from the regions."""
    while end < len(tokens) and tokens[end].text in ("的", "了", "以外", "之外", "外"):
        end += 1
    if start > whole:
        while start - 1 > whole and (tokens[start - 1].text in _IDLE or tokens[start - 1].kind == "sep"):
            start -= 1
        if end < len(tokens) and tokens[end].kind == "sep" and tokens[end].text == ")":
            end += 1
    elif end < len(tokens) and tokens[end].kind == "sep":
        end += 1
    return start, end

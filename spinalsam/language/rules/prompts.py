"""Placing points and boxes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from spinalsam.language.clauses import Clause
from spinalsam.language.rules.parts import Hints, count_of, is_next_to, regions_of, with_regions
from spinalsam.support.calls import OperationCall

_WANTING = ("ADD", "NEED", "DRAW", "MAKE", "SETTO", "REQUEST", "ASKREQ", "SETLABEL", "PICK", "FRAMEIT", "TURN", "PLEASE")


def _pixels(clause: Clause) -> list[list[float]]:
    """Pairs in the order said; four numbers in a row are two pairs."""
    pairs: list[list[float]] = []
    for token in clause.tokens:
        if token.kind in ("pair", "quad"):
            pairs += [list(token.value[i : i + 2]) for i in range(0, len(token.value), 2)]
    return pairs


def _put_back(clause: Clause) -> bool:
    """'put the points back': those that were there, and none that are new."""
    return (
        clause.says("back") and clause.says("the", "my", "those", "these") and not any(clause.kinds(k) for k in ("number", "pair", "quad"))
    )


def add_points(clause: Clause, hints: Hints) -> OperationCall | None:
    pairs = _pixels(clause)
    if _put_back(clause):
        return None
    named = clause.has("POINT", "NEGPOINT", "POSPOINT") or any(
        t.text.startswith("点") or t.text.endswith("点") for t in clause.tokens if "ADD" in t.ideas
    )
    named = named or (clause.has("NEGATIVE", "POSITIVE") and clause.has("ADD") and bool(pairs))
    signs = {"NEGATIVE", "POSITIVE", "FILLER", "AT", "PLEASE", "AND"}
    named = named or (bool(pairs) and all(t.kind == "pair" or t.ideas & signs for t in clause.tokens))  # 'background at (3, 4)'
    named = named or (clause.has("PROMPT") and bool(clause.kinds("number")) and (clause.has("ADD") or bool(clause.kinds("region"))))
    if clause.has("BOX") and not clause.has("NEGPOINT", "POINT"):
        return None
    if not named and not (pairs and clause.has("ADD", "NEGATIVE", "POSITIVE") and not clause.has("DRAW", "FRAMEIT")):
        return None
    if all(t.stands_for("FROM", "POINT", "FILLER") for t in clause.tokens) and clause.tokens[0].stands_for("FROM"):
        return None
    wanted = any(t.stands_for(*_WANTING) and t.forms != {"past"} for t in clause.tokens)
    count = count_of(clause)
    if not (count or pairs or clause.kinds("region")) and _are_there(clause):
        return None  # 'take those points'
    if not (wanted or count or pairs or clause.kinds("region")):
        return None
    if clause.has("SHOW", "HIDE", "LOOK", "CHECK", "MOVE") and not (wanted or count or pairs):
        return None
    args: dict[str, Any] = {}
    others = {"SLICE", "LEVELWORD", "WIDTHWORD"}
    if count and not pairs and not any(is_next_to(clause, t, others, 1) for t in clause.kinds("number") if t.value == count):
        args["count"] = count
    if clause.kinds("region"):
        args["regions"] = regions_of(clause)
    if clause.has("NEGPOINT", "NEGATIVE"):
        args["label"] = "negative"
    if pairs:
        args["at"] = pairs
    return OperationCall("add_points", args)


def _are_there(clause: Clause) -> bool:
    """Whether the points are those that were placed: 'those points', 'my clicks'."""
    return any(
        a.text in ("these", "those", "my", "existing", "current", "这些", "那些", "我的", "现有")
        and (b.ideas & {"POINT", "NEGPOINT", "POSPOINT"})
        for a, b in pairwise(clause.tokens)
    )


def add_box(clause: Clause, hints: Hints) -> OperationCall | None:
    numbers = [value for pair in _pixels(clause) for value in pair]
    if _put_back(clause):
        return None
    drawn = any("DRAW" in t.ideas and "SEG" not in t.ideas for t in clause.tokens) or len(numbers) == 4
    boxed = clause.has("BOX", "FRAMEIT") or (drawn and clause.has("DRAW") and (bool(clause.kinds("region")) or len(numbers) == 4))
    if not boxed or (clause.has("POINT") and not clause.has("DRAW", "BOX")):
        return None
    if clause.says("photo", "photos") and not clause.kinds("region"):
        return None
    if clause.says("take", "use", "keep") and not clause.kinds("region") and not numbers and clause.says("the", "this", "that", "my"):
        return None  # 'take the box as the prompt'
    wanted = clause.has("ADD", "DRAW", "FRAMEIT", "NEED", "MAKE", "REQUEST", "ASKREQ", "SETTO", "PICK", "PLEASE", "SETLABEL")
    if clause.has("SHOW", "HIDE", "LOOK", "CHECK") and not wanted:
        return None
    if not (wanted or clause.kinds("region") or len(numbers) == 4 or len(clause.tokens) == 1):
        return None
    if (
        any(a.stands_for("BOX") and b.kind == "number" and not clause.kinds("region") for a, b in pairwise(clause.tokens))
        and len(numbers) != 4
    ):
        return None  # box 12 on the form
    args = with_regions(clause)
    if len(numbers) == 4:
        args["corners"] = numbers
    return OperationCall("add_box", args)

"""Window, plane and where to look."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from spinalsam.language.clauses import Clause
from spinalsam.language.rules.parts import Hints, count_of, regions_of
from spinalsam.language.tokens import Token
from spinalsam.support.calls import OperationCall

_PRESETS = (("bone", "BONE", "BONEWIN"), ("soft_tissue", "SOFT", "SOFTWIN"), ("lung", "LUNG", "LUNGWIN"), ("brain", "BRAIN", "BRAINWIN"))
_PLANES = (("mpr", "MPR"), ("3d", "THREED"), ("axial", "AXIAL"), ("sagittal", "SAGITTAL"), ("coronal", "CORONAL"))
_SEEING = ("show me", "let me see", "take me", "bring me", "let's see", "让我看", "我看", "我想看", "我要看", "想看")


def window(clause: Clause, hints: Hints) -> OperationCall | None:
    for name, idea, whole in _PRESETS:
        alone = (
            (name != "bone" or len(clause.tokens) == 1)
            and clause.has(idea)
            and all(t.stands_for(idea, "PLEASE", "FILLER", "SETTO", "REQUEST") for t in clause.tokens)
        )
        named = (
            alone
            or clause.has(whole)
            or (clause.has(idea) and (clause.has("WINDOW") or clause.says("preset", "settings", "setting", "contrast")))
        )
        if named and not (clause.has("CLEAR", "SEG") and not clause.has("SETTO")):
            return OperationCall("set_window", {"preset": name})
    numbers = clause.kinds("number")
    letters = {t.text for t in clause.tokens} & {"w", "l", "ww", "wl"}
    about = clause.has("WINDOW", "LEVELWORD", "WIDTHWORD") or (len(letters) > 1 and len(numbers) > 1)
    about = about or (
        clause.has("CENTREWORD")
        and len(numbers) == 1
        and all(t.kind == "number" or t.ideas & {"CENTREWORD", "FILLER", "PLEASE", "SETTO"} for t in clause.tokens)
    )
    about = about or (
        clause.has("CENTREWORD")
        and clause.has("SETTO")
        and len(numbers) == 1
        and not clause.has("SLICE", "MOVE", "IMAGE")
        and not clause.kinds("region")
    )
    if not about or not (numbers or clause.kinds("pair")) or clause.has("POINT", "BOX"):
        return None
    args = _edges(clause)
    return OperationCall("set_window", {name: args[name] for name in ("level", "width") if name in args}) if args else None


def _edge(token: Token) -> str:
    """level or width where a word names one of them: 'window level', 'WW', '窗宽'."""
    if "WIDTHWORD" in token.ideas or token.text == "宽" or token.text in ("w", "ww", "window width") or token.text.endswith("width"):
        return "width"
    if (
        token.ideas & {"LEVELWORD", "CENTREWORD"}
        or token.text in ("l", "wl", "window level")
        or token.text.endswith(("level", "centre", "center"))
    ):
        return "level"
    return ""


def _edges(clause: Clause) -> dict[str, Any]:
    """Level and width, each beside its word; two bare numbers are the smaller and the larger of them."""
    args: dict[str, Any] = {}
    if clause.has("CENTREWORD", "LEVELWORD") and not clause.has("WIDTHWORD"):
        for word, number in pairwise(clause.tokens):  # 'window 300 level 40'
            if word.text in ("window", "windowing", "窗") and number.kind == "number" and len(clause.kinds("number")) == 2:
                args["width"] = number.value
    for i, token in enumerate(clause.tokens):
        if token.kind != "number":
            continue
        before = [_edge(t) for t in clause.tokens[max(0, i - 4) : i] if _edge(t)]
        after = [_edge(t) for t in clause.tokens[i + 1 : i + 3] if _edge(t)]
        for name in (before[-1:] or after[:1])[:1] if token.value not in args.values() else ():
            args.setdefault(name, token.value)
    pairs = [value for token in clause.kinds("pair") for value in token.value]
    bare = [t.value for t in clause.kinds("number")] or pairs
    if len(args) < 2 and len(bare) == 2:
        named = [_edge(t) for t in clause.tokens if _edge(t)]
        if named in (["level", "width"], ["width", "level"]):
            return dict(zip(named, bare, strict=True))
        if not args:
            return {"level": min(bare), "width": max(bare)}
    return args


def plane(clause: Clause, hints: Hints) -> OperationCall | None:
    opens = clause.has("OPEN") and not clause.tokens[0].stands_for("OPEN")  # 'put up the coronals', but no 'axial load'
    if (opens or clause.has("EXPORT", "CLEAR", "POINT", "BOX", "GEN")) and not clause.has("VIEW", "SHOW"):
        return None
    for name, idea in _PLANES:
        if clause.has(idea):
            return OperationCall("set_view", {"plane": name})
    return None


def go_to(clause: Clause, hints: Hints) -> OperationCall | None:
    if clause.has("POINT", "BOX", "MASK", "EXPORT", "CLEAR"):
        return None
    number = _slice_number(clause)
    if number is not None:
        first = number == 1 and (
            clause.has("FIRST") or any(t.value == 1 and not any(c.isdigit() for c in t.text) for t in clause.kinds("number") if t.ordinal)
        )
        return OperationCall("go_to", {"position": "first"} if first else {"slice": number})
    moves = clause.has("MOVE", "SHOW", "LOOK", "TURN", "OPEN", "SETTO", "PICK") or clause.tokens[0].text in ("to", "到", "至")
    if len(clause.tokens) == 1 and clause.says("halfway", "half way", "midway", "middle", "中间"):
        return OperationCall("go_to", {"position": "middle"})
    for position, idea in (("middle", "MIDDLE"), ("first", "FIRST"), ("last", "LAST")):
        words = [t for t in clause.tokens if idea in t.ideas]
        whole = any(len(t.text) >= 3 and not t.text.isascii() for t in words)
        if words and (
            whole
            or (
                idea == "MIDDLE"
                and all(t.ideas & {"MIDDLE", "FILLER", "PLEASE", "REQUEST"} for t in clause.tokens)
                and clause.has("PLEASE", "AT")
            )
            or (clause.says("one") and clause.has("PLEASE", "REQUEST"))
            or ((clause.has("SLICE", "IMAGE") or moves) and not clause.kinds("region"))
        ):
            return OperationCall("go_to", {"position": position})
    regions = regions_of(clause)
    asked_to_see = any(t.text.startswith(_SEEING) for t in clause.tokens)
    if (
        len(regions) == 1
        and (asked_to_see or clause.has("MOVE", "SHOW", "LOOK", "TURN", "SLICE"))
        and not clause.has("MEASURE", "SIZE", "BIG")
        and (not clause.has("SEG") or clause.has("SLICE"))
    ):
        return OperationCall("go_to", {"regions": regions})
    return None


def _slice_number(clause: Clause) -> int | None:
    """The number of a slice: 'slice 17', 第25张, 'the 12th image', 'jump to 88'."""
    numbers = clause.kinds("number")
    moves = clause.has("MOVE", "SHOW", "LOOK", "TURN", "OPEN", "SETTO", "PICK")
    for token in numbers:
        at = clause.tokens.index(token)
        if (
            not isinstance(token.value, int)
            or token.value < 1
            or (clause.has("NEXT", "PREV") and not (token.ordinal and not _relative(clause, at)))
        ):
            continue
        before = clause.tokens[max(0, at - 3) : at]
        after = clause.tokens[at + 1 : at + 3]
        named = any(t.stands_for("SLICE", "IMAGE") and not t.stands_for("SIZE") for t in before) or (
            token.ordinal and any(t.stands_for("SLICE", "IMAGE") for t in after[:1])
        )
        plain = (
            moves
            and not clause.has("SIZE", "LABEL")
            and len(numbers) == 1
            and not clause.kinds("region")
            and bool(before)
            and (before[-1].text in ("to", "at", "到", "no", "number", "#") or before[-1].text.endswith(("到", "至")))
        )
        if named or plain:
            return int(token.value)
    return None


def _relative(clause: Clause, at: int) -> bool:
    """后面第三张 counts from here."""
    return bool(at) and clause.tokens[at - 1].stands_for("NEXT", "PREV")


def navigate(clause: Clause, hints: Hints) -> OperationCall | None:
    forward, backward = clause.has("NEXT"), clause.has("PREV")
    if clause.has("WH") and not clause.has("SLICE", "IMAGE"):
        return None  # what's next?
    scrolls = clause.has("MOVE") and clause.has("SLICE") and bool(clause.kinds("number"))
    if not (forward or backward) and clause.has("SLICE") and clause.kinds("number"):
        forward = clause.says("more", "further", "翻", "翻过", "翻动") and not clause.has("UP", "DOWN")
    if not (forward or backward) and scrolls:
        forward = clause.has("DOWN") or (
            not clause.has("UP")
            and clause.says("along", "on", "skip", "advance", "jump", "hop", "leap", "proceed", "progress", "fast forward", "fast-forward")
        )
        backward = clause.has("UP")
    if not (forward or backward):
        return None
    if clause.has("POINT", "BOX", "EXPORT", "CLEAR", "MASK", "STEP") and not clause.has("SLICE", "IMAGE"):
        return None
    strong = any(t.stands_for("NEXT", "PREV") and len(t.text) >= 2 and not t.text.isascii() for t in clause.tokens)
    if not (
        clause.has("SLICE", "IMAGE", "MOVE")
        or strong
        or clause.tokens[0].text == "to"
        or len([t for t in clause.tokens if t.kind != "word" or "FILLER" not in t.ideas or t.ideas & {"NEXT", "PREV"}]) <= 2
        or clause.kinds("number")
    ):
        return None
    if forward and backward:
        named = (t for t in clause.tokens if t.stands_for("NEXT", "PREV"))
        forward = "NEXT" in max(named, key=lambda t: (not {"NEXT", "PREV"} <= t.ideas, len(t.text))).ideas
    count = count_of(clause) or next(
        (t.value for t in clause.kinds("number") if t.ordinal and isinstance(t.value, int) and t.value > 1), None
    )
    return OperationCall("navigate", {"direction": "next" if forward else "previous", **({"count": count} if count else {})})

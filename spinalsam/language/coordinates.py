"""Pixel coordinates in every notation: pairs [x, y] and corners [x0, y0, x1, y1]. The text is normalised and in lower case."""

from __future__ import annotations

import re

from spinalsam.language.tokens import Replacement, Spans, Token

_NUMBER = r"-?\d+(?:\.\d+)?"
_N = rf"({_NUMBER})"
_COMMA = r"\s*[,;、，]\s*"
_GAP = r"\s*[,;、，\s]\s*"
_X = r"(?<![a-z])(?:x|col(?:umn)?|横坐标|横|列|px)\s*[=:是为]?\s*"
_Y = r"(?<![a-z])(?:y|row|line|纵坐标|纵|行|py)\s*[=:是为]?\s*"
_AND = r"\s*[,;、和及/]?\s*(?:and\s+)?"
_OPEN, _CLOSE = r"[(\[{<]\s*", r"\s*[)\]}>]"
_TO = r"\s*(?:to|through|until|-+>?|->|~|到|至)\s*"
_EDGE = r"(?<![\d.a-z])"
_STOP = r"(?![\d.]*\d)(?!\s*(?:hu|mm|%|slices?|points?|boxes|个|张|层|点|步))"

# x 10 to 200, y 20 to 220
_SIDES = re.compile(rf"{_X}(?:from\s*)?{_N}{_TO}{_N}{_AND}{_Y}(?:from\s*)?{_N}{_TO}{_N}")
# x0=10 y0=20 x1=200 y1=220, xmin=.. and so on: first the corner, then the other.
_NAMED_CORNERS = re.compile(
    rf"x\s?(?:0|1|_?min)\s*[=:]?\s*{_N}{_AND}y\s?(?:0|1|_?min)\s*[=:]?\s*{_N}{_AND}x\s?(?:1|2"
    rf"|_?max)\s*[=:]?\s*{_N}{_AND}y\s?(?:1|2|_?max)\s*[=:]?\s*{_N}"
)
_NAMED_RANGES = re.compile(
    rf"x\s?(?:0|1|_?min)\s*[=:]?\s*{_N}{_AND}x\s?(?:1|2|_?max)\s*[=:]?\s*{_N}{_AND}y\s?(?:0|1"
    rf"|_?min)\s*[=:]?\s*{_N}{_AND}y\s?(?:1|2|_?max)\s*[=:]?\s*{_N}"
)
_BRACKET_QUAD = re.compile(rf"{_OPEN}{_N}{_GAP}{_N}{_GAP}{_N}{_GAP}{_N}{_CLOSE}")
_PAIR_LIST = re.compile(r"(?<=[(\[])\s*(?=[(\[])|(?<=[)\]])\s*(?=[)\]])")
_XY = re.compile(rf"(?:{_OPEN})?{_X}{_N}{_AND}{_Y}{_N}(?:{_CLOSE})?")
_YX = re.compile(rf"{_Y}{_N}{_AND}{_X}{_N}")
_CHINESE_YX = re.compile(rf"第?{_N}\s*行\s*[,、]?\s*第?{_N}\s*列")
_CHINESE_XY = re.compile(rf"第?{_N}\s*列\s*[,、]?\s*第?{_N}\s*行")
_BRACKET_PAIR = re.compile(rf"{_OPEN}{_N}{_GAP}{_N}{_CLOSE}")
_LOOSE_QUAD = re.compile(rf"{_EDGE}{_N}{_COMMA}{_N}{_COMMA}{_N}{_COMMA}{_N}{_STOP}")
_LOOSE_PAIR = re.compile(rf"{_EDGE}{_N}\s*[,，]\s*{_N}{_STOP}")
_WORDED_PAIR = re.compile(
    rf"(?<=\bat ){_N}\s+{_N}{_STOP}|(?<=坐标)\s*{_N}\s+{_N}{_STOP}|(?<=pixel )\s*{_N}\s+{_N}{_STOP}|(?<=点)\s*{_N}\s+{_N}{_STOP}"
)
_SLASHED_PAIR = re.compile(
    rf"(?:(?<=\bat )|(?<=\bnear )|(?<=\baround )|(?<=\bcoords )|(?<=coordinates )|(?<=坐标))\s*{_N}\s*/\s*{_N}{_STOP}"
)
# top left 22,30 bottom right 118,140
_CORNER_WORDS = re.compile(
    rf"(?:(?:upper|top)[\s-]?left|左上角?)(?:\s*corner)?\s*(?:at|is|=|:|为|在"
    rf"|是)?\s*[(\[]?{_N}{_GAP}{_N}[)\]]?\s*[,;、，]?\s*(?:and|to|到|和)?\s*(?:the\s+)?"
    rf"(?:(?:lower|bottom)[\s-]?right|右下角?)(?:\s*corner)?\s*(?:at|is|=|:|为|在|是)?\s*[(\[]?{_N}{_GAP}{_N}[)\]]?"
)
_SPACED_LIST = re.compile(rf"{_EDGE}{_NUMBER}[ ]+{_NUMBER}(?:\s*[,;]\s*(?:and\s+)?{_NUMBER}[ ]+{_NUMBER})+{_STOP}")
_CORNER_NAMES = re.compile(
    r"\b(?:at (?:the )?)?(?:top|upper|bottom|lower)[- ](?:left|right)(?: corner)?\b(?: (?:at|is))?|[左右][上下]角?(?:点|坐标)?(?:在|是|为)?"
)
_TWO_SPACED = re.compile(rf"{_EDGE}{_N}\s+{_N}\s*(?:,|and|to|-|到|至|和)\s*(?:the\s+)?{_N}\s+{_N}{_STOP}")
_SPACED_QUAD = re.compile(rf"{_EDGE}{_N}\s+{_N}\s+{_N}\s+{_N}{_STOP}")
_TIMES = re.compile(rf"(?:\bat |坐标)\s*{_N}\s*[x×*/]\s*{_N}{_STOP}")
# 1,800 is one number beside a word of a window.
_THOUSANDS = re.compile(r"((?:width|level|ww|wl|window|hu|窗宽|窗位|\bw|\bl)[^\d,]{0,8}-?\d{1,3}),(\d{3})(?![\d,])")


def take_coordinates(text: str, spans: Spans) -> str:
    """The text with a mark for every pair and every set of corners."""
    text = _THOUSANDS.sub(r"\1\2", text)
    text = _SPACED_LIST.sub(_listed(spans), text)
    text = _CORNER_WORDS.sub(_quad(spans), text)
    if re.search(r"\d\s*[,，\s]\s*\d", text):
        text = _CORNER_NAMES.sub(" ", text)
    text = _SIDES.sub(_quad(spans, (0, 2, 1, 3)), text)
    text = _NAMED_CORNERS.sub(_quad(spans), text)
    text = _NAMED_RANGES.sub(_quad(spans, (0, 2, 1, 3)), text)
    text = _BRACKET_QUAD.sub(_quad(spans), text)
    text = _XY.sub(_pair(spans), text)
    for pattern in (_YX, _CHINESE_YX):
        text = pattern.sub(_pair(spans, swapped=True), text)
    for pattern in (_CHINESE_XY, _BRACKET_PAIR):
        text = pattern.sub(_pair(spans), text)
    text = _LOOSE_QUAD.sub(_quad(spans), text)
    for pattern in (_LOOSE_PAIR, _SLASHED_PAIR, _TIMES):
        text = pattern.sub(_pair(spans), text)
    text = _TWO_SPACED.sub(_quad(spans), _SPACED_QUAD.sub(_quad(spans), text))
    return _WORDED_PAIR.sub(_pair(spans), text)


def _listed(spans: Spans) -> Replacement:
    """10 20, 30 40: pairs without brackets."""

    def put(match: re.Match[str]) -> str:
        values = [float(value) for value in re.findall(_NUMBER, match.group(0))]
        exact = [int(value) if value == int(value) else value for value in values]
        return " ".join(spans.put(Token("pair", match.group(0), value=exact[i : i + 2])) for i in range(0, len(exact), 2))

    return put


def _numbers(match: re.Match[str]) -> list[float | int]:
    values = [float(group) for group in match.groups() if group is not None]
    return [int(value) if value == int(value) else value for value in values]


def _quad(spans: Spans, order: tuple[int, int, int, int] = (0, 1, 2, 3)) -> Replacement:
    def put(match: re.Match[str]) -> str:
        values = _numbers(match)
        return spans.put(Token("quad", match.group(0), value=[values[i] for i in order]))

    return put


def _pair(spans: Spans, *, swapped: bool = False) -> Replacement:
    def put(match: re.Match[str]) -> str:
        values = _numbers(match)
        return spans.put(Token("pair", match.group(0), value=values[::-1] if swapped else values))

    return put

"""Numbers in digits, English words and Chinese, as counts and as ordinals. The text is normalised and in lower case."""

from __future__ import annotations

import math
import re

from spinalsam.language.tokens import Replacement, Spans, Token

SMALL = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {word: 10 * number for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th", "ninth 9th",
            "tenth 10th", "eleventh 11th", "twelfth 12th", "thirteenth 13th",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip
_HIGH_ORDINALS = {"fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19,
                  "twentieth": 20,
                  "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90,
                  "hundredth": 100}  # fmt: skip
_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS = {"十": 10, "百": 100, "千": 1000}
CHINESE_DIGITS = "零〇一二两三四五六七八九十廿卅百千"

_UNIT = "|".join(list(SMALL)[1:10])
_TEEN = "|".join(list(SMALL)[1:])
_BELOW_HUNDRED = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-](?:{_UNIT}))?|{_TEEN})"
_CARDINAL = re.compile(
    rf"(?:\b(minus|negative(?= [a-z]+ hundred)) )?\b(?:((?:(?:{_UNIT}|a)\s+thousand\s+)?(?:{_UNIT}"
    rf"|a)\s+(?:hundred|thousand)|(?:{_TEEN})\s+hundred|hundred)(?:\s+and)?(?:\s+({_BELOW_HUNDRED}))?"
    rf"|({_BELOW_HUNDRED}))(?![\w-])"
)
_DOZENS = re.compile(rf"\b(half a|a half|half|an?|{_UNIT}|\d+)?\s*dozens?\b")
_COUPLES = re.compile(
    r"\b(?:a couple(?: of)?|couple of|couple(?=\s+(?:more\s+)?(?:points?|slices?|images?|steps?))|a pair(?: of)?|pair of)(?!\w)"
)
_TRIOS = re.compile(r"\b(?:a trio of|a triplet of)(?!\w)")
_TIMES = re.compile(
    r"(?:(?<=click )|(?<=tap )|(?<=undo )|(?<=redo )|(?<=back )|(?<=revert )|(?<=next )|(?<=forward )|(?<=that )|(?<=it )|(?<=step )"
    r"|(?<=again )|(?<=previous ))\b(once|twice|thrice)\b(?=\s*$|\s*[,.;!?]|\s+(?:and|then|more|please|in|for|now|before|after|on)\b)"
)
_REPEATED = re.compile(r"\b(?:x\s?(\d{1,3})|(\d{1,3})\s?x)\b")
_HIGH = re.compile(rf"\b(?:({'|'.join(_TENS)})[\s-]({'|'.join(list(ORDINALS)[::2][:9])})|({'|'.join(_HIGH_ORDINALS)}))\b")
_DIGIT = re.compile(r"(?<![a-z\d.])(第)?\s*(?:(minus|negative|负)\s*)?(-?\d+(?:\.\d+)?)(k\b)?(st\b|nd\b|rd\b|th\b)?(?![\d])")
_MEASURES = (
    "个|颗|枚|粒|点|层|张|页|幅|帧|片|步|次|下|处|组|切片|断面|坐标|种子|标记|背景|前景|正|格|档|回|倍|hu|提示|图|例|桢|副|张图|"
    "个操作|对(?!应)"
)
_CHINESE = re.compile(
    rf"(第)?((?<![上下前后每这首某另])[{CHINESE_DIGITS}]+|(?<=[上下前后])[二两三四五六七八九十百]+)(?=\s*(?:{_MEASURES}))"
    rf"|(俩|仨)|(一对|一双)|([一二两三四五六])打(?=\s*(?:点|个|背景|前景|种子|坐标|标记|提示))|(半打)|(几十)|第([{CHINESE_DIGITS}]+)"
)
_CHINESE_VALUE = re.compile(
    rf"(?<=[为到成是位宽调])(负)?([{CHINESE_DIGITS}]{{2,}})(?![个张层点维])|(?<=窗位)(负)?([{CHINESE_DIGITS}]+)|(?<=窗宽)()([{CHINESE_DIGITS}]+)"
)
_NO_NUMBER = (
    "三个平面",
    "三个方位",
    "三个视图",
    "三个切面",
    "三个方向",
    "三个断面",
    "两个方向",
    "两方向",
    "一下",
    "一些",
    "一次",
    "一点儿",
    "一起",
    "一遍",
    "三维",
    "三平面",
    "三视图",
    "三方位",
    "三正交",
    "三切面",
    "一个个",
    "四格",
    "一点点",
    "一般",
    "一样",
    "一直",
    "一并",
    "一张张",
    "一层层",
)
_STEPS_BACK = re.compile(r"(?:撤销|撤回|撤消|重做|回退|恢复|取消)(?:了|掉)?\s*$")
# "the one", "one by one" and the like count nothing.
_ONE = re.compile(
    r"\b(one by one|one another|each one|the (?:right |left |next |previous |last |first |current |same |other"
    r" |lower |upper |bigger |larger |smaller |higher |wrong |correct "
    r"|second )?one|this one|that one|which one|a new one|another one|no one|old one|new one|next one|previous one"
    r"|last one|first one)\b(?!\s+(?:points?|slices?|images?|box))"
)


def chinese_number(text: str) -> int | None:
    """二十五, 十二, 一百零三, 两千, 一千五, 25 to an int."""
    if text.isdigit():
        return int(text)
    text = re.sub("卅", "三十", re.sub("廿", "二十", text))
    if not text or any(char not in _DIGITS and char not in _UNITS and not char.isdigit() for char in text):
        return None
    if not any(unit in text for unit in _UNITS):
        return int("".join(str(_DIGITS.get(char, char)) for char in text))
    total, digit, unit = 0, 0, 1
    for char in text:
        if char in _UNITS:
            unit = _UNITS[char]
            total, digit = total + (digit or 1) * unit, 0
        else:
            digit = _DIGITS[char] if char in _DIGITS else int(char)
            unit = 1 if digit == 0 else unit
    # 三百五 is 350, 一千五 is 1500, 三百零五 is 305.
    return total + digit * (unit // 10 if unit >= 100 and digit else 1)


def take_numbers(text: str, spans: Spans) -> str:
    """The text with a mark for every number."""

    def put(value: float, match: re.Match[str], *, ordinal: bool = False) -> str:
        exact = int(value) if value == int(value) else value
        return spans.put(Token("number", match.group(0).strip(), value=exact, ordinal=ordinal))

    def digits(match: re.Match[str]) -> str:
        value = float(match.group(3)) * (-1 if match.group(2) else 1) * (1000 if match.group(4) else 1)
        if not math.isfinite(value):  # hundreds of digits are no number that anyone means
            return match.group(0)
        return put(value, match, ordinal=bool(match.group(1) or match.group(5)))

    text = re.sub(r"\b3[\s-]?d\b|(?<![a-z\d])3d(?![a-z\d])", " threedview ", text)
    text = re.sub(r"\b(3|three)[ -](?:orthogonal |anatomical |standard |main )?(planes?|views?|panes?)\b", " threeplanes ", text)
    text = re.sub(r"\b(?:3|three)[ -]dimensional(?:ly)?\b", " threedview ", text)
    text = _ONE.sub(lambda match: match.group(0).replace("one", " "), text)
    text = _TIMES.sub(lambda match: put({"once": 1, "twice": 2, "thrice": 3}[match.group(1)], match), text)
    text = _REPEATED.sub(lambda match: put(int(match.group(1) or match.group(2)), match), text)
    text = _DOZENS.sub(lambda match: put(_dozens(match.group(1)), match), text)
    text = _COUPLES.sub(lambda match: put(2, match), text)
    text = _TRIOS.sub(lambda match: put(3, match), text)
    text = _HIGH.sub(lambda match: put(_high_ordinal(match), match, ordinal=True), text)
    text = _CARDINAL.sub(lambda match: put(_cardinal(match), match), text)
    text = _DIGIT.sub(digits, text)
    text = _CHINESE.sub(_chinese(spans), text)
    return _CHINESE_VALUE.sub(_chinese_value(spans), text)


def _dozens(many: str | None) -> int:
    if not many or many in ("a", "an"):
        return 12
    return 6 if "half" in many else 12 * (int(many) if many.isdigit() else SMALL[many])


def _high_ordinal(match: re.Match[str]) -> int:
    tens, unit, whole = match.groups()
    return _HIGH_ORDINALS[whole] if whole else _TENS[tens] + ORDINALS[unit]


def _below_hundred(words: str) -> int:
    return sum(_TENS.get(word, SMALL.get(word, 0)) for word in re.split(r"[\s-]+", words))


def _cardinal(match: re.Match[str]) -> int:
    minus, big, rest, small = match.groups()
    return -_spelled(big, rest, small) if minus else _spelled(big, rest, small)


def _spelled(big: str, rest: str | None, small: str | None) -> int:
    if small:
        return _below_hundred(small)
    *thousands, first, scale = ["a", *big.split()] if big == "hundred" else big.split()
    above = 1000 * _units(thousands[0]) if thousands else 0
    return above + _units(first) * (1000 if scale == "thousand" else 100) + (_below_hundred(rest) if rest else 0)


def _units(word: str) -> int:
    return 1 if word == "a" else SMALL[word]


def _is_time_or_degree(match: re.Match[str]) -> bool:
    """三点钟, 两点半, 快一点: no points."""
    before, after = match.string[max(0, match.start() - 1) : match.start()], match.string[match.end() : match.end() + 2]
    if after[:1] != "点":
        return False
    return after[1:] in ("钟", "半", "多", "整", "左") or (match.group(0) == "一" and before in _DEGREES)


_DEGREES = tuple("快慢早晚大小高低多少好轻重远近长短差有宽窄厚薄亮暗密疏")


def _chinese(spans: Spans) -> Replacement:
    def put(match: re.Match[str]) -> str:
        if _is_time_or_degree(match):
            return match.group(0)
        ordinal, plain, pair, double, dozens, half, _, bare = match.groups()
        skips = [skip for skip in _NO_NUMBER if match.string.startswith(skip, match.start())]
        if "一下" in skips or (skips and not _STEPS_BACK.search(match.string[: match.start()])):
            return match.group(0)
        value: int | None
        if pair or double:
            value = 3 if pair == "仨" else 2
        elif half:
            value = 6
        elif plain or bare:
            value = chinese_number(plain or bare)
        else:
            value = 12 * (chinese_number(dozens) or 1) if dozens is not None else None
        if value is None:
            return match.group(0)
        return spans.put(Token("number", match.group(0), value=value, ordinal=bool(ordinal or bare)))

    return put


def _chinese_value(spans: Spans) -> Replacement:
    """A number in Chinese after 窗宽, 设为 and the like, with no measure word."""

    def put(match: re.Match[str]) -> str:
        groups = match.groups()
        minus, digits = next((groups[i], groups[i + 1]) for i in (0, 2, 4) if groups[i + 1])
        value = chinese_number(digits)
        if value is None:
            return match.group(0)
        return spans.put(Token("number", match.group(0), value=-value if minus else value))

    return put

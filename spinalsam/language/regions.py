"""Vertebrae, ranges and groups in every way of saying them. The text is normalised and in lower case."""

from __future__ import annotations

import re

from spinalsam.language.numbers import CHINESE_DIGITS, ORDINALS, SMALL, chinese_number
from spinalsam.language.tokens import MARK, Replacement, Spans, Token
from spinalsam.support.anatomy import CERVICAL, LUMBAR, THORACIC

_LETTER = {
    **dict.fromkeys(("c", "cervical", "颈"), "C"),
    **dict.fromkeys(("t", "th", "d", "thoracic", "dorsal", "胸"), "T"),
    **dict.fromkeys(("l", "lumbar", "腰"), "L"),
    **dict.fromkeys(("s", "sacral", "骶"), "S"),
}
_LARGEST = {"C": 7, "T": 13, "L": 6, "S": 5}
_USUAL = {"C": 7, "T": 12, "L": 5, "S": 5}
_GROUPS = {"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "sacrum"}

_ORD = "|".join(ORDINALS)
_WORDS = "|".join(list(SMALL)[1:14])
_PART = "cervical|thoracic|dorsal|lumbar|sacral"
_CN = f"[{CHINESE_DIGITS}\\d]+"
_CN_DIGIT = "[一二三四五六七八九十]"
_LIST = r"(?:\s*(?:,|、|/|&|\+|and|和|及|与)\s*)"
_RANGE = (
    r"\s*(?:-+>?|~|to|through|thru|until|till|(?:back |on )?(?:up|down) to|back to|as far as|all the way (?:up |down )?to"
    r"|upto|至|到|直到|一直到)\s*"
)
_COUNTED = (
    r"(?!\s*(?:more |extra |new |negative |positive |background |foreground |seed |prompt )*"
    r"(?:points?|dots?|clicks?|seeds?|box(?:es)?|slices?|markers?|mm|hu|times|steps?|images?|rectangles?))"
)
_CN_COUNTED = r"(?!\s*(?:个|颗|点(?!上|下|[一二两三四五六七八九十几\d])|层|张|步|枚|处(?=点|$)|次|组|背景|前景|负|正)(?!椎))"
_TAIL = r"(?:\s*(?:vertebra[el]?s?|vertebral bod(?:y|ies)|bod(?:y|ies)|levels?|segments?)\b(?!\s+(?:it|them|using|with|from)\b))?"
_CN_TAIL = r"(?:椎体|椎骨|椎|节段|节|号|水平)*"

# L1, 2 and 3; L4/5; T3+4: further numbers of the same letter.
_LETTERED_LIST = re.compile(
    rf"(?<![a-z0-9])(c|th|t|d|l)[\s.\-]?(\d{{1,2}})((?:{_LIST}\d{{1,2}}(?!\d|\.\d|\s*[-~]\s*\d|[a-z])){{1,8}}){_COUNTED}(?!\s*(?:,|、)\s*\d)"
)
_CN_LIST = re.compile(rf"(颈|胸|腰)椎?(?:第)?({_CN})((?:、(?:第)?{_CN}(?![\d个颗点层张步])){{1,8}})(?:节|椎体|椎)?")
_CN_ORDINAL_LIST = re.compile(rf"第({_CN})((?:(?:、|和|与|及|，|,)(?:第)?{_CN})+)(?:节|个|块|号)?(?:的)?(颈|胸|腰)椎?(?:体|骨)?")
_CN_ORDINAL_RANGE = re.compile(rf"第?({_CN})(?:节|号)?\s*(?:-|~|至|到)\s*第?({_CN})(?:节|个|块|号|段)?(颈|胸|腰)(?:椎体|椎骨|椎)")
_CN_FIRST = re.compile(rf"(前|最前面?|上面|最上面|后|最后|下面|最下面|末)(?:的)?({_CN})?(?:节|个|块|段)(颈|胸|腰)(?:椎体|椎骨|椎)")
# L1-3, T5 to 8, 腰1到3
_SHORT_RANGE = re.compile(
    rf"(?<![a-z0-9])(c|th|t|d|l|颈椎?|胸椎?|腰椎?)[\s\-]?(\d{{1,2}}){_RANGE}(\d{{1,2}})(?![\d.a-z])(?!\s*(?:mm|hu))(?:椎体|椎骨|椎|节)?"
)
_CN_SHORT_RANGE = re.compile(
    rf"(颈|胸|腰)椎?(?:第)?({_CN_DIGIT}+)(?:节)?\s*(?:-|~|至|到)\s*(?:第)?({_CN_DIGIT}+)(?=椎|节|$|[^个张层颗一二三四五六七八九十])(?:椎体|椎骨|椎|节)?"
)
_SPELLED_RANGE = re.compile(
    rf"\b({_PART})\s+(?:vertebrae?\s+|levels?\s+|segments?\s+|bodies\s+)?(\d{{1,2}}|{_WORDS}){_RANGE}(\d{{1,2}}|{_WORDS})\b{_COUNTED}"
)
_SPELLED_LIST = re.compile(
    rf"\b({_PART})\s+(?:vertebrae?\s+|levels?\s+|segments?\s+|bodies\s+)?(?:number\s+)?(\d{{1,2}}"
    rf"|{_WORDS})((?:{_LIST}(?:\d{{1,2}}|{_WORDS})\b)+){_COUNTED}"
)
_ORDINAL_RANGE = re.compile(rf"\b({_ORD}){_RANGE}(?:the\s+)?({_ORD})\s+({_PART})\b{_TAIL}")
_ORDINAL_LIST = re.compile(rf"\b({_ORD})((?:\s*(?:,|and|&)\s*(?:and\s+)?(?:the\s+)?(?:{_ORD}))+)\s+({_PART})\b{_TAIL}")
_FIRST_FEW = re.compile(rf"\b(first|top|upper|uppermost|last|lowest|bottom|lower|final)\s+(\d|{_WORDS})\s+({_PART})\b{_TAIL}")
_LAST_ONE = re.compile(
    rf"\b(lowest|last|uppermost|topmost|top|bottom|highest|final|lowermost)\s+({_PART})\s+(?:vertebra|vertebral body|level|bone)\b"
)
_LEVELS = (
    re.compile(rf"\b({_ORD})\s+({_PART})\b{_TAIL}"),
    re.compile(
        rf"\b({_PART})\s+(?:vertebra\s+|level\s+|spine\s+|segment\s+|body\s+)?(?:number\s+|no\.?\s*|nr\.?\s*"
        rf"|#\s*)?(\d{{1,2}}|{_WORDS})\b{_COUNTED}"
    ),
    re.compile(r"(?<![a-z0-9'])(c|th|t|d|l|s)[\s.\-_]?(\d{1,2})(?![\d]|[a-z](?!\d))" + _TAIL),
    re.compile(rf"(?<![a-z0-9'])(c|t|l|s)[\s\-]({_WORDS})\b{_COUNTED}"),
    re.compile(rf"第({_CN})(?:节|个|块|段|号)?(?:的)?(颈|胸|腰|骶)(?:椎体|椎骨|椎){_CN_TAIL}"),
    re.compile(rf"(?<![\d{CHINESE_DIGITS}])({_CN})号(颈|胸|腰)椎"),
    re.compile(rf"(?<![\d{CHINESE_DIGITS}第两])([一二三四五六七八九十]{{1,2}})(颈|胸|腰)椎(?!间|管)"),
    re.compile(rf"(颈|胸|腰|骶)椎(?:体|骨)?(?:的)?第({_CN})(?:节|个|块|段|号){_CN_TAIL}"),
    re.compile(rf"(颈|胸|腰|骶)(?:椎体|椎骨|椎)?\s*(?:第)?\s*(\d{{1,2}}|{_CN_DIGIT}+)(?![\d.]){_CN_COUNTED}{_CN_TAIL}"),
)
_NUMBERED_OF = re.compile(
    rf"\b(?:(?:vertebra|level|segment|body)\s+(?:number\s+|no\.?\s*)?(\d{{1,2}}|{_WORDS})|({_ORD})(?:\s+(?:vertebra"
    rf"|level|segment|body|one))?)\s+(?:of|in|from)\s+(?:the\s+)?({_PART})\b(?:\s+(?:spine|vertebrae|column))?"
)
_GROUP_TAIL = (
    r"(?:\s+(?:spine|vertebra[el]?s?|vertebral column|vertebral bodies|column|region|segments?(?!\s+(?:it|them"
    r"|using))|area|part|levels?|section|bones?|bodies))?"
)
_WHOLE = r"(?:(?:whole|entire|full|complete) )?"
_NAMES: tuple[tuple[re.Pattern[str], list[str]], ...] = tuple(
    (re.compile(pattern), names)
    for pattern, names in (
        (rf"\bthoraco-?\s?lumbar{_GROUP_TAIL}\b|胸腰椎|胸腰段", ["thoracic", "lumbar"]),
        (rf"\blumbo-?\s?sacral{_GROUP_TAIL}\b|腰骶椎|腰骶段|腰骶部", ["lumbar", "sacrum"]),
        (rf"\bcervico-?\s?thoracic{_GROUP_TAIL}\b|颈胸椎|颈胸段", ["cervical", "thoracic"]),
        (
            r"\b(?:os\s+)?sacrum\b|\bsacral(?:\s+(?:bone|vertebrae?|spine|segment|area|region))?\b|\bsacra\b|骶骨|骶椎|荐骨|荐椎|骶部|骶段|骶(?!髂)",
            ["sacrum"],
        ),
        (
            r"\bos\s+coccygis\b|\bcoccyx\b|\bcoccygeal(?:\s+(?:bone|vertebrae?|segment))?\b|\btail\s?-?bone\b|尾骨|尾椎骨?|尾巴骨",
            ["coccyx"],
        ),
        (r"\baxis\s+(?:vertebra|bone)\b|\baxis\b(?=\s*(?:and|or|,|&|/|-|to)\s*(?:the\s+)?(?:atlas|c1))|枢椎", ["C2"]),
        (r"\b(?:the\s+)?atlas(?:\s+vertebra)?\b|寰椎", ["C1"]),
        (r"\bvertebra prominens\b|隆椎", ["C7"]),
        (
            rf"\b{_WHOLE}c[\s-]?spine\b|\b{_WHOLE}(?:cervical|neck)(?:s|{_GROUP_TAIL})\b|颈椎(?:段|部分|区域|节段)?|颈段(?:脊柱)?|颈部(?:脊柱|脊椎)?",
            ["cervical"],
        ),
        (
            rf"\b{_WHOLE}[td][\s-]?spine\b|\b{_WHOLE}(?:thoracic|dorsal)(?:s|{_GROUP_TAIL})\b|胸椎(?:段|部分|区域|节段)?|胸段(?:脊柱)?|胸部(?:脊柱|脊椎)",
            ["thoracic"],
        ),
        (
            rf"\b{_WHOLE}l[\s-]?spine\b|\b{_WHOLE}lumbar(?:s|{_GROUP_TAIL})\b|\blower back\b"
            r"|腰椎(?:段|部分|区域|节段)?|腰段(?:脊柱)?|腰部(?:脊柱|脊椎)?",
            ["lumbar"],
        ),
        (
            rf"\b{_WHOLE}(?:spinal column|vertebral column|spinal vertebrae|spinal bones?|backbone|spines?|vertebrae"
            rf"|every (?:single )?vertebra|all (?:of )?(?:the )?vertebra[el]?|each vertebra)\b"
            r"|全脊柱|整[条个根段]脊[柱椎]|整[条个]椎骨|脊柱|脊椎骨?|全脊椎|脊梁骨?|椎骨全部|(?:所有|全部|每个|每节|每一节)(?:的)?(?:椎体|椎骨|脊椎)",
            ["spine"],
        ),
    )
)


# L7, C9: written like a level, and none.
_NO_LEVEL = re.compile(r"(?<![a-z0-9])[ctdl]-?\d{1,2}(?![\d.a-z])")


def take_regions(text: str, spans: Spans) -> str:
    """The text with a mark for every level, list, range and group."""
    for pattern, replacement in (
        (_NUMBERED_OF, _numbered_of(spans)),
        (_CN_ORDINAL_RANGE, _from_to(spans, letter=3)),
        (_CN_ORDINAL_LIST, _enumerated(spans, letter=3, first=1, rest=2)),
        (_CN_LIST, _enumerated(spans)),
        (_CN_FIRST, _extreme_chinese(spans)),
        (_ORDINAL_RANGE, _from_to(spans, letter=3)),
        (_ORDINAL_LIST, _enumerated(spans, letter=3, first=1, rest=2)),
        (_FIRST_FEW, _extreme(spans)),
        (_LAST_ONE, _extreme(spans)),
        (_LETTERED_LIST, _enumerated(spans)),
        (_CN_SHORT_RANGE, _from_to(spans)),
        (_SHORT_RANGE, _from_to(spans)),
        (_SPELLED_RANGE, _from_to(spans)),
        (_SPELLED_LIST, _enumerated(spans)),
        *((pattern, _level(spans)) for pattern in _LEVELS),
        *((pattern, _named(spans, names)) for pattern, names in _NAMES),
    ):
        text = pattern.sub(replacement, text)
    if not re.search(r"(?<![a-z])w\s?\d", text):
        text = _NO_LEVEL.sub(" nosuchlevel ", text)
    return _joined_ranges(text, spans)


def level_name(letter: str, number: int | None) -> str | None:
    """L3, T11 ... or sacrum for S1-S5; None where there is no such level. letter: as written, in any of the spellings."""
    code = _LETTER[letter]
    if number is None or not 1 <= number <= _LARGEST[code]:
        return None
    return "sacrum" if code == "S" else f"{code}{number}"


def between(first: str, last: str) -> list[str]:
    """All levels from one to the other, in the order said; the variants L6 and T13 only where they are an end."""
    order = [*CERVICAL, *THORACIC, *LUMBAR, "sacrum", "coccyx"]
    for variant, after in (("T13", "T12"), ("L6", "L5")):
        if variant in (first, last):
            order.insert(order.index(after) + 1, variant)
    if first not in order or last not in order:
        return []
    a, b = order.index(first), order.index(last)
    return order[a : b + 1] if a <= b else order[b : a + 1][::-1]


def _value(word: str) -> int | None:
    return ORDINALS.get(word) or SMALL.get(word) or chinese_number(word)


def _put(spans: Spans, match: re.Match[str], names: list[str | None]) -> str:
    """A mark for the names; the text as it was where one of them is no level."""
    known = [name for name in names if name is not None]
    if not known or len(known) < len(names):
        return match.group(0)
    return spans.put(Token("region", match.group(0).strip(), value=list(dict.fromkeys(known))))


def _level(spans: Spans) -> Replacement:
    def put(match: re.Match[str]) -> str:
        first, second = match.group(1), match.group(2)
        letter, number = (first, second) if first in _LETTER else (second, first)
        return _put(spans, match, [level_name(letter, _value(number))])

    return put


def _numbered_of(spans: Spans) -> Replacement:
    """'vertebra number four of the lumbar spine'."""

    def put(match: re.Match[str]) -> str:
        return _put(spans, match, [level_name(match.group(3), _value(match.group(1) or match.group(2)))])

    return put


def _named(spans: Spans, names: list[str]) -> Replacement:
    return lambda match: spans.put(Token("region", match.group(0), value=list(names)))


def _from_to(spans: Spans, letter: int = 1) -> Replacement:
    """Groups: a letter and two numbers; letter tells which group it is."""

    def put(match: re.Match[str]) -> str:
        numbers = [match.group(i) for i in (1, 2, 3) if i != letter]
        ends = [level_name(match.group(letter).rstrip("椎"), _value(number)) for number in numbers]
        if ends[0] is None or ends[1] is None:
            return match.group(0)
        return _put(spans, match, [*between(ends[0], ends[1])])

    return put


def _enumerated(spans: Spans, letter: int = 1, first: int = 2, rest: int = 3) -> Replacement:
    """Groups: a letter, a number, and further numbers with what stands between them."""

    def put(match: re.Match[str]) -> str:
        others = re.findall(rf"\b(?:{_ORD}|{_WORDS})\b|\d+|[{CHINESE_DIGITS}]+", match.group(rest))
        return _put(spans, match, [level_name(match.group(letter), _value(number)) for number in [match.group(first), *others]])

    return put


def _extreme(spans: Spans) -> Replacement:
    """The first three lumbar vertebrae, the lowest thoracic vertebra."""

    def put(match: re.Match[str]) -> str:
        groups = match.groups()
        code = _LETTER[groups[-1]]
        count = _value(groups[1]) if len(groups) == 3 else 1
        return _put(spans, match, _ends(code, count or 1, first=groups[0] in ("first", "top", "upper", "uppermost", "topmost", "highest")))

    return put


def _extreme_chinese(spans: Spans) -> Replacement:
    def put(match: re.Match[str]) -> str:
        where, count, letter = match.groups()
        return _put(spans, match, _ends(_LETTER[letter], chinese_number(count or "1") or 1, first="前" in where or "上" in where))

    return put


def _ends(code: str, count: int, *, first: bool) -> list[str | None]:
    if count > _USUAL[code]:
        return [None]
    numbers = range(1, count + 1) if first else range(_USUAL[code] - count + 1, _USUAL[code] + 1)
    return [f"{code}{number}" for number in numbers] if code != "S" else ["sacrum"]


_BETWEEN = re.compile(rf"((?:\bbetween|\bfrom|从|自|由)\s+)({MARK})\s*(?:and|和|与|到|至|to)\s*({MARK})")
_PLAIN_RANGE = re.compile(rf"()({MARK}){_RANGE}(?:the\s+)?({MARK})")


def _joined_ranges(text: str, spans: Spans) -> str:
    """``L1 to L3`` written out; ``between L1 and L3`` too."""

    def join(match: re.Match[str]) -> str:
        first, last = spans.at(match.group(2)), spans.at(match.group(3))
        if first.kind != "region" or last.kind != "region" or len(first.value) != 1 or len(last.value) != 1:
            return match.group(0)
        names = between(first.value[0], last.value[0])
        return spans.put(Token("region", f"{first.text}-{last.text}", value=names)) if names else match.group(0)

    return _PLAIN_RANGE.sub(join, _BETWEEN.sub(join, text))

"""What must not leave the program, taken out of a sentence before it is sent and put back into what comes back.

Paths, names, dates, ages and identifiers become placeholders such as ``<PATH_1>``. What looks like one is taken out: a word too many costs
some understanding, a word too few is a person's name on somebody else's machine. The longer rules live in `redaction_words`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from spinalsam.language import lexicon
from spinalsam.language import redaction_words as known
from spinalsam.support.anatomy import REGIONS

KINDS = ("PATH", "NAME", "DATE", "AGE", "ID")
_PLACEHOLDER = re.compile(r"<?\b(PATH|NAME|DATE|AGE|ID)[_ ](\d{1,3})\b>?", re.I)
_TAKEN = "\ue000"  # stands in the working copy where something was found; neither a word nor a space


@dataclass(frozen=True)
class Redacted:
    """A sentence that may be sent. hidden: what each placeholder stands for; it never leaves and is left out of the repr."""

    text: str
    hidden: dict[str, str] = field(default_factory=dict, repr=False)

    def restore(self, value: Any) -> Any:
        """The value with its placeholders replaced by what they stand for, in texts and inside lists and dictionaries."""
        if isinstance(value, str):
            return _PLACEHOLDER.sub(self._meant, value)
        if isinstance(value, (list, tuple)):
            return [self.restore(item) for item in value]
        if isinstance(value, dict):
            return {self.restore(key): self.restore(item) for key, item in value.items()}
        return value

    def _meant(self, match: re.Match[str]) -> str:
        return self.hidden.get(f"<{match[1].upper()}_{int(match[2])}>", match[0])


def redact(text: str) -> Redacted:
    """The sentence with everything private replaced. The same thing gets the same placeholder each time. Never raises."""
    found = _Found(text)
    for find in (_paths, _addresses, _ages, _named_identifiers, _dates, _identifiers, _titled_names, _chinese_names, _words):
        find(found)
    return found.redacted()


class _Found:
    """The sentence with a working copy of the same length: plain, simplified, and blank where something was found."""

    def __init__(self, text: str) -> None:
        self.text = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
        self.flat = "".join(_plain(character) for character in self.text).translate(lexicon.simplified())
        self.spans: list[tuple[int, int, str]] = []

    def take(self, start: int, end: int, kind: str) -> None:
        if start < end and _TAKEN * (end - start) != self.flat[start:end]:
            self.spans.append((start, end, kind))
            self.flat = self.flat[:start] + _TAKEN * (end - start) + self.flat[end:]

    def take_all(self, pattern: re.Pattern[str], kind: str, group: int | str = 0) -> None:
        for match in pattern.finditer(self.flat):
            if match.start(group) >= 0 and _TAKEN not in match[0]:
                self.take(match.start(group), match.end(group), kind)

    def redacted(self) -> Redacted:
        names: dict[str, str] = {}  # what was found to its placeholder
        counts = dict.fromkeys(KINDS, 0)
        parts, position = [], 0
        for start, end, kind in _merged(self.spans, self.text):
            original = self.text[start:end]
            if original not in names:
                counts[kind] += 1
                names[original] = f"<{kind}_{counts[kind]}>"
            parts += [self.text[position:start], names[original]]
            position = end
        return Redacted("".join([*parts, self.text[position:]]), {placeholder: original for original, placeholder in names.items()})


def _plain(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


def _merged(spans: list[tuple[int, int, str]], text: str) -> list[tuple[int, int, str]]:
    """In order; names and dates that only a space, a comma or a dot parts become one ('John A. Smith')."""
    merged: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans):
        if merged:
            before, until, other = merged[-1]
            if kind == other and kind in ("NAME", "DATE") and re.fullmatch(r"[ .,\u00b7-]{0,2}", text[until:start]):
                merged[-1] = (before, end, kind)
                continue
        merged.append((start, end, kind))
    return merged


# Paths

_ENDINGS = (
    r"nii\.gz|seg\.nrrd|tar\.gz|nii|nrrd|nhdr|mhd|mha|dcm|dicom|ima|hdr|img|png|jpe?g|jp2|tiff?|bmp|gif|stl|obj|ply|vtk|vtp|json|jsonl|csv|txt|pdf|"
    r"docx?|xlsx?|zip|gz|tgz|7z|rar|npy|npz|mat|h5|raw|bin|pt|pth|onnx|safetensors|dat|xml|yaml|yml|toml|log|py|sh|bak"
)
_CJK = "\u3400-\u9fff"
_ROOT = r"(?:[A-Za-z]:[\\/]|\\\\|~[\\/]|\.{1,2}[\\/]|(?<![A-Za-z0-9_.)])/(?=[\w.])|[A-Za-z]+://)"
_QUOTED = re.compile(r"[\"“”„‟«»「『]([^\"“”„‟«»「」『』\n]+)[\"“”„‟«»」』]|(?<![A-Za-z])[‘'`]([^'`‘’\n]+)['`’](?![A-Za-z])")
_ROOTED_FILE = re.compile(rf"{_ROOT}[^\"“”<>|?*\n,;，；。]*?\.(?:{_ENDINGS})(?![\w.])", re.I)
_ROOTED = re.compile(rf"{_ROOT}[^\s\"“”<>|?*,;，；。、]*", re.I)
_SLASHED = re.compile(r"[^\s\"“”,;，；。、()\[\]{}（）]*[\\/][^\s\"“”,;，；。、()\[\]{}（）]*")
_NAMED_FILE = re.compile(rf"[^\s\"'“”‘’,;:，；：。、()（）\ue000]+\.(?:{_ENDINGS})(?![A-Za-z0-9])", re.I)
# Chinese has no space between the verb and the file's name.
_FILE_VERB = re.compile(
    r"(?:打开|读取|读入|载入|加载|导入|导出|保存|另存|存储|输出|写入|存|名为|命名|叫做|文件|图像|掩膜|掩码|并|再|把|将|从|用)*(?:到|为|成|至|在|是)?"
)


def _paths(found: _Found) -> None:
    for match in _QUOTED.finditer(found.flat):
        group = 1 if match[1] is not None else 2
        if re.search(rf"[\\/]|\.(?:{_ENDINGS})\s*$", match[group], re.I):
            found.take(match.start(group), match.end(group), "PATH")
    for pattern in (_ROOTED_FILE, _ROOTED):
        for match in pattern.finditer(found.flat):
            found.take(match.start(), match.start() + len(match[0].rstrip(".!?:！？：")), "PATH")
    for match in _SLASHED.finditer(found.flat):
        if _TAKEN not in match[0] and not all(_is_harmless_part(part) for part in re.split(r"[\\/]", match[0].strip(".!?:"))):
            found.take(match.start(), match.end(), "PATH")
    for match in _NAMED_FILE.finditer(found.flat):
        verb = _FILE_VERB.match(match[0])
        start = match.start() + (verb.end() if verb else 0)
        if not found.flat[start : match.end()].startswith(".") and found.flat[start : match.end()].lower() not in ("nii.gz", "seg.nrrd"):
            found.take(start, match.end(), "PATH")


def _is_harmless_part(part: str) -> bool:
    """'L4/L5', 'and/or', 'WW/WL', '1/2' are no paths."""
    return not part or _is_measure(part) or is_spoken_of(part.lower()) or bool(re.fullmatch(rf"[{_CJK}]{{1,6}}", part))


# Addresses, dates, ages and identifiers

_ADDRESSES = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\bwww\.[^\s,，。]+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|de|cn|uk|fr)\b(?:/\S*)?", re.I | re.A
)


def _addresses(found: _Found) -> None:
    found.take_all(_ADDRESSES, "ID")


_MONTH = "|".join(sorted(known.MONTHS, key=len, reverse=True))
_SURE_MONTH = "|".join(sorted(set(known.MONTHS) - {"may", "march", "mar"}, key=len, reverse=True))
_HAN = "零〇一二三四五六七八九十两"
_DATES = tuple(
    re.compile(pattern, re.I | re.A)
    for pattern in (
        r"(?<![\d.])(?:1[89]|2[01])\d\d\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}\s*[日号]?|\s*月份?)?"
        r"(?:[T ]\d{1,2}:\d\d(?::\d\d)?)?(?![\d.])",
        r"(?<![\d.])\d{1,2}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?(?:\d{4}|\d{2})(?![\d.])",
        r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?[\s-]*(?:{_MONTH})\b\.?(?:[\s,-]*(?:\d{{4}}|'?\d{{2}}))?(?!\w)",
        rf"\b(?:{_SURE_MONTH})\b\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s*\d{{4}}\b)?",
        r"\b(?:may|march|mar)\b\.?\s+\d{1,2}(?:(?:st|nd|rd|th)\b(?:,?\s*\d{4}\b)?|,?\s*\d{4}\b)",
        rf"\b(?:{_MONTH})\b\.?,?\s+(?:of\s+)?(?:19|20)\d\d\b",
        rf"\b(?:{'|'.join(set(known.MONTHS) - {'may', 'march', 'mar', 'jun', 'dec', 'sep', 'jan'})})\b",
        rf"\b(?:{'|'.join(known.WEEKDAYS)})s?\b",
        rf"(?:\d{{2,4}}|[{_HAN}]{{2,4}})年(?:\s*(?:\d{{1,2}}|[{_HAN}]{{1,3}})月份?)?(?:\s*(?:\d{{1,2}}|[{_HAN}]{{1,3}})[日号])?",
        rf"(?:\d{{1,2}}|[{_HAN}]{{1,3}})月(?:\s*(?:\d{{1,2}}|[{_HAN}]{{1,3}})[日号]|份)",
        rf"(?:农历|阴历|正月|腊月)(?:[{_HAN}正腊]{{1,3}}月)?(?:初|十|廿|[{_HAN}])[{_HAN}]{{0,2}}",
        r"\b(?:in|of|since)\s+(?:nineteen|twenty)[\s-]+(?:hundred|(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
        r"|(?:oh|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?)\b",
        r"(?:星期|礼拜|周)[一二三四五六日天](?![张个步层条])",
        r"\b(?:born|dob|birthday|year|since|in)\s*:?\s*(?:in\s+)?(?P<year>(?:19|20)\d\d)\b",
        r"(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?:\s*[ap]m)?(?!\d)",
    )
)
_AGES = tuple(
    re.compile(pattern, re.I | re.A)
    for pattern in (
        r"\b\d{1,3}[\s-]*(?:years?|yrs?|months?|weeks?)[\s-]*(?:old|of\s+age)\b",
        r"\b\d{1,3}\s*(?:yo|y/o|y\.o\.)(?!\w)",
        r"\b(?:aged?|age\s+(?:is|of))\s*:?\s*\d{1,3}\b",
        r"\b\d{2}\s?[MF]\b",
        rf"(?:\d{{1,3}}|[{_HAN}百]{{1,4}})\s*(?:周岁|岁|个月大)",
        r"\b(?:\w+ty|\w+teen)(?:[\s-]\w+)?[\s-]*years?[\s-]*old\b",
    )
)


def _ages(found: _Found) -> None:
    for pattern in _AGES:
        found.take_all(pattern, "AGE")


def _dates(found: _Found) -> None:
    for pattern in _DATES:
        found.take_all(pattern, "DATE", "year" if "year" in pattern.groupindex else 0)


_VALUE = r"(?P<value>[A-Za-z]{0,5}[-_/#]?\d(?:[\w./-]*\w)?)"
_NAMED_IDENTIFIERS = tuple(
    re.compile(pattern, re.I | re.A)
    for pattern in (
        r"(?P<value><?(?:PATH|NAME|DATE|AGE|ID)_\d+>?)",  # what only looks like a placeholder
        rf"\b(?:{known.ID_WORDS})\b(?:\s*(?:number|num|no\.?|nr\.?|code))?\s*(?:[#:=]|is|was)?\s*#?{_VALUE}",
        rf"(?:{known.CHINESE_ID_WORDS})\s*(?:[:#=]|是|为)?\s*(?P<value>[A-Za-z]{{0,5}}[-_]?\d[\w-]*)",
        r"(?P<value>(?:\d+|[A-Za-z]\d+))\s*(?:号床|床|号病房|号病人|号患者|号病例)",
    )
)
_IDENTIFIERS = tuple(
    re.compile(pattern, re.I | re.A)
    for pattern in (
        r"(?<![\w.])\d+(?:\.\d+){3,}(?![\w])",
        r"\+\d[\d ()-]{6,}\d",
        r"(?<![\w.-])\(?\d{2,5}\)?-\d{2,5}-\d{2,6}(?:-\d+)*(?![\w])",
        r"(?<![\w.-])\d{4,}-\d{5,}(?!\w)|(?<![\w.-])\d{5,}-\d{4,}(?!\w)",
        r"(?P<value>#\s?\w*\d\w*)",
        r"(?<![\w.])(?P<value>0\d{2,})(?![\w.])",
        r"(?<![\d.])\d{5,}(?![\d])",
        rf"[{_HAN}]*(?:[零〇一二三四五六七八九]{{5,}})",
    )
)
_MIXED = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z_])[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*(?![\w-])|[A-Za-z0-9_]*_[A-Za-z0-9_]*", re.A)


def _identifiers(found: _Found) -> None:
    _take_identifiers(found, _IDENTIFIERS)
    for match in _MIXED.finditer(found.flat):
        if _TAKEN not in match[0] and match[0].strip("_") and not _is_plain(match[0]):
            found.take(match.start(), match.end(), "ID")


def _is_plain(word: str) -> bool:
    """'generate_point_mask' and 'L3-L5' are no identifiers; with an underscore, words that only a dictionary knows are not plain."""
    parts = [part for part in re.split(r"[-_]", word) if part]
    if "_" in word:
        return all(_MEASURE.fullmatch(part) or _is_ours(part.lower()) for part in parts)
    return all(_is_measure(part) for part in parts)


def _named_identifiers(found: _Found) -> None:
    _take_identifiers(found, _NAMED_IDENTIFIERS)


def _take_identifiers(found: _Found, patterns: tuple[re.Pattern[str], ...]) -> None:
    for pattern in patterns:
        group = "value" if "value" in pattern.groupindex else 0
        for match in pattern.finditer(found.flat):
            if _TAKEN not in match[0] and not _is_region(match[group]) and not _is_ordinal(found.flat, match):
                found.take(match.start(group), match.end(group), "ID")


_COUNTED = re.compile(r"\b(?:slice|image|layer|frame|point|box|mask|step|candidate)s?\s*(?:number|no\.?|nr\.?)?\s*$", re.I)


def _is_ordinal(flat: str, match: re.Match[str]) -> bool:
    """'slice #12' counts slices; 'case #4711' is a number of somebody."""
    return match[0].startswith("#") and len(match[0]) <= 5 and bool(_COUNTED.search(flat[: match.start()]))


_UNIT = r"(?:st|nd|rd|th|d|mm|cm|px|hu|x|times|pts?|points?|boxes|box|slices?|steps?|layers?|%)"
_MEASURE = re.compile(
    rf"(?:(?:[ctdsl]|th)\d{{1,2}}|os|[wlxyzijk]{{1,2}}\d{{1,4}}|ww\d{{1,4}}|wl\d{{1,4}}|\d{{1,4}}{_UNIT}?|\d{{1,4}}(?:x\d{{1,4}}){{1,2}}(?:px|mm)?|[23]d|t[12]w?)",
    re.I,
)


def _is_measure(part: str) -> bool:
    """Regions, counts, sizes, windows and coordinates: 'L3', '3D', '12th', '512x512', 'w1800', 'slice40'."""
    if _MEASURE.fullmatch(part):
        return True
    glued = re.fullmatch(r"([A-Za-z]+)([1-9]\d{0,3})?([A-Za-z]*)", part)
    if glued is None or re.fullmatch(known.ID_WORDS, glued[1], re.I):
        return False
    return all(is_spoken_of(word.lower()) for word in (glued[1], glued[3]) if word)


def _is_region(word: str) -> bool:
    return bool(re.fullmatch(r"(?:[ctdsl]|th)-?\d{1,2}(?:-(?:[ctdsl]|th)?\d{1,2})?", word, re.I))


# Names

_DICOM_NAME = re.compile(r"[\w'-]+(?:\^+[\w'. -]*\w)+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", re.U)
_TITLE = re.compile(rf"\b(?P<title>{'|'.join(known.TITLES)})\b\.?\s*(?P<name>[A-Za-z][\w'’-]*)(?:\s+(?P<second>[A-Z][\w'’-]*))?", re.I)
_SURNAME_FIRST = re.compile(r"\b[A-Z][\w'’-]+,\s?[A-Z][\w'’-]+\b")
_INITIAL = re.compile(r"\b[A-Z]\.(?=\s?\ue000)|(?<=\ue000)\s[A-Z]\.?(?=\W|$)")


def _titled_names(found: _Found) -> None:
    found.take_all(_DICOM_NAME, "NAME")
    for match in _TITLE.finditer(found.flat):
        name, second = match["name"], match["second"]
        if name.lower() in known.NOT_AFTER_TITLE or _TAKEN in match[0]:
            continue
        if match["title"].lower() in known.WORDY_TITLES and name[0].islower() and is_spoken_of(name.lower()):
            continue
        second_is_name = second is not None and second[0].isupper() and not _is_ours(second.lower())
        found.take(match.start("name"), match.end("second" if second_is_name else "name"), "NAME")


def _words(found: _Found) -> None:
    """Words that no vocabulary knows, and capitalised ones that are not this program's own."""
    flat = found.flat
    matches = [match for match in _WORD.finditer(flat) if not re.search(f"[{_CJK}]", match[0])]
    for i, match in enumerate(matches):
        word = match[0]
        after = flat[match.end() : match.end() + 2]
        starts = not re.search(r"[\w\ue000,，'\"]\s*$", flat[: match.start()])
        following = matches[i + 1][0] if i + 1 < len(matches) and flat[match.end() : matches[i + 1].start()] in (" ", ", ") else ""
        led = i > 0 and matches[i - 1][0].lower() in known.LEADS and flat[matches[i - 1].end() : match.start()].strip(" :") in ("", "is")
        if _is_name(word, starts=starts, following=following, led=led, before_taken=after.lstrip()[:1] == _TAKEN):
            found.take(match.start(), match.end(), "NAME")
    found.take_all(_INITIAL, "NAME")
    _neighbours(found)


def _neighbours(found: _Found) -> None:
    """Capitalised words beside a name are part of it, also those that are words of ours: 'Hope Rivers', 'Will Young'."""
    for start, end, kind in tuple(found.spans):
        if kind != "NAME":
            continue
        before = re.search(r"[\w\ue000,，'\"]\s*([A-Z][a-z'’-]+) $", found.flat[:start])
        after = re.match(r" ([A-Z][a-z'’-]+)(?!\w)", found.flat[end:])
        if before and not _is_region(before[1]):
            found.take(before.start(1), before.end(1), "NAME")
        if after and not _is_region(after[1]):
            found.take(end + after.start(1), end + after.end(1), "NAME")


def _is_name(word: str, *, starts: bool, following: str, led: bool, before_taken: bool) -> bool:
    lower = re.sub(r"['’]s?$", "", word.lower())
    if any(part in known.NAMES for part in re.split(r"['’-]", lower)):
        return True
    if len(lower) < 2 or _is_ours(lower):
        return False
    if not lower.isascii():
        return True
    if led and (word[0].isupper() or not _is_ordinary(lower)):
        return True
    if word[0].isupper() and not (word.isupper() and _is_ordinary(lower)):
        owns = word.lower().endswith(("'s", "’s")) and lower not in known.SHORTENED
        named_fully = bool(following) and following[0].isupper() and not following.isupper() and not _is_ours(following.lower())
        if not starts or owns or named_fully or before_taken:
            return True
    return not _is_ordinary(lower)


@lru_cache(maxsize=1)
def _our_words() -> frozenset[str]:
    words = {part for phrase in lexicon.english_phrases() for part in phrase}
    words |= {part for word in words for part in re.split(r"[-']", word)}
    return frozenset((words | known.MEDICAL | {name.lower() for name in REGIONS} | known.TITLES) - known.NAMES)


@lru_cache(maxsize=4096)
def _is_ours(word: str) -> bool:
    """Whether it belongs to the sentences that this program understands, give or take a slip."""
    parts = [part for part in re.split(r"['’-]", word) if len(part) > 1]
    if word in _our_words() or (parts and all(part in _our_words() for part in parts)):
        return True
    if any(word[:cut] in _our_words() and word[cut:] in _our_words() for cut in range(4, len(word) - 3)):
        return True  # 'nextimage'
    return lexicon.corrected(word) != word and len(word) >= 5


@lru_cache(maxsize=4096)
def _is_ordinary(word: str) -> bool:
    """Whether it is in the dictionary, or looks like a word that a larger one would have."""
    common = lexicon.common_english()
    for part in re.split(r"['’-]", word):
        stems = {part, *(part.removesuffix(ending) for ending in ("s", "es", "ed", "d", "ing", "er", "est", "ly", "y", "'s"))}
        stems |= {stem + "e" for stem in stems} | {stem[:-1] for stem in stems if len(stem) > 3 and stem[-1] == stem[-2]}
        stems |= {stem[:-1] + "y" for stem in stems if stem.endswith("i")} | {part.replace("our", "or"), part.replace("is", "iz")}
        long_enough = len(part) >= 8 and part.endswith(known.ENDINGS)
        if len(part) > 2 and not (stems & common or part in _our_words() or long_enough or lexicon.corrected(part) != part):
            return False
    return True


def is_spoken_of(word: str) -> bool:
    """Whether a word in lower case is one of this program's or of the dictionary, and so tells nothing of anybody; names never are."""
    return len(word) < 2 or _is_ours(word) or _is_ordinary(word)


# Chinese names

_TITLES_ALT = "|".join(known.CHINESE_TITLES)
_SURNAME = "(?:" + "|".join(known.COMPOUND_SURNAMES) + "|[" + "".join(sorted(known.SURNAMES)) + "])"
_HANZI = "[\u4e00-\u9fff]"
_TITLED_CHINESE = re.compile(rf"(?P<name>[小老大阿]?{_SURNAME}{_HANZI}{{0,2}}?)(?={_TITLES_ALT})")
_FAMILIAR_CHINESE = re.compile(rf"(?P<name>[小老阿][{known.FAMILIAR}])(?![点框片个])")
_LED_CHINESE = re.compile(
    rf"(?:{'|'.join(known.CHINESE_LEADS)})\s*(?:[:：]|是|为|叫)?\s*(?P<name>{_SURNAME}{_HANZI}{{1,3}}?)(?=的|[^\u4e00-\u9fff]|$|在|有|做|要|想|是|这|那)"
)
_OWNING_CHINESE = re.compile(
    rf"(?P<name>{_SURNAME}{_HANZI}{{1,2}}?)(?=的(?:片子|[CM][TR]|磁共振|图像|影像|扫描|病例|数据|检查|图|片|文件|报告|腰椎|胸椎|颈椎|脊柱|骨折|第|[LTCDSltcds]\s?\d|[腰胸颈骶]))"
)
# 给李建国加点, 床的李建国: whom something is done for, and who lies in a bed.
_SERVED_CHINESE = re.compile(
    rf"(?:[给帮替为]|床的?|\ue000的?)(?P<name>{_SURNAME}{_HANZI}{{1,2}}?)(?=[加测量画打做分导放看标出清删存]|把|的)"
)
_DOTTED_CHINESE = re.compile(
    rf"(?P<name>{_HANZI}{{2,6}}[·•・]{_HANZI}{{2,6}}?)(?=的|{_HANZI}{{0,1}}(?:椎|骨|脊|医|先|女|$)|[^\u4e00-\u9fff]|$)"
)


def _chinese_names(found: _Found) -> None:
    for pattern in (_LED_CHINESE, _TITLED_CHINESE, _FAMILIAR_CHINESE, _OWNING_CHINESE, _SERVED_CHINESE, _DOTTED_CHINESE):
        for match in pattern.finditer(found.flat):
            name = match["name"]
            if pattern not in (_OWNING_CHINESE, _SERVED_CHINESE) or not _is_chinese_word(name):
                found.take(match.start("name"), match.end("name"), "NAME")
    for run in re.finditer(rf"{_HANZI}+", found.flat):
        for start, end in _unknown_runs(run[0]):
            piece = run[0][start:end]
            if 2 <= len(piece) <= 4 and (piece[0] in known.STRONG_SURNAMES or piece[:2] in known.COMPOUND_SURNAMES):
                found.take(run.start() + start, run.start() + end, "NAME")


@lru_cache(maxsize=1)
def _chinese_vocabulary() -> frozenset[str]:
    words = {word for word in lexicon.chinese_words() if re.fullmatch(rf"{_HANZI}+", word)}
    words = {word for word in words if not _TITLED_CHINESE.match(word) and not _FAMILIAR_CHINESE.fullmatch(word)}
    return frozenset(words | known.CHINESE_ORDINARY | set(known.CHINESE_TITLES) | set(known.CHINESE_LEADS))


def _is_chinese_word(piece: str) -> bool:
    return not any(True for _ in _unknown_runs(piece)) or any(piece.startswith(word) for word in known.CHINESE_ORDINARY)


def _unknown_runs(run: str) -> list[tuple[int, int]]:
    """The stretches that no known word covers; a surname is not covered by being a word of one character."""
    vocabulary = _chinese_vocabulary()
    covered = [False] * len(run)
    i = 0
    while i < len(run):
        length = next((n for n in range(min(6, len(run) - i), 0, -1) if run[i : i + n] in vocabulary), 0)
        if length > 1 or (length == 1 and run[i] not in known.STRONG_SURNAMES):
            covered[i : i + length] = [True] * length
        i += max(length, 1)
    return [match.span() for match in re.finditer("0+", "".join("01"[known_here] for known_here in covered))]

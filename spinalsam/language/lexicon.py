"""Words to ideas: one table a language, built from `words` when the first sentence is read."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from spinalsam.language.words import chinese_lexicon as chinese
from spinalsam.language.words import english_lexicon as english

Phrase = tuple[str, ...]

# Remarks, not requests.
_CHINESE_REMARKS = (
    "撤多了 翻多了 加多了 跳多了 退多了 删多了 放多了 画多了 点多了 撤过头 翻过头 跳过头 过头了 撤早了 翻快了 画大了 画小了 看错 找错 "
    "后悔 反悔 得不好 不好 得不对 不太好 不理想 不准确 不合适 不满意 不够好 不像 "
    "显示不清 不清楚 看不清 不清晰 "
    "模糊 看不到 看不见 显示不出来 不清 不太清楚 看不出 太早 太晚 太急 为时过早 没了 消失了 不见了 太多 太少 太大 太小 太密 "
    "太疏 看起来 看上去 看着 似乎 好像 不错 很好 挺好 真好 太好了 真棒 漂亮 有问题 "
    "漏 漏到 漏出 漏出去 漏出来 漏进 漏了 漏掉了 溢出 溢到 溢出去 泄漏 渗到 跑到外面 超出 盖过 盖到 多分了 少分了 没分到 "
    "出错了 坏了 卡住 崩溃 失败 偏了 歪了 不准 太慢 很慢 好看 清晰 "
)
# Going back over slices, which alone means undo.
_BACKWARDS = ("go back", "step back", "move back", "jump back", "scroll back", "going back", "back up")


def _doubles(verb: str) -> bool:
    """Whether the last consonant doubles before -ed and -ing: drop, plan, put."""
    return len(verb) > 2 and verb[-1] in "bdglmnprt" and verb[-2] in "aeiou" and verb[-3] not in "aeiou"


def _inflected(verb: str) -> dict[str, set[str]]:
    """A verb's spellings, each with its forms ("base", "past", "ing", "s"); of a phrase the first word is inflected."""
    head, *rest = verb.split("_")
    stem = head[:-1] if head.endswith("e") and not head.endswith("ee") else head
    doubled = head + head[-1] if _doubles(head) else stem
    irregular = english.IRREGULAR.get(verb, english.IRREGULAR.get(head))
    if irregular is not None:
        past = irregular.split()
    elif head.endswith("y") and head[-2:-1] not in "aeiou":
        past = [head[:-1] + "ied"]
    else:
        past = [head + ("d" if head.endswith("e") else "ed"), doubled + "ed"]
    spelled = {"base": [head], "past": past, "ing": [stem + "ing", doubled + "ing"], "s": [_third_person(head)]}
    forms: dict[str, set[str]] = {}
    for form, words in spelled.items():
        for word in words:
            forms.setdefault("_".join([word, *rest]), set()).add(form)
    return forms


def _third_person(verb: str) -> str:
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "ch", "sh", "o")) else "s")


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


@lru_cache(maxsize=1)
def english_phrases() -> dict[Phrase, frozenset[str]]:
    """Phrases (tuples of words) and the ideas they may stand for."""
    table: dict[Phrase, set[str]] = {}

    def add(text: str, idea: str) -> None:
        table.setdefault(tuple(text.replace("_", " ").split()), set()).add(idea)

    for idea, words in english.VERBS.items():
        for word in words.split():
            for form in _inflected(word):
                add(form, idea)
    for idea, words in english.NOUNS.items():
        for word in words.split():
            add(word, idea)
            add(_plural(word), idea)
    for idea, words in english.PLAIN.items():
        for word in words.split():
            add(word, idea)
    for phrase in _BACKWARDS:
        add(phrase, "PREV")
        add(phrase, "MOVE")
    for word in english.FILLER:
        add(word, "FILLER")
    return {phrase: frozenset(ideas) for phrase, ideas in table.items()}


@lru_cache(maxsize=1)
def _forms() -> dict[Phrase, frozenset[str]]:
    table: dict[Phrase, set[str]] = {}
    for words in english.VERBS.values():
        for word in words.split():
            for spelled, forms in _inflected(word).items():
                table.setdefault(tuple(spelled.replace("_", " ").split()), set()).update(forms)
    return {phrase: frozenset(forms) for phrase, forms in table.items()}


def verb_forms(phrase: Phrase) -> frozenset[str]:
    """Which forms of English verbs a phrase may be; none for other phrases."""
    return _forms().get(phrase, frozenset())


@lru_cache(maxsize=1)
def longest_english() -> int:
    return max(len(phrase) for phrase in english_phrases())


@lru_cache(maxsize=1)
def chinese_words() -> dict[str, frozenset[str]]:
    """Chinese words and the ideas they may stand for."""
    table: dict[str, set[str]] = {}
    for idea, words in chinese.WORDS.items():
        for word in words.split():
            table.setdefault(word, set()).add(idea)
    for word in _CHINESE_REMARKS.split():
        table.setdefault(word, set()).add("STATIVE")
    for word in chinese.FILLER:
        table.setdefault(word, set()).add("FILLER")
    return {word: frozenset(ideas) for word, ideas in table.items()}


@lru_cache(maxsize=1)
def chinese_vocabulary() -> frozenset[str]:
    """Words of two and more characters, with those of regions and numbers."""
    others = "腰椎 颈椎 胸椎 骶骨 骶椎 尾骨 尾椎 脊柱 脊椎 寰椎 枢椎 一张 一层 一个 两个 三个".split()
    return frozenset(word for word in chinese_words() if len(word) > 1) | frozenset(others)


@lru_cache(maxsize=1)
def longest_chinese() -> int:
    return max(len(word) for word in chinese_words())


@lru_cache(maxsize=1)
def common_english() -> frozenset[str]:
    """Ordinary English words, which are never taken for slips of our own."""
    text = resources.files("spinalsam.language.words").joinpath("english.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


@lru_cache(maxsize=1)
def common_chinese() -> frozenset[str]:
    """Ordinary Chinese words that are none of ours, so that no character of theirs is taken for one: 点 in 重点, 框 in 框架."""
    text = resources.files("spinalsam.language.words").joinpath("chinese.txt").read_text(encoding="utf-8")
    return frozenset(text.split()) - chinese_words().keys()


_MEANT = frozenset(english.OTHER_WORDS.split())


@lru_cache(maxsize=1)
def correctable() -> dict[int, tuple[tuple[str, int], ...]]:
    """Single words worth correcting to, each with its letters as bits, by length."""
    others = {"FILLER", "OOS", "HARDOOS", "PERSON", "SAY", "STATIVE", "THIRD", "SCRATCH", "WEAKSCRATCH"}
    destructive = {"CLEAR", "RESET", "CLOSE", "GONE"}
    words: dict[int, set[str]] = {}
    for phrase, ideas in english_phrases().items():
        for word in phrase:
            if len(word) >= 4 and word.isalpha() and ideas - others and (not ideas & destructive or is_ordinary(word)):
                words.setdefault(len(word), set()).add(word)
    for word in _MEANT:
        if len(word) >= 4:
            words.setdefault(len(word), set()).add(word)
    return {length: tuple((word, _letters(word)) for word in sorted(members)) for length, members in words.items()}


def _letters(word: str) -> int:
    """The letters of a word as bits: words a slip apart differ in few."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 31)
    return bits


@lru_cache(maxsize=1)
def simplified() -> dict[int, str]:
    """Traditional characters to simplified ones, for `str.translate`."""
    text = resources.files("spinalsam.language.words").joinpath("traditional.txt").read_text(encoding="utf-8")
    traditional, plain = text.split()
    return {ord(old): new for old, new in zip(traditional, plain, strict=True)}


def is_ordinary(word: str) -> bool:
    """Whether it is an ordinary English word or a form of one, such as 'spanning' of 'span'."""
    common = common_english()
    if word in common:
        return True
    for ending in ("ing", "ed", "er", "es", "s", "ly"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3 or (ending == "es" and not stem.endswith(("s", "x", "z", "ch", "sh", "o"))):
            continue
        if ending == "s" and stem.endswith(("s", "x", "ch", "sh")):
            continue
        doubled = ending in ("ing", "ed", "er") and stem[-1] == stem[-2] and stem[:-1] in common
        if stem in common or (ending in ("ing", "ed", "er") and stem + "e" in common) or doubled:
            return True
    return False


_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = {key: (row, column + row * 0.5) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}


def _slipped(word: str, meant: str) -> int:
    """0 where fingers slip like this (swapped, doubled, missing or neighbouring letters), 1 elsewhere."""
    if len(word) != len(meant) or sorted(word) == sorted(meant):
        return 0
    pairs = [(a, b) for a, b in zip(word, meant, strict=True) if a != b]
    return int(
        any(abs(_KEYS[a][0] - _KEYS[b][0]) > 1 or abs(_KEYS[a][1] - _KEYS[b][1]) > 1.1 for a, b in pairs if a in _KEYS and b in _KEYS)
    )


@lru_cache(maxsize=8192)
def corrected(word: str) -> str:
    """The word that was surely meant: a known slip, or the nearest word of ours within one letter (two in long words)."""
    if word in english.SLIPS:
        return english.SLIPS[word]
    if (word,) in english_phrases() or len(word) < 3 or not word.isalpha() or word in _MEANT or is_ordinary(word):
        return word
    reach = 2 if len(word) >= 8 else 1
    letters = _letters(word)
    near: list[tuple[int, int, int, str]] = []
    for length in range(max(len(word) - reach, 4), len(word) + reach + 1):
        for candidate, bits in correctable().get(length, ()):
            if (candidate[0] == word[0] or candidate[1:2] == word[:1]) and (bits ^ letters).bit_count() <= 2 * reach:
                distance = edit_distance(word, candidate, reach)
                if distance <= reach and (len(word) > 3 or (len(candidate) == 4 and candidate[-1] == word[-1])):
                    near.append((distance, _slipped(word, candidate), english.COMMON.get(candidate, 99), candidate))
    return min(near)[-1] if near else word


def edit_distance(first: str, second: str, limit: int) -> int:
    """Optimal string alignment distance (Damerau-Levenshtein with adjacent swaps); limit + 1 where it is larger."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    rows = [list(range(len(second) + 1))]
    for i, a in enumerate(first, 1):
        row = [i]
        for j, b in enumerate(second, 1):
            cost = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        rows.append(row)
    return rows[-1][-1]

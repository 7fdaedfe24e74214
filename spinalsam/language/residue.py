"""What of a sentence a command does not account for, as one figure: near 0 for 'box L3 now', near 1 for 'first you add the points, that's
how students learn it'.

The rules find what is asked for; this holds against it how the sentence is built. Every word is seen twice, as what it may stand for and
only as its kind (a command in its base form, a past form, a pronoun, a modal, a word that no list has), alone and with its neighbour; each
clause counts by whether it holds anything of ours. The weights are those of one logistic regression a language, learned by
`spinalsam parse --learn` from sentences labelled by hand, and so are the limits: of what is lost or written more may be asked about than
of what is only shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from math import exp

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES
from spinalsam.language.lexicon import is_ordinary
from spinalsam.language.redaction_words import NAMES
from spinalsam.language.tokens import Token

# How hard it is to go back, hardest first; what answers or shows changes nothing.
SEVERITIES = ("loses", "changes", "shows")
_LOSES = frozenset("open_image clear_image clear_points clear_boxes clear_mask export_mask".split())
_SHOWS = frozenset("navigate gpu_status verify_parameters go_to set_view set_window show_mask measure help".split())
_MOST_NAMED = 4  # words that an explanation names


def severity(ops: Collection[str]) -> str:
    """That of the operation which is hardest to take back."""
    if _LOSES & set(ops):
        return "loses"
    return "shows" if set(ops) <= _SHOWS else "changes"


@dataclass(frozen=True)
class Residue:
    """share: 0-1, how much the sentence is built like one that asks for nothing. words: what says so most, as said."""

    share: float = 0.0
    words: tuple[str, ...] = ()
    language: str = "en"

    def is_too_much(self, ops: Collection[str]) -> bool:
        """Whether these operations should be asked about first."""
        return bool(ops) and self.share > _model(self.language).limits[severity(ops)]


def residue(text: str, tokens: Sequence[Token]) -> Residue:
    """tokens: of the text as `reading.read` gives them, before anything is narrowed, corrected or left out."""
    language = language_of(tokens)
    model = _model(language)
    total = model.weights.get("", 0.0)
    blame = [0.0] * len(tokens)
    for name, feature in features(text, tokens).items():
        weight = model.weights.get(name, 0.0) * feature.value
        total += weight
        for place in feature.places:
            blame[place] += weight / len(feature.places)
    called = _CALLED.match(text)
    if called and called[1].lower() in NAMES:
        return Residue(1.0, (called[1],), language)
    plain = _plain_signs(tokens)
    if plain:
        return Residue(1.0, tuple(token.text for token in plain[:_MOST_NAMED]), language)
    worst = sorted((i for i in range(len(tokens)) if blame[i] > 0 and tokens[i].kind == "word"), key=lambda i: -blame[i])
    named = tuple(tokens[i].text for i in sorted(worst[:_MOST_NAMED]))
    return Residue(1 / (1 + exp(-max(-30.0, min(30.0, total)))), named, language)


def language_of(tokens: Sequence[Token]) -> str:
    """'zh' where any word is Chinese, whatever stands beside it."""
    return "en" if all(token.text.isascii() for token in tokens if token.kind == "word") else "zh"


# What no regression is needed for

# 'Ben, open the scan': said to somebody.
_CALLED = re.compile(r"\W*([A-Za-z]+)\s*[,，:：]")
_WONDERED = ("ASKREQ REQUEST PLEASE NOTNEG WH HOWTO GPU CKPT BIG SIZE HELPWORD GPUASK DOAUX MATCH MEASURE").split()
_THANKS = frozenset("谢谢你 谢谢您 感谢你 感谢您 多谢你 多谢您 感谢 多谢".split())
_ASKS_US = frozenset("can could would will may you".split())
_STATES = frozenset("is are isn't aren't it's looks look seems keeps".split())
_LYING = frozenset("distributed spread placed scattered spaced centred centered located sitting evenly".split())
_OPENS_REMARK = frozenset("had having been he she they it you'd he'd she'd they'd you'll they'll he'll she'll".split())


def _plain_signs(tokens: Sequence[Token]) -> list[Token]:
    """The words of a clause that says nothing of ours but something ('over my dead body'), that opens like a report ('had a look at ...',
    'opened L3'), that thanks for what was done (谢谢你分割脊柱), or that only wonders ('a mask?'); empty where there is none."""
    clauses = _clauses(tokens)
    ordered, commanded = False, bool(clauses) and "base" in clauses[-1][0][0].forms
    commanded = commanded or (bool(clauses) and any("PLEASE" in token.ideas for token in clauses[-1][0]))
    asked = False
    for number, (clause, mark) in enumerate(clauses):
        thanked = [b for a, b in pairwise(clause) if a.text in _THANKS and b.ideas & ACTIONS]
        if thanked:
            return thanked
        if not _is_ours(clause):
            unknown = [token for token in clause if token.kind == "word" and not token.ideas and not token.text.endswith("ly")]
            unknown = [token for token in unknown if len(token.text) > 2 or not token.text.isascii()]
            if number + 1 < len(clauses) and commanded and any(token.text in _STATES for token in clause):
                continue  # 'the cortex is washed out, go to the bone window': why
            if len(clauses) > 1 and sum(2 if token.text.isascii() else len(token.text) for token in unknown) > 1:
                return unknown
        elif number and ordered and clause[0].text == "it":
            continue  # 'undo that, it went into the canal': why
        elif number and clause[0].text in _LYING:
            continue  # 'nine seeds, distributed across C2 to C5'
        elif clause[0].text in _OPENS_REMARK or ("past" in clause[0].forms and "base" not in clause[0].forms):
            return clause[:1]
        ordered = ordered or any(token.ideas & ACTIONS and "base" in token.forms for token in clause)
        asked = asked or any(token.stands_for("ASKREQ", "REQUEST") for token in clause)
        if (
            mark
            and mark in "?？"
            and not asked
            and not any(token.stands_for(*_WONDERED) or token.text in _ASKS_US for token in clause)
            and len(clause) > 1
        ):
            return clause
    return []


def _clauses(tokens: Sequence[Token]) -> list[tuple[list[Token], str]]:
    """What stands between separators, each with the one behind it."""
    found: list[tuple[list[Token], str]] = [([], "")]
    for token in tokens:
        if token.kind != "sep":
            found[-1][0].append(token)
        elif found[-1][0]:
            found[-1] = (found[-1][0], token.text)
            found.append(([], ""))
    return [(clause, mark) for clause, mark in found if clause]


def _is_ours(clause: Sequence[Token]) -> bool:
    return any(token.kind in VALUES or token.ideas & (ACTIONS | OBJECTS) for token in clause)


# What a sentence is made of

_KINDS: dict[str, str] = {
    word: kind
    for kind, words in {
        "i": "i we",
        "you": "you",
        "it": "it",
        "they": "he she they someone somebody everyone everybody nobody anyone people who",
        "be": "is are was were be been being am isn't aren't wasn't weren't i'm it's that's we're you're they're he's she's there's what's",
        "have": "have has had having i've we've you've they've haven't hasn't hadn't",
        "modal": "would should could might must may shall will won't wouldn't shouldn't couldn't i'd i'll we'll we'd you'd you'll he'd",
        "the": "the a an this that these those my your his her its our their some any every each no another",
        "do": "does do did don't doesn't didn't done",
        "what": "what when where why which how whose whom",
        "if": "if because since although though unless until till while whenever before after once as than whether",
        "of": "of in on at for with from by into onto around about over under through via between per to",
    }.items()
    for word in words.split()
}
# Marks that are no tokens.
_MARKS = tuple(
    (name, re.compile(mark))
    for name, mark in {"colon": r"[:：](?![\\/])", "quote": '["“”「『]', "dots": r"\.{2,}|…", "dash": "--|–|—", "bracket": "[(（]"}.items()
)
_ENDINGS = ("ing", "ed", "ly", "s")


@dataclass
class _Feature:
    """value: 1 for what is there, else a number. places: of the tokens that gave it."""

    value: float = 1.0
    places: list[int] = field(default_factory=list)


def features(text: str, tokens: Sequence[Token]) -> dict[str, _Feature]:
    """What the regression sees, by name. A full stop at the end says nothing."""
    while len(tokens) > 1 and tokens[-1].kind == "sep" and tokens[-1].text in ".。!！,，;；、":
        tokens = tokens[:-1]
    found: dict[str, _Feature] = {}

    def see(name: str, *places: int) -> None:
        found.setdefault(name, _Feature()).places.extend(place for place in places if 0 <= place < len(tokens))

    for level, name_of in (("a", _idea_of), ("b", _kind_of)):
        names = ["^", *(name_of(token) for token in tokens), "$"]
        for i, name in enumerate(names):
            see(f"{level} {name}", i - 1)
        for i, (name, after) in enumerate(pairwise(names)):
            see(f"{level} {name} {after}", i - 1, i)
    for i, token in enumerate(tokens):
        if token.kind == "word":
            see(f"w {token.text}", i)
        for idea in token.ideas:
            see(f"i {idea}", i)
    for name in (*_clause_features(tokens), *(f"mark {name}" for name, mark in _MARKS if mark.search(text))):
        see(name)
    return found | _length_features(tokens)


def _length_features(tokens: Sequence[Token]) -> dict[str, _Feature]:
    words = [token for token in tokens if token.kind != "sep"]
    unknown = sum(1 for token in words if token.kind == "word" and not token.ideas)
    found = {f"unknown>={n}": _Feature() for n in range(1, 5) if unknown >= n}
    found |= {f"words>={n}": _Feature() for n in (3, 6, 9, 12, 16) if len(words) >= n}
    return found | {
        "unknown": _Feature(min(4, unknown)),
        "share": _Feature(unknown / max(len(words), 1)),
        "words": _Feature(len(words) / 10),
    }


def _clause_features(tokens: Sequence[Token]) -> list[str]:
    """What each clause holds: a command, something else of ours, nothing of ours; and how many words that nobody knows."""
    found: list[str] = []
    clauses = _clauses(tokens)
    for number, (clause, _) in enumerate(clauses):
        unknown = sum(1 for token in clause if token.kind == "word" and not token.ideas)
        acts = any(token.ideas & ACTIONS for token in clause)
        ours = _is_ours(clause)
        kind = ("acts" if acts else "ours" if ours else "other") + str(min(unknown, 2))
        denies = any("NEG" in token.ideas for token in clause)
        opener = _kind_of(clause[0])
        if len(clauses) > 1:
            where = "first" if number == 0 else "last" if number == len(clauses) - 1 else "middle"
            found.append(f"{where} denies {denies} acts {acts}")
            found.append(f"{where} opens {opener}")
        found.append(f"clause {kind}")
        if number == 0:
            found.append(f"first {kind}")
        elif number == len(clauses) - 1:
            found.append(f"last {kind}")
        if unknown and not ours:
            found.append("stray")
    if len(clauses) > 1:
        found.append("clauses")
    if any(token.text in "?？" for token in tokens[:-1] if token.kind == "sep"):
        found.append("asks first")
    return found


def _idea_of(token: Token) -> str:
    """What a word may stand for where that is a command or a thing of ours, else the word itself."""
    if token.kind != "word" or not token.ideas:
        return _kind_of(token)
    ours = sorted(token.ideas & (ACTIONS | OBJECTS))[:2]
    return "+".join(ours) + _form_of(token) if ours else f"={token.text}"


def _kind_of(token: Token) -> str:
    if token.kind == "sep":
        return token.text if token.text in "?？!！,，" else "."
    if token.kind != "word":
        return f"<{token.kind}>"
    ideas = token.ideas - {"FILLER"}
    if not ideas:
        return _KINDS.get(token.text) or ("filler" if token.ideas else _unknown(token.text))
    ours = ("act" if ideas & ACTIONS else "") + ("thing" if ideas & OBJECTS else "")
    return ours + _form_of(token) if ours else _KINDS.get(token.text) or min(ideas)


def _unknown(word: str) -> str:
    if not word.isascii():
        return f"unknown{min(len(word), 3)}"
    ending = next((ending for ending in _ENDINGS if word.endswith(ending) and len(word) > len(ending) + 2), "")
    return ("ordinary" if is_ordinary(word) else "odd") + ending


def _form_of(token: Token) -> str:
    if not token.forms:
        return ""
    return "/base" if "base" in token.forms else "/" + "+".join(sorted(token.forms))


@dataclass(frozen=True)
class _Model:
    """weights: by feature, the bias under "". limits: by severity, above which a sentence is asked about."""

    weights: Mapping[str, float]
    limits: Mapping[str, float]


@lru_cache(maxsize=2)
def _model(language: str) -> _Model:
    text = resources.files("spinalsam.language.words").joinpath(f"residue_{language}.json").read_text(encoding="utf-8")
    return _Model(**json.loads(text))

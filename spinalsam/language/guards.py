"""What is forbidden, reported, past, postponed, a clinical question or no business of this program: nothing is done about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause, acts
from spinalsam.language.remarks import is_remark
from spinalsam.language.senses import opens_clause
from spinalsam.language.tokens import Token
from spinalsam.language.words.places import OPINIONS

_ASKS = ("ASKREQ", "REQUEST", "PLEASE")
_QUERIES = ("GPU", "CKPT", "MEASURE", "SIZE", "BIG", "HELPWORD", "HOWTO", "DEVICE", "MODEL")


# The whole sentence


def is_refused(tokens: Sequence[Token]) -> bool:
    """Instructions against the program, other people's words and deeds, clinical and other questions."""
    ideas = {idea for token in tokens for idea in token.ideas}
    if "HARDOOS" in ideas:
        return True
    if len(_sentences(tokens)) > 1:
        asked = [not _is_only_asked(sentence) for sentence in _sentences(tokens)]
        if not all(asked) and not any(ok and _commands(sentence) for ok, sentence in zip(asked, _sentences(tokens), strict=True)):
            return True
    elif _is_only_asked(tokens):
        return True
    if any("PERSON" in token.ideas and not _is_owner(tokens, i) for i, token in enumerate(tokens)):
        return True
    if said_to_have(tokens):
        return True
    return any(a.text in ("he", "she", "they", "他", "她", "他们") and c.stands_for("SAY") for a, c in pairwise(tokens))


def _sentences(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens, parted where a sentence ends, each with the mark that ends it."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        parts[-1].append(token)
        if token.kind == "sep" and token.text in ".。!！?？\n":
            parts.append([])
    return [part for part in parts if any(token.kind != "sep" for token in part)]


def _commands(tokens: Sequence[Token]) -> bool:
    """Whether a sentence begins with a command or a plea."""
    return (
        acts_first(Clause(list(tokens)))
        or tokens[0].stands_for(*_ASKS, "BA", "FIRSTLY")
        or any("PLEASE" in t.ideas for t in tokens)
        or _opens_in_chinese(tokens[0])
    )


def _opens_in_chinese(token: Token) -> bool:
    return not token.text.isascii() and bool(token.ideas & ACTIONS) and "FILLER" not in token.ideas


def _is_only_asked(tokens: Sequence[Token]) -> bool:
    """Clinical and other questions, opinions asked for, things weighed: one sentence that wants an answer."""
    ideas = {idea for token in tokens for idea in token.ideas}
    question = any(token.text in "?？" for token in tokens if token.kind == "sep")
    asks = bool(ideas & set(_ASKS))
    if _weighs(tokens) and not asks:
        return True
    if _is_query(tokens) and not ideas & set(_QUERIES):
        return True
    if any(a.stands_for("AFTER") and c.stands_for("THIRD") and c.text.isascii() for a, c in pairwise(tokens)):
        return True  # 'as soon as he arrives, ...'
    if "PATIENT" in ideas and (question or "ADVICE" in ideas) and not asks:
        return True
    if "HOWTO" not in ideas and any(token.text in OPINIONS and "HOWTO" not in token.ideas for token in tokens):
        return True
    return "ADVICE" in ideas and not asks and not ideas & set(_QUERIES)


def said_to_have(tokens: Sequence[Token]) -> bool:
    """你把我的点删了: told to have done it."""
    said = [token for token in tokens if token.kind != "sep"]
    return len(said) > 3 and said[0].text == "你" and said[-1].text == "了" and any(token.text == "我的" for token in said)


_CN_PLEAS = frozenset(
    "请 麻烦 帮 帮我 帮忙 能 能不能 可以 可否 能否 给我 劳驾 可不可以 拜托 烦请 麻烦你 请你 能帮我 可以帮我 请帮我 我想 我要 好".split()
)


def _is_query(tokens: Sequence[Token]) -> bool:
    """'does undo work after export?', 导出之前要先验证吗: one sentence that asks whether, and pleads for nothing."""
    said = [token for token in tokens if token.kind != "sep"]
    if len(said) < 2 or any(token.kind == "sep" and token.text in ",，;；.。" for token in tokens[:-1]):
        return False
    if said[-1].text in ("吗", "么") and not any(token.text in _CN_PLEAS for token in said):
        return True
    return said[0].text in ("does", "did", "will", "should", "must", "might", "has") and said[1].text not in ("you", "not")


def _weighs(tokens: Sequence[Token]) -> bool:
    """'box or point, whatever': two things weighed, nothing asked."""
    things = {"POINT", "BOX", "MASK"}
    return not acts(tokens) and any(
        token.text in ("or", "或", "或者") and tokens[i - 1].ideas & things and tokens[i + 1].ideas & things
        for i, token in enumerate(tokens[1:-1], 1)
    )


def _is_owner(tokens: Sequence[Token], i: int) -> bool:
    """Whether a person is only named as whose something is or whom it is for, in a sentence that begins with a command."""
    if "AT" in tokens[i].ideas or _is_report(tokens, i):
        return True
    before, after = tokens[i - 1] if i else None, tokens[i + 1] if i + 1 < len(tokens) else None
    commanded = tokens[0].ideas & (ACTIONS | set(_ASKS)) and not tokens[0].stands_for("SAY", "LOOK")
    if before is None or not commanded:
        return False
    return tokens[i].text.endswith("'s") or before.text in ("of", "for") or (after is not None and after.text == "的" and i > 0)


def _is_report(tokens: Sequence[Token], i: int) -> bool:
    """'GPU report please': the report is what is asked for."""
    return tokens[i].text == "report" and any(t.stands_for("GPU", "CKPT", "SIZE") for t in tokens[max(0, i - 3) : i + 4])


# Each clause


def asked_for(clauses: list[Clause]) -> list[Clause]:
    """The clauses, each told where it asks for nothing, and cut where something is forbidden."""
    kept: list[Clause] = []
    forbidden = conditional = narrated = False
    unanswered = _only_asked(clauses)
    for number, clause in enumerate(clauses):
        if number in unanswered:
            kept.append(replace(clause, told=True))
            continue
        narrated = (
            _narrates(clause) or _is_reported(clause) or (narrated and not _begins_request(clause) and (clause.joined or clause.then))
        )
        if narrated:
            kept.append(replace(clause, told=True))
            continue
        if conditional and not clause.has("BUT"):
            kept.append(replace(clause, told=True))
            conditional = not clause.ends
            continue
        if clause.timed and kept and kept[-1].told and kept[-1].has("NEG"):
            kept.append(replace(clause, told=True))  # 'don't export before ...'
            continue
        conditional = (_is_condition(clause) or _is_postponement(clause) or clause.has("HOWTO")) and not clause.ends and not clause.question
        if forbidden and clause.joined and not clause.has("BUT") and not _begins_request(clause):
            kept.append(replace(clause, told=True))
            continue
        forbidden = False
        at = next((i for i, token in enumerate(clause.tokens) if _forbids(clause, i, token)), None)
        if at is not None and clause.timed:
            kept.append(replace(clause, told=True))
        elif at is not None:
            forbidden = True
            allowed = [] if _ends_all(clause.tokens, at) else clause.tokens[:at]
            if acts(allowed) and not _is_subject(allowed) and allowed[0].forms != {"ing"}:
                kept.append(replace(clause, tokens=allowed, told=is_told(replace(clause, tokens=allowed))))
            else:
                allowed = []
            kept.append(replace(clause, tokens=clause.tokens[len(allowed) :], told=True))
        else:
            kept.append(replace(clause, told=is_told(clause)))
    listed = False
    for i in reversed(range(len(kept) - 1)):
        listed = _is_listed(kept[i], kept[i + 1], goes_on=listed)
        if listed:
            kept[i] = replace(kept[i], told=True)
    return [
        replace(clause, told=True)
        if i + 1 < len(kept)
        and _is_remark(kept[i + 1])
        and (clause.timed or (kept[i + 1].then and kept[i + 1].glued and kept[i + 1].has("STATIVE")))
        else clause
        for i, clause in enumerate(kept)
    ]


def _is_listed(clause: Clause, following: Clause, *, goes_on: bool) -> bool:
    """'axial | and coronal reformats were reviewed': things of one statement. goes_on: the following is one of them."""
    states = following.told and following.glued and not following.then and not following.has("NEG", "KEEP")
    asks = clause.has(*_ASKS, "NEED", "CHECK") or any("base" in t.forms and t.ideas & ACTIONS for t in clause.tokens)
    verb = goes_on or following.says("was", "were", "is", "are", "has", "have", "looks", "look")
    return states and verb and not asks and all(t.text.isascii() for t in clause.tokens)


def _only_asked(clauses: Sequence[Clause]) -> set[int]:
    """The clauses of sentences that only ask, beside others that command."""
    sentences: list[list[int]] = [[]]
    for number, clause in enumerate(clauses):
        sentences[-1].append(number)
        if clause.ends or clause.question:
            sentences.append([])
    sentences = [sentence for sentence in sentences if sentence]
    if len(sentences) < 2:
        return set()
    found: set[int] = set()
    for sentence in sentences:
        said = [token for number in sentence for token in clauses[number].tokens]
        if clauses[sentence[-1]].question:
            said.append(Token("sep", "?"))
        if _is_only_asked(said):
            found.update(sentence)
    return found


_WAIT = frozenset("先等等 等等再 缓一缓 先停 先缓 打住 住手 且慢 先等一等 等一等".split())


def _ends_all(tokens: Sequence[Token], at: int) -> bool:
    """'redo nothing', 传播先等等: what stands before the word is not wanted either."""
    return (tokens[at].text == "nothing" and tokens[at - 1].text != "from") or tokens[at].text in _WAIT


def _is_remark(clause: Clause) -> bool:
    """'the program crashed | after I added the points': what is said of a remark's time is no request."""
    return clause.told and not clause.has("NEG", "KEEP")


def _is_postponement(clause: Clause) -> bool:
    """'next time, ...': nothing but a later time."""
    return clause.has("LATER") and all(t.ideas & {"LATER", "FILLER", "AT"} for t in clause.tokens) and not clause.timed


_TOLD_INTENTS = frozenset(
    {
        "i was told",
        "i used to",
        "we used to",
        "i forgot",
        "i was going to",
        "i was about to",
        "i dreamt",
        "i dreamed",
        "i tried",
        "we tried",
        "i usually",
        "i always",
        "i often",
        "we usually",
        "we always",
        "we normally",
        "i normally",
        "i heard",
        "i read",
        "i remember",
        "i hate",
        "i tend to",
        "i doubt",
        "i thought",
        "i was thinking",
        "i knew",
    }
)


def _narrates(clause: Clause) -> bool:
    """Somebody or something else acts: 'the script adds points', 脚本会自动加点, 'she clears the boxes'."""
    if clause.has("HOWTO", "HELPWORD", "WH"):
        return False
    if _program_acts(clause):
        return True
    if any(token.text in _TOLD_INTENTS for token in clause.tokens[:3]) or clause.says("too early", "too late", "too soon", "premature"):
        return True
    act = next(
        (i for i, token in enumerate(clause.tokens) if token.ideas & ACTIONS and not token.ideas & OBJECTS and "FILLER" not in token.ideas),
        None,
    )
    subject = clause.tokens[: act or 0]
    if act is not None and any("OOS" in token.ideas and not token.forms and not token.ideas & (ACTIONS | OBJECTS) for token in subject):
        return not clause.has(*_ASKS)
    verbs = [
        token
        for token in clause.tokens
        if token.forms
        and token.ideas & ACTIONS
        and not token.ideas & OBJECTS
        and not token.ideas & {"NEED", "KEEP", "STEP", "SLICE", "DOAUX"}
    ]
    return bool(verbs) and all(token.forms == {"s"} for token in verbs) and verbs[0] is not clause.tokens[0] and not clause.has(*_ASKS)


_PROGRAMS = frozenset(
    "software program app application tool ai system script algorithm machine computer workstation code plugin package library competitor "
    "软件 程序 系统 工具 机器 电脑 平台 人工智能 脚本 插件 算法".split()
)
_ABLE = frozenset(
    "can will may could might does did is was has would automatically cannot 会 能 可以 能够 支持 已 已经 可 会自动 能自动 自动".split()
)


def _program_acts(clause: Clause) -> bool:
    """'the software can export STL', 软件会自动分割: said of a program, not to it."""
    words = [
        token.text
        for token in clause.tokens
        if token.text not in ("the", "this", "your", "our", "that", "most", "any", "这个", "该", "你们", "的", "我们")
    ]
    return len(words) > 2 and words[0] in _PROGRAMS and words[1] in _ABLE and not clause.has(*_ASKS[1:])


def _begins_request(clause: Clause) -> bool:
    return clause.has(*_ASKS)


def _forbids(clause: Clause, i: int, token: Token) -> bool:
    if "NEG" not in token.ideas or "NOTNEG" in token.ideas:
        return False
    if token.ideas & {"GONE", "HIDE", "INVISIBLE"} or token.text == "off":
        return False
    if token.text == "skip the" and clause.has("NEXT", "PREV"):
        return False
    if token.text in ("no longer", "no more") or (
        token.text == "no" and i + 1 < len(clause.tokens) and clause.tokens[i + 1].text in ("more", "longer")
    ):
        return not (clause.has("NEED") and not clause.has("I", "REQUEST")) or clause.has("I")
    return not (token.text in ("没有", "没") and clause.has("GPU", "CKPT"))


def _is_subject(before: Sequence[Token]) -> bool:
    return any(token.ideas & {"YOU", "I", "REQUEST", "ASKREQ"} for token in before) and not any(
        "base" in token.forms and token.ideas & ACTIONS and token.text not in ("want", "need", "let", "make", "do") for token in before
    )


def is_told(clause: Clause) -> bool:
    """A statement, a condition, a plan or a wish to keep things, but no request."""
    asks = clause.has(*_ASKS)
    if _is_unrealised(clause.tokens):
        return True
    if _is_ready(clause.tokens):
        return True
    if _is_missed_chance(clause.tokens) or _is_condition(clause) or _is_kept(clause) or _is_other_business(clause):
        return True
    if clause.has("LATER") and not clause.timed and not (clause.has("ASKREQ") and clause.says("maybe", "perhaps", "也许")):
        return not _is_only_position(clause)
    if _is_reported(clause) or (is_remark(clause) and not clause.timed):
        return True
    looks = clause.tokens[0].text == "look" and clause.has("AXIAL", "SAGITTAL", "CORONAL", "MPR", "THREED")
    if clause.has("STATIVE") and not asks and not acts_first(clause) and not looks:
        return True
    if asks and not clause.has("SELF"):
        return False
    if clause.timed and clause.tokens[0].text in ("i", "we", "it", "they", "he", "she", "我", "我们"):
        return True
    if clause.timed and any(
        a.text in ("i", "we", "it", "they") and "past" in c.forms and "base" not in c.forms for a, c in pairwise(clause.tokens)
    ):
        return True
    if clause.timed:
        return clause.has("SELF") or clause.says("i've", "i have", "we've", "we have")
    return _is_english_statement(clause.tokens) or _is_chinese_statement(clause)


_UNREALISED = re.compile(
    r"(?:^|[，,。;；])(?:我|我们|咱)?(?:本来|原本|原来|本|原|起初|一开始|刚才|刚刚|刚|当时|之前|先前|差点儿?|差一点|险些)(?:我|我们)?(?:就)?(?:是)?"
    r"(?:想|想要|要|打算|准备|计划|考虑|应该|该)"
)
_ONCE_ENGLISH = re.compile(
    r"\b(?:i|we|he|she|they|you) (?:was|were) (?:just )?(?:going|planning|about|hoping|meaning|supposed|thinking|tempted) (?:to|of)\b"
    r"|\b(?:i|we) (?:nearly|almost|initially|originally|first|once) (?!need|want to|would)|\b(?:i|we)(?:'d|"
    r" had) (?:planned|meant|hoped|intended|wanted) to\b"
    r"|\b(?:i|we) (?:planned|intended|meant|hoped) to\b"
)


def _is_unrealised(tokens: Sequence[Token]) -> bool:
    """本来想撤销, 'I was going to clear the points': an intention of the past."""
    said = [token.text for token in tokens if token.kind != "sep"]
    joined = "".join(said) if any(not text.isascii() for text in said) else " ".join(said)
    return bool(_UNREALISED.search(joined) if not joined.isascii() else _ONCE_ENGLISH.search(joined))


def _is_only_position(clause: Clause) -> bool:
    """以后 and the like inside what is asked for."""
    return all(token.ideas & {"AFTERVERB", "NEW", "THEN"} for token in clause.tokens if "LATER" in token.ideas)


def acts_first(clause: Clause) -> bool:
    """Whether it begins with a command."""
    return any(
        token.ideas & ACTIONS and (not token.forms or "base" in token.forms) and opens_clause(clause.tokens, i)
        for i, token in enumerate(clause.tokens[:4])
        if token.text.isascii()
    )


def _is_condition(clause: Clause) -> bool:
    asks_state = (
        clause.has("GPU", "CKPT", "MODEL")
        and (clause.has("TELLME", "CHECK", "MATCH", "MATCHING") or (clause.joined and clause.tokens[0].text == "whether"))
        and clause.says("if", "whether", "unless", "如果", "假如", "的话")
        and not clause.says("unless", "如果", "假如")
    )
    return clause.has("IF") and not clause.has("IFPOLITE") and not asks_state


def _is_kept(clause: Clause) -> bool:
    going_on = any("KEEP" in t.ideas and "ing" in after.forms for t, after in pairwise(clause.tokens))
    stored = clause.has("NIFTI", "NRRD", "STL", "DICOMSEG") or bool(clause.kinds("path"))
    return clause.has("KEEP") and not going_on and not stored and not clause.has("EXPORT", "CLEAR", "HIDE", "GPU")


def _is_other_business(clause: Clause) -> bool:
    """Words of other business, unless they stand for something of ours as well, such as 'soft tissue' or a 'sheet'."""
    ours = ACTIONS | {"THREED", "MPR", "WINDOW", "NIFTI", "STL", "DICOMSEG", "SIZE", "UP", "DOWN"}
    return any("OOS" in token.ideas and not token.ideas & ours for token in clause.tokens)


def _is_reported(clause: Clause) -> bool:
    """What others say, want or did: 'she asked', 'he cleared', 'remind me to'."""
    tokens = clause.tokens
    if clause.has("THIRD") and not clause.says("them", "his", "her", "their", "theirs", "others") and not clause.has("ASKREQ"):
        return True
    if clause.has("HOWTO") and clause.says("explain", "tell me", "tell", "remind me", "instruct", "advise"):
        return False
    return any(
        t.stands_for("SAY") and not t.ideas & (ACTIONS | {"NEED", "TELLME", "FILLER"}) and opens_clause(tokens, i) and t.forms
        for i, t in enumerate(tokens)
    )


_PAST_AUXILIARY = frozenset("i've we've was were had did hasn't haven't has been i'd".split())
_STATE = frozenset("is are was were".split())
_MODAL = frozenset("should must can may could shall ought needs need to".split())


_READY = frozenset("done ready set finished complete placed drawn in_place perfect fine good okay ok there correct right".split())


def _is_thanks(tokens: Sequence[Token]) -> bool:
    """'thanks for adding the points'."""
    return any(
        a.text in ("thanks", "thank you", "thx", "cheers", "grateful") and b.text == "for" and "ing" in c.forms
        for a, b, c in zip(tokens, tokens[1:], tokens[2:], strict=False)
    )


def _is_missed_chance(tokens: Sequence[Token]) -> bool:
    """'we should have used a box', 'you could have told me'."""
    modal = any((t.text in _MODAL and t.text != "to") or t.text.endswith(("should", "could", "would", "must", "might")) for t in tokens)
    return modal and any(a.text in ("have", "'ve") and "past" in c.forms and "base" not in c.forms for a, c in pairwise(tokens))


def _is_finished(tokens: Sequence[Token]) -> bool:
    """'box done', 'points ready': said of what is there already."""
    said = [
        token for token in tokens if token.text not in ("the", "my", "all", "now", "is", "are", "a", "ok", "okay", "both", "looks", "look")
    ]
    return (
        len(said) == 2
        and said[0].ideas >= set()
        and said[0].stands_for("POINT", "NEGPOINT", "BOX", "MASK", "PMASK", "BMASK", "PROMPT")
        and said[1].text in _READY
    )


def _is_english_statement(tokens: Sequence[Token]) -> bool:
    first_verb = next((t for t in tokens if t.ideas & ACTIONS and "FILLER" not in t.ideas), None)
    if (
        first_verb is not None
        and first_verb is tokens[0]
        and first_verb.forms == {"ing"}
        and any(
            t.stands_for("BE", "WILL", "STATIVE", "NEG")
            or t.forms == {"s"}
            or t.text in ("makes", "takes", "helps", "needs", "gives", "causes")
            for t in tokens[1:]
        )
    ):
        return True  # clearing the points is a bad idea
    if len(tokens) > 1 and tokens[0].forms >= {"base"} and tokens[0].ideas & ACTIONS and tokens[1].text in ("is", "isn't", "was", "wasn't"):
        return True  # 'undo is not enough'
    if _is_finished(tokens) or _is_thanks(tokens) or _is_missed_chance(tokens):
        return True
    words = [token.text for token in tokens]
    if not any(word.isascii() and word.isalpha() for word in words):
        return False
    said = [
        token
        for token in tokens
        if token.kind != "word" or token.ideas - {"FILLER", "GREET"} or token.text in ("i", "we", "that", "this", "it")
    ]
    if not said:
        return False
    first = said[0]
    if first.text in ("i can", "i could", "i might", "i may", "we might", "we may") and not any(t.kind == "path" for t in tokens):
        return True  # 'I can see the mask'
    if first.text in ("i", "we", "i've", "we've", "i'm", "we're"):
        wishes = any(t.text == "wish" for t in said[1:3]) and not any(t.text in ("to", "for") for t in tokens[1:5])
        return wishes or not any(t.stands_for("NEED") and "base" in t.forms for t in said[1:3])
    if first.stands_for("INTENT") and any(t.kind == "path" for t in tokens) and not any(t.stands_for("EXPORT", "SELF") for t in tokens):
        return False  # we'll be working with /a/b.nii
    if (
        first.stands_for("INTENT")
        and not any(t.stands_for("NEED", "LOOK") for t in said[1:2])
        and first.text not in ("let me", "lemme", "i'd", "we'd", "i'll")
    ):
        return True
    if first.stands_for("INTENT"):
        return not _lets_itself_be_done(said)
    if (
        first.text in ("it", "that", "this")
        and len(said) > 1
        and (said[1].stands_for("BE", "HAVE", "STATIVE") or (said[1].forms and not said[1].forms & {"base", "ing"}))
    ):
        return True
    return _states(said, tokens)


def _lets_itself_be_done(said: Sequence[Token]) -> bool:
    """let me choose an image, I'd rather see the coronal plane: done by the program all the same."""
    return any(t.stands_for("PICK", "LOOK", "NEED", "SHOW") or t.text == "browse" for t in said[1:3])


def _states(said: Sequence[Token], tokens: Sequence[Token]) -> bool:
    """A noun with a finite verb: 'L5 has been segmented', 'the model generated a mask', 'the mask is wrong'."""
    for i, token in enumerate(said[1:], 1):
        earlier = said[:i]
        if any(t.ideas & ACTIONS and "base" in t.forms and not t.ideas & (OBJECTS | {"STEP"}) for t in earlier) or any(
            t.text in _MODAL for t in earlier
        ):
            return False
        if any(t.stands_for("WH", "BIG", "ADVICE", "HOWTO", "ASKREQ", "REQUEST", "DOAUX") for t in earlier):
            return False
        follows = said[i + 1 :]
        if token.text in ("has", "have", "had") or token.text in ("was", "were"):
            return True
        if (
            token.text in ("is", "are")
            and any(t.kind == "pair" for t in earlier)
            and any(t.stands_for("NEGATIVE", "POSITIVE") for t in said[i + 1 :])
        ):
            return False  # (8, 9) is background
        if (
            token.text in ("is", "are")
            and any(t.stands_for("NEW") or t.text == "now" for t in tokens)
            and any(t.stands_for("MASK", "LABEL", "SEG") for t in earlier)
            and said[-1].kind == "region"
        ):
            return False  # masks from here on are L3
        if token.text in ("is", "are") and not any(t.text in ("off", "gone", "out", "to", "needed", "required") for t in follows):
            return not any(t.stands_for("GPU", "CKPT") for t in earlier)
        if (
            "past" in token.forms
            and "base" not in token.forms
            and not token.ideas & {"NEED"}
            and any(t.ideas & OBJECTS or t.kind in VALUES for t in follows[:3])
        ):
            return any(t.ideas & OBJECTS or t.kind == "region" or t.stands_for("MODEL", "YOU") for t in earlier)
    return False


_CN_DONE_VERBS = ("ADD", "FRAMEIT", "DRAW", "GEN", "MAKE", "SEG", "OPEN", "EXPORT", "MEASURE", "SETLABEL", "PROPAGATE")


_CN_DONE = frozenset("好 完 错 过 歪 偏 得 好了 完了 完成 完毕 妥 就绪 妥了".split())


def _is_chinese_statement(clause: Clause) -> bool:
    tokens = clause.tokens
    if not tokens:
        return False
    if _has_been_done(tokens) or any(
        b.text == "得"
        and a.stands_for("POINT", "BOX", "MASK", *_CN_DONE_VERBS)
        and not any(t.stands_for(*_ASKS) for t in tokens if t is not b)
        for a, b in pairwise(tokens)
    ):
        return True
    if (
        tokens[-1].text in ("了", "里了", "中了")
        and clause.kinds("path")
        and not clause.has("BA")
        and any(t.text.endswith("在") for t in tokens)
    ):
        return True  # 掩膜存在 D:\\out\\m.nii.gz 里了
    if tokens[-1].text in ("的", "的。") and any(t.text in ("是", "都是") for t in tokens[:-1]) and not clause.has(*_ASKS):
        return True
    if clause.has("SELF"):
        return True
    if clause.has("PAST", "PASTTIME") and not _commands_past(clause):
        return True
    for i, token in enumerate(tokens[:-1]):
        # 画好了, 标完了, 加了, 标错了: done already. 删了 and 关了 are commands.
        after = tokens[i + 1].text
        last = i + 2 >= len(tokens) or all(t.text in ("了", "吧", "啊", "呀", "啦") for t in tokens[i + 2 :])
        done = token.stands_for(*_CN_DONE_VERBS) and not token.stands_for("CLEAR", "HIDE") and not token.text.isascii()
        if done and ((after in _CN_DONE and last) or after in ("错", "得", "歪", "偏")):
            return True
    if (
        tokens[-1].text in ("了", "啦")
        and len(tokens[0].text) > 1
        and tokens[0].stands_for(*_CN_DONE_VERBS)
        and tokens[0].text.endswith(("好", "完"))
    ):
        return True  # 框好了
    if any(
        t.text in ("有", "已有", "有了") and any(x.stands_for("POINT", "BOX", "MASK") for x in tokens[i + 1 :])
        for i, t in enumerate(tokens)
    ):
        return not clause.has(*_ASKS, "ADD", "CLEAR", "GPU", "EXPORT", "HIDE")  # L3上有六个点
    if len(tokens) > 1 and tokens[-1].text == "了" and tokens[-2].text in ("有", "都有", "已有") and not clause.has(*_ASKS):
        return True  # 框都有了
    if tokens[-1].text in ("了", "啦") and any(
        t.text in ("标好", "画好", "放好", "加好", "标好的", "画好的", "放好的", "太", "够", "好了", "生成好", "完", "好") for t in tokens
    ):
        return True
    return (clause.says("标好", "画好", "放好", "加好") and not clause.has("GEN", "SEG", "RUN", "INFER", "CLEAR")) or (
        clause.says("太", "真", "更", "错") and not clause.has("CLEAR", "HIDE", "UNDO")
    )


def _is_ready(tokens: Sequence[Token]) -> bool:
    """点好了, 现在框都齐了."""
    said = [t for t in tokens if t.text not in ("现在", "都", "全", "已经", "这下", "那")]
    return len(said) == 2 and said[-1].text in ("好了", "完了", "妥了", "齐了") and said[0].stands_for("POINT", "BOX", "MASK", "PROMPT")


def _has_been_done(tokens: Sequence[Token]) -> bool:
    """撤销过了, 清空过: a verb with 过 behind it."""
    said = [token for token in tokens if token.text not in ("了", "啊", "呀", "吧")]
    return len(said) > 1 and said[-1].text in ("过", "过了") and bool(said[-2].ideas & ACTIONS)


def _commands_past(clause: Clause) -> bool:
    """Whether the past belongs to what a command is about: clear the points added yesterday."""
    if clause.has(*_ASKS) or acts_first(clause):
        return True
    return any(
        "PAST" in t.ideas and t.text in ("刚才", "之前", "上次", "刚", "刚刚", "先前", "原来") for t in clause.tokens
    ) and clause.has("UNDO", "REDO", "CLEAR", "GONE", "HIDE")


def _is_definite(tokens: Sequence[Token]) -> bool:
    return any(
        t.text in ("the", "this", "that", "these", "those", "my", "all", "our", "you", "we", "i", "it", "them", "every") for t in tokens
    )


_ANSWERS = frozenset({"gpu_status", "verify_parameters", "measure", "help"})
_INTERROGATIVE = frozenset("who what why which when whose whom how 谁 为什么 为何 哪 什么 几".split())


def answers_only(clause: Clause, op: str) -> bool:
    """Whether the operation may follow from the clause: a question is answered, never acted upon."""
    said = [token for token in clause.tokens if token.ideas - {"FILLER"} or token.kind != "word" or token.text in _INTERROGATIVE]
    if not said or op in _ANSWERS or clause.has(*_ASKS):
        return True
    if (clause.question and clause.tokens[0].text == "do") or clause.tokens[0].text in (
        "is",
        "are",
        "was",
        "were",
        "does",
        "did",
        "has",
        "will",
        "should",
        "must",
        "might",
        "may",
    ):
        return len(clause.tokens) > 1 and clause.tokens[1].text in ("you", "not", "you please") and clause.tokens[0].text != "did"
    if said[0].text in ("can", "could", "may") and not clause.kinds("region") and not _is_definite(clause.tokens[1:3]):
        return False  # 'can masks be exported?'
    if said[0].text in ("have", "had") and clause.says("been"):
        return False
    if said[0].text in ("can", "could", "may") and any(t.text in ("a", "an", "any") for t in clause.tokens[1:2]) and clause.has("BE"):
        return False  # 'can a mask be exported?'
    return not (said[0].text in _INTERROGATIVE or said[0].stands_for("ADVICE"))

"""Which of its ideas a word has where it stands, and which words only describe another: 'box' is a verb in 'box L3', 'placed' none in
'the points I placed'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spinalsam.language.tokens import Token

_POLITE = frozenset({"PLEASE", "NOTNEG", "IFPOLITE", "GREET"})
_OPENERS = frozenset({"THEN", "AND", "BUT", "SO", "ASKREQ", "REQUEST", "WILL", "NEG", "HOWTO", "BEFORE", "AFTER", "PLEASE", "INTENT"})
_ADVERBS = frozenset(
    "just now then also first second firstly secondly quickly simply maybe automatically again so ok okay well hey hi hello next finally "
    "immediately directly kindly once already really only right quick please auto".split()
)
_BEFORE_VERB = frozenset("to you u we i let's lets not me".split())
_DETERMINERS = frozenset("a an the this that these those my our your his her its their any some all every each no another both".split())
_PREPOSITIONS = frozenset("of in on at for with from by into onto around round over about via using as per between within inside".split())
_THINGS = frozenset("POINT NEGPOINT POSPOINT BOX MASK PMASK BMASK PROMPT RESULT IMAGE SLICE STEP".split())
# Nouns that are verbs too where they open a clause and something follows for them to act on.
_BOTH = {
    "DRAW": frozenset({"BOX"}),
    "FRAMEIT": frozenset({"BOX"}),
    "ADD": frozenset({"POINT", "PROMPT"}),
    "SETLABEL": frozenset({"LABEL", "PROMPT"}),
}
_SUBJECTS = frozenset("i we you i've we've you've".split())
_AUXILIARIES = frozenset(
    "i've we've you've 've have has had was were been being is are am be just already previously recently earlier".split()
)
_CN_SUBJECTS = frozenset("我 我们 咱们 咱 你 您 我刚 我刚才 我刚刚 我已经 我已 我画了 我加了 我放了 我之前 我昨天".split())
_CN_DONE = frozenset("好 完 了 过 上 出 出来 好了 完了 下 住 下来 的".split())
_CN_PAST = frozenset("刚 刚才 刚刚 已 已经 之前 先前 前面 上面 现在 目前 现有 当前 刚才的 此前 之前已 早先".split())


def resolved(tokens: Sequence[Token]) -> list[Token]:
    """Tokens with the ideas that fit where they stand, without words that only describe another."""
    kept = _without_modifiers(list(tokens))
    return [_narrowed(kept, i) for i in range(len(kept))]


def opens_clause(tokens: Sequence[Token], i: int) -> bool:
    """Whether an English verb may stand at i: at the beginning, after a joining word, after 'to', 'please', 'can you' and the like."""
    for token in reversed(tokens[:i]):
        if token.kind == "sep" or token.ideas & _OPENERS or token.text in _BEFORE_VERB:
            return True
        if token.text in _ADVERBS or token.ideas & _POLITE:
            continue
        return False
    return True


def _narrowed(tokens: Sequence[Token], i: int) -> Token:
    token = tokens[i]
    if token.kind != "word":
        return token
    ideas = set(token.ideas)
    before = tokens[i - 1] if i else Token("sep", "")
    after = tokens[i + 1] if i + 1 < len(tokens) else Token("sep", "")
    if token.text.isascii():
        _narrow_english(tokens, i, ideas, before, after)
    else:
        _narrow_chinese(token, ideas, before, after)
    return token if ideas == token.ideas else replace(token, ideas=frozenset(ideas))


def _narrow_english(tokens: Sequence[Token], i: int, ideas: set[str], before: Token, after: Token) -> None:
    token = tokens[i]
    opens = opens_clause(tokens, i)
    for verb, nouns in _BOTH.items():
        if verb in ideas and ideas & nouns and not (opens and "base" in token.forms and _can_be_acted_on(after)):
            ideas.discard(verb)
    if "PERSON" in ideas and opens and "base" in token.forms:
        ideas.discard("PERSON")
    if token.text == "on":
        if after.kind == "region" or (after.text in _DETERMINERS and i + 2 < len(tokens) and tokens[i + 2].kind == "region"):
            ideas.discard("VISIBLE")  # 'segmentation on L3'
        if not before.stands_for("MASK", "RESULT", "TURN", "PMASK", "BMASK") and not (
            after.kind == "sep" and before.text in ("it", "them")
        ):
            ideas.discard("VISIBLE")
        if not before.stands_for("MOVE") or after.kind not in ("sep", "word") or after.text not in ("", "to", "by", "and", "then"):
            ideas.discard("NEXT")
    if token.text in ("list", "lists") and before.ideas & _THINGS:
        ideas.clear()
        ideas.add("FILLER")
    if (
        token.text == "first"
        and after.kind == "sep"
        and not before.stands_for("MOVE", "AXIAL", "SAGITTAL", "CORONAL")
        and (before.text not in _DETERMINERS and before.text not in ("to", "very", "slice", "image", ""))
    ):
        ideas.discard("FIRST")  # 'I have to check it first'
    if token.text == "opening" and after.text in _DETERMINERS:
        ideas.discard("FIRST")
    if token.text in ("end", "ends", "finish") and (
        after.text == "of" or before.text in _DETERMINERS or before.text in ("to", "it", "very")
    ):
        ideas.discard("CLOSE")
    if token.text in _LIFTING and opens and any(t.text in ("off", "away", "out") for t in _rest_of_clause(tokens, i)):
        ideas |= {"CLEAR"}
        ideas -= {"ADD", "NEED", "PROPAGATE", "TURN", "SETTO"}
    if (
        token.text in ("first", "next", "last")
        and opens
        and not before.stands_for("THEN", "MOVE")
        and after.kind == "word"
        and "base" in after.forms
        and after.ideas & _DOING
        and not after.ideas & _THINGS
    ):
        ideas -= {"FIRST", "LAST", "NEXT", "NEW"}
    if (
        "GONE" in ideas
        and token.text.endswith((" go", "_go"))
        and (after.ideas & {"FROM", "UP", "DOWN"} or after.text in ("to", "on", "over", "around", "between", "in", "at", "into"))
    ):
        ideas.discard("GONE")
        ideas.add("ADD")
    if token.text == "volume" and before.text in ("the", "this", "whole", "entire") and i > 1 and tokens[i - 2].text in _INTO:
        ideas.discard("SIZE")
    if token.text == "state" and after.text in ("of", ""):
        ideas.discard("SAY")
    if (
        "BOX" in ideas
        and "SLICE" in ideas
        and token.text.startswith("frame")
        and any(t.stands_for("NEXT", "PREV") for t in (*tokens[max(0, i - 2) : i], *_rest_of_clause(tokens, i)))
    ):
        ideas.discard("BOX")
    if (
        token.text in ("off", "out")
        and not before.stands_for("TURN")
        and after.kind == "word"
        and after.text in ("the", "of", "my", "these", "those", "this")
    ):
        ideas -= {"INVISIBLE", "NEG"}
    if (
        token.text in ("mask", "masks")
        and opens
        and (
            after.kind == "region"
            or after.text in ("it", "them", "that")
            or (after.text == "the" and any("BOX" in t.ideas for t in tokens[i + 2 : i + 4]))
        )
    ):
        ideas.add("GEN")
    if token.text.startswith("call") and "OOS" in ideas and any(t.stands_for("MASK", "LABEL") for t in tokens[i : i + 5]):
        ideas.discard("OOS")
    if token.text in ("measure", "measures") and not opens and before.text in _DETERMINERS:
        ideas.discard("MEASURE")
    if before.text in _DETERMINERS and token.forms == {"base"} and ideas & {"MASK", "VIEW", "LABEL", "STEP"}:
        ideas -= {"SEG", "SHOW", "LOOK", "SETLABEL"}


_LIFTING = frozenset("take throw get toss strip rub wipe".split())


def _rest_of_clause(tokens: Sequence[Token], i: int) -> list[Token]:
    """What follows i up to the next separator or joining word."""
    rest: list[Token] = []
    for token in tokens[i + 1 :]:
        if token.kind == "sep" or token.ideas & {"AND", "THEN"}:
            break
        rest.append(token)
    return rest


_INTO = frozenset("in through throughout into within across".split())
_DOING = frozenset("OPEN CLEAR ADD DRAW GEN SEG PROPAGATE MEASURE EXPORT HIDE MOVE UNDO REDO CHECK SETTO SHOW MAKE RUN".split())


def _can_be_acted_on(after: Token) -> bool:
    return after.kind in ("region", "pair", "quad", "number") or after.text in _DETERMINERS | _PREPOSITIONS | {
        "new",
        "next",
        "upcoming",
        "future",
        "everything",
        "it",
        "them",
        "up",
        "out",
        "here",
        "there",
        "off",
    }


def _narrow_chinese(token: Token, ideas: set[str], before: Token, after: Token) -> None:
    if token.text == "点" and not (
        after.kind in ("number", "pair") or after.text in ("在", "一下", "几", "上", "下", "个", "出", "一", "到", "于")
    ):
        ideas.discard("ADD")
    if token.text in ("框", "圈") and (
        after.stands_for("ADD", "CLEAR", "GONE", "GEN", "RUN", "SHOW", "HIDE", "NEG") or before.text in ("的", "用", "对", "把", "将")
    ):
        ideas.discard("FRAMEIT")
    if (
        token.text in ("不", "没", "没有", "否")
        and after.kind == "sep"
        and before.kind == "word"
        and "NEG" in ideas
        and after.text in ("", "?", "？", "!", "！", ".")
    ):
        ideas -= {"NEG", "INSTEADOF"}
        ideas.add("FILLER")  # 能用不, 好了没: a question
    if token.text in ("怎么看", "怎么想") and (
        after.ideas
        & {"AXIAL", "SAGITTAL", "CORONAL", "MPR", "THREED", "MASK", "BONEWIN", "WINDOW", "SLICE", "IMAGE", "GPU", "FIRST", "LAST", "MIDDLE"}
        or after.kind in ("region", "number")
    ):
        ideas.clear()
        ideas.add("HOWTO")
    if token.text in ("最后", "首先") and before.kind == "sep" and after.kind == "word" and after.ideas - {"SLICE", "IMAGE", "FILLER"}:
        ideas -= {"LAST", "FIRST"}
    if token.text in ("框出", "圈出", "框选") and before.stands_for("FROM") and after.stands_for("MASK"):
        ideas.clear()
        ideas |= {"BOX", "GEN"}
    if "GONE" in ideas and "不" in token.text and (after.stands_for("ADD", "GEN", "DRAW", "SEG", "RUN", "EXPORT", "OPEN", "PROPAGATE")):
        ideas.clear()
        ideas.add("NEG")  # 都不要加
    if token.text.startswith("点") and "ADD" in ideas and (before.text in ("个", "颗", "些", "几个") or before.kind == "number"):
        ideas.clear()
        ideas |= {"POINT", "AT"}  # 加五个点在腰椎
    if token.text in ("如何", "怎样", "怎么样", "咋样") and after.kind == "sep":
        ideas -= {"HOWTO"}  # 显卡状态如何
        ideas.add("GPUASK")
    if "分割" in token.text and "SEG" in ideas and before.text in ("显示", "隐藏", "展示", "不显示", "打开", "关闭", "藏"):
        ideas.discard("SEG")
    if token.text == "那" and (after.kind == "number" or after.stands_for("SLICE") or after.text in ("个", "些", "一")):
        ideas.discard("SO")  # 中间那一张
    if token.text == "得" and before.stands_for("POINT", "BOX", "MASK", "ADD", "DRAW", "SEG", "GEN"):
        ideas.discard("REQUEST")
    if token.text == "坐标" and (after.kind in ("pair", "quad") or after.text in ("是", "为")):
        ideas.discard("POINT")
    if token.text == "标" and before.text in ("图", "坐"):
        ideas.discard("ADD")
    if token.text in ("分割", "勾画") and before.text in ("的", "个", "把", "将", "次"):
        ideas.discard("SEG")


# Descriptions


def _without_modifiers(tokens: list[Token]) -> list[Token]:
    return _without_chinese_modifiers(_without_english_modifiers(tokens))


def _without_english_modifiers(tokens: list[Token]) -> list[Token]:
    """Without 'I placed', 'that were drawn earlier' after a noun, and without 'placed' in 'the placed points'."""
    kept: list[Token] = []
    i = 0
    while i < len(tokens):
        end = _relative_clause(tokens, i)
        if end > i:
            i = end
            continue
        token = tokens[i]
        if i and _tells_where(tokens, i):
            i += 1
            continue
        if _is_participle(token) and i + 1 < len(tokens) and tokens[i + 1].ideas & _THINGS and i and _describes(tokens[i - 1]):
            i += 1
            continue
        kept.append(token)
        i += 1
    return kept


_LYING = frozenset("located lying residing living sitting found stored saved kept placed archived exported put".split())


def _tells_where(tokens: list[Token], i: int) -> bool:
    """'the scan stored in ...', 'the CT located at ...' before a path."""
    if tokens[i].text not in _LYING or not tokens[i - 1].ideas & {"IMAGE"} or i + 2 >= len(tokens):
        return False
    return tokens[i + 1].text in ("in", "at", "under", "on", "inside", "as") and any(t.kind == "path" for t in tokens[i + 2 : i + 5])


def _describes(before: Token) -> bool:
    return before.text in _DETERMINERS | _PREPOSITIONS | {"all", "already", "just", "newly", "previously"}


def _is_participle(token: Token) -> bool:
    return token.kind == "word" and "past" in token.forms and "base" not in token.forms


def _relative_clause(tokens: list[Token], i: int) -> int:
    """The end of a clause that describes the noun before i; i where there is none."""
    if not i or not (tokens[i - 1].ideas & _THINGS or tokens[i - 1].kind == "region") or tokens[i].kind == "sep":
        return i
    j = i
    linked = tokens[j].text in ("that", "which", "who", "where")
    j += linked
    subject = j < len(tokens) and tokens[j].text in _SUBJECTS
    j += subject
    helped = False
    while j < len(tokens) and tokens[j].text in _AUXILIARIES:
        helped, j = True, j + 1
    if j >= len(tokens) or "past" not in tokens[j].forms or not (subject or linked):
        return i
    if "base" in tokens[j].forms and not (helped or linked):
        return i
    j += 1
    while j < len(tokens) and tokens[j].kind == "word" and tokens[j].text in (
        "earlier", "before", "already", "so", "far", "there", "here", "just", "now", "yesterday", "previously", "manually", "myself",
        "up", "down",
        "ago", "today", "yet", "last", "in",
    ):  # fmt: skip
        j += 1
    return j


def _without_chinese_modifiers(tokens: list[Token]) -> list[Token]:
    """Without 我刚才画好的 before a noun."""
    kept: list[Token] = []
    for i, token in enumerate(tokens):
        if (
            token.text in ("的", "的那")
            and i + 1 < len(tokens)
            and kept
            and (
                tokens[i + 1].ideas & _THINGS
                or tokens[i + 1].stands_for("VERT")
                or tokens[i + 1].text in ("地方", "部分", "范围", "东西", "那块", "里面")
            )
        ):
            start = _description(kept)
            if start is not None:
                framed = any(t.stands_for("FRAMEIT") for t in kept[start:]) and not tokens[i + 1].ideas & _THINGS
                del kept[start:]
                if framed:  # 框住的区域: what is in the box
                    kept.append(Token("word", "框", frozenset({"BOX"})))
                continue
        kept.append(token)
    return [token for i, token in enumerate(kept) if not _is_dangling_past(kept, i)]


def _description(kept: list[Token]) -> int | None:
    """Where the description before 的 begins; None where what stands there is no description."""
    j = len(kept)
    while j and kept[j - 1].text in _CN_DONE:
        j -= 1
    if not j or not kept[j - 1].stands_for("ADD", "FRAMEIT", "DRAW", "GEN", "MAKE", "SEG", "SETLABEL") or kept[j - 1].text.isascii():
        return None
    j -= 1
    described = False
    while j and (kept[j - 1].text in _CN_SUBJECTS | _CN_PAST or kept[j - 1].stands_for("SELF")):
        described, j = True, j - 1
    done = len(kept) - j > 1
    # 生成的掩膜, but not 在L3上加的点 where the verb begins a request.
    return (
        j
        if described
        or done
        or j == 0
        or kept[j - 1].text
        in ("把", "将", "用", "对", "所有", "全部", "根据", "按", "依据", "基于", "从", "这些", "那些", "删", "删除", "清除", "清空")
        else None
    )


def _is_dangling_past(tokens: list[Token], i: int) -> bool:
    """刚才那些点, 刚画的框: the past of a noun, not of what is asked for."""
    if tokens[i].text not in ("刚", "刚才", "刚刚", "刚才的"):
        return False
    after = tokens[i + 1 : i + 4]
    return any(t.text in ("那", "那些", "那个", "这", "这些", "的", "那三", "那两") for t in after[:2]) or bool(
        after and after[0].ideas & _THINGS
    )

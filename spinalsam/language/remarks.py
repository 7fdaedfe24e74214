"""Praise and complaints: 'the mask turned out nicely', 框画得很准. What is said of a mask, of points or of a box asks for nothing."""

from __future__ import annotations

import re

from spinalsam.language.clauses import ACTIONS, OBJECTS, Clause
from spinalsam.language.tokens import Token

_SUBJECTS = OBJECTS | {"SEG", "SLICE", "VIEW", "RESULT", "NEGPOINT", "POSPOINT", "STEP", "PROPAGATE", "EXPORT", "MEASURE", "SIZE"}
_OUTCOMES = re.compile(
    r"(?:turn(?:s|ed) out|c[ao]mes? out|end(?:s|ed) up|work(?:s|ed)|fits|fitted|leak(?:s|ed)|land(?:s|ed)|miss(?:es|ed)|sits|sat"
    r"|drift(?:s|ed)|spill(?:s|ed)|bleeds|bled|got|went|feels|felt|looks|look|looked|seems|seem|seemed|appears|appear|appeared"
    r"|holds? up|held up|stands out|hugs|followed|helped|sticks|stuck|turned|came|ended|failed|crashed|froze|broke|vanished|disappeared"
    r"|(?:is|was|are|were|does|did|do|has|have|had|would|could)n't|rocks|sucks|stinks|shines|impress(?:es|ed)|surpris(?:es|ed))"
)
_ASKING = frozenset("how what if whether where which when why who once after before".split())
_NO_VERBS = frozenset(
    "always as this is his its us thus perhaps besides across afterwards towards upwards downwards backwards forwards sometimes pls thanks "
    "plus minus various previous needs yes".split()
)
_PRAISES = frozenset(
    "awesome great nice lovely perfect beautiful good bad terrible superb excellent amazing fantastic brilliant gorgeous horrible ugly "
    "awful wonderful fabulous neat decent impressive stunning solid poor lousy crappy dreadful sloppy "
    "flawless magnificent stellar marvellous".split()
)
_BLAMES = frozenset("wrong broken useless rubbish garbage wonky weird odd strange fine excellent better worse spot-on".split())
_LIKES = frozenset("love loved loving adore hate hated dislike enjoy enjoyed appreciate appreciated admire".split())
_NO_SUBJECTS = frozenset("that which who it they a to quick closer good better".split())  # 'box what it looks like', 'have a look'
_STRESSED = frozenset("what such a an very really pretty quite so absolutely truly some one another that's".split())
_DETERMINERS = frozenset("the this that these those my our your a an its all both every each".split())
_PLEAS_CHINESE = re.compile("请|麻烦|帮|给我|我要|我想|我需要|能不能|可不可以|可否|能否|劳驾|拜托|把|将|让|吗|如果|怎么|是否|检查|看看")
_DEGREE = (
    "(?:很|挺|真|太|好|不太|不够|不|还|比较|非常|特别|十分|相当|有点|有些|蛮|超|超级|极|更|都|还是|够|正|刚|正好|刚好|刚刚|恰"
    "|有点儿|不怎么|怪|过于|略|稍微|稍)"
)
_ALWAYS_JUDGES = (
    "(?:不错|不行|不准|不好|不理想|不像样|不咋地|不怎么样|没毛病|没问题|没的说|没得说|好看|难看|漂亮|完美|糟糕|糟透|一般|一般般|一塌糊涂|还行|"
    "还可以|还凑合|凑合|很棒|真棒|太棒|离谱|到位|好用|难用|好使|精准|精确|准确|出色|优秀|满意|粗糙|理想|惊艳|稀烂|乱七八糟|失败|失败了|成功|"
    "有(?:点|些|点儿|一点)?(?:问题|毛病|瑕疵|偏差|误差|缺陷|出入)|马马虎虎|差强人意|恰到好处|歪歪扭扭|无可挑剔|差劲|漏了|偏了|歪了|跑偏了?)"
)
_JUDGES_WITH_DEGREE = (
    "(?:好|准|大|小|偏|歪|差|烂|丑|棒|赞|快|慢|卡|细|粗|厚|薄|多|少|高|低|宽|窄|密|疏|散|乱|清楚|清晰|模糊|整齐|干净|光滑|平滑|奇怪|怪|合适|合理|明显|"
    "及时|顺利|成功|细致|仔细|规整|贴合|吻合|对|像|稳|靠谱|方便|实用|自然|真实|完整|漂亮|干脆|利落|满意|难看|暗|亮|浅|深|紧|松|顺|顺手|服|牛|专业|精细|有用|有效|糟|远|近|平|圆|尖|密集|稀疏|正常|精准|准确|精确|到位|好看)"
)
_END = "(?:极了|死了|多了|得多|啊|呀|哦|呢|嘛|哈|啦|了|的|吧|诶|耶|哇|噢|喔){0,4}"
_JUDGED = re.compile(
    f"(?:{_ALWAYS_JUDGES}|{_DEGREE}{{1,3}}{_JUDGES_WITH_DEGREE}){_END}$|得(?:{_JUDGES_WITH_DEGREE}{_END}|不轻|不成样子)$"
    f"|比.{{1,12}}{_JUDGES_WITH_DEGREE}{_END}$"
)
_CN_THINGS = "(?:[这那](?:个|些|几个)|所有|每个|我的|你的)?(?:的)?(?:.{0,6}?(?:点|框|掩膜|掩码|蒙版|分割|mask))"
_THERE_NOW = re.compile(
    f"^{_CN_THINGS}(?:已经|终于|总算|都|全){{0,2}}(?:出来|出炉|搞定|完成|到手|成功)(?:了|啦)[啊呀哦]?$"
    f"|^{_CN_THINGS}(?:都|全|全都|刚好|正好|基本|基本上){{1,2}}(?:落|打|画|贴|偏|跑|漏|盖|罩|套|标|放)(?!上去|上来|掉|了$).*(?:了|啦)$"
)


def is_remark(clause: Clause) -> bool:
    """Whether it says how something of ours is, looks or turned out."""
    if clause.question or not clause.tokens or clause.has("GPU", "CKPT", "MODEL", "HOWTO", "HELPWORD", "IF"):
        return False
    return _judges_in_chinese(clause) or _says_how_it_went(clause.tokens)


def _judges_in_chinese(clause: Clause) -> bool:
    said = "".join(token.text for token in clause.tokens)
    if said.isascii() or _PLEAS_CHINESE.search(said):
        return False
    if _THERE_NOW.search(said):
        return True
    return bool(_JUDGED.search(said)) and len(clause.tokens) > 1 and bool(clause.ideas & (ACTIONS | _SUBJECTS))


def _says_how_it_went(tokens: list[Token]) -> bool:
    """A noun of ours with its finite verb, and no command before it: 'the point mask came out well'."""
    noun = False
    if _exclaims(tokens) or _judged_last(tokens) or (tokens[0].text in _LIKES and len(tokens) > 1 and tokens[1].text != "to"):
        return True
    for i, token in enumerate(tokens):
        if token.text == "deserves" and noun and any(t.ideas & OBJECTS for t in tokens[:i]):
            return True
        if token.text in _ASKING or token.stands_for("PLEASE", "REQUEST", "ASKREQ", "NEED", "WH", "INTENT"):
            return False
        if noun and _OUTCOMES.fullmatch(token.text):
            return tokens[i - 1].text not in _NO_SUBJECTS
        if noun and i + 1 < len(tokens) and (_is_what(tokens, i) or _is_other_verb(tokens, i) or _moves_somebody(tokens, i)):
            return True
        before = tokens[i - 1] if i else None
        described = before is not None and (
            before.text in _DETERMINERS or before.kind in ("region", "number") or bool(before.ideas & _SUBJECTS)
        )
        if token.kind == "region" or (token.ideas & _SUBJECTS and (token.ideas & OBJECTS or described or not token.ideas & ACTIONS)):
            noun = True
        elif token.ideas & ACTIONS and not described and (i == 0 or "FILLER" not in token.ideas) and _may_command(token):
            return False
    return False


def _may_command(token: Token) -> bool:
    return "base" in token.forms or not token.forms & {"ing", "past"}


def _is_what(tokens: list[Token], i: int) -> bool:
    """'is just what I needed'."""
    after = [token.text for token in tokens[i + 1 :] if token.text not in ("just", "exactly", "precisely", "pretty", "about", "not")]
    return tokens[i].text in ("is", "was", "are", "were") and after[:1] in (["what"], ["how"], ["as"], ["where"])


def _is_other_verb(tokens: list[Token], i: int) -> bool:
    """'the point mask beats the box mask': any other verb in the third person."""
    token = tokens[i]
    third = token.text.isascii() and token.text.endswith("s") and not token.text.endswith("ss") and token.text not in _NO_VERBS
    return third and tokens[0].text in _DETERMINERS and token.kind == "word" and (not token.ideas or token.forms == {"s"})


def _exclaims(tokens: list[Token]) -> bool:
    """'awesome box mask', 'what a lovely mask'."""
    at = next((i for i, token in enumerate(tokens) if token.text not in _STRESSED), len(tokens))
    rest = tokens[at + 1 :]
    return (
        at < len(tokens)
        and tokens[at].text in _PRAISES
        and bool(rest)
        and all(t.kind == "region" or t.ideas & (_SUBJECTS | {"FILLER"}) for t in rest)
        and any(t.ideas & _SUBJECTS for t in rest)
        and not any(t.stands_for("PLEASE", "REQUEST", "NEED") for t in tokens)
    )


def _moves_somebody(tokens: list[Token], i: int) -> bool:
    """'the box mask made me smile', 'the points could be better'."""
    after = [token.text for token in tokens[i + 1 : i + 3]]
    if tokens[i].text in ("work", "fit", "do", "match", "sit", "line up"):
        return after[0] in ("well", "fine", "nicely", "great", "perfectly", "badly", "poorly", "okay", "ok", "good")
    if tokens[i].text in ("could", "might") and after[0] == "be":
        return len(after) > 1 and (after[1].endswith("er") or after[1] in ("worse", "more"))
    return tokens[i].text in ("made", "gave", "saved", "took", "cost") and after[0] in (
        "me", "us", "my", "a", "the", "ages", "forever", "too", "so", "long", "way", "no", "some",
    )  # fmt: skip


def _judged_last(tokens: list[Token]) -> bool:
    """'lumbar mask good'."""
    nouns = [t for t in tokens[:-1] if t.ideas & _SUBJECTS]
    return (
        tokens[-1].text in _PRAISES | _BLAMES
        and bool(nouns)
        and all(t.kind == "region" or t.ideas & (OBJECTS | {"FILLER"}) for t in tokens[:-1])
        and not any(t.stands_for("PLEASE", "REQUEST", "NEED", "ASKREQ") or (t.ideas & ACTIONS and not t.ideas & OBJECTS) for t in tokens)
    )

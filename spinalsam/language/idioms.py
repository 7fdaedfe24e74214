"""Whole turns of speech, said in the words of the lexicon before a sentence is cut: 'ctrl+z' is 'undo', 'in ten minutes' is a later time.

One pattern a line, with what stands for it. Words such as `latertime` are of this program's own making; `reading` knows what they mean.
"""

from __future__ import annotations

import re

_NUMERAL = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|half an|a few|a couple of)"
_UNIT = r"(?:second|minute|min|hour|hr|day|week|month|year)s?"
_PAUSE = r"(?:noon|midnight|lunch|lunchtime|dinner|breakfast|teatime|the meeting|the break|my break|rounds|work|school|christmas|easter)"
_MASKS = r"(?:mask|masks|segmentation|segmentations|overlay|overlays)"
_MARKS = r"(?:points|boxes|dots|clicks|rectangles|markers|seeds)"
_NOT = r"(?:don't|do not|dont)"
_SLICES = r"(?= (?:slices?|images?|layers?)\b| ?[张层页片])"
_CN_BEGIN = r"(?:^|(?<=[，,。;；]))"
_CN_END = r"(?=$|[，,。;；!！])"
_CN_NUMERAL = r"[\d一二两三四五六七八九十]{1,3}"
_CN_PEOPLE = r"(?:我|他|她|他们|你|主任|医生|家属|大家|老师|老板)"
_THOSE = r"(?:the|my|this|that|any|those|these)"

_IDIOMS: tuple[tuple[str, str], ...] = (
    # Keys and signs
    (r"\bctrl ?[-+ ] ?(?:y|shift ?[-+ ] ?z)\b", " ctrlyredo "),
    (r"\bctrl ?[-+ ] ?z\b|⌘ ?z\b", " ctrlzundo "),
    (rf"(?:^|(?<=[\s,;]))\+ ?(\d+){_SLICES}", r" forward \1 "),
    (rf"(?:^|(?<=[\s,;]))- ?(\d+){_SLICES}", r" back \1 "),
    (rf"\bminus (?=\w+{_SLICES})", " back "),
    # What is not wanted is to be hidden or cleared
    (rf"\b(?:i|we) (?:{_NOT}|no longer) (?:want|need|like|wish|have) to (?:see|view|look at)(?= {_THOSE}\b)", " hide "),
    (rf"\b{_NOT} (?:show|display)(?= (?:me )?(?:{_THOSE} )?(?:\w+ )?{_MASKS}(?: any ?more| any longer)?\W*$)", " hide "),
    (r"\bno ([a-z]+(?: [a-z]+)?) (?:should|must|may|shall|are to|is to) (?:remain|stay|be left|survive)\b", r" remove all \1 "),
    (
        rf"(?:^|(?<=, )|(?<=and )|(?<=want )|(?<=need ))((?:(?:all|the|my|these|those) )*{_MARKS}) (?:off|out|away)"
        r"(?=\s*(?:$|[,;.!]|please|and))",
        r" remove \1 ",
    ),
    (rf"{_CN_BEGIN}(?:不要|不需要)([这那][些个]|我的)(点|框|掩膜|掩码|方框|坐标点|标记点|矩形)了?{_CN_END}", r"删除\1\2"),
    (r"\bscratch (?:that|the|my)(?= (?:last|latest|previous|edit|step|change|action))", " undo the "),
    # Parts of the spine
    (r"\b(?:upper|lower|mid|middle)[- ](?=thoracic|lumbar|cervical)", ""),
    (r"\b(?:should go|goes|go|belongs?) in(?:to)? an? (?=(?:bounding )?box|frame|rectangle)", " needs a "),
    (r"\bw{1,2} ?(\d{1,4})[ ,/]+(?:w?l|c) ?(-?\d{1,4})\b", r" window width \1 level \2 "),
    (r"\bwl ?(-?\d{1,4})[ ,/]+w{1,2} ?(\d{1,4})\b", r" window level \1 width \2 "),
    (r"\b(its|their) volume\b", r"\1 size"),
    (r"\b(?:remaining|rest of the) (?=slices|images|layers)", "other "),
    ("取消框选", "清除框"),
    # Asked politely, or for help
    (r"((?:请|麻烦|帮|把|能).*?)(?:好吗|行吗|可以吗|成吗)(?=\W*$)", r"\1"),
    (
        r"\bhow(?: is|'s| are) (?:the |my |our )?(gpu|graphics card|video card)s?(?: (?:doing|feeling|going|holding up))?(?=\W*$)",
        r" \1 status ",
    ),
    (
        r"\b(?:list|show|tell|give|display)(?: me)? (?:all )?(?:of )?(?:(?:the|your|available|possible) )*"
        r"(?:commands|operations|functions|features)(?=\W*$)",
        " helpwanted ",
    ),
    # Not knowing how is asking how
    (
        rf"\b(?:i {_NOT} know|i have no (?:idea|clue)|(?:i'm |i am )?(?:not sure|unsure|confused about)|i forgot|remind me) how to\b",
        " how to ",
    ),
    # A time that is not now
    (rf"\bin (?:about |around )?{_NUMERAL} {_UNIT}(?: time)?\b", " latertime "),
    (rf"\b(?:at|after|before|by|from|around) (?:\d{{1,2}}|{_NUMERAL})(?: ?[ap]\.?m\b| o'?clock\b)", " latertime "),
    (rf"\b(?:at|after|before|over|during|by) {_PAUSE}\b", " latertime "),
    (
        rf"(?:今天|今晚|明天|明早|后天|早上|上午|中午|下午|晚上|凌晨|{_CN_BEGIN}){_CN_NUMERAL}点(?:钟|半|整|多)?(?:左右)?"
        r"(?:以后|之后|后|再|之前|前|开会|下班)",
        " latertime ",
    ),
    (r"(?:过|等|再过)?[\d一二两三四五六七八九十几半]+个?(?:小时|分钟|钟头|天|礼拜|星期|个月|秒钟?)(?:后|以后|之后|再)", " latertime "),
    (rf"等{_CN_PEOPLE}[^，,。;；]{{0,8}}(?:再|才|就)", " latertime "),
    (r"\bonly (?=when|if|once|after)(?:when|if|once|after)\b", " if "),
    # To be asked or told first is to have nothing done
    (
        r"\b(?:ask|tell|warn|remind|notify|inform|alert|consult|call|check with|let) (?:me|us)(?: know)?(?: first| again)? "
        r"(?:before|when|once|as soon as|prior to)\b",
        " foreignrole ",
    ),
    (
        r"\b(?:before|prior to|when)\b[^.;]*, ?(?:always |please )?(?:ask|tell|warn|notify|inform|alert|consult|check with) (?:me|us)\b",
        " foreignrole ",
    ),
    (r"(?:前|之前|以前)[^，,。;；]{0,3}(?:问|告诉|通知|提醒|征求|请示)(?:一下|一声)?(?:我|我们)", " foreignrole "),
    (r"没有?(?:经过?)?我的?(?:允许|同意|许可|吩咐)", " foreignrole "),
    # Said of people in general
    (
        r"^(?:one|users?|people|readers?|operators?|anybody) (?:can|could|may|might|often|usually|always|never|should)\b",
        " foreignrole ",
    ),
    # What is written, not asked: notes, titles, fields of a header
    (
        r"^\s*(?:todo|fixme|notes?|memo|comments?|remarks?|subject|title|warning|error|caption|reminder|quote|file ?name"
        r"|patient ?\w*|study ?\w*|series ?\w*|institution\w*|history|findings|impression|diagnosis"
        r"|备注|注释?|标题|待办|提醒|文件名|病史|主诉|诊断|所见|印象|结论|姓名|检查描述|报告)\s*[:：=]",
        " foreignrole ",
    ),
    (
        r"^(?:please )?(?:say|type|write|spell|translate|pronounce|repeat after me|read out)(?: out| down)?(?= quotedwords|\s*[:：])",
        " foreignrole ",
    ),
    (r"^where should (?:the|my|these|those|i|we)\b", " foreignrole "),
    (r"我\s*(?:already|just)\b", "我已经"),
    # Questions that want an answer, not an act
    (r"能[撤退](?:销|回)?几|有(?:什么|啥|何)(?:用|好处|意义|作用)", " foreignrole "),
    (r"^(?:just )?(?:think|dream|talk|speak|read|learn|worry|complain|argue|write) (?:about|of)\b", " foreignrole "),
    (
        r"\b(?:get to|come to|beside|besides|see|miss|prove|what's|what is) (?:the|a|your|my|his) point\b(?! mask)"
        r"|\b(?:good|fair|valid) point\b(?! (?:mask|in|on|at))|\bpoint (?:taken|made|being)\b",
        " foreignrole ",
    ),
    (r"^(?:the|our|my) (?:plan|idea|question|agenda|schedule|problem|issue|rule)s?(?: \d+)?(?: is)?\s*[:：]", " foreignrole "),
    # Code is never run
    (r"^\s*>>>|\b[a-z]+_[a-z_]+\(|\b[a-z]+\(\)|^\s*[{<]|\"(?:op|tool|function)\"\s*:", " foreignrole "),
    # Who pretends to speak for the program itself
    (r"^\s*(?:\[|<|#)*\s*(?:system|assistant|developer|root|系统|系统提示|系统消息|管理员|开发者)\s*(?:\]|>)*\s*[:：]", " foreignrole "),
)
_COMPILED = tuple((re.compile(pattern), meant) for pattern, meant in _IDIOMS)


def reworded(text: str) -> str:
    """The text, in small letters, with every idiom in other words."""
    for pattern, meant in _COMPILED:
        text = pattern.sub(meant, text)
    return text

"""A sentence to tokens: paths as typed, normalisation, what must not be torn apart (regions, coordinates, numbers), then words."""

from __future__ import annotations

import re
import unicodedata

from spinalsam.language import lexicon
from spinalsam.language.coordinates import take_coordinates
from spinalsam.language.homophones import respelled, respelled_in_place
from spinalsam.language.idioms import reworded
from spinalsam.language.numbers import take_numbers
from spinalsam.language.paths import take_paths
from spinalsam.language.regions import take_regions
from spinalsam.language.tokens import MARK, Spans, Token, is_mark, without_marks
from spinalsam.language.words.chinese_lexicon import SLIPS as CHINESE_SLIPS

LONGEST = 2000  # characters; what is longer is a letter or a file, and no request
_CJK = "\u4e00-\u9fff"
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d\u200b\u2b50]")
_GLUED = re.compile(
    r"\b(next|previous|prev|add|clear|delete|remove|open|load|generate|gen|show|hide|export|save|segment|undo|redo"
    r"|box|point|bone|lung|brain|gpu|verify|draw|place|set|goto|reset|measure)"
    r"(image|slice|point|points|box|boxes|mask|masks|file|status|spine|all|parameters|prompts|weights|segmentation"
    r"|rectangle|it|view|window|label|help)\b"
)
# 'draw abox', 'in themiddle', 'onthe last slice'.
_GLUED_ARTICLE = re.compile(
    r"\b(a|the)(box|boxes|points?|dot|mask|masks|rectangle|slice|spine|sacrum|middle|first|last|next|previous|label|image|scan)\b"
    r"|(?<!\w)(?:(on|in|to|of|for|from|around|with|and)(the))\b"
)
_PIECES = re.compile(
    f"{MARK}|[a-z]+(?:[-'/][a-z]+)*(?:'s)?|\\.(?:nii\\.gz|nii|nrrd|stl)|[{_CJK}]+|[?？]|[!.;,，。；！、:：+\\n/&()\\[\\]{{}}>~-]|\\S"
)
_LEVEL_FIRST = re.compile(r"(?<![a-z])(?:l/w|wl/ww|level/width|窗位/窗宽)\s*[:=]?\s*(-?\d+)\s*[/,]\s*(\d+)")
_WIDTH_FIRST = re.compile(r"(?<![a-z])(?:w/l|ww/wl|width/level|窗宽/窗位)\s*[:=]?\s*(\d+)\s*[/,]\s*(-?\d+)")
_AFTER_THIS = re.compile(
    r"\b(?:the )?(?:image|slice|picture|frame|layer|one)s? (?:right |just |directly |immediately )?after (?:this"
    r"|that|it|the current)(?: one| image| slice| picture)?\b"
)
_BEFORE_THIS = re.compile(
    r"\b(?:the )?(?:image|slice|picture|frame|layer|one)s? (?:right |just |directly |immediately )?before (?:this"
    r"|that|it|the current)(?: one| image| slice| picture)?\b"
)
_TOWARDS = "(?:[往向朝沿](?:着)?)"
_HEADWARD = re.compile(
    f"{_TOWARDS}(?:病人|患者)?(?:的)?(?:头|颅(?![骨脑]))(?:侧|端|部|顶|方向|那边|那头|的方向|方)*(?:一侧|一端)?(?:方向)?|(?:头|颅)(?:侧|端)(?:的)?方向"
)
_FOOTWARD = re.compile(
    f"{_TOWARDS}(?:病人|患者)?(?:的)?(?:足|脚|尾(?![骨椎])|骨盆)(?:侧|端|部|底|方向|那边|那头|的方向|方)*(?:一侧|一端)?(?:方向)?|(?:足|脚|尾)(?:侧|端)(?:的)?方向"
)
_HOW = re.compile(
    r"\bhow (?:does|do|can|could|would|should|must|might|shall|may) (?:one|i|we|you|people|somebody|someone|anyone"
    r"|users?)\b(?! (?:do|feel|rate|know|like|see|say|spell|call|pronounce|think)\b)|\bhow to\b|\bhow (?:do|does) (?:[a-z]+ ){1,4}work\b"
)
# What the program can do or be told, however it is asked.
_CAPABILITIES = re.compile(
    r"\b(?:what|which)(?: (?:kinds?|sorts?|types?) of)?(?: (?:all|else|other|more))?"
    r"(?: (?:things?|stuff|commands?|operations?|functions?|features?|tasks?|actions?|requests?|sentences?|tricks?"
    r"|phrases?|instructions?))?"
    r" (?:can|could|do|does|are|am|may) (?:you|i|we|one|it|this(?: \w+)?|the (?:program|software|app|tool|assistant|system)|spinalsam)"
    r" (?:able to |capable of |allowed to )?(?:do|doing|ask|type|handle|understand|offer|support|perform|accept"
    r"|request)\b(?: you| me| of you)?"
    r"(?! (?:we|about|if|the|that|this|with the|to the)\b)"
    r"|\b(?:list|show|tell me|display|name) (?:me )?(?:everything|all|all the things|what"
    r"|the things) (?:that )?(?:you|i) (?:can |could )?(?:understand|know|support|do|ask|handle|offer|say|type)\b"
    r"|\bwhat can i say\b|(?:都|还|到底|究竟)*(?:能|会|可以|支持)(?:够)?(?:帮我|帮忙|为我|替我|给我)?"
    r"(?:做|干|弄|搞|完成|处理|听懂|实现|提供|执行|理解|用来做|问"
    r"|说)?(?:些|点|一些)?(?:什么|啥|哪些|嘛)"
    r"(?:事情?|活儿?|操作|功能|命令|指令|话)?(?=$|[\s?？!！。，,~呢呀啊吗])"
)
# Parts of a vertebra, named with words that mean something else alone.
_PARTS_OF_BONE = re.compile(
    r"\b(?:(?:left|right|both|the|its) )*(?:transverse|spinous|articular|costal|superior articular"
    r"|inferior articular|odontoid) process(?:es)?\b|\bvertebral (?:arch|foramen|endplates?)\b"
)
_BESIDE = re.compile(
    r"\b(?:to the |on the |at the )?(?:left|right)(?:[- ]hand)?(?:(?: and | or |/)(?:the )?(?:left|right)(?:[- ]hand)?)?(?: sides?)? of\b"
    r"|\b(?:to|on|at) the (?:left|right)(?: side)?\b|\b(?:left and right|right and left|left side|right side)\b"
)
_GLUED_NUMBER = re.compile(
    r"(?<=\badd)(?=\d)|(?<=\bplace)(?=\d)|(?<=\bput)(?=\d)|(?<=\bundo)(?=\d)|(?<=\bredo)(?=\d)|(?<=\bslice)(?=\d)"
    r"|(?<=\bnext)(?=\d)|(?<=\bback)(?=\d)|(?<=\bforward)(?=\d)"
    r"|(?<=\d)(?=(?:points?|slices?|box(?:es)?|steps?|images?|pts|dots|seeds|layers?|frames?)\b)"
)
_ROMAN = {ord("Ⅰ") + i: str(i + 1) for i in range(12)}
_SEPARATORS = frozenset(",，;；.。!！\n?？、+")
# Words that normalisation puts in, for views that are written with digits.
_SPECIAL = {
    "howtoask": frozenset({"HOWTO"}),
    "helpwanted": frozenset({"HELPWORD"}),
    "threedview": frozenset({"THREED"}),
    "threeplanes": frozenset({"MPR"}),
    "quotedwords": frozenset({"OOS"}),
    "nosuchlevel": frozenset({"OOS"}),
    "latertime": frozenset({"LATER"}),
    "remarkonly": frozenset({"STATIVE"}),
    "foreignrole": frozenset({"HARDOOS"}),
}


def read(text: str) -> list[Token]:
    """The tokens of a sentence."""
    spans = Spans()
    text = take_paths(without_marks(text)[:LONGEST], spans)
    text = take_regions(_normalised(text), spans)
    text = take_coordinates(text, spans)
    text = take_numbers(text, spans)
    return _words(text, spans)


def _normalised(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_ROMAN)).translate(lexicon.simplified())
    text = _EMOJI.sub(" ", text).lower().replace("’", "'").replace("‘", "'").replace("`", "'")
    text = re.sub(r"[–—−‑]", "-", text)
    text = re.sub(rf"(?:→|⇒|=>|-+>)(?=\s*(?:{MARK}|the mask|mask|掩膜|掩码|segmentation))", " to ", text)
    text = re.sub(r"→|⇒|=>|->(?!\s*[a-z]?\d)", " , ", text)
    text = _GLUED_ARTICLE.sub(lambda match: " ".join(filter(None, match.groups())), _GLUED.sub(r"\1 \2", text))
    text = re.sub(r"(?<![a-z0-9])\.?nii\.?gz(?![a-z0-9])", " nifti ", text)
    text = re.sub(r"(?<=[a-z])\.(?=[a-z])(?!seg|nrrd)", " ", text)
    text = re.sub(r"([a-z])\1{2,}", r"\1", text)
    text = re.sub(rf"(?<=[{_CJK}])[ \t]+(?=[{_CJK}])", "", text)
    text = re.sub(r"\bcold (?=you\b|we\b|i\b)", "could ", text)
    text = re.sub(r"(?<![a-z'/._-])[a-z]{3,}(?![a-z'/_-])", lambda match: lexicon.corrected(match.group(0)), text)
    text = _whether(respelled_in_place(text))
    text = reworded(text)
    text = re.sub(r"\bgo-?to\b|\bgo 2\b", "go to", text)
    text = _BESIDE.sub(" beside ", text)
    text = _PARTS_OF_BONE.sub(" part ", text.replace("ct值", "hu值"))
    text = _GLUED_NUMBER.sub(" ", text)
    text = re.sub(r"\b(?:no|nr|num)\.?\s*(?=\d)|#(?=\d)", " number ", text)
    text = _LEVEL_FIRST.sub(r"level \1 width \2", _WIDTH_FIRST.sub(r"width \1 level \2", text))
    text = _AFTER_THIS.sub(" next image ", _BEFORE_THIS.sub(" previous image ", text))
    text = re.sub(r"\b(?:in )?(?:3|three) dimensions?\b", " threedview ", text)
    text = re.sub("一节一节地?|一节节地?|一个个|逐节|逐个|挨个", "", text)
    text = _HEADWARD.sub(" headwards ", _FOOTWARD.sub(" footwards ", text))
    text = re.sub(r"(?:^|(?<=[，,。;；.]))\s*第\s*[一二三四五六1-6]\s*步(?:[，：:、]|就?是|先)?(?=\s*\S)", " ", text)
    text = re.sub(r"(?<![a-z0-9])c\s*[:= ]\s*(-?\d+)[\s,;/]+w\s*[:= ]?\s*(\d+)", r" level \1 width \2 ", text)
    text = re.sub(r"\breturn by\b", "go back by", text)
    text = re.sub(r"\b(everything|all|anything) but\b(?! not)", r"\1 except", text)
    text = _HOW.sub(" howtoask ", text)
    text = _CAPABILITIES.sub(" helpwanted ", text)
    text = re.sub(
        rf"([{_CJK}])不\1", lambda match: match.group(0) if match.group(0) in lexicon.chinese_words() else match.group(1) + "吗", text
    )
    for slip, meant in CHINESE_SLIPS.items():
        if len(slip) > 1 and slip in text:
            text = text.replace(slip, meant)
    text = re.sub("[佳家价架嘉](?=[一二两三四五六七八九十几仨俩\\d]+个?(?:背景|前景|负|正)?[点框])", "加", text)
    text = respelled(text, lexicon.chinese_vocabulary(), lexicon.common_chinese())
    return re.sub(r"([!?。.,;~])\1+", r"\1", text)


_A_NOT_A = re.compile(rf"([^能可要会有是行好\W\da-z])不\1([{_CJK}])|(?<![a-z])([a-z]{{2,}})\s*不\s*\3(?![a-z])")


def _whether(text: str) -> str:
    """匹不匹配 as 是否匹配, 'match不match' as 是否match."""

    def said(match: re.Match[str]) -> str:
        whole = (match[1] or "") + (match[2] or "")
        known = lexicon.chinese_words()
        return f"是否{whole or match[3]}" if not whole or whole in known else match[0]

    return _A_NOT_A.sub(said, text)


def _words(text: str, spans: Spans) -> list[Token]:
    pieces = _PIECES.findall(text)
    tokens: list[Token] = []
    i = 0
    while i < len(pieces):
        piece = pieces[i]
        if is_mark(piece):
            tokens.append(spans.at(piece))
        elif re.match(rf"[{_CJK}]", piece):
            tokens += _chinese(piece)
        elif re.match(r"\.?[a-z]", piece):
            token, used = _english(pieces, i)
            tokens.append(token)
            i += used - 1
        elif piece in (":", "：") and any("NEG" in t.ideas for t in tokens) and i + 1 < len(pieces) and _commands(pieces, i + 1):
            tokens.append(Token("sep", ","))
        elif piece in _SEPARATORS:
            tokens.append(Token("sep", piece))
        i += 1
    return _with_particles(tokens)


_PARTICLES = frozenset("up in out off away over on aside".split())


def _with_particles(tokens: list[Token]) -> list[Token]:
    """'bring the CT up' as 'bring up the CT': a verb whose particle stands behind its object, at the end of what is asked for."""
    for i, token in enumerate(tokens):
        if " " in token.text or not ("base" in token.forms or token.text in ("pull", "bring", "kick")):
            continue
        for j in range(i + 2, min(i + 7, len(tokens))):
            if tokens[j].kind == "sep":
                break
            if tokens[j].text not in _PARTICLES:
                continue
            ends = (
                j + 1 == len(tokens)
                or tokens[j + 1].kind == "sep"
                or tokens[j + 1].ideas & {"AND", "THEN", "PLEASE", "BUT"}
                or tokens[j + 1].text == "with"
            )
            phrase = (token.text, tokens[j].text)
            ideas = lexicon.english_phrases().get(phrase)
            if (
                ends
                and ideas is not None
                and not any(t.forms and not t.stands_for("FILLER", "IMAGE", "MASK", "BOX") for t in tokens[i + 1 : j])
            ):
                whole = Token("word", " ".join(phrase), ideas, forms=lexicon.verb_forms(phrase))
                return _with_particles([*tokens[:i], whole, *tokens[i + 1 : j], *tokens[j + 1 :]])
            break
    return tokens


_SURE_COMMANDS = frozenset({"CLEAR", "SEG", "PROPAGATE", "UNDO", "REDO", "EXPORT"})


def _commands(pieces: list[str], start: int) -> bool:
    """Whether a command begins here, so that a colon before it parts two clauses."""
    if re.match(rf"[{_CJK}]", pieces[start]):
        return bool(_chinese(pieces[start])[0].ideas & _SURE_COMMANDS)
    if not re.match("[a-z]", pieces[start]):
        return False
    token, _ = _english(pieces, start)
    return "base" in token.forms and bool(token.ideas & _SURE_COMMANDS)


def _english(pieces: list[str], start: int) -> tuple[Token, int]:
    """The longest known phrase from here, with the number of its words; a single unknown word after correction."""
    table = lexicon.english_phrases()
    words: list[str] = []
    for piece in pieces[start : start + lexicon.longest_english()]:
        if not re.match(r"\.?[a-z]", piece):
            break
        words.append(piece if piece in _SPECIAL else lexicon.corrected(piece))
    if words[0] in _SPECIAL:
        return Token("word", words[0], _SPECIAL[words[0]]), 1
    for length in range(len(words), 0, -1):
        phrase = tuple(words[:length])
        if phrase in table:
            return Token("word", " ".join(phrase), table[phrase], forms=lexicon.verb_forms(phrase)), length
    return _in_parts(words[0]), 1


def _in_parts(word: str) -> Token:
    """A word that is no phrase of ours: without its genitive, or in the parts that hyphens join; unknown otherwise."""
    table = lexicon.english_phrases()
    for cleaned in (word.removesuffix("'s"), word.replace("-", " "), word.replace("/", " ")):
        phrase = tuple(cleaned.split())
        if phrase in table:
            return Token("word", word, table[phrase])
    ideas = [table.get((lexicon.corrected(part),)) for part in re.split("[-/]", word)]
    if len(ideas) > 1 and all(ideas):
        return Token("word", word, frozenset().union(*(idea for idea in ideas if idea)))
    return Token("word", word)


def _chinese(run: str) -> list[Token]:
    """The words of a run: as few characters without a word as possible, then as long words as possible."""
    table, longest, common = lexicon.chinese_words(), lexicon.longest_chinese(), lexicon.common_chinese()
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]  # known characters' worth, squared lengths, where the last word begins
    for end in range(1, len(run) + 1):
        choices = []
        for start in range(max(0, end - longest), end):
            ours = run[start:end] in table
            known = ours or run[start:end] in common
            if known or end - start == 1:
                worth, squares, _ = best[start]
                choices.append((worth - (not known), squares + (end - start) ** 2 * (1.0 if ours else 0.95), start))
        best.append(max(choices))
    words: list[str] = []
    end = len(run)
    while end:
        start = best[end][2]
        words.append(run[start:end])
        end = start
    return [Token("word", word, table.get(word, frozenset())) for word in reversed(words)]

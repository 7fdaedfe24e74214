"""Paths and file names, exactly as typed, found before anything is normalised."""

from __future__ import annotations

import re

from spinalsam.language.lexicon import chinese_words, english_phrases
from spinalsam.language.tokens import MARK, Spans, Token

_ENDINGS = (
    r"nii\.gz|nii|seg\.nrrd|nrrd|nhdr|mhd|mha|dcm|dicom|png|jpe?g|tiff?|bmp|hdr|img|stl|json|csv|zip|tar|gz|obj|ply|vtk|ima|dic|npz|npy|h5"
)
_CJK = "\u4e00-\u9fff"
_END = rf"\.(?:{_ENDINGS})(?![A-Za-z0-9_]|\.[A-Za-z])"
_ROOT = (
    r"(?:[A-Za-z]:[\\/]|\\\\|~[\\/]|\.{1,2}[\\/]|%\w+%[\\/]|\$\{?\w+\}?/|file://"
    r"|(?<![\w.)\\/])/(?=[\w~.\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])/(?=[A-Za-z]+/))"
)
_QUOTED = re.compile(r"[\"“”„‟«»「『《]([^\"“”„‟«»「」『』《》]+)[\"“”„‟«»」』》]|(?<![A-Za-z0-9])[‘'`]([^'`‘’]+)['`’](?![A-Za-z])")
# A path may hold spaces where it ends in a known ending and no connecting word stands between.
_STOP = r"(?:and|then|to|as|in|into|with|for|from|at|via|using|plus|before|after|once|并|然后|再|和|到)"
_INSIDE = r"[^\"“”<>|?*\n,;，；。、！]"
_SPACED = re.compile(rf"{_ROOT}(?:(?!\s+{_STOP}(?:\s|$)|\s+{_ROOT}){_INSIDE})*?{_END}")
_PIECE = r"[^\s\"“”<>|?*,;，；。、！]"
# ' 7/series1' goes on with a path: a word or two that a separator follows, unless a region or a fraction does.
_SEGMENT = r"[\w.()\-]{1,20}"
_SPACED_FOLDER = (
    rf"(?: (?!{_STOP}\s)(?![CTLctl]\d+[/\\][CTLSctls]?\d)(?:{_SEGMENT} )?(?!{_STOP}\s){_SEGMENT}"
    rf"(?:/(?=[A-Za-z_\u4e00-\u9fff.])|\\){_PIECE}*)*"
)
_ROOTED = re.compile(rf"{_ROOT}{_PIECE}*{_SPACED_FOLDER}(?: \d{{1,6}}(?=\s*$))?", re.I)
_RELATIVE = re.compile(rf"[\w\-.{_CJK}]*(?:[\\/][\w\-.{_CJK}]+)+{_END}", re.I)
_FILE = re.compile(rf"[\w\-][\w\-.()]*?{_END}", re.I)
_FOLDER = re.compile(r"(?<![\w])[A-Za-z0-9_\-]+[\\/][A-Za-z0-9_\-.\\/]+[\\/](?![\w])")
_INTO_FOLDER = re.compile(r"(?:(?<=\bto )|(?<=\binto )|(?<=\bin )|(?<=\bunder )|(?<=到)|(?<=至))[A-Za-z0-9_\-]+/(?=\s|$|[,;，。])")
_TRAILING = ".,;:!?)]}'\"。，；：！？）】」"
# Words of a sentence that may be glued to the end of a path, and commands that may be glued to the beginning of a file name.
_GLUED_END = re.compile(
    r"(?<=[A-Za-z0-9_\-\\/])(?:这个|那个|里面|里|下面|下|中的|中|内|上|的|文件夹|目录|文件|处|位置|路径|并|然后|再|给|看看|吧|进来|出来|，|打开|载入|加载|导入).*$"
)
_GLUED_START = re.compile(
    r"^.*?(?:(?:打开|开启|加载|载入|读入|读取|导入|调出|调取|换成|保存为|保存到|另存为|存为|存成|存到|存入|导出到|导出为|导出成|导出至|输出到|输出为|写到|写入|放到|放在|叫做|名为|文件名|文件)(?=\w)"
    r"|[叫为到把将成开看读](?=[A-Za-z0-9_]))"
)
_STORED_IN = re.compile(
    r"^(?:请|麻烦你?|帮我?|帮忙|给我|现在|然后|再|并|先|接着|最后|把|将|能不能|可以|当前|这个|掩膜|掩码|分割结果|结果|它)*(?:保存|导出|另存|存|写|输出|放)[^\\/]{0,12}[到至入]"
)
_NO_PATH = re.compile(
    r"(?i)[\d.]+|nii\.gz|seg\.nrrd|[cdstl]?\d*/[cdstl]?\d*|w/l|l/w|wl/ww|ww/wl|and/or|on/off|up/down|yes/no"
    r"|window/level|level/width|width/level"
)


def take_paths(text: str, spans: Spans) -> str:
    """The text with a mark for every path; quotation marks around anything else are dropped."""
    # Full-width quotation marks are as good as the others here.
    text = text.replace("＂", '"').replace("＇", "'")
    text = _QUOTED.sub(lambda match: _quoted(match, spans), text)
    for pattern in (_SPACED, _ROOTED, _RELATIVE, _FILE, _FOLDER, _INTO_FOLDER):
        text = pattern.sub(lambda match: _unquoted(match, spans), text)
    return text


def _quoted(match: re.Match[str], spans: Spans) -> str:
    inner = (match.group(1) or match.group(2) or "").strip()
    if re.search(rf"[\\/]|\.(?:{_ENDINGS})$", inner, re.I) and not _NO_PATH.fullmatch(inner):
        return spans.put(Token("path", match.group(0), value=inner))
    around = match.string[: match.start()] + match.string[match.end() :]
    return " quotedwords " if re.search(rf"[A-Za-z{_CJK}]", around) and _commands(inner) else f" {inner} "


_MENTIONED = frozenset("CLEAR UNDO REDO RESET ADD GEN SEG EXPORT OPEN PROPAGATE MEASURE HIDE".split())


def _commands(quoted: str) -> bool:
    """Whether the quoted words name a deed: 'say "undo"' mentions it, 'label it "L3"' mentions none."""
    first = re.match(rf"[a-z]+|[{_CJK}]{{2}}", quoted.lower())
    if first is None:
        return False
    ideas = english_phrases().get((first.group(0),)) or chinese_words().get(first.group(0)) or frozenset()
    return bool(ideas & _MENTIONED) and not ideas & OBJECTS_NAMED


OBJECTS_NAMED = frozenset("POINT BOX MASK WINDOW LABEL SLICE IMAGE".split())


def _unquoted(match: re.Match[str], spans: Spans) -> str:
    found = match.group(0)
    if re.search(MARK, found):
        return found
    first = re.split(r"[\\/]", found)[0]
    start = _STORED_IN.match(first) or _GLUED_START.match(first + "_") if first else None
    before = start.group(0) if start else ""
    path = _GLUED_END.sub("", found[len(before) :]).rstrip(_TRAILING)
    if len(path) < 2 or (path.startswith(".") and "/" not in path and "\\" not in path) or _NO_PATH.fullmatch(path):
        return found
    return before + spans.put(Token("path", path, value=path)) + found[len(before) + len(path) :]

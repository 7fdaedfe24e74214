"""Opening and clearing."""

from __future__ import annotations

import re
from itertools import pairwise

from spinalsam.language.clauses import Clause
from spinalsam.language.rules.parts import Hints, with_regions
from spinalsam.language.tokens import Token
from spinalsam.support.calls import OperationCall

_SEEING = ("SHOW", "PICK", "LOOK", "NEED", "REQUEST", "MOVE", "SETTO", "ADD", "RUN", "TURN", "CHECK", "MEASURE", "FROM")
# Fillers that may stand beside 'clear' or 'close' alone; any other could be what is to be cleared: 'close the deal'.
_EMPTY = frozenset(
    (
        "a again all and at away can case completely could current currently do down entire entirely everything first for fresh "
        "fully get go here hey hi i immediately it just let like make me more need now off ok okay once only out patient please "
        "program quick quickly really right session simply so spinalsam stuff thank thanks that the them then there these thing "
        "things this those to totally up us want we well whole will would you "
    ).split()
)
_ALONE = {"CLEAR", "GONE", "CLOSE", "RESET", "PLEASE", "REQUEST", "ALL", "ASKREQ", "BA", "I", "YOU", "THEN", "FIRSTLY"}


# Files that hold no image, and folders of the operating system.
_NOT_OURS = re.compile(
    r"(?i)\.(?:exe|sh|bat|cmd|ps1|py|js|jar|msi|dll|so|txt|docx?|pdf|pptx?|xlsx?|csv|json|html?|log|ini|cfg|ya?ml|mp[34]|mov|avi|stl|obj|pth?|safetensors)$"
    r"|^(?:/etc|/proc|/sys|/dev|/boot|/bin|/sbin|/usr|/root|[a-z]:[\\/]windows)(?:[\\/]|$)|^[a-z]:[\\/]?$|^/$"
)


# Places outside the program that may be cleared too.
_ELSEWHERE = (
    "disk drive desktop desk folder directory 磁盘 磁盘里 磁盘上 硬盘 硬盘上 硬盘里 桌面 桌面上 桌面上的 本地 本地的 下载里 下载里的 "
    "文件夹里 文件夹里的 电脑 本机 计算机 主机 机器"
).split()


def _says_no_more(token: Token) -> bool:
    return bool(token.ideas & _ALONE) or token.text in _EMPTY or (bool(token.ideas) and not token.text.isascii())


def _runs_program(clause: Clause) -> bool:
    """'run /tmp/a', 'execute it': nothing is ever executed."""
    return clause.says("run", "execute", "launch", "exec", "运行", "执行", "启动", "跑") and not clause.has("OPEN", "IMAGE")


def open_image(clause: Clause, hints: Hints) -> OperationCall | None:
    paths = clause.kinds("path")
    if clause.has("NEXT", "PREV") and not paths and clause.says("browse", "浏览", "翻阅"):
        return None
    if clause.has("FIRST", "LAST", "MIDDLE") and clause.has("SLICE") and not paths:
        return None
    if paths and (_NOT_OURS.search(paths[0].value) or _runs_program(clause)):
        return None
    if clause.has("OPEN") and (paths or clause.has("IMAGE")):
        return OperationCall("open_image", {"path": paths[0].value} if paths else {})
    if (
        paths
        and not clause.has("EXPORT", "CLEAR", "MASK", "RESULT", "STL", "DICOMSEG")
        and (clause.has(*_SEEING) or len(clause.tokens) <= 2 or (clause.has("IMAGE") and clause.has("NEW", "PLEASE", "FROM", "NEXT")))
    ):
        return OperationCall("open_image", {"path": paths[0].value})
    if (
        clause.has("OPEN")
        and clause.has("PATIENT")
        and clause.says("different", "another", "new", "另一个", "其他", "别的", "新", "新的", "另")
    ):
        return OperationCall("open_image")
    if _wants_another(clause):
        return OperationCall("open_image")
    if (
        clause.has("LOOK")
        and clause.has("ASKREQ", "REQUEST", "INTENT", "PLEASE")
        and clause.says("another", "different")
        and clause.has("IMAGE")
        and not clause.has("MASK", "POINT", "BOX")
    ):
        return OperationCall("open_image")
    if _picks_picture(clause):
        return OperationCall("open_image")
    if any(_names_file(t.text, t.ideas) for t in clause.tokens):
        picked = clause.has("PICK") or (clause.has("LOOK", "SHOW", "NEED") and clause.has("REQUEST", "INTENT") and clause.has("NEW"))
        if picked and not clause.has("NEXT", "PREV", "CLEAR"):
            return OperationCall("open_image")
    return None


def _picks_picture(clause: Clause) -> bool:
    """选一张图, but not 选第三张图."""
    if not clause.has("PICK") or any(t.ordinal for t in clause.kinds("number")) or clause.has("NEXT", "PREV", "CLEAR", "MASK"):
        return False
    return any(t.text[1:] in ("图", "片子", "图片", "图像", "影像") for t in clause.tokens if not t.text.isascii())


def _taken_off(clause: Clause) -> OperationCall | None:
    """'boxes off', 'I want all points out', 'out with the rectangles'."""
    if (
        clause.has("BE", "STATIVE")
        or not clause.says("off", "out", "out with", "away with")
        or (clause.has("MASK", "FROM") and not clause.says("off"))
    ):
        return None
    named = [(noun, op) for noun, op in (("POINT", "clear_points"), ("BOX", "clear_boxes")) if clause.has(noun)]
    ends = clause.tokens[-1].text in ("off", "out") or clause.tokens[0].text in ("out", "off", "out with", "away with")
    plain = all(
        t.stands_for("POINT", "BOX", "FILLER", "REQUEST", "NEED", "ALL", "PLEASE", "INVISIBLE", "FROM", "NEG", "TURN", "SETTO")
        for t in clause.tokens
    )
    return OperationCall(named[0][1]) if ends and plain and len(named) == 1 and not clause.has("MASK") else None


def _wants_another(clause: Clause) -> bool:
    """'switch to another CT', 'new image please'."""
    others = (
        clause.has("MASK", "POINT", "BOX", "NEXT", "PREV", "LABEL", "EXPORT", "CLEAR", "WINDOW")
        or clause.kinds("number")
        or clause.kinds("region")
    )
    asked = clause.has("MOVE", "SETTO", "PLEASE", "NEED", "REQUEST")
    if (
        not others
        and clause.has("IMAGE")
        and clause.tokens[-1].text in ("片子", "图像", "影像", "图片", "ct", "病例")
        and clause.says("换")
    ):
        return True
    return asked and not others and clause.has("IMAGE") and clause.says("another", "different", "new", "other", "另一个", "别的", "其他")


def _names_one(clause: Clause) -> bool:
    """'the third point', 'point 3', 'the last box': one of several."""
    things = {"POINT", "NEGPOINT", "POSPOINT", "BOX"}
    if any(token.ordinal for token in clause.kinds("number")) and clause.ideas & things:
        return True
    for before, token, after in zip([None, *clause.tokens[:-1]], clause.tokens, [*clause.tokens[1:], None], strict=True):
        if token.ideas & things and not token.text.endswith("s"):
            if after is not None and after.kind == "number" and token.text.isascii():
                return True
            if (
                before is not None
                and not clause.says("every", "all")
                and before.text in ("last", "first", "second", "third", "fourth", "fifth", "latest", "最后一个", "第一个", "上一个")
            ):
                return True
    return False


def _names_file(text: str, ideas: frozenset[str]) -> bool:
    return ("IMAGE" in ideas and "SLICE" not in ideas) or text in ("image", "picture", "图像", "图片")


def clear(clause: Clause, hints: Hints) -> OperationCall | None:
    if clause.kinds("pair") or clause.kinds("quad") or _names_one(clause):
        return None  # only all of them can be cleared
    if any(a.text in ("a", "an", "the", "my") and b.text in ("clean", "clear", "empty", "blank") for a, b in pairwise(clause.tokens)):
        return None  # 'a clean image'
    if clause.says("from disk", "from the disk", "from my disk", *_ELSEWHERE, "cancel", "取消") and not clause.has("POINT", "BOX", "MASK"):
        return None
    if (
        clause.has("RESET")
        and not clause.has("WINDOW", "POINT", "BOX", "MASK", "AXIAL", "SAGITTAL", "CORONAL", "MPR", "THREED")
        and not clause.says("view", "zoom", "视图")
    ):
        return OperationCall("clear_image")
    if clause.has("RESET") and not clause.has("WINDOW", "VIEW", "CLEAR"):
        for noun, op in (("MASK", "clear_mask"), ("POINT", "clear_points"), ("BOX", "clear_boxes")):
            if clause.has(noun):
                return OperationCall(op, with_regions(clause) if noun == "MASK" else {})
    if not clause.has("CLEAR", "GONE", "CLOSE", "RESET"):
        return _taken_off(clause)
    if clause.has("STEP") and (clause.has("UNDO") or clause.says("last", "previous", "latest", "recent", "上一", "最后", "刚才")):
        return None
    if (
        clause.says("them", "it", "these", "those", "它", "它们")
        and not clause.has("EVERYTHING", "RESET", "POINT", "BOX", "MASK", "IMAGE")
        and not clause.kinds("region")
    ):
        return None  # delete what?
    if clause.has("WINDOW") or (clause.has("SLICE") and clause.kinds("number") and not clause.has("POINT", "BOX", "MASK")):
        return None
    verbs = [t for t in clause.tokens if t.ideas & {"CLEAR", "GONE", "CLOSE"}]
    if (
        verbs
        and all("ADD" in t.ideas for t in verbs)
        and not clause.has("MASK")
        and any(clause.kinds(kind) for kind in ("number", "region", "pair", "quad"))
    ):
        return None  # 'drop three points on L3'
    if clause.has("HIDE") and clause.has("MASK", "RESULT") and clause.has("SHOW", "VISIBLE"):
        return None  # 关掉掩膜显示
    if clause.has("MASK") and all(t.text in ("vanish", "disappear", "go away") for t in verbs):
        return None
    if clause.has("MASK") and all({"HIDE", "CLOSE"} <= t.ideas for t in verbs):
        return None  # 关掉掩膜
    if clause.has("PMASK", "BMASK", "MASK"):
        return OperationCall("clear_mask", with_regions(clause))
    if clause.has("POINT", "NEGPOINT", "POSPOINT"):
        return OperationCall("clear_points")
    if clause.has("BOX"):
        return OperationCall("clear_boxes")
    if any(t.text.endswith(("file", "files", "文件", "档案")) for t in clause.tokens) and not clause.has("CLOSE"):
        return None  # a file on the disk is not ours to delete
    if clause.has("IMAGE", "EVERYTHING", "SLICE"):
        return OperationCall("clear_image")
    if clause.kinds("region") or clause.has("RESULT"):
        return OperationCall("clear_mask", with_regions(clause))
    named = any(a.text in ("the", "a", "my") and "CLEAR" in b.ideas for a, b in pairwise(clause.tokens))  # 'empty the bin'
    if all(_says_no_more(t) for t in clause.tokens) and clause.has("CLEAR", "CLOSE", "RESET") and not named:
        return OperationCall("clear_image")
    return None

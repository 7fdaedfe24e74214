"""Making, carrying, hiding, clearing, labelling, measuring and exporting masks."""

from __future__ import annotations

from typing import Any

from spinalsam.language.clauses import ACTIONS, Clause
from spinalsam.language.rules.parts import Hints, count_of, regions_of, with_regions
from spinalsam.support.calls import OperationCall

_FORMATS = (("dicom_seg", "DICOMSEG"), ("nrrd", "NRRD"), ("nifti", "NIFTI"), ("stl", "STL"))


# From prompts, or from nothing


def from_prompts(clause: Clause, hints: Hints) -> OperationCall | None:
    for idea, noun, op in (("PMASK", "POINT", "generate_point_mask"), ("BMASK", "BOX", "generate_box_mask")):
        if clause.has(idea):
            return OperationCall(op, with_regions(clause))
        if not clause.has(noun) or clause.has("BOX" if noun == "POINT" else "POINT"):
            continue
        if noun == "BOX" and _outlines(clause):
            continue
        if _uses_prompts(clause, noun):
            return OperationCall(op, with_regions(clause))
        if (_makes_mask(clause) or _turns_into_mask(clause)) and not _places_prompts(clause):
            return OperationCall(op, with_regions(clause))
    return None


def _makes_mask(clause: Clause) -> bool:
    if clause.has("GEN", "RUN", "INFER", "SEG") or (clause.has("MASK") and clause.has("FROM")):
        return True
    return (clause.has("MASK") and clause.has("MAKE", "NEED", "COMPUTE", "TURN", "INTO")) or (clause.has("RESULT") and clause.has("MAKE"))


def _uses_prompts(clause: Clause, noun: str) -> bool:
    """'use the points', 'apply these boxes': prompts that are there already."""
    if count_of(clause) is not None or clause.kinds("region") or clause.kinds("pair") or clause.kinds("quad"):
        return False
    for i, token in enumerate(clause.tokens):
        if token.text in ("with", "from", "using", "by") and clause.has("MAKE", "RUN", "GO") and not clause.has("DRAW"):
            after = clause.tokens[i + 1 : i + 3]
            if len(after) > 1 and after[0].text in ("the", "these", "those", "my", "our", "existing") and noun in after[1].ideas:
                return True
        if token.text in ("use", "apply", "employ", "feed", "process", "用", "使用", "应用", "采用"):
            after = clause.tokens[i + 1 : i + 3]
            definite = after and after[0].text in (
                "the",
                "these",
                "those",
                "my",
                "existing",
                "current",
                "all",
                "our",
                "这些",
                "那些",
                "现有",
                "当前",
                "我的",
                "已有",
            )
            return bool(definite) and any(noun in t.ideas for t in clause.tokens[i + 1 : i + 5])
    return False


def _outlines(clause: Clause) -> bool:
    """'outline L2 with a rectangle': a box is drawn."""
    verbs = [t for t in clause.tokens if "SEG" in t.ideas]
    return (
        bool(verbs)
        and all("DRAW" in t.ideas for t in verbs)
        and clause.says("a", "an", "one", "个", "一")
        and not clause.has("MASK", "GEN", "AUTO")
    )


def _turns_into_mask(clause: Clause) -> bool:
    """'points to mask', 点变掩膜."""
    at = next((i for i, token in enumerate(clause.tokens) if "MASK" in token.ideas), 0)
    return any(token.text in ("to", "into", "become", "becomes", "到", "转", "变", "出") for token in clause.tokens[:at]) and any(
        t.ideas & {"POINT", "BOX"} for t in clause.tokens[:at]
    )


def _places_prompts(clause: Clause) -> bool:
    segments = any("SEG" in t.ideas and not t.ideas & {"DRAW", "ADD"} for t in clause.tokens)
    makes = any(t.ideas & {"GEN", "INFER", "RUN"} and not t.ideas & {"ADD", "MAKE"} for t in clause.tokens)
    if clause.has("ADD", "DRAW", "FRAMEIT") and not clause.has("FROM", "MASK", "MODEL") and not segments and not makes:
        return True
    if _makes_prompts(clause):
        return True
    placed = count_of(clause) is not None or clause.kinds("pair") or clause.kinds("quad")
    return bool(placed) and not clause.has("MASK", "FROM", "SEG")


def _makes_prompts(clause: Clause) -> bool:
    """'generate five points on L4': what is made is the points."""
    if clause.has("MASK", "MODEL", "INFER", "RUN"):
        return False
    for i, token in enumerate(clause.tokens):
        if "GEN" in token.ideas:
            for after in clause.tokens[i + 1 : i + 6]:
                if after.ideas & {"POINT", "NEGPOINT", "BOX"}:
                    return True
                if after.kind == "region" or after.stands_for("FROM") or after.text in ("the", "these", "those", "my", "that", "的"):
                    break
    return False


def segment(clause: Clause, hints: Hints) -> OperationCall | None:
    regions = regions_of(clause)
    seeks = clause.has("SLICE") and all(t.text.startswith(("find", "locate", "找")) for t in clause.tokens if "SEG" in t.ideas)
    if (
        not regions
        or (seeks and not clause.has("GEN", "MASK"))
        or (
            clause.has("EXPORT", "OPEN", "SHOW", "HIDE", "CLEAR", "MOVE")
            and not clause.has("SEG", "GEN")
            and not (clause.has("REQUEST") and clause.has("MASK"))
        )
    ):
        return None
    if clause.has("SEG", "GEN") or (clause.has("MAKE", "RUN", "INFER", "NEED", "COMPUTE", "REQUEST", "PLEASE") and clause.has("MASK")):
        return OperationCall("segment", {"regions": regions})
    if clause.has("MASK") and all(t.ideas & {"MASK", "FILLER", "PLEASE"} or t.kind == "region" for t in clause.tokens):
        return OperationCall("segment", {"regions": regions})
    if clause.has("AUTO") and not clause.has("POINT", "BOX", "WINDOW", "LABEL", "SIZE", "MEASURE", "PROPAGATE", "MOVE"):
        return OperationCall("segment", {"regions": regions})
    return None


def is_only_mask(clause: Clause) -> bool:
    """'then the mask', 'mask please'."""
    others = {"MASK", "FILLER", "PLEASE", "THEN", "REQUEST", "AND", "FIRSTLY", "NEED", "FROM"}
    return (
        clause.has("MASK")
        and not clause.says("masks", "overlays", "segmentations")
        and all(token.kind == "word" and bool(token.ideas & others) for token in clause.tokens)
    )


def is_only_run(clause: Clause) -> bool:
    """'run', 运行 after prompts were placed."""
    others = {"RUN", "GEN", "INFER", "FILLER", "PLEASE", "THEN", "REQUEST", "AND"}
    named = any(
        t.stands_for("RUN", "GEN", "INFER") and t.text not in ("go", "begin", "start", "proceed", "开始", "开工") for t in clause.tokens
    )
    return named and all(token.kind == "word" and bool(token.ideas & others) for token in clause.tokens)


def from_any_prompt(clause: Clause, hints: Hints) -> OperationCall | None:
    """'generate the mask': from points or boxes, whichever the case has."""
    making = (
        (is_only_mask(clause) and clause.has("THEN", "PLEASE", "REQUEST", "FROM"))
        or clause.has("GEN", "RUN", "INFER")
        or (clause.has("MAKE", "NEED", "SEG") and clause.has("MASK", "RESULT"))
        or clause.has("SEG")
    )
    if not making or clause.has("POINT", "BOX"):
        return None
    if not (clause.has("MASK", "RESULT", "SEG", "PROMPT", "MODEL") or (len(clause.tokens) == 1 and clause.has("GEN"))):
        return None
    if clause.has("SHOW", "FIRST") and not clause.has("GEN", "SEG"):
        return None
    boxes = hints.get("boxes_on_slice", hints.get("has_boxes")) and not hints.get("points_on_slice", hints.get("has_points"))
    return OperationCall("generate_box_mask" if boxes else "generate_point_mask")


# What becomes of a mask


def _direction(clause: Clause) -> str | None:
    if clause.has("BOTH") or (clause.has("UP") and clause.has("DOWN")):
        return "both"
    if any("UP" in t.ideas or t.text.startswith("上面") for t in clause.tokens):
        return "up"
    return "down" if any("DOWN" in t.ideas or t.text.startswith("下面") for t in clause.tokens) else None


# Verbs that carry a mask only where one is named.
_PLAIN_CARRIERS = frozenset("bring take pass run push drag march drive send roll flow forward get apply".split())


def _is_plainly_directed(clause: Clause) -> bool:
    """'up' and 'down', which any verb may have beside it, but neither 'cranially' nor 'both ways'."""
    ways = [t for t in clause.tokens if t.stands_for("UP", "DOWN", "BOTH")]
    return all(t.text in ("up", "down", "top", "below", "lower", "upper", "higher", "over") for t in ways)


def propagate(clause: Clause, hints: Hints) -> OperationCall | None:
    words = [t for t in clause.tokens if "PROPAGATE" in t.ideas]
    if not words or (clause.has("POINT", "BOX") and not clause.has("MASK")):
        return None
    strong = any(not t.ideas & (ACTIONS - {"PROPAGATE"}) and "FILLER" not in t.ideas and "NEXT" not in t.ideas for t in words)
    directed = _direction(clause) is not None
    if clause.says("everything") and not clause.has("MASK", "RESULT"):
        return None  # 'take everything down'
    if strong:
        pass
    elif (
        not (clause.has("MASK", "RESULT") or any("base" in t.forms or not t.text.isascii() for t in words))  # 'up and running'
        or not (
            clause.has("MASK")
            or (clause.has("RESULT") and clause.has("SLICE"))
            or (directed and (clause.has("BOTH") or not clause.has("SLICE", "IMAGE")))
        )
        or clause.has("SHOW", "HIDE", "EXPORT", "CLEAR")
        or not (clause.has("SLICE") or directed)
        or (not clause.has("MASK", "RESULT", "SLICE") and all(t.text in _PLAIN_CARRIERS for t in words) and _is_plainly_directed(clause))
    ):
        return None
    direction = _direction(clause)
    vague = all(
        t.text.startswith(
            ("interpolat", "extrapolat", "project", "cop", "replicat", "transfer", "track", "march", "drag", "grow", "follow")
        )
        for t in words
    )
    if vague and not (direction or clause.has("MASK", "RESULT") or clause.says("it", "them")):
        return None
    return OperationCall("propagate", {"direction": direction} if direction else {})


_PRONOUNS = ("it", "that", "this", "them", "它", "这个", "那个")


def visibility(clause: Clause, hints: Hints) -> OperationCall | None:
    beside = ("HIDE", "PLEASE", "REQUEST", "BA", "ASKREQ", "YOU", "THEN", "I", "NEED")
    if clause.has("HIDE") and all(
        t.stands_for(*beside) or t.text in (*_PRONOUNS, "now", "just", "to", "let's", "ok") for t in clause.tokens
    ):
        return OperationCall("show_mask", {"visible": False}) if clause.says(*_PRONOUNS) else None  # only a mask can be hidden
    if not clause.has("MASK", "RESULT"):
        return None
    if (
        clause.says("show me", "let me see", "let's see")
        and not clause.kinds("region")
        and not clause.has("GEN", "SEG", "PMASK", "BMASK", "POINT", "BOX")
    ):
        return OperationCall("show_mask", {"visible": True})
    if clause.tokens[0].text in ("让", "叫") and clause.tokens[-1].text in ("出来", "现身", "回来"):
        return OperationCall("show_mask", {"visible": True})
    hides = clause.has("HIDE", "INVISIBLE") or clause.says("vanish", "disappear", "go away")
    if (
        clause.has("OPEN")
        and clause.says("bring up", "call up", "pull up", "打开", "开启", "调出来")
        and not clause.kinds("path")
        and not clause.has("IMAGE")
    ):
        return OperationCall("show_mask", {"visible": True})
    if clause.has("EXPORT", "CLEAR", "GEN", "GONE", "SETLABEL") and not hides:
        return None
    if clause.kinds("region") and not (hides or clause.has("VISIBLE", "SHOW")):
        return None
    if clause.says("back") and clause.has("PROPAGATE", "TURN", "SETTO", "MOVE", "ADD") and not hides:
        return OperationCall("show_mask", {"visible": True})
    if hides and not clause.has("VISIBLE", "UNHIDE"):
        return OperationCall("show_mask", {"visible": False})
    if clause.has("VISIBLE") or (clause.has("SHOW", "TURN", "LOOK") and not clause.has("SEG", "POINT", "BOX", "SIZE")):
        return OperationCall("show_mask", {"visible": True})
    return None


def set_label(clause: Clause, hints: Hints) -> OperationCall | None:
    regions = regions_of(clause)
    if len(regions) != 1 or (clause.has("INTENT") and clause.says("later", "afterwards", "soon")):
        return None
    named = clause.has("LABEL") or any(
        t.stands_for("SETLABEL") and not t.ideas & {"ADD", "CHECK", "FILLER", "EXPORT"} for t in clause.tokens
    )
    acting = clause.has("SETTO", "SETLABEL", "NEW", "MAKE", "BE", "LABEL", "NEED")
    otherwise = clause.has("CLEAR", "SHOW", "HIDE", "EXPORT", "POINT", "BOX", "MEASURE")
    upcoming = clause.has("NEW") and clause.has("MASK") and not clause.has("GEN", "SEG", "RUN", "INFER", "POINT", "BOX", "EXPORT", "CLEAR")
    is_now = any(t.text in ("is", "are", "be", "will be", "as", "是", "叫", "为", "都是") for t in clause.tokens)
    upcoming = upcoming or (
        clause.has("NEW")
        and all(t.kind == "region" or t.ideas & {"NEW", "FILLER", "FROM", "ADD", "RUN", "SETLABEL", "MAKE", "AT"} for t in clause.tokens)
        and not clause.has("POINT", "BOX", "SEG", "GEN")
    )
    upcoming = upcoming or (clause.has("NEW") and is_now and not clause.has("POINT", "BOX") and not clause.kinds("number"))
    if (named and acting and not otherwise) or upcoming:
        return OperationCall("set_label", {"regions": regions})
    return None


# What a report says of a height or a density: L3椎体高度正常.
_FINDINGS = frozenset(
    "正常 降低 减低 下降 丢失 增高 偏低 偏高 尚可 良好 变窄 减少 增大 低 高 normal preserved reduced maintained loss low decreased".split()
)


def measure(clause: Clause, hints: Hints) -> OperationCall | None:
    if clause.has("POINT", "BOX", "EXPORT", "OPEN", "PMASK", "BMASK", "WINDOW") or clause.kinds("path"):
        return None
    if not clause.question and clause.tokens[-1].text in _FINDINGS and not clause.has("CHECK", "SHOW", "COMPUTE", "MEASURE", "WH"):
        return None
    about = bool(clause.kinds("region")) or clause.has("MASK", "VERT", "RESULT")
    if any("MEASURE" in t.ideas and "ADD" not in t.ideas for t in clause.tokens):
        return OperationCall("measure", with_regions(clause))
    if clause.has("BIG") and all(t.stands_for("BIG", "FILLER", "TELLME", "PLEASE") for t in clause.tokens):
        return OperationCall("measure")
    sized = clause.has("BIG") or any("SIZE" in t.ideas and "IMAGE" not in t.ideas for t in clause.tokens)
    sized = sized or (any(t.text in ("volume", "volumes") and "SIZE" in t.ideas for t in clause.tokens) and about)
    if sized and (about or (len(clause.tokens) <= 5 and clause.has("COMPUTE", "TELLME", "CHECK", "SHOW", "WH"))):
        return OperationCall("measure", with_regions(clause))
    return None


def export(clause: Clause, hints: Hints) -> OperationCall | None:
    kind = next((name for name, idea in _FORMATS if clause.has(idea)), None)
    paths = clause.kinds("path")
    if (clause.has("OPEN") and not clause.has("MASK")) or (clause.has("CLEAR") and not clause.has("EXPORT")):
        return None
    stored = [t for t in clause.tokens if "EXPORT" in t.ideas]
    if (
        stored
        and paths
        and clause.has("IMAGE")
        and all(t.forms == {"past"} for t in stored)
        and not clause.has("MASK", "BE", "REQUEST", "NEED")
    ):
        return None  # the volume stored in ...
    if (clause.has("KEEP") and (kind or paths)) or (
        paths and clause.has("MASK", "RESULT") and not clause.has("OPEN", "SHOW", "SEG", "GEN")
    ):
        pass
    elif clause.has("EXPORT"):
        named = clause.has("MASK", "RESULT", "PMASK", "BMASK", "LABEL", "FILEKIND") or clause.kinds("region")
        bare = len(clause.tokens) <= 2 and not any(t.text.startswith(("pack", "bundle", "stow", "bake", "put", "emit")) for t in stored)
        if not (kind or paths or named or bare):
            return None
    elif not (
        kind
        and not clause.has("OPEN")
        and (clause.has("MASK", "MAKE", "GEN", "FILEKIND", "NEED", "REQUEST", "ASKREQ") or len(clause.tokens) <= 3)
    ):
        return None
    if clause.has("PMASK", "BMASK", "GEN") and clause.has("PMASK", "BMASK") and not kind and not paths and clause.has("GEN"):
        return None
    args: dict[str, Any] = {"path": paths[0].value} if paths else {}
    return OperationCall("export_mask", {**args, "format": kind} if kind else args)

"""Help, the graphics card, the checkpoint, undo and redo."""

from __future__ import annotations

from spinalsam.language.clauses import ACTIONS, Clause
from spinalsam.language.rules.parts import Hints, count_of
from spinalsam.support.calls import OperationCall


def help_wanted(clause: Clause, hints: Hints) -> OperationCall | None:
    if clause.has("PATIENT", "PERSON") or clause.says("yourself", "himself", "herself"):
        return None
    if clause.has("HELPWORD") and (clause.has("GREET") or clause.says("thanks", "thank you", "thx", "cheers", "appreciate", "appreciated")):
        return None  # 谢谢你的帮助, 'thanks for the help'
    if clause.has("HOWTO"):
        return OperationCall("help")
    if len(clause.tokens) == 1 and clause.says("commands", "command", "options", "features", "functions", "manual", "命令", "功能", "指令"):
        return OperationCall("help")
    others = clause.ideas & (ACTIONS - {"SHOW", "CHECK", "MAKE", "OPEN", "PICK", "MOVE", "SETTO"})
    if clause.has("HELPWORD") and not others and not clause.kinds("region"):
        return OperationCall("help") if not clause.has("POINT", "BOX", "MASK", "IMAGE") or len(clause.tokens) < 4 else None
    return None


def verify(clause: Clause, hints: Hints) -> OperationCall | None:
    about = (
        clause.has("CKPT")
        and clause.has("MATCH", "MATCHING", "CHECK", "MODEL")
        and not clause.has("CLEAR", "EXPORT")
        and not (clause.has("OPEN") and not clause.has("MATCH", "MATCHING"))
    )
    if _states_match(clause):
        return None
    if len(clause.tokens) == 1 and clause.says("verify", "validate", "verification", "验证", "校验", "核验"):
        return OperationCall("verify_parameters")
    if about or (clause.has("MODEL") and clause.has("CHECK") and clause.has("MATCH", "MATCHING")):
        return OperationCall("verify_parameters")
    return None


def _states_match(clause: Clause) -> bool:
    """'the weights match': said of them, not asked."""
    said = [t for t in clause.tokens if t.text not in ("and", "all", "both")]
    if clause.question or len(said) < 3 or said[0].text not in ("the", "our", "my", "these", "those"):
        return False
    if clause.has("CHECK", "TELLME", "WH", "IF", "ASKREQ", "REQUEST", "DOAUX", "PLEASE", "HOWTO"):
        return False
    verb = next((t for t in said if t.text in ("match", "matches", "fit", "fits", "are", "is", "agree", "agrees")), None)
    return verb is not None and said[1].stands_for("CKPT", "MODEL")


def gpu(clause: Clause, hints: Hints) -> OperationCall | None:
    if clause.has("POINT", "BOX", "MASK"):
        return None
    if _remarks_on_gpu(clause):
        return None
    if _changes_gpu(clause):
        return None
    if clause.has("GPU") and not clause.has("CLEAR", "HIDE", "UNDO", "EXPORT"):
        return OperationCall("gpu_status") if not clause.has("OPEN") or clause.has("GPUASK", "SIZE") else None
    if clause.has("DEVICE", "GPU") and clause.has("RUN") and not clause.has("CHECK", "SHOW", "TELLME", "WH") and not clause.question:
        return OperationCall("gpu_status") if clause.tokens[-1].stands_for("GPUASK") else None  # 用CPU跑
    if clause.has("DEVICE") and clause.has("GPUASK", "CHECK", "SHOW", "COMPUTE", "TELLME") and not clause.has("IMAGE"):
        return OperationCall("gpu_status")
    return None


def _remarks_on_gpu(clause: Clause) -> bool:
    """'the GPU is on fire': said of it, not asked."""
    at = next((i for i, token in enumerate(clause.tokens) if "GPU" in token.ideas), None)
    if at is None or clause.question or clause.has("CHECK", "TELLME", "WH", "IF", "ASKREQ", "REQUEST", "HOW", "DOAUX"):
        return False
    return at + 1 < len(clause.tokens) and clause.tokens[at + 1].text in ("is", "are", "was", "has", "had", "does")


_ASKING = ("CHECK", "SHOW", "LOOK", "TELLME", "COMPUTE", "MEASURE", "WH", "DOAUX", "ASKREQ")
_GETTING = frozenset(
    "get,give,have,make,do,run,open,need,want,let,take,bring up,pull up,put up,call up,给,给我,来,用,做,弄,开,对".split(",")
)
_TINKERING = frozenset("replace exchange substitute cool fix employ utilise utilize leverage repair".split())


def _changes_gpu(clause: Clause) -> bool:
    """'install the newest CUDA driver', 换一块显卡: something is to be done to the card, nothing is asked about it."""
    asks = clause.question or clause.tokens[0].text == "do" or clause.says("吗", "么", "没", "还是", "是")
    if not clause.has("GPU") or asks:
        return False
    if clause.tokens[0].text in _TINKERING:
        return True
    verb = next((t for t in clause.tokens if t.ideas & (ACTIONS | {"NEED", "TELLME", "COMPUTE"}) and "GPU" not in t.ideas), None)
    if verb is None or (verb.forms and "base" not in verb.forms):
        return False
    if verb.text in _GETTING:
        others = [t for t in clause.tokens if t is not verb]
        return not any(t.stands_for("GPUASK", "SIZE", *_ASKING) or t.text in ("me", "us", "report", "我") for t in others)
    if verb.stands_for(*_ASKING):
        return False
    return verb.stands_for("ADD", "SETTO", "DRAW", "TURN", "PICK", "MAKE", "GEN", "PROPAGATE", "RESET", "CLOSE", "REDO") and not clause.has(
        *_ASKING
    )


def undo(clause: Clause, hints: Hints) -> OperationCall | None:
    step = clause.has("STEP")
    if clause.says("走", "迈", "挪", "跨"):
        return None  # 往前走两步: somebody walks
    if any(
        "IMAGE" in t.ideas and not t.ideas & {"SLICE", "NIFTI", "NRRD"} and "FILLER" not in t.ideas for t in clause.tokens
    ) or clause.says("scan", "ct", "exam"):
        return None  # redo the scan
    if (clause.has("SLICE") and not step and not clause.has("UNDO")) or (clause.kinds("region") and not step):
        return None
    if clause.has("CLEAR") and step and clause.has("LAST", "PREV", "PAST") and not clause.has("SLICE", "POINT", "BOX", "MASK"):
        count = count_of(clause)
        return OperationCall("undo", {"count": count} if count else {})
    back = [t for t in clause.tokens if t.ideas & {"PREV"}]
    stepped = any("STEP" in t.ideas and not t.ideas & {"PREV", "NEXT"} for t in clause.tokens)
    if back and stepped and not clause.has("SLICE", "REDO") and not any("SLICE" in t.ideas for t in clause.tokens):
        count = count_of(clause)
        return OperationCall("undo", {"count": count} if count else {})
    onward = [t for t in clause.tokens if t.ideas & {"NEXT"}]
    if (
        onward
        and clause.says("步", "一步", "step", "steps")
        and not any("SLICE" in t.ideas for t in clause.tokens)
        and not clause.has("UNDO")
    ):
        count = count_of(clause)
        return OperationCall("redo", {"count": count} if count else {})
    for op, idea in (("redo", "REDO"), ("undo", "UNDO")):
        named = [t for t in clause.tokens if idea in t.ideas]
        if not named:
            continue
        steps_named = any("STEP" in t.ideas and "SLICE" not in t.ideas for t in clause.tokens)
        weak = (
            all(t.text.startswith("revers") or t.ideas & {"MOVE", "PREV", "PROPAGATE", "CLEAR", "EXPORT", "NEXT"} for t in named)
            and not steps_named
        )
        goes_back = [i for i, t in enumerate(clause.tokens) if t.text in ("go back", "going back")]
        if (
            goes_back
            and not steps_named
            and (clause.kinds("number") or any(t.text == "to" for t in clause.tokens[goes_back[0] + 1 : goes_back[0] + 2]))
        ):
            continue  # 'go back two' are slices, 'go back to work' is nothing
        if all("PREV" in t.ideas for t in named) and any("PREV" in t.ideas and t.text[-1] in "层张页幅帧片图" for t in clause.tokens):
            continue  # 退回前一层
        if weak and clause.has("SLICE", "IMAGE", "POINT", "BOX", "MASK"):
            continue
        if weak and (clause.has("AXIAL", "SAGITTAL", "CORONAL", "MPR", "THREED", "FIRST", "MIDDLE", "WINDOW") or clause.kinds("region")):
            continue
        count = count_of(clause)
        return OperationCall(op, {"count": count} if count else {})
    return None

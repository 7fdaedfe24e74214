"""Whether every word of a clause has a place in the call that it gave: 'add a comment to slice 5' holds more than 'slice 5' says."""

from __future__ import annotations

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause
from spinalsam.language.tokens import Token

# Ideas that may stand beside any request.
_NEUTRAL = frozenset(
    "PLEASE REQUEST ASKREQ GREET I YOU ALL AT BA FIRSTLY SECONDSTEP SECONDLY IFPOLITE NOTNEG THEN AND BUT SO BE WILL HAVE DOAUX NEED AUTO SELF "
    "INTENT BECAUSE AFTER BEFORE AFTERVERB BEFOREVERB SOME NEW EVERYTHING INSTEADOF ALSO FROM LATER IF HOW WHERE ADVERB".split()
)
# Ideas that are never mere decoration, whatever else the word may stand for in a list of fillers.
_ALARMING = frozenset("OOS HARDOOS PATIENT PERSON STATIVE THIRD ADVICE WH".split())
_MASKS = "MASK RESULT PMASK BMASK"
_MAKING = f"GEN MAKE RUN INFER SEG COMPUTE DRAW {_MASKS} MODEL PROMPT VERT IMAGE SLICE INTO ADD GO MOVE SETTO TURN SHOW EXPORT VIEW RESULT PASTTIME PAST SETLABEL PICK"
_LOOKING = "SHOW LOOK MOVE TURN SETTO PICK OPEN CHECK"
_ALLOWED: dict[str, frozenset[str]] = {
    op: frozenset(ideas.split())
    for op, ideas in {
        "open_image": f"VISIBLE OPEN IMAGE SLICE {_LOOKING} ADD RUN MEASURE NIFTI NRRD FILEKIND VIEW DICOMSEG CLOSE NEXT PREV PATIENT PASTTIME PAST LABEL MASK LAST AUTO",
        "clear_image": f"CLEAR RESET CLOSE GONE IMAGE SLICE POINT BOX PROMPT {_MASKS} KEEP FIRST NEXT VIEW PATIENT LAST MOVE SETTO WINDOW MAKE",
        "add_points": "ADD POINT POSPOINT NEGPOINT NEGATIVE POSITIVE PROMPT DRAW MAKE SETTO PICK SETLABEL VERT IMAGE SLICE TURN FRAMEIT GO LABEL MASK RUN GEN "
        "UP DOWN SIZE BONE MIDDLE ALL PASTTIME FIRST LAST SHOW VIEW AXIAL SAGITTAL CORONAL CENTREWORD OPEN",
        "add_box": "ADD BOX DRAW FRAMEIT PROMPT MAKE SETTO PICK SETLABEL VERT IMAGE SLICE TURN MASK UP DOWN SIZE BONE MIDDLE BOTH PASTTIME CENTREWORD RUN GEN WIDTHWORD PROPAGATE POINT SEG VIEW OPEN",
        "generate_point_mask": f"{_MAKING} WH RESULT POINT POSPOINT NEGPOINT NEGATIVE POSITIVE",
        "generate_box_mask": f"{_MAKING} WH RESULT BOX FRAMEIT",
        "segment": f"{_MAKING} AUTO BONE TURN UP DOWN LABEL SIZE PROPAGATE",
        "clear_points": f"CLEAR GONE RESET POINT POSPOINT NEGPOINT NEGATIVE POSITIVE PROMPT ADD MAKE SLICE IMAGE VERT {_MASKS} TURN PASTTIME PAST VIEW BOX HIDE INVISIBLE LAST SETTO",
        "clear_boxes": f"CLEAR GONE RESET BOX FRAMEIT DRAW PROMPT ADD MAKE SLICE IMAGE VERT {_MASKS} TURN PASTTIME PAST VIEW POINT HIDE INVISIBLE LAST SETTO",
        "clear_mask": f"CLEAR GONE RESET {_MASKS} PROMPT LABEL VERT SLICE IMAGE GEN SEG MAKE TURN PASTTIME PAST VIEW LAST PICK SETTO",
        "navigate": "WH NEXT PREV MOVE SLICE IMAGE UP DOWN LOOK SHOW STEP TURN VIEW OPEN PICK LAST FIRST SETTO BIG PROPAGATE RUN MAKE",
        "go_to": f"WH {_LOOKING} SLICE IMAGE FIRST LAST MIDDLE NEXT PREV VIEW VERT RUN SIZE CENTREWORD POINT STEP UP DOWN LABEL BOTH SEG",
        "gpu_status": "WH GPU GPUASK DEVICE CHECK SHOW LOOK TELLME COMPUTE RUN MATCH MATCHING ADVICE STATIVE MODEL SETTO SIZE VIEW TURN OPEN SAY BIG UP ADD MAKE IMAGE FILEKIND",
        "verify_parameters": "WH CKPT MODEL MATCH MATCHING CHECK SHOW LOOK TELLME COMPUTE RUN ADVICE STATIVE SETTO OPEN GPUASK IMAGE LABEL FILEKIND SIZE PAST PASTTIME SAY RESULT MAKE SEG",
        "propagate": f"PROPAGATE UP DOWN BOTH SLICE IMAGE {_MASKS} VERT MOVE RUN NEXT PREV FIRST LAST MAKE TURN VIEW SETTO ADD GEN STEP EXPORT THREED MIDDLE SEG",
        "set_label": f"WH FRAMEIT DRAW WH BE SETLABEL LABEL SETTO {_MASKS} NEW MAKE ADD VERT TURN NEXT GEN MOVE PICK SEG CHECK SAY EXPORT SLICE RUN LAST",
        "set_view": "WH VIEW AXIAL SAGITTAL CORONAL MPR THREED SHOW LOOK MOVE TURN SETTO PICK OPEN SLICE IMAGE MAKE RUN GEN MODEL CHECK LAST ADD BONE MASK VERT UP",
        "set_window": "RESET WINDOW LEVELWORD WIDTHWORD CENTREWORD BONE SOFT LUNG BRAIN BONEWIN SOFTWIN LUNGWIN BRAINWIN SHOW LOOK MOVE TURN SETTO PICK OPEN ADD VIEW IMAGE "
        "SIZE CHECK MAKE RUN MIDDLE UP DOWN FROM LEVEL VERT",
        "show_mask": f"SHOW HIDE VISIBLE INVISIBLE UNHIDE TURN LOOK MOVE SETTO {_MASKS} LABEL VIEW CLEAR CLOSE MAKE KEEP PICK NEG UNDO REDO BOX POINT IMAGE SLICE OPEN SEG GEN PROMPT REDO VERT",
        "measure": f"WH GPUASK MEASURE SIZE BIG COMPUTE CHECK SHOW LOOK TELLME {_MASKS} VERT ADVICE GEN RUN BONE IMAGE MAKE ADD SEG MATCHING PICK",
        "undo": "UNDO REDO STEP MOVE PREV LAST CLEAR PAST TURN MAKE SLICE SETTO NEXT PASTTIME CHANGE PROPAGATE IMAGE SEG ADD",
        "redo": "REDO UNDO STEP MOVE NEXT LAST RUN PAST MAKE ADD SLICE PREV SHOW PASTTIME SETTO PROPAGATE SEG",
        "export_mask": f"KEEP EXPORT NIFTI NRRD STL DICOMSEG FILEKIND {_MASKS} SETLABEL LABEL MAKE GEN ADD RUN MOVE TURN IMAGE THREED SLICE SETTO INTO VERT BONE OPEN SIZE PROPAGATE VIEW MODEL COMPUTE SEG NEXT CHECK",
        "help": "",
    }.items()
}  # fmt: skip


def foreign_words(clause: Clause, op: str) -> list[Token]:
    """Words of the clause that are unknown, or that mean something which the operation has no place for."""
    if op == "help":
        return []
    allowed = _NEUTRAL | _ALLOWED[op]
    return [token for token in clause.tokens if token.kind == "word" and not _fits(token, allowed, op)]


def _fits(token: Token, allowed: frozenset[str], op: str) -> bool:
    if not token.ideas:
        return len(token.text) < 2 and token.text.isascii()
    if token.ideas & _ALLOWED[op] or token.text in ("them", "their", "theirs"):
        return True
    if token.ideas & _ALARMING:
        return False
    return "FILLER" in token.ideas or bool(token.ideas & allowed)


# Operations that name a thing of their own, so that one unknown word behind it changes nothing.
_NAMED = frozenset(
    "add_points add_box generate_point_mask generate_box_mask segment measure export_mask propagate clear_points clear_boxes clear_mask set_label".split()
)


_UNCOUNTED = frozenset({"measure", "show_mask", "gpu_status", "verify_parameters", "set_view"})


def is_supported(clause: Clause, op: str) -> bool:
    """Whether the call may stand: nothing in the clause speaks against it.

    One unknown English word is let pass where a command opens the clause and what it acts on comes before that word.
    """
    if op in _UNCOUNTED and any(token.kind == "number" and not token.ordinal for token in clause.tokens):
        return False
    foreign = foreign_words(clause, op)
    strange = [token for token in foreign if not (not token.ideas and token.text.isascii() and token.text.endswith("ly"))]
    if not strange:
        return True
    if len(strange) > 1 or strange[0].ideas or not strange[0].text.isascii() or op not in _NAMED or clause.has("BE", "HAVE"):
        return False
    before = clause.tokens[: clause.tokens.index(strange[0])]
    commands = any(token.ideas & ACTIONS & _ALLOWED[op] and "base" in token.forms for token in before)
    named = next((token for token in clause.tokens if "FILLER" not in token.ideas), None)
    opens = named is not None and bool(named.ideas & OBJECTS or named.kind in VALUES)
    return (commands or opens) and any(token.ideas & OBJECTS or token.kind in VALUES for token in before)


def has_unknown(clause: Clause) -> bool:
    """Whether the clause holds a word that says nothing to us."""
    return any(token.kind == "word" and not token.ideas and (len(token.text) > 2 or not token.text.isascii()) for token in clause.tokens)

"""Sentences where nobody can be asked: what they mean is settled first, and what only arguments may say is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spinalsam.errors import InputError, UsageError

if TYPE_CHECKING:
    from spinalsam.control.operation import OperationResult
    from spinalsam.control.workspace import Workspace
    from spinalsam.support.calls import OperationCall

# What a sentence may not do here: the image and the output are named by arguments.
_NOT_SAID = {"open_image": "IMAGE", "clear_image": "IMAGE", "export_mask": "-o"}
# What the parser is told of a case that has just been opened.
FRESH = {"has_case": True, "has_points": False, "has_boxes": False, "points_on_slice": False, "boxes_on_slice": False, "has_mask": False}


def meant(text: str, hints: Mapping[str, Any]) -> tuple[OperationCall, ...]:
    """The calls of one sentence. Raises InputError when it asks for nothing or is unclear, UsageError for what arguments say."""
    from spinalsam.control.operations import SPOKEN_SPECS
    from spinalsam.language import parse
    from spinalsam.language.schema import SURE

    parsed = parse(text, SPOKEN_SPECS, hints)
    if parsed.confidence < SURE:
        raise InputError(f"It is not clear what '{text}' asks for, and there is nobody to ask; say it in plainer words.")
    if not parsed.calls:
        raise InputError(f"The sentence '{text}' asks for nothing that can be done; `spinalsam parse` shows how it is understood.")
    for call in parsed.calls:
        if call.op in _NOT_SAID:
            raise UsageError(f"'{call.op}' cannot be said here: {_NOT_SAID[call.op]} names it; leave it out of '{text}'.")
    return tuple(parsed.calls)


def say(case: Workspace, text: str) -> tuple[tuple[OperationCall, ...], list[OperationResult]]:
    """Do what one sentence says. Returns the calls and their results. Raises as `meant`, and as the operations do."""
    calls = meant(text, case.hints)
    return calls, case.dispatcher.run_all(calls, origin="say")


def makes_mask(op: str) -> bool:
    """Whether an operation can leave something in the mask, or take it out."""
    from spinalsam.control.operations import find

    return "mask" in find(op).writes


def check_sentences(texts: Sequence[str]) -> None:
    """Sentences that are to be said to many cases are understood, and ask for a mask. Raises InputError or UsageError."""
    hints = dict(FRESH)
    asked: set[str] = set()
    for text in texts:
        asked |= {call.op for call in meant(text, hints)}
        hints["has_mask"] = any(makes_mask(op) for op in asked)
    if not hints["has_mask"]:
        raise InputError("The sentences ask for no mask, so there is nothing to write; add one such as 'segment the spine'.")

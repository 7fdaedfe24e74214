"""What the network starts from at a prompt: the mask that the prompt corrects, or about where the vertebra that is meant lies.

The latter comes from the locator's look at the whole volume. A window takes it where the look has been taken already
(`control/ahead.py`), and never waits for it; a command or a script, where nobody waits for a click, looks first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spinalsam.engine.segmenter import RoughShape
from spinalsam.errors import ModelError, RequirementError
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import Prompt, SlicePrompt

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.state import CaseState
    from spinalsam.control.workspace import CaseContent, Workspace

# "first": look before the first prompt. "ready": use a look that has been taken. "told": only where a call says so.
Looks = Literal["first", "ready", "told"]
SMALLEST_MM = 40.0  # of a volume, in every direction, in which a vertebra can be told from its neighbours


def start_of(
    ws: Workspace, job: Job | None, ref: SliceRef, prompt: Prompt, *, refine: bool = True, surroundings: bool | None = None
) -> Any:
    """`previous` of `Segmenter.decode` for a prompt on a slice: an earlier mask, a `RoughShape`, or None.

    refine: whether an earlier mask may be taken. surroundings: whether the locator is asked; None as the workspace does.
    job: waits for the locator's look and can be cancelled; without one nothing is waited for.
    """
    known = earlier(ws.state, ref, prompt) if refine else None
    if known is not None:
        return known
    return rough_shape(ws, job, ref, prompt.on_slice(ws.case.volume.geometry)[1], surroundings=surroundings)


def rough_shape(
    ws: Workspace, job: Job | None, ref: SliceRef, prompt: SlicePrompt, *, surroundings: bool | None = None
) -> RoughShape | None:
    """About where lies what a prompt on a slice means, by the locator; None where it does not know, or is not asked."""
    content = ws.case
    wanted = ws.looks_around != "told" if surroundings is None else surroundings
    if not wanted or not may_look(ws, content):
        return None
    if content.survey is None:
        if job is None or (surroundings is None and ws.looks_around != "first"):
            return None
        from spinalsam.control.locating import surveyed

        try:
            surveyed(content, job.progress)
        except (ModelError, RequirementError):  # no weights, no mm: prompts are answered without
            return None
    if content.rough is None:
        from spinalsam.engine.rough import RoughShapes

        assert content.survey is not None
        content.rough = RoughShapes(content.survey, content.volume.geometry)
    shape = content.rough.for_prompt(ws.plane(ref.plane), ref.index, prompt)
    if shape is not None and job is not None:
        job.located = True
    return shape


def may_look(ws: Workspace, content: CaseContent) -> bool:
    """Whether the network can use what the locator knows, and the volume is one in which it may know something."""
    geometry = content.volume.geometry
    if not getattr(ws.segmenter(), "takes_shapes", False) or not geometry.has_spacing:
        return False
    return bool((np.array(geometry.shape) * geometry.spacing_mm).min() >= SMALLEST_MM)


def earlier(state: CaseState, ref: SliceRef, prompt: Prompt) -> Any:
    """What the network may start from: the chosen candidate of the prompt that this one corrects, else None."""
    candidates = state.candidates
    if candidates is None or candidates.ref != ref or candidates.prompt == prompt or not candidates.low_res:
        return None
    # Only a prompt that says more than the earlier one refines it; one that dropped a click must forget what that click did.
    says_more = set(candidates.prompt.points) <= set(prompt.points) and candidates.prompt.box == prompt.box
    same = candidates.prompt.label == prompt.label and (prompt.box is not None or bool(candidates.prompt.points))
    return candidates.low_res[min(candidates.chosen, len(candidates.low_res) - 1)] if says_more and same else None

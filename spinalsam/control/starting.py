"""What the network starts from at a prompt: the mask that the prompt corrects, or about where the vertebra that is meant lies.

The latter comes from the locator's look at the whole volume. A window takes it where the look has been taken already
(`control/ahead.py`), and never waits for it; a command or a script, where nobody waits for a click, looks first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
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
    from spinalsam.engine.rough import RoughShapes

# "first": look before the first prompt. "ready": use a look that has been taken. "told": only where a call says so.
Looks = Literal["first", "ready", "told"]
DECISIONS = 6  # prompts of which is remembered what they were answered with: those of a pointer that rested last, and the click itself
SMALLEST_MM = 40.0  # of a volume, in every direction, in which a vertebra can be told from its neighbours


class Decisions:
    """What the last few prompts were answered with, so that a click's step takes what its mask was shown with, also where the locator's
    look ended in between. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, RoughShape | None] = OrderedDict()

    def settled(self, key: Hashable, decide: Callable[[], RoughShape | None]) -> RoughShape | None:
        """What was decided for a prompt, or what is decided now."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = decide()
            self._kept.move_to_end(key)
            while len(self._kept) > DECISIONS:
                self._kept.popitem(last=False)
            return self._kept[key]


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

    def decide() -> RoughShape | None:
        return _decided(ws, content, job, ref, prompt, surroundings)

    if ws.looks_around == "ready" and surroundings is None:
        box = None if prompt.box_xyxy is None else prompt.box_xyxy.tobytes()
        shape = content.decisions.settled((ref, prompt.points_xy.tobytes(), prompt.positive.tobytes(), box), decide)
    else:
        shape = decide()
    if shape is not None and job is not None:
        job.located = True
    return shape


def _decided(
    ws: Workspace, content: CaseContent, job: Job | None, ref: SliceRef, prompt: SlicePrompt, surroundings: bool | None
) -> RoughShape | None:
    wanted = ws.looks_around != "told" if surroundings is None else surroundings
    if not wanted or not may_look(ws, content):
        return None
    if content.rough is None and surroundings is None and ws.looks_around == "ready":
        return None  # made by who has looked ahead, not while somebody waits for a click
    if content.survey is None:
        if job is None:
            return None
        from spinalsam.control.locating import surveyed

        try:
            surveyed(content, job.progress)
        except (ModelError, RequirementError):  # no weights, no mm: prompts are answered without
            return None
    return shapes_of(content).for_prompt(ws.plane(ref.plane), ref.index, prompt)


def shapes_of(content: CaseContent) -> RoughShapes:
    """The shapes of what the locator has found in a case that it has looked at; made once, which takes a tenth of a second."""
    if content.rough is None:
        from spinalsam.engine.rough import RoughShapes

        assert content.survey is not None
        content.rough = RoughShapes(content.survey, content.volume.geometry)
    return content.rough


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

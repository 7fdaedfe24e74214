"""The mask that a prompt would give if it were set now. Nothing is painted and nothing is remembered."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.prompting import decode, labels_with, prompts_on
from spinalsam.control.starting import start_of
from spinalsam.control.state import LabelInfo, PlacedBox, PlacedPoint
from spinalsam.errors import RequirementError
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import Ijk, Prompt

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

# A preview that takes longer than this comes too late to follow a hand.
SLOW_S = 0.35
ENOUGH = 4


@dataclass(frozen=True)
class Preview:
    """What a prompt would give on the slice as shown.

    mask: (rows, columns) bool. labels: (rows, columns) the slice's labels with it. info: of the mask's label. score: predicted IoU.
    revision: of the label map that it belongs to. decode_s: seconds without encoding the slice; None where the answer was known.
    """

    ref: SliceRef
    info: LabelInfo
    mask: NDArray[np.bool_]
    labels: NDArray[np.unsignedinteger]
    score: float
    revision: int
    decode_s: float | None


@dataclass
class Pace:
    """Whether this machine is quick enough for previews, by the last few."""

    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=ENOUGH))

    def took(self, seconds: float) -> None:
        self.seconds.append(seconds)

    @property
    def slow(self) -> bool:
        return len(self.seconds) == ENOUGH and median(self.seconds) > SLOW_S


def prompt_if(
    ws: Workspace,
    ref: SliceRef,
    *,
    point_ijk: Ijk | None = None,
    positive: bool = True,
    box_ijk: tuple[Ijk, Ijk] | None = None,
) -> Prompt | None:
    """What would be asked of the network if this point or box were set on the slice; None where it would ask nothing."""
    state, label = ws.state, ws.state.active_label
    if label in state.locked_values:
        return None
    if box_ijk is not None:
        state = replace(state, boxes=(*state.boxes, PlacedBox(ref, *box_ijk, label)))
        return prompts_on(state, ref, kind="boxes", regions=None)[-1]
    if point_ijk is None:
        return None
    state = replace(state, points=(*state.points, PlacedPoint(ref, point_ijk, positive, label)))
    kind = "boxes" if not positive and state.boxes_on(ref) else "points"
    try:
        asked = prompts_on(state, ref, kind=kind, regions=None)
    except RequirementError:
        return None
    return next((prompt for prompt in asked if any(point.ijk == point_ijk for point in prompt.points)), None)


def is_quick(ws: Workspace) -> bool:
    """Whether a click on any slice is answered soon enough to be guessed at every short rest of the pointer: no slice has to be encoded."""
    return bool(getattr(ws.loaded_segmenter, "encodes_windows", False))


def preview(ws: Workspace, prompt: Prompt) -> Preview:
    """The best candidate for a prompt, exactly as setting it would give it; encodes the slice where that has not been done.

    Raises as the network does.
    """
    ref, _ = prompt.on_slice(ws.case.volume.geometry)
    revision = ws.field_revisions.get("mask", 0)
    ws.embedding(ref)
    began, computed = time.perf_counter(), ws.answers.computed
    found = decode(ws, prompt, start_of(ws, None, ref, prompt))
    seconds = time.perf_counter() - began if ws.answers.computed != computed else None
    labels = labels_with(ws, ref, prompt, found.masks[0])
    return Preview(ref, ws.state.label(prompt.label), found.masks[0], labels, float(found.scores[0]), revision, seconds)

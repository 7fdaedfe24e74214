"""The mask that the last prompt has made, while it is still open: keep it, or take it back with its prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_candidates

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@operation(
    "Keep mask",
    category="masks",
    spoken=False,
    requires=(has_candidates,),
    undoable=True,
    writes=("points", "boxes", "candidates"),
)
def keep_mask(ws: Workspace, job: Job) -> OperationResult:
    """Keep the chosen candidate and put its prompts away; the next prompt begins a new mask."""
    from spinalsam.control.prompting import without_prompt

    candidates = ws.state.candidates
    assert candidates is not None  # required by the operation
    name = ws.state.label(candidates.label).name
    changes = {**without_prompt(ws, candidates.ref, candidates.prompt), "candidates": None}
    return OperationResult(f"The mask of {name} is kept.", changes=changes, title=f"Keep the mask of {name}")


@operation(
    "Drop mask",
    category="masks",
    spoken=False,
    requires=(has_candidates,),
    undoable=True,
    writes=("points", "boxes", "mask", "labels", "candidates"),
)
def drop_mask(ws: Workspace, job: Job) -> OperationResult:
    """Take the last mask back together with its prompts."""
    from spinalsam.control.prompting import dropped

    return dropped(ws)

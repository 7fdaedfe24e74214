"""Reviewing: from doubtful slice to doubtful slice, the worst first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_doubtful
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@operation("Next doubtful slice", category="masks", spoken=False, requires=(has_doubtful,), shortcut="Shift+N", writes=("view",))
def next_doubtful(ws: Workspace, job: Job) -> OperationResult:
    """Go to the slice on which the network was least sure; from a doubtful one to the next worst that nobody has corrected."""
    left = [(_ref(one), one) for one in ws.case.doubtful]
    corrected = {(item.ref, item.label) for item in ws.state.prompts}
    left = [(ref, one) for ref, one in left if (ref, one["label"]) not in corrected]
    if not left:
        return OperationResult("Every doubtful slice has been corrected.")
    shown = [ref == ws.shown_slice(ref.plane) and ref.plane == ws.state.view.active_plane for ref, _ in left]
    number = (shown.index(True) + 1) % len(left) if True in shown else 0
    ref, one = left[number]
    crosshair = list(ws.state.view.crosshair_ijk)
    crosshair[ws.plane(ref.plane).normal_axis] = ref.index
    view = replace(ws.state.view, active_plane=ref.plane, crosshair_ijk=(crosshair[0], crosshair[1], crosshair[2]))
    name = ws.state.label(one["label"]).name
    message = f"{name} on {ref.plane} slice {ref.index + 1}: predicted IoU {one['score']:.2f}; doubtful slice {number + 1} of {len(left)}."
    return OperationResult(message, dict(one), {"view": view} if view != ws.state.view else {})


def _ref(one: dict[str, Any]) -> SliceRef:
    return SliceRef(one["plane"], one["slice"] - 1)

"""Reviewing: from doubtful slice to doubtful slice, the worst first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_doubtful, has_mask, has_points
from spinalsam.support.calls import ArgumentSpec
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


@operation(
    "Correct in 3-D",
    category="masks",
    spoken=False,
    shortcut="Ctrl+G",
    requires=(has_points, has_mask),
    arguments=(
        ArgumentSpec("plane", "choice", choices=("axial", "sagittal", "coronal"), help="plane of the slice; the shown one"),
        ArgumentSpec("slice", "count", help="number of the slice with the points; the shown one"),
        ArgumentSpec("value", "count", help="label value of the mask; that of the last point"),
    ),
    undoable=True,
    background=True,
    writes=("mask", "labels", "candidates"),
    reads=("points", "mask", "locked"),
)
def correct_mask(
    ws: Workspace, job: Job, *, plane: str | None = None, slice: int | None = None, value: int | None = None
) -> OperationResult:
    """Mend a whole mask where points on the slice contradict it, and carry that to the slices around."""
    from spinalsam.control.correcting import correct_from
    from spinalsam.control.placing import slice_argument

    return correct_from(ws, job, slice_argument(ws, plane, slice), value)


def _ref(one: dict[str, Any]) -> SliceRef:
    return SliceRef(one["plane"], one["slice"] - 1)

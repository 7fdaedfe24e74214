"""The comparison with a reference mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_case, has_reference
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


# The reference lies outside the case: a journal never needs its file again.
@operation(
    "Compare with a reference",
    category="masks",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("path", "text", help="a mask file; the one compared with last"),
        ArgumentSpec("resample", "flag", help="bring a mask of another grid onto this one; no"),
        ArgumentSpec("label_table", "text", help="a file that says which label each value is"),
    ),
    background=True,
    writes=("reference",),
    reads=("mask", "reference"),
    outside=True,
)
def compare_mask(
    ws: Workspace, job: Job, *, path: str | None = None, resample: bool = False, label_table: str | None = None
) -> OperationResult:
    """Dice and HD95 of every label against a reference mask; the difference is drawn on the slices."""
    from spinalsam.control.comparing import compare

    return compare(ws, job, path, resample=resample, label_table=label_table)


@operation(
    "Show difference",
    category="masks",
    spoken=False,
    requires=(has_reference,),
    arguments=(ArgumentSpec("visible", "flag", required=True, help="draw the difference, or the labels"),),
    writes=("reference",),
    outside=True,
)
def show_difference(ws: Workspace, job: Job, *, visible: bool) -> OperationResult:
    """Draw on the slices where mask and reference differ, or draw the labels again."""
    from spinalsam.control.comparing import show_difference

    return show_difference(ws, visible)


@operation("End comparison", category="masks", spoken=False, requires=(has_reference,), writes=("reference",), outside=True)
def end_comparison(ws: Workspace, job: Job) -> OperationResult:
    """Let go of the reference mask."""
    return OperationResult("The comparison is over; the labels are drawn again.", changes={"reference": None})

"""The comparison with a reference mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, Preset, operation
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
        ArgumentSpec("steps_back", "count", help="the case's own masks so many steps ago, instead of a file"),
        ArgumentSpec("resample", "flag", help="bring a mask of another grid onto this one; no"),
        ArgumentSpec("label_table", "text", help="a file that says which label each value is"),
    ),
    background=True,
    presets=(Preset("With the masks before the last step", {"steps_back": 1}),),
    writes=("reference",),
    reads=("mask", "reference"),
    outside=True,
)
def compare_mask(
    ws: Workspace,
    job: Job,
    *,
    path: str | None = None,
    steps_back: int | None = None,
    resample: bool = False,
    label_table: str | None = None,
) -> OperationResult:
    """Dice and HD95 of every label against a reference mask or an earlier state; the difference is drawn on the slices."""
    from spinalsam.control.comparing import compare

    return compare(ws, job, path, steps_back=steps_back, resample=resample, label_table=label_table)


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


@operation(
    "Side by side",
    category="masks",
    spoken=False,
    requires=(has_reference,),
    arguments=(ArgumentSpec("visible", "flag", required=True, help="mask and reference beside each other, or the mask alone"),),
    presets=(
        Preset("Mask and reference side by side", {"visible": True}, "Shift+R"),
        Preset("The mask alone", {"visible": False}),
    ),
    writes=("reference",),
    outside=True,
)
def show_side_by_side(ws: Workspace, job: Job, *, visible: bool) -> OperationResult:
    """Show mask and reference beside each other on the same slice, moving together."""
    from spinalsam.control.comparing import show_side_by_side

    return show_side_by_side(ws, visible)


@operation("End comparison", category="masks", spoken=False, requires=(has_reference,), writes=("reference",), outside=True)
def end_comparison(ws: Workspace, job: Job) -> OperationResult:
    """Let go of the reference mask."""
    return OperationResult("The comparison is over; the labels are drawn again.", changes={"reference": None})

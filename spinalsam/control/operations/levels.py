"""Vertebra levels: number them from one that is known, shift them, check them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.requirements import has_case, has_mask
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

_RELABELS = ("mask", "points", "boxes", "labels", "active_label")
_SPINE = (
    ArgumentSpec("thoracic", "count", help="how many thoracic vertebrae this spine has: 11, 12 or 13"),
    ArgumentSpec("lumbar", "count", help="how many lumbar vertebrae this spine has: 4, 5 or 6"),
)


@operation(
    "This one is",
    category="labels",
    spoken=False,
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("regions", "regions", single=True, required=True, help="the level of the label"),
        ArgumentSpec("value", "count", help="label value; the active label, else the one under the crosshair"),
        *_SPINE,
    ),
    undoable=True,
    background=True,
    writes=_RELABELS,
    reads=("mask", "labels", "points", "boxes", "active_label"),
)
def number_from(
    ws: Workspace, job: Job, *, regions: Sequence[str], value: int | None = None, thoracic: int = 12, lumbar: int = 5
) -> OperationResult:
    """Name one vertebra and number its neighbours by their place along the spine."""
    from spinalsam.control.relabelling import number_from

    return number_from(ws, value, regions[0], thoracic=thoracic, lumbar=lumbar)


@operation(
    "Shift all levels",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("direction", "choice", required=True, choices=("up", "down"), help="up: L3 becomes L2; down: L3 becomes L4"),
        *_SPINE,
    ),
    presets=(
        Preset("Shift all levels up", {"direction": "up"}),
        Preset("Shift all levels down", {"direction": "down"}),
    ),
    undoable=True,
    background=True,
    writes=_RELABELS,
    reads=("mask", "labels", "points", "boxes", "active_label"),
)
def shift_levels(ws: Workspace, job: Job, *, direction: str, thoracic: int | None = None, lumbar: int | None = None) -> OperationResult:
    """Give every vertebra the next level toward the head or the feet."""
    from spinalsam.control.relabelling import shift_levels

    return shift_levels(ws, direction, thoracic=thoracic, lumbar=lumbar)


@operation("Check levels", category="labels", spoken=False, requires=(has_mask,), background=True, reads=("mask", "labels"))
def check_levels(ws: Workspace, job: Job) -> OperationResult:
    """Look for two vertebrae with one label, missing levels and levels in the wrong order."""
    from spinalsam.control.label_table import checked

    return checked(ws, job)

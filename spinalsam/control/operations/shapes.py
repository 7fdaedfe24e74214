"""A label's shape as a whole: holes, pieces, surface, size, gaps between slices, parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.requirements import has_mask
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

_WRITES = ("mask", "labels")
_READS = ("mask", "labels", "active_label")
_VALUE = ArgumentSpec("value", "count", help="label value; the active label, else the one under the crosshair")
_PLANE = ("axial", "sagittal", "coronal")


@operation(
    "Fill holes",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(_VALUE, ArgumentSpec("plane", "choice", choices=_PLANE, help="slice by slice of this plane; else holes in space")),
    presets=(
        Preset("Fill holes in space", {}),
        Preset("Fill holes on axial slices", {"plane": "axial"}),
        Preset("Fill holes on sagittal slices", {"plane": "sagittal"}),
        Preset("Fill holes on coronal slices", {"plane": "coronal"}),
    ),
    undoable=True,
    background=True,
    writes=_WRITES,
    reads=_READS,
)
def fill_holes(ws: Workspace, job: Job, *, value: int | None = None, plane: str | None = None) -> OperationResult:
    """Fill a label's holes, in space or slice by slice."""
    from spinalsam.control import reshaping

    return reshaping.fill_holes(ws, job, value=value, plane=plane)


@operation(
    "Keep largest piece",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(_VALUE,),
    undoable=True,
    background=True,
    writes=_WRITES,
    reads=_READS,
)
def keep_largest(ws: Workspace, job: Job, *, value: int | None = None) -> OperationResult:
    """Drop all but the largest connected piece of a label."""
    from spinalsam.control import reshaping

    return reshaping.keep_largest(ws, job, value=value)


@operation(
    "Smooth",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(_VALUE, ArgumentSpec("strength_mm", "number", help="how wide the steps and spikes are that go; 1 mm")),
    presets=(Preset("Smooth a little (1 mm)", {"strength_mm": 1}), Preset("Smooth more (2 mm)", {"strength_mm": 2})),
    undoable=True,
    background=True,
    writes=_WRITES,
    reads=_READS,
)
def smooth(ws: Workspace, job: Job, *, value: int | None = None, strength_mm: float = 1.0) -> OperationResult:
    """Smooth a label's surface; its volume stays the same."""
    from spinalsam.control import reshaping

    return reshaping.smooth(ws, job, value=value, strength_mm=strength_mm)


@operation(
    "Grow or shrink",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(ArgumentSpec("mm", "number", required=True, help="how far; below 0 shrinks"), _VALUE),
    presets=(Preset("Grow by 1 mm", {"mm": 1}, "Ctrl++"), Preset("Shrink by 1 mm", {"mm": -1}, "Ctrl+-")),
    undoable=True,
    background=True,
    writes=_WRITES,
    reads=_READS,
)
def resize(ws: Workspace, job: Job, *, mm: float, value: int | None = None) -> OperationResult:
    """Move a label's surface outwards or inwards by mm; other labels stay."""
    from spinalsam.control import reshaping

    return reshaping.resize(ws, job, value=value, mm=mm)


@operation(
    "Fill between slices",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(_VALUE, ArgumentSpec("plane", "choice", choices=_PLANE, help="plane of the drawn slices; the shown one")),
    presets=(Preset("Fill between the shown plane's slices", {}, "Ctrl+I"),),
    undoable=True,
    background=True,
    writes=_WRITES,
    reads=_READS,
)
def fill_between(ws: Workspace, job: Job, *, value: int | None = None, plane: str | None = None) -> OperationResult:
    """Fill the slices between those on which a label was drawn, by its shape on both sides."""
    from spinalsam.control import reshaping

    return reshaping.fill_between(ws, job, value=value, plane=plane or ws.state.view.active_plane)


@operation(
    "Split label",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(
        _VALUE,
        ArgumentSpec("method", "choice", choices=("watershed", "pieces"), help="at the thinnest place, or into its separate pieces"),
        ArgumentSpec("parts", "count", help="how many parts; 2"),
        ArgumentSpec("to", "count", help="label value of the first new part; the neighbouring level, or an unused value"),
    ),
    presets=(
        Preset("Split at the thinnest place", {"method": "watershed"}),
        Preset("Split into separate pieces", {"method": "pieces", "parts": 30}),
    ),
    undoable=True,
    background=True,
    writes=_WRITES,
    reads=(*_READS, "points", "boxes"),
)
def split_label(
    ws: Workspace, job: Job, *, value: int | None = None, method: str = "watershed", parts: int = 2, to: int | None = None
) -> OperationResult:
    """Cut a label at its thinnest places, or give each separate piece a label; the largest part keeps its own."""
    from spinalsam.control import reshaping

    return reshaping.split(ws, job, value=value, method=method, parts=parts, to=to)


@operation(
    "Merge labels",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("value", "count", required=True, help="label value that goes"),
        ArgumentSpec("into", "count", required=True, help="label value that gets its voxels"),
    ),
    undoable=True,
    background=True,
    writes=("mask", "labels", "points", "boxes", "active_label"),
    reads=(*_READS, "points", "boxes"),
)
def merge_labels(ws: Workspace, job: Job, *, value: int, into: int) -> OperationResult:
    """Give all of a label's voxels and prompts to another label."""
    from spinalsam.control import reshaping

    return reshaping.merge(ws, job, value=value, into=into)

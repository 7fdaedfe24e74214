"""Masks by hand on a slice: brush, lasso, and a line that cuts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.operations.points import SLICE_ARGUMENTS
from spinalsam.control.requirements import has_case, has_mask
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

DRAWN = ("mask", "labels")
_VALUE = ArgumentSpec("value", "count", help="label value; the active label")
_RANGE = (
    ArgumentSpec("lowest_hu", "number", help="only voxels of at least this value"),
    ArgumentSpec("highest_hu", "number", help="only voxels of at most this value"),
)
_STROKE = (
    ArgumentSpec("path", "pixels", required=True, help="pixels [x, y] along which the brush moves"),
    ArgumentSpec("radius_mm", "number", required=True, help="radius of the brush in mm"),
    ArgumentSpec("shape", "choice", choices=("disc", "ball"), help="disc: only this slice; ball: the neighbouring slices too"),
    *SLICE_ARGUMENTS,
    _VALUE,
)


@operation(
    "Brush",
    category="shape",
    spoken=False,
    requires=(has_case,),
    arguments=(*_STROKE, ArgumentSpec("over", "flag", help="also over other labels that are not locked; no"), *_RANGE),
    undoable=True,
    writes=DRAWN,
)
def brush(
    ws: Workspace,
    job: Job,
    *,
    path: Sequence[Sequence[float]],
    radius_mm: float,
    shape: str = "disc",
    plane: str | None = None,
    slice: int | None = None,
    value: int | None = None,
    over: bool = False,
    lowest_hu: float | None = None,
    highest_hu: float | None = None,
) -> OperationResult:
    """Paint a label along a path, as a disc on the slice or as a ball; locked labels stay."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.strokes import brush_stroke

    return brush_stroke(
        ws, slice_argument(ws, plane, slice), path, radius_mm=radius_mm, ball=shape == "ball", erase=False, value=value, over=over,
        lowest_hu=lowest_hu, highest_hu=highest_hu,
    )  # fmt: skip


@operation(
    "Eraser",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(*_STROKE, ArgumentSpec("over", "flag", help="erase every label that is not locked; no"), *_RANGE),
    undoable=True,
    writes=DRAWN,
)
def erase(
    ws: Workspace,
    job: Job,
    *,
    path: Sequence[Sequence[float]],
    radius_mm: float,
    shape: str = "disc",
    plane: str | None = None,
    slice: int | None = None,
    value: int | None = None,
    over: bool = False,
    lowest_hu: float | None = None,
    highest_hu: float | None = None,
) -> OperationResult:
    """Take a label away along a path, as a disc on the slice or as a ball; locked labels stay."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.strokes import brush_stroke

    return brush_stroke(
        ws, slice_argument(ws, plane, slice), path, radius_mm=radius_mm, ball=shape == "ball", erase=True, value=value, over=over,
        lowest_hu=lowest_hu, highest_hu=highest_hu,
    )  # fmt: skip


@operation(
    "Lasso",
    category="shape",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("outline", "pixels", required=True, help="corner pixels [x, y] of the outline, which closes by itself"),
        ArgumentSpec("mode", "choice", choices=("add", "remove"), help="add the inside to the label, or take it away; add"),
        *SLICE_ARGUMENTS,
        _VALUE,
        ArgumentSpec("over", "flag", help="also other labels that are not locked; no"),
        *_RANGE,
    ),
    undoable=True,
    writes=DRAWN,
)
def lasso(
    ws: Workspace,
    job: Job,
    *,
    outline: Sequence[Sequence[float]],
    mode: str = "add",
    plane: str | None = None,
    slice: int | None = None,
    value: int | None = None,
    over: bool = False,
    lowest_hu: float | None = None,
    highest_hu: float | None = None,
) -> OperationResult:
    """Add the inside of an outline on a slice to a label, or remove it; locked labels stay."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.strokes import lasso

    return lasso(
        ws, slice_argument(ws, plane, slice), outline, erase=mode == "remove", value=value, over=over, lowest_hu=lowest_hu,
        highest_hu=highest_hu,
    )  # fmt: skip


@operation(
    "Cut along a line",
    category="shape",
    spoken=False,
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("line", "pixels", required=True, help="the two ends [x, y] of the line"),
        *SLICE_ARGUMENTS,
        ArgumentSpec("value", "count", help="label value; the active label, else the one under the crosshair"),
        ArgumentSpec("to", "count", help="label value of the smaller part; the neighbouring level, or an unused value"),
    ),
    undoable=True,
    background=True,
    writes=DRAWN,
    reads=("mask", "labels", "active_label"),
)
def split_by_line(
    ws: Workspace,
    job: Job,
    *,
    line: Sequence[Sequence[float]],
    plane: str | None = None,
    slice: int | None = None,
    value: int | None = None,
    to: int | None = None,
) -> OperationResult:
    """Split a label in two along a line on a slice, through all slices."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.reshaping import split_by_line

    return split_by_line(ws, slice_argument(ws, plane, slice), line, value=value, to=to)

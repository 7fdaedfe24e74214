"""Points: set them, take them away, make masks from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spinalsam.control.locating import must_look
from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_case, has_points
from spinalsam.errors import UsageError
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

SURROUNDINGS = ArgumentSpec("surroundings", "flag", help="let the locator tell about where the vertebra lies; where it has looked already")
SLICE_ARGUMENTS = (
    ArgumentSpec("plane", "choice", choices=("axial", "sagittal", "coronal"), help="plane of the slice; the shown one"),
    ArgumentSpec("slice", "count", help="number of the slice as shown, from 1; the shown one"),
)


@operation(
    "Add points",
    category="points",
    shortcut="P",
    requires=(has_case,),
    arguments=(
        ArgumentSpec("count", "count", help="how many"),
        ArgumentSpec("regions", "regions", help="on which vertebrae"),
        ArgumentSpec("label", "choice", choices=("positive", "negative"), help="negative: not part of the structure"),
        ArgumentSpec("at", "pixels", help="pixels [x, y] on the shown slice"),
        *SLICE_ARGUMENTS,
        ArgumentSpec("values", "json", help="label value of each point's mask"),
    ),
    undoable=True,
    writes=("points", "labels", "view"),
    reads=("points", "labels"),
    heavy_when=must_look,
)
def add_points(
    ws: Workspace,
    job: Job,
    *,
    count: int | None = None,
    regions: Sequence[str] | None = None,
    label: str = "positive",
    at: Sequence[Sequence[float]] | None = None,
    plane: str | None = None,
    slice: int | None = None,
    values: Sequence[int] | None = None,
) -> OperationResult:
    """Set points on a structure (positive) or beside it (negative) of the shown slice."""
    from spinalsam.control.placing import level_note, place_points, slice_for_prompts
    from spinalsam.control.state import with_labels

    ref, moved, located = slice_for_prompts(ws, job, plane, slice, regions, at is not None)
    placed = place_points(ws, ref, located=located, count=count, regions=regions, positive=label == "positive", at=at, values=values)
    labels = with_labels(ws.state.labels, [point.label for point in placed])
    what = f"{len(placed)} {'' if label == 'positive' else 'negative '}point{'s' if len(placed) > 1 else ''}"
    where = f"{ref.plane} slice {ref.index + 1}"
    changes = {"points": (*ws.state.points, *placed), **({"labels": labels} if labels != ws.state.labels else {}), **moved}
    pixels = ws.plane(ref.plane).to_pixel([point.ijk for point in placed]).tolist()
    return OperationResult(
        f"Set {what} on {where}.{level_note([point.label for point in placed], located)}",
        {"at": pixels, "plane": ref.plane, "slice": ref.index + 1, "labels": [point.label for point in placed]},
        changes,
        replay_args={
            "at": pixels,
            "plane": ref.plane,
            "slice": ref.index + 1,
            "label": label,
            "values": [point.label for point in placed],
        },
        title=f"Add {what} on {where}",
    )


@operation(
    "Generate point mask",
    category="points",
    shortcut="G",
    requires=(has_points,),
    arguments=(
        ArgumentSpec("regions", "regions", help="only from the points of these vertebrae"),
        *SLICE_ARGUMENTS,
        ArgumentSpec("refine", "flag", help="let the network start from the mask that is corrected; yes"),
        SURROUNDINGS,
    ),
    undoable=True,
    background=True,
    coalesce=True,
    writes=("mask", "labels", "candidates"),
    reads=("points", "boxes", "mask", "locked"),
)
def generate_point_mask(
    ws: Workspace,
    job: Job,
    *,
    regions: Sequence[str] | None = None,
    plane: str | None = None,
    slice: int | None = None,
    refine: bool = True,
    surroundings: bool | None = None,
) -> OperationResult:
    """Make masks from the points on the shown slice."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.prompting import generate

    return generate(ws, job, slice_argument(ws, plane, slice), kind="points", regions=regions, refine=refine, surroundings=surroundings)


@operation("Clear points", category="points", requires=(has_points,), undoable=True, writes=("points",))
def clear_points(ws: Workspace, job: Job) -> OperationResult:
    """Take all points away; masks stay."""
    count = len(ws.state.points)
    text = f"{count} point{'s' if count > 1 else ''}"
    return OperationResult(f"Cleared {text}.", changes={"points": ()}, title=f"Clear {text}")


@operation(
    "Delete point",
    category="points",
    spoken=False,
    requires=(has_points,),
    arguments=(ArgumentSpec("number", "count", required=True, help="its place in the list, from 1"),),
    undoable=True,
    writes=("points",),
)
def delete_point(ws: Workspace, job: Job, *, number: int) -> OperationResult:
    """Take one point away."""
    points = ws.state.points
    _check_number(number, len(points))
    return OperationResult("Deleted the point.", changes={"points": points[: number - 1] + points[number:]})


@operation(
    "Move point",
    category="points",
    spoken=False,
    requires=(has_points,),
    arguments=(
        ArgumentSpec("number", "count", required=True, help="its place in the list, from 1"),
        ArgumentSpec("to", "pixels", required=True, help="one pixel [[x, y]] on the point's slice"),
    ),
    undoable=True,
    writes=("points",),
)
def move_point(ws: Workspace, job: Job, *, number: int, to: Sequence[Sequence[float]]) -> OperationResult:
    """Put one point elsewhere on its slice."""
    from spinalsam.control.placing import voxels_at

    points = ws.state.points
    _check_number(number, len(points))
    point = points[number - 1]
    moved = replace(point, ijk=voxels_at(ws, point.ref, to[:1])[0])
    return OperationResult("Moved the point.", changes={"points": (*points[: number - 1], moved, *points[number:])})


def _check_number(number: int, count: int) -> None:
    if number > count:
        raise UsageError(f"There is no point {number}; there are {count}.")

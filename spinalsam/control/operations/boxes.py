"""Boxes: draw them, take them away, make masks from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spinalsam.control.locating import must_look
from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.operations.points import SLICE_ARGUMENTS, SURROUNDINGS
from spinalsam.control.requirements import has_boxes, has_case
from spinalsam.errors import UsageError
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@operation(
    "Add box",
    category="boxes",
    shortcut="B",
    requires=(has_case,),
    arguments=(
        ArgumentSpec("regions", "regions", help="around which vertebrae"),
        ArgumentSpec("corners", "corners", help="pixels [x0, y0, x1, y1] on the shown slice, both corners inclusive"),
        *SLICE_ARGUMENTS,
        ArgumentSpec("value", "count", help="label value of the mask that the box asks for"),
    ),
    undoable=True,
    writes=("boxes", "labels", "view"),
    reads=("boxes", "labels"),
    heavy_when=must_look,
)
def add_box(
    ws: Workspace,
    job: Job,
    *,
    regions: Sequence[str] | None = None,
    corners: Sequence[float] | None = None,
    plane: str | None = None,
    slice: int | None = None,
    value: int | None = None,
) -> OperationResult:
    """Draw a box around a structure of the shown slice."""
    from spinalsam.control.placing import level_note, place_boxes, slice_for_prompts
    from spinalsam.control.state import with_labels
    from spinalsam.support.anatomy import label_name

    ref, moved, located = slice_for_prompts(ws, job, plane, slice, regions, corners is not None)
    placed = place_boxes(ws, ref, located=located, regions=regions, corners=corners, value=value)
    labels = with_labels(ws.state.labels, [box.label for box in placed])
    names = ", ".join(label_name(box.label) for box in placed)
    what = f"{len(placed)} box{'es' if len(placed) > 1 else ''}"
    where = f"{ref.plane} slice {ref.index + 1}"
    changes = {"boxes": (*ws.state.boxes, *placed), **({"labels": labels} if labels != ws.state.labels else {}), **moved}
    pixels = [ws.plane(ref.plane).to_pixel([box.corner_a_ijk, box.corner_b_ijk]).ravel().tolist() for box in placed]
    args = {"plane": ref.plane, "slice": ref.index + 1}
    if len(placed) == 1:
        args |= {"corners": pixels[0], "value": placed[0].label}
    else:
        # Several boxes come from the mask as it is now, which is the same when the journal is done again.
        args |= {"regions": list(regions)} if regions else {}
    return OperationResult(
        f"Drew {what} ({names}) on {where}.{level_note([box.label for box in placed], located)}",
        {"corners": pixels, "plane": ref.plane, "slice": ref.index + 1, "labels": [box.label for box in placed]},
        changes,
        replay_args=args,
        title=f"Add {what} on {where}",
    )


@operation(
    "Generate box mask",
    category="boxes",
    shortcut="Shift+G",
    requires=(has_boxes,),
    arguments=(
        ArgumentSpec("regions", "regions", help="only from the boxes of these vertebrae"),
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
def generate_box_mask(
    ws: Workspace,
    job: Job,
    *,
    regions: Sequence[str] | None = None,
    plane: str | None = None,
    slice: int | None = None,
    refine: bool = True,
    surroundings: bool | None = None,
) -> OperationResult:
    """Make masks from the boxes on the shown slice, and from the points inside them."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.prompting import generate

    return generate(ws, job, slice_argument(ws, plane, slice), kind="boxes", regions=regions, refine=refine, surroundings=surroundings)


@operation("Clear boxes", category="boxes", requires=(has_boxes,), undoable=True, writes=("boxes",))
def clear_boxes(ws: Workspace, job: Job) -> OperationResult:
    """Take all boxes away; masks stay."""
    count = len(ws.state.boxes)
    text = f"{count} box{'es' if count > 1 else ''}"
    return OperationResult(f"Cleared {text}.", changes={"boxes": ()}, title=f"Clear {text}")


@operation(
    "Delete box",
    category="boxes",
    spoken=False,
    requires=(has_boxes,),
    arguments=(ArgumentSpec("number", "count", required=True, help="its place in the list, from 1"),),
    undoable=True,
    writes=("boxes",),
)
def delete_box(ws: Workspace, job: Job, *, number: int) -> OperationResult:
    """Take one box away."""
    boxes = ws.state.boxes
    _check_number(number, len(boxes))
    return OperationResult("Deleted the box.", changes={"boxes": boxes[: number - 1] + boxes[number:]})


@operation(
    "Move box",
    category="boxes",
    spoken=False,
    requires=(has_boxes,),
    arguments=(
        ArgumentSpec("number", "count", required=True, help="its place in the list, from 1"),
        ArgumentSpec("corners", "corners", required=True, help="pixels [x0, y0, x1, y1] on the box's slice"),
    ),
    undoable=True,
    writes=("boxes",),
)
def move_box(ws: Workspace, job: Job, *, number: int, corners: Sequence[float]) -> OperationResult:
    """Give one box other corners on its slice."""
    from spinalsam.control.placing import box_corners

    boxes = ws.state.boxes
    _check_number(number, len(boxes))
    corner_a, corner_b = box_corners(ws, boxes[number - 1].ref, corners)
    moved = replace(boxes[number - 1], corner_a_ijk=corner_a, corner_b_ijk=corner_b)
    return OperationResult("Moved the box.", changes={"boxes": (*boxes[: number - 1], moved, *boxes[number:])})


def _check_number(number: int, count: int) -> None:
    if number > count:
        raise UsageError(f"There is no box {number}; there are {count}.")

"""One label's shape changed as a whole: holes, pieces, surface, size, gaps, parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control import editing
from spinalsam.control.operation import OperationResult
from spinalsam.control.relabelling import state_changes
from spinalsam.control.state import with_labels
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.anatomy import label_name
from spinalsam.support.levels import level_after
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

Shape = NDArray[np.bool_]
# A part is above or below another when so much of the way between their centres is up or down (45 degrees).
_ALONG = 0.7


def _reshaped(
    ws: Workspace, value: int | None, margin_mm: float, change: Callable[[Shape], Shape], *, verb: str, unchanged: str, **replay: Any
) -> OperationResult:
    """A label's shape put through a function, within what locked and other labels leave free."""
    label = editing.chosen_label(ws, value)
    box, shape = editing.label_shape(ws, label, margin_mm)
    after = editing.replaced(ws, box, change(shape), label)
    name = ws.state.label(label).name
    return editing.result_of(
        ws,
        editing.edit_of(ws, box, after),
        value=label,
        title=verb.format(name=name),
        unchanged=unchanged.format(name=name),
        replay={"value": label, **replay},
    )


def fill_holes(ws: Workspace, job: Job, *, value: int | None, plane: str | None) -> OperationResult:
    """Fill a label's holes, in space or slice by slice of a plane."""
    from spinalsam.support.editing import shapes

    axis = ws.plane(plane).normal_axis if plane else None
    where = f" on {plane} slices" if plane else ""
    return _reshaped(
        ws,
        value,
        0.0,
        lambda shape: shapes.fill_holes(shape, axis=axis),
        verb="Fill holes of {name}" + where,
        unchanged="{name} has no holes" + where + ".",
        plane=plane,
    )


def keep_largest(ws: Workspace, job: Job, *, value: int | None) -> OperationResult:
    """Drop all but the largest connected piece of a label."""
    from spinalsam.support.editing import shapes

    return _reshaped(ws, value, 0.0, shapes.largest_piece, verb="Keep the largest piece of {name}", unchanged="{name} is one piece.")


def smooth(ws: Workspace, job: Job, *, value: int | None, strength_mm: float) -> OperationResult:
    """Smooth a label's surface at constant volume."""
    from spinalsam.support.editing import shapes

    strength_mm = editing.checked_mm("strength_mm", strength_mm)
    return _reshaped(
        ws,
        value,
        shapes.smooth_margin_mm(strength_mm),
        lambda shape: shapes.smooth(shape, strength_mm, _spacing(ws)),
        verb=f"Smooth {{name}} by {strength_mm:g} {_unit(ws)}",
        unchanged="{name} is as smooth as its voxels allow.",
        strength_mm=strength_mm,
    )


def resize(ws: Workspace, job: Job, *, value: int | None, mm: float) -> OperationResult:
    """Grow a label by so many mm all around, or shrink it where mm is negative. Raises RequirementError when nothing would be left."""
    from spinalsam.support.editing import shapes

    distance = editing.checked_mm("mm", abs(mm))
    spacing = _spacing(ws)
    change = (lambda shape: shapes.grow(shape, distance, spacing)) if mm > 0 else (lambda shape: shapes.shrink(shape, distance, spacing))

    def checked(shape: Shape) -> Shape:
        changed = change(shape)
        if not changed.any():
            raise RequirementError(f"Nothing would be left after shrinking by {distance:g} {_unit(ws)}; shrink by less.")
        return changed

    return _reshaped(
        ws,
        value,
        distance if mm > 0 else 0.0,
        checked,
        verb=f"{'Grow' if mm > 0 else 'Shrink'} {{name}} by {distance:g} {_unit(ws)}",
        unchanged=f"{{name}} stays: {distance:g} {_unit(ws)} is less than a voxel, or there is no room.",
        mm=float(mm),
    )


def fill_between(ws: Workspace, job: Job, *, value: int | None, plane: str) -> OperationResult:
    """Fill the slices between those on which a label was drawn. Raises RequirementError when there is no gap."""
    from spinalsam.support.editing import between

    axis = ws.plane(plane).normal_axis
    label = editing.chosen_label(ws, value)
    box, shape = editing.label_shape(ws, label)
    count, name = between.gaps(shape, axis), ws.state.label(label).name
    if not count:
        raise RequirementError(f"{name} has no gap between {plane} slices; draw it on two slices that are apart, or choose another plane.")
    after = editing.added(ws, box, between.fill_between(shape, axis, _spacing(ws)), label)
    return editing.result_of(
        ws,
        editing.edit_of(ws, box, after),
        value=label,
        title=f"Fill {count} {plane} slice{'s' if count > 1 else ''} of {name}",
        unchanged=f"Other labels lie where {name} would be filled; nothing was changed.",
        replay={"value": label, "plane": plane},
    )


def split(ws: Workspace, job: Job, *, value: int | None, method: str, parts: int, to: int | None) -> OperationResult:
    """Cut a label at its thinnest places, or give each separate piece a label of its own.

    The largest part keeps the label. Raises RequirementError when there is nothing to cut.
    """
    from spinalsam.support.editing import shapes, splitting

    if not 2 <= parts <= 30:
        raise UsageError(f"A label is split into 2 to 30 parts, not {parts}.")
    label = editing.chosen_label(ws, value)
    box, shape = editing.label_shape(ws, label)
    job.progress(None, "Splitting")
    numbers = shapes.pieces(shape)[0] if method == "pieces" else splitting.watershed_parts(shape, parts, _spacing(ws))
    found = min(int(numbers.max()), parts)
    if found < 2:
        why = "is one connected piece; split it by watershed or by a line" if method == "pieces" else "has no narrow place; draw a line"
        raise RequirementError(f"{ws.state.label(label).name} {why}.")
    numbers[numbers > found] = 1
    return _parted(ws, box, [numbers == n for n in range(1, found + 1)], label, to, {"method": method, "parts": parts})


def split_by_line(
    ws: Workspace, ref: SliceRef, line_xy: Sequence[Sequence[float]], *, value: int | None, to: int | None
) -> OperationResult:
    """Cut a label in two along a line on a slice, through all slices. Raises InputError when the line misses it."""
    from spinalsam.support.editing import splitting

    label = editing.chosen_label(ws, value)
    line = np.round([line_xy[0], line_xy[-1]], 3)
    if np.allclose(line[0], line[1]):
        raise InputError("A line has two different ends; drag from one side of the structure to the other.")
    box, shape = editing.label_shape(ws, label)
    plane = ws.plane(ref.plane)
    start, end = plane.to_voxel(line, ref.index)
    side = splitting.sides_of_line(shape.shape, [part.start for part in box], start, end, normal_axis=plane.normal_axis)
    halves = sorted((shape & side, shape & ~side), key=np.count_nonzero, reverse=True)
    if not halves[1].any():
        raise InputError(f"The line leaves all of {ws.state.label(label).name} on one side; draw it through the structure.")
    return _parted(ws, box, halves, label, to, {"line": line.tolist(), "plane": ref.plane, "slice": ref.index + 1})


def _parted(ws: Workspace, box: editing.Box, parts: Sequence[Shape], label: int, to: int | None, replay: dict[str, Any]) -> OperationResult:
    """The first part keeps its label, the others get new ones."""
    if to is not None:
        editing.refuse_locked(ws, editing.checked_label(to))
    after = ws.case.mask[box].astype(np.uint16)
    new: list[int] = []
    for part in parts[1:]:
        wanted = to if to is not None and not new else None
        given = wanted if wanted is not None else _next_label(ws, box, parts[0], part, label, new)
        new.append(given)
        after[part] = given
    names = ", ".join(label_name(one) for one in new)
    title = f"Split {ws.state.label(label).name}: {names} parted from it"
    result = editing.result_of(
        ws,
        editing.edit_of(ws, box, after),
        value=label,
        title=title,
        unchanged="Nothing was split.",
        replay={"value": label, "to": to, **replay},
        changes={"labels": with_labels(ws.state.labels, new)},
    )
    sizes = [int(np.count_nonzero(part)) for part in parts]
    return OperationResult(
        f"{title}.", {**result.data, "labels": [label, *new], "voxels": sizes}, result.changes, result.edit, result.replay_args, title
    )


def _next_label(ws: Workspace, box: editing.Box, kept: Shape, part: Shape, label: int, taken: Sequence[int]) -> int:
    """The neighbouring level where the part lies clearly above or below the rest and that level is free; else an unused label.

    A part in front, behind or beside is no other vertebra, so it never gets the name of one.
    """
    geometry = ws.case.volume.geometry
    first = np.array([one.start for one in box])
    kept_mm, part_mm = (geometry.to_mm(np.argwhere(shape).mean(axis=0) + first) for shape in (kept, part))
    step_mm = part_mm - kept_mm
    is_neighbour = abs(step_mm[2]) > _ALONG * np.linalg.norm(step_mm)
    level = level_after(label, 1 if step_mm[2] < 0 else -1) if is_neighbour else None
    wanted = level if level is not None and level not in taken else None
    free = editing.free_label(ws, wanted)
    while free in taken:
        free += 1
    return free


def merge(ws: Workspace, job: Job, *, value: int, into: int) -> OperationResult:
    """Give all of a label's voxels to another label. Raises RequirementError when one is locked or the first has no mask."""
    if value == into:
        raise UsageError("A label is merged into another one, not into itself.")
    editing.refuse_locked(ws, value, editing.checked_label(into))
    label = editing.chosen_label(ws, value)
    box, shape = editing.label_shape(ws, label)
    name, other = ws.state.label(label).name, ws.state.label(into).name
    return editing.result_of(
        ws,
        editing.edit_of(ws, box, editing.added(ws, box, shape, into, over=True)),
        value=into,
        title=f"Merge {name} into {other}",
        unchanged="Nothing was merged.",
        replay={"value": label, "into": into},
        changes=state_changes(ws, {label: into}),
    )


def _spacing(ws: Workspace) -> NDArray[np.float64]:
    return ws.case.volume.geometry.spacing_mm


def _unit(ws: Workspace) -> str:
    return "mm" if ws.case.volume.geometry.has_spacing else "pixels"

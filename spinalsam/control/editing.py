"""What all edits by hand share: which label is meant, which voxels may change, and the edit that comes of it.

A locked label is never painted over and never changed. Other labels are painted over only where that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.operation import MaskEdit, OperationResult
from spinalsam.control.painting import block_edit
from spinalsam.control.state import UNNAMED_LABEL
from spinalsam.errors import RequirementError, UsageError

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

Box = tuple[slice, slice, slice]
LARGEST_LABEL = 65535
LARGEST_MM = 200.0


def chosen_label(ws: Workspace, value: int | None) -> int:
    """The label that an edit is about: the one stated, the active one, the one under the crosshair, or the only one there is.

    Raises RequirementError when it has no mask or is locked.
    """
    there = ws.case.extents.values
    if value is None:
        state = ws.state
        under = int(ws.case.mask[state.view.crosshair_ijk])
        candidates = [state.active_label, under, *(there if len(there) == 1 else ())]
        value = next((one for one in candidates if one in there), state.active_label)
    if value not in there:
        name = ws.state.label(value).name
        raise RequirementError(f"There is no mask of {name}; choose a label that has one, or segment it first.")
    refuse_locked(ws, value)
    return value


def refuse_locked(ws: Workspace, *values: int) -> None:
    """Raises RequirementError when one of the labels is locked."""
    names = [ws.state.label(value).name for value in dict.fromkeys(values) if value in ws.state.locked_values]
    if names:
        raise RequirementError(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} locked; unlock first to change the mask.")


def checked_label(value: int) -> int:
    """Raises UsageError for a value that no mask can hold."""
    if value > LARGEST_LABEL:
        raise UsageError(f"The label value {value} is too large; the largest is {LARGEST_LABEL}.")
    return value


def checked_mm(name: str, value: float) -> float:
    """A length above 0 that makes sense. Raises UsageError."""
    if not 0 < value <= LARGEST_MM:
        raise UsageError(f"'{name}' must be above 0 and at most {LARGEST_MM:g} mm, not {value:g}.")
    return float(value)


def room_around(ws: Workspace, box: Box, margin_mm: float) -> Box:
    """The box with so much room on every side (at least one voxel), within the volume."""
    steps = np.ceil(margin_mm / ws.case.volume.geometry.spacing_mm).astype(int) + 1
    i, j, k = (
        slice(max(0, part.start - int(step)), min(n, part.stop + int(step)))
        for part, step, n in zip(box, steps, ws.case.mask.shape, strict=True)
    )
    return i, j, k


def label_shape(ws: Workspace, value: int, margin_mm: float = 0.0) -> tuple[Box, NDArray[np.bool_]]:
    """A label's voxels with room around: (box, bool [i, j, k] of the box)."""
    inner = ws.case.extents.box_of(ws.case.mask, value)
    if inner is None:
        raise RequirementError(f"There is no mask of {ws.state.label(value).name}.")
    box = room_around(ws, inner, margin_mm)
    return box, ws.case.mask[box] == value


def in_range(ws: Workspace, box: Box, lowest_hu: float | None, highest_hu: float | None) -> NDArray[np.bool_] | None:
    """Which voxels of a box have a value in the range; None where no range was stated. Raises UsageError for an empty range."""
    if lowest_hu is None and highest_hu is None:
        return None
    if lowest_hu is not None and highest_hu is not None and lowest_hu > highest_hu:
        raise UsageError(f"The range {lowest_hu:g} to {highest_hu:g} holds nothing; the lower end comes first.")
    voxels = ws.case.volume.voxels[box]
    inside = np.ones(voxels.shape, bool)
    if lowest_hu is not None:
        inside &= voxels >= lowest_hu
    if highest_hu is not None:
        inside &= voxels <= highest_hu
    return inside


def may_add(labels: NDArray[np.unsignedinteger], locked: tuple[int, ...], *, over: bool) -> NDArray[np.bool_]:
    """Where a label may be added: on nothing, and with `over` on other labels that are not locked."""
    return ~np.isin(labels, locked) if over else labels == 0


def added(ws: Workspace, box: Box, where: NDArray[np.bool_], value: int, *, over: bool = False) -> NDArray[np.unsignedinteger]:
    """The box's labels with `value` added where it may be."""
    labels = ws.case.mask[box]
    after = labels.astype(np.uint16) if value > np.iinfo(labels.dtype).max else labels.copy(order="F")
    after[where & may_add(labels, ws.state.locked_values, over=over)] = value
    return after


def removed(ws: Workspace, box: Box, where: NDArray[np.bool_], value: int | None) -> NDArray[np.unsignedinteger]:
    """The box's labels with one label, or every unlocked one, taken away."""
    labels = ws.case.mask[box]
    after = labels.copy(order="F")
    after[where & (~np.isin(labels, ws.state.locked_values) if value is None else labels == value)] = 0
    return after


def replaced(ws: Workspace, box: Box, shape: NDArray[np.bool_], value: int, *, over: bool = False) -> NDArray[np.unsignedinteger]:
    """The box's labels with the label's voxels in it being exactly `shape`, as far as other labels let it."""
    after = added(ws, box, shape, value, over=over)
    after[~shape & (ws.case.mask[box] == value)] = 0
    return after


def edit_of(ws: Workspace, box: Box, after: NDArray[np.unsignedinteger]) -> MaskEdit | None:
    return block_edit(ws.case.mask, (box[0].start, box[1].start, box[2].start), after)


def result_of(
    ws: Workspace,
    edit: MaskEdit | None,
    *,
    value: int,
    title: str,
    unchanged: str,
    replay: Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
) -> OperationResult:
    """What an edit of one label comes to. unchanged: the sentence for when nothing had to change.

    replay: arguments that do exactly this again; None values are left out.
    """
    args = {name: given for name, given in replay.items() if given is not None}
    if edit is None:
        return OperationResult(unchanged, {"voxels": 0, "label": value})
    difference = int(np.count_nonzero(edit.after == value)) - int(np.count_nonzero(edit.before == value))
    data = {"voxels": difference, "label": value}
    return OperationResult(f"{title}: {amount(ws, difference)}.", data, dict(changes or {}), edit, args, title)


def amount(ws: Workspace, voxels: int) -> str:
    """A signed number of voxels, in ml where the voxel size is known."""
    geometry = ws.case.volume.geometry
    if not geometry.has_spacing:
        return f"{voxels:+d} pixels"
    return f"{voxels * geometry.voxel_mm3 / 1000:+.2f} ml"


def free_label(ws: Workspace, wanted: int | None = None) -> int:
    """A label value that nothing uses: the wanted one if it is free, else the first of those that have no anatomical name."""
    state = ws.state
    used = {*ws.case.extents.values, *state.locked_values, *(prompt.label for prompt in state.prompts)}
    known = {info.value for info in state.labels} - {UNNAMED_LABEL}
    if wanted is not None and wanted not in used:
        return wanted
    return next(value for value in range(29, LARGEST_LABEL) if value not in used | known and not 100 <= value <= 103)

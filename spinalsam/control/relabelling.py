"""Labels that change places: the mask, the prompts, the active label and the list of labels follow together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spinalsam.control import editing
from spinalsam.control.operation import MaskEdit, OperationResult
from spinalsam.control.painting import block_edit, union_box
from spinalsam.control.state import UNNAMED_LABEL, LabelInfo, with_labels
from spinalsam.errors import RequirementError
from spinalsam.support.anatomy import label_name, label_value
from spinalsam.support.levels import COCCYX, SACRUM, head_to_foot, numbered_from, shifted

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace


def number_from(ws: Workspace, value: int | None, region: str, *, thoracic: int, lumbar: int) -> OperationResult:
    """Name one vertebra and number all others by their place along the spine; sacrum and coccyx stay what they are.

    Raises UsageError where the numbers do not fit a spine, RequirementError where a label is locked.
    """
    label = editing.chosen_label(ws, value)
    order = [one for one in spine_order(ws) if one not in (SACRUM, COCCYX)]
    if label not in order:
        raise RequirementError(f"{ws.state.label(label).name} is no vertebra to number from; choose a vertebra's label.")
    mapping = numbered_from(order, label, label_value(region), thoracic=thoracic, lumbar=lumbar)
    title = f"{ws.state.label(label).name} is {region}: {len(order)} label{'s' if len(order) > 1 else ''} numbered"
    replay = {"value": label, "regions": [region], "thoracic": thoracic, "lumbar": lumbar}
    return moved(ws, mapping, title=title, unchanged=f"{region} and its neighbours are numbered so already.", replay=replay)


def shift_levels(ws: Workspace, direction: str, *, thoracic: int | None, lumbar: int | None) -> OperationResult:
    """Give every vertebra's label the next level toward the head ('up') or the feet ('down'). Raises as `number_from`."""
    labelled = {*ws.case.extents.values, *(prompt.label for prompt in ws.state.prompts)}
    mapping = shifted(sorted(labelled), 1 if direction == "down" else -1, thoracic=thoracic, lumbar=lumbar)
    if not mapping:
        raise RequirementError("There is no vertebra with a level to shift; name one first.")
    title = f"Shift {len(mapping)} label{'s' if len(mapping) > 1 else ''} one level {direction}"
    replay = {"direction": direction, "thoracic": thoracic, "lumbar": lumbar}
    return moved(ws, mapping, title=title, unchanged="Nothing was shifted.", replay=replay)


def spine_order(ws: Workspace) -> list[int]:
    """The labels of the mask from head to foot."""
    centres = {}
    for value in ws.case.extents.values:
        box, shape = editing.label_shape(ws, value)
        first = np.array([part.start for part in box])
        centres[value] = ws.case.volume.geometry.to_mm(np.argwhere(shape).mean(axis=0) + first)
    return head_to_foot(centres)


def moved(ws: Workspace, mapping: Mapping[int, int], *, title: str, unchanged: str, replay: Mapping[str, Any]) -> OperationResult:
    """What giving labels new values comes to. Raises RequirementError when one of those that change is locked."""
    changing = {old: new for old, new in mapping.items() if old != new}
    if not changing:
        return OperationResult(unchanged, {"labels": {}})
    editing.refuse_locked(ws, *changing, *(new for new in changing.values() if new not in changing))
    pairs = ", ".join(f"{ws.state.label(old).name} to {label_name(new)}" for old, new in changing.items())
    data = {"labels": {str(old): new for old, new in mapping.items()}}
    args = {name: value for name, value in replay.items() if value is not None}
    return OperationResult(f"{title}: {pairs}.", data, state_changes(ws, changing), moved_edit(ws, changing), args, title)


def moved_edit(ws: Workspace, mapping: Mapping[int, int]) -> MaskEdit | None:
    """The edit of the mask, or None where none of the labels has voxels."""
    extents = ws.case.extents
    box = union_box([extents.boxes[value] for value in mapping if value in extents.boxes])
    if box is None:
        return None
    labels = ws.case.mask[tuple(slice(low, high) for low, high in zip(*box, strict=True))]
    table = np.arange(max(int(labels.max()), *mapping.values()) + 1, dtype=np.uint16)
    for old, new in mapping.items():
        if old < len(table):
            table[old] = new
    return block_edit(ws.case.mask, box[0], table[labels])


def state_changes(ws: Workspace, mapping: Mapping[int, int]) -> dict[str, Any]:
    """Prompts, active label and label list after labels have got new values.

    A label's look and progress go with it. Its name does not: a name that says a level would be wrong at the new one.
    """
    state = ws.state
    points = tuple(replace(point, label=mapping.get(point.label, point.label)) for point in state.points)
    boxes = tuple(replace(box, label=mapping.get(box.label, box.label)) for box in state.boxes)
    changes: dict[str, Any] = {"labels": moved_labels(state.labels, mapping)}
    if points != state.points:
        changes["points"] = points
    if boxes != state.boxes:
        changes["boxes"] = boxes
    if state.active_label in mapping:
        changes["active_label"] = mapping[state.active_label]
    return changes


def moved_labels(labels: Sequence[LabelInfo], mapping: Mapping[int, int]) -> tuple[LabelInfo, ...]:
    """The label list with each changed label's look at its new value; what stood there and did not move gives way."""
    by_value = {info.value: info for info in with_labels(tuple(labels), list(mapping))}
    targets = dict.fromkeys(mapping.values())
    kept = [info for value, info in by_value.items() if value not in mapping and value not in targets]
    new = [replace(by_value[old], value=to, name=label_name(to), colour=LabelInfo.of(to).colour) for old, to in mapping.items()]
    merged = [by_value[to] for to in targets if to in by_value and to not in mapping]
    stays = {info.value for info in merged}
    return tuple(kept + merged + [info for info in new if info.value not in stays])


def deleted(ws: Workspace, value: int) -> OperationResult:
    """A label without its mask, its prompts and its entry. Raises RequirementError when it is locked or there is none."""
    state = ws.state
    editing.refuse_locked(ws, value)
    name = state.label(value).name
    known = value in ws.case.extents.values or any(info.value == value for info in state.labels)
    if not known:
        raise RequirementError(f"There is no label {name} to delete.")
    changes: dict[str, Any] = {
        "points": tuple(point for point in state.points if point.label != value),
        "boxes": tuple(box for box in state.boxes if box.label != value),
        "labels": tuple(info for info in state.labels if info.value != value),
    }
    if state.active_label == value:
        changes["active_label"] = UNNAMED_LABEL
        changes["labels"] = with_labels(changes["labels"], [UNNAMED_LABEL])
    edit = moved_edit(ws, {value: 0})
    return OperationResult(f"Deleted {name}.", {"label": value}, changes, edit, title=f"Delete {name}")

"""Labels: which one new masks get, and how they are named, shown and guarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_case
from spinalsam.errors import RequirementError, UsageError
from spinalsam.support.anatomy import label_name, label_value
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

_VALUE = ArgumentSpec("value", "count", required=True, help="label value")


@operation(
    "Set label",
    category="labels",
    requires=(has_case,),
    arguments=(ArgumentSpec("regions", "regions", single=True, required=True, help="the vertebra that new masks belong to"),),
    undoable=True,
    writes=("active_label", "labels"),
)
def set_label(ws: Workspace, job: Job, *, regions: Sequence[str]) -> OperationResult:
    """Choose the vertebra that new masks belong to."""
    from spinalsam.control.state import with_labels

    value = label_value(regions[0])
    if value == ws.state.active_label:
        return OperationResult(f"New masks are {regions[0]} already.")
    changes = {"active_label": value, "labels": with_labels(ws.state.labels, [value])}
    return OperationResult(f"New masks are {regions[0]}.", changes=changes, title=f"New masks are {regions[0]}")


@operation(
    "Rename label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE, ArgumentSpec("name", "text", required=True, help="what is shown for it")),
    undoable=True,
    writes=("labels",),
)
def rename_label(ws: Workspace, job: Job, *, value: int, name: str) -> OperationResult:
    """Show a label under another name; its value stays."""
    return _changed(ws, value, f"Rename {ws.state.label(value).name} to {name}", name=name.strip())


@operation(
    "Recolour label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE, ArgumentSpec("colour", "json", required=True, help="[red, green, blue], 0-255")),
    undoable=True,
    writes=("labels",),
)
def recolour_label(ws: Workspace, job: Job, *, value: int, colour: Any) -> OperationResult:
    """Show a label in another colour."""
    is_colour = isinstance(colour, (list, tuple)) and len(colour) == 3
    if not is_colour or not all(isinstance(part, int) and 0 <= part <= 255 for part in colour):
        raise UsageError(f"A colour is [red, green, blue] with numbers from 0 to 255, not {colour!r}.")
    return _changed(ws, value, f"Recolour {ws.state.label(value).name}", colour=tuple(colour))


@operation(
    "Show label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE, ArgumentSpec("visible", "flag", required=True)),
    undoable=True,
    writes=("labels",),
)
def set_label_visible(ws: Workspace, job: Job, *, value: int, visible: bool) -> OperationResult:
    """Show or hide one label's mask."""
    return _changed(ws, value, f"{'Show' if visible else 'Hide'} {ws.state.label(value).name}", visible=visible)


@operation(
    "Lock label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE, ArgumentSpec("locked", "flag", required=True)),
    undoable=True,
    writes=("labels",),
)
def lock_label(ws: Workspace, job: Job, *, value: int, locked: bool) -> OperationResult:
    """Guard a finished label: nothing paints over it until it is unlocked."""
    return _changed(ws, value, f"{'Lock' if locked else 'Unlock'} {ws.state.label(value).name}", locked=locked)


@operation(
    "Change label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE, ArgumentSpec("to", "count", required=True, help="the label value that it becomes")),
    undoable=True,
    writes=("mask", "points", "boxes", "labels", "active_label"),
)
def change_label(ws: Workspace, job: Job, *, value: int, to: int) -> OperationResult:
    """Give a mask and its prompts another label: 'this one is L3'."""
    from spinalsam.control.masking import relabel
    from spinalsam.control.state import with_labels

    if to > 65535:
        raise UsageError(f"The label value {to} is too large; the largest is 65535.")
    state = ws.state
    for one in (value, to):
        if one in state.locked_values:
            raise RequirementError(f"{state.label(one).name} is locked; unlock it first.")
    edit = relabel(ws, value, to)
    points = tuple(replace(point, label=to) if point.label == value else point for point in state.points)
    boxes = tuple(replace(box, label=to) if box.label == value else box for box in state.boxes)
    changes: dict[str, Any] = {"labels": with_labels(state.labels, [to])}
    if points != state.points:
        changes["points"] = points
    if boxes != state.boxes:
        changes["boxes"] = boxes
    if state.active_label == value:
        changes["active_label"] = to
    if edit is None and len(changes) == 1:
        raise RequirementError(f"There is nothing labelled {state.label(value).name}.")
    title = f"{state.label(value).name} becomes {label_name(to)}"
    return OperationResult(f"{title}.", changes=changes, edit=edit, title=title)


def _changed(ws: Workspace, value: int, title: str, **fields: Any) -> OperationResult:
    """One label shown differently; nothing happens when it is so already."""
    from spinalsam.control.state import with_labels

    labels = with_labels(ws.state.labels, [value])
    changed = tuple(replace(info, **fields) if info.value == value else info for info in labels)
    if changed == ws.state.labels:
        return OperationResult(f"{ws.state.label(value).name} is so already.")
    return OperationResult(f"{title}.", changes={"labels": changed}, title=title)

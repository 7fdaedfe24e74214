"""Labels: which one new masks get, and how they are named, shown and guarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_case
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.anatomy import LABEL_VALUES, label_name, label_value
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
    """Show a label under another name; its value stays. Another level's name is refused: a mask has one level."""
    level = next((known for known in LABEL_VALUES if known.lower() == name.strip().lower()), None)
    number = LABEL_VALUES.get(level or "", value)
    if number != value:
        raise InputError(
            f"{level} is the name of label {number}, and this is label {value}; use 'Change label' to make its mask that, "
            "or 'This one is' to number its neighbours too."
        )
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
    return _changed(ws, value, f"Recolour {ws.state.label(value).name}", colour=_checked_colour(colour))


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
    info = ws.state.label(value)
    # What is unlocked to be changed again is not done any more.
    progress = "in_progress" if not locked and info.progress == "done" else info.progress
    return _changed(ws, value, f"{'Lock' if locked else 'Unlock'} {info.name}", locked=locked, progress=progress)


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
    from spinalsam.control.editing import checked_label, refuse_locked
    from spinalsam.control.relabelling import moved_edit, state_changes

    state = ws.state
    refuse_locked(ws, value, checked_label(to))
    if value == to:
        return OperationResult(f"{state.label(value).name} is {label_name(to)} already.")
    edit, changes = moved_edit(ws, {value: to}), state_changes(ws, {value: to})
    if edit is None and set(changes) == {"labels"}:
        raise RequirementError(f"There is nothing labelled {state.label(value).name}.")
    title = f"{state.label(value).name} becomes {label_name(to)}"
    return OperationResult(f"{title}.", changes=changes, edit=edit, title=title)


@operation(
    "Add label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("value", "count", help="label value; the first unused one"),
        ArgumentSpec("name", "text", help="what is shown for it"),
        ArgumentSpec("colour", "json", help="[red, green, blue], 0-255"),
    ),
    undoable=True,
    writes=("labels", "active_label"),
)
def add_label(ws: Workspace, job: Job, *, value: int | None = None, name: str | None = None, colour: Any = None) -> OperationResult:
    """Make a label of your own; new masks get it."""
    from spinalsam.control.editing import checked_label, free_label
    from spinalsam.control.state import LabelInfo

    given = free_label(ws) if value is None else checked_label(value)
    known = {info.value: info for info in ws.state.labels}
    if given in known and given in ws.case.extents.values:
        raise UsageError(f"The label value {given} is in use: {known[given].name}; choose another one.")
    plain = LabelInfo.of(given)
    info = replace(plain, name=(name or plain.name).strip(), colour=plain.colour if colour is None else _checked_colour(colour))
    labels = (*(other for other in ws.state.labels if other.value != given), info)
    args = {"value": given, "name": info.name, "colour": list(info.colour)}
    title = f"Add {info.name}" if info.name == plain.name else f"Add label {info.name}"
    changes = {"labels": labels, "active_label": given}
    return OperationResult(f"New masks are {info.name} ({given}).", {"label": given}, changes, replay_args=args, title=title)


@operation(
    "Use label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE,),
    undoable=True,
    writes=("active_label", "labels"),
)
def use_label(ws: Workspace, job: Job, *, value: int) -> OperationResult:
    """Let new masks and edits belong to a label, also one of your own."""
    from spinalsam.control.editing import checked_label
    from spinalsam.control.state import with_labels

    name = ws.state.label(checked_label(value)).name
    if value == ws.state.active_label:
        return OperationResult(f"New masks are {name} already.")
    changes = {"active_label": value, "labels": with_labels(ws.state.labels, [value])}
    return OperationResult(f"New masks are {name}.", changes=changes, title=f"New masks are {name}")


@operation(
    "Delete label",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE,),
    undoable=True,
    destructive=True,
    writes=("mask", "points", "boxes", "labels", "active_label"),
)
def delete_label(ws: Workspace, job: Job, *, value: int) -> OperationResult:
    """Take a label away with its mask and its prompts."""
    from spinalsam.control.relabelling import deleted

    return deleted(ws, value)


@operation(
    "Label progress",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(_VALUE, ArgumentSpec("progress", "choice", required=True, choices=("open", "in_progress", "done"), help="done locks it")),
    undoable=True,
    writes=("labels",),
)
def set_label_progress(ws: Workspace, job: Job, *, value: int, progress: str) -> OperationResult:
    """Mark a label as open, in progress or done; a label that is done is locked."""
    name = ws.state.label(value).name
    return _changed(ws, value, f"{name} is {progress.replace('_', ' ')}", progress=progress, locked=progress == "done")


@operation(
    "Label style",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("value", "count", help="label value; all labels"),
        ArgumentSpec("opacity", "number", help="of the filled area, 0 to 1"),
        ArgumentSpec("drawn", "choice", choices=("both", "fill", "outline"), help="filled, as an outline, or both"),
    ),
    one_of=("opacity", "drawn"),
    undoable=True,
    writes=("labels",),
)
def style_label(
    ws: Workspace, job: Job, *, value: int | None = None, opacity: float | None = None, drawn: str | None = None
) -> OperationResult:
    """Draw a label, or all, filled, as an outline or both, and more or less opaque."""
    if opacity is not None and not 0 <= opacity <= 1:
        raise UsageError(f"The opacity is between 0 and 1, not {opacity:g}.")
    fields = {**({"opacity": float(opacity)} if opacity is not None else {}), **({"drawn": drawn} if drawn is not None else {})}
    title = f"Style of {'all labels' if value is None else ws.state.label(value).name}"
    return _changed(ws, value, title, **fields)


def _checked_colour(colour: Any) -> tuple[int, int, int]:
    """Raises UsageError for what is no colour."""
    is_colour = isinstance(colour, (list, tuple)) and len(colour) == 3
    if not is_colour or not all(isinstance(part, int) and 0 <= part <= 255 for part in colour):
        raise UsageError(f"A colour is [red, green, blue] with numbers from 0 to 255, not {colour!r}.")
    red, green, blue = colour
    return red, green, blue


def _changed(ws: Workspace, value: int | None, title: str, **fields: Any) -> OperationResult:
    """One label (or all, without a value) shown differently; nothing happens when it is so already."""
    from spinalsam.control.state import with_labels

    labels = ws.state.labels if value is None else with_labels(ws.state.labels, [value])
    changed = tuple(replace(info, **fields) if value in (None, info.value) else info for info in labels)
    if changed == ws.state.labels:
        return OperationResult(f"{'All labels are' if value is None else ws.state.label(value).name + ' is'} so already.")
    return OperationResult(f"{title}.", changes={"labels": changed}, title=title)

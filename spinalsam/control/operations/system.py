"""Undo and redo, the machine, the model, and help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.requirements import can_redo, can_undo, has_case
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

_COUNT = ArgumentSpec("count", "count", help="how many steps; 1")


@operation("Undo", category="edit", shortcut="Ctrl+Z", requires=(can_undo,), arguments=(_COUNT,), writes=("history",))
def undo(ws: Workspace, job: Job, *, count: int = 1) -> OperationResult:
    """Take back the last step, or several."""
    return _walk("undo", ws.undo_titles, count)


@operation("Redo", category="edit", shortcut="Ctrl+Shift+Z", requires=(can_redo,), arguments=(_COUNT,), writes=("history",))
def redo(ws: Workspace, job: Job, *, count: int = 1) -> OperationResult:
    """Bring back the last step that was taken back, or several."""
    return _walk("redo", ws.redo_titles, count)


def _walk(direction: str, titles: tuple[str, ...], count: int) -> OperationResult:
    walked = titles[:count]
    short = f" There were only {len(walked)}." if len(walked) < count else ""
    message = f"{'Undone' if direction == 'undo' else 'Redone'}: {', '.join(walked)}.{short}"
    return OperationResult(
        message,
        {"steps": list(walked)},
        {"history": (direction, len(walked))},
        replay_args={"count": len(walked)},
    )


@operation("GPU status", category="other", background=True)
def gpu_status(ws: Workspace, job: Job) -> OperationResult:
    """Say which processors there are and which one is used."""
    from spinalsam.control.machine import device_status

    return device_status(ws)


@operation("Verify parameters", category="other", background=True)
def verify_parameters(ws: Workspace, job: Job) -> OperationResult:
    """Check that the checkpoint matches the model."""
    from spinalsam.control.machine import verify_model

    return verify_model(ws)


@operation(
    "Precompute this case",
    category="image",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("action", "choice", choices=("start", "pause", "resume", "stop"), help="what to do with it; start"),
        ArgumentSpec("plane", "choice", choices=("axial", "sagittal", "coronal"), help="plane of the slices; the shown one"),
    ),
    presets=tuple(Preset(f"{name.capitalize()} precomputing", {"action": name}) for name in ("start", "pause", "resume", "stop")),
)
def precompute(ws: Workspace, job: Job, *, action: str = "start", plane: str | None = None) -> OperationResult:
    """Encode all slices of a plane in the background, so that no click has to wait for the network's slow half."""
    from spinalsam.control.machine import precompute_case

    return precompute_case(ws, action, plane or ws.state.view.active_plane)


@operation("Help", category="other", shortcut="F1")
def help(ws: Workspace, job: Job) -> OperationResult:
    """Say what can be done."""
    from spinalsam.control.keys import entries_of
    from spinalsam.control.operations import OPERATIONS

    spoken = [item for item in OPERATIONS if item.spec.spoken]
    categories = list(dict.fromkeys(item.spec.category for item in spoken))
    lines = [
        f"{category.capitalize()}: " + ", ".join(item.spec.title for item in spoken if item.spec.category == category) + "."
        for category in categories
    ]
    data = {
        "operations": [
            {
                "op": item.name,
                "title": item.spec.title,
                "help": item.spec.help,
                "shortcut": "".join(entries_of(item)[0].chosen(ws.settings.shortcuts)),
                "missing": item.missing(ws),
            }
            for item in spoken
        ]
    }
    return OperationResult("\n".join(lines), data)

"""What the machine and the model say about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult
from spinalsam.errors import ModelError, RequirementError

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace


def device_status(ws: Workspace) -> OperationResult:
    """The processors there are and the one that is used."""
    from spinalsam.device.manager import report

    found = report(ws.settings.device)
    return OperationResult(str(found["summary"]), found)


def verify_model(ws: Workspace) -> OperationResult:
    """Compare the model's checkpoint with its recorded checksum and every parameter with the architecture.

    A network that was handed to the workspace has no files; it is named with its checksum. Raises ModelError when the weights are
    missing, damaged or do not fit.
    """
    given = ws.given_segmenter
    if given is not None:
        message = f"The network '{given.name}' was given by the program that runs this; its checksum is {given.checksum[:16]}."
        return OperationResult(message, {"model": given.name, "checksum": given.checksum})
    from spinalsam.engine.models import verify

    found = verify(ws.settings.model)
    if not found.ok:
        raise ModelError(f"{found.summary} Get the weights again, or choose another model.")
    return OperationResult(found.summary, found.to_json())


def precompute_case(ws: Workspace, action: str, plane: str) -> OperationResult:
    """Start, pause, resume or stop encoding a whole case in the background. Its progress is `ws.ahead.precomputation.job`.

    Raises RequirementError when nothing is under way that could be paused, resumed or stopped.
    """
    if action == "start":
        loaded = ws.loaded_segmenter
        if loaded is not None and getattr(loaded, "encodes_windows", False):
            return OperationResult(f"'{loaded.name}' needs no precomputing: it looks at small windows, and only when they are asked for.")
        case = ws.ahead.precompute(plane)
        return OperationResult(f"Precomputing {case.total} {plane} slices in the background.", {"slices": case.total})
    found = ws.ahead.precomputation
    if found is None or found.job.done:
        raise RequirementError("No case is being precomputed; start it first.")
    if action == "stop":
        ws.ahead.stop()
    else:
        ws.ahead.pause(action == "pause")
    return OperationResult(found.sentence, {"done": found.done, "slices": found.total})


def program_facts(ws: Workspace) -> dict[str, Any]:
    """Version, model with checksum and figures, device, licence and where things are kept, as texts."""
    from spinalsam import __version__
    from spinalsam.device.manager import report
    from spinalsam.settings import cache_dir, data_dir, settings_path

    given = ws.given_segmenter
    facts: dict[str, Any] = {"version": __version__, "device": str(report(ws.settings.device)["summary"]), "licence": "GPL-3.0-or-later"}
    if given is not None:
        facts |= {"model": given.name, "checksum": given.checksum, "verified": ""}
    else:
        from spinalsam.engine.models import verify

        found = verify(ws.settings.model)
        facts |= {"model": found.name, "checksum": found.sha256, "verified": found.summary}
    folders = {"settings": settings_path().parent, "journals": data_dir(ws.settings), "cache": cache_dir()}
    return facts | {name: str(path) for name, path in folders.items()}

"""What the machine and the model say about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult
from spinalsam.errors import ModelError

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

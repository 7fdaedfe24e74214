"""What made a mask, as its sidecar and the journal tell it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

# What a sidecar must not carry along: paths and texts could name the patient, and prompts have a list of their own.
_KEPT_BACK = frozenset({"text", "json"})


def locator_identity() -> dict[str, str]:
    """Name and checksum of the network that finds vertebrae, and the precision in which it computes here.

    Raises ModelError without its weights.
    """
    from spinalsam.engine.locator_net import precision

    return {**_locator_weights(), "precision": precision()}


@lru_cache(maxsize=1)
def _locator_weights() -> dict[str, str]:
    from spinalsam.engine import cards

    card = cards.locator_card()
    return {"name": card.name, "checksum": cards.checksum(card)}


def sidecar(ws: Workspace) -> dict[str, Any]:
    """What goes with a mask beside the labels' names: prompts, model, locator, the steps that painted, and the image it belongs to."""
    segmenter = ws.loaded_segmenter
    painted = [step for step in ws.case.history.done if step.edit is not None]
    return {
        "prompts": [prompt.to_json() for prompt in ws.case.slice_masks.prompts],
        "model": {"name": segmenter.name, "checksum": segmenter.checksum} if segmenter is not None else None,
        "locator": locator_identity() if any(step.located for step in painted) else None,
        "steps": [{"title": step.title, **_call(step.call)} for step in painted],
        "image": {
            "fingerprint": ws.case.fingerprint,
            "size": list(ws.case.volume.geometry.shape),
            **({"resampled": True} if ws.case.resampled else {}),
        },
    }


def _call(call: Any) -> dict[str, Any]:
    """The operation of a step with what was said of it, without paths and texts."""
    if call is None:
        return {}
    from spinalsam.control.operations import find

    spec = find(call.op).spec
    kinds = {argument.name: argument.kind for argument in spec.arguments}
    return {"op": call.op, "args": {name: value for name, value in call.args.items() if kinds.get(name) not in _KEPT_BACK}}

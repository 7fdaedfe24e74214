"""What the parser makes of a sentence, in the form in which tests write it down."""

from __future__ import annotations

from typing import Any

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language import parse

Calls = list[tuple[str, dict[str, Any]]]


def understood(text: str, **hints: Any) -> Calls:
    """(operation, arguments) of each call. hints: as `parse` takes them."""
    return [(call.op, dict(call.args)) for call in parse(text, SPOKEN_SPECS, hints).calls]

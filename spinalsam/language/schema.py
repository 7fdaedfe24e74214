"""What the offline parser and a language model share: the result of reading a sentence, and the operations as a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spinalsam.language.residue import Residue
from spinalsam.support.anatomy import REGIONS
from spinalsam.support.calls import ArgumentSpec, OperationCall, OperationSpec

# Below this confidence a reading is asked about before it runs.
SURE = 0.6
# Arguments that windows and scripts give and nobody says.
_NOT_SAID = frozenset({"series_uid", "resample", "value", "refine", "overwrite"})


@dataclass(frozen=True)
class ParseResult:
    """How a sentence was understood.

    calls: in the order in which they should run; empty where nothing was asked for. confidence: 0-1; below SURE a view asks.
    explanation: which words gave which call, or what was left over. alternatives: other readings, best first. source: "local" or
    "deepseek". ms: time taken. residue: how much of the sentence a command does not account for.
    """

    calls: tuple[OperationCall, ...] = ()
    confidence: float = 1.0
    explanation: str = ""
    alternatives: tuple[tuple[OperationCall, ...], ...] = ()
    source: str = "local"
    ms: float = 0.0
    residue: Residue = field(default_factory=Residue, kw_only=True)

    def to_json(self, text: str) -> dict[str, Any]:
        """The line of ``spinalsam parse``."""
        return {"text": text, "calls": [call.to_json() for call in self.calls], "source": self.source, "ms": round(self.ms, 3)}


def argument_schema(argument: ArgumentSpec) -> dict[str, Any]:
    """JSON schema of one argument."""
    number = {"type": "number"}
    region = {"type": "string", "enum": list(REGIONS)}
    by_kind: dict[str, dict[str, Any]] = {
        "text": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 1},
        "number": number,
        "flag": {"type": "boolean"},
        "choice": {"type": "string", "enum": list(argument.choices)},
        "regions": {"type": "array", "items": region, "minItems": 1, **({"maxItems": 1} if argument.single else {})},
        "pixels": {"type": "array", "items": {"type": "array", "items": number, "minItems": 2, "maxItems": 2}, "minItems": 1},
        "corners": {"type": "array", "items": number, "minItems": 4, "maxItems": 4},
        "ijk": {"type": "array", "items": number, "minItems": 3, "maxItems": 3},
        "json": {},
    }
    return {**by_kind[argument.kind], **({"description": argument.help} if argument.help else {})}


def sayable(spec: OperationSpec) -> list[ArgumentSpec]:
    """The arguments that a sentence can state; the others are the program's own."""
    return [argument for argument in spec.arguments if argument.kind != "json" and argument.name not in _NOT_SAID]


def call_schema(specs: Mapping[str, OperationSpec]) -> dict[str, Any]:
    """JSON schema of a list of calls, generated from the registry's spoken operations."""
    variants = [
        {
            "type": "object",
            "properties": {
                "op": {"const": spec.name, "description": spec.help},
                "args": {
                    "type": "object",
                    "properties": {argument.name: argument_schema(argument) for argument in sayable(spec)},
                    "required": [argument.name for argument in spec.arguments if argument.required],
                    "additionalProperties": False,
                },
            },
            "required": ["op", "args"],
            "additionalProperties": False,
        }
        for spec in specs.values()
        if spec.spoken
    ]
    return {"type": "array", "items": {"oneOf": variants}}

"""Operations as plain data: what may be called with which arguments, and one call of one of them.

The registry itself (what an operation does) is `spinalsam.control.operations`. This page holds only its describable part,
so that the language layer, the command line and the window share one validation without knowing the controller.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spinalsam.errors import UsageError
from spinalsam.support.anatomy import REGIONS

# What an argument may hold:
#   text      a non-empty string                       number  a finite float
#   count     an int >= 1                              flag    true or false
#   choice    one of `choices`                         regions a non-empty list of canonical region names
#   pixels    a non-empty list of [x, y]               corners [x0, y0, x1, y1] pixels
#   ijk       [i, j, k]      json    any JSON value (internal operations only)
KINDS = ("text", "count", "number", "flag", "choice", "regions", "pixels", "corners", "ijk", "json")


@dataclass(frozen=True)
class ArgumentSpec:
    """One argument of an operation. `single` restricts `regions` to exactly one name."""

    name: str
    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    single: bool = False
    help: str = ""


@dataclass(frozen=True)
class OperationSpec:
    """The describable part of an operation.

    spoken: whether a sentence may ask for it; the others are reached by the pointer, menus and scripts only.
    destructive: whether chat asks before it runs. one_of: at least one of these arguments must be given.
    """

    name: str
    category: str
    title: str
    help: str
    arguments: tuple[ArgumentSpec, ...] = ()
    spoken: bool = True
    destructive: bool = False
    one_of: tuple[str, ...] = ()

    def argument(self, name: str) -> ArgumentSpec | None:
        return next((argument for argument in self.arguments if argument.name == name), None)


@dataclass(frozen=True)
class OperationCall:
    """One operation with the arguments that were stated, as in ``{"op": "add_points", "args": {"count": 3}}``."""

    op: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"op": self.op, "args": dict(self.args)}

    @classmethod
    def from_json(cls, value: Any) -> OperationCall:
        """Raises UsageError when the value is not ``{"op": text, "args": object}``."""
        if not isinstance(value, dict) or not isinstance(value.get("op"), str) or set(value) - {"op", "args"}:
            raise UsageError('A call is {"op": name, "args": {...}}.')
        args = value.get("args", {})
        if not isinstance(args, dict):
            raise UsageError(f"The arguments of '{value['op']}' must be an object.")
        return cls(value["op"], args)


def suggest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """`` Did you mean 'x'?`` for the closest known word, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


def validate_call(call: OperationCall, specs: Mapping[str, OperationSpec]) -> OperationSpec:
    """The call's specification, once the call is known to fit it.

    Raises UsageError for an unknown operation or argument, a missing one, or a value of the wrong kind or range.
    """
    spec = specs.get(call.op)
    if spec is None:
        raise UsageError(f"There is no operation '{call.op}'.{suggest(call.op, list(specs))}")
    names = [argument.name for argument in spec.arguments]
    for name, value in call.args.items():
        argument = spec.argument(name)
        if argument is None:
            takes = ", ".join(names) if names else "no arguments"
            raise UsageError(f"'{spec.name}' has no argument '{name}' (it takes {takes}).{suggest(name, names)}")
        problem = _problem(argument, value)
        if problem:
            raise UsageError(f"'{name}' of '{spec.name}' must be {problem}, not {value!r}.")
    missing = [argument.name for argument in spec.arguments if argument.required and argument.name not in call.args]
    if missing:
        raise UsageError(f"'{spec.name}' needs '{missing[0]}'.")
    if spec.one_of and not any(name in call.args for name in spec.one_of):
        raise UsageError(f"'{spec.name}' needs one of {', '.join(spec.one_of)}.")
    return spec


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value and abs(value) < 1e12


def _is_numbers(value: Any, length: int) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == length and all(_is_number(item) for item in value)


def _problem(argument: ArgumentSpec, value: Any) -> str:
    """What the value should have been, or an empty string when it is right."""
    fits = {
        "text": lambda: isinstance(value, str) and bool(value.strip()),
        "count": lambda: isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000,
        "number": lambda: _is_number(value),
        "flag": lambda: isinstance(value, bool),
        "choice": lambda: value in argument.choices,
        "regions": lambda: (
            isinstance(value, (list, tuple))
            and len(value) > 0
            and all(isinstance(name, str) and name in REGIONS for name in value)
            and (not argument.single or len(value) == 1)
        ),
        "pixels": lambda: isinstance(value, (list, tuple)) and len(value) > 0 and all(_is_numbers(p, 2) for p in value),
        "corners": lambda: _is_numbers(value, 4),
        "ijk": lambda: _is_numbers(value, 3),
        "json": lambda: True,
    }
    if fits[argument.kind]():
        return ""
    return {
        "text": "a non-empty text",
        "count": "a whole number of at least 1",
        "number": "a number",
        "flag": "true or false",
        "choice": "one of " + ", ".join(argument.choices),
        "regions": "a list with one region name" if argument.single else "a list of region names such as L3 or lumbar",
        "pixels": "a list of [x, y] pixel pairs",
        "corners": "four pixel numbers [x0, y0, x1, y1]",
        "ijk": "three voxel indices [i, j, k]",
    }[argument.kind]

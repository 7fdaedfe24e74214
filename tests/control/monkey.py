"""Random calls of every operation that works on an open case, made from the operations' own descriptions."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

from spinalsam.control.operation import Operation
from spinalsam.control.operations import OPERATIONS
from spinalsam.control.workspace import Workspace
from spinalsam.support.calls import ArgumentSpec

# What opens and closes cases, reads and writes files, asks the machine, or needs a file to begin with.
_OUTSIDE = frozenset(
    "open_image clear_image restore_case keep_journal list_cases open_listed mark_case prompt_mask segment load_mask export_mask "
    "save_measurements save_picture save_label_table compare_mask gpu_status verify_parameters precompute about help".split()
)
WORKING = tuple(operation for operation in OPERATIONS if operation.name not in _OUTSIDE)
# Prompts and masks come often, so that there is something to work on.
_OFTEN = ("add_points", "add_box", "generate_point_mask", "generate_box_mask", "set_label", "brush", "undo", "redo")


def random_call(rng: random.Random, ws: Workspace) -> tuple[str, dict[str, Any]]:
    """An operation and arguments of the right kinds; whether they make sense is for the operation to say."""
    by_name = {operation.name: operation for operation in WORKING}
    operation = by_name[rng.choice(_OFTEN)] if rng.random() < 0.4 else rng.choice(WORKING)
    return operation.name, _arguments(rng, ws, operation)


def _arguments(rng: random.Random, ws: Workspace, operation: Operation) -> dict[str, Any]:
    spec = operation.spec
    given = {one.name for one in spec.arguments if one.required or rng.random() < 0.5}
    if spec.one_of:
        given.add(rng.choice(spec.one_of))
    return {one.name: _value(rng, ws, one) for one in spec.arguments if one.name in given and one.kind != "json"}


def _value(rng: random.Random, ws: Workspace, argument: ArgumentSpec) -> Any:
    rows, columns = ws.plane().shape
    at = lambda: [rng.randrange(columns), rng.randrange(rows)]  # noqa: E731
    if argument.kind == "count":
        labels = [info.value for info in ws.state.labels]
        if argument.name in ("value", "to", "into", "other", "label"):
            return rng.choice(labels) if rng.random() < 0.7 else rng.randrange(1, 29)
        return rng.randrange(1, 12)
    if argument.kind == "regions":
        names = ["L1", "L2", "L3", "L4", "lumbar"]
        return [rng.choice(names)] if argument.single or rng.random() < 0.7 else rng.sample(names, 2)
    return {
        "text": lambda: rng.choice(("L3 broken", "骨水泥", "a\nb")),
        "number": lambda: rng.choice((0, 1, 2.5, 8, -3, 400)),
        "flag": lambda: rng.random() < 0.5,
        "choice": lambda: rng.choice(argument.choices),
        "pixels": lambda: [at() for _ in range(rng.randrange(1, 6))],
        "corners": lambda: [*at(), *at()],
        "ijk": lambda: [rng.randrange(n) for n in ws.case.volume.geometry.shape],
    }[argument.kind]()


def everything(ws: Workspace) -> dict[str, Any]:
    """All of a case that its journal must bring back; candidates and what was measured last are no part of it."""
    passing = ("candidates", "figures")
    state = {field.name: getattr(ws.state, field.name) for field in fields(ws.state) if field.name not in passing}
    return {"mask": ws.mask.tobytes(order="F"), "type": ws.mask.dtype.name, "undo": ws.undo_titles, "redo": ws.redo_titles, **state}

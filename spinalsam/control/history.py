"""The undo history: each step is what it changed, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spinalsam.control.packing import PackedEdit


@dataclass(frozen=True)
class Step:
    """One undoable step. before, after: values of the changed state fields. edit: its change of the mask."""

    title: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    edit: PackedEdit | None = None


@dataclass
class History:
    """Steps that were done and steps that were undone; a new step forgets the undone ones."""

    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)

    def push(self, step: Step) -> None:
        self.done.append(step)
        self.undone.clear()

    def undo(self) -> Step:
        step = self.done.pop()
        self.undone.append(step)
        return step

    def redo(self) -> Step:
        step = self.undone.pop()
        self.done.append(step)
        return step

    @property
    def undo_titles(self) -> tuple[str, ...]:
        """Next first."""
        return tuple(step.title for step in reversed(self.done))

    @property
    def redo_titles(self) -> tuple[str, ...]:
        """Next first."""
        return tuple(step.title for step in reversed(self.undone))

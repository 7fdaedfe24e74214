"""The undo history: each step is what it changed, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spinalsam.control.packing import PackedEdit
from spinalsam.control.slice_masks import SliceMasks
from spinalsam.control.spill import SpilledEdit, SpillFile
from spinalsam.support.calls import OperationCall

# Many thousand strokes; a change of a whole spine takes some 100 kB.
MEMORY_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Step:
    """One undoable step. before, after: values of the changed state fields. edit: its change of the mask.

    call: what was asked for. located: whether the locator had a part in it. slice_masks: what prompts had painted, before and after.
    """

    title: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    edit: PackedEdit | SpilledEdit | None = None
    call: OperationCall | None = None
    located: bool = False
    slice_masks: tuple[SliceMasks, SliceMasks] = (SliceMasks(), SliceMasks())

    @property
    def nbytes(self) -> int:
        """What its change of the mask takes of the memory."""
        return self.edit.nbytes if self.edit is not None else 0


@dataclass
class History:
    """Steps that were done and steps that were undone; a new step forgets the undone ones.

    memory_bytes: how much the changes of the mask may take together; the oldest ones are put on disk beyond that.
    """

    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)
    memory_bytes: int = MEMORY_BYTES
    _held: int = 0
    _spill: SpillFile = field(default_factory=SpillFile)

    def push(self, step: Step) -> None:
        self._held += step.nbytes - sum(old.nbytes for old in self.undone)
        self.done.append(step)
        self.undone.clear()
        if self._held > self.memory_bytes:
            self._spill_oldest()

    @property
    def nbytes(self) -> int:
        """What the changes of the mask take of the memory."""
        return self._held

    def close(self) -> None:
        """Let go of what lies on disk; nothing can be undone after."""
        self._spill.close()

    def _spill_oldest(self) -> None:
        for number, step in enumerate(self.done):
            if self._held <= self.memory_bytes:
                return
            if isinstance(step.edit, PackedEdit):
                try:
                    self.done[number] = replace(step, edit=self._spill.put(step.edit))
                except OSError:
                    return  # no room on the disk either: the memory has to hold it
                self._held -= step.nbytes

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

"""What earlier generations painted on each slice, so that a corrective click replaces its own mask.

A negative click has to take pixels away again. The label map alone cannot tell which pixels came from the prompt that is now
refined, so this is remembered, compressed, beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.packing import PackedArray
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import Prompt


@dataclass(frozen=True)
class SliceMask:
    """What one prompt painted on its slice.

    mask: (rows, columns) bool. base: the slice's labels just before it was painted.
    """

    ref: SliceRef
    prompt: Prompt
    mask: PackedArray
    base: PackedArray

    def is_refined_by(self, prompt: Prompt) -> bool:
        """Whether the prompt asks again for the same thing: with the same box or a common point. Its label may have been renamed since."""
        same_box = prompt.box is not None and prompt.box == self.prompt.box
        return same_box or bool(set(prompt.points).intersection(self.prompt.points))

    def taken_back(self, labels: NDArray[np.unsignedinteger], value: int, locked: Collection[int]) -> NDArray[np.unsignedinteger]:
        """The slice's labels (rows, columns) with this mask, which has the label `value` now, removed where it is still there.

        What was under it comes back, but no label that is locked, and nothing once labels have got new values: the old ones may
        stand for other vertebrae now.
        """
        where = self.mask.array() & (labels == value)
        base = self.base.array()[where]
        base[np.isin(base, list(locked))] = 0
        restored = labels.copy()
        restored[where] = base if value == self.prompt.label else 0
        return restored


@dataclass
class SliceMasks:
    """The masks that prompts have painted, by slice."""

    _masks: dict[SliceRef, tuple[SliceMask, ...]] = field(default_factory=dict)

    def on(self, ref: SliceRef) -> tuple[SliceMask, ...]:
        """In the order in which they were painted."""
        return self._masks.get(ref, ())

    def remember(self, mask: SliceMask) -> None:
        """Keep it in place of those that it refines."""
        others = tuple(old for old in self.on(mask.ref) if not old.is_refined_by(mask.prompt))
        self._masks[mask.ref] = (*others, mask)

    @property
    def all(self) -> tuple[SliceMask, ...]:
        """Slice by slice, in the order in which they were painted."""
        return tuple(mask for masks in self._masks.values() for mask in masks)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts that have painted, slice by slice."""
        return tuple(mask.prompt for mask in self.all)

    def knows(self, ref: SliceRef, prompt: Prompt) -> bool:
        """Whether exactly this prompt has painted already, under whichever label."""
        return any(replace(old.prompt, label=prompt.label) == prompt for old in self.on(ref))

    def under(self, ref: SliceRef, prompts: Sequence[Prompt], labels: NDArray, locked: Collection[int]) -> NDArray:
        """The slice's labels (rows, columns) on which these prompts paint: without what they painted before."""
        for old in reversed(self.on(ref)):
            for prompt in prompts:
                if old.is_refined_by(prompt):
                    labels = old.taken_back(labels, prompt.label, locked)
        return labels

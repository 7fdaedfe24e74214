"""What earlier generations painted on each slice, so that a corrective click replaces its own mask.

A negative click has to take pixels away again. The label map alone cannot tell which pixels came from the prompt that is now
refined, so this is remembered, compressed, beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.packing import PackedArray
from spinalsam.control.state import PlacedBox, PlacedPoint
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import Prompt


@dataclass(frozen=True)
class SliceMask:
    """What one prompt painted on its slice.

    mask: (rows, columns) bool. base: the slice's labels just before it was painted; None once labels have got new values, since what
    was there may stand for another vertebra now. gone: label values that were taken away altogether since; they do not come back from
    under the mask.
    """

    ref: SliceRef
    prompt: Prompt
    mask: PackedArray
    base: PackedArray | None
    gone: tuple[int, ...] = ()

    def is_refined_by(self, prompt: Prompt) -> bool:
        """Whether the prompt asks again for the same thing: for the same label with the same box or a common point."""
        if prompt.label != self.prompt.label:
            return False
        same_box = prompt.box is not None and prompt.box == self.prompt.box
        return same_box or bool(set(prompt.points).intersection(self.prompt.points))

    def taken_back(self, labels: NDArray[np.unsignedinteger], locked: Collection[int]) -> NDArray[np.unsignedinteger]:
        """The slice's labels (rows, columns) with this mask removed where it is still what was painted.

        What was under it comes back, but for labels that are locked or gone.
        """
        where = self.mask.array() & (labels == self.prompt.label)
        restored = labels.copy()
        restored[where] = 0
        if self.base is not None:
            base = self.base.array()
            back = where & ~np.isin(base, [*locked, *self.gone])
            restored[back] = base[back]
        return restored

    def renamed(self, values: Mapping[int, int]) -> SliceMask:
        """The same once labels have got new values."""
        return replace(self, prompt=replace(self.prompt, label=values.get(self.prompt.label, self.prompt.label)), base=None)


@dataclass(frozen=True)
class SliceMasks:
    """The masks that prompts have painted, by slice. It never changes, so that a step of the history can go back to an earlier one."""

    _masks: Mapping[SliceRef, tuple[SliceMask, ...]] = field(default_factory=dict)

    def on(self, ref: SliceRef) -> tuple[SliceMask, ...]:
        """In the order in which they were painted."""
        return self._masks.get(ref, ())

    def with_mask(self, mask: SliceMask) -> SliceMasks:
        """With this one in place of those that it refines."""
        others = tuple(old for old in self.on(mask.ref) if not old.is_refined_by(mask.prompt))
        return SliceMasks({**self._masks, mask.ref: (*others, mask)})

    def with_labels(self, before: Sequence[PlacedPoint | PlacedBox], after: Sequence[PlacedPoint | PlacedBox]) -> SliceMasks:
        """Once prompts may have got other labels: those that have painted are known under the new ones."""
        values = {old.label: new.label for old, new in zip(before, after, strict=False) if old.label != new.label}
        return self._each(lambda mask: mask.renamed(values)) if values and len(before) == len(after) else self

    def without(self, values: Sequence[int]) -> SliceMasks:
        """Once labels were taken away altogether: nothing of them comes back from under these masks."""
        return self._each(lambda mask: replace(mask, gone=tuple(dict.fromkeys((*mask.gone, *values))))) if values else self

    def _each(self, change: Callable[[SliceMask], SliceMask]) -> SliceMasks:
        return SliceMasks({ref: tuple(map(change, masks)) for ref, masks in self._masks.items()})

    @property
    def all(self) -> tuple[SliceMask, ...]:
        """Slice by slice, in the order in which they were painted."""
        return tuple(mask for masks in self._masks.values() for mask in masks)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts that have painted, slice by slice."""
        return tuple(mask.prompt for mask in self.all)

    def knows(self, ref: SliceRef, prompt: Prompt) -> bool:
        """Whether exactly this prompt has painted already."""
        return any(old.prompt == prompt for old in self.on(ref))

    def under(self, ref: SliceRef, prompts: Sequence[Prompt], labels: NDArray, locked: Collection[int]) -> NDArray:
        """The slice's labels (rows, columns) on which these prompts paint: without what they painted before."""
        for old in reversed(self.on(ref)):
            if any(old.is_refined_by(prompt) for prompt in prompts):
                labels = old.taken_back(labels, locked)
        return labels

"""How many voxels each label has and where they lie at most, kept up to date edit by edit, so that nothing scans the whole volume."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.painting import Box, bounding_box, union_box

Labels = NDArray[np.unsignedinteger]


@dataclass
class LabelExtents:
    """counts: voxels of each label that has some. boxes: (first voxel, first voxel beyond) that hold all of a label; they may be
    larger than needed, never smaller."""

    counts: dict[int, int] = field(default_factory=dict)
    boxes: dict[int, Box] = field(default_factory=dict)

    def follow(self, lower_ijk: tuple[int, int, int], before: Labels, after: Labels) -> None:
        """A block of the label map [i, j, k] that began at `lower_ijk` has been replaced."""
        lost, won = _changed_counts(before, after)
        i, j, k = (low + n for low, n in zip(lower_ijk, after.shape, strict=True))
        box = (lower_ijk, (i, j, k))
        for value in np.flatnonzero(lost).tolist():
            self.counts[value] = self.counts.get(value, 0) - int(lost[value])
        for value in np.flatnonzero(won).tolist():
            self.counts[value] = self.counts.get(value, 0) + int(won[value])
            self.boxes[value] = union_box([self.boxes.get(value, box), box]) or box
        self.counts.pop(0, None)
        self.boxes.pop(0, None)
        for value in [value for value, count in self.counts.items() if count <= 0]:
            del self.counts[value]
            self.boxes.pop(value, None)

    def box_of(self, mask: Labels, value: int) -> tuple[slice, slice, slice] | None:
        """The smallest box of a label in the label map that is followed, or None where the label has no voxels."""
        known = self.boxes.get(value)
        if known is None:
            return None
        lower, upper = known
        outer = tuple(slice(low, high) for low, high in zip(lower, upper, strict=True))
        inner = bounding_box(mask[outer] == value)
        if inner is None:
            return None
        i, j, k = (slice(low + part.start, low + part.stop) for low, part in zip(lower, inner, strict=True))
        self.boxes[value] = ((i.start, j.start, k.start), (i.stop, j.stop, k.stop))
        return i, j, k

    @property
    def values(self) -> list[int]:
        """The labels that have voxels, ascending."""
        return sorted(self.counts)


def _changed_counts(before: Labels, after: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of the voxels that differ had each value, and how many have it now; a slab at a time, which keeps memory small."""
    size = int(max(before.max(initial=0), after.max(initial=0))) + 1
    lost, won = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for old, new in zip(np.moveaxis(before, -1, 0), np.moveaxis(after, -1, 0), strict=True):
        changed = old != new
        if changed.any():
            lost += np.bincount(old[changed], minlength=size)
            won += np.bincount(new[changed], minlength=size)
    return lost, won

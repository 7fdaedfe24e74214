"""How many voxels each label has and where they lie at most, kept up to date edit by edit, so that nothing scans the whole volume."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.painting import Box, Counts, bounding_box, union_box

Labels = NDArray[np.unsignedinteger]


@dataclass
class LabelExtents:
    """counts: voxels of each label that has some. boxes: (first voxel, first voxel beyond) that hold all of a label; they may be
    larger than needed, never smaller."""

    counts: dict[int, int] = field(default_factory=dict)
    boxes: dict[int, Box] = field(default_factory=dict)

    def follow(self, box: Box, lost: Counts, won: Counts) -> None:
        """Voxels of a box of the label map have changed. lost, won: how many of each value there were, and how many there are now."""
        for value, count in lost.items():
            self.counts[value] = self.counts.get(value, 0) - count
        for value, count in won.items():
            self.counts[value] = self.counts.get(value, 0) + count
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

"""A rigid pose in patient space: where a bone stands and how it is turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = Sequence[Any] | NDArray[Any]


def unit(vector: Vector) -> NDArray[np.float64]:
    """The vector with length one."""
    vector = np.asarray(vector, float)
    return np.asarray(vector / np.linalg.norm(vector))


@dataclass(frozen=True)
class Frame:
    """A rigid pose: centre_mm (3,) and axes (3, 3) whose columns are the local left, back and head directions in LPS."""

    centre_mm: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def standing(cls, centre_mm: Vector, up: Vector, back: Vector) -> Frame:
        """The frame whose head direction is `up` and whose back direction is as near to `back` as that allows; neither needs length one."""
        head = unit(up)
        behind = np.asarray(back, float)
        behind = unit(behind - (behind @ head) * head)
        return cls(np.asarray(centre_mm, float), np.stack([np.cross(behind, head), behind, head], axis=1))

    def to_world(self, points_mm: Vector) -> NDArray[np.float64]:
        """Local mm (..., 3) to LPS mm."""
        return np.asarray(points_mm, float) @ self.axes.T + self.centre_mm

    def to_local(self, points_mm: Vector) -> NDArray[np.float64]:
        """LPS mm (..., 3) to local mm."""
        return (np.asarray(points_mm, float) - self.centre_mm) @ self.axes

    def turn(self, direction: Vector) -> NDArray[np.float64]:
        """A local direction (3,) in LPS."""
        return self.axes @ np.asarray(direction, float)

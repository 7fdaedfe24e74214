"""What a user points at: points and boxes in voxels, and the same on one shown slice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane, SliceRef

Ijk = tuple[float, float, float]


@dataclass(frozen=True)
class PointPrompt:
    """A click at a voxel centre or between voxels; positive means 'belongs to the structure'."""

    ijk: Ijk
    positive: bool = True


@dataclass(frozen=True)
class BoxPrompt:
    """A box given by two opposite corner voxels, both inclusive, in any order."""

    corner_a_ijk: Ijk
    corner_b_ijk: Ijk


@dataclass(frozen=True)
class SlicePrompt:
    """A prompt on one shown slice, as the engine takes it.

    points_xy: (n, 2) float32, (column, row) pixel centres. positive: (n,) bool.
    box_xyxy: (4,) float32 x0, y0, x1, y1 of the two corner pixels' centres, inclusive, x0 <= x1 and y0 <= y1; or None.
    """

    points_xy: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    positive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    box_xyxy: NDArray[np.float32] | None = None

    @property
    def is_empty(self) -> bool:
        return len(self.points_xy) == 0 and self.box_xyxy is None


@dataclass(frozen=True)
class Prompt:
    """Everything that asks for one mask: points and at most one box, all on one slice of one anatomical plane."""

    plane: str = "axial"
    points: tuple[PointPrompt, ...] = ()
    box: BoxPrompt | None = None
    label: int = 1

    def corners(self) -> list[Ijk]:
        """Every voxel that the prompt names."""
        named = [point.ijk for point in self.points]
        if self.box is not None:
            named += [self.box.corner_a_ijk, self.box.corner_b_ijk]
        return named

    def slice_ref(self, geometry: Geometry) -> SliceRef:
        """The slice on which the prompt lies.

        Raises InputError when there is no prompt, when it lies outside the volume, or on more than one slice.
        """
        named = self.corners()
        if not named:
            raise InputError("A prompt needs at least one point or a box.")
        for ijk in named:
            if not geometry.contains(ijk):
                text = ",".join(f"{value:g}" for value in ijk)
                size = "x".join(str(n) for n in geometry.shape)
                raise InputError(f"The prompt at voxel {text} is outside the volume of {size} voxels; indices start at 0.")
        plane = SlicePlane(geometry, self.plane)
        slices = {plane.slice_of(ijk) for ijk in named}
        if len(slices) > 1:
            indices = ", ".join(str(ref.index) for ref in sorted(slices, key=lambda ref: ref.index))
            axis = "ijk"[plane.normal_axis]
            raise InputError(
                f"The prompts of one mask must lie on one {self.plane} slice, but they lie on {axis} = {indices}; "
                "give one of these, or name another plane."
            )
        return slices.pop()

    def on_slice(self, geometry: Geometry) -> tuple[SliceRef, SlicePrompt]:
        """The prompt in pixels of the slice on which it lies. Raises InputError like `slice_ref`."""
        ref = self.slice_ref(geometry)
        plane = SlicePlane(geometry, self.plane)
        points = np.array([point.ijk for point in self.points], float).reshape(-1, 3)
        box = None
        if self.box is not None:
            corners = plane.to_pixel([self.box.corner_a_ijk, self.box.corner_b_ijk])
            box = np.concatenate([corners.min(axis=0), corners.max(axis=0)]).astype(np.float32)
        positive = np.array([point.positive for point in self.points], bool)
        return ref, SlicePrompt(plane.to_pixel(points).astype(np.float32), positive, box)

    def to_json(self) -> dict[str, Any]:
        """The line of a prompts file (see docs), without the label's name."""
        line: dict[str, Any] = {"plane": self.plane}
        if self.points:
            line["points"] = [[*point.ijk, int(point.positive)] for point in self.points]
        if self.box is not None:
            line["box"] = [list(self.box.corner_a_ijk), list(self.box.corner_b_ijk)]
        line["label"] = self.label
        return line

"""What a tool's drag covers before it is done: plain data and numbers, no Qt.

The preview uses the kernels of the operations, so that what is seen while the button is down is what the operation then does
(on the shown slice; a ball reaches further).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.editing import may_add
from spinalsam.support.editing.strokes import metric_of, polygon_mask, stroke_block
from spinalsam.support.planes import SlicePlane
from spinalsam.ui.scene import Pixel, SliceScene

# Points closer than this to the one before say nothing new.
STEP_PIXELS = 0.3


@dataclass(frozen=True)
class ToolSettings:
    """How brush, eraser and lasso work. lowest_hu, highest_hu count only with `threshold`."""

    radius_mm: float = 4.0
    ball: bool = False
    over: bool = False
    threshold: bool = False
    lowest_hu: float = 150.0
    highest_hu: float = 3000.0

    def range_args(self) -> dict[str, float]:
        return {"lowest_hu": self.lowest_hu, "highest_hu": self.highest_hu} if self.threshold else {}


@dataclass(frozen=True)
class Target:
    """Which label is worked on, and which ones are locked."""

    value: int
    locked: tuple[int, ...] = ()


@dataclass
class Drag:
    """One drag of a tool on one slice. tool: 'brush', 'erase', 'lasso', 'lasso_remove' or 'cut'. path: pixels [x, y].

    by_corners: whether the corners of a lasso are clicked one by one.
    """

    tool: str
    scene: SliceScene
    settings: ToolSettings
    target: Target
    path: list[Pixel] = field(default_factory=list)
    covered: NDArray[np.bool_] | None = None
    by_corners: bool = False

    @property
    def erases(self) -> bool:
        return self.tool in ("erase", "lasso_remove")

    def add(self, xy: Pixel) -> None:
        """The pointer has come to a pixel."""
        if self.path and np.hypot(xy[0] - self.path[-1][0], xy[1] - self.path[-1][1]) < STEP_PIXELS:
            return
        self.path.append(xy)
        if self.tool in ("brush", "erase"):
            self._cover(self.path[-2:])

    def _cover(self, piece: list[Pixel]) -> None:
        rows, columns = self.scene.plane.shape
        if self.covered is None:
            self.covered = np.zeros((rows, columns), bool)
        path = [(x, y, 0.0) for x, y in piece]
        block = stroke_block(path, self.settings.radius_mm, slice_metric(self.scene.plane), (columns, rows, 1), normal_axis=2)
        if block is not None:
            (x, y, _), inside = block
            self.covered[y : y + inside.shape[1], x : x + inside.shape[0]] |= inside[:, :, 0].T

    def changed(self) -> NDArray[np.bool_] | None:
        """The pixels (rows, columns) of the slice that would change, or None while there is nothing to show."""
        covered = polygon_mask(self.path, self.scene.plane.shape) if self.tool.startswith("lasso") else self.covered
        if covered is None or not covered.any():
            return None
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        out = np.zeros(covered.shape, bool)
        out[part] = covered[part] & self._allowed(part)
        return out

    def _allowed(self, part: tuple[slice, slice]) -> NDArray[np.bool_]:
        scene = self.scene
        labels = scene.plane.cut(scene.mask, scene.index)[part]
        if self.erases:
            allowed = (labels != 0) & ~np.isin(labels, self.target.locked) if self.settings.over else labels == self.target.value
        else:
            allowed = may_add(labels, self.target.locked, over=self.settings.over)
        if self.settings.threshold:
            values = scene.plane.cut(scene.volume.voxels, scene.index)[part]
            allowed &= (values >= self.settings.lowest_hu) & (values <= self.settings.highest_hu)
        return allowed

    def call(self) -> tuple[str, dict[str, Any]] | None:
        """The operation that does it and its arguments, or None for a drag that means nothing."""
        settings, path = self.settings, [[float(x), float(y)] for x, y in self.path]
        where: Mapping[str, Any] = {"plane": self.scene.ref.plane, "slice": self.scene.index + 1, "value": self.target.value}
        more = {"over": settings.over, **settings.range_args()}
        if self.tool in ("brush", "erase"):
            shape = "ball" if settings.ball else "disc"
            return (self.tool, {"path": path, "radius_mm": settings.radius_mm, "shape": shape, **where, **more}) if path else None
        if self.tool == "cut":
            return ("split_by_line", {"line": [path[0], path[-1]], **where}) if len(path) > 1 else None
        mode = "remove" if self.erases else "add"
        return ("lasso", {"outline": path, "mode": mode, **where, **more}) if len(path) > 2 else None


def slice_metric(plane: SlicePlane) -> NDArray[np.float64]:
    """`metric_of` for steps in shown pixels (right, down, across the slice)."""
    axes = [plane.column_axis, plane.row_axis, plane.normal_axis]
    signs = np.array([-1.0 if plane.column_flipped else 1.0, -1.0 if plane.row_flipped else 1.0, 1.0])
    return metric_of(plane.geometry)[np.ix_(axes, axes)] * np.outer(signs, signs)

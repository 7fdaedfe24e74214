"""Where the vertebra under a click lies on its slice, by the locator's look at the volume.

A click on a facet, or on one of the pieces that a slice shows of a vertebra, does not tell where the rest of it is. The locator, which
sees the volume, knows about where; what the network is asked then is to draw it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.coarse import VOXEL_MM
from spinalsam.engine.locate import SACRUM, Survey
from spinalsam.engine.segmenter import RoughShape
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane
from spinalsam.support.prompts import SlicePrompt

REACH_MM = 4.5  # how far outside of what the locator takes for a vertebra a click may lie that means it
SURE = 0.75  # that a vertebra is there; below it the clicks alone are asked
SMALLEST_MM2 = 30.0  # of a cross-section
EDGE_MM = 7.5  # from the first and the last slice
SAME_BOX = 0.5  # intersection over union of a box with the one around a structure, from which the structure is meant
SPREAD = 9  # places along each side of a box that are looked up
KEPT = 64  # shapes that are remembered
MARGIN = 8  # coarse voxels around a structure within which its distances are known


@dataclass(frozen=True)
class _Depth:
    """How deep inside of a structure, below 0 outside: float32 [x, y, z] on a part of the coarse grid that begins at voxel `low`."""

    low: NDArray[np.int64]
    inside_mm: NDArray[np.float32]


class RoughShapes:
    """The shapes of what a survey has found, on any slice of the volume. May be used from any thread.

    geometry: the volume's grid. On its first and last slices nothing is known: there the locator may take two vertebrae for one.
    """

    def __init__(self, survey: Survey, geometry: Geometry) -> None:
        self.survey = survey
        self._geometry = geometry
        self._depths: Mapping[int, _Depth] = {
            one.order: _depth(survey.owner == one.order) for one in survey.named().found if one.value == SACRUM or one.confidence >= SURE
        }
        self._kept: OrderedDict[tuple[int, str, int], RoughShape | None] = OrderedDict()
        self._lock = Lock()

    def for_prompt(self, plane: SlicePlane, index: int, prompt: SlicePrompt) -> RoughShape | None:
        """The shape of what a prompt on a slice means; None where that cannot be told, or the slice shows next to nothing of it.

        The same object is given for the same structure and slice while it is among the last ones that were asked for.
        """
        if prompt.box_xyxy is not None:
            order = self._boxed(plane.to_voxel(_spread(prompt.box_xyxy), index))
            shape = self._on_slice(order, plane, index) if order else None
            return shape if shape is not None and _overlap(shape.box_with(np.zeros((0, 2))), prompt.box_xyxy) >= SAME_BOX else None
        order = self._clicked(plane.to_voxel(prompt.points_xy[prompt.positive], index))
        return self._on_slice(order, plane, index) if order else None

    def _clicked(self, points_ijk: NDArray[np.float64]) -> int:
        """Order of the structure in which voxels (n, 3) lie, all of them, or near enough; 0 for none."""
        found = 0
        for place in self._coarse(points_ijk):
            depths = {order: float(_sampled(depth, place[None])[0]) for order, depth in self._depths.items()}
            best = max(depths, key=depths.__getitem__, default=0)
            if not best or depths[best] < -REACH_MM or found not in (0, best):
                return 0
            found = best
        return found

    def _boxed(self, points_ijk: NDArray[np.float64]) -> int:
        """Order of the structure that holds most of some voxels (n, 3); 0 for none."""
        places = self._coarse(points_ijk)
        held = {order: int((_sampled(depth, places) > 0).sum()) for order, depth in self._depths.items()}
        best = max(held, key=held.__getitem__, default=0)
        return best if best and held[best] else 0

    def _coarse(self, points_ijk: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.survey.geometry.to_ijk(self._geometry.to_mm(points_ijk))

    def _on_slice(self, order: int, plane: SlicePlane, index: int) -> RoughShape | None:
        key = order, plane.plane, index
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            else:
                self._kept[key] = self._cut(self._depths[order], plane, index)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]

    def _cut(self, depth: _Depth, plane: SlicePlane, index: int) -> RoughShape | None:
        rows, columns = plane.shape
        if min(index, plane.count - 1 - index) * self._geometry.spacing_mm[plane.normal_axis] < EDGE_MM:
            return None
        # Pixel (row, column) -> voxel -> mm -> coarse voxel, which is affine.
        corners = plane.to_voxel(np.array([[0, 0], [0, 1], [1, 0]], float), index)
        origin, down, right = self.survey.geometry.to_ijk(self._geometry.to_mm(corners))
        matrix = np.stack([down - origin, right - origin, np.zeros(3)], axis=1)
        inside = ndimage.affine_transform(
            depth.inside_mm, matrix, origin - depth.low, (rows, columns, 1), np.float32, order=1, mode="nearest"
        )[..., 0]
        held = float((inside > 0).sum()) * float(np.prod(plane.spacing_mm))
        return RoughShape(np.ascontiguousarray(inside)) if held >= SMALLEST_MM2 else None


def _depth(mask: NDArray[np.bool_]) -> _Depth:
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    low = np.array([max(0, part.start - MARGIN) for part in box])
    near = mask[tuple(slice(start, part.stop + MARGIN) for start, part in zip(low, box, strict=True))]
    inside = ndimage.distance_transform_edt(near) - ndimage.distance_transform_edt(~near)
    return _Depth(low, (VOXEL_MM * inside).astype(np.float32))


def _sampled(depth: _Depth, places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Depth (n,) at places (n, 3) on the coarse grid."""
    return ndimage.map_coordinates(depth.inside_mm, (places - depth.low).T, order=1, mode="nearest")


def _spread(box_xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Pixels (n, 2) all over a box."""
    x0, y0, x1, y1 = (float(value) for value in box_xyxy)
    x, y = np.meshgrid(np.linspace(x0, x1, SPREAD), np.linspace(y0, y1, SPREAD))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _overlap(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1, corner pixels inclusive."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]) + 1
    common = float(np.prod(np.maximum(sides, 0)))
    areas = [float(np.prod(box[2:] - box[:2] + 1)) for box in (one, other)]
    return common / (sum(areas) - common)

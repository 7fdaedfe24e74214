"""Points on a slice of a whole mask that does not agree with them: the mask is mended there and on the slices around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.editing import refuse_locked
from spinalsam.control.operation import OperationResult
from spinalsam.control.painting import block_edit
from spinalsam.control.state import PlacedPoint
from spinalsam.control.volumes import locator_for
from spinalsam.errors import RequirementError
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane, SliceRef

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

AROUND_MM = 45.0  # around the mask and the points, what a correction may reach


def correct_from(ws: Workspace, job: Job, ref: SliceRef, value: int | None) -> OperationResult:
    """Correct the label of the points on a slice, point by point in their order; one undo step.

    Raises RequirementError when there is no point that the mask contradicts, or no mask to correct.
    """
    points = [point for point in ws.state.points_on(ref) if value is None or point.label == value]
    where = f"{ref.plane} slice {ref.index + 1}"
    if not points:
        raise RequirementError(f"There are no points on {where}; click where its mask is wrong, right for what does not belong to it.")
    label = points[-1].label
    name = ws.state.label(label).name
    refuse_locked(ws, label)
    if label not in ws.case.extents.counts:
        raise RequirementError(f"There is no mask of {name} to correct; generate and propagate one first.")
    box = _around(ws, label, points)
    low = np.array([part.start for part in box])
    before = np.asfortranarray(ws.case.mask[box] == label)
    own = [point for point in points if point.label == label]
    mask, slices = _corrected(ws, job, ref, own, box, before, _within(ws, job, label, own, box, before))
    if mask is before:
        raise RequirementError(f"The mask of {name} agrees with every point on {where}; click where it is wrong.")
    block = ws.case.mask[box]
    after = block.copy(order="F")
    after[before & ~mask] = 0
    after[mask & (after == 0)] = label
    edit = block_edit(ws.case.mask, (int(low[0]), int(low[1]), int(low[2])), after)
    args = {"plane": ref.plane, "slice": ref.index + 1, "value": label}
    data = {"label": label, "plane": ref.plane, "slice": ref.index + 1, "slices": slices}
    if edit is None:
        return OperationResult(f"{name} cannot grow there: other masks stand in its way.", data, replay_args=args)
    data["voxels"] = int(np.count_nonzero(edit.before != edit.after))
    message = f"Corrected {name} on {slices} {ref.plane} slices: {data['voxels']} voxels changed."
    return OperationResult(message, data, edit=edit, replay_args=args, title=f"Correct {name} in 3-D")


def _corrected(
    ws: Workspace,
    job: Job,
    ref: SliceRef,
    points: Sequence[PlacedPoint],
    box: tuple[slice, ...],
    mask: NDArray[np.bool_],
    within: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.bool_], int]:
    """(the label's voxels [i, j, k] in a box of the volume as the points want them, on how many slices at most one of them changed it).

    The mask itself comes back where it agrees with all points.
    """
    from spinalsam.engine.correct import correct

    volume, plane, slices = ws.case.volume, ws.plane(ref.plane), 0
    low = np.array([part.start for part in box])
    there = SliceRef(ref.plane, ref.index - int(low[plane.normal_axis]))
    offset = plane.to_pixel(low + _corner(plane, mask.shape))
    for number, point in enumerate(points):
        job.progress(number / len(points), "Correcting")
        if _holds(mask, point, low):
            continue
        x, y = plane.to_pixel(point.ijk) - offset
        found = correct(
            ws.segmenter(),
            volume.voxels[box],
            _part(volume.geometry, low, mask.shape),
            mask,
            there,
            (float(x), float(y)),
            positive=point.positive,
            is_hu=volume.is_hu,
            within=within,
            check=job.check,
        )
        mask, slices = found.mask, max(slices, found.slices)
    return mask, slices


def _holds(mask: NDArray[np.bool_], point: PlacedPoint, low: NDArray[np.int64]) -> bool:
    """Whether a part's mask, which begins at a voxel of the volume, agrees with a point."""
    return bool(mask[tuple(np.rint(np.array(point.ijk) - low).astype(int))] == point.positive)


def _within(
    ws: Workspace, job: Job, label: int, points: Sequence[PlacedPoint], box: tuple[slice, ...], mask: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """Where a vertebra's label may grow, by its neighbours, on a part of the volume; None where nothing is to grow, or nothing is known."""
    from spinalsam.engine.territory import territory_of

    low = np.array([part.start for part in box])
    if not any(point.positive and not _holds(mask, point, low) for point in points):
        return None
    locator = locator_for(ws, job, label)
    if locator is None:
        return None
    job.progress(0.0, "Looking for the neighbours")
    volume = ws.case.volume
    part = _part(volume.geometry, low, mask.shape)
    # The box may end before the vertebrae above and below do: the locator looks at the volume itself.
    found = territory_of(locator, volume.voxels, volume.geometry, part, mask, is_hu=volume.is_hu)
    return None if found is None else found.may


def _around(ws: Workspace, label: int, points: list[PlacedPoint]) -> tuple[slice, ...]:
    """The part of the volume that holds the label and the points, with what a correction may reach."""
    geometry = ws.case.volume.geometry
    own = ws.case.extents.box_of(ws.case.mask, label)
    assert own is not None  # it has voxels
    ends = [[part.start for part in own], [part.stop - 1 for part in own], *[point.ijk for point in points]]
    room = np.ceil(AROUND_MM / geometry.spacing_mm)
    low = np.maximum(np.floor(np.min(ends, axis=0) - room).astype(int), 0)
    high = np.minimum(np.ceil(np.max(ends, axis=0) + room).astype(int) + 1, geometry.shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _part(geometry: Geometry, low: NDArray[np.int64], shape: tuple[int, ...]) -> Geometry:
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_mm(low)
    return Geometry((shape[0], shape[1], shape[2]), affine, geometry.has_spacing)


def _corner(plane: SlicePlane, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The voxel of a part, counted from its first, that its slices show at the top left."""
    corner = np.zeros(3)
    for axis, flipped in ((plane.row_axis, plane.row_flipped), (plane.column_axis, plane.column_flipped)):
        corner[axis] = shape[axis] - 1 if flipped else 0
    return corner

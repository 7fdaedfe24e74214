"""Brush, eraser and lasso on a slice: the pixels that the hand drew become an edit of the label map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control import editing
from spinalsam.control.operation import OperationResult
from spinalsam.control.painting import to_slab
from spinalsam.control.state import with_labels
from spinalsam.errors import InputError
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

Path = Sequence[Sequence[float]]
# Replayed calls carry their path in the journal; finer than this no voxel can tell.
_DECIMALS = 3


def brush_stroke(
    ws: Workspace,
    ref: SliceRef,
    path_xy: Path,
    *,
    radius_mm: float,
    ball: bool,
    erase: bool,
    value: int | None,
    over: bool,
    lowest_hu: float | None,
    highest_hu: float | None,
) -> OperationResult:
    """Paint or erase along a path of pixels [x, y] on a slice. Raises InputError where the path misses the image."""
    from spinalsam.support.editing.strokes import metric_of, simplified, stroke_block

    radius_mm = editing.checked_mm("radius_mm", radius_mm)
    path = np.round(simplified(path_xy), _DECIMALS)
    label = _label(ws, value, erase=erase, over=over)
    plane, geometry = ws.plane(ref.plane), ws.case.volume.geometry
    axis = None if ball else plane.normal_axis
    block = stroke_block(plane.to_voxel(path, ref.index), radius_mm, metric_of(geometry), geometry.shape, normal_axis=axis)
    if block is None:
        raise InputError("The stroke lies beside the image; nothing was painted.")
    replay = {
        "path": path.tolist(), "radius_mm": radius_mm, "shape": "ball" if ball else "disc", "plane": ref.plane, "slice": ref.index + 1,
        "value": label, "over": over, "lowest_hu": lowest_hu, "highest_hu": highest_hu,
    }  # fmt: skip
    verb = "Erase" if erase else "Brush"
    return _drawn(ws, ref, block, verb, label, erase=erase, over=over, range_hu=(lowest_hu, highest_hu), replay=replay)


def lasso(
    ws: Workspace,
    ref: SliceRef,
    outline_xy: Path,
    *,
    erase: bool,
    value: int | None,
    over: bool,
    lowest_hu: float | None,
    highest_hu: float | None,
) -> OperationResult:
    """Fill or clear the inside of an outline of pixels [x, y] on a slice. Raises InputError where it holds no pixel."""
    from spinalsam.support.editing.strokes import polygon_mask, simplified

    outline = np.round(simplified(outline_xy), _DECIMALS)
    label = _label(ws, value, erase=erase, over=over)
    plane = ws.plane(ref.plane)
    inside = polygon_mask(outline, plane.shape)
    if not inside.any():
        raise InputError("The outline holds no pixel of the image; draw around the part that is meant.")
    lower = [0, 0, 0]
    lower[plane.normal_axis] = ref.index
    replay = {
        "outline": outline.tolist(), "mode": "remove" if erase else "add", "plane": ref.plane, "slice": ref.index + 1, "value": label,
        "over": over, "lowest_hu": lowest_hu, "highest_hu": highest_hu,
    }  # fmt: skip
    block = ((lower[0], lower[1], lower[2]), to_slab(plane, inside))
    verb = "Lasso: remove from" if erase else "Lasso: add to"
    return _drawn(ws, ref, block, verb, label, erase=erase, over=over, range_hu=(lowest_hu, highest_hu), replay=replay)


def _label(ws: Workspace, value: int | None, *, erase: bool, over: bool) -> int:
    """The label that is painted or erased. Raises RequirementError when it is locked."""
    label = editing.checked_label(ws.state.active_label if value is None else value)
    if not (erase and over):
        editing.refuse_locked(ws, label)
    return label


def _drawn(
    ws: Workspace,
    ref: SliceRef,
    block: tuple[tuple[int, int, int], NDArray[np.bool_]],
    verb: str,
    label: int,
    *,
    erase: bool,
    over: bool,
    range_hu: tuple[float | None, float | None],
    replay: dict[str, Any],
) -> OperationResult:
    lower, where = block
    i, j, k = (slice(low, low + n) for low, n in zip(lower, where.shape, strict=True))
    box = (i, j, k)
    inside = editing.in_range(ws, box, *range_hu)
    where = where if inside is None else where & inside
    after = editing.removed(ws, box, where, None if over else label) if erase else editing.added(ws, box, where, label, over=over)
    name = "labels" if erase and over else ws.state.label(label).name
    title = f"{verb} {name} on {ref.plane} slice {ref.index + 1}"
    unchanged = f"{title}: nothing there had to change."
    labels = with_labels(ws.state.labels, [] if erase else [label])
    changes = {"labels": labels} if labels != ws.state.labels else {}
    return editing.result_of(
        ws, editing.edit_of(ws, box, after), value=label, title=title, unchanged=unchanged, replay=replay, changes=changes
    )

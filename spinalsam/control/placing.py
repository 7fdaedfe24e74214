"""Where prompts are put: at pixels that were pointed at, or on structures whose mask is known on the slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.masking import values_of
from spinalsam.control.painting import bounding_box
from spinalsam.control.region_slices import slice_of_regions, slices_of
from spinalsam.control.state import PlacedBox, PlacedPoint
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.anatomy import GROUPS, label_name, label_value
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import Ijk

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

Structures = dict[int, NDArray[np.bool_]]  # masks (rows, columns) by label value

# How many points a structure gets when nobody said how many: enough to show its extent.
POINTS_A_STRUCTURE = 3
# Around a known structure a box leaves this much room, since its mask may be a little small.
BOX_MARGIN_MM = 2.0
# Negative points stand this far outside the structure.
NEGATIVE_DISTANCE_MM = (3.0, 9.0)


def level_note(labels: Sequence[int], located: Structures | None) -> str:
    """What is said after prompts on structures that the locator found: it may count the levels wrong. Empty where nothing was found so."""
    if not located:
        return ""
    names = ", ".join(dict.fromkeys(label_name(label) for label in labels))
    return f" Check the level: {names} as the locator counts; if that is wrong, undo and name one vertebra by a box with its label."


def slice_argument(ws: Workspace, plane: str | None, number: int | None) -> SliceRef:
    """The slice that an operation's ``plane`` and ``slice`` (from 1) name; the shown one where they are left out.

    Raises InputError when there is no such slice.
    """
    ref = ws.shown_slice(plane or ws.state.view.active_plane)
    if number is None:
        return ref
    count = ws.plane(ref.plane).count
    if number > count:
        raise InputError(f"There is no {ref.plane} slice {number}; they run from 1 to {count}.")
    return SliceRef(ref.plane, number - 1)


def slice_for_prompts(
    ws: Workspace, job: Job, plane: str | None, number: int | None, regions: Sequence[str] | None, pointed: bool
) -> tuple[SliceRef, dict[str, Any], Structures | None]:
    """The slice on which prompts are set, the change of the view that shows it, and the structures there where the locator knows them.

    The one that is named or shown; for regions that are not on the shown slice the one that shows most of them. pointed: whether the
    places are given, which then lie on the shown slice. Regions without any mask are looked for by the locator. Raises InputError when
    there is no such slice, RequirementError when the locator does not find them.
    """
    ref = slice_argument(ws, plane, number)
    if not regions or pointed:
        return ref, {}, None
    if not any(value in ws.case.extents.counts for value in values_of(regions)):
        from spinalsam.control.locating import masks_on

        there, masks = masks_on(ws, job, ref, regions, may_move=number is None)
        return there, _view_of(ws, ref, there), masks
    return (*(slice_of_regions(ws, ref, regions) if number is None else (ref, {})), None)


def _view_of(ws: Workspace, shown: SliceRef, wanted: SliceRef) -> dict[str, Any]:
    if wanted == shown:
        return {}
    crosshair = list(ws.state.view.crosshair_ijk)
    crosshair[ws.plane(wanted.plane).normal_axis] = wanted.index
    return {"view": replace(ws.state.view, crosshair_ijk=(crosshair[0], crosshair[1], crosshair[2]))}


def voxels_at(ws: Workspace, ref: SliceRef, pixels_xy: Sequence[Sequence[float]]) -> list[Ijk]:
    """Pixels [x, y] of a slice as voxels. Raises InputError for a pixel that the slice does not have."""
    plane = ws.plane(ref.plane)
    rows, columns = plane.shape
    for x, y in pixels_xy:
        if not (-0.5 <= x < columns - 0.5 and -0.5 <= y < rows - 0.5):
            raise InputError(
                f"The pixel {x:g},{y:g} is outside {ref.plane} slice {ref.index + 1}, which is {columns} wide and {rows} high; "
                "pixels are counted from 0."
            )
    if not len(pixels_xy):
        return []  # fewer points than structures leave some with none
    return [(float(i), float(j), float(k)) for i, j, k in plane.to_voxel(pixels_xy, ref.index)]


def box_corners(ws: Workspace, ref: SliceRef, corners: Sequence[float]) -> tuple[Ijk, Ijk]:
    """Corner pixels [x0, y0, x1, y1] in any order as the voxels of the upper left and lower right corner of the shown slice."""
    x0, x1 = sorted((round(corners[0]), round(corners[2])))
    y0, y1 = sorted((round(corners[1]), round(corners[3])))
    upper_left, lower_right = voxels_at(ws, ref, [(x0, y0), (x1, y1)])
    return upper_left, lower_right


def structures_on(ws: Workspace, ref: SliceRef, regions: Sequence[str] | None) -> dict[int, NDArray[np.bool_]]:
    """Masks (rows, columns) of the wanted structures on a slice by label value; without regions the active label's or all.

    Raises RequirementError when none of them has a mask there, or one that is named has none; the message says what to do.
    """
    labels = ws.plane(ref.plane).cut(ws.case.mask, ref.index)
    there = [int(value) for value in np.unique(labels) if value]
    if regions:
        absent = [region for region in regions if region not in GROUPS and label_value(region) not in there]
        if absent:
            raise RequirementError(_unknown(ws, ref, absent, [label_value(region) for region in absent]))
        names = [name for region in regions for name in (region, *GROUPS.get(region, ()))]
        wanted = [label_value(name) for name in dict.fromkeys(names)]
    else:
        wanted = [ws.state.active_label] if ws.state.active_label in there else there
    found = {value: labels == value for value in wanted if value in there}
    if not found:
        raise RequirementError(_unknown(ws, ref, regions, wanted))
    return found


def _unknown(ws: Workspace, ref: SliceRef, regions: Sequence[str] | None, wanted: list[int]) -> str:
    where = f"{ref.plane} slice {ref.index + 1}"
    if not regions:
        return f"There is no structure with a mask on {where}; click on the vertebra, or drag a box around it with Shift held."
    names = ", ".join(regions)
    elsewhere = slices_of(ws, ref.plane, wanted)
    if elsewhere is not None:
        first, last = elsewhere
        return f"The mask of {names} is not on {where} but between slices {first} and {last}; go there, or name it alone."
    return f"Where {names} lies is not known yet; click on it, or drag a box around it with Shift held."


def place_points(
    ws: Workspace,
    ref: SliceRef,
    *,
    located: Structures | None = None,
    count: int | None,
    regions: Sequence[str] | None,
    positive: bool,
    at: Sequence[Sequence[float]] | None,
    value: int | None = None,
    values: Sequence[int] | None = None,
) -> tuple[PlacedPoint, ...]:
    """The points that `add_points` asks for. located: structures known without a mask. value, values: labels that are known already.

    Raises UsageError, InputError or RequirementError.
    """
    if at is None:
        return _points_on_structures(ws, ref, located or structures_on(ws, ref, regions), count, positive)
    if count is not None and count != len(at):
        raise UsageError(f"{count} points are asked for, but {len(at)} places are given.")
    if values is None:
        values = [value or prompt_label(ws, regions)] * len(at)
    if len(values) != len(at):
        raise UsageError("There must be as many label values as places.")
    voxels = voxels_at(ws, ref, at)
    return tuple(PlacedPoint(ref, ijk, positive, int(label)) for ijk, label in zip(voxels, values, strict=True))


def prompt_label(ws: Workspace, regions: Sequence[str] | None) -> int:
    """The label of prompts that were pointed at: the region that was said, else the active one. Raises UsageError for several."""
    if not regions:
        return ws.state.active_label
    if len(regions) > 1:
        raise UsageError(f"One place cannot belong to {' and '.join(regions)}; name one vertebra.")
    return label_value(regions[0])


def _points_on_structures(
    ws: Workspace, ref: SliceRef, structures: dict[int, NDArray[np.bool_]], count: int | None, positive: bool
) -> tuple[PlacedPoint, ...]:
    total = POINTS_A_STRUCTURE * len(structures) if count is None else count
    everything = np.logical_or.reduce(list(structures.values()))
    placed: list[PlacedPoint] = []
    for number, (value, mask) in enumerate(structures.items()):
        share = total // len(structures) + (number < total % len(structures))
        pixels = interior_points(mask, share) if positive else _beside(ws, ref, mask, everything, share)
        placed += [PlacedPoint(ref, ijk, positive, value) for ijk in voxels_at(ws, ref, pixels)]
    if len(placed) < total:
        names = ", ".join(label_name(value) for value in structures)
        raise RequirementError(f"There is no room for {total} points on {names} here; ask for {len(placed)} or fewer.")
    return tuple(placed)


def interior_points(mask: NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    """Up to `count` pixels (x, y) deep inside a mask (rows, columns) and far from each other; the deepest first."""
    from scipy.ndimage import distance_transform_edt

    # The picture's edge is no edge of the structure, but a point there would be a poor one too: pad with background.
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return _spread(depth, count)


def _beside(ws: Workspace, ref: SliceRef, mask: NDArray[np.bool_], everything: NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    """Pixels (x, y) in the ring around a structure and outside all structures."""
    from scipy.ndimage import distance_transform_edt

    spacing = ws.plane(ref.plane).spacing_mm
    nearest, farthest = NEGATIVE_DISTANCE_MM
    unit = max(spacing)
    distance = distance_transform_edt(~mask, sampling=spacing)
    clear = distance_transform_edt(~everything, sampling=spacing)
    ring = (distance <= max(farthest, 4 * unit)) & (clear >= max(nearest, 2 * unit))
    return _spread(ring.astype(float), count)


def _spread(weight: NDArray[np.floating], count: int) -> list[tuple[int, int]]:
    """Pixels (x, y) of positive weight, the heaviest first, then each as far as possible from the others, heavy ones preferred."""
    rows, columns = np.nonzero(weight > 0)
    if rows.size == 0 or count == 0:
        return []
    weights = weight[rows, columns]
    gap = np.full(rows.size, np.inf)
    chosen = [int(weights.argmax())]
    while len(chosen) < min(count, rows.size):
        last = chosen[-1]
        gap = np.minimum(gap, np.hypot(rows - rows[last], columns - columns[last]))
        chosen.append(int((gap * np.sqrt(weights)).argmax()))
    return [(int(columns[n]), int(rows[n])) for n in chosen]


def place_boxes(
    ws: Workspace,
    ref: SliceRef,
    *,
    located: Structures | None = None,
    regions: Sequence[str] | None,
    corners: Sequence[float] | None,
    value: int | None = None,
) -> tuple[PlacedBox, ...]:
    """The boxes that `add_box` asks for: one at the corners, or one around each wanted structure of the slice.

    Raises UsageError, InputError or RequirementError.
    """
    if corners is not None:
        corner_a, corner_b = box_corners(ws, ref, corners)
        return (PlacedBox(ref, corner_a, corner_b, value or prompt_label(ws, regions)),)
    structures = located or structures_on(ws, ref, regions)
    return tuple(_box_around(ws, ref, label, mask) for label, mask in structures.items())


def _box_around(ws: Workspace, ref: SliceRef, value: int, mask: NDArray[np.bool_]) -> PlacedBox:
    box = bounding_box(mask)
    assert box is not None  # only structures that are there are asked for
    margins = [max(1, round(BOX_MARGIN_MM / mm)) for mm in ws.plane(ref.plane).spacing_mm]
    y0, x0 = (max(part.start - margin, 0) for part, margin in zip(box, margins, strict=True))
    y1, x1 = (min(part.stop - 1 + margin, n - 1) for part, margin, n in zip(box, margins, mask.shape, strict=True))
    corner_a, corner_b = box_corners(ws, ref, (x0, y0, x1, y1))
    return PlacedBox(ref, corner_a, corner_b, value)

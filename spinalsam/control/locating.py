"""The locator on the open case: what it finds, what somebody has named, and which structures a sentence means by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import RequirementError
from spinalsam.support.anatomy import GROUPS, LABEL_VALUES, RELATIVE_VALUES, label_name, label_value
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import CaseContent, Workspace
    from spinalsam.engine.locate import Found, Located, Progress, Survey

LEVEL_VALUES = range(1, 26)
WAIT_S = 0.05  # between two looks at whether the search is over that somebody else has begun
LIKELY = 0.5  # certainty from which a level that was asked for is taken for the likeliest one, and said to be only likely
LOW_MM = 30.0  # height of a scan in which hardly a vertebra can be found
SMALLEST_MM2 = 60.0  # of a cross-section that is worth a prompt
SAMPLED = 4000  # voxels of a mask that are enough to tell in which vertebra it lies


def located(ws: Workspace, job: Job) -> Located:
    """The vertebrae of the case, named by what is in view and by what somebody has named.

    The search is done once a case. Raises RequirementError when the image has no mm or no volume, ModelError without weights.
    """
    job.located = True
    return surveyed(ws.case, job.progress).named(_known(ws))


def surveyed(content: CaseContent, progress: Progress) -> Survey:
    """What the locator sees in a case. It looks once; who asks meanwhile waits. progress may raise Cancelled.

    Raises RequirementError when the image has no mm or no volume, ModelError without weights.
    """
    _require_volume(content)
    surveying = content.surveying
    surveying.waiting += 1
    try:
        while not surveying.lock.acquire(timeout=WAIT_S):
            progress(0.0, "Looking for the spine")
    finally:
        surveying.waiting -= 1
    try:
        if content.survey is None:
            from spinalsam.engine.locate import survey
            from spinalsam.engine.locator_net import shipped_locator

            volume = content.volume
            content.survey = survey(shipped_locator(), volume.voxels, volume.geometry, is_hu=volume.is_hu, progress=progress)
        return content.survey
    finally:
        surveying.lock.release()


def must_look(ws: Workspace, args: Mapping[str, Any]) -> bool:
    """Whether a call that names regions and no place would have to search the whole case first, which takes seconds."""
    named = bool(args.get("regions")) and not args.get("at") and not args.get("corners")
    if not (named and ws.has_case and ws.case.survey is None):
        return False
    levels = {label_value(name) for region in args["regions"] for name in (region, *GROUPS.get(region, ())) if name in LABEL_VALUES}
    return not levels & set(ws.case.extents.counts)


def _require_volume(content: CaseContent) -> None:
    geometry = content.volume.geometry
    if not geometry.has_spacing:
        raise RequirementError("This image has no size in mm, so vertebrae cannot be found in it; set points or a box on them.")
    if min(geometry.shape) < 2:
        raise RequirementError("This is a single slice, in which vertebrae cannot be told apart; set points or a box on them.")


def _known(ws: Workspace) -> dict[int, int]:
    """What somebody has named, by masks and prompts that bear a level: VerSe values by order in the chain."""
    survey = ws.case.survey
    assert survey is not None
    known: dict[int, int] = {}
    for value in ws.case.extents.counts:
        if value in LEVEL_VALUES:
            known.setdefault(survey.order_at(_mask_points(ws, value)), value)
    for box in ws.state.boxes:
        if box.label in LEVEL_VALUES:
            shares = np.linspace(0.2, 0.8, 7)[:, None]
            a, b = np.array(box.corner_a_ijk), np.array(box.corner_b_ijk)
            grid = np.stack(np.meshgrid(*(a + shares * (b - a)).T, indexing="ij"), -1).reshape(-1, 3)
            known.setdefault(survey.order_at(ws.case.volume.geometry.to_mm(grid)), box.label)
    for point in ws.state.points:
        if point.label in LEVEL_VALUES and point.positive:
            known.setdefault(survey.order_at(ws.case.volume.geometry.to_mm([point.ijk])), point.label)
    known.pop(0, None)
    return known


def _mask_points(ws: Workspace, value: int) -> NDArray[np.float64]:
    """LPS mm of some voxels of a label."""
    box = ws.case.extents.box_of(ws.case.mask, value)
    assert box is not None  # it has voxels
    voxels = np.argwhere(ws.case.mask[box] == value) + [part.start for part in box]
    return ws.case.volume.geometry.to_mm(voxels[:: max(1, len(voxels) // SAMPLED)])


def wanted_of(found: Located, regions: Sequence[str]) -> list[tuple[Found, int]]:
    """The located structures that regions mean, head to foot, each with the label value that it gets.

    Raises RequirementError when one of them is not in view, or when it cannot be told which one it is.
    """
    if not found.found:
        height = found.geometry.shape[2] * float(found.geometry.spacing_mm[2])
        thin = f" The scan shows only {height:.0f} mm of the body's height." if height < LOW_MM else ""
        raise RequirementError(f"No vertebra was found in this image; click on it, or drag a box around it with Shift held.{thin}")
    names = _values(found, certain_enough=any(region != "spine" for region in regions))
    values = {label_value(name) for region in regions for name in (region, *GROUPS.get(region, ()), *_variants(region))}
    everything = "spine" in regions
    chosen = [(one, value) for one, value in zip(found.found, names, strict=True) if everything or value in values]
    for region in regions:
        own = {label_value(name) for name in (region, *GROUPS.get(region, ()), *_variants(region))}
        if region != "spine" and not own & {value for _, value in chosen}:
            raise RequirementError(f"{_named(region)} is not in view; there are {in_view(found, names)}.")
    return chosen


def masks_on(
    ws: Workspace, job: Job, ref: SliceRef, regions: Sequence[str], *, may_move: bool
) -> tuple[SliceRef, dict[int, NDArray[np.bool_]]]:
    """Rough masks (rows, columns) of regions on a slice by label value; where none is on it, on one that shows the first of them.

    may_move: whether another slice than `ref` may be chosen. Raises RequirementError when they are not in view, or not on the slice.
    """
    found = located(ws, job)
    wanted = wanted_of(found, regions)
    if not wanted:
        raise RequirementError(
            f"No vertebra of {', '.join(regions)} is in view; there are {in_view(found, _values(found, certain_enough=False))}."
        )
    masks = _cross_sections(ws, found, ref, wanted)
    if masks or not may_move:
        if not masks:
            raise RequirementError(f"{', '.join(regions)} is not on {ref.plane} slice {ref.index + 1}; leave the slice out to go there.")
        return ref, masks
    for index in _slices_of(ws, found, ref, wanted[0][0]):
        there = SliceRef(ref.plane, index)
        masks = _cross_sections(ws, found, there, wanted)
        if masks:
            return there, masks
    raise RequirementError(f"{label_name(wanted[0][1])} is cut by the edge of the scan; set a point or a box on it.")


def middle_of(ws: Workspace, job: Job, region: str) -> tuple[int, int, int]:
    """The voxel in the middle of a region that the locator finds: of a group's middle vertebra.

    Raises RequirementError when it is not in view, or when which vertebra is which cannot be told.
    """
    found = located(ws, job)
    wanted = wanted_of(found, [region])
    if not wanted:
        raise RequirementError(f"No vertebra of {region} is in view; there are {in_view(found, _values(found, certain_enough=False))}.")
    one, _ = wanted[len(wanted) // 2]
    geometry = ws.case.volume.geometry
    nearest = np.clip(np.rint(geometry.to_ijk(one.centre_mm)), 0, np.array(geometry.shape) - 1).astype(int)
    i, j, k = (int(index) for index in nearest.reshape(3))
    return i, j, k


def _slices_of(ws: Workspace, found: Located, ref: SliceRef, one: Found) -> tuple[int, int]:
    """The slice through a vertebra's middle, and the one that shows most of it."""
    plane, geometry = ws.plane(ref.plane), ws.case.volume.geometry
    places = found.geometry.to_mm(np.concatenate([found.geometry.to_ijk(one.centre_mm)[None], np.argwhere(found.owner == one.order)]))
    indices = np.clip(np.rint(geometry.to_ijk(places)[:, plane.normal_axis]).astype(int), 0, plane.count - 1)
    return int(indices[0]), int(np.bincount(indices).argmax())  # with the middle, so that there is one where no voxel is its own


def _cross_sections(ws: Workspace, found: Located, ref: SliceRef, wanted: Sequence[tuple[Found, int]]) -> dict[int, NDArray[np.bool_]]:
    from spinalsam.engine.refine import rough_mask

    geometry, plane = ws.case.volume.geometry, ws.plane(ref.plane)
    low, high = np.zeros(3, int), np.array(geometry.shape)
    low[plane.normal_axis], high[plane.normal_axis] = ref.index, ref.index + 1
    masks = {}
    for one, value in wanted:
        ends = geometry.to_ijk(np.stack([one.lower_mm, one.upper_mm]))[:, plane.normal_axis]
        if geometry.is_orthonormal and not min(ends) - 3 <= ref.index <= max(ends) + 3:
            continue
        mask = np.ascontiguousarray(plane.cut(rough_mask(found, one, geometry, low, high), 0) > 0.5)
        if mask.sum() * np.prod(plane.spacing_mm) >= SMALLEST_MM2:
            masks[value] = mask
    return masks


def _variants(group: str) -> tuple[str, ...]:
    return {"lumbar": ("L6",), "thoracic": ("T13",)}.get(group, ())


def _named(region: str) -> str:
    return f"The {region} spine" if region in GROUPS else region


def _values(found: Located, *, certain_enough: bool) -> list[int]:
    """A label value for each found structure; relative ones where the levels are not known."""
    values = [one.value or RELATIVE_VALUES[one.order - 1] for one in found.found]
    if found.named or not certain_enough:
        return values
    if min((one.certainty for one in found.vertebrae), default=0.0) < LIKELY:
        raise RequirementError(
            f"Which vertebra is which cannot be told: {ambiguity(found)}. Name one, by a box or a mask with its label, "
            "or segment the spine, which numbers them from the topmost."
        )
    return [*found.likeliest, *values[len(found.likeliest) :]]


def ambiguity(found: Located) -> str:
    """The readings of the levels with their chance, such as 'T12 to L5 (62 %) or T11 to L4 (30 %)'; empty where there is none."""
    if not found.likeliest:
        return ""
    certainty = min(one.certainty for one in found.vertebrae)
    readings = [(found.likeliest, certainty), *found.readings]
    return " or ".join(f"{_range(values)} ({round(100 * chance)} %)" for values, chance in readings[:4])


def _range(values: Sequence[int]) -> str:
    first, last = label_name(values[0]), label_name(values[-1])
    return first if len(values) == 1 else f"{first} to {last}"


def in_view(found: Located, values: Sequence[int]) -> str:
    """What was found, in words."""
    own = [value for value in values if value != label_value("sacrum")]
    sacrum = " and the sacrum" if len(own) < len(values) else ""
    return (_range(own) if own else "no vertebra") + sacrum

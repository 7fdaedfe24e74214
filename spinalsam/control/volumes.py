"""Masks beyond one slice: a mask carried through the slices, and whole structures from what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.editing import refuse_locked
from spinalsam.control.looking import shown_after
from spinalsam.control.masking import best_voxel, values_of
from spinalsam.control.operation import MaskEdit, OperationResult
from spinalsam.control.painting import block_edit, to_slab
from spinalsam.control.prompting import decode, prompts_on
from spinalsam.control.whole_spine import Report, segment_located
from spinalsam.errors import ModelError, RequirementError
from spinalsam.support.anatomy import GROUPS, LABEL_VALUES, RELATIVE_VALUES, label_value
from spinalsam.support.planes import PLANES, SliceRef
from spinalsam.support.prompts import BoxPrompt, Prompt

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace
    from spinalsam.engine.locator_net import LocatorNet
    from spinalsam.engine.propagate import Step, Walk
    from spinalsam.engine.whole import Grown

Mask = NDArray[np.bool_]

VERTEBRAE = {value for name, value in LABEL_VALUES.items() if name not in ("sacrum", "coccyx", *GROUPS)}
UNSURE = 0.6  # predicted IoU below which a slice of a walk wants a look
DOUBTFUL = 0.8  # agreement between the planes below which a grown mask wants a look


def propagate_from(ws: Workspace, job: Job, ref: SliceRef, *, direction: str, value: int | None) -> OperationResult:
    """Carry a label's mask on a slice up, down or both ways. Raises RequirementError when there is no mask to carry."""
    label = value or _current_label(ws, ref)
    refuse_locked(ws, label)
    start = ws.plane(ref.plane).cut(ws.case.mask, ref.index) == label
    if not start.any():
        name = ws.state.label(label).name
        raise RequirementError(f"There is no mask of {name} on {ref.plane} slice {ref.index + 1}; generate one there first.")
    args = {"direction": direction, "plane": ref.plane, "slice": ref.index + 1, "value": label}
    if direction == "both" and _grows(ws, label):
        return _grown_result(ws, job, {ref: np.ascontiguousarray(start)}, label, args)
    walks = _walks(ws, job, ref, start, label, direction)
    edit = _edit(ws, ref.plane, label, {step.index: step.mask for walk in walks.values() for step in walk.steps})
    return _walked(ws, ref, label, walks, edit, args)


def _grows(ws: Workspace, label: int) -> bool:
    """Whether the label is one vertebra, in a volume, and the network can afford to look at it from all sides."""
    several = {LABEL_VALUES[name] for name in ("sacrum", "coccyx", *GROUPS)}
    thick = min(ws.case.volume.geometry.shape) > 1
    return thick and label not in several and getattr(ws.segmenter(), "encodes_windows", False)


def _grown(ws: Workspace, job: Job, starts: Mapping[SliceRef, Mask], label: int) -> Grown:
    """The whole vertebra from its masks on some slices; slices with prompts of its own are kept as they are."""
    from spinalsam.engine.whole import grow

    known = {ref: mask for ref, mask in starts.items() if mask.any()}
    for plane in PLANES:
        anchors = {SliceRef(plane, index): mask for index, mask in _anchors(ws, plane, label).items() if mask.any()}
        known = {**anchors, **known}
    volume, locator = ws.case.volume, locator_for(ws, job, label)
    return grow(ws.segmenter(), volume.voxels, volume.geometry, known, is_hu=volume.is_hu, locator=locator, progress=job.progress)


def locator_for(ws: Workspace, job: Job, label: int) -> LocatorNet | None:
    """The network that bounds a vertebra by its neighbours; None for what is no vertebra, without mm, and where its weights are missing."""
    from spinalsam.engine.locator_net import shipped_locator

    vertebra = label in VERTEBRAE or label in RELATIVE_VALUES
    if not vertebra or not ws.case.volume.geometry.has_spacing:
        return None
    try:
        network = shipped_locator()
    except ModelError:
        return None
    job.located = True
    return network


def _grown_result(ws: Workspace, job: Job, starts: Mapping[SliceRef, Mask], label: int, args: dict[str, Any]) -> OperationResult:
    grown = _grown(ws, job, starts, label)
    name = ws.state.label(label).name
    edit = _grown_edit(ws, grown, label)
    plane = ws.plane("axial")
    across = tuple(axis for axis in range(3) if axis != plane.normal_axis)
    held = np.flatnonzero(grown.mask.any(axis=across)) + grown.lower_ijk[plane.normal_axis]
    millilitres = float(grown.mask.sum() * ws.case.volume.geometry.voxel_mm3 / 1000)
    data = {
        "label": label,
        "plane": "axial",
        "slices": [{"slice": int(index) + 1} for index in held],
        "volume_ml": round(millilitres, 3),
        "agreement": round(grown.agreement, 3),
        "wants_look": grown.agreement < DOUBTFUL,
    }
    if edit is None:
        return OperationResult(f"The mask of {name} is the same as before.", data, replay_args=args)
    view = shown_after(ws, edit, [label])
    message = (
        f"{name} in 3-D: {millilitres:.1f} ml on axial slices {held[0] + 1} to {held[-1] + 1}; "
        f"the planes agree to {grown.agreement:.2f}{' - look at it' if grown.agreement < DOUBTFUL else ''}."
    )
    return OperationResult(message, data, view, edit, args, f"Propagate {name} through the volume")


def _grown_edit(ws: Workspace, grown: Grown, label: int) -> MaskEdit | None:
    """The edit that puts a grown mask in place of what the label had within its box; other labels stay."""
    box = tuple(slice(low, low + n) for low, n in zip(grown.lower_ijk, grown.mask.shape, strict=True))
    block = ws.case.mask[box]
    after = block.astype(np.uint16) if label > np.iinfo(block.dtype).max else block.copy(order="F")
    after[after == label] = 0
    after[grown.mask & (after == 0)] = label
    return block_edit(ws.case.mask, grown.lower_ijk, after)


def _walked(
    ws: Workspace, ref: SliceRef, label: int, walks: Mapping[str, Walk], edit: MaskEdit | None, args: dict[str, Any]
) -> OperationResult:
    name = ws.state.label(label).name
    steps = sorted((step for walk in walks.values() for step in walk.steps), key=lambda step: step.index)
    ends = "; ".join(f"{way} until {walk.reason}" for way, walk in walks.items())
    data = {
        "plane": ref.plane,
        "label": label,
        "slices": [{"slice": step.index + 1, "score": step.score, "confidence": step.confidence} for step in steps],
        "ends": {way: walk.reason for way, walk in walks.items()},
        "doubtful": [
            {"label": label, "plane": ref.plane, "slice": step.index + 1, "score": round(step.score, 3)}
            for step in sorted(steps, key=lambda step: step.score)
            if step.score < UNSURE
        ],
    }
    if edit is None:
        return OperationResult(f"{name} does not go on from {ref.plane} slice {ref.index + 1} ({ends}).", data, replay_args=args)
    title = f"Propagate {name} to {len(steps)} {ref.plane} slice{'s' if len(steps) > 1 else ''}"
    message = f"{name} on {len(steps)} more {ref.plane} slices, {steps[0].index + 1} to {steps[-1].index + 1} ({ends})."
    return OperationResult(message, data, edit=edit, replay_args=args, title=title)


def _current_label(ws: Workspace, ref: SliceRef) -> int:
    """The label that 'the mask' means on a slice: the active one, the last one generated there, or the only one."""
    labels = ws.plane(ref.plane).cut(ws.case.mask, ref.index)
    there = [int(value) for value in np.unique(labels) if value]
    last = ws.state.candidates
    if last is not None and last.ref == ref and last.label in there:
        return last.label
    if ws.state.active_label in there:
        return ws.state.active_label
    if len(there) == 1:
        return there[0]
    where = f"{ref.plane} slice {ref.index + 1}"
    if not there:
        raise RequirementError(f"There is no mask on {where}; generate one there first, or go to a slice that has one.")
    names = ", ".join(ws.state.label(value).name for value in there)
    raise RequirementError(f"There are several masks on {where} ({names}); choose one as the label first.")


def directions(ws: Workspace, ref: SliceRef, direction: str) -> dict[str, range]:
    """The slices to visit in each wanted direction, nearest first.

    'up' is toward the head where the slices are stacked along the body; on sagittal slices it is toward the patient's left, on
    coronal ones toward the back, which is where the world axes increase.
    """
    plane = ws.plane(ref.plane)
    geometry = plane.geometry
    world = geometry.world_axes[plane.normal_axis]
    rises = geometry.direction[world, plane.normal_axis] > 0
    onward, back = range(ref.index + 1, plane.count), range(ref.index - 1, -1, -1)
    ways = {"up": onward if rises else back, "down": back if rises else onward}
    return ways if direction == "both" else {direction: ways[direction]}


def _walks(ws: Workspace, job: Job, ref: SliceRef, start: Mask, label: int, direction: str) -> dict[str, Walk]:
    from spinalsam.engine.propagate import walk

    plane = ws.plane(ref.plane)
    anchors = _anchors(ws, ref.plane, label)
    ways = directions(ws, ref, direction)
    total = max(sum(len(indices) for indices in ways.values()), 1)
    visited = 0

    def on_step(step: Step) -> None:
        nonlocal visited
        visited += 1
        job.progress(visited / total, f"{ref.plane.capitalize()} slice {step.index + 1} of {plane.count}")

    walks = {}
    for number, (way, indices) in enumerate(ways.items()):
        job.check()
        walks[way] = walk(
            ws.segmenter(),
            lambda index: ws.embedding(SliceRef(ref.plane, index)),
            start,
            start_index=ref.index,
            indices=indices,
            anchors=anchors,
            on_step=on_step,
        )
        visited = sum(len(one) for one in list(ways.values())[: number + 1])
    return walks


def _anchors(ws: Workspace, plane: str, label: int) -> dict[int, Mask]:
    """The label's masks on slices where someone has set prompts for it: they are kept as they are."""
    marked = {item.ref.index for item in ws.state.prompts if item.label == label and item.ref.plane == plane}
    cut = ws.plane(plane).cut
    return {index: cut(ws.case.mask, index) == label for index in marked}


def _edit(ws: Workspace, plane_name: str, label: int, masks: Mapping[int, Mask]) -> MaskEdit | None:
    """The edit that puts a label's masks on slices, in place of what the label had there; other labels stay."""
    if not masks:
        return None
    plane = ws.plane(plane_name)
    mask = ws.case.mask
    first, last = min(masks), max(masks)
    box = [slice(0, n) for n in mask.shape]
    box[plane.normal_axis] = slice(first, last + 1)
    block = mask[tuple(box)]
    after = block.astype(np.uint16) if label > np.iinfo(mask.dtype).max else block.copy(order="F")
    for index, given in masks.items():
        part = [slice(None)] * 3
        part[plane.normal_axis] = slice(index - first, index - first + 1)
        piece = after[tuple(part)]
        piece[piece == label] = 0
        piece[to_slab(plane, given) & (piece == 0)] = label
    return block_edit(mask, (box[0].start, box[1].start, box[2].start), after)


# Whole structures


def segment_regions(ws: Workspace, job: Job, regions: tuple[str, ...]) -> OperationResult:
    """Segment structures through the volume, each from its prompts, its mask or the locator; all in one undo step.

    Raises RequirementError when one of them is not in view or cannot be told from the others.
    """
    starts, whole, searched = _known_starts(ws, job, regions)
    refuse_locked(ws, *starts)
    labels = ws.case.mask.copy(order="F")
    told, data = _grow_all(ws, job, starts, labels)
    report = _rest(ws, job, searched, labels, [*starts, *whole], told)
    if report is not None:
        told += report.sentences
        data += report.structures
    edit = block_edit(ws.case.mask, (0, 0, 0), labels)
    changes = shown_after(ws, edit, [*starts, *whole, *(report.values if report else ())])
    values = [*starts, *(report.values if report else ())]
    names = ", ".join(ws.state.label(value).name for value in values) or ", ".join(regions)
    doubtful = list(report.doubtful) if report else []
    if edit is None:
        return OperationResult(f"The mask of {names} is the same as before.", {"structures": data, "doubtful": doubtful}, changes)
    if len(values) == 1 and regions == (ws.state.label(values[0]).name,):
        changes["active_label"] = values[0]  # what was asked for by its name is what the next click corrects
    title = f"Segment {names}" if len(values) < 4 else f"Segment {len(values)} structures"
    return OperationResult(f"{_sentence(told)}.", {"structures": data, "doubtful": doubtful}, changes, edit, title=title)


def _rest(ws: Workspace, job: Job, regions: Sequence[str], labels: NDArray, known: Sequence[int], told: list[str]) -> Report | None:
    """What must be looked for. Where something is known already, not finding the rest is told and no error."""
    if not regions:
        return None
    try:
        return segment_located(ws, job, regions, labels, skip=known)
    except RequirementError as error:
        if not known:
            raise
        told.append(f"nothing else: {str(error).rstrip('.')}")
        return None


def _sentence(told: Sequence[str]) -> str:
    text = "; ".join(told)
    return text[:1].upper() + text[1:]


def _known_starts(ws: Workspace, job: Job, regions: Sequence[str]) -> tuple[dict[int, dict[SliceRef, Mask]], list[int], list[str]]:
    """(masks on slices to grow from by label, labels that are whole already, regions that must be looked for)."""
    starts: dict[int, dict[SliceRef, Mask]] = {}
    whole: list[int] = []
    searched: list[str] = []
    for region in regions:
        found = _starts(ws, job, region)
        if region in GROUPS and ws.locator is None:
            # The rest of a group is looked for; what is locked stays, and what has a mask through the volume, unless prompts ask for it.
            prompted, locked = {item.label for item in ws.state.prompts}, ws.state.locked_values
            done = [value for value in values_of([region]) if value in locked or (value not in prompted and _is_whole(ws, value))]
            found = {value: slices for value, slices in found.items() if value not in done}
            whole += done
            searched.append(region)
        elif not found:
            searched.append(region)
        starts.update(found)
    return starts, whole, searched


def _is_whole(ws: Workspace, value: int) -> bool:
    """Whether a label's mask reaches through several slices of every plane."""
    box = ws.case.extents.box_of(ws.case.mask, value) if value in ws.case.extents.counts else None
    return box is not None and all(part.stop - part.start >= min(3, n) for part, n in zip(box, ws.case.mask.shape, strict=True))


def _grow_all(
    ws: Workspace, job: Job, starts: Mapping[int, Mapping[SliceRef, Mask]], labels: NDArray
) -> tuple[list[str], list[dict[str, Any]]]:
    """Carry known masks through the volume into `labels`; what is to be told of each."""
    told: list[str] = []
    data: list[dict[str, Any]] = []
    for number, (label, slices) in enumerate(starts.items()):
        job.progress(number / len(starts), ws.state.label(label).name)
        if _grows(ws, label):
            grown = _grown(ws, job, slices, label)
            edit = _grown_edit(ws, grown, label)
            told.append(f"segmented {ws.state.label(label).name} in 3-D (the planes agree to {grown.agreement:.2f})")
            data.append({"label": label, "agreement": round(grown.agreement, 3)})
        else:
            masks = _through(ws, job, slices, label)
            plane = next(iter(slices)).plane
            edit = _edit(ws, plane, label, masks)
            told.append(f"segmented {ws.state.label(label).name} on {len(masks)} {plane} slices")
            data.append({"label": label, "plane": plane, "slices": sorted(index + 1 for index in masks)})
        if edit is not None:
            _merge(labels, edit, label)
    return told, data


def _merge(labels: NDArray, edit: MaskEdit, label: int) -> None:
    """Put one structure into the new label map without touching the others that are in it already."""
    block = labels[edit.box]
    gone = (edit.before == label) & (edit.after != label) & (block == label)
    block[gone] = 0
    block[(edit.after == label) & (block == 0)] = label


def _through(ws: Workspace, job: Job, slices: Mapping[SliceRef, Mask], label: int) -> dict[int, Mask]:
    """The structure on all slices: the masks that are known and the walk from the largest of them both ways."""
    from spinalsam.engine.propagate import walk

    ref = max(slices, key=lambda one: int(slices[one].sum()))
    known = {one.index: mask for one, mask in slices.items() if one.plane == ref.plane}
    found = dict(known)
    for indices in directions(ws, ref, "both").values():
        walked = walk(
            ws.segmenter(),
            lambda index: ws.embedding(SliceRef(ref.plane, index)),
            slices[ref],
            start_index=ref.index,
            indices=indices,
            anchors=known,
            on_step=lambda step: job.check(),
        )
        found.update({step.index: step.mask for step in walked.steps})
    return found


def _starts(ws: Workspace, job: Job, region: str) -> dict[int, dict[SliceRef, Mask]]:
    """What is known of a region: masks on slices by label value, from its prompts, its mask, or a locator that was handed over."""
    values = values_of([region])
    prompted = _from_prompts(ws, job, values)
    if prompted:
        return prompted
    masked = {value: start for value in values if (start := _from_mask(ws, value))}
    if masked:
        return masked
    return _from_locator(ws, job, region)


def _from_prompts(ws: Workspace, job: Job, values: Sequence[int]) -> dict[int, dict[SliceRef, Mask]]:
    """Masks of the prompts that are set for these labels."""
    found: dict[int, dict[SliceRef, Mask]] = {}
    state = ws.state
    for ref in dict.fromkeys(item.ref for item in state.prompts if item.label in values):
        job.check()
        kind = "boxes" if any(box.label in values for box in state.boxes_on(ref)) else "points"
        for prompt in prompts_on(state, ref, kind=kind, regions=None):
            if prompt.label in values:
                mask = decode(ws, prompt).masks[0]
                slices = found.setdefault(prompt.label, {})
                slices[ref] = slices[ref] | mask if ref in slices else mask
    return {label: slices for label, slices in found.items() if any(mask.any() for mask in slices.values())}


def _from_mask(ws: Workspace, value: int) -> dict[SliceRef, Mask]:
    """The label's own mask on the slice that shows most of it, in the active plane."""
    plane = ws.state.view.active_plane
    voxel = best_voxel(ws, plane, [value])
    if voxel is None:
        return {}
    ref = SliceRef(plane, voxel[ws.plane(plane).normal_axis])
    return {ref: ws.plane(plane).cut(ws.case.mask, ref.index) == value}


def _from_locator(ws: Workspace, job: Job, region: str) -> dict[int, dict[SliceRef, Mask]]:
    """Masks on the middle axial slice of the boxes that the locator gives, if there is a locator."""
    if ws.locator is None:
        return {}
    levels = GROUPS.get(region, (region,))
    found: dict[int, dict[SliceRef, Mask]] = {}
    for name, (lower, upper) in ws.locator(ws.case.volume, levels, job).items():
        axis = ws.plane("axial").normal_axis
        a, b = list(map(float, lower)), list(map(float, upper))
        a[axis] = b[axis] = float((lower[axis] + upper[axis]) // 2)
        prompt = Prompt("axial", (), BoxPrompt((a[0], a[1], a[2]), (b[0], b[1], b[2])), label_value(name))
        mask = decode(ws, prompt).masks[0]
        if mask.any():
            found[prompt.label] = {prompt.slice_ref(ws.case.volume.geometry): mask}
    return found

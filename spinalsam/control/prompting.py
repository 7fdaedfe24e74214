"""From prompts on a slice to masks on the label map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.editing import refuse_locked
from spinalsam.control.operation import MaskEdit, OperationResult
from spinalsam.control.packing import PackedArray
from spinalsam.control.painting import paint, slice_edit
from spinalsam.control.slice_masks import SliceMask
from spinalsam.control.starting import start_of
from spinalsam.control.state import CandidateMasks, CaseState, PlacedBox, PlacedPoint
from spinalsam.engine.segmenter import Candidates, RoughShape
from spinalsam.errors import InputError, RequirementError
from spinalsam.support.anatomy import GROUPS, label_value, parse_label
from spinalsam.support.planes import PLANES, SliceRef
from spinalsam.support.prompts import BoxPrompt, PointPrompt, Prompt

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@dataclass(frozen=True)
class Painted:
    """What prompts made of a slice: its new labels (rows, columns), what is remembered of it, and the edit, if anything changed."""

    labels: NDArray[np.unsignedinteger]
    slice_masks: tuple[SliceMask, ...]
    edit: MaskEdit | None


def generate(
    ws: Workspace,
    job: Job,
    ref: SliceRef,
    *,
    kind: str,
    regions: Sequence[str] | None,
    refine: bool = True,
    surroundings: bool | None = None,
) -> OperationResult:
    """Masks of the points or boxes (`kind`) on a slice, one for each label's points and each box.

    Prompts that have given their mask already are left as they are; one that was corrected replaces its earlier mask. refine:
    whether an earlier mask may be given to the network as a start. surroundings: see `start_of`.
    """
    prompts = prompts_on(ws.state, ref, kind=kind, regions=regions)
    wanted = [prompt for prompt in prompts if not ws.case.slice_masks.knows(ref, prompt)] or prompts
    refuse_locked(ws, *(prompt.label for prompt in wanted))
    starts = [start_of(ws, job, ref, one, refine=refine and one is wanted[-1], surroundings=surroundings) for one in wanted]
    given = _decode_all(ws, job, wanted, starts)
    result = _result(ws, ref, wanted, given, replaces=True)
    shaped = [isinstance(start, RoughShape) for start in starts]
    refined = starts[-1] is not None and not shaped[-1]
    args: dict[str, Any] = {"plane": ref.plane, "slice": ref.index + 1, "refine": refined, "surroundings": any(shaped)}
    return replace(result, replay_args={**args, **({"regions": list(regions)} if regions else {})})


def prompt_result(ws: Workspace, job: Job, prompt: Prompt, *, surroundings: bool | None = None) -> OperationResult:
    """The mask of one prompt on the slice on which it lies; it only paints, and takes nothing of earlier masks back.

    surroundings: see `start_of`.
    """
    ref = prompt.slice_ref(ws.case.volume.geometry)
    refuse_locked(ws, prompt.label)
    job.progress(0, "Segmenting")
    start = start_of(ws, job, ref, prompt, refine=False, surroundings=surroundings)
    result = _result(ws, ref, [prompt], [decode(ws, prompt, start)], replaces=False)
    return replace(result, replay_args={"prompt": prompt.to_json(), "surroundings": start is not None})


def other_candidate(ws: Workspace, number: int | None) -> OperationResult:
    """Another candidate of the last prompt instead of the one that was painted; number from 1, or the next one."""
    candidates = ws.state.candidates
    assert candidates is not None  # required by the operation
    count = len(candidates.masks)
    chosen = (candidates.chosen + 1) % count if number is None else number - 1
    if not 0 <= chosen < count:
        raise InputError(f"There is no candidate {number}; there are {count}.")
    message = f"Candidate {chosen + 1} of {count}, predicted IoU {candidates.scores[chosen]:.2f}."
    if chosen == candidates.chosen:
        return OperationResult(message)
    refuse_locked(ws, candidates.label)
    painted = put(ws, candidates.ref, [candidates.prompt], [candidates.masks[chosen]], replaces=True)
    changes = {"candidates": replace(candidates, chosen=chosen), "slice_masks": painted.slice_masks}
    title = f"Candidate {chosen + 1} of {count}"
    return OperationResult(message, _candidate_data(chosen, candidates.scores), changes, painted.edit, {"number": chosen + 1}, title)


def unanswered(ws: Workspace, ref: SliceRef) -> str:
    """Which prompts of a slice have not given their mask yet: 'boxes', 'points' or an empty string."""
    for kind in ("boxes", "points"):
        try:
            asked = prompts_on(ws.state, ref, kind=kind, regions=None)
        except RequirementError:
            continue
        if any(not ws.case.slice_masks.knows(ref, prompt) for prompt in asked):
            return kind
    return ""


def dropped(ws: Workspace) -> OperationResult:
    """The slice without what the last prompt has painted, and the case without that prompt."""
    candidates = ws.state.candidates
    assert candidates is not None  # required by the operation
    ref, plane = candidates.ref, ws.plane(candidates.ref.plane)
    refuse_locked(ws, candidates.label)
    before = plane.cut(ws.case.mask, ref.index)
    edit = slice_edit(ws.case.mask, plane, ref.index, ws.case.slice_masks.under(ref, [candidates.prompt], before, ws.state.locked_values))
    name = ws.state.label(candidates.label).name
    changes = {**without_prompt(ws, ref, candidates.prompt), "candidates": None}
    return OperationResult(f"The mask of {name} is taken back.", changes=changes, edit=edit, title=f"Drop the mask of {name}")


def without_prompt(ws: Workspace, ref: SliceRef, prompt: Prompt) -> dict[str, Any]:
    """The case's points and boxes without those of one prompt."""
    clicked = set(prompt.points)
    corners = {(prompt.box.corner_a_ijk, prompt.box.corner_b_ijk)} if prompt.box else set()
    points = tuple(p for p in ws.state.points if p.ref != ref or PointPrompt(p.ijk, p.positive) not in clicked)
    boxes = tuple(b for b in ws.state.boxes if b.ref != ref or (b.corner_a_ijk, b.corner_b_ijk) not in corners)
    return {"points": points, "boxes": boxes}


def decode(ws: Workspace, prompt: Prompt, previous: Any = None) -> Candidates:
    """The network's candidates for a prompt; may encode the slice first. Raises InputError, ModelError or ResourceError."""
    ref, on_slice = prompt.on_slice(ws.case.volume.geometry)
    segmenter, embedding = ws.segmenter(), ws.embedding(ref)
    return ws.answers.get((segmenter, embedding, previous), prompt, lambda: segmenter.decode(embedding, on_slice, previous))


def _decode_all(ws: Workspace, job: Job, prompts: Sequence[Prompt], starts: Sequence[Any]) -> list[Candidates]:
    """The candidates of prompts on one slice; those that start from nothing in one call of the network where it can do that."""
    job.progress(0, "Segmenting")
    segmenter, geometry = ws.segmenter(), ws.case.volume.geometry
    together = [number for number, start in enumerate(starts) if start is None]
    many = getattr(segmenter, "decode_many", None)
    given: dict[int, Candidates] = {}
    if many is not None and len(together) > 1:
        asked = [prompts[number] for number in together]
        found = many(ws.embedding(asked[0].slice_ref(geometry)), [one.on_slice(geometry)[1] for one in asked])
        given = dict(zip(together, found, strict=True))
    for number, (prompt, start) in enumerate(zip(prompts, starts, strict=True)):
        if number not in given:
            job.progress(number / len(prompts), "Segmenting")
            given[number] = decode(ws, prompt, start)
    return [given[number] for number in range(len(prompts))]


def put(ws: Workspace, ref: SliceRef, prompts: Sequence[Prompt], masks: Sequence[NDArray[np.bool_]], *, replaces: bool) -> Painted:
    """Masks (rows, columns) of prompts painted in order on a slice; locked labels stay.

    replaces: first take back what the same prompts, or earlier forms of them, have painted.
    """
    before = ws.plane(ref.plane).cut(ws.case.mask, ref.index)
    labels = ws.case.slice_masks.under(ref, prompts, before, ws.state.locked_values) if replaces else before
    remembered: list[SliceMask] = []
    for prompt, mask in zip(prompts, masks, strict=True):
        remembered.append(SliceMask(ref, prompt, PackedArray.pack(mask), PackedArray.pack(labels)))
        labels = paint(labels, mask, prompt.label, ws.state.locked_values)
    return Painted(labels, tuple(remembered), slice_edit(ws.case.mask, ws.plane(ref.plane), ref.index, labels))


def labels_with(ws: Workspace, ref: SliceRef, prompt: Prompt, mask: NDArray[np.bool_]) -> NDArray[np.unsignedinteger]:
    """The labels of a slice (rows, columns) as they would be once the prompt's mask is put there; nothing is changed."""
    before = ws.plane(ref.plane).cut(ws.case.mask, ref.index)
    return paint(ws.case.slice_masks.under(ref, [prompt], before, ws.state.locked_values), mask, prompt.label, ws.state.locked_values)


def _result(ws: Workspace, ref: SliceRef, prompts: Sequence[Prompt], given: Sequence[Candidates], *, replaces: bool) -> OperationResult:
    painted = put(ws, ref, prompts, [candidates.masks[0] for candidates in given], replaces=replaces)
    names = ", ".join(dict.fromkeys(ws.state.label(prompt.label).name for prompt in prompts))
    where = f"{ref.plane} slice {ref.index + 1}"
    areas = [int(candidates.masks[0].sum()) for candidates in given]
    data = {
        **_candidate_data(0, [float(score) for score in given[-1].scores]),
        "plane": ref.plane,
        "slice": ref.index + 1,
        "masks": [
            {"label": prompt.label, "pixels": area, "score": float(one.scores[0])}
            for prompt, area, one in zip(prompts, areas, given, strict=True)
        ],
    }
    if not any(areas):
        return OperationResult(f"Nothing was found for {names} on {where}; move the prompt or add points.", data)
    if painted.edit is None:
        return OperationResult(f"The mask of {names} on {where} is the same as before.", data)
    last = given[-1]
    candidates = CandidateMasks(
        ref, prompts[-1].label, prompts[-1], last.masks, tuple(float(score) for score in last.scores), 0, tuple(last.low_res)
    )
    changes = {"candidates": candidates, "slice_masks": painted.slice_masks}
    scores = ", ".join(f"{one.scores[0]:.2f}" for one in given)
    message = f"Mask of {names} on {where}: {sum(areas)} pixels, predicted IoU {scores}."
    return OperationResult(message, data, changes, painted.edit, title=f"Mask of {names} on {where}")


def _candidate_data(chosen: int, scores: Sequence[float]) -> dict[str, Any]:
    return {"candidate": chosen + 1, "candidates": len(scores), "scores": list(scores)}


# Which prompts there are


def prompts_on(state: CaseState, ref: SliceRef, *, kind: str, regions: Sequence[str] | None) -> list[Prompt]:
    """The prompts of a slice that ask for masks.

    kind 'points': one prompt a label with all its points, and with its box where one box holds all the positive ones.
    kind 'boxes': one prompt a box, with the points of its label that lie in it. Raises RequirementError when there is none.
    """
    points, boxes = state.points_on(ref), state.boxes_on(ref)
    if not (points if kind == "points" else boxes):
        raise RequirementError(
            f"There are no {kind} on {ref.plane} slice {ref.index + 1}; set some there, or go to a slice that has {kind}."
        )
    make = _point_prompts if kind == "points" else _box_prompts
    prompts = make(ref, points, boxes)
    if not prompts:
        raise RequirementError("There are only negative points; set one on the structure too, or drag a box around it.")
    return _restricted(prompts, state, regions) if regions else prompts


def _point_prompts(ref: SliceRef, points: Sequence[PlacedPoint], boxes: Sequence[PlacedBox]) -> list[Prompt]:
    prompts = []
    for label in dict.fromkeys(point.label for point in points):
        own = [point for point in points if point.label == label]
        positive = [point for point in own if point.positive]
        if not positive:
            continue
        around = [box for box in boxes if box.label == label and all(_holds(box, point) for point in positive)]
        prompts.append(_prompt(ref, own, around[0] if len(around) == 1 else None, label))
    return prompts


def _box_prompts(ref: SliceRef, points: Sequence[PlacedPoint], boxes: Sequence[PlacedBox]) -> list[Prompt]:
    return [_prompt(ref, [point for point in points if point.label == box.label and _holds(box, point)], box, box.label) for box in boxes]


def _prompt(ref: SliceRef, points: Sequence[PlacedPoint], box: PlacedBox | None, label: int) -> Prompt:
    clicked = tuple(PointPrompt(point.ijk, point.positive) for point in points)
    return Prompt(ref.plane, clicked, BoxPrompt(box.corner_a_ijk, box.corner_b_ijk) if box else None, label)


def _holds(box: PlacedBox, point: PlacedPoint) -> bool:
    """Whether the point lies in the box or close to it: a fifth of its size around counts too, for parts the box has missed."""
    corners = np.array([box.corner_a_ijk, box.corner_b_ijk])
    low, high = corners.min(axis=0), corners.max(axis=0)
    room = 0.2 * (high - low) + 0.5
    return bool(np.all(np.asarray(point.ijk) >= low - room) and np.all(np.asarray(point.ijk) <= high + room))


def _restricted(prompts: list[Prompt], state: CaseState, regions: Sequence[str]) -> list[Prompt]:
    """Only the prompts of these regions; prompts that have no level yet get the one region that was said."""
    wanted = {label_value(name) for region in regions for name in (region, *GROUPS.get(region, ()))}
    found = [prompt for prompt in prompts if prompt.label in wanted]
    if found:
        return found
    unnamed = {label_value(group) for group in GROUPS}
    if len(regions) == 1 and all(prompt.label in unnamed for prompt in prompts):
        return [replace(prompt, label=label_value(regions[0])) for prompt in prompts]
    there = ", ".join(dict.fromkeys(state.label(prompt.label).name for prompt in prompts))
    raise RequirementError(f"The prompts on this slice are for {there}, none is for {', '.join(regions)}; set one for it.")


def prompt_from_json(value: Any) -> Prompt:
    """One line of a prompts file: plane, points [[i,j,k,1],...], box [[i,j,k],[i,j,k]], label. Raises InputError."""
    if not isinstance(value, Mapping):
        raise InputError('A prompt is an object such as {"points": [[30,40,5,1]], "label": "L3"}.')
    unknown = set(value) - {"plane", "points", "box", "label"}
    if unknown:
        raise InputError(f"A prompt has no '{sorted(unknown)[0]}'; it has plane, points, box and label.")
    plane = value.get("plane", "axial")
    if plane not in PLANES:
        raise InputError(f"The plane of a prompt is {', '.join(PLANES)}, not {plane!r}.")
    points = tuple(_point(point) for point in _items(value.get("points", ()), "points"))
    box = value.get("box")
    corners = None if box is None else [_voxel(corner, "box") for corner in _items(box, "box")]
    if corners is not None and len(corners) != 2:
        raise InputError("A box is two corner voxels [[i0,j0,k0],[i1,j1,k1]].")
    label = value.get("label", 1)
    if not isinstance(label, (str, int)):
        raise InputError(f"A label is a region name such as L3 or an integer from 1 to 255, not {label!r}.")
    return Prompt(plane, points, BoxPrompt(corners[0], corners[1]) if corners else None, parse_label(label))


def _items(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"'{name}' of a prompt must be a list, not {value!r}.")
    return value


def _point(value: Any) -> PointPrompt:
    numbers = _items(value, "points")
    positive = numbers[3] if len(numbers) == 4 else 1
    if len(numbers) not in (3, 4) or positive not in (0, 1):
        raise InputError(f"A point is [i, j, k] or [i, j, k, 1 or 0], not {value!r}.")
    return PointPrompt(_voxel(numbers[:3], "points"), bool(positive))


def _voxel(value: Any, name: str) -> tuple[float, float, float]:
    numbers = _items(value, name)
    fits = len(numbers) == 3 and all(isinstance(n, (int, float)) and not isinstance(n, bool) and abs(n) < 1e9 for n in numbers)
    if not fits:
        raise InputError(f"A voxel in '{name}' is three numbers [i, j, k], not {value!r}.")
    i, j, k = (float(n) for n in numbers)
    return i, j, k

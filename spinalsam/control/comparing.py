"""The case's mask against a reference: Dice and HD95 of every label, and what is drawn where they differ.

The reference is a mask file or the case's own mask as it was some steps ago.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.label_table import overlap
from spinalsam.control.operation import OperationResult, resampling_offered
from spinalsam.control.painting import Box, put_block, union_box
from spinalsam.control.state import LabelInfo, ReferenceMask
from spinalsam.errors import RequirementError, UsageError
from spinalsam.support.geometry import Geometry
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

Labels = NDArray[np.unsignedinteger]
# What `difference` gives: only the case's mask holds, only the reference does, both hold but with different labels.
ONLY_OURS, ONLY_REFERENCE, OTHER_LABEL = 1, 2, 3
# So many labels that only one of the two has are named in a sentence.
MOST_NAMED = 6


@dataclass(frozen=True)
class LabelComparison:
    """One label in both masks. dice: 0 to 1. hd95_mm: None where one of the two has no voxel; pixels without a spacing."""

    dice: float
    hd95_mm: float | None
    voxels: int
    reference_voxels: int


@dataclass(frozen=True)
class CompareRequest:
    """All that a comparison is made from, taken on the main thread: the worker only reads voxels.

    boxes: of the labels of the case's mask, at least as large as they are. changed: boxes of the mask that have changed since the
    earlier comparison was asked for.
    """

    mask: Labels
    boxes: Mapping[int, Box]
    reference: ReferenceMask
    geometry: Geometry
    infos: tuple[LabelInfo, ...]
    changed: tuple[Box, ...] = ()

    @classmethod
    def of(cls, ws: Workspace, reference: ReferenceMask, changed: Sequence[Box] = ()) -> CompareRequest:
        case = ws.case
        return cls(case.mask, dict(case.extents.boxes), reference, case.volume.geometry, case.state.labels, tuple(changed))

    def name(self, value: int) -> str:
        return next((info.name for info in self.infos if info.value == value), LabelInfo.of(value).name)


Comparison = dict[int, LabelComparison]


def compare_labels(
    request: CompareRequest,
    earlier: Mapping[int, LabelComparison] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Comparison:
    """Every label that one of the two masks has; figures of `earlier` are kept where nothing of the label lies in a changed box."""
    found: Comparison = {}
    values = sorted({*request.boxes, *request.reference.boxes})
    for number, value in enumerate(values):
        if progress is not None:
            progress(number / len(values), f"Comparing {request.name(value)}")
        around = union_box([one for one in (request.boxes.get(value), request.reference.boxes.get(value)) if one is not None])
        assert around is not None  # the value occurs in one of the two
        known = (earlier or {}).get(value)
        # A label that has lost all its voxels has no box any more; its figures are made anew.
        same = known is not None and bool(known.voxels) == (value in request.boxes)
        if known is not None and same and not any(overlap(around, changed) for changed in request.changed):
            found[value] = known
            continue
        one = _compared(request, value, around)
        if one.voxels or one.reference_voxels:
            found[value] = one
    return found


def _compared(request: CompareRequest, value: int, around: Box) -> LabelComparison:
    """One label, looked at only where either mask has it."""
    from spinalsam.support.metrics import dice, hd95_mm

    region = tuple(slice(low, high) for low, high in zip(*around, strict=True))
    ours, theirs = request.mask[region] == value, request.reference.labels[region] == value
    geometry = request.geometry
    distance = hd95_mm(ours, theirs, geometry.spacing_mm if geometry.has_spacing else None)
    return LabelComparison(
        float(dice(ours, theirs)),
        float(distance) if np.isfinite(distance) else None,
        int(np.count_nonzero(ours)),
        int(np.count_nonzero(theirs)),
    )


def comparison_data(request: CompareRequest, found: Mapping[int, LabelComparison]) -> dict[str, Any]:
    """As JSON: 'path', 'title', 'labels' by value, 'mean' over the 'labels_in_both'."""
    common = [one for one in found.values() if one.voxels and one.reference_voxels]
    mean = {"dice": _mean([one.dice for one in common]), "hd95_mm": _mean([one.hd95_mm for one in common])}
    labels = {str(value): {"name": request.name(value), **vars(one)} for value, one in sorted(found.items())}
    reference = request.reference
    return {"path": reference.path, "title": reference.title, "labels": labels, "mean": mean, "labels_in_both": len(common)}


def comparison_sentence(data: Mapping[str, Any], *, has_spacing: bool) -> str:
    """What `comparison_data` says, in words."""
    labels, mean, common = data["labels"], data["mean"], data["labels_in_both"]
    missing = [row["name"] for row in labels.values() if not row["voxels"]]
    extra = [row["name"] for row in labels.values() if not row["reference_voxels"]]
    unit = "mm" if has_spacing else "pixels"
    text = f"Against '{data['title']}': "
    if mean["dice"] is None or mean["hd95_mm"] is None:
        text += "no label is in both."
    else:
        text += f"mean Dice {mean['dice']:.3f}, mean HD95 {mean['hd95_mm']:.1f} {unit} over {common} label{'s' if common > 1 else ''}."
    text += f" Only in the reference: {_some(missing)}." if missing else ""
    return text + (f" Not in the reference: {_some(extra)}." if extra else "")


def _some(names: Sequence[str]) -> str:
    """The first of many names, and how many there are besides; all of them are in the data."""
    more = len(names) - MOST_NAMED
    return ", ".join(names if more < 2 else [*names[:MOST_NAMED], f"{more} more labels"])


def compare(
    ws: Workspace,
    job: Job,
    path: str | None,
    *,
    steps_back: int | None = None,
    resample: bool = False,
    label_table: str | None = None,
) -> OperationResult:
    """Dice and HD95 (mm) per label against a mask file, the mask `steps_back` steps ago, or again against what was given last.

    Raises InputError where the file is no mask on this grid, RequirementError when nothing was given yet or there are fewer steps,
    UsageError for both at once.
    """
    if path is not None and steps_back is not None:
        raise UsageError("Compare with a file or with an earlier state, not with both at once.")
    args: dict[str, Any] = {"path": path} if steps_back is None else {"steps_back": steps_back}
    if path is not None:
        reference = _from_file(ws, job, path, resample=resample, label_table=label_table)
        args = {"path": reference.path}
    elif steps_back is not None:
        job.progress(None, "Going back")
        reference = _earlier(ws, steps_back)
    elif ws.state.reference is not None:
        reference = ws.state.reference
        args = {"path": reference.path} if reference.path else {}
    else:
        raise RequirementError("There is no reference yet; say which mask file to compare with.")
    request = CompareRequest.of(ws, reference)
    data = comparison_data(request, compare_labels(request, progress=job.progress))
    message = comparison_sentence(data, has_spacing=request.geometry.has_spacing)
    return OperationResult(message, data, {"reference": reference}, None, args)


def _from_file(ws: Workspace, job: Job, path: str, *, resample: bool, label_table: str | None) -> ReferenceMask:
    from spinalsam.data.formats import read_label_volume

    job.progress(None, "Reading")
    source = absolute(path)
    table = absolute(label_table) if label_table else None
    # As a mask is loaded: labels that the file names are taken by their names.
    with resampling_offered("compare_mask", {"path": str(source), **({"label_table": str(table)} if table else {})}):
        found = read_label_volume(source, ws.case.volume.geometry, resample=resample, by_name=True, label_table=table)
    return _with_boxes(ws, str(source), source.name, np.asfortranarray(found.voxels))


def _earlier(ws: Workspace, steps_back: int) -> ReferenceMask:
    """The case's mask as it was so many steps ago."""
    with ws.lock:
        done = ws.case.history.done
        if steps_back > len(done):
            raise RequirementError(
                "There is only 1 step to go back." if len(done) == 1 else f"There are only {len(done)} steps to go back."
            )
        steps, labels = done[len(done) - steps_back :], ws.case.mask.copy(order="F")
    for step in reversed(steps):
        if step.edit is not None:
            labels = put_block(labels, step.edit.lower_ijk, step.edit.block(back=True))
    return _with_boxes(ws, "", f"before: {steps[0].title}", labels)


def _with_boxes(ws: Workspace, path: str, title: str, labels: Labels) -> ReferenceMask:
    before = ws.state.reference
    side_by_side = before is not None and before.side_by_side
    return ReferenceMask(path, title, labels, label_boxes(labels), shown=not side_by_side, side_by_side=side_by_side)


def label_boxes(labels: Labels) -> dict[int, Box]:
    """(first voxel, first voxel beyond) of every label of a label image [i, j, k]."""
    from scipy.ndimage import find_objects

    found: dict[int, Box] = {}
    for number, box in enumerate(find_objects(labels)):
        if box is not None:
            i, j, k = box
            found[number + 1] = (i.start, j.start, k.start), (i.stop, j.stop, k.stop)
    return found


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(sum(there) / len(there)) if there else None


def show_difference(ws: Workspace, visible: bool) -> OperationResult:
    """Draw the difference on the slices, or the labels again."""
    reference = ws.state.reference
    if reference is None or reference.shown == visible:
        return OperationResult("The difference is " + ("drawn already." if visible else "not drawn."))
    changes = {"reference": replace(reference, shown=visible)}
    return OperationResult("The difference is drawn." if visible else "The labels are drawn again.", changes=changes)


def show_side_by_side(ws: Workspace, visible: bool) -> OperationResult:
    """Mask and reference beside each other on the shown plane's slice, each with its own labels; or the mask alone again."""
    reference = ws.state.reference
    if reference is None or reference.side_by_side == visible:
        return OperationResult("Both masks are shown already." if visible else "One mask is shown already.")
    if not visible:
        return OperationResult("The mask is shown alone.", changes={"reference": replace(reference, side_by_side=False)})
    changes = {"reference": replace(reference, side_by_side=True, shown=False)}
    return OperationResult(f"The mask is on the left, '{reference.title}' on the right.", changes=changes)


def difference(labels: Labels, reference: Labels) -> NDArray[np.uint8]:
    """Where two label pictures of equal shape differ: 0, ONLY_OURS, ONLY_REFERENCE or OTHER_LABEL."""
    out = np.zeros(labels.shape, np.uint8)
    out[(labels != 0) & (reference == 0)] = ONLY_OURS
    out[(labels == 0) & (reference != 0)] = ONLY_REFERENCE
    out[(labels != 0) & (reference != 0) & (labels != reference)] = OTHER_LABEL
    return out

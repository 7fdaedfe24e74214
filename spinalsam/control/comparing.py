"""The case's mask against a reference mask: Dice and HD95 of every label, and what is drawn where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.operation import OperationResult, resampling_offered
from spinalsam.control.painting import Box, union_box
from spinalsam.control.state import ReferenceMask
from spinalsam.errors import RequirementError

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

Labels = NDArray[np.unsignedinteger]
# What `difference` gives: only the case's mask holds, only the reference does, both hold but with different labels.
ONLY_OURS, ONLY_REFERENCE, OTHER_LABEL = 1, 2, 3


def compare(ws: Workspace, job: Job, path: str | None, *, resample: bool = False, label_table: str | None = None) -> OperationResult:
    """Dice and HD95 (mm) per label against a mask file, or again against the one that was given last.

    Raises InputError where the file is no mask on this grid, RequirementError when no file was given yet.
    """
    reference = _reference(ws, job, path, resample=resample, label_table=label_table)
    boxes = label_boxes(reference.labels)
    labels: dict[str, Any] = {}
    values = sorted({*ws.case.extents.values, *boxes})
    for number, value in enumerate(values):
        job.progress(number / max(len(values), 1), f"Comparing {ws.state.label(value).name}")
        figures = _figures(ws, reference.labels, value, boxes.get(value))
        labels[str(value)] = {"name": ws.state.label(value).name, **figures}
    common = [row for row in labels.values() if row["voxels"] and row["reference_voxels"]]
    mean = {name: _mean([row[name] for row in common]) for name in ("dice", "hd95_mm")}
    data = {"path": reference.path, "labels": labels, "mean": mean, "labels_in_both": len(common)}
    return OperationResult(
        _sentence(ws, reference, labels, mean, len(common)), data, {"reference": reference}, None, {"path": reference.path}
    )


def _reference(ws: Workspace, job: Job, path: str | None, *, resample: bool, label_table: str | None) -> ReferenceMask:
    from spinalsam.data.formats import read_label_volume

    known = ws.state.reference
    if path is None:
        if known is None:
            raise RequirementError("There is no reference yet; say which mask file to compare with.")
        return known
    job.progress(None, "Reading")
    source = Path(path).expanduser().absolute()
    table = Path(label_table).expanduser().absolute() if label_table else None
    # As a mask is loaded: labels that the file names are taken by their names.
    with resampling_offered("compare_mask", {"path": str(source), **({"label_table": str(table)} if table else {})}):
        found = read_label_volume(source, ws.case.volume.geometry, resample=resample, by_name=True, label_table=table)
    return ReferenceMask(str(source), np.asfortranarray(found.voxels))


def label_boxes(labels: Labels) -> dict[int, Box]:
    """(first voxel, first voxel beyond) of every label of a label image [i, j, k]."""
    from scipy.ndimage import find_objects

    found: dict[int, Box] = {}
    for number, box in enumerate(find_objects(labels)):
        if box is not None:
            i, j, k = box
            found[number + 1] = (i.start, j.start, k.start), (i.stop, j.stop, k.stop)
    return found


def _figures(ws: Workspace, reference: Labels, value: int, box: Box | None) -> dict[str, Any]:
    """Dice, HD95 and sizes of one label, looked at only where either mask has it."""
    from spinalsam.support.metrics import dice, hd95_mm

    around = union_box([one for one in (ws.case.extents.boxes.get(value), box) if one is not None])
    assert around is not None  # the value occurs in one of the two
    region = tuple(slice(low, high) for low, high in zip(*around, strict=True))
    ours, theirs = ws.case.mask[region] == value, reference[region] == value
    geometry = ws.case.volume.geometry
    distance = hd95_mm(ours, theirs, geometry.spacing_mm if geometry.has_spacing else None)
    return {
        "dice": dice(ours, theirs),
        "hd95_mm": distance if np.isfinite(distance) else None,
        "voxels": int(np.count_nonzero(ours)),
        "reference_voxels": int(np.count_nonzero(theirs)),
    }


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _sentence(ws: Workspace, reference: ReferenceMask, labels: Mapping[str, Any], mean: Mapping[str, float | None], common: int) -> str:
    name = Path(reference.path).name
    missing = [row["name"] for row in labels.values() if not row["voxels"]]
    extra = [row["name"] for row in labels.values() if not row["reference_voxels"]]
    unit = "mm" if ws.case.volume.geometry.has_spacing else "pixels"
    text = f"Against '{name}': "
    if mean["dice"] is None or mean["hd95_mm"] is None:
        text += "no label is in both."
    else:
        text += f"mean Dice {mean['dice']:.3f}, mean HD95 {mean['hd95_mm']:.1f} {unit} over {common} label{'s' if common > 1 else ''}."
    text += f" Only in the reference: {', '.join(missing)}." if missing else ""
    return text + (f" Not in the reference: {', '.join(extra)}." if extra else "")


def show_difference(ws: Workspace, visible: bool) -> OperationResult:
    """Draw the difference on the slices, or the labels again."""
    reference = ws.state.reference
    if reference is None or reference.shown == visible:
        return OperationResult("The difference is " + ("drawn already." if visible else "not drawn."))
    changes = {"reference": replace(reference, shown=visible)}
    return OperationResult("The difference is drawn." if visible else "The labels are drawn again.", changes=changes)


def difference(labels: Labels, reference: Labels) -> NDArray[np.uint8]:
    """Where two label pictures of equal shape differ: 0, ONLY_OURS, ONLY_REFERENCE or OTHER_LABEL."""
    out = np.zeros(labels.shape, np.uint8)
    out[(labels != 0) & (reference == 0)] = ONLY_OURS
    out[(labels == 0) & (reference != 0)] = ONLY_REFERENCE
    out[(labels != 0) & (reference != 0) & (labels != reference)] = OTHER_LABEL
    return out

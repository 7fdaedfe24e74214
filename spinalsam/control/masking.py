"""Changes of the label map that need no network: clear, rename values, load, and where a label is seen best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.operation import MaskEdit, OperationResult, resampling_offered
from spinalsam.control.painting import block_edit, bounding_box, union_box
from spinalsam.control.state import LabelInfo
from spinalsam.errors import RequirementError
from spinalsam.support.anatomy import GROUPS, label_value
from spinalsam.support.label_image import label_values
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


def values_of(regions: Sequence[str]) -> list[int]:
    """Label values of regions; a group stands for itself and for its levels."""
    return [label_value(name) for name in dict.fromkeys(name for region in regions for name in (region, *GROUPS.get(region, ())))]


def present(ws: Workspace) -> list[int]:
    """The label values of the mask, ascending."""
    return ws.case.extents.values


def clear_values(ws: Workspace, regions: Sequence[str] | None) -> OperationResult:
    """Clear the masks of the regions, or all that are not locked. Raises RequirementError when there is nothing to clear."""
    there = present(ws)
    wanted = [value for value in there if value in values_of(regions)] if regions else there
    if not wanted:
        raise RequirementError(f"There is no mask of {', '.join(regions or ())}.")
    locked = [value for value in wanted if value in ws.state.locked_values]
    free = [value for value in wanted if value not in locked]
    kept = ", ".join(ws.state.label(value).name for value in locked)
    if not free:
        raise RequirementError(f"{kept} {'is' if len(locked) == 1 else 'are'} locked; unlock to clear.")
    names = ", ".join(ws.state.label(value).name for value in free)
    edit = _replaced(ws, np.isin(ws.case.mask, free), 0)
    message = f"Cleared the mask of {names}.{f' {kept} stays: locked.' if locked else ''}"
    return OperationResult(message, edit=edit, title=f"Clear mask of {names}")


def _replaced(ws: Workspace, where: NDArray[np.bool_], value: int) -> MaskEdit | None:
    box = bounding_box(where)
    if box is None:
        return None
    mask = ws.case.mask
    after = mask[box].astype(np.uint16) if value > np.iinfo(mask.dtype).max else mask[box].copy()
    after[where[box]] = value
    return block_edit(mask, (box[0].start, box[1].start, box[2].start), after)


def loaded(ws: Workspace, job: Job, path: str, *, resample: bool = False, label_table: str | None = None) -> OperationResult:
    """The labels of a mask file painted on the label map; where the file has none, the map stays, and so do locked labels.

    Labels that the file or the label table names are taken by their names. Raises InputError when the file is no mask or lies on
    another grid and `resample` is not asked for.
    """
    from spinalsam.data.formats import read_label_volume

    job.progress(None, "Reading")
    source = absolute(path)
    table = absolute(label_table) if label_table else None
    tables = {"label_table": str(table)} if table else {}
    with resampling_offered("load_mask", {"path": str(source), **tables}):
        found = read_label_volume(source, ws.case.volume.geometry, resample=resample, by_name=True, label_table=table)
    given, mask, locked = found.voxels, ws.case.mask, ws.state.locked_values
    where = (given != 0) & ~np.isin(mask, locked) & ~np.isin(given, locked)
    after = np.where(where, given, mask).astype(np.result_type(given.dtype, mask.dtype))
    edit = block_edit(mask, (0, 0, 0), after)
    if edit is None:
        return OperationResult(f"'{source.name}' holds nothing that is not there already.")
    there = [value for value in label_values(given) if value]
    labels = _with_file_labels(ws, there, found.source.get("labels", {}))
    names = ", ".join(info.name for info in labels if info.value in there and info.value not in locked)
    kept = ", ".join(info.name for info in labels if info.value in there and info.value in locked)
    stays = [f"{kept} {'stay as they are' if ', ' in kept else 'stays as it is'}: locked."] if kept else []
    message = " ".join((f"Loaded {names} from '{source.name}'.", *stays, *found.notes))
    args = {"path": str(source), **({"resample": True} if resample else {}), **tables}
    return OperationResult(message, {"notes": list(found.notes)}, {"labels": labels}, edit, args, f"Load {names}")


def _with_file_labels(ws: Workspace, values: Sequence[int], told: Mapping[int, Any]) -> tuple[LabelInfo, ...]:
    """The case's labels with those of a file added; a label that the case has already keeps its name and colour."""
    known = {info.value for info in ws.state.labels}
    new = [value for value in values if value not in known]
    return (
        *ws.state.labels,
        *(LabelInfo(value, told[value].name, told[value].colour) if value in told else LabelInfo.of(value) for value in new),
    )


def best_voxel(ws: Workspace, plane: str, values: Sequence[int]) -> tuple[int, int, int] | None:
    """The voxel of these labels nearest to their middle on the slice that shows most of them; None when there is none."""
    boxes = [box for value in values if (box := ws.case.extents.boxes.get(value)) is not None]
    around = union_box(boxes)
    if around is None:
        return None
    mask = ws.case.mask[tuple(slice(low, high) for low, high in zip(*around, strict=True))]
    where = np.isin(mask, [value for value in values if value <= np.iinfo(mask.dtype).max])
    axis = ws.plane(plane).normal_axis
    areas = where.sum(axis=tuple(n for n in range(3) if n != axis))
    if not areas.any():
        return None
    index = int(areas.argmax())
    on_slice = np.argwhere(np.take(where, index, axis=axis))
    nearest = on_slice[np.abs(on_slice - on_slice.mean(axis=0)).sum(axis=1).argmin()]
    voxel = np.insert(nearest, axis, index) + around[0]
    return int(voxel[0]), int(voxel[1]), int(voxel[2])

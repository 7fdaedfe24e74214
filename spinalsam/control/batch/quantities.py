"""The figures that a batch gives for every vertebra. A further one is one more function in QUANTITIES.

Each takes the workspace and a job, and returns figures by label value: plain numbers, texts or None, under the names of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from spinalsam.control.batch.flags import largest_piece

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

Quantity = Callable[["Workspace", "Job"], dict[int, dict[str, Any]]]


def sizes(ws: Workspace, job: Job) -> dict[int, dict[str, Any]]:
    """Volume in ml, mean and standard deviation of the image's values, extents in mm."""
    from spinalsam.control.measuring import measured_labels

    is_hu = ws.case.volume.is_hu
    found = {}
    for one in measured_labels(ws, job):
        row = one.to_json(is_hu=is_hu)
        if not is_hu:
            row |= {"mean_hu": None, "sd_hu": None}
        names = ("voxels", "volume_ml", "mean_hu", "sd_hu", "height_mm", "width_mm", "depth_mm")
        found[one.value] = {name: row[name] if name == "voxels" else _rounded(row[name]) for name in names}
    return found


def places(ws: Workspace, job: Job) -> dict[int, dict[str, Any]]:
    """Where each label lies (centre_x_mm, centre_y_mm, centre_z_mm, LPS), and the share of it in its largest piece."""
    case = ws.case
    found = {}
    for value in case.extents.values:
        job.check()
        box = case.extents.box_of(case.mask, value)
        assert box is not None  # it has voxels
        own = case.mask[box] == value
        centre = case.volume.geometry.to_mm(np.argwhere(own).mean(axis=0) + [part.start for part in box])
        x, y, z = (round(float(mm), 1) for mm in np.ravel(centre))
        found[value] = {"centre_x_mm": x, "centre_y_mm": y, "centre_z_mm": z, "largest_piece": round(largest_piece(own), 4)}
    return found


def clinical(ws: Workspace, job: Job) -> dict[int, dict[str, Any]]:
    """Body heights, Genant grade, core HU, the disc below (docs/MEASUREMENTS.md); `not_measured` says why one is empty."""
    from spinalsam.control.quantities import quantities_of

    if not ws.case.volume.geometry.has_spacing:
        return {}
    found = quantities_of(ws, job, ws.case.extents.values)
    return {value: {name: _short(figure) for name, figure in row.items()} for value, row in found.rows.items()}


QUANTITIES: tuple[Quantity, ...] = (sizes, places, clinical)


def quantities(ws: Workspace, job: Job) -> dict[int, dict[str, Any]]:
    """All figures of every label in the mask, by label value."""
    rows: dict[int, dict[str, Any]] = {value: {} for value in ws.case.extents.values}
    for quantity in QUANTITIES:
        for value, figures in quantity(ws, job).items():
            rows[value] |= figures
    return rows


def _short(value: Any) -> Any:
    return round(float(value), 3) if isinstance(value, float) else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)

"""How large structures are and how dense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.masking import values_of
from spinalsam.control.operation import OperationResult
from spinalsam.control.quantities import RESEARCH_USE, drawn, quantities_of
from spinalsam.errors import RequirementError
from spinalsam.support.geometry import Geometry

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace
    from spinalsam.data.volume import Volume


@dataclass(frozen=True)
class Measurement:
    """One label. volume_mm3 and the extents are None where the voxel size is unknown.

    mean, sd: of the image's values (HU where the image is in HU) over the label's voxels. height_mm: from foot to head; width_mm:
    from right to left; depth_mm: from front to back; each over the voxels' full size.
    """

    value: int
    name: str
    voxels: int
    mean: float
    sd: float
    volume_mm3: float | None
    height_mm: float | None
    width_mm: float | None
    depth_mm: float | None

    def to_json(self, *, is_hu: bool) -> dict[str, Any]:
        unit = "hu" if is_hu else "value"
        return {
            "label": self.value,
            "name": self.name,
            "voxels": self.voxels,
            "volume_mm3": self.volume_mm3,
            "volume_ml": None if self.volume_mm3 is None else self.volume_mm3 / 1000,
            f"mean_{unit}": self.mean,
            f"sd_{unit}": self.sd,
            "height_mm": self.height_mm,
            "width_mm": self.width_mm,
            "depth_mm": self.depth_mm,
        }

    def sentence(self, *, is_hu: bool) -> str:
        unit = " HU" if is_hu else ""
        density = f"mean {self.mean:.0f} ± {self.sd:.0f}{unit}"
        if self.volume_mm3 is None:
            return f"{self.name}: {self.voxels} pixels, {density}."
        size = f"{self.height_mm:.1f} x {self.width_mm:.1f} x {self.depth_mm:.1f} mm (height x width x depth)"
        return f"{self.name}: {self.volume_mm3 / 1000:.2f} ml, {density}, {size}."


def measure_labels(ws: Workspace, job: Job, regions: Sequence[str] | None) -> OperationResult:
    """Measure the regions, or every label: size and density of each, and of vertebrae what clinicians measure.

    Raises RequirementError when there is no mask of them.
    """
    measured = measured_labels(ws, job, regions)
    is_hu = ws.case.volume.is_hu
    found = quantities_of(ws, job, [one.value for one in measured])
    said = [f"{one.sentence(is_hu=is_hu)} {found.sentences.get(one.value, '')}".strip() for one in measured]
    said += [found.sentences[0]] if found.sentences.get(0) else []
    cores = any(row["core_hu"] is not None for row in found.rows.values())
    said += ["Cited HU limits (160, 135, 110) hold for L1 at 120 kVp without contrast medium."] if cores else []
    said += [f"For {RESEARCH_USE}."] if found.rows else []
    rows = [one.to_json(is_hu=is_hu) | found.row(one.value) for one in measured]
    data = {"measurements": rows, "cobb": list(found.angles)}
    return OperationResult("\n".join(said), data, drawn(ws, found, rows))


def measured_labels(ws: Workspace, job: Job, regions: Sequence[str] | None = None) -> list[Measurement]:
    """The measurements of the regions, or of every label, by rising value. Raises RequirementError when there is no mask of them."""
    case = ws.case
    wanted = [value for value in case.extents.values if not regions or value in values_of(regions)]
    if not wanted:
        raise RequirementError(f"There is no mask of {', '.join(regions or ())} to measure; segment it first.")
    geometry = measured_geometry(case.volume)
    measured = []
    for number, value in enumerate(wanted):
        job.progress(number / len(wanted), "Measuring")
        box = case.extents.box_of(case.mask, value)
        assert box is not None  # it has voxels
        name = ws.state.label(value).name
        measured.append(measure_one(case.volume.voxels, case.mask, box, geometry, value=value, name=name))
    return measured


def measured_geometry(volume: Volume) -> Geometry:
    """The volume's grid; a lone DICOM slice counts with the thickness that it states."""
    thickness_mm, geometry = volume.source.get("slice_thickness_mm"), volume.geometry
    if not thickness_mm:
        return geometry
    affine = geometry.affine.copy()
    affine[:3, 2] *= thickness_mm / geometry.spacing_mm[2]
    return Geometry(geometry.shape, affine, geometry.has_spacing)


def measure_one(voxels: NDArray, mask: NDArray, box: tuple[slice, ...], geometry: Geometry, *, value: int, name: str) -> Measurement:
    """Measure a label of a mask [i, j, k] inside the box that holds all of it."""
    where = mask[box] == value
    values = voxels[box][where].astype(np.float64)
    volume: float | None = None
    extents: tuple[float | None, float | None, float | None] = (None, None, None)
    if geometry.has_spacing:
        volume = float(values.size * geometry.voxel_mm3)
        indices = np.argwhere(where) + [part.start for part in box]
        across, front, up = (float(mm) for mm in _extents_mm(indices, geometry))
        extents = (up, across, front)
    return Measurement(value, name, values.size, float(values.mean()), float(values.std()), volume, *extents)


def _extents_mm(indices: NDArray, geometry: Geometry) -> NDArray[np.float64]:
    """How far voxels (n, 3) reach along LPS x, y and z, from edge to edge."""
    positions = geometry.to_mm(indices)
    return positions.max(axis=0) - positions.min(axis=0) + np.abs(geometry.affine[:3, :3]).sum(axis=1)

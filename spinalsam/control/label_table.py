"""The live table of the labels: how large, how dense, where, and what is wrong with the levels; only what changed is measured again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.measuring import Measurement, measure_one, measured_geometry
from spinalsam.control.operation import OperationResult
from spinalsam.control.painting import Box, bounding_box
from spinalsam.data.volume import Volume
from spinalsam.support.levels import LevelWarning, Placed, level_warnings

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@dataclass(frozen=True)
class LabelFigures:
    """One label measured, and where its pieces lie."""

    measurement: Measurement
    placed: Placed


@dataclass(frozen=True)
class TableRequest:
    """All that a table is made from, taken on the main thread: the worker only reads voxels.

    boxes, counts: of the labels that have voxels, as `LabelExtents` knows them. changed: boxes of the mask that have changed since
    the earlier table was asked for.
    """

    volume: Volume
    mask: NDArray[np.unsignedinteger]
    boxes: Mapping[int, Box]
    counts: Mapping[int, int]
    changed: tuple[Box, ...] = ()

    @classmethod
    def of(cls, ws: Workspace, changed: Sequence[Box] = ()) -> TableRequest:
        extents = ws.case.extents
        return cls(ws.case.volume, ws.case.mask, dict(extents.boxes), dict(extents.counts), tuple(changed))


Table = dict[int, LabelFigures]


def label_table(request: TableRequest, earlier: Mapping[int, LabelFigures] | None = None, job: Job | None = None) -> Table:
    """The figures of every label; those of `earlier` are kept where nothing of the label lies in a box that has changed."""
    table: Table = {}
    for number, (value, box) in enumerate(sorted(request.boxes.items())):
        if job is not None:
            job.progress(number / len(request.boxes), "Measuring")
        known = (earlier or {}).get(value)
        same = known is not None and known.measurement.voxels == request.counts.get(value)
        if known is not None and same and not any(overlap(box, changed) for changed in request.changed):
            table[value] = known
            continue
        found = _figures(request, value, box)
        if found is not None:
            table[value] = found
    return table


def warnings_of(table: Mapping[int, LabelFigures], names: Mapping[int, str]) -> list[LevelWarning]:
    """What is wrong with the levels, with the labels' shown names."""
    return level_warnings({value: figures.placed for value, figures in table.items()}, names)


def checked(ws: Workspace, job: Job) -> OperationResult:
    """The warnings as an answer."""
    table = label_table(TableRequest.of(ws), job=job)
    found = warnings_of(table, {value: ws.state.label(value).name for value in table})
    message = " ".join(warning.text for warning in found) or "The levels are in order: no duplicate, no gap."
    return OperationResult(message, {"warnings": [warning.to_json() for warning in found]})


def _figures(request: TableRequest, value: int, outer: Box) -> LabelFigures | None:
    region = tuple(slice(low, high) for low, high in zip(*outer, strict=True))
    shape = request.mask[region] == value
    inner = bounding_box(shape)
    if inner is None:
        return None
    box = tuple(slice(part.start + low, part.stop + low) for part, low in zip(inner, outer[0], strict=True))
    measured = measure_one(request.volume.voxels, request.mask, box, measured_geometry(request.volume), value=value, name="")
    return LabelFigures(measured, _placed(request.volume, shape[inner], np.array([part.start for part in box])))


def _placed(volume: Volume, shape: NDArray[np.bool_], first_ijk: NDArray[np.int64]) -> Placed:
    from spinalsam.support.editing.shapes import pieces

    numbers, sizes = pieces(shape)
    found = [_piece(volume, np.argwhere(numbers == n) + first_ijk) for n in range(1, min(2, len(sizes)) + 1)]
    centre = volume.geometry.to_mm(np.argwhere(shape).mean(axis=0) + first_ijk)
    return Placed((float(centre[0]), float(centre[1]), float(centre[2])), tuple(found))


def _piece(volume: Volume, indices: NDArray[np.int64]) -> tuple[tuple[float, float, float], float]:
    """(centre LPS mm, height from foot to head in mm over the voxels' full size) of one piece's voxels (n, 3)."""
    points = volume.geometry.to_mm(indices)
    x, y, z = (float(mm) for mm in points.mean(axis=0))
    return (x, y, z), float(np.ptp(points[:, 2]) + np.abs(volume.geometry.affine[2, :3]).sum())


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share a voxel."""
    return all(a < d and c < b for a, b, c, d in zip(one[0], one[1], other[0], other[1], strict=True))

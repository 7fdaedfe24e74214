"""Where a figure was read, as lines and ellipsoids in patient millimetres, and where these lie on a slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.anatomy import label_name
from spinalsam.support.morphometry.body import Body
from spinalsam.support.morphometry.curves import Cobb
from spinalsam.support.morphometry.spine import VertebraFigures
from spinalsam.support.planes import SlicePlane

KINDS = ("height", "disc", "endplate", "core", "cobb")
# Okabe and Ito's colours, which colour-blind people can tell apart.
COLOURS: dict[str, tuple[int, int, int]] = {
    "height": (86, 180, 233),
    "disc": (0, 200, 140),
    "endplate": (240, 228, 66),
    "core": (230, 159, 0),
    "cobb": (240, 130, 190),
}
LEGEND: dict[str, str] = {
    "height": "Body height mm",
    "disc": "Disc height mm",
    "endplate": "Endplate",
    "core": "Core HU",
    "cobb": "Cobb angle",
}
NEAR_MM = 3.0  # a line is drawn on slices so near to it
COBB_NEAR_MM = 40.0  # the angle is one of projections: its lines are drawn in front of and behind the spine too
_ROUND = 48  # corners of an ellipse


@dataclass(frozen=True, eq=False)
class Mark:
    """One drawn thing. kind: of KINDS. points_mm: (n, 3) a line's points; for 'core' the centre and three half axes (4, 3). All LPS mm.

    value: the label it belongs to. text: what stands beside it. plane: the only plane on which it is drawn, or "" for any.
    """

    kind: str
    value: int
    points_mm: NDArray[np.float64]
    text: str = ""
    plane: str = ""


def marks_of(figures: VertebraFigures, body: Body | None) -> Iterator[Mark]:
    """What was read at one vertebra."""
    value = figures.value
    for plate in (body.superior, body.inferior) if body is not None else ():
        if plate is not None:
            yield Mark("endplate", value, plate.line_mm(1), plane="sagittal")
            yield Mark("endplate", value, plate.line_mm(0), plane="coronal")
    for kind, found in (("height", figures.heights), ("disc", figures.disc)):
        if found is not None:
            for place, line in found.lines_mm.items():
                yield Mark(kind, value, line, f"{getattr(found, f'{place}_mm'):.1f}", "sagittal")
    if figures.core is not None:
        core = figures.core
        yield Mark("core", value, np.vstack([core.centre_mm, core.half_axes_mm.T]), f"{core.mean_hu:.0f} HU")


def cobb_marks(found: Cobb, upper: int, lower: int) -> Iterator[Mark]:
    """The two lines of an angle, the lower one with its size."""
    names = f"{label_name(upper)}-{label_name(lower)}"
    yield Mark("cobb", upper, found.upper_mm, "", found.plane)
    yield Mark("cobb", lower, found.lower_mm, f"Cobb {names} {found.angle_deg:.1f}°", found.plane)


def on_slice(marks: Sequence[Mark], plane: SlicePlane, index: int) -> list[tuple[Mark, NDArray[np.float64]]]:
    """The marks that belong on a slice, each with its line as pixels (n, 2)."""
    geometry, axis, layer_mm = plane.geometry, plane.normal_axis, _layer_mm(plane)
    inverse = np.linalg.inv(geometry.affine)
    found = []
    for mark in marks:
        if mark.plane not in ("", plane.plane):
            continue
        if mark.kind == "core":
            points = _cut_ellipsoid(mark.points_mm, plane, index)
            if points is None:
                continue
            ijk = points @ inverse[:3, :3].T + inverse[:3, 3]
        else:
            ijk = mark.points_mm @ inverse[:3, :3].T + inverse[:3, 3]
            near = COBB_NEAR_MM if mark.kind == "cobb" else max(NEAR_MM, 0.6 * layer_mm)
            if abs(float(ijk[:, axis].mean()) - index) * layer_mm > near:
                continue
        found.append((mark, plane.to_pixel(ijk)))
    return found


def text_place(mark: Mark, corners: NDArray) -> tuple[float, float]:
    """Where the middle of the mark's text stands, from its line's points (n, 2) as drawn, so that the texts of a vertebra keep apart."""
    if mark.kind == "core":
        return float(corners[:, 0].mean()), float(corners[:, 1].max())
    if mark.kind == "height":
        return float(0.75 * corners[0, 0] + 0.25 * corners[-1, 0]), float(0.75 * corners[0, 1] + 0.25 * corners[-1, 1])
    if mark.kind == "cobb":
        return float(0.25 * corners[0, 0] + 0.75 * corners[-1, 0]), float(corners[:, 1].max())
    return float(corners[:, 0].mean()), float(corners[:, 1].mean())


def _normal(plane: SlicePlane) -> NDArray[np.float64]:
    """(3,) unit normal of the slices in LPS."""
    rows, columns = (plane.geometry.affine[:3, axis] for axis in (plane.row_axis, plane.column_axis))
    normal = np.cross(columns, rows)
    return np.asarray(normal / np.linalg.norm(normal))


def _layer_mm(plane: SlicePlane) -> float:
    """How far apart the slices lie, across them."""
    return abs(float(_normal(plane) @ plane.geometry.affine[:3, plane.normal_axis]))


def _cut_ellipsoid(points_mm: NDArray, plane: SlicePlane, index: int) -> NDArray[np.float64] | None:
    """The closed outline (n, 3) in LPS mm where a slice cuts an ellipsoid, or None where it misses it."""
    centre, axes = points_mm[0], points_mm[1:].T
    normal = _normal(plane)
    ijk = np.zeros(3)
    ijk[plane.normal_axis] = index
    # In the space where the ellipsoid is the unit ball, the slice is the plane way @ y = height.
    way = axes.T @ normal
    length = float(np.linalg.norm(way))
    height = float(normal @ (plane.geometry.to_mm(ijk) - centre)) / length
    if abs(height) >= 1:
        return None
    way = way / length
    first = np.cross(way, np.eye(3)[int(np.abs(way).argmin())])
    first /= np.linalg.norm(first)
    second = np.cross(way, first)
    turn = np.linspace(0, 2 * np.pi, _ROUND + 1)
    ring = height * way + np.sqrt(1 - height**2) * (np.outer(np.cos(turn), first) + np.outer(np.sin(turn), second))
    return np.asarray(centre + ring @ axes.T)

"""The vertebral body without its arch, and the two endplates that say how it stands.

The body is what lies in front of the canal: its back wall is where a look from the canal's axis toward the front first meets bone. Over
the body's outline the mask is read column by column along the body's own axis, which gives the upper and the lower surface to a fraction
of a voxel. Planes through their rims are the endplates; the axis is the mean of their normals, and the columns are read again along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.frame import Frame, unit
from spinalsam.support.morphometry.canal import Canal, find_standing
from spinalsam.support.morphometry.sampling import Lattice, Piece, sample

Columns = NDArray[np.float64]

# Distance of columns, and of samples in a column: while the axis is sought, and at last.
COARSE_MM, FINE_MM = (1.5, 1.0), (1.0, 0.5)
REACH_MM = (36.0, 32.0, 28.0)  # sideways, to front and back, up and down from its middle: no body of a vertebra is larger
ROUNDS, SETTLED_DEG = 4, 0.5
# A column belongs to the body where it holds at least this share of the usual height; transverse processes and ribs hold less.
LEAST_COLUMN = 0.5
OPENING_MM = 4.0
RIM_MM = (1.5, 0.55)  # the rim of an endplate: from so far inside the outline to this share of the way to its middle
# Bodies of the neck are at most some 24 mm wide; beside them lie, still in front of the canal, the transverse processes.
NECK_HALF_MM = 10.0
UNCUS_SHARE = 0.6  # on necks only this inner share of the width is plane; beside it stand the uncinate processes
SMALLEST_MM = {"wide": 9.0, "deep": 8.0, "high": 5.0}
PROPORTIONS = (0.65, 2.3)  # width to depth of a whole body, with room for disease
STAIRS_MM = 1.6  # with voxels thicker than this along the axis the surfaces are staircases
LEAST_LAYERS = 4  # slices that a body's height must span
THICKEST_MM = 3.5
CUT_SHARE = 0.08  # of an endplate or of the outline at the edge of the volume


class Unmeasurable(Exception):
    """Why something cannot be measured: the sentence is shown in place of the number. It never leaves the package."""


@dataclass(frozen=True, eq=False)
class Endplate:
    """The plane through an endplate's rim. centre_mm (3,); axes (3, 3): left, back and head, the last its normal; in LPS.

    half_width_mm, half_depth_mm: how far it reaches. rms_mm: how far the rim strays from the plane.
    """

    centre_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    half_width_mm: float
    half_depth_mm: float
    rms_mm: float = 0.0

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit vector toward the head."""
        return self.axes[:, 2]

    def line_mm(self, along: int, length_mm: float | None = None) -> NDArray[np.float64]:
        """Both ends (2, 3) of a line in the plane through its centre, from right to left (0) or front to back (1)."""
        half = (self.half_width_mm, self.half_depth_mm)[along] if length_mm is None else length_mm / 2
        return np.stack([self.centre_mm - half * self.axes[:, along], self.centre_mm + half * self.axes[:, along]])


@dataclass(frozen=True, eq=False)
class Body:
    """A vertebral body. frame: origin in its middle. left, back: local mm of the columns; top, bottom: [left, back] local heights of its
    surfaces, NaN beyond its outline. canal: None where the bone forms no ring.

    missing: why an endplate is missing, by 'superior' or 'inferior'. step_mm: distance of voxels along the axis. cut_aside: whether the
    volume's edge cuts it in front or at a side.
    """

    frame: Frame
    lattice: Lattice
    inside: NDArray[np.bool_]
    top: Columns
    bottom: Columns
    canal: Canal | None
    superior: Endplate | None
    inferior: Endplate | None
    missing: dict[str, str]
    step_mm: float
    cut_aside: bool

    @property
    def height(self) -> Columns:
        return self.top - self.bottom

    @property
    def outline(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.top)

    def endplate(self, which: str) -> Endplate:
        """Raises Unmeasurable, with the reason, where it could not be fitted."""
        plate = self.superior if which == "superior" else self.inferior
        if plate is None:
            raise Unmeasurable(self.missing[which])
        return plate


def find_body(piece: Piece, up: NDArray[np.float64], *, neck: bool = False) -> Body:
    """The body of one vertebra that stands roughly along `up`. neck: C3 to C7, which have uncinate processes.

    Raises Unmeasurable with a sentence where there is no whole body in the mask.
    """
    extent = np.ptp(piece.points_mm, axis=0) + np.abs(piece.affine[:3, :3]).sum(axis=1)
    if extent.min() < SMALLEST_MM["deep"]:
        size = " x ".join(f"{mm:.0f}" for mm in extent)
        raise Unmeasurable(f"the mask is too thin, {size} mm (width x depth x height); segment the whole vertebra first")
    standing = find_standing(piece, up)
    if standing is None:
        raise Unmeasurable("the mask holds next to nothing")
    frame, canal = standing.frame, standing.canal
    for _ in range(ROUNDS):
        turned = _turned(_read(piece, frame, canal, standing.radius_mm, COARSE_MM, neck=neck))
        change = np.degrees(np.arccos(np.clip(turned.axes[:, 2] @ frame.axes[:, 2], -1, 1)))
        frame = turned
        if change < SETTLED_DEG:
            break
    return _read(piece, frame, canal, standing.radius_mm, FINE_MM, neck=neck)


def _turned(body: Body) -> Frame:
    """The frame that the endplates ask for."""
    plates = [plate for plate in (body.superior, body.inferior) if plate is not None]
    up = unit(np.sum([plate.normal for plate in plates], axis=0)) if plates else body.frame.axes[:, 2]
    middle = np.nanmean((body.top + body.bottom) / 2)
    a, b = (axis[np.nonzero(body.outline)[n]].mean() for n, axis in enumerate((body.lattice.left, body.lattice.back)))
    centre = body.frame.to_world((a, b, middle))
    back = body.frame.axes[:, 1]
    if body.canal is not None:
        behind = body.canal.point_mm - centre
        back = behind if np.linalg.norm(behind - (behind @ up) * up) > 4 else back
    return Frame.standing(centre, up, back)


def _read(piece: Piece, frame: Frame, canal: Canal | None, radius_mm: float, steps_mm: tuple[float, float], *, neck: bool) -> Body:
    corners = frame.to_local(piece.corners_mm)
    low, high = np.maximum(corners.min(axis=0), -np.array(REACH_MM)), np.minimum(corners.max(axis=0), np.array(REACH_MM))
    lattice = Lattice.around(np.stack([low, high]), (steps_mm[0], *steps_mm))
    field = sample(piece, frame, lattice)
    inside = _without_arch(field, frame, lattice, canal, radius_mm, neck=neck)
    outline = _outline(inside, lattice)
    step = piece.step_mm(frame.axes[:, 2])
    top, bottom = _surfaces(field, inside, outline, lattice)
    if step > STAIRS_MM:
        top, bottom = smoothed(top, lattice), smoothed(bottom, lattice)
    _check_size(outline, top - bottom, lattice)
    missing, plates = {}, {}
    for which, surface in (("superior", top), ("inferior", bottom)):
        sign = 1.0 if which == "superior" else -1.0
        if _cut_along(piece, frame, lattice, surface, sign):
            missing[which] = f"the edge of the scan cuts its {'upper' if sign > 0 else 'lower'} endplate"
        else:
            plates[which] = _endplate(frame, lattice, surface, step_mm=step, neck=neck)
    return Body(
        frame, lattice, inside, top, bottom, canal, plates.get("superior"), plates.get("inferior"), missing, step,
        _cut_aside(piece, frame, lattice, outline, top, bottom),
    )  # fmt: skip


def _without_arch(
    field: NDArray[np.float32], frame: Frame, lattice: Lattice, canal: Canal | None, radius_mm: float, *, neck: bool
) -> NDArray[np.bool_]:
    """The body's part of the field [left, back, up]."""
    bone = field > 0.5
    if canal is not None:
        bone &= lattice.back[None, :, None] < _back_wall(bone, frame, lattice, canal)[None, None, :]
        if neck:
            bone &= np.abs(lattice.left[:, None] - canal.at(frame, lattice.up)[None, :, 0])[:, None, :] <= NECK_HALF_MM
    else:
        bone &= _thick(bone, lattice, 0.5 * radius_mm)
    parts, count = ndimage.label(bone)
    if not count:
        raise Unmeasurable("no vertebral body was found in the mask")
    middle = tuple(int(np.abs(axis).argmin()) for axis in (lattice.left, lattice.back, lattice.up))
    own = parts[middle] or int(np.bincount(parts.ravel())[1:].argmax()) + 1
    return np.asarray(parts == own)


def _back_wall(bone: NDArray[np.bool_], frame: Frame, lattice: Lattice, canal: Canal) -> NDArray[np.float64]:
    """Local back position of the body's back wall at each height: a straight line through where looks from the canal meet bone."""
    axis = canal.at(frame, lattice.up)
    heights, walls = [], []
    for n, (left, back) in enumerate(axis):
        near = np.abs(lattice.left - left) <= max(3.0, 0.16 * np.sqrt(canal.area_mm2))
        ahead = lattice.back < back
        looked = bone[near][:, ahead, n]
        for row in looked:
            hit = np.flatnonzero(row)
            if hit.size and hit[-1] < row.size - 1:  # the axis itself lies in no bone
                heights.append(lattice.up[n])
                walls.append(lattice.back[ahead][hit[-1]] + lattice.steps_mm[1] / 2)
    if len(walls) < 5:
        raise Unmeasurable("no back wall of the body was found in the mask")
    up, wall = np.array(heights), np.array(walls)
    near_middle = np.abs(up) < 8
    usual = float(np.median(wall[near_middle] if near_middle.any() else wall))
    kept = np.abs(wall - usual) < 6
    line = np.array([0.0, usual])
    for limit in (4.0, 2.5):
        if np.count_nonzero(kept) < 5 or np.ptp(up[kept]) < 4:
            break
        line = np.polyfit(up[kept], wall[kept], 1)
        kept = np.abs(wall - np.polyval(line, up)) < limit
    # A wall leans no further than the body; beyond its own height it is only a guess.
    line[0] = float(np.clip(line[0], -0.45, 0.45))
    return np.asarray(np.polyval(line, lattice.up))


def _thick(bone: NDArray[np.bool_], lattice: Lattice, radius_mm: float) -> NDArray[np.bool_]:
    """Where the bone is thick: what a ball of the radius reaches inside it."""
    steps = lattice.steps_mm
    deep = ndimage.distance_transform_edt(np.pad(bone, 1), sampling=steps)[1:-1, 1:-1, 1:-1] >= radius_mm
    return np.asarray(ndimage.distance_transform_edt(~deep, sampling=steps) <= radius_mm + 1.0) if deep.any() else bone


def _outline(inside: NDArray[np.bool_], lattice: Lattice) -> NDArray[np.bool_]:
    """The columns [left, back] that belong to the body: those of usual height, without thin arms."""
    held = inside.sum(axis=2) * lattice.steps_mm[2]
    usual = float(np.median(held[held >= 0.6 * np.percentile(held[held > 0], 90)]))
    full = held >= LEAST_COLUMN * usual
    across = lattice.steps_mm[0]
    radius = min(OPENING_MM, 0.3 * across * np.sqrt(max(float(full.sum()), 1.0)))
    depth = ndimage.distance_transform_edt(np.pad(full, 1), sampling=across)[1:-1, 1:-1]
    core = depth > radius
    if not core.any():
        raise Unmeasurable("no vertebral body was found in the mask")
    full &= ndimage.distance_transform_edt(~core, sampling=across) <= radius
    parts, count = ndimage.label(full)
    return parts == int(np.bincount(parts.ravel())[1:].argmax()) + 1 if count > 1 else full


def _surfaces(
    field: NDArray[np.float32], inside: NDArray[np.bool_], outline: NDArray[np.bool_], lattice: Lattice
) -> tuple[Columns, Columns]:
    """(top, bottom) [left, back]: the outermost crossings of the mask's edge in each column, NaN beyond the outline."""
    count = len(lattice.up)
    last = count - 1 - inside[..., ::-1].argmax(axis=2)
    first = inside.argmax(axis=2)
    top, bottom = (np.full(outline.shape, np.nan) for _ in range(2))
    at = np.nonzero(outline)
    for surface, index, step in ((top, last, 1), (bottom, first, -1)):
        here = index[at]
        there = np.clip(here + step, 0, count - 1)
        inner, outer = field[(*at, here)], field[(*at, there)]
        share = np.where(inner - outer > 1e-6, (inner - 0.5) / np.maximum(inner - outer, 1e-6), 0.5)
        surface[at] = lattice.up[here] + step * lattice.steps_mm[2] * np.clip(share, 0, 1)
    return top, bottom


def smoothed(surface: Columns, lattice: Lattice) -> Columns:
    """A staircase of thick slices as a smooth surface: a polynomial of second order sideways and fourth order from front to back."""
    at = np.nonzero(~np.isnan(surface))
    left, back = (axis[at[n]] for n, axis in enumerate((lattice.left, lattice.back)))
    half = [max(float(np.ptp(line)) / 2, 1.0) for line in (left, back)]
    x, y = (left - left.mean()) / half[0], (back - back.mean()) / half[1]
    terms = np.stack([x**n * y**m for n in range(3) for m in range(5 - n)], axis=1)
    smooth = np.full(surface.shape, np.nan)
    smooth[at] = terms @ np.linalg.lstsq(terms, surface[at], rcond=None)[0]
    return smooth


def _check_size(outline: NDArray[np.bool_], height: Columns, lattice: Lattice) -> None:
    across, deep = (np.ptp(axis[np.nonzero(outline)[n]]) + lattice.steps_mm[n] for n, axis in enumerate((lattice.left, lattice.back)))
    high = float(np.nanmedian(height))
    size = f"{across:.0f} x {deep:.0f} x {high:.0f} mm (width x depth x height)"
    if across < SMALLEST_MM["wide"] or deep < SMALLEST_MM["deep"] or high < SMALLEST_MM["high"]:
        raise Unmeasurable(f"the body in the mask is too thin, {size}; segment the whole vertebra first")
    if not PROPORTIONS[0] <= across / deep <= PROPORTIONS[1]:
        raise Unmeasurable(f"what is masked has not the proportions of a vertebral body, {size}; look at the mask")


def _endplate(frame: Frame, lattice: Lattice, surface: Columns, *, step_mm: float, neck: bool) -> Endplate:
    """The plane through the rim of a surface [left, back] of local heights."""
    outline = ~np.isnan(surface)
    left, back = np.meshgrid(lattice.left, lattice.back, indexing="ij")
    depth = ndimage.distance_transform_edt(np.pad(outline, 1), sampling=lattice.steps_mm[0])[1:-1, 1:-1]
    middle = left[outline].mean()
    half_width = np.ptp(left[outline]) / 2
    rim = outline & (depth > RIM_MM[0]) & (depth <= max(RIM_MM[1] * depth.max(), RIM_MM[0] + 2))
    if neck:
        rim = outline & (depth > RIM_MM[0]) & (np.abs(left - middle) <= UNCUS_SHARE * half_width)
    plane, rms = fit_plane(left[rim], back[rim], surface[rim], max(0.35, 0.35 * step_mm))
    centre = np.array([middle, back[outline].mean(), 0.0])
    centre[2] = plane @ (centre[0], centre[1], 1.0)
    normal = frame.turn(unit((-plane[0], -plane[1], 1.0)))
    turned = Frame.standing(frame.to_world(centre), normal, frame.axes[:, 1])
    return Endplate(turned.centre_mm, turned.axes, float(half_width), float(np.ptp(back[outline]) / 2), rms)


def fit_plane(left: NDArray, back: NDArray, height: NDArray, least_mm: float) -> tuple[NDArray[np.float64], float]:
    """(slopes to the left and to the back, height at 0) of a plane through points, spurs left out (Tukey's weights), and its RMS in mm.

    least_mm: the scatter that voxels alone give; a surface of thick slices is a staircase, and its steps are no spurs.
    """
    terms = np.stack([left, back, np.ones_like(left)], axis=1)
    weights = np.ones(len(height))
    for _ in range(12):
        plane = np.linalg.lstsq(terms * weights[:, None], height * weights, rcond=None)[0]
        away = height - terms @ plane
        limit = 4.685 * max(least_mm, 1.4826 * float(np.median(np.abs(away))))
        weights = np.where(np.abs(away) < limit, 1 - (away / limit) ** 2, 0.0)
    used = weights > 0
    return np.asarray(plane, np.float64), float(np.sqrt(np.mean(away[used] ** 2)))


def _cut_along(piece: Piece, frame: Frame, lattice: Lattice, surface: Columns, sign: float) -> bool:
    """Whether the mask ends at this surface only because the volume does."""
    at = np.nonzero(~np.isnan(surface))
    points = np.stack([lattice.left[at[0]], lattice.back[at[1]], surface[at]], axis=1)
    step = piece.step_mm(frame.axes[:, 2])
    beyond = frame.to_world(points + np.array([0, 0, sign * (0.6 * step + 0.2)]))
    return float(piece.is_outside(beyond).mean()) > CUT_SHARE


def _cut_aside(piece: Piece, frame: Frame, lattice: Lattice, outline: NDArray[np.bool_], top: Columns, bottom: Columns) -> bool:
    """Whether the edge of the volume cuts the body from a side."""
    edge = outline & ~ndimage.binary_erosion(outline)
    at = np.nonzero(edge)
    points = np.stack([lattice.left[at[0]], lattice.back[at[1]], (top[at] + bottom[at]) / 2], axis=1)
    outward = points[:, :2] - points[:, :2].mean(axis=0)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    step = max(piece.step_mm(frame.axes[:, n]) for n in (0, 1))
    points[:, :2] += outward * (0.6 * step + 0.7)
    return float(piece.is_outside(frame.to_world(points)).mean()) > CUT_SHARE

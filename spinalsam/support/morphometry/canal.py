"""Which way a vertebra stands, told by the hole in it: the canal is the widest opening that one can look through.

The bone is looked at along many directions around the expected one. Seen along the canal, body, pedicles and laminae close a ring, even
where no single slice holds all of them; the direction that shows the largest hole is the canal's, and the hole's middle is its axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.frame import Frame, unit
from spinalsam.support.morphometry.sampling import Lattice, Piece, sample

STEP_MM, PIXEL_MM = 1.5, 2.0
# Two rounds of tilts around the expected direction: how far and how finely, in degrees.
ROUNDS = ((36.0, 12.0), (8.0, 4.0))
LEAST_AREA_MM2 = 60.0  # the smallest canals measure about 150 mm2; a transverse foramen of the neck below 40
# A gap of this width in the ring, where a thin lamina has fallen out of the mask, still counts as closed.
GAP_MM = 4.0
BODY_SECTOR = 0.5  # cosine of the widest angle between 'in front of the canal' and the patient's front


@dataclass(frozen=True)
class Canal:
    """point_mm: on the canal's axis, beside the middle of the vertebra. direction: along it, toward the head. area_mm2: of the hole."""

    point_mm: NDArray[np.float64]
    direction: NDArray[np.float64]
    area_mm2: float

    def at(self, frame: Frame, up_mm: NDArray) -> NDArray[np.float64]:
        """Local (left, back) (n, 2) of the axis at local heights."""
        start, way = frame.to_local(self.point_mm), frame.axes.T @ self.direction
        return start[:2] + np.multiply.outer((up_mm - start[2]) / way[2], way[:2])


@dataclass(frozen=True, eq=False)
class Standing:
    """How a vertebra stands to begin with. frame: origin in the middle of the body. canal: None where the bone forms no ring."""

    frame: Frame
    canal: Canal | None
    radius_mm: float


def find_standing(piece: Piece, up: NDArray[np.float64]) -> Standing | None:
    """A first frame for a vertebra that stands roughly along `up` (unit vector toward the head); None for a mask of almost nothing."""
    centre = piece.points_mm.mean(axis=0)
    behind = np.array([0.0, 1.0, 0.0]) if abs(up[1]) < 0.9 else np.array([0.0, 0.0, 1.0])
    frame = Frame.standing(centre, up, behind)
    lattice = Lattice.around(frame.to_local(piece.corners_mm), (STEP_MM,) * 3)
    field = sample(piece, frame, lattice) > 0.5
    points = lattice.points_mm(field)
    if len(points) < 8:
        return None
    depth = ndimage.distance_transform_edt(np.pad(field, 1), sampling=STEP_MM)[1:-1, 1:-1, 1:-1]
    found = _widest(points)
    if found is None:
        middle, radius = _deepest(lattice, depth, np.ones(field.shape, bool))
        return Standing(Frame(frame.to_world(middle), frame.axes), None, radius)
    tilt, hole, area = found
    way = frame.turn(tilt[:, 2])
    canal_local = tilt @ np.array([hole[0], hole[1], 0.0])
    front = _in_front(frame, canal_local, tilt, lattice, field)
    middle, radius = _deepest(lattice, depth, front)
    point = canal_local + tilt[:, 2] * float((middle - canal_local) @ tilt[:, 2])
    body, canal_mm = frame.to_world(middle), frame.to_world(point)
    return Standing(Frame.standing(body, way, canal_mm - body), Canal(canal_mm, unit(way), area), radius)


def _widest(points: NDArray) -> tuple[NDArray, NDArray, float] | None:
    """(rotation whose last column looks through the canal, the hole's middle across it, its area) of local points (n, 3)."""
    best: tuple[NDArray, NDArray, float] | None = None
    across = np.ascontiguousarray(points.T)
    for close in (0.0, GAP_MM):
        pitch = roll = 0.0
        for reach, step in ROUNDS:
            around = np.arange(-reach, reach + 1e-6, step)
            for more_pitch in around:
                for more_roll in around:
                    tilt = _tilt(pitch + more_pitch, roll + more_roll)
                    hole, area = _hole(tilt[:, :2].T @ across, close)
                    if area >= LEAST_AREA_MM2 and (best is None or area > best[2]):
                        best, chosen = (tilt, hole, area), (pitch + more_pitch, roll + more_roll)
            if best is None:
                break
            pitch, roll = chosen
        if best is not None:
            return best
    return None


def _tilt(pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in np.radians((pitch_deg, roll_deg)))
    return np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])


def _hole(flat_mm: NDArray, close_mm: float) -> tuple[NDArray[np.float64], float]:
    """Middle and area of the largest hole in the shadow of points (2, n)."""
    low = flat_mm.min(axis=1) - 2 * PIXEL_MM
    columns, rows = ((line - least) / PIXEL_MM + 0.5 for line, least in zip(flat_mm, low, strict=True))
    columns, rows = columns.astype(np.intp), rows.astype(np.intp)
    shape = int(columns.max()) + 3, int(rows.max()) + 3
    shadow = np.bincount(columns * shape[1] + rows, minlength=shape[0] * shape[1]).reshape(shape) > 0
    ring = ndimage.binary_closing(shadow, iterations=round(close_mm / PIXEL_MM)) if close_mm else shadow
    parts, count = ndimage.label(~ring)
    if count < 2:
        return np.zeros(2), 0.0
    sizes = np.bincount(parts.ravel())
    sizes[[0, parts[0, 0]]] = 0  # the bone itself, and what lies around it
    largest = int(sizes.argmax())
    return np.argwhere(parts == largest).mean(axis=0) * PIXEL_MM + low, float(sizes[largest]) * PIXEL_MM**2


def _in_front(frame: Frame, canal_local: NDArray, tilt: NDArray, lattice: Lattice, field: NDArray) -> NDArray[np.bool_]:
    """The lattice's points that lie in front of the canal as the patient faces."""
    way = tilt[:, 2]
    front = frame.axes.T @ np.array([0.0, -1.0, 0.0])
    front = unit(front - (front @ way) * way)
    points = lattice.points_mm(field) - canal_local
    points = points - np.multiply.outer(points @ way, way)
    length = np.linalg.norm(points, axis=1)
    inside = np.zeros(field.shape, bool)
    inside[field] = (points @ front) > BODY_SECTOR * np.maximum(length, 1e-6)
    return inside if inside.any() else field


def _deepest(lattice: Lattice, depth: NDArray, where: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """The middle of the thickest part of the bone, and how deep it lies."""
    depth = np.where(where, depth, 0.0)
    parts, _ = ndimage.label(depth > 0.8 * depth.max())
    core = parts == parts[np.unravel_index(int(depth.argmax()), depth.shape)]
    return lattice.points_mm(core).mean(axis=0), float(depth.max())

"""The height of a disc: the gap between two neighbouring bodies, read along the disc's own axis.

The axis is the mean of the two endplates' normals, the reading runs in the middle plane between front and back of both bodies. The lower
neighbour may be the sacrum, whose upper endplate is found by looking down from the body above it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.frame import Frame, unit
from spinalsam.support.morphometry.body import RIM_MM, STAIRS_MM, Body, Endplate, Unmeasurable, fit_plane, smoothed
from spinalsam.support.morphometry.heights import PLACES, STRIP_MM, ThreeHeights, check_layers
from spinalsam.support.morphometry.sampling import Lattice, Piece, sample

REACH_MM = 24.0  # no disc is higher; what lies further below is no neighbour
STEP_MM = 0.5
LEAST_SHARE = 0.5  # of the endplate that must have the neighbour below it


class Disc(ThreeHeights):
    """Of a disc."""

    @property
    def mean_mm(self) -> float:
        return (self.anterior_mm + self.middle_mm + self.posterior_mm) / 3


def disc_between(upper: Body, upper_piece: Piece, lower_plate: Endplate, lower_piece: Piece) -> Disc:
    """The disc between a body's lower endplate and the upper endplate of the bone below it.

    Raises Unmeasurable where an endplate is missing, the slices are too thick or the two are no neighbours.
    """
    plate = upper.endplate("inferior")
    if upper.cut_aside:
        raise Unmeasurable("the edge of the scan cuts the body above it")
    check_layers(upper.step_mm, np.inf)
    gap = float((plate.centre_mm - lower_plate.centre_mm) @ unit(plate.normal + lower_plate.normal))
    if not -4.0 <= gap <= REACH_MM:
        raise Unmeasurable(f"the two bodies stand {gap:.0f} mm apart; they are no neighbours")
    frame = Frame.standing(
        (plate.centre_mm + lower_plate.centre_mm) / 2, plate.normal + lower_plate.normal, plate.axes[:, 1] + lower_plate.axes[:, 1]
    )
    above, below = frame.to_local(plate.centre_mm), frame.to_local(lower_plate.centre_mm)
    front = max(above[1] - plate.half_depth_mm, below[1] - lower_plate.half_depth_mm)
    behind = min(above[1] + plate.half_depth_mm, below[1] + lower_plate.half_depth_mm)
    if behind - front < 8:
        raise Unmeasurable("the two bodies hardly lie above each other")
    half = max(abs(gap), 4.0) / 2 + 7
    stairs = max(upper.step_mm, lower_piece.step_mm(frame.axes[:, 2])) > STAIRS_MM
    wide = max(STRIP_MM, 0.6 * min(plate.half_width_mm, lower_plate.half_width_mm)) if stairs else STRIP_MM
    lattice = Lattice(np.arange(-wide, wide + 0.1), np.arange(front, behind, 1.0), np.arange(-half, half + STEP_MM, STEP_MM))
    roof = _edge(sample(upper_piece, frame, lattice), lattice, upward=True)
    floor = _edge(sample(lower_piece, frame, lattice), lattice, upward=False)
    if stairs:
        roof, floor = smoothed(roof, lattice), smoothed(floor, lattice)
    strip = np.abs(lattice.left) <= STRIP_MM
    figures, lines = {}, {}
    depth = behind - front
    for place, (first, last) in PLACES.items():
        at = (lattice.back >= front + first * depth) & (lattice.back <= front + last * depth)
        high, low = (float(np.nanmean(edge[strip][:, at])) if np.isfinite(edge[strip][:, at]).any() else np.nan for edge in (roof, floor))
        if np.isnan(high) or np.isnan(low):
            raise Unmeasurable("one of the two bodies has no surface there; look at the mask")
        figures[place] = max(float(high - low), 0.0)
        back = float(lattice.back[at].mean())
        lines[place] = frame.to_world(np.array([(0.0, back, high), (0.0, back, low)]))
    return Disc(figures["anterior"], figures["middle"], figures["posterior"], lines)


def _edge(field: NDArray[np.float32], lattice: Lattice, *, upward: bool) -> NDArray[np.float64]:
    """[left, back] the height at which a look from the disc's far side first meets the bone above (upward) or below; NaN for none."""
    rising = field if upward else field[..., ::-1]
    inside = rising > 0.5
    first = inside.argmax(axis=2)
    before = np.maximum(first - 1, 0)
    here, there = (np.take_along_axis(rising, at[..., None], axis=2)[..., 0] for at in (first, before))
    share = np.where(here - there > 1e-6, (here - 0.5) / np.maximum(here - there, 1e-6), 0.0)
    steps = first - np.where(first > 0, share, 0.0)
    height = lattice.up[0] + steps * STEP_MM if upward else lattice.up[-1] - steps * STEP_MM
    return np.where(inside.any(axis=2), height, np.nan)


def plate_below(upper: Body, lower_piece: Piece) -> Endplate:
    """The upper endplate of the bone below a body, such as the sacrum's, as far as it lies under that body.

    Raises Unmeasurable where the body's own lower endplate is missing or nothing lies close below it.
    """
    plate = upper.endplate("inferior")
    frame = Frame(plate.centre_mm, plate.axes)
    lattice = Lattice(
        np.arange(-0.8 * plate.half_width_mm, 0.8 * plate.half_width_mm, 1.0),
        np.arange(-plate.half_depth_mm, plate.half_depth_mm, 1.0),
        np.arange(-REACH_MM, 4.0, STEP_MM),
    )
    floor = _edge(sample(lower_piece, frame, lattice), lattice, upward=False)
    if float(np.isfinite(floor).mean()) < LEAST_SHARE:
        raise Unmeasurable(f"no upper endplate lies within {REACH_MM:g} mm below it")
    left, back = np.meshgrid(lattice.left, lattice.back, indexing="ij")
    seen = np.isfinite(floor)
    rim = seen & (np.hypot(left / plate.half_width_mm, back / plate.half_depth_mm) > 1 - RIM_MM[1])
    plane, rms = fit_plane(left[rim], back[rim], floor[rim], max(0.35, 0.35 * lower_piece.step_mm(plate.normal)))
    centre = np.array([0.0, 0.0, plane[2]])
    turned = Frame.standing(frame.to_world(centre), frame.turn(unit((-plane[0], -plane[1], 1.0))), plate.axes[:, 1])
    return Endplate(turned.centre_mm, turned.axes, plate.half_width_mm, plate.half_depth_mm, rms)

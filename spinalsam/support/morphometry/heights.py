"""Anterior, middle and posterior height of a vertebral body, and how far it has collapsed.

The three heights are the distances of three pairs of points in the body's own middle plane, as the six points of quantitative
morphometry are set on a lateral radiograph: near the front edge, in the middle and near the back edge of either endplate. The grades are
those of Genant et al., J Bone Miner Res 8(9) 1993, by the height that is lost: up to 20 % none, 20 to 25 % mild, 25 to 40 % moderate,
above 40 % severe. That method is a reader's judgement; these are its numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.frame import Frame
from spinalsam.support.morphometry.body import LEAST_LAYERS, THICKEST_MM, Body, Columns, Endplate, Unmeasurable

# Where the points lie, as shares of each endplate's own depth from its front, and half the width of the strip around the middle plane.
PLACES = {"anterior": (0.05, 0.17), "middle": (0.44, 0.56), "posterior": (0.83, 0.95)}
STRIP_MM = 5.0
EDGE_MM = 3.0  # bone so far below an endplate says where its edges are
GRADES = ((0.40, 3), (0.25, 2), (0.20, 1))
GRADE_WORDS = ("none", "mild", "moderate", "severe")
HEIGHTS_MM = (5.0, 50.0)


@dataclass(frozen=True, eq=False)
class ThreeHeights:
    """Heights in mm. lines_mm: by place, (2, 3) the upper and the lower end in LPS mm."""

    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    lines_mm: dict[str, NDArray[np.float64]]


class Heights(ThreeHeights):
    """Of a vertebral body."""

    @property
    def wedge(self) -> float:
        """Anterior to posterior height."""
        return self.anterior_mm / self.posterior_mm

    @property
    def biconcavity(self) -> float:
        """Middle to posterior height."""
        return self.middle_mm / self.posterior_mm


@dataclass(frozen=True)
class Genant:
    """grade: 0 to 3. shape: 'wedge', 'biconcave' or 'crush', what lost most; empty for grade 0. loss: share of the height that is lost.

    crush: posterior height to the neighbours' mean, or None where no neighbour could be measured; then a crush cannot be told.
    """

    grade: int
    shape: str
    loss: float
    crush: float | None

    @property
    def word(self) -> str:
        return GRADE_WORDS[self.grade]


def heights_of(body: Body) -> Heights:
    """Raises Unmeasurable where the edge of the scan cuts the body or its slices are too thick."""
    if body.superior is None:
        raise Unmeasurable(body.missing["superior"])
    _lower(body)
    if body.cut_aside:
        raise Unmeasurable("the edge of the scan cuts the body")
    usual = float(np.nanmedian(body.height))
    check_layers(body.step_mm, usual)
    figures, lines = {}, {}
    upper, lower = _corners(body, body.superior, body.top, -1.0), _corners(body, _lower(body), body.bottom, 1.0)
    for place in PLACES:
        lines[place] = np.stack([upper[place], lower[place]])
        figures[place] = float(np.linalg.norm(upper[place] - lower[place]))
    if not all(HEIGHTS_MM[0] <= value <= HEIGHTS_MM[1] for value in figures.values()):
        raise Unmeasurable(f"a height of {max(figures.values()):.0f} mm is none of a vertebral body; look at the mask")
    return Heights(figures["anterior"], figures["middle"], figures["posterior"], lines)


def _lower(body: Body) -> Endplate:
    if body.inferior is None:
        raise Unmeasurable(body.missing["inferior"])
    return body.inferior


def _corners(body: Body, plate: Endplate, surface: Columns, inward: float) -> dict[str, NDArray[np.float64]]:
    """The endplate's three points in the middle plane, LPS mm by place. inward: -1 for the upper endplate, 1 for the lower."""
    lattice, frame = body.lattice, Frame(plate.centre_mm, plate.axes)
    strip = np.abs(lattice.left - lattice.left[np.nonzero(body.outline)[0]].mean()) <= STRIP_MM
    slab = np.zeros(body.inside.shape, bool)
    slab[strip] = body.inside[strip]
    bone = frame.to_local(body.frame.to_world(lattice.points_mm(slab)))
    near = bone[(bone[:, 2] * inward >= -EDGE_MM / 2) & (bone[:, 2] * inward <= EDGE_MM)]
    if len(near) < 10:
        raise Unmeasurable("an endplate has no edge in the middle plane; look at the mask")
    front, behind = np.percentile(near[:, 1], (0.5, 99.5))
    at = np.nonzero(body.outline & strip[:, None])
    world = body.frame.to_world(np.stack([lattice.left[at[0]], lattice.back[at[1]], surface[at]], axis=1))
    points = frame.to_local(world)
    # A rim that overhangs has bone but no column of its own.
    front, behind = max(front, points[:, 1].min()), min(behind, points[:, 1].max())
    found = {}
    for place, (first, last) in PLACES.items():
        here = (points[:, 1] >= front + first * (behind - front)) & (points[:, 1] <= front + last * (behind - front))
        if not here.any():
            raise Unmeasurable(f"the {place} part of an endplate is missing; look at the mask")
        found[place] = frame.to_world(points[here].mean(axis=0))
    return found


def check_layers(step_mm: float, height_mm: float) -> None:
    """Raises Unmeasurable where voxels are too thick along the height."""
    if step_mm > THICKEST_MM:
        raise Unmeasurable(f"the slices are {step_mm:.1f} mm apart along the spine; heights need {THICKEST_MM:g} mm or less")
    if height_mm < LEAST_LAYERS * step_mm:
        raise Unmeasurable(f"the body spans fewer than {LEAST_LAYERS} slices; heights need thinner ones")


def genant(heights: Heights, neighbours: list[Heights]) -> Genant:
    """The grade by the largest loss: of the front (wedge) or the middle (biconcave) against the body's own back, or of the back against
    the mean of the neighbours' backs (crush)."""
    crush = heights.posterior_mm / float(np.mean([one.posterior_mm for one in neighbours])) if neighbours else None
    losses = {"wedge": 1 - heights.wedge, "biconcave": 1 - heights.biconcavity}
    if crush is not None:
        losses["crush"] = 1 - crush
    shape, loss = max(losses.items(), key=lambda item: item[1])
    grade = next((number for least, number in GRADES if loss > least), 0)
    return Genant(grade, shape if grade else "", float(max(loss, 0.0)), crush)

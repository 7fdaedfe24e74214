"""The Cobb angle: how far two endplates lean apart, as seen from the front (scoliosis) and from the side (lordosis, kyphosis).

Each endplate is projected into the patient's coronal or sagittal plane, as on a radiograph: what is left of a plane there is a line, and
the angle between the two lines is the Cobb angle (Cobb, Instr Course Lect 5 1948). The planes are those of the scan's patient axes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.morphometry.body import Endplate, Unmeasurable

# The patient axis (LPS) that lies in the projection beside z, and how its sign is called.
_PLANES = {"coronal": (0, ("convex to the right", "convex to the left")), "sagittal": (1, ("lordosis", "kyphosis"))}
# An endplate that is seen so much from above has no line in the projection.
_LEAST = 0.3
STRAIGHT_DEG = 0.5


@dataclass(frozen=True, eq=False)
class Cobb:
    """angle_deg: never negative. bend: 'convex to the right', 'lordosis' and so on; 'straight' for next to nothing.

    upper_mm, lower_mm: (2, 3) the lines that were compared, in the projection's plane through each endplate's centre, LPS mm.
    """

    plane: str
    angle_deg: float
    bend: str
    upper_mm: NDArray[np.float64]
    lower_mm: NDArray[np.float64]


def cobb(upper: Endplate, lower: Endplate, plane: str, *, length_mm: float = 90.0) -> Cobb:
    """The angle between two endplates in the 'coronal' or 'sagittal' plane. Raises Unmeasurable for one that lies in that plane."""
    axis, (positive, negative) = _PLANES[plane]
    leans, lines = [], []
    for plate in (upper, lower):
        side, up = float(plate.normal[axis]), float(plate.normal[2])
        if np.hypot(side, up) < _LEAST:
            raise Unmeasurable(f"an endplate lies in the {plane} plane; it has no line there")
        leans.append(np.degrees(np.arctan2(side, up)))
        along = np.zeros(3)
        along[axis], along[2] = up / np.hypot(side, up), -side / np.hypot(side, up)
        lines.append(np.stack([plate.centre_mm - along * length_mm / 2, plate.centre_mm + along * length_mm / 2]))
    signed = float((leans[0] - leans[1] + 180) % 360 - 180)
    bend = "straight" if abs(signed) < STRAIGHT_DEG else positive if signed > 0 else negative
    return Cobb(plane, abs(signed), bend, lines[0], lines[1])


def largest_coronal(plates: Mapping[str, tuple[Endplate | None, Endplate | None]]) -> tuple[str, str, Cobb]:
    """(upper level, lower level, angle) of the largest coronal Cobb angle among (superior, inferior) endplates by level, head to foot.

    Raises Unmeasurable where fewer than two levels have the endplates that are needed.
    """
    best: tuple[str, str, Cobb] | None = None
    for (above, (superior, _)), (below, (_, inferior)) in itertools.combinations(plates.items(), 2):
        if superior is None or inferior is None:
            continue
        found = cobb(superior, inferior, "coronal")
        if best is None or found.angle_deg > best[2].angle_deg:
            best = (above, below, found)
    if best is None:
        raise Unmeasurable("two vertebrae with whole endplates are needed")
    return best

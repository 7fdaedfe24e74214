"""What is exactly known of a phantom's vertebrae: the surfaces from which it was drawn, read at the same places as the measurements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.frame import Frame, unit
from spinalsam.support.morphometry.heights import PLACES
from spinalsam.training.phantom import Phantom
from spinalsam.training.phantom_parts.skeleton import Vertebra

# The phantom's edges are rounded, its back wall is hollow by so much: what counts as the end of an endplate.
EDGE_MM = 1.2


def vertebra(phantom: Phantom, name: str) -> Vertebra:
    return next(one for one in phantom.spine.vertebrae if one.name == name)


def normals(one: Vertebra) -> tuple[NDArray, NDArray]:
    """(upper, lower) normals of the endplates' planes in LPS, toward the head."""
    slope = np.tan(np.radians(one.size.wedge / 2))
    collapse = one.fracture * one.size.height / one.size.depth
    return one.frame.turn(unit((0, slope - collapse, 1))), one.frame.turn(unit((0, -slope, 1)))


def profile(phantom: Phantom, one: Vertebra, back_mm: NDArray) -> tuple[NDArray, NDArray]:
    """(upper, lower) local heights in the middle plane: see `bones.body_distance`."""
    size = one.size
    hollow = 2.0 + 2.6 * phantom.options.osteoporosis
    bowl = np.clip(1 - (np.abs(back_mm) / (size.depth / 2) / 0.86) ** 2, 0, 1) * hollow
    slope = np.tan(np.radians(size.wedge / 2))
    collapse = one.fracture * size.height * np.clip(0.5 - back_mm / size.depth, 0, 1)
    return size.height / 2 - slope * back_mm - bowl - collapse, -size.height / 2 + slope * back_mm + 0.85 * bowl


def corners(phantom: Phantom, one: Vertebra) -> dict[str, tuple[NDArray, NDArray]]:
    """LPS points of the upper and the lower endplate by place."""
    found = {}
    front, behind = -one.size.depth / 2 + EDGE_MM, one.size.depth / 2 - EDGE_MM
    for place, (first, last) in PLACES.items():
        back = front + (behind - front) * np.linspace(first, last, 15)
        surfaces = profile(phantom, one, back)
        found[place] = tuple(one.frame.to_world((0.0, back.mean(), surface.mean())) for surface in surfaces)
    return found


def heights(phantom: Phantom, name: str) -> list[float]:
    """Anterior, middle, posterior height in mm."""
    return [float(np.linalg.norm(upper - lower)) for upper, lower in corners(phantom, vertebra(phantom, name)).values()]


def disc(phantom: Phantom, above: str, below: str) -> list[float]:
    """Anterior, middle, posterior height in mm along the mean of the facing endplates' normals."""
    upper, lower = vertebra(phantom, above), vertebra(phantom, below)
    axis = unit(normals(upper)[1] + normals(lower)[0])
    roof, floor = corners(phantom, upper), corners(phantom, lower)
    return [float((roof[place][1] - floor[place][0]) @ axis) for place in PLACES]


def cobb(upper_normal: NDArray, lower_normal: NDArray, axis: int) -> float:
    """Signed angle in degrees in the plane of z and the axis (0 coronal, 1 sagittal)."""
    return float(np.degrees(np.arctan2(upper_normal[axis], upper_normal[2]) - np.arctan2(lower_normal[axis], lower_normal[2])))


def sacral_normal(phantom: Phantom) -> NDArray:
    return Frame(phantom.spine.sacrum.centre_mm, phantom.spine.sacrum.axes).turn((0, 0, 1))

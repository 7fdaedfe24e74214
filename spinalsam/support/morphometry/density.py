"""The density of a vertebra's spongy core in Hounsfield units, without cortex, endplates and the veins of its back.

The region is an ellipsoid in the front of the body's core, after the ROI of Pickhardt et al., Ann Intern Med 158(8) 2013, made
three-dimensional: voxels whose centres lie in it, at least 3 mm (and one voxel) inside the body's surface, and outside of the slab in which
the basivertebral vein runs. Values are the scan's own voxels, nothing is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.morphometry.body import Body, Unmeasurable
from spinalsam.support.morphometry.sampling import Piece

# The ellipsoid: its middle as a share of the depth from the front, its half axes as shares of width, depth and height.
MIDDLE, HALF_AXES = 0.40, (0.30, 0.24, 0.28)
LEAST_INSIDE_MM = 3.0
VEIN_FROM, VEIN_HALF_MM = 0.33, 3.5  # the vein's slab: behind this share of the depth, so far above and below the middle
LEAST_ML, LEAST_VOXELS = 0.15, 30
THICKEST_MM = 5.5
METAL_HU, METAL_SHARE = 1000.0, 0.01
UNEVEN_HU = 120.0  # spongy bone and noise scatter by 40 to 70 HU
# Pickhardt et al. 2013, for L1 at 120 kVp without contrast medium: at most 160 HU is 90 % sensitive for osteoporosis by DXA, at most
# 110 HU more than 90 % specific, 135 HU lies between.
THRESHOLDS_HU = (110.0, 135.0, 160.0)


@dataclass(frozen=True, eq=False)
class Core:
    """mean_hu, sd_hu over `voxels` voxels of volume_ml. centre_mm (3,) and half_axes_mm (3, 3; columns in LPS) of the ellipsoid.

    band: which of the thresholds the mean lies at or under, the lowest of 110, 135 and 160 HU, or None above them.
    """

    mean_hu: float
    sd_hu: float
    voxels: int
    volume_ml: float
    centre_mm: NDArray[np.float64]
    half_axes_mm: NDArray[np.float64]

    @property
    def band(self) -> float | None:
        return next((limit for limit in THRESHOLDS_HU if self.mean_hu <= limit), None)


def core_of(body: Body, piece: Piece, voxels: NDArray) -> Core:
    """The core of a body whose piece was cut from the mask of `voxels` (HU, [i, j, k], the piece's own box of the volume).

    Raises Unmeasurable where the edge of the scan cuts the body, its slices are too thick, metal lies in it or it is uneven.
    """
    if body.cut_aside or any(reason.startswith("the edge") for reason in body.missing.values()):
        raise Unmeasurable("the edge of the scan cuts the body")
    coarsest = float(np.linalg.norm(piece.affine[:3, :3], axis=0).max())
    if coarsest > THICKEST_MM:
        raise Unmeasurable(f"the slices are {coarsest:.1f} mm thick; the core needs {THICKEST_MM:g} mm or less")
    centre, half_axes, front, depth = _ellipsoid(body)
    local = body.frame.to_local(piece.points_mm)
    ijk = np.argwhere(piece.mask)
    inside = (((local - centre) / half_axes) ** 2).sum(axis=1) <= 1
    vein = (np.abs(local[:, 2] - centre[2]) < VEIN_HALF_MM) & (local[:, 1] > front + VEIN_FROM * depth)
    deep = _depth(body, local) >= max(LEAST_INSIDE_MM, 0.75 * coarsest)
    at = ijk[inside & ~vein & deep]
    values = voxels[tuple(at.T)].astype(np.float64)
    volume = len(values) * abs(float(np.linalg.det(piece.affine[:3, :3]))) / 1000
    if len(values) < LEAST_VOXELS or volume < LEAST_ML:
        raise Unmeasurable(
            f"the core inside cortex and endplates holds {len(values)} voxels only; the scan is too coarse or the body too small"
        )
    if float(np.mean(values > METAL_HU)) > METAL_SHARE:
        raise Unmeasurable("metal or cement lies in the body")
    if float(values.std()) > UNEVEN_HU:
        raise Unmeasurable(f"the core is uneven (± {values.std():.0f} HU): a bone island, a lesion or a fracture lies in it")
    return Core(float(values.mean()), float(values.std()), len(values), volume, body.frame.to_world(centre), body.frame.axes * half_axes)


def _ellipsoid(body: Body) -> tuple[NDArray, NDArray, float, float]:
    """(local centre, half axes in mm, front and depth of the body in mm)."""
    at = np.nonzero(body.outline)
    left, back = body.lattice.left[at[0]], body.lattice.back[at[1]]
    front, depth = float(back.min()), float(np.ptp(back))
    strip = np.abs(left - left.mean()) <= 0.3 * np.ptp(left)
    near = strip & (np.abs(back - (front + MIDDLE * depth)) <= HALF_AXES[1] * depth)
    top, bottom = body.top[at][near], body.bottom[at][near]
    # The lowest point of the upper and the highest of the lower endplate bound what a collapsed body still holds.
    high = float(np.percentile(top, 10) - np.percentile(bottom, 90))
    middle = float(np.percentile(top, 10) + np.percentile(bottom, 90)) / 2
    centre = np.array([left.mean(), front + MIDDLE * depth, middle])
    half = np.array([HALF_AXES[0] * np.ptp(left), HALF_AXES[1] * depth, max(HALF_AXES[2] * high, 1.0)])
    return centre, half, front, depth


def _depth(body: Body, local_mm: NDArray) -> NDArray[np.float64]:
    """How deep local points (n, 3) lie inside the body, in mm."""
    steps = body.lattice.steps_mm
    depth = ndimage.distance_transform_edt(np.pad(body.inside, 1), sampling=steps)[1:-1, 1:-1, 1:-1]
    first = np.array([body.lattice.left[0], body.lattice.back[0], body.lattice.up[0]])
    return ndimage.map_coordinates(depth, ((local_mm - first) / steps).T, order=1, mode="constant")

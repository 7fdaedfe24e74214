"""What of the space around a mask may belong to its vertebra, by the locator's look at the neighbourhood.

A vertebra that is followed from one slice cannot tell by itself where it ends: facets touch, discs are thin. The locator sees the row of
vertebrae, so it bounds each by its neighbours. Where it does not see the mask's vertebra clearly it says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.coarse import VOXEL_MM
from spinalsam.engine.locate import Survey, survey
from spinalsam.engine.locator_net import LocatorNet
from spinalsam.support.geometry import Geometry

AROUND_MM = 80.0  # beyond the mask, enough for the vertebrae above and below
GIVE_MM = 7.0  # how far a vertebra may reach beyond what the locator takes for it
CORE_MM = 1.5  # how deep inside of what the locator takes for a vertebra it surely is one: its masks are a rim too large
OVER_MM = 1.0  # how far over the middle between two vertebrae
MOST_POINTS = 4000  # of a mask that are enough to tell whose it is
OWNED, RIVAL = 0.35, 0.5  # share of the mask that its vertebra must own, and the most that others may own of that
# On a slice the mask is compared with each vertebra's whole section there: an F-measure in which what is left out of the section weighs
# four times what is beside it; the least of it that makes an owner. Another vertebra is a rival where that measure and the share of its
# section that the mask holds both come near the owner's. A coronal slice behind the canal shows an arch and, in the same box, the next
# one's joints, which are a small part of that one's section.
LIKE, LEFT_OUT, RIVAL_LIKE, RIVAL_SHARE = 0.5, 4.0, 0.8, 0.75


@dataclass(frozen=True)
class Territory:
    """may: bool [i, j, k], where a vertebra may be. own: likewise, what the locator takes for it."""

    may: NDArray[np.bool_]
    own: NDArray[np.bool_]


def look_around(network: LocatorNet, voxels: NDArray, geometry: Geometry, points_mm: NDArray[np.float64], *, is_hu: bool) -> Survey:
    """The locator's look at the part of a volume [i, j, k] around some LPS points (n, 3)."""
    ends = np.stack([points_mm.min(axis=0) - AROUND_MM, points_mm.max(axis=0) + AROUND_MM])
    corners = np.array([[ends[a, 0], ends[b, 1], ends[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    ijk = geometry.to_ijk(corners)
    low = np.clip(np.floor(ijk.min(axis=0)).astype(int), 0, np.array(geometry.shape) - 1)
    high = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + 1, low + 1, geometry.shape)
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_mm(low)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = voxels[box]
    return survey(network, part, Geometry((part.shape[0], part.shape[1], part.shape[2]), affine), is_hu=is_hu)


def territory_of(
    network: LocatorNet, voxels: NDArray, geometry: Geometry, grid: Geometry, mask: NDArray[np.bool_], *, is_hu: bool
) -> Territory | None:
    """Where the vertebra of a mask [i, j, k] on a grid may lie, on that grid; None for an empty mask or one that the locator does not know.

    voxels, geometry: the volume that the locator looks at, of which the grid is a part.
    """
    held = np.argwhere(mask)
    if not len(held):
        return None
    points_mm = grid.to_mm(held[:: max(1, len(held) // MOST_POINTS)])
    return territory(look_around(network, voxels, geometry, points_mm, is_hu=is_hu), points_mm, grid)


def territory(
    seen: Survey, points_mm: NDArray[np.float64], grid: Geometry, *, beside_mm: NDArray[np.float64] | None = None
) -> Territory | None:
    """Where, on a grid [i, j, k], the vertebra of a mask may lie, and roughly lies; None where the locator does not know it.

    points_mm: LPS voxels of the mask (n, 3). beside_mm: the other voxels of its slices (m, 3), which tell how much of each vertebra's
    cross-section the mask leaves out.
    """
    number = _owner(seen, points_mm) if beside_mm is None else _likest(seen, points_mm, beside_mm)
    if not number:
        return None
    own = _distance(seen.owner == number)
    others = _distance((seen.owner > 0) & (seen.owner != number))
    may = np.minimum(GIVE_MM - own, (OVER_MM - own + others) / 2)
    matrix = np.linalg.inv(seen.geometry.affine) @ grid.affine

    def fine(shares: NDArray[np.float32]) -> NDArray[np.bool_]:
        values = ndimage.affine_transform(shares, matrix[:3, :3], matrix[:3, 3], grid.shape, np.float32, order=1, mode="nearest")
        return np.asfortranarray(values > 0)

    return Territory(fine(may), fine(-own - CORE_MM))


def _owner(seen: Survey, points_mm: NDArray[np.float64]) -> int:
    """Number of the vertebra that owns a mask; 0 where none does clearly."""
    counts = _counts(seen, points_mm)
    best = int(counts.argmax()) if len(counts) else 0
    if best >= len(seen.chain) or counts[best] < OWNED * len(points_mm) or counts.sum() - counts[best] > RIVAL * counts[best]:
        return 0
    return best + 1


def _likest(seen: Survey, points_mm: NDArray[np.float64], beside_mm: NDArray[np.float64]) -> int:
    """Number of the vertebra whose section on the mask's slices is most like the mask; 0 where none is, or another's nearly as much."""
    counts = _counts(seen, points_mm)
    sections = counts + _counts(seen, beside_mm)
    like = (1 + LEFT_OUT) * counts / (len(points_mm) + LEFT_OUT * sections)
    best = int(like.argmax())
    if best >= len(seen.chain) or (like[best] < LIKE and _owner(seen, points_mm) != best + 1):
        return 0
    shares = counts / np.maximum(sections, 1)
    rivals = (like > RIVAL_LIKE * like[best]) & (shares > RIVAL_SHARE * shares[best])
    return best + 1 if rivals.sum() == 1 else 0


def _counts(seen: Survey, points_mm: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many LPS points (n, 3) each vertebra owns, and the sacrum last."""
    ijk = np.rint(seen.geometry.to_ijk(points_mm)).astype(int)
    inside = ijk[np.all((ijk >= 0) & (ijk < seen.geometry.shape), axis=1)]
    return np.asarray(np.bincount(seen.owner[tuple(inside.T)], minlength=len(seen.chain) + 2)[1:], np.int64)


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """mm from a mask, below 0 inside; far away where it is empty."""
    if not mask.any():
        return np.full(mask.shape, 1e3, np.float32)
    return (VOXEL_MM * (ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask))).astype(np.float32)

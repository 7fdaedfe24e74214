"""Where the spine runs through a CT, roughly and quickly: good enough to open the case there, not to segment by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.geometry import Geometry

BONE_HU = 180
TISSUE_HU = -300
# Bone within this distance counts for a place, which bridges the canal between body and arch.
REACH_MM = 14.0
# The spine has bone in at least this share of the slices that hold the patient.
LEAST_SHARE = 0.5
# Half of what one vertebra takes up sideways and from front to back; a strip through its body; half a body's depth.
SPINE_MM, NARROW_MM, HALF_BODY_MM = 36.0, 10.0, 14.0
# The slices above and below the middle one that are looked at.
ALONG_MM = 40.0
SAMPLES = 96


def find_spine(voxels: NDArray, geometry: Geometry) -> tuple[int, int, int] | None:
    """The voxel (i, j, k) in the middle of the spine's course, or None where it cannot be told.

    voxels: CT in HU [i, j, k]. Of a coarse sample the place in the axial plane is taken that has bone around it in most slices;
    table, ribs and limbs have it in few, and places far to the side of the patient are not considered.
    """
    steps = [max(1, n // SAMPLES) for n in voxels.shape]
    sample = np.asarray(voxels[tuple(slice(step // 2, None, step) for step in steps)])
    side, front, long = (geometry.world_axes.index(axis) for axis in range(3))
    sample = np.transpose(sample, (side, front, long))
    spacing = [float(geometry.spacing_mm[axis]) * steps[axis] for axis in (side, front, long)]
    tissue = sample > TISSUE_HU
    slices = np.flatnonzero(tissue.mean(axis=(0, 1)) > 0.1)
    if slices.size < 3:
        return None
    bone = (sample[:, :, slices] > BONE_HU).astype(np.float32)
    reach = [max(1, 2 * round(REACH_MM / mm / 2) + 1) for mm in spacing[:2]]
    near = ndimage.uniform_filter(bone, (*reach, 1), mode="constant")
    share = ((near > 0.12).mean(axis=2) + near.mean(axis=2)) * _middle(tissue[:, :, slices])
    x, y = (int(n) for n in np.unravel_index(int(share.argmax()), share.shape))
    if (near[x, y] > 0.12).mean() < LEAST_SHARE:
        return None
    half = max(1, round(ALONG_MM / spacing[2]))
    centre = slices.size // 2
    around = bone[:, :, max(centre - half, 0) : centre + half + 1].sum(axis=2)
    x = _balanced(around, x, y, spacing)
    y = _body(around, x, y, spacing, to_back=bool(geometry.direction[1, front] > 0))
    found = [0, 0, 0]
    for axis, place in ((side, x), (front, y), (long, int(slices[centre]))):
        found[axis] = min(place * steps[axis] + steps[axis] // 2, voxels.shape[axis] - 1)
    return found[0], found[1], found[2]


def _middle(tissue: NDArray[np.bool_]) -> NDArray[np.float32]:
    """1 in the middle third of the patient's breadth, falling to 0 at its sides; (side, 1)."""
    across = np.flatnonzero(tissue.any(axis=(1, 2)))
    low, high = int(across[0]), int(across[-1])
    centre, half = (low + high) / 2, max((high - low) / 2, 1.0)
    away = np.abs(np.arange(tissue.shape[0]) - centre) / half
    return np.clip(1.5 - 1.5 * away, 0, 1)[:, None].astype(np.float32)


def _balanced(bone: NDArray[np.float32], x: int, y: int, spacing: list[float]) -> int:
    """The side coordinate around which the vertebra's bone is balanced, from a place somewhere on it. bone: (side, front)."""
    wide, deep = (max(1, round(SPINE_MM / mm)) for mm in spacing[:2])
    profile = bone[:, max(y - deep, 0) : y + deep + 1].sum(axis=1)
    for _ in range(4):
        low = max(x - wide, 0)
        part = profile[low : x + wide + 1]
        if part.sum() > 0:
            x = round(low + float((part * np.arange(part.size)).sum() / part.sum()))
    return x


def _body(bone: NDArray[np.float32], x: int, y: int, spacing: list[float], *, to_back: bool) -> int:
    """The middle of the vertebral body from front to back: behind where the spine's bone begins. bone: (side, front).

    to_back: whether the front coordinate grows toward the back.
    """
    narrow, deep = max(1, round(NARROW_MM / spacing[0])), max(1, round(SPINE_MM / spacing[1]))
    low = max(y - deep, 0)
    profile = bone[max(x - narrow, 0) : x + narrow + 1, low : y + deep + 1].sum(axis=0)
    if not profile.any():
        return y
    filled = np.flatnonzero(profile >= 0.35 * profile.max())
    depth = round(HALF_BODY_MM / spacing[1])
    middle = low + (int(filled[0]) + depth if to_back else int(filled[-1]) - depth)
    return min(max(middle, 0), bone.shape[1] - 1)

"""From a rough mask of a vertebra to a fine one, and from many fine ones to a spine in which every voxel has one owner.

The locator's rough mask is shown to the promptable network as a box on slices of all three planes; what the planes say is averaged. Where
neighbours touch, a voxel goes to the vertebra that the planes and the rough masks want most, and where they hardly differ to the one that
it hangs on, so nothing leaks over a joint.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.finish import parted
from spinalsam.engine.locate import Found, Located
from spinalsam.engine.propagate import dice
from spinalsam.engine.scene import Scene, filled, looked_at, part_of
from spinalsam.engine.segmenter import Segmenter
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane

Progress = Callable[[float, str], None]

ROOM_MM = 9.0  # around a rough mask, what may belong to its vertebra
STEP_MM = 1.9  # slices nearer to each other than this are interpolated
SPARE = 0.9  # Dice of two slices from which the one between them is interpolated
BOX_ROOM_MM = 0.0
GIVE_MM = 4.5  # how far the network may go beyond the rough mask
PRIOR = 0.45  # weight of the rough mask beside the planes'
# A voxel belongs to a vertebra from this share of the votes: half of them takes a rim too much on the real case and on phantoms.
LEVEL = 0.6
SMALLEST_PART = 0.03  # pieces that are a smaller share of a vertebra are dropped


@dataclass(frozen=True)
class Refined:
    """One vertebra. lower_ijk: first voxel of its box. votes: float32 [i, j, k] in the box, 0-1, before neighbours compete.

    agreement: mean Dice between the planes. doubts: (plane, slice index, how sure 0-1) of the slices that were looked at: predicted IoU
    times how clearly the votes of all planes decide on that slice.
    """

    found: Found
    lower_ijk: tuple[int, int, int]
    votes: NDArray[np.float32]
    agreement: float
    doubts: tuple[tuple[str, int, float], ...]

    @property
    def box(self) -> tuple[slice, slice, slice]:
        i, j, k = (slice(low, low + n) for low, n in zip(self.lower_ijk, self.votes.shape, strict=True))
        return i, j, k


def refine(
    segmenter: Segmenter,
    voxels: NDArray,
    geometry: Geometry,
    located: Located,
    found: Found,
    *,
    is_hu: bool,
    progress: Progress,
) -> Refined:
    """One located vertebra on the volume's own grid. progress may raise Cancelled. Raises ModelError or ResourceError."""
    low, high = _box(found, geometry)
    rough = rough_mask(located, found, geometry, low, high)
    part = part_of(geometry, low, high - low)
    scene = Scene(segmenter, voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], part, is_hu, STEP_MM)
    votes, doubts = {}, []
    planes = scene.usable() if getattr(segmenter, "encodes_windows", False) else ["axial"]
    for number, plane in enumerate(planes):
        votes[plane], scores = _seen(scene, rough, plane, lambda share, n=number: progress((n + share) / len(planes), found.name))  # type: ignore[misc]
        axis = scene.planes[plane].normal_axis
        doubts += [(plane, int(low[axis]) + index, score) for index, score in scores]
    if not votes:
        return Refined(found, _ijk(low), rough, 0.0, ())
    mean = sum(votes.values()) / len(votes)
    share = (np.asarray(mean) + PRIOR * rough) / (1 + PRIOR)
    doubts = [
        (plane, index, score * _decided(share, scene.planes[plane], index - int(low[scene.planes[plane].normal_axis])))
        for plane, index, score in doubts
    ]
    pairs = [(a, b) for n, a in enumerate(planes) for b in planes[n + 1 :]]
    agreement = float(np.mean([dice(votes[a] > 0.5, votes[b] > 0.5) for a, b in pairs])) if pairs else 1.0
    return Refined(found, _ijk(low), np.asarray(share, np.float32), agreement, tuple(doubts))


def _decided(votes: NDArray[np.float32], plane: SlicePlane, index: int) -> float:
    """How clearly votes 0-1 decide on a slice: the soft Dice between them and the mask that they give."""
    shown = plane.cut(votes, index)
    mask = shown >= LEVEL
    total = float(shown.sum()) + float(mask.sum())
    return 2 * float(shown[mask].sum()) / total if total else 0.0


def rough_part(located: Located, found: Found, geometry: Geometry) -> Refined:
    """The locator's mask alone, as a competitor for voxels."""
    low, high = _box(found, geometry)
    return Refined(found, _ijk(low), rough_mask(located, found, geometry, low, high), 1.0, ())


def _ijk(values: NDArray) -> tuple[int, int, int]:
    return int(values[0]), int(values[1]), int(values[2])


def _box(found: Found, geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First voxel, and first beyond, of the volume's part that may hold a vertebra."""
    ends = np.stack([found.lower_mm - ROOM_MM, found.upper_mm + ROOM_MM])
    corners = np.array([[ends[a, 0], ends[b, 1], ends[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    ijk = geometry.to_ijk(corners)
    low = np.clip(np.floor(ijk.min(axis=0)).astype(int), 0, np.array(geometry.shape) - 1)
    high = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + 1, low + 1, geometry.shape)
    return low, high


def rough_mask(located: Located, found: Found, geometry: Geometry, low: NDArray, high: NDArray) -> NDArray[np.float32]:
    """The locator's mask of a vertebra, 0-1, on a box of the volume's grid."""
    number = found.order
    coarse_low = np.maximum(np.floor(located.geometry.to_ijk(found.lower_mm)).astype(int) - 4, 0)
    coarse_high = np.minimum(np.ceil(located.geometry.to_ijk(found.upper_mm)).astype(int) + 5, located.geometry.shape)
    part = (located.owner[tuple(slice(a, b) for a, b in zip(coarse_low, coarse_high, strict=True))] == number).astype(np.float32)
    smooth = ndimage.gaussian_filter(part, 0.5)
    matrix = np.linalg.inv(located.geometry.affine) @ geometry.affine
    shift = matrix[:3, :3] @ low + matrix[:3, 3] - coarse_low
    shape = tuple(int(b - a) for a, b in zip(low, high, strict=True))
    return ndimage.affine_transform(smooth, matrix[:3, :3], shift, shape, np.float32, order=1, mode="constant")


def _seen(
    scene: Scene, rough: NDArray[np.float32], plane: str, say: Callable[[float], None]
) -> tuple[NDArray[np.float32], list[tuple[int, float]]]:
    """What a plane's slices say of the vertebra: shares 0-1, and the network's own opinion of each slice."""
    cut = scene.planes[plane]
    body = np.asfortranarray(rough > 0.5)
    seen = looked_at(scene, plane, body, room_mm=BOX_ROOM_MM, step_mm=STEP_MM, spare=SPARE, say=say)
    found: dict[int, NDArray[np.bool_]] = {}
    scores: list[tuple[int, float]] = []
    for index, one in sorted(seen.items()):
        found[index] = one.mask
        if one.score is not None:
            shown = np.ascontiguousarray(cut.cut(body, index))
            found[index] = one.mask & (ndimage.distance_transform_edt(~shown, sampling=cut.spacing_mm) <= GIVE_MM)
            scores.append((index, one.score))
    return filled(scene, plane, found), scores


def compose(parts: Sequence[Refined], values: Sequence[int], spacing_mm: Sequence[float]) -> tuple[tuple[int, int, int], NDArray[np.uint8]]:
    """(lower_ijk, uint8 labels [i, j, k]) of vertebrae that compete for voxels, each whole, without holes and crumbs."""
    lower = np.min([part.lower_ijk for part in parts], axis=0)
    upper = np.max([np.add(part.lower_ijk, part.votes.shape) for part in parts], axis=0)
    size = tuple(int(n) for n in upper - lower)
    best = np.full(size, LEVEL, np.float32)
    labels = np.zeros(size, np.uint8)
    boxes = []
    for part, value in zip(parts, values, strict=True):
        box = tuple(slice(a - o, a - o + n) for a, o, n in zip(part.lower_ijk, lower, part.votes.shape, strict=True))
        wins = part.votes >= best[box]
        labels[box][wins] = value
        best[box][wins] = part.votes[wins]
        boxes.append(box)
    _part_neighbours(parts, values, spacing_mm, lower, labels)
    for box, value in zip(boxes, values, strict=True):
        tidy(labels[box], value)
    return _ijk(lower), labels


def _part_neighbours(
    parts: Sequence[Refined], values: Sequence[int], spacing_mm: Sequence[float], lower: NDArray, labels: NDArray[np.uint8]
) -> None:
    """Where the boxes of two vertebrae overlap, their open voxels are shared out by a watershed, in place."""
    for (one, first), (other, second) in itertools.combinations(list(zip(parts, values, strict=True)), 2):
        low = np.maximum(one.lower_ijk, other.lower_ijk)
        high = np.minimum(np.add(one.lower_ijk, one.votes.shape), np.add(other.lower_ijk, other.votes.shape))
        if first == second or np.any(high <= low):
            continue
        ours, mine, theirs = (
            tuple(slice(a - o, b - o) for a, b, o in zip(low, high, origin, strict=True))
            for origin in (lower, one.lower_ijk, other.lower_ijk)
        )
        view = labels[ours]
        both = (view == first) | (view == second)
        owned = parted(both, one.votes[mine], other.votes[theirs], spacing_mm)
        if owned is not None:
            view[both & owned], view[both & ~owned] = first, second


def tidy(labels: NDArray[np.uint8], value: int) -> None:
    """One label without crumbs and closed cavities, in place. The canal is open above and below and stays so."""
    own = labels == value
    pieces, count = ndimage.label(own, np.ones((3, 3, 3)))
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        small = sizes < SMALLEST_PART * sizes[1:].sum()
        small[0] = False
        labels[small[pieces]] = 0
        own &= ~small[pieces]
    labels[ndimage.binary_fill_holes(own) & (labels == 0)] = value

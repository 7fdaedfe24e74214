"""From a mask on one slice to the whole vertebra: three planes look at it and vote.

A vertebra that is followed slice by slice in one plane alone runs on into its neighbours where the joints overlap. Here each plane
answers for itself: the start mask is carried through its own plane, the rough body is then asked for again on every slice of the other
two, and a voxel belongs to the vertebra where two planes agree. A second round starts from that vote. A start on an axial slice says
nothing of the height, so one click on the body's middle in the sagittal plane finds it first.

The network must be one that encodes windows cheaply (`CompactSegmenter`): some two hundred slices are looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.locator_net import LocatorNet
from spinalsam.engine.propagate import Step, dice, walk
from spinalsam.engine.scene import (
    SMALLEST_SIDE,
    Scene,
    box_at,
    box_of,
    extent,
    filled,
    in_order,
    joined,
    looked_at,
    near,
    part_of,
    window_of,
)
from spinalsam.engine.segmenter import Segmenter
from spinalsam.engine.territory import Territory, look_around, territory
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane, SliceRef
from spinalsam.support.prompts import SlicePrompt

Mask = NDArray[np.bool_]
Progress = Callable[[float, str], None]

REACH_MM = 70.0  # no part of a vertebra lies further from any other part in front, behind or beside
BODY_HEIGHT_MM = (8.0, 50.0)  # vertebral bodies from C3 to L5, with room for disease
ABOVE, BELOW = 0.15, 0.5  # how far arch and processes reach over the body, in heights of the body
ROOM_MM, GIVE_MM = 2.0, 5.0  # how much larger the box is that asks again, and how far its mask may differ
AROUND_VOXELS = 3  # from a mask, how far its surroundings are looked at
BONE_SHARE, LEAST_CONTRAST = 0.5, 50.0  # of a surface voxel; HU between bone and surroundings from which that can be told
WALK_MM = 2.5  # between the slices of the walk where the locator knows the vertebra as well
ROUGH_STEP_MM = 3.4  # between the slices of the first look from the other planes
SPARE = 0.9  # Dice of two slices from which the one between them is interpolated


@dataclass(frozen=True)
class Grown:
    """mask: bool [i, j, k] of a box of the volume whose first voxel is lower_ijk. agreement: mean Dice between the planes, 0-1."""

    lower_ijk: tuple[int, int, int]
    mask: Mask
    agreement: float


@dataclass(frozen=True)
class _Part:
    """A part of the work: tells how far the whole is."""

    say: Progress
    first: float
    span: float
    text: str

    def done(self, share: float) -> None:
        self.say(self.first + self.span * share, self.text)


def grow(
    segmenter: Segmenter,
    voxels: NDArray,
    geometry: Geometry,
    starts: Mapping[SliceRef, Mask],
    *,
    is_hu: bool,
    locator: LocatorNet | None = None,
    progress: Progress | None = None,
) -> Grown:
    """The whole structure that is masked on one slice or some.

    voxels: [i, j, k]. starts: masks (rows, columns) by slice, none empty; they are kept as they are. locator: bounds the structure, where
    it is a vertebra, by its neighbours. progress is called with a share and a sentence, and may raise Cancelled. Raises ModelError or
    ResourceError as the segmenter does.
    """
    say = progress or (lambda share, text: None)
    lower, scene, starts = _around(segmenter, voxels, geometry, starts, is_hu)
    ref = max(starts, key=lambda one: (one.plane != "axial", int(starts[one].sum())))
    planes, known = scene.usable(), None
    if locator is not None and len(planes) == 3:
        say(0.0, "Looking for the neighbours")
        known = _bounds(locator, voxels, geometry, scene, starts, is_hu)
        scene.within = None if known is None else known.may
    rough = _carried(scene, ref, starts, _Part(say, 0.1, 0.2, f"Following the {ref.plane} slices"))
    if len(planes) < 3:
        return Grown(lower, _with_starts(scene, rough, starts), 1.0)
    low, scene, starts, rough = _narrowed(scene, starts, rough)
    lower = (lower[0] + low[0], lower[1] + low[1], lower[2] + low[2])
    votes = {ref.plane: rough}
    # The walk may have ended too early: the other planes are asked for all that the locator takes for the vertebra too.
    seen = np.asarray(rough > 0.5)
    if known is not None:
        seen |= known.own[box_at(scene.low_ijk, seen.shape)]
    others = [name for name in planes if name != ref.plane]
    for number, plane in enumerate(others):
        part = _Part(say, 0.3 + 0.1 * number, 0.1, f"Looking again: {plane}")
        votes[plane] = _asked_again(scene, seen, plane, part, step_mm=ROUGH_STEP_MM, spare=None)
    agreed = _voted(scene, votes, starts)
    for number, plane in enumerate(planes):
        part = _Part(say, 0.5 + 0.16 * number, 0.16, f"Refining: {plane}")
        votes[plane] = _asked_again(scene, agreed, plane, part, step_mm=scene.step_mm, spare=SPARE)
    final = _with_starts(scene, trimmed(scene.voxels, _voted(scene, votes, starts)), starts)
    pairs = [(a, b) for n, a in enumerate(planes) for b in planes[n + 1 :]]
    agreement = float(np.mean([dice(votes[a] > 0.5, votes[b] > 0.5) for a, b in pairs]))
    return Grown(lower, final, agreement)


def _narrowed(
    scene: Scene, starts: Mapping[SliceRef, Mask], rough: NDArray[np.float32]
) -> tuple[tuple[int, int, int], Scene, dict[SliceRef, Mask], NDArray[np.float32]]:
    """The scene cut to what the structure can still reach, with where that begins, and the starts and the rough body in it."""
    room = np.ceil(2 * GIVE_MM / scene.geometry.spacing_mm).astype(int) + 2
    box = box_of(rough > 0, room)
    if scene.within is not None:
        # What the starts hold stays, whatever lies around them.
        box = joined(box_of(scene.within, np.ones(3, int)), box_of(rough > 0, np.ones(3, int)))
    narrow = scene.narrowed(box)
    low = narrow.low_ijk
    return low, narrow, _moved(starts, scene.planes, narrow.planes, low), np.asfortranarray(rough[box])


def _bounds(
    locator: LocatorNet, voxels: NDArray, geometry: Geometry, scene: Scene, starts: Mapping[SliceRef, Mask], is_hu: bool
) -> Territory | None:
    """Where the structure may be and roughly is, by the vertebrae around it."""
    held, left = [], []
    for ref, mask in starts.items():
        rows, columns = np.indices(mask.shape).reshape(2, -1)
        places = scene.geometry.to_mm(scene.planes[ref.plane].to_voxel(np.column_stack([columns, rows]), ref.index))
        held.append(places[mask.ravel()])
        left.append(places[~mask.ravel()])
    points = np.concatenate(held)
    seen = look_around(locator, voxels, geometry, points, is_hu=is_hu)
    return territory(seen, points, scene.geometry, beside_mm=np.concatenate(left))


def _around(
    segmenter: Segmenter, voxels: NDArray, geometry: Geometry, starts: Mapping[SliceRef, Mask], is_hu: bool
) -> tuple[tuple[int, int, int], Scene, dict[SliceRef, Mask]]:
    """The part of the volume within reach of the starts, and the starts in it."""
    corners = []
    for ref, mask in starts.items():
        plane = SlicePlane(geometry, ref.plane)
        rows, columns = np.nonzero(mask)
        pixels = [[columns.min(), rows.min()], [columns.max(), rows.max()]]
        corners.append(plane.to_voxel(pixels, ref.index))
    found = np.concatenate(corners)
    reach = np.ceil(REACH_MM / geometry.spacing_mm).astype(int)
    low = np.maximum(np.floor(found.min(axis=0)).astype(int) - reach, 0)
    high = np.minimum(np.ceil(found.max(axis=0)).astype(int) + reach + 1, geometry.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    scene = Scene(segmenter, voxels[box], part_of(geometry, low, high - low), is_hu)
    planes = {ref.plane: SlicePlane(geometry, ref.plane) for ref in starts}
    return (int(low[0]), int(low[1]), int(low[2])), scene, _moved(starts, planes, scene.planes, low)


def _moved(
    starts: Mapping[SliceRef, Mask], planes: Mapping[str, SlicePlane], parts: Mapping[str, SlicePlane], low_ijk: Sequence[int] | NDArray
) -> dict[SliceRef, Mask]:
    """Masks on slices of a grid as they lie on a part of it that begins at a voxel."""
    moved = {}
    for ref, mask in starts.items():
        plane = planes[ref.plane]
        inside = window_of(plane, parts[ref.plane], low_ijk)
        moved[SliceRef(ref.plane, ref.index - int(low_ijk[plane.normal_axis]))] = np.ascontiguousarray(mask[inside])
    return moved


def _carried(scene: Scene, ref: SliceRef, starts: Mapping[SliceRef, Mask], part: _Part) -> NDArray[np.float32]:
    """The start carried through its own plane, both ways beside each other, as a rough body 0-1."""
    plane = scene.planes[ref.plane]
    anchors = {one.index: mask for one, mask in starts.items() if one.plane == ref.plane}
    if scene.within is not None:
        first, last = extent(scene.within, plane.normal_axis)
    elif ref.plane != "axial":
        first, last = 0, plane.count - 1
    else:
        first, last = _height(scene, ref, starts[ref])
    stride = scene.stride(ref.plane, scene.step_mm if scene.within is None else WALK_MM)
    ways = [range(ref.index + stride, last + 1, stride), range(ref.index - stride, first - 1, -stride)]
    steps, lock = itertools.count(1), Lock()

    def told(step: Step) -> None:
        with lock:
            part.done(min(1.0, next(steps) / max(1, sum(map(len, ways)))))

    def walked(indices: Sequence[int]) -> dict[int, Mask]:
        taken = walk(
            scene.segmenter,
            lambda index: scene.embedding(ref.plane, index),
            starts[ref],
            start_index=ref.index,
            indices=list(indices),
            anchors=anchors,
            within=None if scene.within is None else partial(plane.cut, scene.within),
            on_step=told,
        ).steps
        return {step.index: step.mask for step in taken}

    part.done(0.0)
    found = dict(anchors)
    for way in in_order(walked, ways, beside=scene.beside):
        found |= way
    return filled(scene, ref.plane, found)


def _height(scene: Scene, ref: SliceRef, mask: Mask) -> tuple[int, int]:
    """First and last axial slice of the vertebra whose axial cross-section is known: a click on its body in the sagittal plane tells."""
    axial, sagittal = scene.planes["axial"], scene.planes["sagittal"]
    spacing = scene.geometry.spacing_mm[axial.normal_axis]
    usual = round(0.5 * BODY_HEIGHT_MM[1] / spacing)
    first, last = max(0, ref.index - usual), min(axial.count - 1, ref.index + usual)
    if min(sagittal.shape) < SMALLEST_SIDE:
        return 0, axial.count - 1
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=axial.spacing_mm)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    voxel = axial.to_voxel([float(column), float(row)], ref.index)
    index, pixel = round(float(voxel[sagittal.normal_axis])), sagittal.to_pixel(voxel)
    body = _clicked_body(scene, index, pixel)
    if body is None:
        return first, last
    rows = np.flatnonzero(body.any(axis=1))
    height = rows[-1] - rows[0] + 1
    ends = [rows[0] - ABOVE * height, rows[-1] + BELOW * height]  # rows run from head to foot
    slices = [float(sagittal.to_voxel([pixel[0], end], index)[axial.normal_axis]) for end in ends]
    return max(0, round(min(slices))), min(axial.count - 1, round(max(slices)))


def _clicked_body(scene: Scene, index: int, pixel: NDArray[np.float64]) -> Mask | None:
    """The piece under a click on a sagittal slice that is as high as a vertebral body, from the surest candidate; or None."""
    plane = scene.planes["sagittal"]
    point = SlicePrompt(pixel[None].astype(np.float32), np.array([True]))
    candidates = scene.segmenter.decode(scene.embedding("sagittal", index), point)
    row, column = round(float(pixel[1])), round(float(pixel[0]))
    for mask in candidates.masks[np.argsort(-candidates.scores)]:
        pieces, _ = ndimage.label(mask)
        if pieces[row, column]:
            piece = pieces == pieces[row, column]
            if BODY_HEIGHT_MM[0] <= np.count_nonzero(piece.any(axis=1)) * plane.spacing_mm[0] <= BODY_HEIGHT_MM[1]:
                return piece
    return None


def _asked_again(scene: Scene, body: NDArray, plane: str, part: _Part, *, step_mm: float, spare: float | None) -> NDArray[np.float32]:
    """Slices of a plane asked anew, with a box around what the body shows there; the answer may differ by a few mm."""
    cut = scene.planes[plane]
    shown = np.asarray(body > 0.5)
    give = max(1, round(GIVE_MM / min(cut.spacing_mm)))
    found = {}
    for index, one in looked_at(scene, plane, shown, room_mm=ROOM_MM, step_mm=step_mm, spare=spare, say=part.done).items():
        before = np.ascontiguousarray(cut.cut(shown, index))
        found[index] = one.mask if one.score is None else scene.allowed(plane, index, one.mask & near(before, give))
    return filled(scene, plane, found)


def _voted(scene: Scene, votes: Mapping[str, NDArray[np.float32]], starts: Mapping[SliceRef, Mask]) -> Mask:
    """Where two planes of three agree, in one piece, with the start slices as they are."""
    total = sum(votes.values())
    agreed = np.asfortranarray(np.asarray(total) >= 1.5)
    return _with_starts(scene, agreed, starts)


def trimmed(voxels: NDArray, mask: Mask) -> Mask:
    """A mask without the voxels of its surface that are less than half bone by their value (partial volume).

    voxels, mask: [i, j, k]. Bone is what lies inside, the surroundings what lies two voxels and more outside; where both hardly differ, the
    mask stays as it is.
    """
    if not mask.any():
        return mask
    box = box_of(mask, np.full(3, AROUND_VOXELS + 1))
    part, values = mask[box], voxels[box]
    inner = ndimage.binary_erosion(part)
    around = ndimage.binary_dilation(part, iterations=AROUND_VOXELS) & ~ndimage.binary_dilation(part)
    if not inner.any() or not around.any():
        return mask
    bone, beside = float(np.median(values[inner])), float(np.median(values[around]))
    if bone - beside < LEAST_CONTRAST:
        return mask
    kept = mask.copy(order="K")
    kept[box] = inner | (part & (values > beside + BONE_SHARE * (bone - beside)))
    return kept


def _with_starts(scene: Scene, body: NDArray, starts: Mapping[SliceRef, Mask]) -> Mask:
    """The body's pieces that the start masks touch, with the start slices as they are."""
    mask = np.asfortranarray(body > 0.5)
    for ref, start in starts.items():
        scene.planes[ref.plane].cut(mask, ref.index)[...] = start
    pieces, count = ndimage.label(mask, np.ones((3, 3, 3), bool))
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        touched = np.unique(np.concatenate([np.unique(scene.planes[r.plane].cut(pieces, r.index)[start]) for r, start in starts.items()]))
        keep = np.zeros(count + 1, bool)
        keep[touched] = True
        keep[int(sizes.argmax())] |= sizes.max() > sizes[touched].sum()
        keep[0] = False
        mask = np.asfortranarray(keep[pieces])
    return mask

"""From a mask on one slice to the whole vertebra: three planes look at it and vote.

A vertebra that is followed slice by slice in one plane alone runs on into its neighbours where the joints overlap. Here each plane
answers for itself: the start mask is carried through its own plane, the rough body is then asked for again on every slice of the other
two, and a voxel belongs to the vertebra where two planes agree. A second round starts from that vote. A start on an axial slice says
nothing of the height, so one click on the body's middle in the sagittal plane finds it first.

The network must be one that encodes windows cheaply (`CompactSegmenter`): some two hundred slices are looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.locator_net import LocatorNet
from spinalsam.engine.propagate import dice, prompt_from, walk
from spinalsam.engine.segmenter import Embedding, Segmenter, SliceImage
from spinalsam.engine.territory import look_around, territory
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane, SliceRef
from spinalsam.support.prompts import SlicePrompt

Mask = NDArray[np.bool_]
Progress = Callable[[float, str], None]

REACH_MM = 70.0  # no part of a vertebra lies further from any other part in front, behind or beside
STEP_MM = 1.7  # slices nearer to each other than this are interpolated: twice as fast at 0.8 mm, for 0.006 of Dice on a phantom
BODY_HEIGHT_MM = (8.0, 50.0)  # vertebral bodies from C3 to L5, with room for disease
ABOVE, BELOW = 0.15, 0.5  # how far arch and processes reach over the body, in heights of the body
ROOM_MM, GIVE_MM = 2.0, 5.0  # how much larger the box is that asks again, and how far its mask may differ
BONE_SHARE, LEAST_CONTRAST = 0.5, 50.0  # of a surface voxel; HU between bone and surroundings from which that can be told
SMALLEST_SIDE = 12  # a plane with fewer pixels across the picture has nothing to say


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


@dataclass
class Scene:
    """The part of a volume around the start. step_mm: slices nearer to each other than this are interpolated."""

    segmenter: Segmenter
    voxels: NDArray
    geometry: Geometry
    is_hu: bool
    step_mm: float = STEP_MM
    within: Mask | None = None  # [i, j, k], where the structure may be
    planes: dict[str, SlicePlane] = field(init=False)

    def __post_init__(self) -> None:
        self.planes = {name: SlicePlane(self.geometry, name) for name in PLANES}

    def embedding(self, plane: str, index: int) -> Embedding:
        """A slice, encoded. Kept nowhere: every round looks through other windows, and hundreds of slices would fill the memory."""
        cut = self.planes[plane]
        pixels = np.ascontiguousarray(cut.cut(self.voxels, index), dtype=np.float32)
        return self.segmenter.encode(SliceImage(pixels, self.is_hu, cut.spacing_mm))

    def usable(self) -> list[str]:
        return [name for name, plane in self.planes.items() if min(plane.shape) >= SMALLEST_SIDE]

    def allowed(self, plane: str, index: int, mask: Mask) -> Mask:
        """What of a mask on a slice may belong to the structure."""
        return mask if self.within is None else mask & self.planes[plane].cut(self.within, index)

    def stride(self, plane: str) -> int:
        """Every how manieth slice of a plane is looked at."""
        return max(1, int(self.step_mm / self.geometry.spacing_mm[self.planes[plane].normal_axis] + 1e-6))


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
    planes = scene.usable()
    if locator is not None and len(planes) == 3:
        say(0.0, "Looking for the neighbours")
        scene.within = _bounds(locator, voxels, geometry, scene, starts, is_hu)
    say(0.05, f"Following the {ref.plane} slices")
    rough = _carried(scene, ref, starts)
    if len(planes) < 3:
        return Grown(lower, _with_starts(scene, rough, starts), 1.0)
    votes = {ref.plane: rough}
    others = [name for name in planes if name != ref.plane]
    for number, plane in enumerate(others):
        votes[plane] = _asked_again(scene, rough, plane, _Part(say, 0.25 + 0.15 * number, 0.15, f"Looking again: {plane}"))
    agreed = _voted(scene, votes, starts)
    for number, plane in enumerate(planes):
        votes[plane] = _asked_again(scene, agreed, plane, _Part(say, 0.55 + 0.15 * number, 0.15, f"Refining: {plane}"))
    final = _with_starts(scene, trimmed(scene.voxels, _voted(scene, votes, starts)), starts)
    pairs = [(a, b) for n, a in enumerate(planes) for b in planes[n + 1 :]]
    agreement = float(np.mean([dice(votes[a] > 0.5, votes[b] > 0.5) for a, b in pairs]))
    return Grown(lower, final, agreement)


def _bounds(
    locator: LocatorNet, voxels: NDArray, geometry: Geometry, scene: Scene, starts: Mapping[SliceRef, Mask], is_hu: bool
) -> Mask | None:
    """Where the structure may be, by the vertebrae around it."""
    points = []
    for ref, mask in starts.items():
        rows, columns = np.nonzero(mask)
        points.append(scene.planes[ref.plane].to_voxel(np.column_stack([columns, rows]), ref.index))
    places = scene.geometry.to_mm(np.concatenate(points))
    return territory(look_around(locator, voxels, geometry, places, is_hu=is_hu), places, scene.geometry)


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
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_mm(low)
    part = Geometry((int(high[0] - low[0]), int(high[1] - low[1]), int(high[2] - low[2])), affine, geometry.has_spacing)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    scene = Scene(segmenter, voxels[box], part, is_hu)
    moved = {}
    for ref, mask in starts.items():
        plane = SlicePlane(geometry, ref.plane)
        inside = _window(plane, scene.planes[ref.plane], low)
        moved[SliceRef(ref.plane, ref.index - int(low[plane.normal_axis]))] = np.ascontiguousarray(mask[inside])
    return (int(low[0]), int(low[1]), int(low[2])), scene, moved


def _window(whole: SlicePlane, part: SlicePlane, low: NDArray[np.int64]) -> tuple[slice, slice]:
    """The rows and columns of a slice that belong to a part of the volume which begins at voxel `low`."""
    rows, columns = part.shape
    ends = part.to_voxel([[0, 0], [columns - 1, rows - 1]], 0) + low
    pixels = whole.to_pixel(ends)
    (x0, y0), (x1, y1) = pixels.min(axis=0).astype(int), pixels.max(axis=0).astype(int)
    return slice(y0, y1 + 1), slice(x0, x1 + 1)


def _carried(scene: Scene, ref: SliceRef, starts: Mapping[SliceRef, Mask]) -> NDArray[np.float32]:
    """The start carried through its own plane, as a rough body 0-1."""
    plane = scene.planes[ref.plane]
    anchors = {one.index: mask for one, mask in starts.items() if one.plane == ref.plane}
    if ref.plane != "axial":
        first, last = 0, plane.count - 1
    elif scene.within is not None:
        first, last = _extent(scene.within, plane.normal_axis)
    else:
        first, last = _height(scene, ref, starts[ref])
    stride = scene.stride(ref.plane)
    within = None if scene.within is None else partial(plane.cut, scene.within)
    found = dict(anchors)
    for indices in (range(ref.index + stride, last + 1, stride), range(ref.index - stride, first - 1, -stride)):
        steps = walk(
            scene.segmenter,
            lambda index: scene.embedding(ref.plane, index),
            starts[ref],
            start_index=ref.index,
            indices=list(indices),
            anchors=anchors,
            within=within,
        ).steps
        found |= {step.index: step.mask for step in steps}
    return filled(scene, ref.plane, found)


def _extent(mask: NDArray, axis: int) -> tuple[int, int]:
    """First and last slice along an axis that holds something; (0, -1) for nothing."""
    held = np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != axis)))
    return (int(held[0]), int(held[-1])) if len(held) else (0, -1)


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


def _asked_again(scene: Scene, body: NDArray, plane: str, part: _Part) -> NDArray[np.float32]:
    """Every slice of a plane asked anew, with a box around what the body shows there; the answer may differ by a few mm."""
    cut = scene.planes[plane]
    across = tuple(axis for axis in range(3) if axis != cut.normal_axis)
    held = np.flatnonzero((body > 0.5).any(axis=across))
    if not len(held):
        return body.astype(np.float32)
    stride = scene.stride(plane)
    indices = sorted({*range(int(held[0]), int(held[-1]) + 1, stride), int(held[-1])})
    found: dict[int, Mask] = {}
    for number, index in enumerate(indices):
        part.done(number / len(indices))
        shown = np.ascontiguousarray(cut.cut(body, index) > 0.5)
        if shown.sum() < 4:
            found[index] = shown
            continue
        box = prompt_from(shown, room_mm=ROOM_MM, spacing_mm=cut.spacing_mm).box_xyxy
        answer = scene.segmenter.decode(scene.embedding(plane, index), SlicePrompt(box_xyxy=box)).masks[0]
        give = max(1, round(GIVE_MM / min(cut.spacing_mm)))
        found[index] = scene.allowed(plane, index, answer & ndimage.binary_dilation(shown, iterations=give))
    return filled(scene, plane, found)


def filled(scene: Scene, plane: str, found: Mapping[int, Mask]) -> NDArray[np.float32]:
    """Masks on slices of a plane as a body 0-1; slices between them are interpolated, outside there is nothing."""
    body = np.zeros(scene.geometry.shape, np.float32, order="F")
    cut = scene.planes[plane]
    known = sorted(found)
    for index in known:
        cut.cut(body, index)[...] = found[index]
    for before, after in itertools.pairwise(known):
        if after - before > scene.stride(plane):
            continue
        for index in range(before + 1, after):
            share = (index - before) / (after - before)
            cut.cut(body, index)[...] = (1 - share) * found[before] + share * found[after]
    return body


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
    inner = ndimage.binary_erosion(mask)
    around = ndimage.binary_dilation(mask, iterations=3) & ~ndimage.binary_dilation(mask)
    if not inner.any() or not around.any():
        return mask
    bone, beside = float(np.median(voxels[inner])), float(np.median(voxels[around]))
    if bone - beside < LEAST_CONTRAST:
        return mask
    return np.asarray(inner | (mask & (voxels > beside + BONE_SHARE * (bone - beside))))


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

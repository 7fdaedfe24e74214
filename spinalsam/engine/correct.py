"""One click on a slice of a whole mask, carried through the slices beside it as far as it holds: a correction that stays local.

The network is shown the slice as it is masked (its box, and its own answer to it as mask input) together with the click. Of what would
change only the piece at the click is taken, and only what the click asks for: a positive one adds, a negative one takes away. The change
then goes from slice to slice in the click's plane: what changed on one is what is asked about on the next, until nothing changes any more.
All other voxels stay, so what was right, or corrected before, is not put at risk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.propagate import prompt_from
from spinalsam.engine.scene import Scene, box_of
from spinalsam.engine.segmenter import Segmenter
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane, SliceRef
from spinalsam.support.prompts import SlicePrompt

Mask = NDArray[np.bool_]

REACH_MM = 25.0  # no correction goes further from its slice
LOCAL_MM = 12.0  # nor, on any slice, further from the click's place
AS_FAR, LEAST_MM = 0.4, 5.0  # of the change's width on its slice, how far it is carried each way, and the least
SPREAD_MM = 3.0  # how far a change may lie beside that of the slice before
SPOT_MM = 2.5  # radius of what changes at least at the click, where the network would change nothing
ROOM_MM = 4.0  # around a positive click, what the box is made to hold
SMALLEST_MM2 = 12.0  # of a change that is worth the next slice
GROWTH = 1.3  # in area from one slice to the next, beyond which a change is not believed
SURE = 0.5  # predicted IoU likewise


@dataclass(frozen=True)
class Correction:
    """mask: bool [i, j, k], the whole structure as it is now. slices: how many slices changed. changed: voxels that changed."""

    mask: Mask
    slices: int
    changed: int


def correct(
    segmenter: Segmenter,
    voxels: NDArray,
    geometry: Geometry,
    mask: Mask,
    ref: SliceRef,
    point_xy: tuple[float, float],
    *,
    positive: bool,
    is_hu: bool,
    within: Mask | None = None,
    check: Callable[[], None] | None = None,
) -> Correction:
    """A structure's mask [i, j, k] with one click on a slice made to hold, there and around.

    point_xy: pixel on the slice. positive: whether the click lies inside the structure. within: bool [i, j, k], where the structure may
    be; beyond it only the spot at the click grows. check: called before every slice; may raise Cancelled.
    Whatever a negative click has cut off from the rest goes with it. Raises ModelError or ResourceError as the segmenter does.
    """
    scene = Scene(segmenter, voxels, geometry, is_hu, within=within if positive else None)
    plane = scene.planes[ref.plane]
    away_mm = _away_mm(plane, point_xy)
    changes = {ref.index: _at_click(scene, ref, mask, point_xy, away_mm, positive)}
    reach_mm = min(REACH_MM, max(LEAST_MM, AS_FAR * _width_mm(changes[ref.index], plane.spacing_mm)))
    reach = max(1, round(reach_mm / geometry.spacing_mm[plane.normal_axis]))
    for indices in (range(ref.index + 1, plane.count), range(ref.index - 1, -1, -1)):
        changes |= _onward(scene, ref.plane, mask, changes[ref.index], away_mm <= LOCAL_MM, indices[:reach], positive, check)
    whole = mask.copy(order="K")
    for index, change in changes.items():
        plane.cut(whole, index)[change] = positive
    if not positive:
        _drop_cut_off(whole, mask)
    return Correction(whole, len(changes), int(np.count_nonzero(whole != mask)))


def _away_mm(plane: SlicePlane, point_xy: tuple[float, float]) -> NDArray[np.float64]:
    """(rows, columns) distance of a slice's pixels from a place on it."""
    rows, columns = np.ogrid[: plane.shape[0], : plane.shape[1]]
    return np.hypot((rows - point_xy[1]) * plane.spacing_mm[0], (columns - point_xy[0]) * plane.spacing_mm[1])


def _width_mm(change: Mask, spacing_mm: tuple[float, float]) -> float:
    """The longer side of the box around a change (rows, columns), 0 for an empty one."""
    ends = [np.flatnonzero(change.any(axis=1 - axis)) for axis in (0, 1)]
    return max(float(held[-1] - held[0] + 1) * mm if len(held) else 0.0 for held, mm in zip(ends, spacing_mm, strict=True))


def _at_click(scene: Scene, ref: SliceRef, mask: Mask, point_xy: tuple[float, float], away_mm: NDArray[np.float64], positive: bool) -> Mask:
    """What changes on the slice of the click: at least a spot around it."""
    cut = scene.planes[ref.plane]
    shown = np.ascontiguousarray(cut.cut(mask, ref.index))
    spot = away_mm <= SPOT_MM
    answer, _ = _answer(scene, ref.plane, ref.index, shown, point_xy, positive)
    change = _pieces(scene.allowed(ref.plane, ref.index, _difference(shown, answer, positive) & (away_mm <= LOCAL_MM)), spot)
    return (change | spot) & (shown != positive)


def _onward(
    scene: Scene,
    plane: str,
    mask: Mask,
    start: Mask,
    local: Mask,
    indices: Sequence[int],
    positive: bool,
    check: Callable[[], None] | None,
) -> dict[int, Mask]:
    """The change on the slices beyond, nearest first, as far as it goes on around the place of the click."""
    cut = scene.planes[plane]
    pixel_mm2 = float(np.prod(cut.spacing_mm))
    spread = [max(1, round(SPREAD_MM / mm)) for mm in cut.spacing_mm]
    changes: dict[int, Mask] = {}
    before = start
    for index in indices:
        if check is not None:
            check()
        shown = np.ascontiguousarray(cut.cut(mask, index))
        asked = before & (shown != positive)
        if asked.sum() * pixel_mm2 < SMALLEST_MM2:
            break
        depth = ndimage.distance_transform_edt(np.pad(asked, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        answer, score = _answer(scene, plane, index, shown, (float(column), float(row)), positive)
        near = ndimage.binary_dilation(before, np.ones([2 * n + 1 for n in spread], bool))
        change = _pieces(scene.allowed(plane, index, _difference(shown, answer, positive) & near & local), asked)
        area = int(change.sum())
        if score < SURE or area * pixel_mm2 < SMALLEST_MM2 or area > GROWTH * before.sum():
            break
        changes[index] = before = change
    return changes


def _answer(scene: Scene, plane: str, index: int, shown: Mask, point_xy: tuple[float, float], positive: bool) -> tuple[Mask, float]:
    """What the network makes of a slice, masked as `shown`, with one click more; and its predicted IoU."""
    embedding = scene.embedding(plane, index)
    points, kinds = np.array([point_xy], np.float32), np.array([positive])
    if shown.sum() < 4:
        given = scene.segmenter.decode(embedding, SlicePrompt(points, kinds))
        return given.masks[0], float(given.scores[0])
    box = prompt_from(shown).box_xyxy
    assert box is not None
    first = scene.segmenter.decode(embedding, SlicePrompt(box_xyxy=box))
    if positive:
        # What is missing goes on beyond the click.
        room = ROOM_MM / np.array(scene.planes[plane].spacing_mm[::-1], np.float32)
        last = np.array(shown.shape[::-1], np.float32) - 1
        box = np.concatenate([np.minimum(box[:2], points[0] - room), np.maximum(box[2:], points[0] + room)])
        box = np.concatenate([np.maximum(box[:2], 0), np.minimum(box[2:], last)]).astype(np.float32)
    given = scene.segmenter.decode(embedding, SlicePrompt(points, kinds, box), first.low_res[0] if first.low_res else None)
    return given.masks[0], float(given.scores[0])


def _difference(shown: Mask, answer: Mask, positive: bool) -> Mask:
    """What a click of this kind may change."""
    return answer & ~shown if positive else shown & ~answer


def _pieces(change: Mask, touching: Mask) -> Mask:
    """The connected pieces of a change that touch a place."""
    pieces, count = ndimage.label(change)
    if not count:
        return change
    keep = np.zeros(count + 1, bool)
    keep[np.unique(pieces[touching])] = True
    keep[0] = False
    return np.asarray(keep[pieces])


def _drop_cut_off(whole: Mask, before: Mask) -> None:
    """Take away, in place, what was one piece with the largest before and is so no more."""
    if not before.any():
        return
    box = box_of(before, (0, 0, 0))
    whole, before = whole[box], before[box]  # labels of a whole scan would take seconds
    pieces, count = ndimage.label(whole, np.ones((3, 3, 3), bool))
    if count < 2:
        return
    earlier, _ = ndimage.label(before, np.ones((3, 3, 3), bool))
    largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
    # What is left of a piece lies in one piece of before, so its highest number there is its only one.
    homes = np.concatenate([[0], ndimage.maximum(earlier, pieces, np.arange(1, count + 1))])
    gone = homes == homes[largest]
    gone[[0, largest]] = False
    whole[gone[pieces]] = False

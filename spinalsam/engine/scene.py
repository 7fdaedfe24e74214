"""The part of a volume around a structure, and what the network says of its slices.

Many slices are asked together: they go through the network in one call, and several calls run beside each other where the machine has more
than one core. Between slices whose answers are alike what lies in between is interpolated, not asked.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.device.threads import all_threads
from spinalsam.engine.propagate import dice, prompt_from
from spinalsam.engine.segmenter import Embedding, Segmenter, SliceImage
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.support.prompts import SlicePrompt

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]
Say = Callable[[float], None]
_S = TypeVar("_S")
_T = TypeVar("_T")

STEP_MM = 1.7  # slices nearer to each other than this are interpolated: twice as fast at 0.8 mm, for 0.006 of Dice on a phantom
SPARE_MM = 3.6  # between slices whose answers may tell what lies between them
SMALLEST_SIDE = 12  # a plane with fewer pixels across the picture has nothing to say
TOGETHER = 8  # slices in one call of the network: 0.7 of the time of single ones
MOST_AT_ONCE = 4  # calls beside each other
SMALLEST_PIXELS = 4  # a smaller cross-section is taken as it is: a box around it tells the network nothing


@dataclass(frozen=True)
class Seen:
    """The network's answer on a slice. mask: (rows, columns). score: predicted IoU, 0-1; None where it was not asked."""

    mask: Mask
    score: float | None


@dataclass
class Scene:
    """voxels: [i, j, k]. geometry: theirs. step_mm: slices nearer to each other than this are interpolated.

    within: [i, j, k], where the structure may be. wide: a scene that reaches further, whose voxels the network sees around this one's;
    this one begins at its voxel low_ijk.
    """

    segmenter: Segmenter
    voxels: NDArray
    geometry: Geometry
    is_hu: bool
    step_mm: float = STEP_MM
    within: Mask | None = None
    wide: Scene | None = None
    low_ijk: tuple[int, int, int] = (0, 0, 0)
    planes: dict[str, SlicePlane] = field(init=False)

    def __post_init__(self) -> None:
        self.planes = {name: SlicePlane(self.geometry, name) for name in PLANES}

    def narrowed(self, box: Box) -> Scene:
        """The same scene with a smaller grid: bodies on it cost less, and the network sees as much as before."""
        low = (box[0].start, box[1].start, box[2].start)
        voxels = self.voxels[box]
        within = None if self.within is None else np.asfortranarray(self.within[box])
        return Scene(self.segmenter, voxels, part_of(self.geometry, low, voxels.shape), self.is_hu, self.step_mm, within, self, low)

    def embedding(self, plane: str, index: int) -> Embedding:
        """A slice, encoded. Kept nowhere: every round looks through other windows, and hundreds of slices would fill the memory."""
        cut = self.planes[plane]
        if self.wide is not None:
            return self.wide.embedding(plane, index + self.low_ijk[cut.normal_axis])
        pixels = np.ascontiguousarray(cut.cut(self.voxels, index), dtype=np.float32)
        return self.segmenter.encode(SliceImage(pixels, self.is_hu, cut.spacing_mm))

    def window(self, plane: str) -> tuple[slice, slice]:
        """The rows and columns of the network's slices that this scene's grid covers."""
        if self.wide is None:
            return slice(None), slice(None)
        return window_of(self.wide.planes[plane], self.planes[plane], self.low_ijk)

    def allowed(self, plane: str, index: int, mask: Mask) -> Mask:
        """What of a mask on a slice may belong to the structure."""
        return mask if self.within is None else mask & self.planes[plane].cut(self.within, index)

    def usable(self) -> list[str]:
        return [name for name, plane in self.planes.items() if min(plane.shape) >= SMALLEST_SIDE]

    def stride(self, plane: str, step_mm: float | None = None) -> int:
        """Every how manieth slice of a plane is looked at, at the scene's step or another."""
        return max(1, int((step_mm or self.step_mm) / self.geometry.spacing_mm[self.planes[plane].normal_axis] + 1e-6))

    @property
    def beside(self) -> int:
        """How many calls of the network may run at the same time: one where each takes all cores, or a device of its own."""
        alone = not hasattr(self.segmenter, "decode_slices") or str(getattr(self.segmenter, "device", "cpu")) != "cpu"
        return 1 if alone else MOST_AT_ONCE

    def ask(self, plane: str, shown: Mapping[int, Mask], *, room_mm: float, say: Say) -> dict[int, Seen]:
        """What the network makes of slices, each with a box around a mask (rows, columns) and `room_mm` more on each side.

        say: told the share that is done; may raise Cancelled. Raises ModelError or ResourceError as the segmenter does.
        """
        window, spacing_mm = self.window(plane), self.planes[plane].spacing_mm
        left, top = window[1].start or 0, window[0].start or 0

        def answer(indices: Sequence[int]) -> list[Seen]:
            boxes = [prompt_from(shown[index], room_mm=room_mm, spacing_mm=spacing_mm).box_xyxy for index in indices]
            prompts = [SlicePrompt(box_xyxy=(box + [left, top, left, top]).astype(np.float32)) for box in boxes if box is not None]
            given = _decoded(self.segmenter, [self.embedding(plane, index) for index in indices], prompts)
            return [Seen(np.ascontiguousarray(mask[window]), score) for mask, score in given]

        asked = [index for index, mask in shown.items() if mask.sum() >= SMALLEST_PIXELS]
        groups = _grouped(asked)
        found = {index: Seen(mask, None) for index, mask in shown.items()}
        with closing(in_order(answer, groups, beside=self.beside)) as given:  # what is stopped begins no more
            for number, (group, answers) in enumerate(zip(groups, given, strict=True), start=1):
                found.update(zip(group, answers, strict=True))
                say(number / len(groups))
        return found


def looked_at(
    scene: Scene, plane: str, body: NDArray[np.bool_], *, room_mm: float, step_mm: float, spare: float | None, say: Say
) -> dict[int, Seen]:
    """What the network makes of the slices of a plane that show a body, at most `step_mm` apart.

    spare: Dice of two answers at most SPARE_MM apart from which the slices between them are left out; None to leave none out.
    """
    cut = scene.planes[plane]
    first, last = extent(body, cut.normal_axis)
    if last < first:
        return {}
    near, far = scene.stride(plane, step_mm), scene.stride(plane, step_mm if spare is None else max(step_mm, SPARE_MM))
    found: dict[int, Seen] = {}
    wanted, share = sorted({*range(first, last + 1, far), last}), 0.0
    while wanted:
        shown = {index: np.ascontiguousarray(cut.cut(body, index)) for index in wanted}
        done, share = share, 1 - (1 - share) / 2
        found |= scene.ask(plane, shown, room_mm=room_mm, say=lambda part, done=done, share=share: say(done + part * (share - done)))  # type: ignore[misc]
        wanted = [
            (before + after) // 2
            for before, after in itertools.pairwise(sorted(found))
            if after - before > near and spare is not None and dice(found[before].mask, found[after].mask) < spare
        ]
    return found


def filled(scene: Scene, plane: str, found: Mapping[int, Mask]) -> NDArray[np.float32]:
    """Masks on slices of a plane as a body 0-1; between two at most SPARE_MM apart is interpolated, elsewhere is nothing."""
    body = np.zeros(scene.geometry.shape, np.float32, order="F")
    cut = scene.planes[plane]
    known, gap = sorted(found), scene.stride(plane, max(scene.step_mm, SPARE_MM))
    for index in known:
        cut.cut(body, index)[...] = found[index]
    for before, after in itertools.pairwise(known):
        if after - before > gap:
            continue
        for index in range(before + 1, after):
            share = (index - before) / (after - before)
            cut.cut(body, index)[...] = (1 - share) * found[before] + share * found[after]
    return body


def near(mask: Mask, pixels: int) -> Mask:
    """A mask (rows, columns) and so many pixels more around it, by steps to the side, up and down."""
    around = np.zeros_like(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows):
        window = tuple(slice(max(0, held[0] - pixels), held[-1] + pixels + 1) for held in (rows, columns))
        around[window] = ndimage.binary_dilation(mask[window], iterations=pixels)
    return around


def extent(mask: NDArray, axis: int) -> tuple[int, int]:
    """First and last slice along an axis that holds something; (0, -1) for nothing."""
    held = np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != axis)))
    return (int(held[0]), int(held[-1])) if len(held) else (0, -1)


def box_of(mask: NDArray[np.bool_], room: Sequence[int] | NDArray) -> Box:
    """The part of a grid that holds a mask, not empty, and so many voxels more along each axis."""
    ends = [extent(mask, axis) for axis in range(3)]
    i, j, k = (slice(max(0, a - int(n)), min(size, b + int(n) + 1)) for (a, b), n, size in zip(ends, room, mask.shape, strict=True))
    return i, j, k


def box_at(low_ijk: Sequence[int], shape: Sequence[int]) -> Box:
    """The part of a grid that begins at a voxel and has a shape."""
    i, j, k = (slice(low, low + n) for low, n in zip(low_ijk, shape, strict=True))
    return i, j, k


def joined(one: Box, other: Box) -> Box:
    """The smallest box that holds both."""
    i, j, k = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return i, j, k


def part_of(geometry: Geometry, low_ijk: Sequence[int] | NDArray, shape: Sequence[int] | NDArray) -> Geometry:
    """The grid of a part of a volume that begins at a voxel."""
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_mm(low_ijk)
    return Geometry((int(shape[0]), int(shape[1]), int(shape[2])), affine, geometry.has_spacing)


def window_of(whole: SlicePlane, part: SlicePlane, low_ijk: Sequence[int] | NDArray) -> tuple[slice, slice]:
    """The rows and columns of a slice that belong to a part of the volume which begins at a voxel."""
    rows, columns = part.shape
    ends = part.to_voxel([[0, 0], [columns - 1, rows - 1]], 0) + np.asarray(low_ijk)
    pixels = whole.to_pixel(ends)
    (x0, y0), (x1, y1) = pixels.min(axis=0).astype(int), pixels.max(axis=0).astype(int)
    return slice(int(y0), int(y1) + 1), slice(int(x0), int(x1) + 1)


def in_order(work: Callable[[_S], _T], parts: Sequence[_S], *, beside: int) -> Generator[_T, None, None]:
    """`work` of every part, in order, at most `beside` of them at the same time and never more than PyTorch may use cores."""
    workers = min(beside, all_threads(), len(parts))
    if workers < 2:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="slices") as pool:
        futures = [pool.submit(work, part) for part in parts]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _grouped(indices: Sequence[int]) -> list[list[int]]:
    """As few groups as may be of at most TOGETHER, alike in size and even in number, so that two cores end together."""
    count = 2 * math.ceil(len(indices) / (2 * TOGETHER))
    groups = [group.tolist() for group in np.array_split(np.array(indices, int), max(1, count))]
    return [group for group in groups if group]


def _decoded(segmenter: Segmenter, embeddings: Sequence[Embedding], prompts: Sequence[SlicePrompt]) -> list[tuple[Mask, float]]:
    """The first candidate for each slice's prompt and its predicted IoU."""
    many = getattr(segmenter, "decode_slices", None)
    given = many(embeddings, prompts) if many else [segmenter.decode(one, prompt) for one, prompt in zip(embeddings, prompts, strict=True)]
    return [(candidates.masks[0], float(candidates.scores[0])) for candidates in given]

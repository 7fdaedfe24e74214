"""Batches from a user's own images and masks: NIfTI, NRRD, DICOM folders or pictures, each with its mask beside it.

Batch n depends on the seed and n alone. Few volumes are in memory at a time; which ones changes as the batches go on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.data.volume import Volume
from spinalsam.engine.compact_segmenter import HU_RANGE
from spinalsam.engine.look import Look, cut, look_around
from spinalsam.engine.sam import Preprocessing, picture_size, to_picture
from spinalsam.engine.segmenter import SliceImage
from spinalsam.errors import InputError
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.training.dataset import BONE, TARGET, WHOLE, Batch, turned
from spinalsam.training.evaluate import SMALLEST_PIXELS, find_pairs, read_pair
from spinalsam.training.interaction import mask_bounds
from spinalsam.training.render import FILL_SHARES, FILLS

VOLUMES_KEPT = 8
BATCHES_A_POOL = 25  # then the oldest of the volumes in memory makes room for the next
PIECE_SHARE = 0.3

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """One structure on one slice. target, whole, bone: (rows, columns) bool as in `RenderedSlice`."""

    image: SliceImage
    target: Mask
    whole: Mask
    bone: Mask


# A sample as a network sees it: pixels (side, side) float32, and the three masks at that size.
View = Callable[[np.random.Generator, Sample], tuple[NDArray[np.float32], Mask, Mask, Mask] | None]


class PairSlices:
    """Prompted slices of image and mask pairs.

    files: image and mask of each pair. view: how the network to be trained sees a slice (`look_view`, `whole_slice_view`).
    """

    def __init__(self, files: Sequence[tuple[Path, Path]], view: View, *, batch: int, seed: int) -> None:
        self.files = list(files)
        self.view, self.batch, self.seed = view, batch, seed
        self._order = np.random.default_rng([seed, 3]).permutation(len(self.files))
        self._read: OrderedDict[int, tuple[Volume, NDArray, list[int]]] = OrderedDict()

    @classmethod
    def of(cls, folder: Path, view: View, *, batch: int, seed: int) -> PairSlices:
        """Every pair of a folder. Raises InputError when it holds none."""
        return cls(find_pairs(folder), view, batch=batch, seed=seed)

    def render(self, number: int) -> Batch:
        """Batch `number`: pixels and masks of `batch` slices, mirrored and turned at random."""
        rng = np.random.default_rng([self.seed, 17, number])
        views = [self._one(rng, number) for _ in range(self.batch)]
        masks = [t * np.uint8(TARGET) + w * np.uint8(WHOLE) + b * np.uint8(BONE) for _, t, w, b in views]
        return turned(Batch(np.stack([pixels for pixels, *_ in views]).astype(np.float16), np.stack(masks).astype(np.uint8)), rng)

    def _one(self, rng: np.random.Generator, number: int) -> tuple[NDArray[np.float32], Mask, Mask, Mask]:
        pool = [self._order[(number // BATCHES_A_POOL + n) % len(self.files)] for n in range(min(VOLUMES_KEPT, len(self.files)))]
        for _ in range(200):
            sample = self._sample(rng, int(rng.choice(pool)))
            seen = None if sample is None else self.view(rng, sample)
            if seen is not None:
                return seen
        raise InputError(f"The masks beside {self.files[pool[0]][1].name} hold nothing large enough to learn from.")

    def _sample(self, rng: np.random.Generator, which: int) -> Sample | None:
        volume, mask, labels = self._pair(which)
        if not labels:
            return None
        label = labels[int(rng.integers(len(labels)))]
        planes = [cut for cut in (SlicePlane(volume.geometry, name) for name in PLANES) if min(cut.shape) >= 8]
        plane = planes[int(rng.integers(len(planes)))]
        across = tuple(axis for axis in range(3) if axis != plane.normal_axis)
        held = np.flatnonzero((mask == label).any(axis=across))
        index = int(held[int(rng.integers(len(held)))])
        labelled = plane.cut(mask, index)
        whole = np.ascontiguousarray(labelled == label)
        target = _a_piece(rng, whole)
        if target.sum() < SMALLEST_PIXELS:
            return None
        spacing = plane.spacing_mm if volume.geometry.has_spacing else None
        pixels = np.ascontiguousarray(plane.cut(volume.voxels, index), dtype=np.float32)
        return Sample(SliceImage(pixels, volume.is_hu, spacing), target, whole, np.ascontiguousarray(labelled > 0))

    def _pair(self, which: int) -> tuple[Volume, NDArray, list[int]]:
        if which not in self._read:
            volume, mask = read_pair(*self.files[which])
            self._read[which] = (volume, mask, [int(label) for label in np.unique(mask) if label])
            while len(self._read) > VOLUMES_KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(which)
        return self._read[which]


def _a_piece(rng: np.random.Generator, whole: Mask) -> Mask:
    """The cross-section, or sometimes one connected piece of it."""
    pieces, count = ndimage.label(whole)
    if count <= 1 or rng.random() > PIECE_SHARE:
        return whole
    return pieces == 1 + int(rng.integers(count))


def look_view(side: int) -> View:
    """As the compact network looks at a slice: a window around the structure, by a random share larger, a little beside it."""

    def view(rng: np.random.Generator, sample: Sample) -> tuple[NDArray[np.float32], Mask, Mask, Mask] | None:
        x0, y0, x1, y1 = mask_bounds(sample.target)
        row_mm, column_mm = sample.image.spacing_mm or (1.0, 1.0)
        extent_mm = max((x1 - x0 + 1) * column_mm, (y1 - y0 + 1) * row_mm)
        side_mm = extent_mm / rng.uniform(*FILLS[rng.choice(len(FILLS), p=FILL_SHARES)])
        off = rng.normal(0, 0.04, 2) * side_mm / (column_mm, row_mm)
        look = look_around(sample.image, centre_xy=((x0 + x1) / 2 + off[0], (y0 + y1) / 2 + off[1]), side_mm=side_mm, side=side)
        pixels = np.clip(sample.image.pixels, *HU_RANGE) if sample.image.is_hu else sample.image.pixels
        seen = _cut(sample.image, pixels, look)
        target, whole, bone = (_cut_mask(sample.image, mask, look) for mask in (sample.target, sample.whole, sample.bone))
        return (_exposed(rng, seen), target, whole, bone) if target.sum() >= SMALLEST_PIXELS else None

    return view


def _cut(image: SliceImage, pixels: NDArray, look: Look) -> NDArray[np.float32]:
    return cut(SliceImage(np.nan_to_num(pixels).astype(np.float32), image.is_hu, image.spacing_mm), look)[0, 0].numpy()


def _cut_mask(image: SliceImage, mask: Mask, look: Look) -> Mask:
    """The mask in a look; beyond the slice's edge there is none, although the pixels repeat."""
    rows, columns = mask.shape
    inside = np.zeros((look.rows, look.columns), bool)
    r0, c0 = max(look.row, 0), max(look.column, 0)
    part = mask[r0 : max(r0, min(look.row + look.rows, rows)), c0 : max(c0, min(look.column + look.columns, columns))]
    inside[r0 - look.row : r0 - look.row + part.shape[0], c0 - look.column : c0 - look.column + part.shape[1]] = part
    whole = Look(0, 0, look.columns, look.rows, look.side)
    return _cut(image, inside, whole) > 0.5


def _exposed(rng: np.random.Generator, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values 0-1 with a random gamma and noise: another exposure of the same slice."""
    low, high = float(pixels.min()), float(pixels.max())
    seen = (pixels - low) / max(high - low, 1e-6)
    if rng.random() < 0.5:
        seen = seen ** rng.uniform(0.7, 1.4)
    if rng.random() < 0.5:
        seen = seen + rng.normal(0, rng.uniform(0, 0.04), seen.shape)
    return seen.astype(np.float32)


def whole_slice_view(side: int, preprocessing: Preprocessing) -> View:
    """As SAM sees a slice: all of it as 8-bit grey values, NaN where the square input holds none."""

    def view(rng: np.random.Generator, sample: Sample) -> tuple[NDArray[np.float32], Mask, Mask, Mask] | None:
        size = picture_size(sample.image.pixels.shape, preprocessing, side)
        seen = np.full((side, side), np.nan, np.float32)
        seen[: size[0], : size[1]] = _resized(to_picture(sample.image, preprocessing), size)
        masks = []
        for mask in (sample.target, sample.whole, sample.bone):
            drawn = np.zeros((side, side), bool)
            drawn[: size[0], : size[1]] = _resized(mask, size) > 0.5
            masks.append(drawn)
        return (seen, *masks) if masks[0].sum() >= SMALLEST_PIXELS else None  # type: ignore[return-value]

    return view


def _resized(image: NDArray, size: Sequence[int]) -> NDArray[np.float32]:
    tensor = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
    return F.interpolate(tensor, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)[0, 0].numpy()

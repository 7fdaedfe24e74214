"""A mask on one slice carried to its neighbours, one after another, until the structure ends.

Each step asks the network for the structure on the next slice with what the slice before says: a box around its mask, its deepest
point, and the mask itself as the network's own mask input. The step is believed while the network is sure of it and while the new
mask agrees with the old one; the first doubtful slice ends the walk and is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt

from spinalsam.engine.segmenter import Candidates, Embedding, Segmenter
from spinalsam.support.prompts import SlicePrompt

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class StopRules:
    """When a walk ends.

    score: predicted IoU below which a slice is not believed. overlap: Dice with the slice before, likewise. shrink: share of the
    largest area so far below which the structure counts as ended. growth: factor in area from one slice to the next that counts
    as a leak. pixels: the smallest mask. reach_mm: how far a mask may grow beyond the one before (pixels where mm are unknown). room_mm:
    how much larger than that one the box is on each side.
    darkening: share of the start's mean value, above the surroundings', below which the structure counts as left.
    """

    score: float = 0.5
    overlap: float = 0.4
    shrink: float = 0.12
    growth: float = 2.5
    pixels: int = 6
    reach_mm: float = 6.0
    room_mm: float = 1.5
    darkening: float = 0.35


@dataclass(frozen=True)
class Step:
    """One slice of a walk. mask: (rows, columns). score: predicted IoU. overlap: Dice with the slice before it."""

    index: int
    mask: Mask
    score: float
    overlap: float

    @property
    def confidence(self) -> float:
        """0-1; the lowest ones are worth a look."""
        return self.score * self.overlap


@dataclass(frozen=True)
class Walk:
    """The slices that were taken, in order, and why no more were."""

    steps: tuple[Step, ...]
    reason: str


def walk(
    segmenter: Segmenter,
    embed: Callable[[int], Embedding],
    start: Mask,
    *,
    start_index: int,
    indices: Sequence[int],
    anchors: Mapping[int, Mask] | None = None,
    rules: StopRules | None = None,
    within: Callable[[int], Mask] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Walk:
    """Carry a mask along slices.

    embed: the embedding of a slice by its index. start: (rows, columns) mask on slice `start_index`, not empty. indices: the slices
    to visit, nearest first. anchors: masks that are known on some of them; they are kept and walked on from. within: where the structure
    may be on a slice, by its index. on_step is called after each slice and may raise Cancelled. Raises ModelError or ResourceError as the
    segmenter does.
    """
    rules = rules or StopRules()
    contrast = _Contrast.of(embed(start_index), start, rules)
    steps: list[Step] = []
    mask, low_res, largest = start, None, int(start.sum())
    for index in indices:
        known = (anchors or {}).get(index)
        if known is not None and known.any():
            step, low_res = Step(index, known, 1.0, 1.0), None
        else:
            embedding = embed(index)
            found, low_res = _next(segmenter, embedding, index, mask, low_res, rules, within(index) if within else None)
            reason = _doubt(found, mask, largest, rules) or contrast.doubt(embedding, found.mask)
            if reason:
                return Walk(tuple(steps), f"slice {index + 1}: {reason}")
            step = found
        steps.append(step)
        mask, largest = step.mask, max(largest, int(step.mask.sum()))
        if on_step is not None:
            on_step(step)
    return Walk(tuple(steps), "the last slice")


def prompt_from(mask: Mask, *, room_mm: float = 0.0, spacing_mm: tuple[float, float] | None = None) -> SlicePrompt:
    """The prompt that a mask (rows, columns), not empty, gives for the slice beside it: its box and its deepest point.

    room_mm: how much larger the box is on each side, at least one pixel if there is any, so that the structure may swell.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    down, across = (max(1, round(room_mm / mm)) if room_mm else 0 for mm in (spacing_mm or (1.0, 1.0)))
    last_row, last_column = mask.shape[0] - 1, mask.shape[1] - 1
    low = (max(columns[0] - across, 0), max(rows[0] - down, 0))
    high = (min(columns[-1] + across, last_column), min(rows[-1] + down, last_row))
    box = np.array([*low, *high], np.float32)
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return SlicePrompt(np.array([[x, y]], np.float32), np.array([True]), box)


def _next(
    segmenter: Segmenter, embedding: Embedding, index: int, mask: Mask, low_res: Any, rules: StopRules, within: Mask | None
) -> tuple[Step, Any]:
    """The structure on the next slice, and what the network takes back on the one after it."""
    spacing_mm = embedding.image.spacing_mm
    candidates = segmenter.decode(embedding, prompt_from(mask, room_mm=rules.room_mm, spacing_mm=spacing_mm), low_res)
    reach = _dilated(mask, rules.reach_mm, spacing_mm)
    if within is not None:
        reach &= within
    masks = candidates.masks & reach
    overlaps = [dice(mask, candidate) for candidate in masks]
    best = _best(candidates, overlaps)
    step = Step(index, masks[best], float(candidates.scores[best]), overlaps[best])
    return step, candidates.low_res[best] if best < len(candidates.low_res) else None


def _best(candidates: Candidates, overlaps: Sequence[float]) -> int:
    """The candidate that the network and the slice before it agree on most."""
    return int(np.argmax([score * overlap for score, overlap in zip(candidates.scores, overlaps, strict=True)]))


def _doubt(step: Step, before: Mask, largest: int, rules: StopRules) -> str:
    """Why a step is not believed, or an empty string."""
    area = int(step.mask.sum())
    if area < max(rules.pixels, rules.shrink * largest):
        return "the structure ends"
    if step.score < rules.score:
        return f"the network is unsure (predicted IoU {step.score:.2f})"
    if step.overlap < rules.overlap:
        return f"the mask would jump (overlap {step.overlap:.2f})"
    if area > rules.growth * int(before.sum()):
        return "the mask would leak into its surroundings"
    return ""


@dataclass(frozen=True)
class _Contrast:
    """How much brighter the structure is than what lies around it, on the start slice; checked where the start has any contrast."""

    surroundings: float
    difference: float
    share: float

    @classmethod
    def of(cls, embedding: Embedding, mask: Mask, rules: StopRules) -> _Contrast:
        pixels = embedding.image.pixels
        ring = _dilated(mask, 2 * rules.reach_mm, embedding.image.spacing_mm) & ~mask
        around = float(np.median(pixels[ring])) if ring.any() else 0.0
        return cls(around, float(pixels[mask].mean()) - around, rules.darkening)

    def doubt(self, embedding: Embedding, mask: Mask) -> str:
        if self.difference <= 0 or not mask.any():
            return ""
        here = float(embedding.image.pixels[mask].mean()) - self.surroundings
        return "the bone ends" if here < self.share * self.difference else ""


def dice(one: Mask, other: Mask) -> float:
    """Overlap of two masks, 0-1; 0 when both are empty."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 0.0


def _dilated(mask: Mask, reach_mm: float, spacing_mm: tuple[float, float] | None) -> Mask:
    """The mask grown by so many mm, at least two pixels, each way."""
    rows_mm, columns_mm = spacing_mm or (1.0, 1.0)
    rows, columns = (max(2, round(reach_mm / mm)) for mm in (rows_mm, columns_mm))
    grown = binary_dilation(mask, np.ones((2 * rows + 1, 1), bool))
    return binary_dilation(grown, np.ones((1, 2 * columns + 1), bool))

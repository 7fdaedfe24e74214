"""Endless rendered slices, numbered so that a run that was killed goes on with exactly the slices it would have seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from spinalsam.training.render import Context, ShapeVolume, render_slice

TARGET, WHOLE, BONE = 1, 2, 4


@dataclass(frozen=True)
class Batch:
    """pixels: (b, side, side) float16. masks: (b, side, side) uint8, bits TARGET, WHOLE, BONE."""

    pixels: NDArray[np.float16]
    masks: NDArray[np.uint8]


class RenderedSlices(IterableDataset):
    """Batches of rendered slices; batch n depends on the seed and n alone.

    first: number of the first batch. Workers take every n-th one.
    """

    def __init__(
        self,
        library: Sequence[ShapeVolume],
        contexts: Sequence[Context] = (),
        *,
        side: int,
        batch: int,
        seed: int,
        first: int = 0,
    ) -> None:
        self.library, self.contexts = library, contexts
        self.side, self.batch, self.seed, self.first = side, batch, seed, first

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        step, offset = (worker.num_workers, worker.id) if worker else (1, 0)
        number = self.first + offset
        while True:
            yield self.render(number)
            number += step

    def render(self, number: int) -> Batch:
        """Batch `number`."""
        rng = np.random.default_rng([self.seed, self.side, number])
        slices = [render_slice(rng, self.library, side=self.side, contexts=self.contexts) for _ in range(self.batch)]
        masks = [s.target * TARGET + s.whole * np.uint8(WHOLE) + s.bone * np.uint8(BONE) for s in slices]
        return Batch(np.stack([s.pixels for s in slices]).astype(np.float16), np.stack(masks).astype(np.uint8))


def _as_is(batch: Any) -> Any:
    return batch


def stream(slices: RenderedSlices, *, workers: int) -> Iterator[Batch]:
    """Batches in order, rendered ahead by `workers` processes (0 renders in this one)."""
    if workers == 0:
        return iter(slices)
    loader = DataLoader(slices, batch_size=None, num_workers=workers, prefetch_factor=4, collate_fn=_as_is, persistent_workers=True)
    return iter(loader)


def turned(batch: Batch, rng: np.random.Generator) -> Batch:
    """The batch mirrored and turned by a random multiple of 90 degrees, for its second use."""
    pixels, masks = batch.pixels, batch.masks
    turns = int(rng.integers(4))
    pixels, masks = np.rot90(pixels, turns, (1, 2)), np.rot90(masks, turns, (1, 2))
    if rng.random() < 0.5:
        pixels, masks = pixels[:, :, ::-1], masks[:, :, ::-1]
    return Batch(np.ascontiguousarray(pixels), np.ascontiguousarray(masks))

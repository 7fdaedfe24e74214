"""Which batch a training step gets: rendered slices, image and mask pairs, or both in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from spinalsam.training.config import Phase, TrainConfig
from spinalsam.training.dataset import Batch, RenderedSlices, stream, turned
from spinalsam.training.pairs import PairSlices
from spinalsam.training.render import Context, ShapeVolume

REUSE_LAG = 24  # batches between the first and the second use of a rendered slice


def fresh_before(within: int, uses: int) -> int:
    """How many batches of a phase were rendered before its step `within`: one a step at first, then one in `uses` steps."""
    return min(within, REUSE_LAG) + max(0, within - REUSE_LAG + uses - 1) // uses


class BatchSource(Protocol):
    """Which batch a step gets depends on the seed and the step alone, so a run that was killed goes on exactly."""

    def at(self, step: int) -> Batch: ...


class PairBatches:
    """Batches of image and mask pairs, each process of a run its own."""

    def __init__(self, pairs: PairSlices, rank: int = 0, world: int = 1) -> None:
        self.pairs, self.rank, self.world = pairs, rank, world

    def at(self, step: int) -> Batch:
        return self.pairs.render(step * self.world + self.rank)


class MixedBatches:
    """Rendered slices, and every so many steps pairs."""

    def __init__(self, rendered: BatchSource, pairs: BatchSource, share: float) -> None:
        self.rendered, self.pairs = rendered, pairs
        self.every = max(1, round(1 / share)) if share > 0 else 0

    def at(self, step: int) -> Batch:
        return self.pairs.at(step) if self.every and step % self.every == self.every - 1 else self.rendered.at(step)


class Batches:
    """Rendered slices: a new batch, or (with two uses at every other step) one of the last `REUSE_LAG` again, mirrored and turned.

    A step that is left out (`MixedBatches`) leaves its batch out too.
    """

    def __init__(
        self,
        library: Sequence[ShapeVolume],
        config: TrainConfig,
        rank: int = 0,
        contexts: Sequence[Context] = (),
    ) -> None:
        self.library, self.contexts, self.config, self.seed = library, contexts, config, config.seed + 1000 * rank
        self.phase, self.next = -1, 0
        self.recent: deque[Batch] = deque(maxlen=REUSE_LAG)
        self.fresh: Iterator[Batch] = iter(())

    def at(self, step: int) -> Batch:
        phase, within, number = self.config.phase_at(step)
        if number != self.phase:
            self._enter(phase, within, number)
        uses = self.config.uses
        while self.next < fresh_before(within + 1, uses):
            self.recent.append(next(self.fresh))
            self.next += 1
        if fresh_before(within + 1, uses) > fresh_before(within, uses):
            return self.recent[-1]
        rng = np.random.default_rng([self.seed, 7, step])
        return turned(self.recent[int(rng.integers(REUSE_LAG // 2))], rng)

    def _enter(self, phase: Phase, within: int, number: int) -> None:
        """Start the stream so far back that the batches for second use are there again."""
        self.phase = number
        seen = fresh_before(within, self.config.uses)
        first = max(0, seen - REUSE_LAG)
        slices = RenderedSlices(self.library, self.contexts, side=phase.side, batch=phase.batch, seed=self.seed, first=first)
        self.fresh = stream(slices, workers=self.config.workers)
        self.recent.clear()
        self.recent.extend(next(self.fresh) for _ in range(seen - first))
        self.next = seen


def parts_of(batch: Batch, count: int) -> list[Batch]:
    """A batch in `count` parts of about the same size, fewer where it has fewer slices."""
    size = -(-len(batch.pixels) // max(1, count))
    return [Batch(batch.pixels[n : n + size], batch.masks[n : n + size]) for n in range(0, len(batch.pixels), size)]

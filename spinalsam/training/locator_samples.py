"""Batches of made-up scans for the locator's training, made ahead by processes of their own, and what the network should answer.

Batches are numbered, and what a batch holds depends on the seed and its number alone, so a run that was stopped goes on exactly,
with however many processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from spinalsam.engine.locator_net import OFFSET_VOXELS, normalised
from spinalsam.training.bone_library import SACRUM, LocalBone
from spinalsam.training.locator_render import Sample, render
from spinalsam.training.people import Look, draw_view, look_at, make_person

RENDERS_A_LOOK = 4
VISITS = 2 * RENDERS_A_LOOK  # every scan of a look is seen twice, once of the two times mirrored
HEAT_SIGMA, HEAT_REACH = 1.4, 4.5  # voxels
SEEN = 16
AHEAD = 6  # batches that every process keeps ready


@dataclass(frozen=True)
class SampleBatch:
    """Scans of one shape with what is true of them, compact; NumPy arrays, or tensors after `pin_memory`.

    hu: int16 (n, x, y, z). flags: uint8, the bits of `Sample.masks` and 16 for what was scanned. owner: uint8. values: uint8 (n, k) and
    centres: float32 (n, k, 3) of owner 1 and on, value 0 where there is none.
    """

    hu: Any
    flags: Any
    owner: Any
    values: Any
    centres: Any

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> SampleBatch:
        count = max(1, *(len(sample.values) for sample in samples))
        values = np.zeros((len(samples), count), np.uint8)
        centres = np.full((len(samples), count, 3), -99, np.float32)
        for n, sample in enumerate(samples):
            values[n, : len(sample.values)], centres[n, : len(sample.values)] = sample.values, sample.centres
        flags = [sample.masks | sample.seen * np.uint8(SEEN) for sample in samples]
        return cls(np.stack([s.hu for s in samples]), np.stack(flags), np.stack([s.owner for s in samples]), values, centres)

    def tensors(self) -> SampleBatch:
        return SampleBatch(*(torch.as_tensor(value) for value in self._all()))

    def pin_memory(self) -> SampleBatch:
        """For the data loader: tensors that a graphics card fetches by itself."""
        return SampleBatch(*(value.pin_memory() for value in self.tensors()._all()))

    def to(self, device: torch.device) -> SampleBatch:
        return SampleBatch(*(value.to(device, non_blocking=True) for value in self.tensors()._all()))

    def _all(self) -> tuple[Any, ...]:
        return self.hu, self.flags, self.owner, self.values, self.centres


def mirrored(sample: Sample) -> Sample:
    """The sample with left and right exchanged."""
    centres = sample.centres.copy()
    there = sample.values > 0
    centres[there, 0] = sample.hu.shape[0] - 1 - centres[there, 0]
    return Sample(sample.hu[::-1], sample.seen[::-1], sample.masks[::-1], sample.owner[::-1], sample.values, centres)


@dataclass
class _Lane:
    """People of a lane's present block, and the scans of them that were made."""

    block: int
    looks: list[Look] = field(default_factory=list)
    scans: dict[int, list[Sample]] = field(default_factory=dict)


class LocatorBatches(IterableDataset):
    """Batch n belongs to lane n % lanes; a lane shows the same `batch` people, all different, at VISITS of its turns, then others.

    Lanes change their people one after the other, so that the work is even. first: number of the first batch. Of several processes
    each takes every n-th batch; as their number divides `lanes`, each has its own people.
    """

    def __init__(
        self,
        bones: Sequence[LocalBone],
        shapes: Sequence[tuple[int, int, int]],
        *,
        batch: int,
        lanes: int,
        seed: int,
        first: int = 0,
    ) -> None:
        self.bones, self.shapes, self.batch, self.lanes, self.seed, self.first = bones, shapes, batch, lanes, seed, first
        self.held: dict[int, _Lane] = {}

    def __iter__(self) -> Iterator[SampleBatch]:
        worker = get_worker_info()
        step, offset = (worker.num_workers, worker.id) if worker else (1, 0)
        if worker:
            torch.set_num_threads(1)
        number = self.first + offset
        while True:
            yield self.at(number)
            number += step

    def at(self, number: int) -> SampleBatch:
        """Batch `number`."""
        turn, lane = divmod(number, self.lanes)
        block, visit = divmod(turn + lane * VISITS // self.lanes, VISITS)
        again, scan = divmod(visit, RENDERS_A_LOOK)
        held = self.held.get(lane)
        if held is None or held.block != block:
            held = self.held[lane] = _Lane(block)
        if scan not in held.scans:
            held.looks = held.looks or [self._look(lane, block, n) for n in range(self.batch)]
            scans = [render(np.random.default_rng([self.seed, 2, lane, block, n, scan]), look) for n, look in enumerate(held.looks)]
            held.scans[scan] = scans
            if len(held.scans) == RENDERS_A_LOOK:
                held.looks = []
        flips = np.random.default_rng([self.seed, 5, lane, block, scan]).random(self.batch) < 0.5
        samples = held.scans[scan]
        return SampleBatch.of([mirrored(one) if flip != bool(again) else one for one, flip in zip(samples, flips, strict=True)])

    def _look(self, lane: int, block: int, n: int) -> Look:
        rng = np.random.default_rng([self.seed, 1, lane, block, n])
        person = make_person(rng, self.bones)
        return look_at(rng, person, draw_view(rng, person, self.shapes[(lane + block) % len(self.shapes)]))


def _as_is(batch: Any) -> Any:
    return batch


def stream(batches: LocatorBatches, *, workers: int, pinned: bool) -> Iterator[SampleBatch]:
    """Batches in order, made ahead by `workers` processes (0 makes them in this one). pinned: for a graphics card."""
    if workers == 0:
        return iter(batches)
    # Arrays travel through pipes, not through shared memory, which is small in containers.
    loader = DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=AHEAD, collate_fn=_as_is, pin_memory=pinned)
    return iter(loader)


def prepared(batch: SampleBatch, device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
    """Input (n, 3, x, y, z) and targets on a device: everything large is computed there."""
    near = _shown(batch)
    there = batch.to(device)
    seen = (there.flags & SEEN) > 0
    owner = there.owner.long()
    level = _of_owner(there.values.long()[..., None] - 1, owner, -1)[:, 0]
    movable = (level >= 0) & (level != SACRUM - 1) & seen
    shape = owner.shape[1:]
    grid = torch.stack(torch.meshgrid(*(torch.arange(n, device=device, dtype=torch.float32) for n in shape), indexing="ij"))
    offset = (_of_owner(there.centres, owner, 0.0) - grid) / OFFSET_VOXELS * movable[:, None]
    masks = torch.stack([(there.flags & bit) > 0 for bit in (1, 2, 4, 8)], dim=1).float()
    half = (slice(None), slice(1, None, 2), slice(1, None, 2), slice(1, None, 2))
    coarse = level[half]
    trusted = ((there.flags[half] & 2) > 0) | (coarse == SACRUM - 1)
    return normalised(there.hu.float(), seen), {
        "probabilities": torch.cat([_heat(there, near, shape)[:, None], masks], dim=1),
        "offset": offset,
        "movable": movable,
        "seen": seen,
        "level": coarse,
        "weight": torch.where(trusted, 1.0, 0.3) * ((coarse >= 0) & seen[half]),
    }


def _shown(batch: SampleBatch) -> NDArray[np.bool_]:
    """(n, k): vertebrae whose centre is in the volume or near it."""
    values, centres = np.asarray(batch.values), np.asarray(batch.centres)
    close = np.all((centres > -HEAT_REACH) & (centres < np.array(batch.hu.shape[1:]) - 1 + HEAT_REACH), axis=2)
    return close & (values > 0) & (values != SACRUM)


def _of_owner(table: Tensor, owner: Tensor, nobody: float) -> Tensor:
    """(n, k, c) values of owners 1 to k as (n, c, x, y, z), where `owner` (n, x, y, z) is their voxels."""
    count, _, channels = table.shape
    whole = torch.cat([torch.full_like(table[:, :1], nobody), table], dim=1)
    picked = whole.gather(1, owner.reshape(count, -1, 1).expand(-1, -1, channels))
    return picked.transpose(1, 2).reshape(count, channels, *owner.shape[1:])


def _heat(batch: SampleBatch, near: NDArray[np.bool_], shape: Sequence[int]) -> Tensor:
    """(n, x, y, z): 1 at the vertebrae's centres, falling off as a Gaussian; the sacrum has none."""
    device = batch.hu.device
    counted = torch.from_numpy(near).to(device)
    lines = []
    for axis, n in enumerate(shape):
        away = torch.arange(n, device=device, dtype=torch.float32) - batch.centres[..., axis, None]
        lines.append(torch.exp(-(away**2) / (2 * HEAT_SIGMA**2)) * (away.abs() <= HEAT_REACH))
    lines[0] = lines[0] * counted[..., None]
    heat = torch.zeros(batch.hu.shape, device=device)
    for k in np.flatnonzero(near.any(axis=0)):
        x, y, z = (line[:, k] for line in lines)
        heat = torch.maximum(heat, x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :])
    return heat

"""Training of the locator: made-up people rendered on the fly, moving average, exact resume, CSV log.

A run is a folder like the compact network's: ``log.csv``, ``state.safetensors`` with ``state.json`` (to resume) and ``best.safetensors``
(the moving average of the last save, usable at any moment). Which samples a step sees depends on the seed and the step alone.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from spinalsam.engine.locator_net import (
    BODY,
    BONE,
    CANAL,
    GROUP,
    GROUPS_OF_LEVELS,
    HEAT,
    OFFSET,
    OFFSET_VOXELS,
    RIB,
    LocatorNet,
    load_locator,
    normalised,
    place_of,
    read_locator,
)  # fmt: skip
from spinalsam.errors import InputError
from spinalsam.training.bone_library import LocalBone, gather_bones
from spinalsam.training.fit import MovingAverage, save_tensors
from spinalsam.training.locator_render import Sample, render
from spinalsam.training.people import Look, draw_view, look_at, make_person

RENDERS_A_LOOK = 4
LOOKS = 10  # people who take turns
ROUNDS_A_SHAPE = 2
REPLAY_LAG = 13  # new samples after which one is seen again, mirrored
HEAT_SIGMA = 1.4  # voxels
EMPHASIS = (30.0, 3.0, 3.0, 3.0, 3.0)  # how much more a voxel counts that holds the thing
SACRUM = 26

Report = Callable[[str], None]


@dataclass(frozen=True)
class LocatorConfig:
    """Everything that decides a run besides the bones. shapes: voxels of samples, taken in turn; sides divisible by 16."""

    steps: int = 3500
    shapes: tuple[tuple[int, int, int], ...] = ((48, 48, 80), (64, 48, 48), (48, 48, 64), (96, 64, 64))
    rate: float = 1e-3
    last_rate: float = 3e-5
    warmup: int = 100
    settle: int = 300
    weight_decay: float = 0.01
    ema: float = 0.985
    seed: int = 0
    save_every: int = 50

    @classmethod
    def read(cls, path: Path) -> LocatorConfig:
        """Settings of a JSON file. Raises InputError when it cannot be read or has unknown settings."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            return cls(**given | ({"shapes": tuple(map(tuple, given["shapes"]))} if "shapes" in given else {}))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"The locator's training configuration {path} cannot be read: {error}.") from error

    def rate_at(self, step: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return (self.last_rate + (self.rate - self.last_rate) * cosine) * min(1.0, (step + 1) / self.warmup)


class Samples:
    """Sample of every step; each look at a person is scanned several times, taking turns with others."""

    def __init__(self, bones: Sequence[LocalBone], config: LocatorConfig) -> None:
        self.bones, self.config = bones, config
        self.recent: deque[Sample] = deque(maxlen=REPLAY_LAG + 1)
        self.round = -1
        self.looks: dict[int, Look] = {}
        self.newest = -1

    def at(self, step: int) -> tuple[Sample, bool]:
        """The sample of a step and whether it is to be mirrored: a new one, and at every other step one of some time ago again."""
        newest, again = divmod(step, 2)
        if newest != self.newest:
            if newest != self.newest + 1:
                self.recent.clear()
            first = newest if newest == self.newest + 1 and self.recent else max(0, newest - REPLAY_LAG)
            self.recent.extend(self._made(number) for number in range(first, newest + 1))
            self.newest = newest
        mirrored = bool(np.random.default_rng([self.config.seed, 5, newest]).random() < 0.5)
        return (self.recent[0], not mirrored) if again else (self.recent[-1], mirrored)

    def _made(self, number: int) -> Sample:
        round_, within = divmod(number, RENDERS_A_LOOK * LOOKS)
        scan, which = divmod(within, LOOKS)
        if round_ != self.round:
            self.round, self.looks = round_, {}
        turn = round_ * LOOKS + which
        if turn not in self.looks:
            rng = np.random.default_rng([self.config.seed, 1, turn])
            person = make_person(rng, self.bones)
            shape = self.config.shapes[round_ // ROUNDS_A_SHAPE % len(self.config.shapes)]
            self.looks[turn] = look_at(rng, person, draw_view(rng, person, shape))
        return render(np.random.default_rng([self.config.seed, 2, turn, scan]), self.looks[turn])


def targets(sample: Sample) -> dict[str, Tensor]:
    """What the network should answer for a sample."""
    shape = sample.hu.shape
    heat = np.zeros(shape, np.float32)
    offset = np.zeros((3, *shape), np.float32)
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij"))
    level = np.full(shape, -1, np.int64)
    for number, (value, centre) in enumerate(zip(sample.values, sample.centres, strict=True), 1):
        if not value:
            continue
        own = sample.owner == number
        level[own] = int(value) - 1
        if value == SACRUM:
            continue
        offset[:, own] = (centre[:, None] - grid[:, own]) / OFFSET_VOXELS
        low, high = np.maximum(np.floor(centre).astype(int) - 4, 0), np.minimum(np.ceil(centre).astype(int) + 5, shape)
        if np.any(low >= high):
            continue
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        square = ((grid[(slice(None), *box)] - centre[:, None, None, None]) ** 2).sum(axis=0)
        heat[box] = np.maximum(heat[box], np.exp(-square / (2 * HEAT_SIGMA**2)))
    sacral = np.zeros(shape, bool)
    if SACRUM in sample.values:
        sacral = sample.owner == int(np.flatnonzero(sample.values == SACRUM)[0]) + 1
    movable = (sample.owner > 0) & ~sacral & sample.seen
    body = (sample.masks & 2) > 0
    weight = np.where(body | sacral, 1.0, 0.3) * (level >= 0) * sample.seen
    probabilities = np.stack([heat, sample.masks & 1, body, (sample.masks & 4) > 0, (sample.masks & 8) > 0]).astype(np.float32)
    return {
        "probabilities": torch.from_numpy(probabilities),
        "offset": torch.from_numpy(offset),
        "movable": torch.from_numpy(movable),
        "seen": torch.from_numpy(sample.seen),
        "level": torch.from_numpy(level),
        "weight": torch.from_numpy(weight.astype(np.float32)),
    }


def prepared(sample: Sample, mirrored: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Input and targets, as a batch of one; flipped left to right where it is to be mirrored."""
    x = normalised(torch.from_numpy(sample.hu.astype(np.float32))[None], torch.from_numpy(sample.seen)[None])[0]
    wanted = targets(sample)
    if mirrored:
        x = x.flip(1)
        wanted = {name: value.flip(1 if value.ndim == 4 else 0) for name, value in wanted.items()}
        wanted["offset"][0] *= -1
    wanted |= {name: wanted[name][1::2, 1::2, 1::2] for name in ("level", "weight")}
    return x[None], {name: value[None] for name, value in wanted.items()}


def loss_of(fine: Tensor, levels: Tensor, wanted: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """The loss and its parts."""
    seen = wanted["seen"].float()[:, None]
    total = seen.sum().clamp(min=1)
    logits, truth = fine[:, :5].float(), wanted["probabilities"] * seen
    weight = seen * (1 + truth * torch.tensor(EMPHASIS).view(1, 5, 1, 1, 1))
    plain = F.binary_cross_entropy_with_logits(logits, truth, weight=weight, reduction="none").sum(dim=(0, 2, 3, 4)) / total
    chance = logits[:, BONE:].sigmoid() * seen
    axes = (0, 2, 3, 4)
    overlap = 1 - (2 * (chance * truth[:, BONE:]).sum(axes) + 20) / (chance.sum(axes) + truth[:, BONE:].sum(axes) + 20)
    parts: dict[str, Tensor] = {"heat": 4 * plain[HEAT]}
    for name, channel, share in (("bone", BONE, 1.0), ("body", BODY, 1.0), ("canal", CANAL, 1.0), ("rib", RIB, 0.5)):
        parts[name] = share * (2 * plain[channel] + 0.3 * overlap[channel - BONE])
    movable = wanted["movable"][:, None].float()
    far = F.smooth_l1_loss(fine[:, OFFSET].float(), wanted["offset"], beta=0.1, reduction="none")
    parts["offset"] = (far * movable).sum() / (3 * movable.sum().clamp(min=1))
    weight = wanted["weight"]
    place, width = place_of(levels.float())
    level = wanted["level"].clamp(min=0)
    total = weight.sum().clamp(min=1)
    parts["place"] = 0.5 * (((place - level).abs() / width + width.log()) * weight).sum() / total
    group = torch.from_numpy(GROUPS_OF_LEVELS)[level]
    parts["group"] = (F.cross_entropy(levels[:, GROUP].float(), group, reduction="none") * weight).sum() / total
    loss = torch.stack(list(parts.values())).sum()
    with torch.no_grad():
        figures = {name: float(value) for name, value in parts.items()}
        figures["levels_off"] = float(((place - level).abs() * weight).sum() / total)
    return loss, figures


class LocatorRun:
    """A training run in a folder; `train` goes on from wherever the folder's state is."""

    def __init__(self, folder: Path, config: LocatorConfig, bones: Sequence[LocalBone], init: Path | None = None) -> None:
        self.folder, self.config = folder, config
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.network = LocatorNet().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.known_norms = init is not None
        if init is not None:
            self.network.load_state_dict(read_locator(init)[1])
        self.average = MovingAverage(self.network, config.ema, lambda name: True)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self.samples = Samples(bones, replace(config, seed=config.seed + 1000 * self.rank))
        self.step, self.seconds = 0, 0.0
        if (folder / "state.json").exists():
            self._load()

    def train(self, *, stop_after_s: float | None, report: Report) -> None:
        if self.world > 1 and not dist.is_initialized():
            dist.init_process_group("gloo")
        started = time.monotonic()
        window: list[dict[str, float]] = []
        while self.step < self.config.steps and (stop_after_s is None or self._in_time(started, stop_after_s)):
            tick = time.monotonic()
            window.append(self._one_step())
            self.seconds += time.monotonic() - tick
            if self.step % 25 == 0:
                self._log(window, report)
                window = []
            if self.step % self.config.save_every == 0:
                self._save()
        self._save()
        if dist.is_initialized():
            dist.destroy_process_group()

    def _in_time(self, started: float, limit_s: float) -> bool:
        """Whether there is time left; the first process decides for all."""
        left = torch.tensor([float(time.monotonic() - started < limit_s)])
        if self.world > 1:
            dist.broadcast(left, 0)
        return bool(left)

    def _shared(self) -> None:
        """With several processes under ``torchrun``: the mean of their gradients, and the first one's norms while those are not settled."""
        flat = torch.cat([parameter.grad.flatten() for parameter in self.network.parameters() if parameter.grad is not None])
        dist.all_reduce(flat)
        flat /= self.world
        start = 0
        for parameter in self.network.parameters():
            if parameter.grad is not None:
                parameter.grad.copy_(flat[start : start + parameter.numel()].view_as(parameter.grad))
                start += parameter.numel()
        if self.step <= self.config.settle:
            for buffer in self.network.buffers():
                dist.broadcast(buffer, 0)

    def _one_step(self) -> dict[str, float]:
        self._set_norms()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate_at(self.step)
        x, wanted = prepared(*self.samples.at(self.step))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            fine, levels = self.network(x.contiguous(memory_format=torch.channels_last_3d))
        loss, figures = loss_of(fine, levels, wanted)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.world > 1:
            self._shared()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        self.average.update(self.network, self.step)
        return {"loss": float(loss.detach()), **figures}

    def _set_norms(self) -> None:
        """Batch statistics for the first steps only; afterwards the running statistics are fixed scales.

        A batch is one look or two: its mean would take away what all of it has in common, such as being lumbar, and with that the levels.
        """
        settled = self.known_norms or self.step >= self.config.settle
        self.network.train()
        for module in self.network.modules():
            if settled and isinstance(module, torch.nn.BatchNorm3d):
                module.eval()

    def _log(self, window: Sequence[dict[str, float]], report: Report) -> None:
        if self.rank:
            return
        mean = {name: float(np.mean([figures[name] for figures in window])) for name in window[0]}
        with (self.folder / "log.csv").open("a", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerow([self.step, f"{self.seconds:.0f}", *(f"{name}={value:.5g}" for name, value in mean.items())])
        rate = self.seconds / max(1, self.step)
        text = " ".join(f"{name}={value:.3f}" for name, value in mean.items())
        left = (self.config.steps - self.step) * rate / 60
        report(f"step {self.step}/{self.config.steps} {text} {rate:.2f} s/step, about {left:.0f} min left")

    def _save(self) -> None:
        if self.rank:
            return
        half = {name: value.half() if value.is_floating_point() else value for name, value in self.average.state.items()}
        widths = ",".join(map(str, self.network.widths))
        save_tensors(half, self.folder / "best.safetensors", {"architecture": "locator", "widths": widths, "step": str(self.step)})
        tensors = {f"model.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"ema.{name}": value for name, value in self.average.state.items()}
        for number, parameter in enumerate(self.network.parameters()):
            for name, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
        save_tensors(tensors, self.folder / "state.safetensors")
        text = json.dumps({"step": self.step, "seconds": self.seconds, "config": asdict(self.config)}, indent=1)
        temporary = self.folder / "state.json.tmp"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.folder / "state.json")

    def _load(self) -> None:
        state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(str(self.folder / "state.safetensors"))
        self.step, self.seconds = state["step"], state["seconds"]
        part = lambda head: {name[len(head) :]: value for name, value in tensors.items() if name.startswith(head)}  # noqa: E731
        self.network.load_state_dict(part("model."))
        self.average.state = part("ema.")
        for number, parameter in enumerate(self.network.parameters()):
            own = part(f"optimiser.{number}.")
            if own:
                self.optimiser.state[parameter] = own


def train_locator(
    config: LocatorConfig,
    *,
    shapes: Sequence[Path],
    phantoms: int,
    out: Path,
    stop_after_s: float | None,
    report: Report,
    init: Path | None = None,
    contexts: Sequence[Path] = (),
) -> dict[str, Any]:
    """Train the locator, or go on with the run that `out` holds. init: weights to begin with. contexts: organ maps, of which only the
    pelvis is taken. Returns a summary for people and scripts.

    Raises ModelError when `init` holds no locator.
    """
    if init is not None:
        load_locator(init)  # before minutes of work, and before anything is written
    bones = gather_bones(shapes, phantoms, out / "cache", report, contexts)
    run = LocatorRun(out, config, bones, init)
    report(f"{'going on at' if run.step else 'starting at'} step {run.step} of {config.steps} with {len(bones)} bones")
    run.train(stop_after_s=stop_after_s, report=report)
    weights = out / "best.safetensors"
    return {
        "checkpoint": str(weights),
        "step": run.step,
        "steps": config.steps,
        "seconds": round(run.seconds),
        "parameters": sum(p.numel() for p in run.network.parameters()),
        "best": None,
        "rank": run.rank,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }

"""Training of the locator: made-up people rendered on the fly, moving average, exact resume, CSV log.

A run is a folder like the compact network's: ``log.csv``, ``state.safetensors`` with ``state.json`` (to resume) and ``best.safetensors``
(the moving average of the last save, usable at any moment). Which samples a step sees depends on the configuration and the step alone.
The same code runs on a processor and on a graphics card.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from spinalsam.engine.locator_net import (
    BODY,
    BONE,
    CANAL,
    FACTOR,
    GROUP,
    GROUPS_OF_LEVELS,
    HEAT,
    NO_EXTRA,
    OFFSET,
    RIB,
    WIDTHS,
    LocatorNet,
    load_locator,
    place_of,
    read_locator,
)  # fmt: skip
from spinalsam.errors import InputError
from spinalsam.training.bone_library import LocalBone, gather_bones
from spinalsam.training.config import falling_rate
from spinalsam.training.fit import MovingAverage, backend_of, device_of, save_tensors
from spinalsam.training.locator_samples import LocatorBatches, SampleBatch, prepared, stream

LOG_EVERY = 25
EMPHASIS = (30.0, 3.0, 3.0, 3.0, 3.0)  # how much more a voxel counts that holds the thing

Report = Callable[[str], None]


@dataclass(frozen=True)
class LocatorConfig:
    """Everything that decides a run besides the bones.

    shapes: voxels of samples, taken in turn; sides divisible by 16. batch: samples a step, each of another person; people take turns in
    so many lanes (`LocatorBatches`). workers: processes that make samples ahead, 0 for none; their number divides `lanes`.
    by_time: the learning rate falls over the seconds that are given to the whole training, however often it is stopped, instead of over
    `steps`. settle: how long batches are normalised by their own statistics: a number of steps or, below 1, a share of the training.
    widths, extra: the network's size, see `LocatorNet`.
    """

    steps: int = 3500
    shapes: tuple[tuple[int, int, int], ...] = ((48, 48, 80), (64, 48, 48), (48, 48, 64), (96, 64, 64))
    batch: int = 1
    lanes: int = 10
    workers: int = 0
    by_time: bool = False
    rate: float = 1e-3
    last_rate: float = 3e-5
    warmup: int = 100
    settle: float = 300
    weight_decay: float = 0.01
    ema: float = 0.985
    seed: int = 0
    save_every: int = 50
    widths: tuple[int, ...] = WIDTHS
    extra: tuple[int, ...] = NO_EXTRA

    def __post_init__(self) -> None:
        if any(len(shape) != 3 or any(n < FACTOR or n % FACTOR for n in shape) for shape in self.shapes) or not self.shapes:
            raise ValueError(f"every shape needs three sides divisible by {FACTOR}")
        if self.batch < 1 or self.lanes < 1 or self.workers < 0 or (self.workers and self.lanes % self.workers):
            raise ValueError(f"batch and lanes are at least 1, and the workers divide the {self.lanes} lanes")
        if len(self.widths) != len(WIDTHS) or len(self.extra) != len(WIDTHS) or min(self.widths) < 1 or min(self.extra) < 0:
            raise ValueError(f"widths and extra have a number for each of {len(WIDTHS)} scales")

    @classmethod
    def read(cls, path: Path) -> LocatorConfig:
        """Settings of a JSON file. Raises InputError when it cannot be read or has unknown or impossible settings."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            given |= {name: tuple(given[name]) for name in ("widths", "extra") if name in given}
            return cls(**given | ({"shapes": tuple(map(tuple, given["shapes"]))} if "shapes" in given else {}))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"The locator's training configuration {path} cannot be read: {error}.") from error

    def rate_at(self, step: int, done: float) -> float:
        """The learning rate of a step; done: share of the training that lies behind it."""
        return falling_rate(step, min(1.0, done), start=self.rate, end=self.last_rate, warmup=self.warmup)


def loss_of(fine: Tensor, levels: Tensor, wanted: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss and its parts, which carry no gradient."""
    seen = wanted["seen"].float()[:, None]
    total = seen.sum().clamp(min=1)
    logits, truth = fine[:, :5].float(), wanted["probabilities"] * seen
    weight = seen * (1 + truth * torch.tensor(EMPHASIS, device=fine.device).view(1, 5, 1, 1, 1))
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
    group = torch.from_numpy(GROUPS_OF_LEVELS).to(level.device)[level]
    parts["group"] = (F.cross_entropy(levels[:, GROUP].float(), group, reduction="none") * weight).sum() / total
    loss = torch.stack(list(parts.values())).sum()
    figures = {"loss": loss, **parts, "levels_off": ((place - level).abs() * weight).sum() / total}
    return loss, {name: value.detach() for name, value in figures.items()}


class LocatorRun:
    """A training run in a folder; `train` goes on from wherever the folder's state is."""

    def __init__(self, folder: Path, config: LocatorConfig, bones: Sequence[LocalBone], init: Path | None = None) -> None:
        self.folder, self.config, self.bones = folder, config, bones
        folder.mkdir(parents=True, exist_ok=True)
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self.device = device_of(int(os.environ.get("LOCAL_RANK", "0")))
        torch.manual_seed(config.seed)
        network = LocatorNet(config.widths, config.extra)
        # A batch of one keeps the scales that came with the weights; many people at once tell them better than another network's.
        self.known_norms = init is not None and config.batch == 1
        if init is not None:
            _begin_with(network, init)
        self.network = network.to(self.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average = MovingAverage(self.network, config.ema, lambda name: True)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
        self.step, self.seconds, self.done = 0, 0.0, 0.0
        self._batches: Iterator[SampleBatch] | None = None
        if (folder / "state.json").exists():
            self._load()

    def train(self, *, stop_after_s: float | None, report: Report) -> None:
        """Train to the end, or for `stop_after_s` seconds; by time, until the whole training has taken that long.

        Raises InputError when the training goes by time and none is given.
        """
        if self.config.by_time and stop_after_s is None:
            raise InputError("This configuration trains by time; say how long with --seconds.")
        if self.world > 1 and not dist.is_initialized():
            dist.init_process_group(backend_of(self.device))
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
        before, started = self.seconds, time.monotonic()
        window: list[dict[str, Tensor]] = []
        while self._goes_on(started, stop_after_s):
            window.append(self._one_step())
            self.seconds = before + time.monotonic() - started
            if self.step % LOG_EVERY == 0:
                self._log(window, report)
                window = []
            if self.step % self.config.save_every == 0:
                self._save()
        self._batches = None  # ends the processes that make samples
        self._save()
        if dist.is_initialized():
            dist.destroy_process_group()

    def _goes_on(self, started: float, limit_s: float | None) -> bool:
        """Whether there is another step, and how much of the training is done; the first process decides for all."""
        if self.config.by_time:
            assert limit_s is not None
            done, late = self.seconds / limit_s, self.seconds >= limit_s
        else:
            done, late = self.step / self.config.steps, limit_s is not None and time.monotonic() - started >= limit_s
        decision = torch.tensor([done, float(late or done >= 1)], dtype=torch.float64)
        if self.world > 1:
            decision = decision.to(self.device)
            dist.broadcast(decision, 0)
        self.done, ends = decision.tolist()
        return not ends

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
        if not self._settled():
            for buffer in self.network.buffers():
                dist.broadcast(buffer, 0)

    def _next(self) -> SampleBatch:
        if self._batches is None:  # outside of autocast, which the processes that make samples would inherit
            config = self.config
            made = LocatorBatches(
                self.bones, config.shapes, batch=config.batch, lanes=config.lanes, seed=config.seed + 1000 * self.rank, first=self.step
            )
            self._batches = stream(made, workers=config.workers, pinned=self.device.type == "cuda")
        return next(self._batches)

    def _one_step(self) -> dict[str, Tensor]:
        self._set_norms()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate_at(self.step, self.done)
        x, wanted = prepared(self._next(), self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
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
        return figures

    def _settled(self) -> bool:
        settle = self.config.settle
        return self.known_norms or (self.done if settle < 1 else self.step) >= settle

    def _set_norms(self) -> None:
        """Batch statistics at first only; afterwards the running statistics are fixed scales, as they are when the network is used.

        Where a batch is one look, its mean would take away what all of it has in common, such as being lumbar, and with that the levels;
        so that time is short then. A batch of many people has little in common, and may stay with its own statistics for longer.
        """
        settled = self._settled()
        self.network.train()
        for module in self.network.modules():
            if settled and isinstance(module, torch.nn.BatchNorm3d):
                module.eval()

    def _log(self, window: Sequence[dict[str, Tensor]], report: Report) -> None:
        if self.rank:
            return
        names = list(window[0])
        means = torch.stack([torch.stack([figures[name].float() for name in names]) for figures in window]).mean(dim=0).tolist()
        with (self.folder / "log.csv").open("a", newline="", encoding="utf-8") as handle:
            row = [f"{name}={value:.5g}" for name, value in zip(names, means, strict=True)]
            csv.writer(handle).writerow([self.step, f"{self.seconds:.0f}", *row])
        rate = self.seconds / max(1, self.step)
        text = " ".join(f"{name}={value:.3f}" for name, value in zip(names, means, strict=True))
        if self.config.by_time:
            report(f"step {self.step} {text} {rate:.3f} s/step, {self.done:.0%} of the time")
            return
        left = (self.config.steps - self.step) * rate / 60
        report(f"step {self.step}/{self.config.steps} {text} {rate:.2f} s/step, about {left:.0f} min left")

    def _save(self) -> None:
        if self.rank:
            return
        half = {name: value.half() if value.is_floating_point() else value for name, value in self.average.state.items()}
        size = {"widths": ",".join(map(str, self.config.widths)), "extra": ",".join(map(str, self.config.extra))}
        save_tensors(half, self.folder / "best.safetensors", {"architecture": "locator", **size, "step": str(self.step)})
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
        size = [tuple(state["config"].get(name, usual)) for name, usual in (("widths", WIDTHS), ("extra", NO_EXTRA))]
        if size != [self.config.widths, self.config.extra]:
            raise InputError(f"{self.folder} holds a run of another network; go on with its own configuration, or give another folder.")
        tensors = load_file(str(self.folder / "state.safetensors"), device=str(self.device))
        self.step, self.seconds = state["step"], state["seconds"]
        part = lambda head: {name[len(head) :]: value for name, value in tensors.items() if name.startswith(head)}  # noqa: E731
        self.network.load_state_dict(part("model."))
        self.average.state = part("ema.")
        for number, parameter in enumerate(self.network.parameters()):
            own = part(f"optimiser.{number}.")
            if own:
                self.optimiser.state[parameter] = own | {"step": own["step"].cpu()}


def _begin_with(network: LocatorNet, init: Path) -> None:
    """Copy the weights of a file, of a network as wide that may have fewer blocks. Raises InputError for another one."""
    given, tensors = read_locator(init)
    if given.widths != network.widths or any(has > wants for has, wants in zip(given.extra, network.extra, strict=True)):
        raise InputError(
            f"'{init}' holds a network of widths {given.widths} with {given.extra} blocks more; "
            f"one of {network.widths} with {network.extra} cannot begin with it."
        )
    network.load_state_dict(tensors, strict=False)


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

    Raises ModelError when `init` holds no locator, InputError when it holds one that does not fit the configuration.
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
        "steps": run.step if config.by_time else config.steps,
        "seconds": round(run.seconds),
        "parameters": sum(p.numel() for p in run.network.parameters()),
        "best": None,
        "rank": run.rank,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }

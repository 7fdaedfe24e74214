"""The training loop: phases of growing picture size, moving average, exact resume, CSV log with curves.

One process on CPU or GPU, or several under ``torchrun`` (DDP), with the same code. A run is a folder: ``config.json``,
``log.csv``, ``curves.png``, ``state.safetensors`` with ``state.json`` (to resume), and ``best.safetensors`` (usable at any moment).
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.errors import InputError
from spinalsam.training.dataset import Batch, RenderedSlices, stream, turned
from spinalsam.training.objective import InteractiveStep, PromptMix
from spinalsam.training.render import ContextMap, ShapeVolume

REUSE_LAG = 24  # batches between the first and the second use of a rendered slice

Validate = Callable[[CompactSam], dict[str, float]]


@dataclass(frozen=True)
class Phase:
    """`steps` optimiser steps on slices of `side` pixels, the learning rate going from `start_lr` to `end_lr` by a cosine."""

    side: int
    batch: int
    steps: int
    start_lr: float
    end_lr: float


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run, besides the shape library."""

    phases: tuple[Phase, ...]
    model: CompactConfig = field(default_factory=CompactConfig)
    prompts: PromptMix = field(default_factory=PromptMix)
    seed: int = 0
    weight_decay: float = 0.03
    warmup: int = 150
    ema: float = 0.998
    clip: float = 1.0
    workers: int = 1
    validate_every: int = 500
    save_every: int = 100

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrainConfig:
        """Raises InputError for an unknown or malformed setting."""
        try:
            parts = dict(value)
            phases = tuple(Phase(**phase) for phase in parts.pop("phases"))
            model = CompactConfig.from_json(parts.pop("model", {}))
            mix: dict[str, Any] = parts.pop("prompts", {})
            settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in mix.items()}
            prompts = PromptMix(**settings)
            return cls(phases=phases, model=model, prompts=prompts, **parts)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The training configuration has a setting that is missing or unknown: {error}.") from error

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> tuple[Phase, int, int]:
        """The phase of a step, the step's number within it, and the phase's number."""
        for number, phase in enumerate(self.phases):
            if step < phase.steps:
                return phase, step, number
            step -= phase.steps
        last = self.phases[-1]
        return last, last.steps, len(self.phases) - 1

    def learning_rate(self, step: int) -> float:
        phase, within, _ = self.phase_at(step)
        cosine = 0.5 * (1 + math.cos(math.pi * within / phase.steps))
        rate = phase.end_lr + (phase.start_lr - phase.end_lr) * cosine
        return rate * min(1.0, (step + 1) / self.warmup)


def fresh_before(within: int) -> int:
    """How many batches of a phase were rendered before its step `within`: every step at first, then every other one."""
    return min(within, REUSE_LAG) + max(0, within - REUSE_LAG + 1) // 2


class Batches:
    """Batch of a step: a new one, or (every other step) one of the last `REUSE_LAG` again, mirrored and turned.

    Which batch a step gets depends on the seed and the step alone, so a run that was killed goes on exactly.
    """

    def __init__(
        self,
        library: Sequence[ShapeVolume],
        config: TrainConfig,
        rank: int = 0,
        contexts: Sequence[ContextMap] = (),
    ) -> None:
        self.library, self.contexts, self.config, self.seed = library, contexts, config, config.seed + 1000 * rank
        self.phase = -1
        self.recent: deque[Batch] = deque(maxlen=REUSE_LAG)
        self.fresh: Iterator[Batch] = iter(())

    def at(self, step: int) -> Batch:
        phase, within, number = self.config.phase_at(step)
        if number != self.phase:
            self._enter(phase, within, number)
        if fresh_before(within + 1) > fresh_before(within):
            self.recent.append(next(self.fresh))
            return self.recent[-1]
        rng = np.random.default_rng([self.seed, 7, step])
        return turned(self.recent[int(rng.integers(REUSE_LAG // 2))], rng)

    def _enter(self, phase: Phase, within: int, number: int) -> None:
        """Start the stream so far back that the batches for second use are there again."""
        self.phase = number
        seen = fresh_before(within)
        first = max(0, seen - REUSE_LAG)
        slices = RenderedSlices(self.library, self.contexts, side=phase.side, batch=phase.batch, seed=self.seed, first=first)
        self.fresh = stream(slices, workers=self.config.workers)
        self.recent.clear()
        self.recent.extend(next(self.fresh) for _ in range(seen - first))


class MovingAverage:
    """Exponential moving average of parameters and buffers; what is validated and shipped."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


def _write(path: Path, write: Callable[[Path], None]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    write(temporary)
    with temporary.open("rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, path)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """safetensors under a temporary name, then renamed."""
    ready = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    _write(path, lambda temporary: save_file(ready, str(temporary), metadata=metadata))


class Run:
    """A training run in a folder. `train` goes on from wherever the folder's state is."""

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        library: Sequence[ShapeVolume],
        validate: Validate | None = None,
        contexts: Sequence[ContextMap] = (),
    ) -> None:
        self.folder, self.config, self.library, self.validate = folder, config, library, validate
        self.contexts = contexts
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        self.device = torch.device(f"cuda:{local}" if torch.cuda.is_available() else "cpu")
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.model = CompactSam(config.model).to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = MovingAverage(self.model, config.ema)
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))
        self.step = 0
        self.best = -1.0
        self.seconds = 0.0
        if (folder / "state.json").exists():
            self._load()

    def train(self, *, stop_after_s: float | None = None, report: Callable[[str], None] | None = None) -> CompactSam:
        """Train to the end of the last phase, or for `stop_after_s` seconds; returns the averaged model."""
        say = report or _to_stderr
        step_module: torch.nn.Module = InteractiveStep(self.model, self.config.prompts)
        if self.world > 1:
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            step_module = torch.nn.parallel.DistributedDataParallel(step_module)
        self.model.train()
        batches = Batches(self.library, self.config, self.rank, self.contexts)
        started, window = time.monotonic(), []
        while self.step < self.config.steps and (stop_after_s is None or time.monotonic() - started < stop_after_s):
            tick = time.monotonic()
            figures = self._one_step(step_module, batches)
            self.seconds += time.monotonic() - tick
            window.append(figures)
            if self.rank == 0 and self.step % 50 == 0:
                self._log(window, say)
                window = []
            if self.rank == 0 and self.step % self.config.validate_every == 0:
                self._validate(say)
            if self.rank == 0 and self.step % self.config.save_every == 0:
                self._save()
        if self.rank == 0:
            self._validate(say)
            self._save()
        return self.averaged()

    def _one_step(self, module: torch.nn.Module, batches: Batches) -> dict[str, float]:
        rate = self.config.learning_rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng([self.config.seed, 11, self.rank, self.step])
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            loss, figures = module(batches.at(self.step), rng)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        self.average.update(self.model, self.step)
        return {"loss": float(loss.detach()), "grad_norm": float(norm), "lr": rate, **figures}

    def averaged(self) -> CompactSam:
        """A copy of the model with the averaged weights, on the CPU, in evaluation mode."""
        model = CompactSam(self.config.model)
        model.load_state_dict({name: value.cpu() for name, value in self.average.state.items()})
        return model.eval()

    def _log(self, window: list[dict[str, float]], say: Callable[[str], None]) -> None:
        names = sorted({name for figures in window for name in figures})
        mean = {name: float(np.mean([f[name] for f in window if name in f])) for name in names}
        rate = self.seconds / max(1, self.step)
        left = (self.config.steps - self.step) * rate
        self._row("train", mean)
        text = " ".join(f"{name}={value:.4g}" for name, value in mean.items())
        say(f"step {self.step}/{self.config.steps} {text} {rate:.2f} s/step, about {left / 60:.0f} min left")

    def _row(self, kind: str, figures: dict[str, float]) -> None:
        with (self.folder / "log.csv").open("a", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            for name, value in figures.items():
                writer.writerow([self.step, f"{self.seconds:.0f}", kind, name, f"{value:.6g}"])

    def _validate(self, say: Callable[[str], None]) -> None:
        if self.validate is None:
            save_tensors(self.average.state, self.folder / "best.safetensors", self._metadata({}))
            return
        figures = self.validate(self.averaged())
        self._row("validate", figures)
        say(f"step {self.step} on real CT: " + " ".join(f"{name}={value:.4f}" for name, value in figures.items()))
        if figures["score"] >= self.best:
            self.best = figures["score"]
            save_tensors(self.average.state, self.folder / "best.safetensors", self._metadata(figures))
        plot_log(self.folder / "log.csv", self.folder / "curves.png")

    def _metadata(self, figures: dict[str, float]) -> dict[str, str]:
        return {
            "architecture": "compact",
            "config": json.dumps(self.config.model.to_json()),
            "step": str(self.step),
            "figures": json.dumps(figures),
        }

    def _save(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.average.state.items()}
        for number, parameter in enumerate(p for group in self.optimiser.param_groups for p in group["params"]):
            for name, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
        save_tensors(tensors, self.folder / "state.safetensors")
        state = {"step": self.step, "best": self.best, "seconds": self.seconds, "config": asdict(self.config)}
        text = json.dumps(state, indent=1)
        _write(self.folder / "state.json", lambda path: _write_text(path, text))

    def _load(self) -> None:
        state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(str(self.folder / "state.safetensors"))
        self.step, self.best, self.seconds = state["step"], state["best"], state["seconds"]
        self.model.load_state_dict(_part(tensors, "model."))
        self.average.state = {k: v.to(self.device) for k, v in _part(tensors, "ema.").items()}
        moments = _part(tensors, "optimiser.")
        for number, parameter in enumerate(p for group in self.optimiser.param_groups for p in group["params"]):
            own = _part(moments, f"{number}.")
            if own:
                self.optimiser.state[parameter] = {
                    name: value if name == "step" else value.to(self.device) for name, value in own.items()
                }


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def plot_log(log: Path, picture: Path) -> None:
    """Draw loss and Dice curves of a log.csv as a picture."""
    from spinalsam.training.curves import draw_curves

    series: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with log.open(encoding="utf-8") as handle:
        for step, _, kind, name, value in csv.reader(handle):
            series.setdefault((kind, name), []).append((float(step), float(value)))
    draw_curves(series, picture)

"""The training loop: phases of growing picture size, moving average, exact resume, CSV log with curves.

One process on CPU or GPU, or several under ``torchrun`` (DDP), with the same code. What is trained is a `Task`: a compact network
from its beginnings, or an adaptation of any network. A run is a folder: ``log.csv``, ``curves.png``, ``state.safetensors`` with
``state.json`` (to resume), and ``best.safetensors`` (usable at any moment).
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from spinalsam.errors import InputError
from spinalsam.training.batches import BatchSource, parts_of
from spinalsam.training.config import TrainConfig
from spinalsam.training.objective import InteractiveStep
from spinalsam.training.sources import to_stderr
from spinalsam.training.task import Task

# Figures of a network; "score" decides which weights are the best.
Validate = Callable[[Any], dict[str, float]]


class MovingAverage:
    """Exponential moving average of the tensors of a network that change; what is validated and shipped."""

    def __init__(self, network: torch.nn.Module, decay: float, keep: Callable[[str], bool]) -> None:
        self.decay, self.keep = decay, keep
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items() if keep(name)}

    @torch.no_grad()
    def update(self, network: torch.nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if name not in self.state:
                continue
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


def device_of(local_rank: int) -> torch.device:
    """Where a process of a run computes: on the GPU of its number, several on one where there are fewer, or on the processor."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return torch.device(f"cuda:{local_rank % count}" if count else "cpu")


def backend_of(device: torch.device) -> str:
    """How processes share their gradients: NCCL wants a GPU for each of them. Several on one GPU pay where a step waits for its clicks."""
    enough = device.type == "cuda" and int(os.environ.get("LOCAL_WORLD_SIZE", "1")) <= torch.cuda.device_count()
    return "nccl" if enough else "gloo"


class Run:
    """A training run in a folder. `train` goes on from wherever the folder's state is."""

    def __init__(self, folder: Path, config: TrainConfig, task: Task, validate: Validate | None = None) -> None:
        self.folder, self.config, self.task, self.validate = folder, config, task, validate
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device_of(int(os.environ.get("LOCAL_RANK", "0")))
        self.limit_s = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self.network: torch.nn.Module = task.network.to(self.device).to(memory_format=torch.channels_last)
        self.average = MovingAverage(self.network, config.ema, task.keep)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))
        self.step, self.best, self.worse = 0, -1.0, 0
        self.seconds = 0.0
        if (folder / "state.json").exists():
            self._load()

    def train(self, *, stop_after_s: float | None = None, report: Callable[[str], None] | None = None) -> None:
        """Train to the end of the last phase, for `stop_after_s` seconds, or until patience is at an end."""
        say = report or to_stderr
        step_module: torch.nn.Module = InteractiveStep(self.network, self.config.prompts)  # type: ignore[arg-type]
        if self.config.by_time and not stop_after_s:
            raise InputError("This configuration trains by time: say how long (--seconds).")
        self.limit_s = stop_after_s or 0.0
        if self.world > 1:
            torch.distributed.init_process_group(backend_of(self.device))
            step_module = torch.nn.parallel.DistributedDataParallel(step_module)
        self.network.train(not self.task.frozen_statistics)
        batches = self.task.batches(self.rank, self.world)
        started, window = time.monotonic(), []
        while self._goes_on(started, stop_after_s):
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
        if self.world > 1:
            # The wrapped network goes before the group that it talks through; the other way round its end can wait for ever.
            torch.distributed.barrier()
            del step_module
            torch.distributed.destroy_process_group()

    def _goes_on(self, started: float, stop_after_s: float | None) -> bool:
        """Whether there is another step; the first process decides for all of them, as only it validates and they share a clock no more."""
        # By time a run that goes on has what is left of its time, otherwise each start has its own.
        spent = self.seconds if self.config.by_time else time.monotonic() - started
        late = stop_after_s is not None and spent >= stop_after_s
        tired = bool(self.config.patience) and self.worse >= self.config.patience
        goes_on = self.step < self.config.steps and not late and not tired
        if self.world == 1:
            return goes_on
        decision = torch.tensor([float(goes_on), self.seconds], dtype=torch.float64)
        if torch.distributed.get_backend() == "nccl":
            decision = decision.to(self.device)
        torch.distributed.broadcast(decision, src=0)
        self.seconds = float(decision[1])  # the learning rate is everybody's
        return bool(decision[0])

    def _one_step(self, module: torch.nn.Module, batches: BatchSource) -> dict[str, float]:
        rate = self.config.learning_rate(self.step, self.seconds / self.limit_s if self.limit_s else 0.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng([self.config.seed, 11, self.rank, self.step])
        batch = batches.at(self.step)  # outside of autocast: the processes that render are started here and would inherit it
        self.optimiser.zero_grad(set_to_none=True)
        seen: list[dict[str, float]] = []
        for part in parts_of(batch, self.config.accumulate):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda" or self.config.bfloat16):
                loss, figures = module(part, rng)
            (loss * (len(part.pixels) / len(batch.pixels))).backward()
            seen.append({"loss": float(loss.detach()), **figures})
        norm = torch.nn.utils.clip_grad_norm_([p for p in self.network.parameters() if p.requires_grad], self.config.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        self.average.update(self.network, self.step)
        return {"grad_norm": float(norm), "lr": rate, **_means(seen)}

    @contextmanager
    def averaged(self) -> Iterator[torch.nn.Module]:
        """The network with the averaged weights, in evaluation mode; afterwards it has its own again."""
        own = {name: value.detach().clone() for name, value in self.network.state_dict().items() if self.task.keep(name)}
        mode = self.network.training
        self.network.load_state_dict(self.average.state, strict=False)
        try:
            yield self.network.eval()
        finally:
            self.network.load_state_dict(own, strict=False)
            self.network.train(mode)

    def _log(self, window: list[dict[str, float]], say: Callable[[str], None]) -> None:
        mean = _means(window)
        rate = self.seconds / max(1, self.step)
        left = self.limit_s - self.seconds if self.config.by_time else (self.config.steps - self.step) * rate
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
            self._save_best({})
            return
        with self.averaged() as network:
            figures = self.validate(network)
        self._row("validate", figures)
        say(f"step {self.step} on real CT: " + " ".join(f"{name}={value:.4f}" for name, value in figures.items()))
        self.worse += 1
        if figures["score"] >= self.best:
            self.best, self.worse = figures["score"], 0
            self._save_best(figures)
        plot_log(self.folder / "log.csv", self.folder / "curves.png")

    def _save_best(self, figures: dict[str, float]) -> None:
        state = self.average.state
        if self.config.half:  # what is added or multiplied along a channel is small and stays exact, as do the statistics of norms
            state = {name: value.half() if value.ndim > 1 else value for name, value in state.items()}
        save_tensors(state, self.folder / "best.safetensors", self._metadata(figures))

    def _metadata(self, figures: dict[str, float]) -> dict[str, str]:
        return {**self.task.metadata, "step": str(self.step), "figures": json.dumps(figures)}

    def _save(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.network.state_dict().items() if self.task.keep(k)}
        tensors |= {f"ema.{k}": v for k, v in self.average.state.items()}
        for number, parameter in enumerate(p for group in self.optimiser.param_groups for p in group["params"]):
            for name, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
        save_tensors(tensors, self.folder / "state.safetensors")
        counters = {"step": self.step, "best": self.best, "worse": self.worse, "seconds": self.seconds}
        text = json.dumps({**counters, "config": asdict(self.config)}, indent=1)
        _write(self.folder / "state.json", lambda path: _write_text(path, text))

    def _load(self) -> None:
        state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        if state["config"]["model"] != json.loads(json.dumps(asdict(self.config)))["model"]:
            raise InputError(f"{self.folder} holds a run of another network; go on with its own configuration, or give another folder.")
        tensors = load_file(str(self.folder / "state.safetensors"))
        self.step, self.best, self.seconds = state["step"], state["best"], state["seconds"]
        self.worse = state.get("worse", 0)
        self.network.load_state_dict(_part(tensors, "model."), strict=False)
        self.average.state = {k: v.to(self.device) for k, v in _part(tensors, "ema.").items()}
        moments = _part(tensors, "optimiser.")
        for number, parameter in enumerate(p for group in self.optimiser.param_groups for p in group["params"]):
            own = _part(moments, f"{number}.")
            if own:
                self.optimiser.state[parameter] = {name: value if name == "step" else value.to(self.device) for name, value in own.items()}


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of every figure over the rows that have it."""
    names = sorted({name for figures in rows for name in figures})
    return {name: float(np.mean([f[name] for f in rows if name in f])) for name in names}


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

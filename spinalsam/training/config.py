"""The settings of a training, as a JSON file holds them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from spinalsam.engine.compact import CompactConfig
from spinalsam.errors import InputError
from spinalsam.training.objective import PromptMix


def falling_rate(step: int, done: float, *, start: float, end: float, warmup: int) -> float:
    """A learning rate that rises over the first `warmup` steps and falls from `start` to `end` by a cosine; done: share that is over."""
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    return (end + (start - end) * cosine) * min(1.0, (step + 1) / warmup)


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
    """Everything that decides a run, besides the data.

    data_share: of the steps learn from image and mask pairs where there are both those and rendered slices.
    uses: how often a rendered slice is seen, mirrored and turned after the first time.
    by_time: the learning rate falls with the share of the seconds that the run may take instead of the share of its steps, where nobody
    knows how many a machine will do; there is one phase then.
    half: the weights that are kept for use are rounded to 16 bits, which halves the file.
    accumulate: parts that a batch is cut into, one after the other, where memory is short.
    patience: validations without a better one after which the run stops early; 0 never does.
    """

    phases: tuple[Phase, ...]
    model: CompactConfig = field(default_factory=CompactConfig)
    prompts: PromptMix = field(default_factory=PromptMix)
    seed: int = 0
    weight_decay: float = 0.03
    warmup: int = 150
    ema: float = 0.998
    clip: float = 1.0
    data_share: float = 0.25
    uses: int = 2
    by_time: bool = False
    half: bool = False
    accumulate: int = 1
    patience: int = 0
    workers: int = 1
    validate_every: int = 500
    save_every: int = 100
    bfloat16: bool = False  # on a processor; a GPU always computes in it. Pays where the processor multiplies it in hardware.

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
            config = cls(phases=phases, model=model, prompts=prompts, **parts)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The training configuration has a setting that is missing or unknown: {error}.") from error
        if not isinstance(config.uses, int) or config.uses < 1:
            raise InputError(
                f"A rendered slice is used a whole number of times, at least once, not {config.uses!r}; mend 'uses' in the configuration."
            )
        if config.by_time and len(phases) != 1:
            raise InputError(f"A training by time has one phase, and this configuration has {len(phases)}; leave 'by_time' out.")
        return config

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

    def learning_rate(self, step: int, spent: float = 0.0) -> float:
        """spent: share of the time that has passed, which counts with `by_time`."""
        phase, within, _ = self.phase_at(step)
        done = min(1.0, spent) if self.by_time else within / phase.steps
        return falling_rate(step, done, start=phase.start_lr, end=phase.end_lr, warmup=self.warmup)

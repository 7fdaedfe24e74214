"""A training run takes the GPU by itself, learns there, and goes on from what it saved."""

from __future__ import annotations

import numpy as np
import torch

from spinalsam.engine.compact import CompactConfig
from spinalsam.engine.compact_segmenter import load_compact
from spinalsam.training.config import Phase, TrainConfig
from spinalsam.training.dataset import BONE, TARGET, WHOLE, Batch
from spinalsam.training.fit import Run
from spinalsam.training.task import Task, from_beginning

SMALL = CompactConfig(widths=(8, 16, 24, 32), conv_blocks=(1, 1), attention_blocks=1, heads=2, decoder_mlp=64, side=64)


class Blocks:
    """Bright squares at places that depend on the step."""

    def at(self, step: int) -> Batch:
        rng = np.random.default_rng(step)
        pixels, masks = rng.normal(0, 0.1, (4, 64, 64)), np.zeros((4, 64, 64), np.uint8)
        for n in range(4):
            row, column = rng.integers(8, 32, 2)
            pixels[n, row : row + 20, column : column + 20] += 1
            masks[n, row : row + 20, column : column + 20] = TARGET + WHOLE + BONE
        return Batch(pixels.astype(np.float16), masks)


def run_of(folder, steps: int) -> Run:
    config = TrainConfig(phases=(Phase(64, 4, steps, 2e-3, 1e-3),), model=SMALL, workers=0, validate_every=1000, save_every=1000)
    task = from_beginning(config)
    return Run(folder, config, Task(task.network, lambda rank, world: Blocks(), task.metadata))


def test_a_run_learns_on_the_gpu_and_goes_on(tmp_path) -> None:
    run = run_of(tmp_path, 150)
    assert run.device.type == "cuda" and all(parameter.device.type == "cuda" for parameter in run.network.parameters())
    losses = []
    step = run._one_step

    def watched(*arguments):
        figures = step(*arguments)
        losses.append(figures["loss"])
        return figures

    run._one_step = watched  # type: ignore[method-assign]
    run.train(report=lambda line: None)
    assert run.step == 150 and np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert np.isfinite(losses).all()
    assert load_compact(tmp_path / "best.safetensors", checksum="x").side == 64
    again = run_of(tmp_path, 152)
    assert again.step == 150
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    again.train(report=lambda line: None)
    assert again.step == 152

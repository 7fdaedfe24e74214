"""From a configuration and folders of data to a trained checkpoint or an adapted model: what `spinalsam train` runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spinalsam.data.volume import Volume
from spinalsam.engine.compact import CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.locate import survey
from spinalsam.engine.locator_net import shipped_locator
from spinalsam.engine.rough import RoughShapes
from spinalsam.engine.segmenter import Segmenter
from spinalsam.errors import InputError
from spinalsam.training.config import TrainConfig
from spinalsam.training.evaluate import SliceCase, evaluate_segmenter, read_pairs, slice_cases
from spinalsam.training.fit import Run, Validate
from spinalsam.training.pairs import PairSlices, look_view
from spinalsam.training.sources import Report, Sources
from spinalsam.training.task import begin_with, from_beginning

DATA_BATCH = 6


def read_config(path: Path) -> TrainConfig:
    """A JSON training configuration. Raises InputError when it cannot be read or has unknown settings."""
    try:
        return TrainConfig.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"The training configuration {path} cannot be read: {error}.") from error


def real_cases(folder: Path, *, per_label: int = 2, surroundings: bool = False) -> list[SliceCase]:
    """Slices of real images and masks kept out of training. Raises InputError as `read_pairs`.

    surroundings: whether the locator looks at the volumes around the slices, as the program does before it answers a prompt.
    """
    cases: list[SliceCase] = []
    for name, volume, mask in read_pairs(folder):
        shapes = _shapes(volume) if surroundings else None
        cases += slice_cases(name, volume, mask, per_label=per_label, shapes=shapes)
    return cases


def _shapes(volume: Volume) -> RoughShapes | None:
    if not volume.geometry.has_spacing or min(volume.geometry.shape) < 2:
        return None
    return RoughShapes(survey(shipped_locator(), volume.voxels, volume.geometry, is_hu=volume.is_hu), volume.geometry)


def figures_on(segmenter: Segmenter, cases: Sequence[SliceCase]) -> dict[str, float]:
    """The box-and-clicks protocol in three figures, and their weighted mean as the score."""
    figures = evaluate_segmenter(segmenter, cases, clicks=3)
    kept = {name: figures[name] for name in ("dice", "point", "box_and_3")}
    return {**kept, "score": 0.5 * kept["dice"] + 0.25 * (kept["point"] + kept["box_and_3"])}


def validation_on(folder: Path) -> Validate:
    """Figures of a compact network on a folder of pairs."""
    cases = real_cases(folder)
    return lambda model: figures_on(CompactSegmenter(model, checksum="in training", device=next(model.parameters()).device), cases)


def train(
    config: TrainConfig,
    sources: Sources,
    *,
    out: Path,
    start: Path | None = None,
    validate: Path | None = None,
    stop_after_s: float | None = None,
    report: Report,
) -> dict[str, Any]:
    """Train a compact network, or go on with the run that `out` holds; leaves `out`/best.safetensors.

    start: a checkpoint to begin with. validate: pairs kept out of training. Returns a summary for people and scripts.
    Raises InputError for a checkpoint that does not fit, before anything is written, and for data that cannot be used.
    """
    if start is not None:
        begin_with(CompactSam(config.model), start)  # before minutes of work, and before anything is written
    library, surroundings = sources.rendered(out / "cache", report=report)
    pairs = PairSlices.of(sources.data, look_view(config.model.side), batch=_batch(config), seed=config.seed) if sources.data else None
    task = from_beginning(config, library, surroundings, pairs=pairs, start=start)
    return finish(Run(out, config, task, validation_on(validate) if validate else None), stop_after_s=stop_after_s, report=report)


def _batch(config: TrainConfig) -> int:
    return config.phases[-1].batch if config.phases else DATA_BATCH


def finish(run: Run, *, stop_after_s: float | None, report: Report) -> dict[str, Any]:
    """Run it to its end (or the time's) and sum up."""
    started = run.step
    if run.rank == 0:
        report(f"{'going on at' if started else 'starting at'} step {started} of {run.config.steps} on {run.device}")
    run.train(stop_after_s=stop_after_s, report=report)
    trained = sum(p.numel() for p in run.network.parameters() if p.requires_grad)
    return {
        "checkpoint": str(run.folder / "best.safetensors"),
        "step": run.step,
        "steps": run.config.steps,
        "seconds": round(run.seconds),
        "parameters": sum(p.numel() for p in run.network.parameters()),
        "trained_parameters": trained,
        "best": run.best if run.best >= 0 else None,
        "rank": run.rank,
    }


def export(run_folder: Path, checkpoint: Path) -> str:
    """Copy a run's best weights to where a model card points, by temporary name and rename. Returns their SHA-256."""
    source = run_folder / "best.safetensors"
    if not source.exists():
        raise InputError(f"{run_folder} holds no best.safetensors yet; let the training run to its first save.")
    temporary = checkpoint.with_name(checkpoint.name + ".tmp")
    shutil.copyfile(source, temporary)
    temporary.replace(checkpoint)
    return hashlib.sha256(checkpoint.read_bytes()).hexdigest()

"""Dice on real CT against amount and kind of rendered data: `python -m spinalsam.training.learning_curve`.

A U-Net with the box as a channel (`training/baselines.py`) stands in for the large network, because it learns in minutes and what helps
one helps the other: each kind of data and each amount is a training of its own with its own schedule.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from spinalsam.training.adapt import settings
from spinalsam.training.baselines import train_unet, unet_baseline
from spinalsam.training.batches import Batches
from spinalsam.training.evaluate import evaluate_segmenter
from spinalsam.training.recipe import real_cases
from spinalsam.training.sources import Sources, to_stderr

SIDE, BATCH = 128, 8


def learning_curve(
    kinds: dict[str, Sources], amounts: Sequence[int], validate: Path, cache: Path, *, seed: int = 0
) -> dict[str, list[tuple[int, float]]]:
    """Per kind of data (slices seen, mean Dice with one box on real CT). amounts: training steps of BATCH slices."""
    cases = real_cases(validate)
    curves: dict[str, list[tuple[int, float]]] = {}
    for kind, sources in kinds.items():
        library, contexts = sources.rendered(cache, report=to_stderr)
        for steps in amounts:
            batches = Batches(library, settings(steps=steps, batch=BATCH, side=SIDE, seed=seed), contexts=contexts)
            network = train_unet(batches, steps=steps, seed=seed, report=to_stderr)
            figure = evaluate_segmenter(unet_baseline(network, side=SIDE), cases, clicks=0)["dice"]
            curves.setdefault(kind, []).append((steps * BATCH, figure))
            to_stderr(f"{kind}: {steps * BATCH} slices, Dice {figure:.3f}")
    return curves


def as_markdown(curves: dict[str, list[tuple[int, float]]]) -> str:
    """Kinds as rows, numbers of slices as columns."""
    amounts = [slices for slices, _ in next(iter(curves.values()))]
    lines = ["| rendered from | " + " | ".join(f"{slices} slices" for slices in amounts) + " |", "|---" * (1 + len(amounts)) + "|"]
    return "\n".join(lines + [f"| {kind} | " + " | ".join(f"{dice:.3f}" for _, dice in points) + " |" for kind, points in curves.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shapes", action="append", required=True, type=Path, help="label volumes of real vertebrae")
    parser.add_argument("--scans", action="append", default=[], type=Path, help="CT without labels, as surroundings")
    parser.add_argument("--phantoms", type=int, default=4)
    parser.add_argument("--validate", required=True, type=Path, help="pairs of real CT and masks")
    parser.add_argument("--amounts", default="150,450", help="training steps, separated by commas")
    parser.add_argument("--out", required=True, type=Path, help="folder for the figures")
    options = parser.parse_args()
    kinds = {
        "phantoms": Sources(phantoms=options.phantoms),
        "real shapes": Sources(shapes=options.shapes),
        "real shapes and phantoms": Sources(shapes=options.shapes, phantoms=options.phantoms),
    }
    if options.scans:
        kinds["the same among real scans"] = Sources(shapes=options.shapes, phantoms=options.phantoms, scans=options.scans)
    options.out.mkdir(parents=True, exist_ok=True)
    amounts = [int(part) for part in options.amounts.split(",")]
    curves = learning_curve(kinds, amounts, options.validate, options.out / "cache")
    (options.out / "learning_curve.json").write_text(json.dumps(curves, indent=1), encoding="utf-8")
    sys.stdout.write(as_markdown(curves) + "\n")


if __name__ == "__main__":
    main()

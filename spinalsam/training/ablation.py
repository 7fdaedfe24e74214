"""What each part brings: `python -m spinalsam.training.ablation` prints the table of docs/MODEL_CARD.md.

A base network meets a new kind of data and is adapted to it with LoRA, with CBAM, with both, and with neither (the mask decoder
alone), all for the same number of steps on the same slices. Beside them stand the base as it was, a U-Net trained on the same
slices, Otsu's threshold, the filled box, and SAM's ViT-B with random weights. All are measured on real CT kept out of training.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from spinalsam.engine.cbam import cbam_modules
from spinalsam.engine.compact_segmenter import load_compact
from spinalsam.engine.sam import SHAPES, SamSegmenter, build_sam
from spinalsam.training.adapt import Adaptation, prepare, settings, task_for
from spinalsam.training.baselines import FILLED_BOX, OTSU, train_unet, unet_baseline
from spinalsam.training.batches import Batches
from spinalsam.training.evaluate import SliceCase, evaluate_segmenter
from spinalsam.training.fit import Run
from spinalsam.training.recipe import real_cases
from spinalsam.training.sources import Sources, to_stderr

ARMS: dict[str, tuple[str, ...]] = {
    "mask decoder alone": (),
    "+ LoRA": ("lora",),
    "+ CBAM": ("cbam",),
    "+ LoRA + CBAM": ("lora", "cbam"),
}


def measure(segmenter: Any, cases: Sequence[SliceCase]) -> dict[str, float]:
    """One box, one click, box and three clicks."""
    figures = evaluate_segmenter(segmenter, cases, clicks=3)
    return {name: figures[name] for name in ("dice", "hd95_mm", "point", "box_and_1", "box_and_3")}


def ablation(
    base: Path, sources: Sources, validate: Path, out: Path, *, steps: int, unet_steps: int, with_vit: bool, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Figures by method, in the order of the table. Adapted networks stay in `out`; an interrupted run goes on."""
    cases = real_cases(validate)
    library, contexts = sources.rendered(out / "cache", report=to_stderr)
    rows: dict[str, dict[str, Any]] = {"filled box": measure(FILLED_BOX, cases), "Otsu in the box": measure(OTSU, cases)}
    if with_vit:
        torch.manual_seed(seed)
        vit = SamSegmenter(build_sam(SHAPES["vit_b"]), checksum="random", name="random ViT-B")
        rows["SAM ViT-B, random weights"] = measure(vit, cases[:: max(1, len(cases) // 8)])
    segmenter = load_compact(base, checksum="base")
    rows["base"] = measure(segmenter, cases)
    config = settings(steps=steps, batch=6, side=segmenter.side, seed=seed)
    for name, methods in ARMS.items():
        segmenter = load_compact(base, checksum="base")
        if "cbam" in methods and cbam_modules(segmenter.model.image_encoder):
            to_stderr(f"{name}: left out, for the base holds CBAM already and every method trains it")
            continue
        metadata, share = prepare(segmenter, Adaptation(methods), base="base", base_sha256="")
        task = task_for(segmenter, config, metadata, library=library, contexts=contexts)
        run = Run(out / name.strip("+ ").replace(" ", "_"), config, task)
        run.train(report=to_stderr)
        with run.averaged():
            rows[name] = {**measure(segmenter, cases), "trained_share": share.share}
        to_stderr(f"{name}: {rows[name]}")
    if unet_steps:
        batches = Batches(library, settings(steps=unet_steps, batch=8, side=128, seed=seed), contexts=contexts)
        rows["U-Net on the same slices"] = measure(unet_baseline(train_unet(batches, steps=unet_steps, report=to_stderr), side=128), cases)
    return rows


def as_markdown(rows: dict[str, dict[str, Any]]) -> str:
    """The table of the model card."""
    lines = ["| method | trained | box | + 1 click | + 3 | one click alone | HD95 mm |", "|---|---|---|---|---|---|---|"]
    for name, row in rows.items():
        share = f"{100 * row['trained_share']:.0f} %" if "trained_share" in row else "–"
        figures = " | ".join(f"{row[key]:.3f}" for key in ("dice", "box_and_1", "box_and_3", "point"))
        lines.append(f"| {name} | {share} | {figures} | {row['hd95_mm']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--base", required=True, type=Path, help="a compact checkpoint (.safetensors)")
    parser.add_argument("--shapes", action="append", default=[], type=Path, help="label volumes to render slices of")
    parser.add_argument("--scans", action="append", default=[], type=Path, help="CT without labels, as surroundings")
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--validate", required=True, type=Path, help="pairs of real CT and masks")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--unet-steps", type=int, default=600)
    parser.add_argument("--vit", action="store_true", help="measure SAM ViT-B with random weights too (slow)")
    options = parser.parse_args()
    sources = Sources(shapes=options.shapes, scans=options.scans, phantoms=options.phantoms)
    rows = ablation(
        options.base, sources, options.validate, options.out, steps=options.steps, unet_steps=options.unet_steps, with_vit=options.vit
    )
    (options.out / "ablation.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    sys.stdout.write(as_markdown(rows) + "\n")


if __name__ == "__main__":
    main()

"""Where CBAM sits best: `python -m spinalsam.training.cbam_places` trains a small run from nothing for each place.

Every run sees the same rendered slices in the same order from the same first weights (of the parts that they share); all are measured on
rendered slices that none of them saw, where differences of a few thousandths can be told, and on real CT.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.segmenter import SliceImage
from spinalsam.training.config import Phase, TrainConfig
from spinalsam.training.dataset import TARGET, RenderedSlices
from spinalsam.training.evaluate import SMALLEST_PIXELS, SliceCase, evaluate_segmenter
from spinalsam.training.fit import Run, save_tensors
from spinalsam.training.recipe import read_config, real_cases
from spinalsam.training.render import Context, ShapeVolume
from spinalsam.training.sources import Sources, to_stderr
from spinalsam.training.task import from_beginning

PLACES: dict[str, tuple[str, ...]] = {
    "none": (),
    "stride-8 stage": ("stage8",),
    "last block": ("blocks.3",),
    "stride-8 stage and last block": ("stage8", "blocks.3"),
    "all stages and blocks": ("stage4", "stage8", "blocks.0", "blocks.1", "blocks.2", "blocks.3"),
}
UNSEEN_SEED = 987_654  # of the rendered slices that no run learns from


def rendered_cases(library: Sequence[ShapeVolume], contexts: Sequence[Context], *, side: int, count: int) -> list[SliceCase]:
    """Rendered slices that no run learns from, as cases without a spacing."""
    batch = RenderedSlices(library, contexts, side=side, batch=count, seed=UNSEEN_SEED).render(0)
    masks: NDArray[np.bool_] = (batch.masks & TARGET) > 0
    return [
        SliceCase(f"rendered {n} {side}", SliceImage(pixels.astype(np.float32), False, None), mask)
        for n, (pixels, mask) in enumerate(zip(batch.pixels, masks, strict=True))
        if mask.sum() >= SMALLEST_PIXELS
    ]


def compare(config: TrainConfig, sources: Sources, validate: Path, out: Path, *, unseen: int) -> dict[str, dict[str, Any]]:
    """Figures by place. A place's run stays in `out`; an interrupted one goes on."""
    library, contexts = sources.rendered(out / "cache", report=to_stderr)
    side = config.phases[-1].side
    sets = {"rendered": rendered_cases(library, contexts, side=side, count=unseen), "real": real_cases(validate)}
    rows: dict[str, dict[str, Any]] = {}
    out.mkdir(parents=True, exist_ok=True)
    first = out / "first.safetensors"
    bare = replace(config, model=replace(config.model, cbam_after=()))
    save_tensors(from_beginning(bare).network.state_dict(), first)
    for name, places in PLACES.items():
        arm = replace(config, model=replace(config.model, cbam_after=places))
        run = Run(out / name.replace(" ", "_"), arm, from_beginning(arm, library, contexts, start=first))
        run.train(report=to_stderr)
        with run.averaged() as network:
            segmenter = CompactSegmenter(network, checksum="in training")  # type: ignore[arg-type]
            rows[name] = {kind: evaluate_segmenter(segmenter, cases, clicks=1) for kind, cases in sets.items()}
        rows[name]["parameters"] = sum(parameter.numel() for parameter in run.network.parameters())
        to_stderr(f"{name}: box {rows[name]['rendered']['dice']:.4f} rendered, {rows[name]['real']['dice']:.4f} real")
    return rows


def as_markdown(rows: dict[str, dict[str, Any]]) -> str:
    """The table of the model card; the last column is the standard error of the difference to no CBAM on the rendered slices."""
    lines = ["| CBAM after | parameters | rendered: box | one click | real: box | one click | ± |", "|---|---|---|---|---|---|---|"]
    first = _boxed(rows["none"])
    for name, row in rows.items():
        figures = [row[kind][what] for kind in ("rendered", "real") for what in ("dice", "point")]
        spread = np.std(_boxed(row) - first, ddof=1) / np.sqrt(len(first))
        cells = " | ".join(f"{value:.3f}" for value in figures)
        lines.append(f"| {name} | {row['parameters'] / 1e6:.3f} M | {cells} | {spread:.3f} |")
    return "\n".join(lines)


def _boxed(row: dict[str, Any]) -> NDArray[np.float64]:
    return np.array([case["dice"] for case in row["rendered"]["cases"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--config", required=True, type=Path, help="a training configuration, whose network is taken")
    parser.add_argument("--shapes", action="append", default=[], type=Path, help="label volumes to render slices of")
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--validate", required=True, type=Path, help="pairs of real CT and masks")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--unseen", type=int, default=300, help="rendered slices to measure on")
    options = parser.parse_args()
    config = read_config(options.config)
    phase = Phase(options.side, options.batch, options.steps, 1e-3, 2e-5)
    config = replace(config, phases=(phase,), ema=0.98, warmup=min(50, options.steps), validate_every=options.steps + 1)
    sources = Sources(shapes=options.shapes, phantoms=options.phantoms)
    rows = compare(config, sources, options.validate, options.out, unseen=options.unseen)
    (options.out / "cbam_places.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    sys.stdout.write(as_markdown(rows) + "\n")


if __name__ == "__main__":
    main()

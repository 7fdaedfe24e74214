"""How long every stage of the work takes on this machine, and how that compares with other ways to do it, in one run.

Times are of whole stages as a user waits for them, in milliseconds, as median and 95th percentile. A ratio above 1 means that
ours is faster. Every peer gets the same slice, the same prompt and the same weights, in turn with ours in the same process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spinalsam.benchmark.case import Case

__all__ = ["PEERS", "Case", "run"]

PEERS = ("segment-anything",)
Progress = Callable[[float, str], None]


def run(
    case: Case,
    *,
    model: str | None = None,
    device: str = "auto",
    against: str | None = None,
    open_file: Path | None = None,
    repeats: int = 7,
    progress: Progress = lambda fraction, message: None,
) -> dict[str, Any]:
    """Measure everything, and let the model's runtime on this machine be the one that was fastest. Returns the command's JSON document.

    open_file: what the stages of opening read; by default the case's file. Raises ModelError when there is no such model, InputError
    when the file cannot be read.
    """
    from spinalsam.benchmark import machine, stages
    from spinalsam.engine import precision, runtime
    from spinalsam.engine.compact_segmenter import CompactSegmenter
    from spinalsam.engine.models import load_segmenter
    from spinalsam.engine.sam import SamSegmenter
    from spinalsam.support.prompts import SlicePrompt

    image = open_file or case.image
    segmenter = load_segmenter(model, device)
    few = max(2, repeats // 3)
    measured: stages.Stages = {}
    plan: list[tuple[str, Callable[[], stages.Stages]]] = [
        ("opening", lambda: stages.files(image, max(3, repeats // 2))),
        ("scrolling", lambda: stages.scrolling(case, repeats)),
        ("prompting", lambda: stages.prompts(case, segmenter, repeats)),
        ("encoding ahead", lambda: stages.prefetched(case, segmenter, repeats)),
        ("parsing", lambda: stages.parsing(repeats)),
        ("propagating", lambda: stages.whole(case, segmenter, few)),
    ]
    for number, (name, measure) in enumerate(plan):
        progress(number / (len(plan) + 1), name)
        measured.update(measure())
    memory_mb = machine.peak_memory_mb()
    limits = machine.limits(case, segmenter, measured["encode"]["p50_ms"])
    described: dict[str, Any] = {"name": segmenter.name, "checksum": segmenter.checksum}
    on_cpu = str(getattr(segmenter, "device", "")) == "cpu"
    if isinstance(segmenter, CompactSegmenter) and on_cpu:
        described["runtimes"] = asdict(runtime.calibrate(segmenter))
    elif isinstance(segmenter, SamSegmenter) and on_cpu:
        described["precisions"] = asdict(precision.calibrate(segmenter, case.picture(), SlicePrompt(box_xyxy=case.box)))
    ratios: dict[str, float] = {}
    if against:
        from spinalsam.benchmark.peers import compare

        progress(len(plan) / (len(plan) + 1), f"comparing with {against}")
        comparison = compare(case, segmenter, device=device, open_file=image, repeats=repeats)
        ratios, described["compared"] = comparison.ratios, comparison.details
    progress(1.0, "measured")
    return {
        "machine": machine.describe(device),
        "model": described,
        "stages": measured,
        "ratios": ratios,
        "limits": limits,
        "peak_memory_mb": memory_mb,
    }

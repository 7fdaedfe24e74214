"""Which precision a SAM's encoder computes in on this processor: measured with its own weights, and only where its masks stay the same.

The warm-up of `device/manager.py` knows the processor; whether 8 bits keep the masks depends on the weights. So a calibration encodes one
slice in each precision that the processor computes natively, compares the masks with those of float32, and remembers the fastest that is
near enough for this machine and these weights. `spinalsam benchmark` calibrates; loading a model only looks up what was found.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from spinalsam.device.cpu import read_cpu
from spinalsam.engine import fast_vit
from spinalsam.engine.runtime import WORTHWHILE, remember, remembered
from spinalsam.engine.sam import SamSegmenter
from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt

# Dice with the masks of float32 that a lower precision must reach.
NEAR_ENOUGH = 0.995

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class PrecisionCalibration:
    """precision: the one to use from now on. measured_ms: fastest of two encodes, by precision. mask_dice: with float32's masks."""

    precision: str
    measured_ms: dict[str, float]
    mask_dice: dict[str, float]


def available(segmenter: SamSegmenter) -> tuple[str, ...]:
    """What this processor computes natively, float32 first; 8 bits only where the encoder is SAM's own."""
    cpu = read_cpu()
    found = ["fp32"]
    if cpu.has_bf16:
        found.append("bf16")
    if "vnni" in cpu.features and fast_vit.can_use_int8() and fast_vit.can_speed_up(segmenter.model.image_encoder):
        found.append("int8")
    return tuple(found)


def calibrate(
    segmenter: SamSegmenter,
    image: SliceImage,
    prompt: SlicePrompt,
    *,
    progress: Progress = lambda share, message: None,
    measure: Callable[[str], float] | None = None,
) -> PrecisionCalibration:
    """Measure each precision on a slice and a clear prompt, remember the fastest that keeps the mask, and use it.

    measure: milliseconds of one encode in a precision; by default the real ones.
    """
    times: dict[str, float] = {}
    near: dict[str, float] = {}
    names = available(segmenter)
    expected = None
    for number, name in enumerate(names):
        progress(number / len(names), f"measuring {name}")
        segmenter.use_precision(name)
        taken = []
        for _ in range(2):
            started = time.perf_counter()
            embedding = segmenter.encode(image)
            taken.append((time.perf_counter() - started) * 1000)
        times[name] = round(min(taken) if measure is None else measure(name), 2)
        mask = segmenter.decode(embedding, prompt).masks[0]
        expected = mask if expected is None else expected
        near[name] = round(float(dice(mask, expected)), 4) if mask.any() or expected.any() else 1.0
    chosen = best(times, near)
    remember(segmenter.checksum, chosen)
    segmenter.use_precision(chosen)
    return PrecisionCalibration(chosen, times, near)


def best(times_ms: dict[str, float], mask_dice: dict[str, float]) -> str:
    """The fastest that is near enough and clearly faster than float32."""
    allowed = [name for name in times_ms if mask_dice[name] >= NEAR_ENOUGH and times_ms[name] * WORTHWHILE <= times_ms["fp32"]]
    return min(allowed, key=lambda name: times_ms[name], default="fp32")


def use_remembered(segmenter: SamSegmenter) -> str:
    """Let a SAM on the processor compute in what a calibration found for it; returns its precision, changed or not."""
    found = remembered(segmenter.checksum)
    if found in available(segmenter):
        segmenter.use_precision(str(found))
    return segmenter.precision

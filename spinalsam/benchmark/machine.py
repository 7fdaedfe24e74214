"""The machine, what it could do at best, and how much memory was held."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import torch

from spinalsam.benchmark.case import Case
from spinalsam.benchmark.timing import times_ms
from spinalsam.device.threads import cpu_threads
from spinalsam.engine.segmenter import Segmenter

_GEMM_SIDE = 1536


def describe(device: str) -> dict[str, Any]:
    """Processor, GPUs, device and precision that were chosen, and what ran on it all; the load says how far to trust the times."""
    import os

    from spinalsam.device.manager import report

    found = report(device)
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    return {
        "cpu": found["cpu"]["name"],
        "cores": found["cpu"]["cores"],
        "gpus": [gpu["name"] for gpu in found["gpus"]],
        "device": found["selected"]["device"],
        "precision": found["selected"]["precision"],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": found["torch"],
        "load": load,
    }


def gemm_gflops(device: torch.device, precision: str = "fp32") -> float:
    """The rate of a large matrix product, the best of five; of float32 where the precision is int8."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    left, right = (torch.randn(_GEMM_SIDE, _GEMM_SIDE, device=device).to(dtype) for _ in range(2))
    with torch.inference_mode(), cpu_threads():
        best_ms = min(times_ms(lambda: (left @ right)[0, 0].item(), 5))
    return 2 * _GEMM_SIDE**3 / best_ms / 1e6


def flops(work: Callable[[], object]) -> int:
    """Arithmetic of the matrix products and convolutions of some work."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def share_of_gemm(count: int, taken_ms: list[float], gflops: float) -> float | None:
    """Which share of a matrix product's rate some work reaches, by the median."""
    middle_ms = sorted(taken_ms)[len(taken_ms) // 2]
    return round(count / (middle_ms / 1000) / (gflops * 1e9), 3) if count > 0 and middle_ms > 0 else None


def limits(case: Case, segmenter: Segmenter, encode_ms: float) -> dict[str, float | None]:
    """The rate of a large fp32 matrix product on all cores, and the share of it that the encoder reaches."""
    gflops = gemm_gflops(getattr(segmenter, "device", torch.device("cpu")))
    click, embeddings = case.clicks(1), []

    def first() -> None:
        embeddings.append(segmenter.encode(case.picture()))
        segmenter.decode(embeddings[0], click)

    count = flops(first) - flops(lambda: segmenter.decode(embeddings[0], click))
    return {"gemm_gflops": round(gflops, 1), "encode_share_of_gemm": share_of_gemm(count, [encode_ms], gflops)}


def peak_memory_mb() -> float:
    """The most memory that this process has held."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 1e6, 1)
    unit = 1 if platform.system() == "Darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)

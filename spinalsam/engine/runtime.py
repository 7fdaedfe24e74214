"""How the compact encoder runs fast on this processor: plain PyTorch, PyTorch with its layers fused, or OpenVINO. SAM's own encoder has its
faster form in `engine/fast_vit.py`.

All give the same features up to rounding (tests: Dice at least 0.995, in practice 1). Fused PyTorch needs nothing more and
is the default. OpenVINO is faster on some processors, but is used only where it is installed and where `calibrate` found it
faster (`spinalsam benchmark` calibrates); the finding is remembered for this machine and these weights. Nothing is measured
while a model loads: a choice that depended on a moment's load could give two runs of one journal masks that differ in a pixel.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spinalsam.device.cpu import read_cpu
from spinalsam.device.threads import FEW, cpu_threads
from spinalsam.engine.compact import CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.cuda_graphs import Graphed
from spinalsam.engine.fast_compact import FastCompactDecoder, FastCompactEncoder, can_speed_up, fuse
from spinalsam.errors import SpinalSamError, UsageError
from spinalsam.settings import cache_dir, write_atomically

RUNTIMES = ("pytorch", "fused", "openvino")
DEFAULT_RUNTIME = "fused"
# Another runtime must be this much faster than the default to be worth its loading time.
WORTHWHILE = 1.1

Encode = Callable[[Tensor], tuple[Tensor, ...]]
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Calibration:
    """runtime: the one to use from now on. measured_ms: median time of one encode by runtime."""

    runtime: str
    measured_ms: dict[str, float]


def available() -> tuple[str, ...]:
    """The runtimes that are installed."""
    return RUNTIMES if importlib.util.find_spec("openvino") else RUNTIMES[:2]


def use_runtime(segmenter: CompactSegmenter, runtime: str | None = None) -> str:
    """Let a segmenter's encoder run by a runtime from now on; returns its name. On a GPU the fused one, recorded, is the only one.

    runtime: None takes what `calibrate` remembered for these weights on this machine, else the default. The weights are
    copied into the runtime's form: later changes of `segmenter.model` need another call. Raises UsageError for an unknown
    one.
    """
    if segmenter.device.type != "cpu":
        _use_on_gpu(segmenter)
        return DEFAULT_RUNTIME
    found = remembered(segmenter.checksum)
    chosen = runtime or (found if found in available() else None) or DEFAULT_RUNTIME
    model = segmenter.model
    segmenter.run_encoder = make_encoder(model, chosen, checksum=segmenter.checksum)
    faster = chosen != "pytorch" and can_speed_up(model.mask_decoder)
    segmenter.run_decoder = FastCompactDecoder(model) if faster else model.decode
    return chosen


def _use_on_gpu(segmenter: CompactSegmenter) -> None:
    model = segmenter.model
    segmenter.run_encoder = Graphed(FastCompactEncoder(model.image_encoder))
    if not can_speed_up(model.mask_decoder):
        segmenter.run_decoder = model.decode
        return
    decoder = FastCompactDecoder(model)
    recorded = Graphed(lambda f2, f4, f8, f16, *prompts: decoder((f2, f4, f8, f16), *prompts))

    def run_decoder(features: tuple[Tensor, ...], *prompts: Tensor) -> tuple[Tensor, Tensor]:
        logits, scores = recorded(*features, *prompts)
        return logits, scores

    segmenter.run_decoder = run_decoder


def make_encoder(model: CompactSam, runtime: str, *, checksum: str) -> Encode:
    """`model.encode` as one of the runtimes computes it: (b, 1, h, w) to features at strides 2, 4, 8 and 16.

    Raises UsageError when the runtime is unknown or not installed.
    """
    if runtime not in available():
        raise UsageError(f"There is no runtime '{runtime}' here; use {', '.join(available())}.")
    if runtime == "pytorch":
        return model.encode
    if runtime == "fused":
        return FastCompactEncoder(model.image_encoder)
    return _openvino_encoder(fuse(model.image_encoder), model.config.side, checksum)


def _openvino_encoder(encoder: nn.Module, side: int, checksum: str) -> Encode:
    """The graph for (1, 1, side, side), kept in the cache folder; other sizes run in PyTorch."""
    import openvino

    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(_graph(core, encoder, side, checksum), "CPU", options)

    def encode(pixels: Tensor) -> tuple[Tensor, ...]:
        if tuple(pixels.shape) != (1, 1, side, side):
            return encoder(pixels)
        # A request of its own for every call: several threads may encode at once.
        answer = compiled.create_infer_request().infer([pixels.contiguous().numpy()])
        return tuple(torch.from_numpy(answer[place].copy()) for place in range(len(compiled.outputs)))

    return encode


def _graph(core: Any, encoder: nn.Module, side: int, checksum: str) -> Any:
    """OpenVINO's graph of the encoder, from the cache where it is whole, else converted and kept there."""
    import openvino

    version = "".join(c if c.isalnum() else "_" for c in openvino.__version__)
    path = cache_dir() / "graphs" / f"{checksum[:32]}-{side}-{version}.xml"
    if path.exists():
        with contextlib.suppress(RuntimeError):
            return core.read_model(path)
    import warnings

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing fixes the window's size, which is meant
        graph = openvino.convert_model(encoder, example_input=torch.zeros(1, 1, side, side))
    with contextlib.suppress(OSError, RuntimeError):
        _keep_graph(graph, path)
    return graph


def _keep_graph(graph: Any, path: Path) -> None:
    """Weights first, then the graph that names them; a graph without its weights is made again."""
    import openvino

    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{os.getpid()}-{path.name}")
    try:
        openvino.save_model(graph, str(aside), compress_to_fp16=False)
        os.replace(aside.with_suffix(".bin"), path.with_suffix(".bin"))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
        aside.with_suffix(".bin").unlink(missing_ok=True)


def calibrate(
    segmenter: CompactSegmenter,
    *,
    progress: Progress | None = None,
    measure: Callable[[Encode, Tensor], float] | None = None,
) -> Calibration:
    """Time one encode in every runtime that is installed, remember the fastest for this machine and use it.

    progress: told before each. measure: milliseconds of one encode. A graph made on the way stays in the cache folder.
    """
    model, checksum = segmenter.model, segmenter.checksum
    pixels = torch.randn(1, 1, model.config.side, model.config.side)
    encoders = {}
    for number, runtime in enumerate(available()):
        if progress is not None:
            progress(number / len(available()), f"measuring {runtime}")
        encoders[runtime] = make_encoder(model, runtime, checksum=checksum)
    if measure is not None:
        times = {runtime: measure(encode, pixels) for runtime, encode in encoders.items()}
    else:
        times = _median_ms(encoders, pixels)
    best = min(times, key=lambda runtime: times[runtime])
    chosen = best if times[best] * WORTHWHILE <= times[DEFAULT_RUNTIME] else DEFAULT_RUNTIME
    remember(checksum, chosen)
    use_runtime(segmenter, chosen)
    return Calibration(chosen, {runtime: round(ms, 2) for runtime, ms in times.items()})


def _median_ms(encoders: Mapping[str, Encode], pixels: Tensor, *, repeats: int = 9) -> dict[str, float]:
    """Of each; they run in turn, so that whatever else the machine does strikes all alike, and as clicks run them."""
    times: dict[str, list[float]] = {name: [] for name in encoders}
    with torch.inference_mode(), cpu_threads(FEW):
        for _ in range(repeats + 2):  # the first two load kernels
            for name, encode in encoders.items():
                started = time.perf_counter()
                encode(pixels)
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: sorted(taken[2:])[repeats // 2] for name, taken in times.items()}


def _memory_file() -> Path:
    return cache_dir() / "runtimes.json"


def _memory() -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        value = json.loads(_memory_file().read_text(encoding="utf-8"))
        if isinstance(value, dict):
            return value
    return {}


def remember(checksum: str, chosen: str) -> None:
    """What was measured best for these weights on this machine. Losing it costs only another measurement."""
    with contextlib.suppress(SpinalSamError):
        write_atomically(_memory_file(), json.dumps(_memory() | {_key(checksum): chosen}, indent=1).encode())


def remembered(checksum: str) -> str | None:
    """What was measured best for these weights on this machine before."""
    found = _memory().get(_key(checksum))
    return found if isinstance(found, str) else None


def _key(checksum: str) -> str:
    cpu = read_cpu()
    return f"{cpu.name}|{cpu.cores}|{torch.__version__}|{checksum}"

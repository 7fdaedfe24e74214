"""Which device the networks run on and in which precision, and what happens when its memory is full.

Importing this is cheap: torch is imported where a device is really looked for.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from spinalsam.device.cpu import CpuInfo, read_cpu
from spinalsam.device.gpu import GpuInfo, find_gpus, unusable_gpu_reason
from spinalsam.errors import ResourceError, SpinalSamError, UsageError
from spinalsam.settings import cache_dir, write_atomically

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

# A lower precision must be this much faster than fp32 in the warm-up before it is chosen: it is never more exact.
WORTHWHILE = 1.2
WARM_UP_SIZE = 768  # side of the warm-up's matrices: a ViT-B layer's width
GIB = 1024**3


@dataclass(frozen=True)
class Choice:
    """device: "cpu", "mps" or "cuda:N". precision: "fp32", "bf16" or "fp16". reason: one sentence.

    measured_ms: warm-up time by precision; empty where there was nothing to choose between or no memory to measure in.
    """

    device: str
    precision: str
    reason: str
    measured_ms: dict[str, float] = field(default_factory=dict)


def choose(device: str = "auto", *, measure: Callable[[str, str], float] | None = None) -> Choice:
    """The device and precision to use.

    device: "auto" takes the GPU with the most free memory, else the CPU; "cpu", "cuda", "cuda:N" or "mps" is honoured.
    measure: milliseconds of a warm-up on (device, precision); by default the real one, remembered for this machine.
    Raises UsageError when the named device is unknown or not here, and says which ones are.
    """
    gpus = find_gpus()
    chosen = _pick(device.strip().lower(), gpus)
    gpu = next((gpu for gpu in gpus if gpu.device == chosen), None)
    candidates = _precisions(gpu, read_cpu())
    times = {} if len(candidates) == 1 else _warm_up(chosen, candidates, measure, gpu)
    precision = _fastest(times)
    return Choice(chosen, precision, _reason(device, chosen, gpu, precision, times), times)


def _pick(wanted: str, gpus: tuple[GpuInfo, ...]) -> str:
    here = [gpu.device for gpu in gpus]
    if wanted in ("", "auto"):
        return max(gpus, key=lambda gpu: gpu.free_bytes).device if gpus else "cpu"
    if wanted == "cpu":
        return "cpu"
    if wanted in ("gpu", "cuda") and gpus:
        return here[0]
    if wanted in here:
        return wanted
    if wanted not in ("gpu", "cuda", "mps") and not wanted.removeprefix("cuda:").isdigit():
        raise UsageError(f"There is no device '{wanted}'; use auto, cpu, cuda, cuda:N or mps.")
    reason = unusable_gpu_reason()
    others = ", ".join(["cpu", *here])
    raise UsageError(f"The device '{wanted}' is not here; this machine has {others}. {reason}".rstrip())


def _precisions(gpu: GpuInfo | None, cpu: CpuInfo) -> tuple[str, ...]:
    """fp32 and what the hardware computes natively. On a GPU fp16 goes before bf16: as fast there, and eight times as exact."""
    if gpu is None:
        return ("fp32", "bf16") if cpu.has_bf16 else ("fp32",)
    if gpu.device == "mps":
        return ("fp32", "fp16")
    major = int(gpu.capability.split(".")[0] or 0)
    return ("fp32", "fp16", "bf16") if major >= 8 else ("fp32", "fp16") if major >= 7 else ("fp32",)


def _fastest(times: dict[str, float]) -> str:
    """The fastest, in the order of preference: a later one must beat what is chosen clearly. fp32 where nothing was measured."""
    best = "fp32"
    for precision in times:
        if times[precision] * WORTHWHILE <= times[best]:
            best = precision
    return best


def _warm_up(
    device: str, precisions: tuple[str, ...], measure: Callable[[str, str], float] | None, gpu: GpuInfo | None
) -> dict[str, float]:
    if measure is not None:
        return {precision: measure(device, precision) for precision in precisions}
    key = f"{gpu.name if gpu else read_cpu().name}|{gpu.driver if gpu else read_cpu().cores}|{_torch_version()}"
    remembered = _read_memory().get(key, {})
    if set(remembered) == set(precisions):
        return {precision: float(remembered[precision]) for precision in precisions}
    try:
        times = {precision: round(_measure(device, precision), 3) for precision in precisions}
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        empty_caches(device)
        return {}  # measured another time; a network that does not fit either moves to the CPU and says so
    _write_memory(key, times)
    return times


def _measure(device: str, precision: str, *, repeats: int = 5) -> float:
    """Median milliseconds of an attention block's matrix products, without the first run, which loads kernels."""
    import torch

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    tokens = torch.randn(1024, WARM_UP_SIZE, device=device)
    weight = torch.randn(WARM_UP_SIZE, 3 * WARM_UP_SIZE, device=device)
    times = []
    with torch.inference_mode(), torch.autocast(device.split(":")[0], dtype, enabled=precision != "fp32"):
        for _ in range(repeats + 1):
            started = time.perf_counter()
            q, k, v = (tokens @ weight).chunk(3, dim=-1)
            torch.nn.functional.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None])
            _wait(torch, device)
            times.append((time.perf_counter() - started) * 1000)
    return sorted(times[1:])[repeats // 2]


def _wait(torch: Any, device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


@lru_cache(maxsize=1)
def _torch_version() -> str:
    import torch

    return str(torch.__version__)


def _reason(asked: str, device: str, gpu: GpuInfo | None, precision: str, times: dict[str, float]) -> str:
    if gpu is not None:
        why = f"{gpu.name} with {gpu.free_bytes / GIB:.1f} of {gpu.memory_bytes / GIB:.1f} GiB free"
    elif asked.strip().lower() == "cpu":
        why = "the CPU was asked for"
    else:
        why = "no GPU is usable here"
    if precision != "fp32":
        why += f", {precision} {times['fp32'] / times[precision]:.1f} times as fast as fp32 in a warm-up"
    return f"{device} in {precision}: {why}."


def memory_file() -> Path:
    """Where warm-up times are remembered; nothing else depends on it, so it may be deleted at any time."""
    return cache_dir() / "warm_up.json"


def _read_memory() -> dict[str, dict[str, float]]:
    with contextlib.suppress(OSError, ValueError):
        value = json.loads(memory_file().read_text(encoding="utf-8"))
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if isinstance(item, dict)}
    return {}


def _write_memory(key: str, times: dict[str, float]) -> None:
    """Losing this costs a second of measuring, so an unwritable cache folder is no error."""
    with contextlib.suppress(SpinalSamError):
        write_atomically(memory_file(), json.dumps(_read_memory() | {key: times}, indent=1).encode())


def report(device: str = "auto") -> dict[str, Any]:
    """What `spinalsam devices` and `gpu_status` say: JSON-able, with one sentence under "summary".

    Keys: summary, selected {device, precision, reason, measured_ms}, gpus [...], cpu {...}, torch, warning.
    """
    cpu, gpus = read_cpu(), find_gpus()
    choice = choose(device)
    warning = unusable_gpu_reason()
    return {
        "summary": _summary(choice, cpu, gpus) + (f" {warning}" if warning else ""),
        "selected": asdict(choice),
        "gpus": [asdict(gpu) for gpu in gpus],
        "cpu": asdict(cpu) | {"features": list(cpu.features)},
        "torch": _torch_version(),
        "warning": warning,
    }


def _summary(choice: Choice, cpu: CpuInfo, gpus: tuple[GpuInfo, ...]) -> str:
    gpu = next((gpu for gpu in gpus if gpu.device == choice.device), None)
    if gpu is not None:
        memory = f"{gpu.free_bytes / GIB:.1f} of {gpu.memory_bytes / GIB:.1f} GiB free"
        return f"Running on {gpu.name} ({gpu.device}, {memory}) in {choice.precision}."
    cores = f"{cpu.cores} core{'s' if cpu.cores != 1 else ''}"
    features = f", {', '.join(name.upper() for name in cpu.features)}" if cpu.features else ""
    left = f"; {len(gpus)} GPU left unused as asked" if gpus else "; no GPU found"
    return f"Running on the CPU ({cpu.name}, {cores}{features}) in {choice.precision}{left}."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that the memory of a device is full."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__name__ == "OutOfMemoryError":  # torch.cuda.OutOfMemoryError, without importing torch
        return True
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "cublas_status_alloc_failed")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def empty_caches(device: str) -> None:
    """Give back memory that PyTorch keeps for later on a device."""
    import torch

    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()


def run_with_fallback(
    work: Callable[[str], Result],
    device: str,
    *,
    move: Callable[[str], None] | None = None,
    notice: Callable[[str], None] | None = None,
    what: str = "the work",
) -> tuple[Result, str]:
    """Run `work(device)`; where memory runs out, empty the caches, try once more, then move to the CPU and say so.

    move: called with "cpu" before the last try, to bring the network there.
    Returns the result and the device that made it.
    Raises ResourceError when the CPU's memory is full too. Any other exception passes through.
    """
    try:
        return work(device), device
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # Outside of the except block, so that the traceback no longer holds the failed run's tensors.
    empty_caches(device)
    if device != "cpu":
        try:
            return work(device), device
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        empty_caches(device)
        sentence = f"The memory of {device} is full: {what} now runs on the CPU, which is slower."
        _log.warning(sentence)  # on standard error where nobody listens
        if notice is not None:
            notice(sentence)
        if move is not None:
            move("cpu")
    try:
        return work("cpu"), "cpu"
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        message = f"There is not enough memory for {what}; close other programs or choose a smaller model."
        raise ResourceError(message) from error

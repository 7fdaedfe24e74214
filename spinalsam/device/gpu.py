"""Which accelerators PyTorch can use here, and which it cannot although they are there."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GpuInfo:
    """device: PyTorch's name, such as "cuda:0" or "mps". capability: CUDA's, such as "9.0", or an empty string."""

    device: str
    name: str
    memory_bytes: int
    free_bytes: int
    capability: str = ""
    driver: str = ""


def find_gpus() -> tuple[GpuInfo, ...]:
    """CUDA devices in PyTorch's order, then Apple's. Imports torch."""
    import torch

    gpus = []
    if torch.cuda.is_available():
        driver = nvidia_driver()
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            free, total = properties.total_memory, properties.total_memory
            with contextlib.suppress(RuntimeError):
                free, total = torch.cuda.mem_get_info(index)
            capability = f"{properties.major}.{properties.minor}"
            gpus.append(GpuInfo(f"cuda:{index}", properties.name, int(total), int(free), capability, driver))
    if torch.backends.mps.is_available():
        total = int(torch.mps.recommended_max_memory())
        gpus.append(GpuInfo("mps", "Apple GPU", total, total - int(torch.mps.driver_allocated_memory())))
    return tuple(gpus)


def nvidia_driver(version_file: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Version of NVIDIA's driver, or an empty string where there is none."""
    with contextlib.suppress(OSError, IndexError):
        # NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 ...
        words = version_file.read_text().splitlines()[0].split()
        return next(word for word in words if word[0].isdigit() and "." in word)
    tool = shutil.which("nvidia-smi")
    if tool:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.split()
            return answer[0] if answer else ""
    return ""


def unusable_gpu_reason() -> str:
    """Why an NVIDIA GPU that is in this machine is not used, or an empty string. Never silent about a GPU left idle."""
    import torch

    if torch.cuda.is_available():
        return ""
    driver = nvidia_driver()
    if not driver:
        return ""
    if torch.version.cuda is None:
        return (
            f"An NVIDIA GPU is here (driver {driver}), but the installed PyTorch was built without CUDA; "
            "install a CUDA build of torch to use it."
        )
    return (
        f"An NVIDIA GPU is here (driver {driver}), but PyTorch for CUDA {torch.version.cuda} cannot use it; "
        "the driver may be too old, or CUDA_VISIBLE_DEVICES may hide it."
    )

"""What the processor can do: its name, usable cores, vector instructions and memory. Standard library only."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The vector instructions that decide which number formats are fast, by their names in Linux's /proc/cpuinfo.
_FEATURES = {
    "avx2": ("avx2",),
    "avx512": ("avx512f",),
    "vnni": ("avx512_vnni", "avx_vnni"),
    "bf16": ("avx512_bf16", "amx_bf16", "bf16"),
    "amx": ("amx_tile",),
}


@dataclass(frozen=True)
class CpuInfo:
    """What is usable here.

    cores: how many this process may use, affinity and container limits counted in.
    features: those of avx2, avx512, vnni, bf16 and amx that it has.
    """

    name: str
    cores: int
    logical_cores: int
    features: tuple[str, ...]
    memory_bytes: int
    free_bytes: int

    @property
    def has_bf16(self) -> bool:
        """Whether bf16 arithmetic is done in hardware; without it bf16 is slower than fp32."""
        return "bf16" in self.features


def read_cpu(cpuinfo: Path = Path("/proc/cpuinfo"), meminfo: Path = Path("/proc/meminfo")) -> CpuInfo:
    """The processor of this machine. On systems without /proc, what Python and the system's own tools say."""
    name, flags = _read_cpuinfo(cpuinfo)
    total, free = _memory(meminfo)
    return CpuInfo(
        name=name or _name_elsewhere(),
        cores=usable_cores(),
        logical_cores=os.cpu_count() or 1,
        features=tuple(key for key, names in _FEATURES.items() if flags.intersection(names)),
        memory_bytes=total,
        free_bytes=free,
    )


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and the quota of a container."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return max(1, cores)


def _read_cpuinfo(path: Path) -> tuple[str, set[str]]:
    name = ""
    flags: set[str] = set()
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return name, flags
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and not name:
            name = value.strip()
        elif key.strip() in ("flags", "Features") and not flags:
            flags = set(value.split())
    return name, flags


def _name_elsewhere() -> str:
    if platform.system() == "Darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
    return os.environ.get("PROCESSOR_IDENTIFIER") or platform.processor() or platform.machine() or "unknown processor"


def _memory(meminfo: Path) -> tuple[int, int]:
    """(total, available) bytes; 0 where unknown."""
    sizes: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError):
        for line in meminfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key in ("MemTotal", "MemAvailable"):
                sizes[key] = int(value.split()[0]) * 1024
    if not sizes:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            sizes["MemTotal"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)

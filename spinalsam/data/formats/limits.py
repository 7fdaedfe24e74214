"""Sizes that a header may claim, checked before any memory is taken for them."""

from __future__ import annotations

import os
from pathlib import Path

from spinalsam.errors import InputError, ResourceError

# Deflate cannot do better than about 1032:1, so a gzip file that claims more is lying.
MAX_DEFLATE_RATIO = 1032
# Beyond this a volume is read only when it does not expand suspiciously.
LARGE_BYTES = 4 << 30
SUSPICIOUS_RATIO = 400
# What reading needs beside the volume itself: one more copy while values are converted.
WORKING_COPIES = 2.0


def available_memory_bytes() -> int | None:
    """Memory that can be taken without swapping, or None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


def gib(nbytes: int) -> str:
    """Bytes as people read them."""
    return f"{nbytes / (1 << 30):.1f} GiB" if nbytes >= 1 << 30 else f"{nbytes / (1 << 20):.1f} MiB"


def check_claim(path: Path, *, claimed_bytes: int, stored_bytes: int, compressed: bool) -> None:
    """Refuse a file whose header claims more voxels than it can hold or this machine can take.

    claimed_bytes: what the header asks for. stored_bytes: what lies in the file. Raises InputError for a claim that cannot be
    true or looks like a decompression bomb, ResourceError for one that may be true but does not fit into memory.
    """
    limit = stored_bytes * MAX_DEFLATE_RATIO if compressed else stored_bytes
    if claimed_bytes > limit:
        raise InputError(
            f"'{path.name}' claims {gib(claimed_bytes)} of voxels but holds only {gib(stored_bytes)}"
            f"{' compressed' if compressed else ''}; it is truncated or its header is damaged. Get the file again."
        )
    if compressed and claimed_bytes > LARGE_BYTES and claimed_bytes > SUSPICIOUS_RATIO * stored_bytes:
        raise InputError(
            f"'{path.name}' would expand {claimed_bytes // max(stored_bytes, 1)}-fold to {gib(claimed_bytes)}, which looks like a "
            "decompression bomb; decompress it yourself first if it is genuine."
        )
    check_memory(path, claimed_bytes)


def check_memory(path: Path, nbytes: int) -> None:
    """Raises ResourceError when a volume of this many bytes does not fit into memory."""
    available = available_memory_bytes()
    if available is not None and nbytes * WORKING_COPIES > available:
        raise ResourceError(
            f"'{path.name}' needs about {gib(int(nbytes * WORKING_COPIES))} of memory and {gib(available)} are free; "
            "close other programs or crop the volume."
        )


def file_size(path: Path) -> int:
    """Size in bytes. Raises InputError when the file is missing, empty, a folder or not readable."""
    try:
        if path.is_dir():
            raise InputError(f"'{path.name}' is a folder; a file is needed.")
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}.") from None
    if size == 0:
        raise InputError(f"'{path.name}' is empty (0 bytes); get the file again.")
    if not os.access(path, os.R_OK):
        raise InputError(f"'{path}' cannot be read: permission denied.")
    return size

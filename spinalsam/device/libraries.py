"""PyTorch's large library, loaded so that nobody has to wait for it.

`import torch` maps and links hundreds of megabytes while it holds Python's lock, and every other thread, such as the one that paints a
window, stands still for that long. A function that is called through ctypes runs without the lock.
"""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from pathlib import Path

_NAMES = ("libtorch_cpu.so", "libtorch_cpu.dylib")


def load_torch_library() -> bool:
    """Load the part of PyTorch that takes longest, for an import that follows; False where there is nothing to be loaded that way."""
    found = find_spec("torch")
    if os.name != "posix" or found is None or found.origin is None:
        return False
    folder = Path(found.origin).parent / "lib"
    path = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    if path is None:
        return False
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    return bool(load(os.fsencode(path), os.RTLD_NOW))

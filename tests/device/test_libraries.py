"""Loading PyTorch's library holds no lock, so that other threads go on."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys, threading
from spinalsam.device.libraries import load_torch_library
turns, going = [0], threading.Event()

def turn():
    while not going.wait(0.001):
        turns[0] += 1

thread = threading.Thread(target=turn)
thread.start()
sys.setswitchinterval(1e-4)
before = turns[0]
loaded = load_torch_library()
during = turns[0] - before
going.set()
thread.join()
assert "torch" not in sys.modules
import torch
print(int(loaded), during, float(torch.ones(3).sum()))
"""


def test_other_threads_run_while_it_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    loaded, turns, three = done.stdout.split()
    if loaded == "0":
        pytest.skip("PyTorch's library is laid out in another way here")
    assert int(turns) > 5
    assert float(three) == 3.0

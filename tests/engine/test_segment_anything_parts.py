"""segment_anything's parts come without torchvision and without leaving traces."""

from __future__ import annotations

import subprocess
import sys


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_parts_import_although_torchvision_cannot_be_imported() -> None:
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "import spinalsam.engine.segment_anything_parts as parts\n"
        "assert all(hasattr(parts, name) for name in parts.__all__)\n"
        "print('segment_anything' in sys.modules)"
    )
    assert run_python(code) == "False"

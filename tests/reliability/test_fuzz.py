"""What once broke the program on damaged input is tried again, and every target for a moment."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.reliability.fuzz import FINDINGS, TARGETS


def run(*words: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.fuzz", *words], capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-600:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_no_finding_comes_back() -> None:
    found = run("findings")
    assert len(found) == len(list(FINDINGS.glob("*.bin"))) > 0
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("name", ["images", "journals"])
def test_a_moment_of_fuzzing_finds_nothing(name: str) -> None:
    result = run(name, "1", "3")
    assert result["inputs"] > 5 and name in TARGETS
    assert result["findings"] == {}

"""start.py: what it decides before and around an installation."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start", REPOSITORY / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_needs_the_standard_library_only() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({str(REPOSITORY / 'start.py')!r}, run_name='tried')"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "display", "wanted"),
    [
        ([], True, True),
        (["open", "ct.nii.gz"], False, True),
        (["demo"], True, True),
        (["demo"], False, False),
        (["demo", "--headless"], True, False),
        (["segment", "ct.nii.gz"], True, False),
        (["open", "--help"], True, False),
    ],
)
def test_only_the_window_needs_system_libraries(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, words: list[str], display: bool, wanted: bool
) -> None:
    monkeypatch.setattr(start, "has_display", lambda: display)
    assert start.needs_window(words) is wanted


def test_a_changed_lock_is_installed_again(start: ModuleType, tmp_path: Path) -> None:
    environment = start.Environment(tmp_path)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    lock = tmp_path / "requirements.lock"
    lock.write_text("numpy==1\n")
    assert not environment.has(lock)
    environment.remember(lock)
    assert environment.has(lock)
    lock.write_text("numpy==2\n")
    assert not environment.has(lock)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("WARNING: NewConnectionError: [Errno -3] Temporary failure in name resolution", "no network is needed"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for numpy==99", "numpy==99"),
    ],
)
def test_a_failed_installation_is_one_line_with_what_to_do(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, said: str
) -> None:
    monkeypatch.setattr(start, "HERE", tmp_path)
    message = start.explain_pip(["Collecting numpy", output], tmp_path / "requirements.lock")
    assert said in message
    assert "\n" not in message


def test_without_ensurepip_it_says_what_to_install(start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(start, "may_install_packages", lambda: False)
    with pytest.raises(start.Problem, match=r"python3\.\d+-venv"):
        start.create_environment(start.Environment(tmp_path / "env"))
    assert not (tmp_path / "env").exists()


def test_an_old_python_is_told_which_one_is_needed(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(start.Problem, match=r"99\.0"):
        start.check_python()


def test_every_direct_dependency_is_locked() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines = (REPOSITORY / "requirements.lock").read_text().lower().replace("_", "-").splitlines()
    locked = {line.split("==")[0] for line in lines if "==" in line}
    for requirement in project["dependencies"]:
        name = requirement.split(";")[0].split("=")[0].rstrip("<>! ").lower()
        assert name in locked, requirement
    assert "torch==2.13.0" in lines


@pytest.mark.parametrize(
    ("testing", "language", "has_font", "wanted"),
    [
        (True, "C.UTF-8", False, True),
        (False, "zh_CN.UTF-8", False, True),
        (False, "en_US.UTF-8", False, False),
        (True, "zh_CN", True, False),
    ],
)
def test_a_chinese_font_is_wanted_where_chinese_is_shown_and_there_is_none(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, testing: bool, language: str, has_font: bool, wanted: bool
) -> None:
    monkeypatch.setattr(start, "can_load", lambda library: True)
    monkeypatch.setattr(start.shutil, "which", lambda program: "/usr/bin/" + program)
    monkeypatch.setattr(start, "has_chinese_font", lambda: has_font)
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", language)
    assert start.missing_packages(testing) == ([start.CHINESE_FONT] if wanted else [])

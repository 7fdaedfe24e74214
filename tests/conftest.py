"""What every test shares: folders of its own, no visible window, and the way to real CT where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Before anything imports Qt; a test that needs a real window sets its own platform in a process of its own.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test keeps its settings, downloads, cache and journals in a folder of its own, and reaches no language endpoint."""
    home = tmp_path_factory.mktemp("home")
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPINALSAM_{name}_DIR", str(home / name.lower()))
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / f"xdg_{name.lower()}"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "xdg_state"))
    for name in ("DEEPSEEK_API_KEY", "SPINALSAM_API_KEY", "OPENAI_API_KEY", "SPINALSAM_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(scope="session")
def shared_data() -> Callable[..., Path]:
    """``shared_data("dcmqi", "ct-3slice")`` is that path of the development data; the test is skipped where it is absent."""

    def find(*parts: str) -> Path:
        path = SHARED_DATA.joinpath(*parts)
        if not path.exists():
            pytest.skip(f"the development data '{'/'.join(parts)}' is not beside the repository")
        return path

    return find

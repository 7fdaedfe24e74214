"""The drawings that the style sheet names lie in the cache folder and nowhere else."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from PyQt5.QtWidgets import QApplication

from spinalsam.settings import cache_dir
from spinalsam.ui import theme


@pytest.fixture
def application(qapp: QApplication):
    before = theme.current_name()
    yield qapp
    theme.apply_theme(qapp, before)


def test_each_theme_has_its_drawings_and_nothing_is_left_in_the_temporary_folder(
    application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in theme.PALETTES:
        theme.apply_theme(application, name)
    drawings = sorted(path.name for path in (cache_dir() / "icons").rglob("*") if path.is_file())
    assert drawings == ["down.svg", "down.svg", "tick.svg", "tick.svg", "up.svg", "up.svg"]
    assert list(tmp_path.iterdir()) == []
    named = [Path(name) for name in re.findall(r'url\("(.*?)"\)', application.styleSheet())]
    assert {path.name for path in named} == {"down.svg", "tick.svg", "up.svg"}
    assert all("currentColor" not in path.read_text() for path in named)


def test_a_cache_that_cannot_be_written_costs_only_the_drawings(
    application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPINALSAM_CACHE_DIR", str(tmp_path / "file"))
    theme.apply_theme(application, "light")
    assert theme.current_name() == "light"

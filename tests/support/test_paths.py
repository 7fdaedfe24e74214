"""Paths that people type, also those that can be none."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinalsam.errors import InputError
from spinalsam.support.paths import absolute


def test_paths_start_where_one_stands_or_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert absolute("ct.nii.gz") == tmp_path / "ct.nii.gz"
    assert absolute(Path("a/../b")) == tmp_path / "a/../b"
    assert absolute("~nobody-of-that-name/ct.nii.gz") == tmp_path / "~nobody-of-that-name/ct.nii.gz"


@pytest.mark.parametrize(("path", "why"), [("x" * 300, "too long"), ("/" + "y/" * 3000, "too long"), ("a\0b", "characters")])
def test_what_no_file_can_be_called_is_refused_in_one_short_line(path: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        absolute(path)
    assert len(str(caught.value)) < 140 and str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["脊柱 ćt.nii.gz", "a" * 200 + ".nii.gz"])
def test_names_in_any_script_are_paths(tmp_path: Path, name: str) -> None:
    assert absolute(tmp_path / name).name == name

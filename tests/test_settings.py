"""Settings: one frozen record, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinalsam.errors import ResourceError, UsageError
from spinalsam.settings import Settings, cache_dir, data_dir, settings_path


def test_settings_come_back_as_they_were_saved() -> None:
    changed = Settings().with_changes(device="cpu", model="compact", disk_cache_mb=0, language_mode="deepseek")
    assert changed.save() == settings_path()
    assert Settings.load() == changed


def test_without_a_file_the_defaults_hold() -> None:
    assert Settings.load() == Settings()


def test_settings_of_a_newer_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"device": "cpu", "brain_interface": True}))
    assert Settings.load(path) == Settings(device="cpu")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"memory_cache_mb": -1}', '{"language_mode": "oracle"}', '{"device": 3}', '{"data_dir": 5}', '{"model": []}']
)
def test_damaged_settings_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(UsageError):
        Settings.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Settings(device="cpu").save(tmp_path / "settings.json")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spinalsam.settings.os.fsync", full)
    with pytest.raises(ResourceError, match="the disk is full"):
        Settings(device="cuda").save(path)
    assert Settings.load(path).device == "cpu" and list(tmp_path.iterdir()) == [path]


def test_there_is_no_place_for_a_key() -> None:
    assert not [name for name in vars(Settings()) if "key" in name or "password" in name]
    with pytest.raises(UsageError, match="no setting"):
        Settings().with_changes(api_key="secret")


def test_folders_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SPINALSAM_CACHE_DIR", raising=False)
    assert data_dir(Settings(data_dir="/elsewhere")) == tmp_path and cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("SPINALSAM_DATA_DIR")
    assert data_dir(Settings(data_dir=str(tmp_path / "own"))) == tmp_path / "own"

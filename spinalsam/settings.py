"""What a user has chosen for good: one frozen record, kept as JSON in the user's configuration folder.

Keys and passwords are not settings: a language endpoint's key is read from the environment or the system's key store where it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from spinalsam.errors import OutputError, ResourceError, UsageError, is_disk_full

APP = "spinalsam"
# Offline only; a language model first; offline first and the model where that is unsure.
LANGUAGE_MODES = ("local", "deepseek", "auto")
LANGUAGE_STYLES = ("auto", "tools", "json")


@dataclass(frozen=True)
class Settings:
    """device: 'auto', 'cpu', 'cuda', ... model: a card's name, or None for the default. memory_cache_mb, disk_cache_mb: limits of
    the embedding cache; 0 on disk switches it off. language_mode: one of LANGUAGE_MODES; the endpoint is used by the last two.
    language_style: how it is asked for calls. language_timeout_s: how long for a whole answer.
    data_dir: where journals are kept, or None for the user's data folder. shortcuts: Qt key sequences in place of the usual ones by the
    names of `spinalsam.control.keys`; an empty one means none.
    """

    device: str = "auto"
    model: str | None = None
    memory_cache_mb: int = 512
    disk_cache_mb: int = 2048
    language_mode: str = "local"
    language_endpoint: str = ""
    language_model: str = ""
    language_style: str = "auto"
    language_timeout_s: int = 60
    data_dir: str | None = None
    shortcuts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.language_mode not in LANGUAGE_MODES:
            raise UsageError(f"The language mode '{self.language_mode}' is not one of {', '.join(LANGUAGE_MODES)}.")
        if self.language_style not in LANGUAGE_STYLES:
            raise UsageError(f"The language style '{self.language_style}' is not one of {', '.join(LANGUAGE_STYLES)}.")
        seconds = self.language_timeout_s
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= 600:
            raise UsageError("The setting 'language_timeout_s' must be a whole number of seconds from 1 to 600.")
        for name in ("memory_cache_mb", "disk_cache_mb"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UsageError(f"The setting '{name}' must be a whole number of at least 0, not {value!r}.")
        for name in ("device", "language_endpoint", "language_model", "model", "data_dir"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (value is None and name in ("model", "data_dir")):
                raise UsageError(f"The setting '{name}' must be a text.")
        if not isinstance(self.shortcuts, dict) or not all(isinstance(part, str) for pair in self.shortcuts.items() for part in pair):
            raise UsageError("The setting 'shortcuts' must be an object of names and key sequences.")

    def with_changes(self, **changes: Any) -> Settings:
        """The same with some values replaced. Raises UsageError for a setting that does not exist."""
        unknown = set(changes) - {item.name for item in fields(self)}
        if unknown:
            raise UsageError(f"There is no setting '{sorted(unknown)[0]}'.")
        return replace(self, **changes)

    @classmethod
    def load(cls, path: Path | None = None) -> Settings:
        """The saved settings; the defaults where nothing is saved.

        Raises UsageError when the file is damaged. Settings of a newer version that are not known here are passed over.
        """
        path = path or settings_path()
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except OSError:
            return cls()
        except ValueError:
            raise UsageError(f"The settings in '{path}' are damaged; correct or remove the file.") from None
        if not isinstance(saved, dict):
            raise UsageError(f"The settings in '{path}' are not an object; correct or remove the file.")
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in saved.items() if name in known})

    def save(self, path: Path | None = None) -> Path:
        """Keep the settings; the old file stays whole if that fails. Raises OutputError."""
        path = path or settings_path()
        write_atomically(path, (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode())
        return path


def settings_path() -> Path:
    """``settings.json`` in the user's configuration folder; the environment's SPINALSAM_CONFIG_DIR goes before it."""
    override = os.environ.get("SPINALSAM_CONFIG_DIR")
    if override:
        return Path(override) / "settings.json"
    from platformdirs import user_config_path

    return user_config_path(APP, appauthor=False) / "settings.json"


def data_dir(settings: Settings | None = None) -> Path:
    """Where journals lie: the environment's SPINALSAM_DATA_DIR, else the setting, else the user's data folder."""
    override = os.environ.get("SPINALSAM_DATA_DIR") or (settings.data_dir if settings else None)
    if override:
        return Path(override)
    from platformdirs import user_data_path

    return user_data_path(APP, appauthor=False)


def cache_dir() -> Path:
    """Where embeddings are kept: the environment's SPINALSAM_CACHE_DIR, or ``cache`` in its SPINALSAM_DATA_DIR, else the user's."""
    if override := os.environ.get("SPINALSAM_CACHE_DIR"):
        return Path(override)
    if override := os.environ.get("SPINALSAM_DATA_DIR"):
        return Path(override) / "cache"
    from platformdirs import user_cache_path

    return user_cache_path(APP, appauthor=False)


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` in place of the file, whole or not at all. Raises OutputError, or ResourceError where the disk is full."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        if is_disk_full(error):
            raise ResourceError(f"'{path}' cannot be written: the disk is full; make room or choose another place.") from None
        raise OutputError(f"'{path}' cannot be written: {(error.strerror or str(error)).lower()}; choose another place.") from None

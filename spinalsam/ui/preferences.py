"""What the window remembers between sittings: its place, theme, language, and what was open."""

from __future__ import annotations

from PyQt5.QtCore import QByteArray, QSettings

from spinalsam.settings import settings_path

RECENT = 8


class Preferences:
    """Kept in ``window.ini`` beside the settings."""

    def __init__(self) -> None:
        self._store = QSettings(str(settings_path().parent / "window.ini"), QSettings.IniFormat)

    @property
    def theme(self) -> str:
        return str(self._store.value("theme", "dark"))

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def language(self) -> str:
        return str(self._store.value("language", "auto"))

    @language.setter
    def language(self, name: str) -> None:
        self._store.setValue("language", name)

    @property
    def smooth(self) -> bool:
        return str(self._store.value("smooth", "true")) == "true"

    @smooth.setter
    def smooth(self, smooth: bool) -> None:
        self._store.setValue("smooth", "true" if smooth else "false")

    @property
    def live(self) -> bool:
        return str(self._store.value("live", "true")) == "true"

    @live.setter
    def live(self, live: bool) -> None:
        self._store.setValue("live", "true" if live else "false")

    @property
    def preview(self) -> bool:
        """Whether the mask that a click would give is outlined before."""
        return str(self._store.value("preview", "true")) == "true"

    @preview.setter
    def preview(self, preview: bool) -> None:
        self._store.setValue("preview", "true" if preview else "false")

    @property
    def recent(self) -> list[str]:
        """Paths that were open, the latest first."""
        stored = self._store.value("recent", [])
        return [stored] if isinstance(stored, str) else [str(path) for path in stored or []]

    def remember(self, path: str) -> None:
        self._store.setValue("recent", [path, *(other for other in self.recent if other != path)][:RECENT])

    def forget(self, path: str) -> None:
        self._store.setValue("recent", [other for other in self.recent if other != path])

    @property
    def folder(self) -> str:
        return str(self._store.value("folder", ""))

    @folder.setter
    def folder(self, folder: str) -> None:
        self._store.setValue("folder", folder)

    def save_window(self, geometry: QByteArray, state: QByteArray) -> None:
        self._store.setValue("geometry", geometry)
        self._store.setValue("state", state)
        self._store.sync()

    @property
    def window(self) -> tuple[QByteArray, QByteArray] | None:
        geometry, state = self._store.value("geometry"), self._store.value("state")
        return (geometry, state) if isinstance(geometry, QByteArray) and isinstance(state, QByteArray) else None

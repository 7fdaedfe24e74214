"""What the desktop prefers and has: dark or light, and letters for Chinese."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject, QSettings, pyqtSlot
from PyQt5.QtDBus import QDBus, QDBusConnection, QDBusMessage
from PyQt5.QtGui import QFontDatabase, QGuiApplication, QPalette

# freedesktop.org's portal for settings: 1 in this place means dark, 2 light, 0 no preference.
_SERVICE, _PATH, _INTERFACE = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"
_PLACE = ("org.freedesktop.appearance", "color-scheme")
_ANSWER_MS = 300

NO_CHINESE_FONT = (
    "No font with Chinese letters is installed, so the window stays English. "
    "Install one (on Debian or Ubuntu: sudo apt-get install fonts-wqy-microhei) and choose Chinese again."
)


def prefers_dark() -> bool:
    """Whether the desktop is set to dark colours."""
    if sys.platform == "win32":
        key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        return int(QSettings(key, QSettings.NativeFormat).value("AppsUseLightTheme", 1)) == 0
    if sys.platform == "darwin":
        file = Path.home() / "Library/Preferences/.GlobalPreferences.plist"
        return str(QSettings(str(file), QSettings.NativeFormat).value("AppleInterfaceStyle", "")) == "Dark"
    told = _portal()
    if told in (1, 2):
        return told == 1
    # What Qt took over from the desktop when the program started, before a theme was laid over it.
    return bool(_first_palette().color(QPalette.Window).lightness() < 128)


def watch(changed: Callable[[], None], parent: QObject) -> None:
    """Call `changed()` when the desktop may have turned dark or light: where it tells, else whenever the program comes to the front."""
    if sys.platform.startswith("linux"):
        _Watcher(changed, parent)
    else:
        QGuiApplication.instance().applicationStateChanged.connect(lambda _: changed())


def has_chinese_font() -> bool:
    return bool(QFontDatabase().families(QFontDatabase.SimplifiedChinese))


_palette: list[QPalette] = []


def _first_palette() -> QPalette:
    if not _palette:
        _palette.append(QPalette(QGuiApplication.palette()))
    return _palette[0]


def _portal() -> int:
    """What the portal says; 0 where there is none."""
    bus = QDBusConnection.sessionBus()
    if not bus.isConnected() or not bus.interface().isServiceRegistered(_SERVICE).value():
        return 0
    call = QDBusMessage.createMethodCall(_SERVICE, _PATH, _INTERFACE, "Read")
    call.setArguments(list(_PLACE))
    answer = bus.call(call, QDBus.Block, _ANSWER_MS)
    values = answer.arguments() if answer.type() == QDBusMessage.ReplyMessage else []
    value = values[0] if values else 0
    while hasattr(value, "variant"):
        value = value.variant()
    return value if isinstance(value, int) else 0


class _Watcher(QObject):
    def __init__(self, changed: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._changed = changed
        bus = QDBusConnection.sessionBus()
        if bus.isConnected():
            bus.connect(_SERVICE, _PATH, _INTERFACE, "SettingChanged", self._told)

    @pyqtSlot(QDBusMessage)
    def _told(self, message: QDBusMessage) -> None:
        if tuple(message.arguments()[:2]) == _PLACE:
            self._changed()

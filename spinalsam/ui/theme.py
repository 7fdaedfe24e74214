"""Colours, style sheet, fonts and icons of the window."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache

from PyQt5 import sip
from PyQt5.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPaintEvent, QPalette, QPen, QPixmap
from PyQt5.QtSvg import QSvgRenderer
from PyQt5.QtWidgets import QApplication, QLabel, QWidget

from spinalsam.assets import resource, resources_dir
from spinalsam.errors import SpinalSamError
from spinalsam.settings import cache_dir, write_atomically
from spinalsam.ui import desktop

# The first families that are installed are used; each list ends in one that holds Chinese.
_FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans")
_CHINESE = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Source Han Sans SC", "WenQuanYi Micro Hei")


@dataclass(frozen=True)
class Palette:
    """The colours that the style sheet names with an @."""

    window: str
    panel: str
    raised: str
    field: str
    hover: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    bubble: str
    warning: str
    error: str
    good: str


DARK = Palette(
    window="#15181d",
    panel="#1b1f26",
    raised="#262c35",
    field="#101317",
    hover="#303844",
    border="#343c48",
    text="#e6e9ee",
    muted="#a3adba",
    accent="#4aa3ff",
    accent_text="#06121f",
    bubble="#1f3a5a",
    warning="#ffc46b",
    error="#ff7b72",
    good="#5dd68a",
)
LIGHT = Palette(
    window="#eef0f3",
    panel="#f8f9fb",
    raised="#e4e8ee",
    field="#ffffff",
    hover="#d6dde6",
    border="#bcc5d0",
    text="#1a1f26",
    muted="#4f5b69",
    accent="#0b62c4",
    accent_text="#ffffff",
    bubble="#d5e6fa",
    warning="#7a4b00",
    error="#b3211a",
    good="#136c37",
)
PALETTES = {"dark": DARK, "light": LIGHT}

_current = "dark"


def current() -> Palette:
    """The colours in use."""
    return PALETTES[_current]


def current_name() -> str:
    return _current


def apply_theme(application: QApplication, name: str) -> None:
    """Dress the whole program in a theme: 'dark', 'light', or 'system' for what the desktop is."""
    for step in steps(application, name):
        step()


def steps(application: QApplication, name: str) -> list[Callable[[], None]]:
    """What `apply_theme` does, in parts that take equally long; nothing is painted between the first and the last."""
    global _current
    dark_desktop = desktop.prefers_dark()  # also asks before another palette is laid over the desktop's
    if name == "system":
        name = "dark" if dark_desktop else "light"
    _current = name if name in PALETTES else "dark"
    colours = PALETTES[_current]
    sheet = resource("styles", "window.qss").read_text(encoding="utf-8")
    sheet = sheet.replace("@icons", _icon_folder(colours))
    for token, colour in sorted(asdict(colours).items(), key=lambda item: -len(item[0])):
        sheet = sheet.replace(f"@{token}", colour)
    if application.styleSheet() == sheet:
        return [lambda: None]
    first = not application.styleSheet()
    tops = [top for top in application.topLevelWidgets() if top.isVisible()]

    def undress() -> None:
        for top in tops:
            top.setUpdatesEnabled(False)
        application.setStyleSheet("")  # one sheet in place of another takes Qt three times as long as none in between

    def dress() -> None:
        # Each of these looks at every widget again.
        if first:
            application.setStyle("Fusion")
            application.setFont(_font())
        application.setPalette(_qt_palette(colours))
        application.setStyleSheet(sheet)
        for top in tops:
            if not sip.isdeleted(top):
                top.setUpdatesEnabled(True)

    return [undress, dress, lambda: _refresh_stale(application, colours)]


def _refresh_stale(application: QApplication, colours: Palette) -> None:
    """Widgets that have kept the other theme's text colour would be read on its opposite: they ask for the palette again."""
    stale = {QColor(other.text).rgb() for other in PALETTES.values() if other is not colours}
    for widget in application.allWidgets():
        palette = widget.palette()
        if {palette.color(role).rgb() for role in (QPalette.WindowText, QPalette.ButtonText, QPalette.Text)} & stale:
            widget.setPalette(QPalette())
            restyle(widget)


def _icon_folder(colours: Palette) -> str:
    """A folder of drawings in the theme's colour for the style sheet, which can only name files; kept in the user's cache folder.

    A disk that refuses only means that ticks and arrows are not drawn.
    """
    folder = cache_dir() / "icons" / f"{colours.muted}-{colours.accent_text}".replace("#", "")
    for name, colour in (("down", colours.muted), ("up", colours.muted), ("tick", colours.accent_text)):
        drawing = resource("icons", f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour).encode()
        path = folder / f"{name}.svg"
        with contextlib.suppress(OSError, SpinalSamError):
            if not path.is_file() or path.read_bytes() != drawing:
                write_atomically(path, drawing)
    return folder.as_posix()


def _font() -> QFont:
    database = QFontDatabase()
    installed = set(database.families())
    chinese = [name for name in _CHINESE if name in installed] or database.families(QFontDatabase.SimplifiedChinese)
    families = [name for name in _FAMILIES if name in installed][:1] + list(chinese[:1])
    font = QFont()
    if families:
        font.setFamilies(families)
    font.setPixelSize(13)
    return font


def _qt_palette(colours: Palette) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.Window: colours.window,
        QPalette.Base: colours.field,
        QPalette.AlternateBase: colours.panel,
        QPalette.Button: colours.raised,
        QPalette.Text: colours.text,
        QPalette.WindowText: colours.text,
        QPalette.ButtonText: colours.text,
        QPalette.ToolTipBase: colours.raised,
        QPalette.ToolTipText: colours.text,
        QPalette.PlaceholderText: colours.muted,
        QPalette.Highlight: colours.accent,
        QPalette.HighlightedText: colours.accent_text,
        QPalette.Link: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.Text, QPalette.WindowText, QPalette.ButtonText):
        palette.setColor(QPalette.Disabled, role, QColor(colours.muted))
    return palette


def restyle(widget: QWidget) -> None:
    """Let the style sheet look again at a widget whose properties have changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class _Drawing(QIconEngine):
    """One of our drawings, in the colour that its role has in the theme when it is painted; sharp at every size.

    role: a colour of the palette by its name.
    """

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name, self._role = name, role

    def clone(self) -> QIconEngine:
        return _Drawing(self._name, self._role)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        disabled = mode == QIcon.Disabled
        return _rendered(self._name, getattr(current(), "muted" if disabled else self._role), size.width(), size.height(), disabled)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        scale = painter.device().devicePixelRatioF()
        pixmap = QPixmap(self.pixmap(rect.size() * scale, mode, state))
        pixmap.setDevicePixelRatio(scale)
        painter.drawPixmap(rect.topLeft(), pixmap)


@lru_cache(maxsize=256)
def icon(name: str, role: str = "text") -> QIcon:
    """One of our drawings in a colour of the theme, which it follows; an empty icon where there is none of that name."""
    return QIcon(_Drawing(name, role)) if (resources_dir() / "icons" / f"{name}.svg").is_file() else QIcon()


@lru_cache(maxsize=1024)
def _rendered(name: str, colour: str, width: int, height: int, faint: bool) -> QPixmap:
    drawing = resource("icons", f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    pixmap = QPixmap(width, height)
    pixmap.fill(Qt.transparent)
    painter = QPainter(pixmap)
    painter.setOpacity(0.45 if faint else 1.0)
    side = min(width, height)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF((width - side) / 2, (height - side) / 2, side, side))
    painter.end()
    return pixmap


class Picture(QLabel):
    """A drawing on its own, such as the logo; it follows the theme."""

    def __init__(self, name: str, role: str, side: int) -> None:
        super().__init__()
        self._icon = icon(name, role)
        self.setFixedSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._icon.paint(painter, self.rect())
        painter.end()


class _Swatch(QIconEngine):
    """A filled square with rounded corners; its grey edge stands out from light and dark."""

    def __init__(self, colour: tuple[int, int, int]) -> None:
        super().__init__()
        self._colour = colour

    def clone(self) -> QIconEngine:
        return _Swatch(self._colour)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        left, top = rect.x() + (rect.width() - side) / 2, rect.y() + (rect.height() - side) / 2
        inset = side / 16
        painter.save()
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setBrush(QColor(*self._colour))
        painter.setPen(QPen(QColor(128, 128, 128), inset))
        painter.drawRoundedRect(QRectF(left + inset, top + inset, side - 2 * inset, side - 2 * inset), 3 * inset, 3 * inset)
        painter.restore()


def swatch(colour: tuple[int, int, int]) -> QIcon:
    """A square of a colour, sharp on every screen."""
    return QIcon(_Swatch(colour))

"""Colours, style sheet, fonts and icons of the window."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from PyQt5.QtCore import QByteArray, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PyQt5.QtSvg import QSvgRenderer
from PyQt5.QtWidgets import QApplication

from spinalsam.assets import resource, resources_dir

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
    """Dress the whole program in a theme, 'dark' or 'light'."""
    global _current
    _current = name if name in PALETTES else "dark"
    colours = PALETTES[_current]
    application.setStyle("Fusion")
    application.setPalette(_qt_palette(colours))
    application.setFont(_font())
    sheet = resource("styles", "window.qss").read_text(encoding="utf-8")
    sheet = sheet.replace("@icons", _icon_folder(colours))
    for token, colour in sorted(asdict(colours).items(), key=lambda item: -len(item[0])):
        sheet = sheet.replace(f"@{token}", colour)
    application.setStyleSheet(sheet)


def _icon_folder(colours: Palette) -> str:
    """A folder of drawings in the theme's colour for the style sheet, which can only name files."""
    folder = Path(tempfile.gettempdir()) / f"spinalsam-icons-{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, colour in (("down", colours.muted), ("tick", colours.accent_text)):
        drawing = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
        (folder / f"{name}.svg").write_text(drawing.replace("currentColor", colour), encoding="utf-8")
    return folder.as_posix()


def _font() -> QFont:
    installed = set(QFontDatabase().families())
    families = [name for name in _FAMILIES if name in installed][:1] + [name for name in _CHINESE if name in installed][:1]
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
        palette.setColor(QPalette.Disabled, role, QColor(colours.border).lighter(140 if _current == "dark" else 80))
    return palette


def icon(name: str, colour: str | None = None) -> QIcon:
    """One of our drawings in the theme's text colour; an empty icon where there is none of that name."""
    return _icon(name, colour or current().text, current().muted)


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, faint: str) -> QIcon:
    path = resources_dir() / "icons" / f"{name}.svg"
    made = QIcon()
    if path.is_file():
        drawing = path.read_text(encoding="utf-8")
        for size in (16, 20, 24, 32, 48):
            made.addPixmap(_render(drawing, colour, size))
            made.addPixmap(_render(drawing, faint, size, 0.45), QIcon.Disabled)
    return made


def _render(drawing: str, colour: str, size: int, opacity: float = 1.0) -> QPixmap:
    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.transparent)
    painter = QPainter(pixmap)
    painter.setOpacity(opacity)
    QSvgRenderer(QByteArray(drawing.replace("currentColor", colour).encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


def swatch(colour: tuple[int, int, int], size: int = 14) -> QIcon:
    """A filled square with rounded corners."""
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.Antialiasing)
    painter.setBrush(QColor(*colour))
    painter.setPen(Qt.NoPen)
    painter.drawRoundedRect(QRectF(0.5, 0.5, size - 1, size - 1), 3, 3)
    painter.end()
    return QIcon(pixmap)

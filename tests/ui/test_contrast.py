"""Texts can be read on what lies behind them, in both themes (WCAG 2.1, 1.4.3: a contrast of at least 4.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QRect, Qt
from PyQt5.QtGui import QImage, QPainter, QRegion
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QTabBar,
    QTableWidget,
    QToolButton,
    QWidget,
)

from spinalsam.assets import resource
from spinalsam.support.morphometry.marks import COLOURS
from spinalsam.ui import slice_marks, theme
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.tables import search_field
from tests.ui.test_clipped import busy, dressed, in_error, loaded, with_masks

__all__ = ["dressed"]

# (text, behind) as the style sheet pairs them.
PAIRS = [
    ("text", "window"),
    ("text", "panel"),
    ("text", "raised"),
    ("text", "field"),
    ("text", "hover"),
    ("text", "bubble"),
    ("muted", "window"),
    ("muted", "panel"),
    ("muted", "field"),
    ("accent", "panel"),
    ("accent_text", "accent"),
    ("error", "raised"),
    ("error", "panel"),
    ("warning", "raised"),
    ("good", "panel"),
]
LEAST = 4.5


def luminance(colour: str) -> float:
    """Relative luminance of '#rrggbb'."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", theme.PALETTES)
@pytest.mark.parametrize(("text", "behind"), PAIRS)
def test_texts_stand_out_from_what_is_behind_them(name: str, text: str, behind: str) -> None:
    palette = theme.PALETTES[name]
    found = contrast(getattr(palette, text), getattr(palette, behind))
    assert found >= LEAST, f"{text} on {behind} in {name}: {found:.2f}"


def rules() -> list[tuple[str, str, str]]:
    """(selector, text, behind) of every rule of the style sheet that says one of the two; what it leaves out is the panel's."""
    sheet = re.sub(r"/\*.*?\*/", "", resource("styles", "window.qss").read_text(encoding="utf-8"), flags=re.DOTALL)
    found = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        values = dict(re.findall(r"(?<![\w-])(color|background|selection-color|selection-background-color):\s*([^;]+?)\s*(?:;|$)", body))
        for text, behind in (("color", "background"), ("selection-color", "selection-background-color")):
            if text in values or behind in values:
                back = values.get(behind, "@panel")
                found.append((selectors.strip(), values.get(text, "@text"), "@panel" if back in ("transparent", "none") else back))
    return found


# Parts of widgets that show no text.
NO_TEXT = re.compile(
    r"::(handle|chunk|indicator|separator|add-|sub-|down-arrow|drop-down|menu-indicator|pane)|QSplitter|QScrollBar|QToolBar::|#pane$|#peek$"
)


@pytest.mark.parametrize("name", theme.PALETTES)
def test_every_rule_of_the_style_sheet_can_be_read(name: str) -> None:
    palette = theme.PALETTES[name]
    found = [(selector, contrast(_colour(palette, text), _colour(palette, behind))) for selector, text, behind in rules()]
    found = [(selector, ratio) for selector, ratio in found if not NO_TEXT.search(selector)]
    assert len(found) > 40
    faint = [f"{selector}: {ratio:.2f}" for selector, ratio in found if ratio < LEAST]
    assert not faint, faint


def _colour(palette: theme.Palette, value: str) -> str:
    if value.startswith("@"):
        return getattr(palette, value[1:])
    return "#" + "".join(2 * digit for digit in value[1:]) if len(value) == 4 else value


def test_texts_over_slices_stand_out_from_black() -> None:
    shown = [colour.name() for colour in (slice_marks.TEXT, slice_marks.LETTER, slice_marks.PREVIEW)]
    shown += ["#{:02x}{:02x}{:02x}".format(*colour) for colour in COLOURS.values()]
    for colour in shown:
        assert contrast(colour, "#000000") >= LEAST


# --- as it is drawn -----------------------------------------------------------------------------------------------------

# So many points of a letter's stroke have its full colour when it is drawn this large.
SCALE, LEAST_POINTS = 4, 6
ICON = 26


def texts_in(root: QWidget) -> Iterator[tuple[QWidget, str, QRect]]:
    """(widget, text, where it is drawn in it) of all texts that can be seen."""
    for widget in (root, *root.findChildren(QWidget)):
        if widget.isVisible() and not widget.visibleRegion().isEmpty():
            yield from ((widget, text, place) for text, place in _texts_of(widget) if text.strip() and place.isValid())


def _texts_of(widget: QWidget) -> Iterator[tuple[str, QRect]]:
    inner = widget.rect()
    if isinstance(widget, QLabel):
        if not widget.property("bubble") and "<" not in widget.text():  # a bubble's own edge stands out more than its text
            yield widget.text(), inner
        elif widget.property("bubble"):
            yield widget.text(), inner.adjusted(10, 7, -10, -7)
    elif isinstance(widget, QAbstractButton):
        beside = not isinstance(widget, QToolButton) or widget.toolButtonStyle() == Qt.ToolButtonTextBesideIcon
        if beside:
            yield widget.text(), inner.adjusted(4 if widget.icon().isNull() else ICON + 4, 4, -4, -4)
    elif isinstance(widget, QLineEdit):
        yield widget.text() or widget.placeholderText(), inner.adjusted(6, 4, -6, -4)
    elif isinstance(widget, QComboBox) and not widget.isEditable():
        yield widget.currentText(), inner.adjusted(10 if widget.itemIcon(widget.currentIndex()).isNull() else ICON + 10, 4, -26, -4)
    elif isinstance(widget, QTabBar):
        yield from ((widget.tabText(n), widget.tabRect(n).adjusted(4, 2, -4, -4)) for n in range(widget.count()))
    elif isinstance(widget, QMenu):
        yield from ((action.text(), widget.actionGeometry(action).adjusted(ICON, 0, -ICON, 0)) for action in widget.actions())
    elif isinstance(widget, QHeaderView):
        for n in range(widget.count()):
            if not widget.isSectionHidden(n):
                head = widget.model().headerData(n, widget.orientation())
                yield str(head or ""), QRect(widget.sectionViewportPosition(n) + 2, 2, widget.sectionSize(n) - 4, widget.height() - 4)


def rows_in(root: QWidget) -> Iterator[tuple[QWidget, str, QRect]]:
    """The same of lists and tables. A row with two lines, or with something at its right edge, is looked at in two parts."""
    for view in root.findChildren(QAbstractItemView):
        if not view.isVisible() or view.viewport().visibleRegion().isEmpty() or isinstance(view, QHeaderView):
            continue
        model, shown = view.model(), view.viewport()
        for row in range(model.rowCount()):
            for column in range(model.columnCount() if isinstance(view, QTableWidget) else 1):
                cell = model.index(row, column)
                place = view.visualRect(cell)
                if not shown.rect().contains(place) or not str(cell.data() or "").strip():
                    continue
                start = place.adjusted(0 if cell.data(Qt.DecorationRole) is None else view.iconSize().width() + ICON, 3, -4, -3)
                parts = (
                    [start]
                    if place.height() < 50
                    else [start.adjusted(0, 0, 0, -start.height() // 2), start.adjusted(0, start.height() // 2, 0, 0)]
                )
                if place.width() > 400 and place.height() < 50:
                    parts.append(QRect(place.right() - 80, start.top(), 76, start.height()))
                yield from ((shown, str(cell.data()), part) for part in parts)


def drawn_contrast(widget: QWidget, place: QRect) -> float:
    """Between what is behind, which is most of it, and what stands out most of it; 21 where nothing does."""
    window = widget.window()
    place = QRect(widget.mapTo(window, place.topLeft()), place.size())
    image = QImage(place.size() * SCALE, QImage.Format_RGB32)
    painter = QPainter(image)
    painter.scale(SCALE, SCALE)
    window.render(painter, QPoint(), QRegion(place))
    painter.end()
    raw = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8).reshape(image.height(), -1, 4)[:, : image.width(), 2::-1]
    colours, counts = np.unique(raw.reshape(-1, 3), axis=0, return_counts=True)
    names = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in colours.tolist()]
    behind = names[int(np.argmax(counts))]
    others = [contrast(name, behind) for name, count in zip(names, counts, strict=True) if count >= LEAST_POINTS and name != behind]
    return max(others, default=21.0)


def faint_in(root: QWidget) -> list[str]:
    found = []
    for widget, text, place in (*texts_in(root), *rows_in(root)):
        ratio = drawn_contrast(widget, place)
        if ratio < LEAST:
            found.append(f"{type(widget).__name__} '{text}': {ratio:.2f}")
    return found


@pytest.mark.parametrize("state", [loaded, with_masks, busy, in_error], ids=["loaded", "masks", "busy", "error"])
def test_every_text_that_is_drawn_can_be_read(dressed: MainWindow, qtbot: Any, state: Callable[[MainWindow, Any], None]) -> None:
    state(dressed, qtbot)
    qtbot.wait(200)
    assert sum(1 for _ in texts_in(dressed)) > 30
    found = {}
    for dock in (dressed.label_dock, dressed.prompt_dock, dressed.history_dock):
        dock.raise_()
        qtbot.wait(50)
        found[dock.windowTitle()] = faint_in(dressed)
    assert not any(found.values()), found


def test_every_text_of_a_dialog_and_a_menu_can_be_read(dressed: MainWindow, qtbot: Any) -> None:
    from spinalsam.control.operations import find

    loaded(dressed, qtbot)
    found: dict[str, list[str]] = {}
    openings: list[Callable[[], Any]] = [dressed._open_palette, lambda: dressed.run("help", {}), lambda: dressed.ask(find("set_window"))]
    openings += [lambda page=page: dressed._open_preferences(page) for page in ("", "sentences", "keys")]
    for opening in openings:
        opening()
        qtbot.waitUntil(lambda: dressed.findChild(QDialog) is not None, timeout=20000)
        dialog = dressed.findChild(QDialog)
        qtbot.wait(50)
        found[f"{type(dialog).__name__} {len(found)}"] = faint_in(dialog)
        dialog.close()
        qtbot.waitUntil(lambda: dressed.findChild(QDialog) is None, timeout=20000)
    for action in dressed.menuBar().actions():
        action.menu().popup(QPoint(0, 0))
        found[action.text()] = faint_in(action.menu())
        action.menu().close()
    assert len(found) > 12 and not any(found.values()), found


def test_a_text_that_is_too_faint_is_found(qtbot: Any) -> None:
    label = QLabel("hardly to be read")
    label.setStyleSheet("background: #202020; color: #585858")
    qtbot.addWidget(label)
    label.show()
    assert faint_in(label)
    label.setStyleSheet("background: #202020; color: #c0c0c0")
    assert not faint_in(label)


@pytest.mark.parametrize("name", theme.PALETTES)
def test_what_clears_a_search_can_be_seen(qtbot: Any, qapp: Any, name: str) -> None:
    theme.apply_theme(qapp, name)
    try:
        field = search_field(lambda _: None)
        qtbot.addWidget(field)
        field.show()
        field.setText("brush")
        qtbot.wait(400)  # it comes up slowly
        place = QRect(field.findChild(QToolButton).mapTo(field, QPoint(0, 0)), field.findChild(QToolButton).size())
        image = field.grab(place).toImage()
        colours = [image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())]
        assert max(contrast(colour, theme.current().field) for colour in colours) >= LEAST
    finally:
        theme.apply_theme(qapp, "dark")

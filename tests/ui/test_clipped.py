"""No text is cut off: what labels, buttons, lists of choices, tabs and table heads need is compared with the room they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTabBar,
    QTableWidget,
    QToolButton,
    QWidget,
)

from spinalsam.control.jobs import Job
from spinalsam.ui import app, theme, words
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.preferences import Preferences
from spinalsam.ui.slice_marks import Hover
from spinalsam.ui.status import ElidedLabel
from tests.fakes import FakeSegmenter
from tests.ui.conftest import vertebra_volume

# The smallest screen that is promised.
SIZE = QSize(1366, 768)
# Half a pixel of a font's advance is rounded up on one side and down on the other.
ROUNDING = 1


def cut_off(root: QWidget) -> list[str]:
    """What does not fit, each with its text, the room it needs and the room it has."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        if widget.isVisible() and widget.width() > 0:
            found += [
                f"{type(widget).__name__} '{text}' needs {need} of {room}" for text, need, room in _needs(widget) if need > room + ROUNDING
            ]
    return found


def _needs(widget: QWidget) -> Iterator[tuple[str, int, int]]:
    """(text, what it needs, what it has) in points, of width or height."""
    if isinstance(widget, ElidedLabel):
        return  # ends in an ellipsis, and says the whole in its tip
    if isinstance(widget, QLabel) and widget.text():
        if widget.wordWrap():
            yield widget.text(), widget.heightForWidth(widget.width()), widget.height()
        else:
            yield widget.text(), widget.sizeHint().width(), widget.width()
            yield widget.text(), widget.sizeHint().height(), widget.height() + 4
    elif isinstance(widget, QToolButton) and widget.text() and widget.toolButtonStyle() != Qt.ToolButtonIconOnly:
        yield widget.text(), widget.sizeHint().width(), widget.width()
    elif isinstance(widget, QAbstractButton) and not isinstance(widget, QToolButton) and widget.text():
        room = widget.width() if not widget.property("small") else widget.sizeHint().width()
        yield widget.text(), widget.sizeHint().width(), room
        yield widget.text(), widget.sizeHint().height(), widget.height() + 4
    elif isinstance(widget, QComboBox):
        arrow = 40
        yield widget.currentText(), widget.fontMetrics().horizontalAdvance(widget.currentText()), widget.width() - arrow
    elif isinstance(widget, QTabBar):
        for n in range(widget.count()):
            yield widget.tabText(n), widget.fontMetrics().horizontalAdvance(widget.tabText(n)), widget.tabRect(n).width()
    elif isinstance(widget, QHeaderView) and isinstance(widget.parent(), QTableWidget) and widget.orientation() == Qt.Horizontal:
        for n in range(widget.count()):
            item = widget.parent().horizontalHeaderItem(n)
            if item is not None and not widget.isSectionHidden(n):
                yield item.text(), widget.fontMetrics().horizontalAdvance(item.text()), widget.sectionSize(n)


@pytest.fixture(params=[(name, language) for name in theme.PALETTES for language in ("en", "zh")], ids="-".join)
def dressed(request: pytest.FixtureRequest, qtbot: Any, qapp: Any) -> Iterator[MainWindow]:
    """An empty window on the smallest screen, in a theme and a language."""
    from spinalsam.control.workspace import Workspace

    preferences = Preferences()
    preferences.theme, preferences.language = request.param
    made = app.build_window(qapp, workspace=Workspace(segmenter=FakeSegmenter(), samples={"block": vertebra_volume}))
    made.commands.set_live(False)
    qtbot.addWidget(made)
    made.resize(SIZE)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    preferences.theme, preferences.language = "dark", "en"
    words.use_language("en")
    theme.apply_theme(qapp, "dark")


def loaded(window: MainWindow, qtbot: Any) -> None:
    window.open_path("sample:block")
    qtbot.waitUntil(lambda: window.workspace.has_case and not window.dispatcher.busy, timeout=20000)


def with_masks(window: MainWindow, qtbot: Any) -> None:
    loaded(window, qtbot)
    for level, slice_number in (("L3", 5), ("L4", 6), ("T12", 7)):
        window.run("set_label", {"regions": [level]})
        window.run("add_box", {"corners": [12, 18, 28, 34], "plane": "axial", "slice": slice_number})
        window.run("generate_box_mask", {"plane": "axial", "slice": slice_number})
        qtbot.waitUntil(lambda: not window.dispatcher.busy, timeout=20000)
    window.run("measure", {})
    qtbot.waitUntil(lambda: not window.dispatcher.busy, timeout=20000)


def in_error(window: MainWindow, qtbot: Any) -> None:
    loaded(window, qtbot)
    window.run("load_mask", {"path": "/nowhere/a_rather_long_name_of_a_mask_that_is_not_there.nii.gz"})
    window.run("go_to", {"slice": 999, "plane": "axial"})
    qtbot.waitUntil(lambda: not window.dispatcher.busy, timeout=20000)
    window.conversation.say("undo")
    window.conversation.say("delete L3")


def busy(window: MainWindow, qtbot: Any) -> None:
    with_masks(window, qtbot)
    job = Job("Propagate")
    job.progress(0.3, "Following the axial slices")
    window.status.progress.show_job(job)
    window.status.show_hover(Hover((39, 47, 11), -1024.0), window.workspace.volume)
    qtbot.waitUntil(window.status.progress.isVisible)


def cut_off_at_rest(window: MainWindow, qtbot: Any) -> list[str]:
    """What is cut off once the layout has come to rest, which takes its time on a busy machine."""
    for _ in range(20):
        qtbot.wait(30)
        if not (found := cut_off(window)):
            break
    return found


@pytest.mark.parametrize("state", [lambda *_: None, loaded, with_masks, busy, in_error], ids=["empty", "loaded", "masks", "busy", "error"])
def test_no_text_is_cut_off(dressed: MainWindow, qtbot: Any, state: Callable[[MainWindow, Any], None]) -> None:
    state(dressed, qtbot)
    qtbot.wait(250)
    found = {}
    for dock in (dressed.label_dock, dressed.prompt_dock, dressed.history_dock):
        dock.raise_()
        found[dock.windowTitle()] = cut_off_at_rest(dressed, qtbot)
    for name in ("prompt", "brush", "lasso"):
        dressed.tools.bar.choose(name)
        found[name] = cut_off_at_rest(dressed, qtbot)
    assert not any(found.values()), found


@pytest.mark.parametrize("size", [QSize(910, 512), QSize(1092, 614), SIZE], ids=["150 %", "125 %", "100 %"])
def test_every_tool_is_within_reach_on_a_laptop(dressed: MainWindow, qtbot: Any, size: QSize) -> None:
    loaded(dressed, qtbot)
    dressed.resize(size)
    qtbot.wait(50)
    assert dressed.size() == size, "the window is larger than the screen"
    bar = dressed.tool_bar
    hidden = [action.text() for action in bar.actions() if not action.isSeparator() and not bar.widgetForAction(action).isVisible()]
    assert not hidden
    dressed.resize(SIZE)
    qtbot.wait(50)
    assert dressed.live_button.toolButtonStyle() == Qt.ToolButtonTextBesideIcon, "words come back where there is room"


def test_every_option_of_a_tool_is_within_reach(dressed: MainWindow, qtbot: Any) -> None:
    loaded(dressed, qtbot)
    bar = dressed.tools.bar
    dressed.run("lock_label", {"value": dressed.workspace.state.active_label, "locked": True})
    bar.choose("brush")
    bar.threshold.setChecked(True)
    qtbot.wait(100)
    shown = [bar.widgetForAction(action) for action in bar.actions() if action.isVisible() and not action.isSeparator()]
    assert all(widget.isVisible() for widget in shown), [widget.accessibleName() for widget in shown if not widget.isVisible()]
    bar.choose("prompt")
    qtbot.wait(50)
    assert bar._asides[0].toolButtonStyle() == Qt.ToolButtonTextBesideIcon, "words come back where there is room"


def test_no_text_of_a_dialog_is_cut_off(dressed: MainWindow, qtbot: Any) -> None:
    loaded(dressed, qtbot)
    forms = [operation for operation in _forms() if not operation.missing(dressed.workspace)]
    openings: list[Callable[[], Any]] = [dressed._open_preferences, dressed._open_palette]
    openings += [lambda name=name: dressed.run(name, {}) for name in ("help", "about")]
    openings += [lambda operation=operation: dressed.ask(operation) for operation in forms]
    found: dict[str, list[str]] = {}
    for opening in openings:
        opening()
        qtbot.waitUntil(lambda: dressed.findChild(QDialog) is not None, timeout=20000)
        dialog = dressed.findChild(QDialog)
        qtbot.waitUntil(dialog.isVisible)
        qtbot.wait(30)
        found[f"{type(dialog).__name__} {dialog.windowTitle()}"] = cut_off(dialog)
        dialog.close()
        qtbot.waitUntil(lambda: dressed.findChild(QDialog) is None, timeout=20000)
    assert len(found) > 4 and not any(found.values()), {name: texts for name, texts in found.items() if texts}


def test_hints_in_empty_lines_can_be_read(dressed: MainWindow, qtbot: Any) -> None:
    from tests.ui.test_contrast import LEAST, contrast

    loaded(dressed, qtbot)
    dressed._open_palette()
    dressed._open_preferences()
    qtbot.wait(50)
    lines = [line for line in dressed.findChildren((QLineEdit, QPlainTextEdit)) if line.placeholderText()]
    assert len(lines) > 3
    for line in lines:
        hint, behind = line.palette().color(QPalette.PlaceholderText), theme.current().field
        assert hint.alpha() == 255 and contrast(hint.name(), behind) >= LEAST, f"{line.placeholderText()}: {hint.name(QColor.HexArgb)}"
    for dialog in dressed.findChildren(QDialog):
        dialog.close()


def _forms() -> list[Any]:
    from spinalsam.control.operations import OPERATIONS
    from spinalsam.ui.forms import can_enter, needs_form

    asked_elsewhere = {"open_image", "export_mask", "list_cases", "compare_mask", "keep_journal", "load_mask", "restore_case"}
    return [
        operation
        for operation in OPERATIONS
        if can_enter(operation)
        and needs_form(operation)
        and operation.name not in asked_elsewhere
        and not operation.name.startswith("save_")
    ]


def test_a_text_that_is_cut_off_is_found(qtbot: Any) -> None:
    narrow = QPushButton("a text that needs more room than this")
    qtbot.addWidget(narrow)
    narrow.setFixedWidth(60)
    narrow.show()
    assert cut_off(narrow)

"""Everything can be reached with the keyboard and has a name for screen readers; slices scroll fast enough."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from PyQt5.QtCore import QEvent, Qt
from PyQt5.QtGui import QContextMenuEvent, QMouseEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollBar,
    QToolButton,
    QWidget,
)

from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry
from spinalsam.ui.label_panel import LOCKED, SHOWN
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.prompt_panel import DELETE
from tests.timing import timed

FRAMES_A_SECOND = 30
CONTROLS = (QToolButton, QPushButton, QLineEdit, QComboBox, QCheckBox, QAbstractSpinBox, QAbstractItemView)


def test_every_control_has_a_name_for_screen_readers(case: MainWindow) -> None:
    nameless = []
    for kind in CONTROLS:
        for widget in case.findChildren(kind):
            part = isinstance(widget, QHeaderView) or isinstance(widget.parent(), (QAbstractSpinBox, QComboBox))
            popup = widget.parent() is not None and isinstance(widget.parent().parent(), QComboBox)
            own = not str(widget.objectName()).startswith("qt_") and not part and not popup
            text = getattr(widget, "text", lambda: "")() if isinstance(widget, (QToolButton, QPushButton, QCheckBox)) else ""
            if own and not (widget.accessibleName() or text or widget.toolTip()):
                nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert not nameless, nameless


def test_tab_reaches_panes_labels_and_chat(case: MainWindow, qtbot: Any) -> None:
    case.activateWindow()
    case.welcome.setFocus()
    reached: set[QWidget] = set()
    widget: QWidget | None = case.chat.line
    for _ in range(3000):
        widget = widget.nextInFocusChain() if widget is not None else None
        if widget is None:
            break
        if widget.focusPolicy() & Qt.TabFocus and widget.isVisibleTo(case):
            reached.add(widget)
    for wanted in (*case.panes.slices.values(), case.panes.surface, case.labels.table, case.labels.level, case.chat.line):
        assert wanted in reached, wanted


@timed
def test_no_handler_of_a_scroll_takes_longer_than_a_frame(window: MainWindow, qtbot: Any) -> None:
    """A CT of 512 x 512 x 120: how many slices a second the main thread could show, by the time that it works on each."""
    rng = np.random.default_rng(0)
    voxels = np.asfortranarray(rng.integers(-200, 900, (512, 512, 120)).astype(np.int16))
    volume = Volume(voxels, Geometry.from_parts(voxels.shape, spacing_mm=(0.7, 0.7, 1.0)), name="large")
    window.workspace.samples["large"] = lambda: volume
    window.open_path("sample:large")
    qtbot.waitUntil(lambda: window.workspace.has_case and not window.dispatcher.busy, timeout=60000)
    qtbot.wait(300)
    worst, began = 0.0, time.thread_time()
    for number in range(60):
        before = time.thread_time()
        window.commands.scroll("axial", 1 if number % 40 < 30 else -1)
        for view in window.panes.slices.values():
            view.repaint()
        worst = max(worst, time.thread_time() - before)
    a_second = 60 / (time.thread_time() - began)
    assert a_second >= FRAMES_A_SECOND, f"{a_second:.0f} slices a second"
    assert worst < 0.05, f"one slice took {1000 * worst:.0f} ms"


def test_keys_alone_set_a_mask_and_undo_it(case: MainWindow, qtbot: Any) -> None:
    """Corners are typed, Enter sets the box and then makes the mask, Ctrl+Z takes both back."""
    view = case.panes.slices["axial"]
    case.prompt_dock.raise_()
    qtbot.waitUntil(case.prompts.place.isVisible)
    case.prompts.place.setFocus()
    case.prompts.place.setText("12, 18, 28, 34")
    QTest.keyClick(case.prompts.place, Qt.Key_Return)
    assert len(case.workspace.state.boxes) == 1
    view.setFocus()
    QTest.keyClick(view, Qt.Key_Return)
    qtbot.waitUntil(lambda: case.workspace.has_mask and not case.dispatcher.busy, timeout=30000)
    for _ in range(2):
        QTest.keyClick(view, Qt.Key_Z, Qt.ControlModifier)
    assert not case.workspace.has_mask and not case.workspace.state.boxes


def test_tab_leaves_every_table_and_list(case: MainWindow, qtbot: Any) -> None:
    case.activateWindow()
    case.run("add_points", {"at": [[20, 24]]})
    for dock, view in (
        (case.label_dock, case.labels.table),
        (case.prompt_dock, case.prompts.table),
        (case.history_dock, case.history.list),
    ):
        dock.raise_()
        qtbot.waitUntil(view.isVisible)
        view.setFocus()
        QTest.keyClick(view, Qt.Key_Tab)
        assert not view.hasFocus(), view.accessibleName()


def test_what_a_click_does_in_a_table_keys_do_too(case: MainWindow, qtbot: Any) -> None:
    case.run("set_label", {"regions": ["L3"]})
    case.run("brush", {"path": [[16, 24], [24, 24]], "radius_mm": 3.0, "plane": "axial", "slice": 5, "value": 22})
    table = case.labels.table
    qtbot.waitUntil(lambda: table.rowCount() > 0)
    table.setFocus()
    table.setCurrentCell(0, LOCKED)
    QTest.keyClick(table, Qt.Key_Return)
    assert 22 in case.workspace.state.locked_values
    QTest.keyClick(table, Qt.Key_Space)
    assert 22 not in case.workspace.state.locked_values
    table.setCurrentCell(0, SHOWN)
    QTest.keyClick(table, Qt.Key_Space)
    assert not case.workspace.state.label(22).visible
    case.run("add_points", {"at": [[20, 24], [22, 24]]})
    prompts = case.prompts.table
    case.prompt_dock.raise_()
    qtbot.waitUntil(prompts.isVisible)
    prompts.setFocus()
    prompts.setCurrentCell(0, DELETE)
    QTest.keyClick(prompts, Qt.Key_Space)
    assert len(case.workspace.state.points) == 1


def test_the_menu_key_opens_the_menu_of_the_current_row(case: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for slice_number, value in ((4, 22), (5, 23), (6, 24)):
        case.run("brush", {"path": [[16, 24]], "radius_mm": 2.0, "plane": "axial", "slice": slice_number, "value": value})
    table = case.labels.table
    qtbot.waitUntil(lambda: table.rowCount() >= 3)
    opened: list[int] = []
    monkeypatch.setattr(case.labels, "menu_of", lambda row: opened.append(row) or QMenu())
    monkeypatch.setattr(QMenu, "exec_", lambda *_: None)
    for row in (2, 0):
        table.setCurrentCell(row, 0)
        place = table.rect().center()
        QApplication.sendEvent(table, QContextMenuEvent(QContextMenuEvent.Keyboard, place, table.mapToGlobal(place)))
    assert opened == [2, 0]


def test_arrows_turn_the_surface_and_leave_the_slices(case: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    surface, sent = case.panes.surface, []
    monkeypatch.setattr(surface, "_send", sent.append)
    before = case.workspace.state.view.crosshair_ijk
    surface._has_surfaces = True
    surface.setFocus()
    for key in (Qt.Key_Left, Qt.Key_Up, Qt.Key_Plus):
        QTest.keyClick(surface, key)
    assert [message["op"] for message in sent] == ["turn", "turn", "zoom"]
    assert case.workspace.state.view.crosshair_ijk == before


def test_scroll_bars_of_slices_answer_to_keys(case: MainWindow) -> None:
    bar = case.panes.panes["axial"].bar
    assert isinstance(bar, QScrollBar) and bar.accessibleName()
    before = bar.value()
    QTest.keyClick(bar, Qt.Key_Down)
    assert case.workspace.state.view.crosshair_ijk[2] == before + 1


def test_moving_the_pointer_costs_little(case: MainWindow) -> None:
    view = case.panes.slices["axial"]
    began = time.thread_time()
    for number in range(100):
        place = view.rect().center()
        place.setX(place.x() + number)
        view.mouseMoveEvent(QMouseEvent(QEvent.MouseMove, place, Qt.NoButton, Qt.NoButton, Qt.NoModifier))
        view.repaint()
    assert (time.thread_time() - began) / 100 < 0.016

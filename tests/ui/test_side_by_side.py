"""Mask and reference beside each other, moving together, with figures that follow the hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PyQt5.QtCore import QEvent, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

from spinalsam.ui import live_comparison
from spinalsam.ui.compare_panel import DICE, HD95, NAME, OURS, THEIRS
from spinalsam.ui.main_window import MainWindow
from tests.ui.pointing import at, drag, wheel

Settled = Callable[[MainWindow], None]


@pytest.fixture
def compared(case: MainWindow, settled: Settled, tmp_path: Path, qtbot: Any) -> MainWindow:
    """L3 in the bright block against a file that has it one voxel further to the left, and an L5 elsewhere; side by side by its key."""
    case.run("set_label", {"regions": ["L3"]})
    for number in range(4, 10):
        case.run("brush", {"path": [[16, 24], [24, 24]], "radius_mm": 3.0, "plane": "axial", "slice": number, "value": 22})
    labels = np.roll(np.array(case.workspace.mask), 1, axis=0)
    labels[2:6, 2:6, 1] = 24
    path = tmp_path / "reference.nii.gz"
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ case.workspace.volume.geometry.affine
    nibabel.save(nibabel.Nifti1Image(labels, affine), path)
    case.run("compare_mask", {"path": str(path)})
    settled(case)
    case.figures.sheet.hide()
    case.activateWindow()
    qtbot.waitUntil(case.isActiveWindow)
    view = case.panes.slices["axial"]
    view.setFocus()
    QTest.keyClick(view, Qt.Key_R, Qt.ShiftModifier)
    qtbot.waitUntil(case.panes.reference_pane.isVisible)
    qtbot.waitUntil(lambda: not case.figures.comparison.stale)
    qtbot.wait(50)
    return case


def rows(window: MainWindow) -> dict[str, list[str]]:
    table = window.panes.compare.table
    return {
        table.item(row, NAME).text(): [table.item(row, n).text() for n in (DICE, HD95, OURS, THEIRS)] for row in range(table.rowCount())
    }


def test_both_masks_are_shown_on_the_same_slice(compared: MainWindow) -> None:
    left, right = compared.panes.slices["axial"], compared.panes.reference
    assert left.isVisible() and right.isVisible() and not compared.panes.slices["sagittal"].isVisible()
    assert left.scene.ref == right.scene.ref and left.scene.reference is None
    assert right.scene.mask is compared.workspace.state.reference.labels and not right.scene.points
    assert "reference.nii.gz" in compared.panes.reference_pane.header.title.text()
    told = rows(compared)
    assert list(told) == ["L3", "L5"]
    assert 0.7 < float(told["L3"][0]) < 1 and told["L3"][1] == "0.80 mm" and told["L5"][2] == "none"


def test_zoom_pan_slice_and_crosshair_go_together(compared: MainWindow, settled: Settled) -> None:
    left, right = compared.panes.slices["axial"], compared.panes.reference

    def same_place() -> bool:
        middle = (20.0, 24.0)
        offsets = [np.subtract(view.viewport.to_screen(*middle), (view.width() / 2, view.height() / 2)) for view in (left, right)]
        scale = abs(left.viewport.points_per_mm / right.viewport.points_per_mm - 1) < 1e-6
        return scale and bool(np.allclose(*offsets, atol=0.6))

    assert same_place()
    before = left.viewport.points_per_mm
    wheel(right, 3, Qt.ControlModifier, at(right, (24, 24, 6)))
    assert left.viewport.points_per_mm > before * 1.5 and same_place()
    drag(left, at(left, (20, 24, 6)), at(left, (26, 20, 6)), Qt.MiddleButton)
    assert same_place()
    compared.panes.beside.setSizes([600, 300])
    QApplication.processEvents()
    assert same_place(), "at other sizes too"
    wheel(right, -1)
    assert left.scene.ref == right.scene.ref and left.scene.index == 7
    QTest.mouseClick(right, Qt.LeftButton, Qt.NoModifier, at(right, (22, 26, 7)))
    settled(compared)
    assert compared.workspace.state.view.crosshair_ijk == (22, 26, 7)
    assert not compared.workspace.state.points and not compared.workspace.state.boxes, "the reference takes no prompts"
    drag(right, at(right, (22, 26, 7)), at(right, (18, 22, 7)), Qt.LeftButton)
    assert compared.workspace.state.view.crosshair_ijk == (18, 22, 7) and not compared.workspace.state.boxes
    place = QPointF(at(right, (17, 21, 7)))
    QApplication.sendEvent(right, QMouseEvent(QEvent.MouseMove, place, Qt.NoButton, Qt.NoButton, Qt.NoModifier))
    assert left._other_pointer == (17, 21, 7)
    QTest.keyClick(left, Qt.Key_S)
    assert compared.panes.slices["sagittal"].isVisible() and right.scene.ref.plane == "sagittal" and not left.isVisible()


def test_figures_follow_the_brush_off_the_main_thread(compared: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    threads: set[int] = set()
    compare = live_comparison.compare_labels
    monkeypatch.setattr(live_comparison, "compare_labels", lambda *args: threads.add(threading.get_ident()) or compare(*args))
    before = rows(compared)
    left = compared.panes.slices["axial"]
    QTest.keyClick(left, Qt.Key_T)
    drag(left, at(left, (14, 30, 6)), at(left, (26, 30, 6)), Qt.LeftButton)
    qtbot.waitUntil(lambda: compared.workspace.undo_titles[0].startswith("Brush") and not compared.dispatcher.busy)
    assert compared.figures.comparison.stale
    qtbot.waitUntil(lambda: not compared.figures.comparison.stale, timeout=10000)
    after = rows(compared)
    assert float(after["L3"][0]) < float(before["L3"][0]) and after["L5"] == before["L5"]
    assert threads and threading.get_ident() not in threads
    QTest.keyClick(left, Qt.Key_Z, Qt.ControlModifier)
    qtbot.waitUntil(lambda: rows(compared) == before, timeout=10000)


def test_a_result_that_the_hand_has_overtaken_is_dropped(compared: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a comparison is under way the mask changes: its result is never shown."""
    import threading

    begun, go = threading.Event(), threading.Event()
    compare = live_comparison.compare_labels

    def slow(*args: Any) -> Any:
        found = compare(*args)
        begun.set()
        go.wait(20)
        return found

    monkeypatch.setattr(live_comparison, "compare_labels", slow)
    live, shown = compared.figures.comparison, []
    live.changed.connect(lambda: shown.append(live.data if not live.stale else None))
    brush = {"radius_mm": 4.0, "plane": "axial", "slice": 7, "value": 22}
    compared.run("brush", {"path": [[10, 30]], **brush})
    qtbot.waitUntil(begun.is_set, timeout=10000)
    compared.run("brush", {"path": [[30, 30]], **brush})
    go.set()
    qtbot.waitUntil(lambda: not live.stale, timeout=10000)
    monkeypatch.setattr(live_comparison, "compare_labels", compare)
    results = [data for data in shown if data is not None]
    assert len(results) == 1
    compared.run("compare_mask", {})
    qtbot.waitUntil(lambda: not compared.dispatcher.busy)
    assert live.data["labels"] == results[0]["labels"]


def test_a_click_on_a_row_goes_to_the_label_and_esc_of_the_view_ends_it(compared: MainWindow, qtbot: Any) -> None:
    table = compared.panes.compare.table
    QTest.mouseClick(table.viewport(), Qt.LeftButton, Qt.NoModifier, table.visualItemRect(table.item(1, NAME)).center())
    qtbot.waitUntil(lambda: compared.workspace.state.view.crosshair_ijk[2] == 1)
    QTest.mouseDClick(compared.panes.reference_pane.header, Qt.LeftButton)
    assert not compared.panes.reference_pane.isVisible() and compared.panes.slices["coronal"].isVisible()
    assert not compared.workspace.state.reference.side_by_side


def test_an_earlier_step_is_compared_from_the_list_of_steps(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    case.run("set_label", {"regions": ["L3"]})
    for x in (16, 20, 24):
        case.run("brush", {"path": [[x, 24]], "radius_mm": 3.0, "plane": "axial", "slice": 7, "value": 22})
    menu = case.history.menu_of(2)  # after the first stroke
    entry = next(action for action in menu.actions() if action.data() == "compare_mask")
    entry.trigger()
    settled(case)
    reference = case.workspace.state.reference
    assert reference.title == "before: Brush L3 on axial slice 7"
    assert int((reference.labels == 22).sum()) < int((case.workspace.mask == 22).sum())
    assert not next(action for action in case.history.menu_of(4).actions() if action.data() == "compare_mask").isEnabled()


def test_notices_leave_the_figures_free(compared: MainWindow, qtbot: Any) -> None:
    compared.notices.say(lambda: "Saved.", "error")
    host, panel = compared.notices, compared.panes.compare
    assert host.geometry().bottom() <= panel.mapTo(compared.centre, panel.rect().topLeft()).y()
    low = host.geometry().bottom()
    compared.run("show_side_by_side", {"visible": False})
    qtbot.waitUntil(lambda: not panel.isVisible())
    assert host.geometry().bottom() > low


def test_after_the_comparison_the_pane_looks_where_it_looked_before(compared: MainWindow, settled: Settled, qtbot: Any) -> None:
    """The pane has another size meanwhile, and its neighbour may have been zoomed."""
    left = compared.panes.slices["axial"]
    compared.run("show_side_by_side", {"visible": False})
    qtbot.waitUntil(lambda: not compared.panes.reference_pane.isVisible())
    wheel(left, 2, Qt.ControlModifier, at(left, (20, 24, 6)))
    settled(compared)
    before = left.viewport
    assert before.zoom != 1.0
    compared.run("show_side_by_side", {"visible": True})
    qtbot.waitUntil(compared.panes.reference_pane.isVisible)
    right = compared.panes.reference
    wheel(right, 3, Qt.ControlModifier, at(right, (24, 24, 6)))
    settled(compared)
    assert left.viewport.zoom != before.zoom
    compared.run("show_side_by_side", {"visible": False})
    qtbot.waitUntil(lambda: not compared.panes.reference_pane.isVisible())
    qtbot.waitUntil(lambda: (left.viewport.width, left.viewport.height) == (before.width, before.height))
    assert left.viewport == before

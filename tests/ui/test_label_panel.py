"""The label panel, the steps and the window of figures: what they show is what is, and what is clicked is an operation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PyQt5.QtWidgets import QApplication, QMenu

from spinalsam.control.operations import SPECS
from spinalsam.ui.history_panel import HistoryPanel
from spinalsam.ui.label_panel import LOCKED, NAME, SHOWN, STATE, VALUE, VOLUME
from spinalsam.ui.main_window import MainWindow
from tests.timing import timed

Settled = Callable[[MainWindow], None]


@pytest.fixture
def spine(case: MainWindow, qtbot: Any) -> MainWindow:
    """L2 and L3 as balls; L3 is active."""
    for region, slice_number in (("L2", 10), ("L3", 4)):
        case.run("set_label", {"regions": [region]})
        case.run("brush", {"path": [[20, 24]], "radius_mm": 4.5, "shape": "ball", "plane": "axial", "slice": slice_number})
    qtbot.waitUntil(lambda: set(case.figures.table.figures) == {21, 22}, timeout=20000)
    return case


def leaves(menu: QMenu) -> list[Any]:
    found = []
    for action in menu.actions():
        found += leaves(action.menu()) if action.menu() is not None else ([] if action.isSeparator() else [action])
    return found


def texts(window: MainWindow, column: int) -> list[str]:
    return [window.labels.table.item(row, column).text() for row in range(window.labels.table.rowCount())]


def test_labels_are_listed_from_head_to_foot_with_value_and_volume(spine: MainWindow) -> None:
    assert texts(spine, NAME) == ["L2", "L3"] and texts(spine, VALUE) == ["21", "22"]
    ml = np.count_nonzero(spine.workspace.mask == 22) * 0.8 * 0.8 * 3 / 1000
    assert texts(spine, VOLUME)[1] == f"{ml:.1f} ml"
    assert spine.labels.table.item(1, NAME).font().bold() and not spine.labels.table.item(0, NAME).font().bold()


def test_the_active_labels_figures_follow_an_edit(spine: MainWindow, qtbot: Any) -> None:
    before = spine.labels.details.text()
    assert before.startswith("L3: ") and "HU" in before and before.endswith("mm")
    spine.run("brush", {"path": [[20, 24]], "radius_mm": 8.0, "plane": "axial", "slice": 4})
    qtbot.waitUntil(lambda: spine.labels.details.text() != before, timeout=20000)


def test_warnings_appear_and_go(spine: MainWindow, qtbot: Any, settled: Settled) -> None:
    assert spine.labels.warnings.text() == ""
    spine.run("change_label", {"value": 22, "to": 23})
    qtbot.waitUntil(lambda: "L3 is missing between L2 and L4." in spine.labels.warnings.text(), timeout=20000)
    spine.run("undo", {})
    qtbot.waitUntil(lambda: spine.labels.warnings.text() == "", timeout=20000)


def test_icons_hide_lock_and_step_through_the_progress(spine: MainWindow) -> None:
    spine.labels._clicked(0, SHOWN)
    spine.labels._clicked(0, LOCKED)
    info = spine.workspace.state.label(21)
    assert (info.visible, info.locked) == (False, True)
    for wanted in ("in_progress", "done", "open"):
        spine.labels._clicked(1, STATE)
        assert spine.workspace.state.label(22).progress == wanted
        assert spine.workspace.state.label(22).locked == (wanted == "done")


def test_every_entry_of_the_menu_is_an_operation_or_asks_for_something(spine: MainWindow) -> None:
    entries = leaves(spine.labels.menu_of(1))
    assert all(action.data() in SPECS for action in entries if action.text() not in ("Rename", "Colour..."))
    assert {"number_from", "change_label", "merge_labels", "fill_between", "smooth", "style_label", "delete_label"} <= {
        action.data() for action in entries
    }


def test_this_one_is_numbers_the_neighbours_too(spine: MainWindow, settled: Settled) -> None:
    menu = spine.labels.menu_of(1)
    next(action for action in leaves(menu) if action.data() == "number_from" and action.text() == "L5").trigger()
    settled(spine)
    assert spine.workspace.case.extents.values == [23, 24]


def test_a_label_of_ones_own_can_be_added_and_chosen(spine: MainWindow) -> None:
    spine.labels.add.click()
    assert spine.workspace.state.active_label == 29 and spine.labels.level.currentText() == "label 29"
    spine.labels._clicked(0, NAME)
    assert spine.workspace.state.active_label == 21
    spine.labels._clicked(2, NAME)
    assert spine.workspace.state.active_label == 29


def test_steps_are_listed_and_a_click_goes_there_and_back(spine: MainWindow) -> None:
    steps = spine.history.list
    listed = [steps.item(n).text() for n in range(steps.count())]
    assert listed[0] == "As the case was opened" and listed[-1] == "Brush L3 on axial slice 4"
    assert steps.currentRow() == steps.count() - 1
    spine.history._go_to(steps.item(2))
    assert spine.workspace.case.extents.values == [21] and steps.currentRow() == 2
    assert steps.count() == len(listed) and steps.item(3).font().italic()
    spine.history._go_to(steps.item(0))
    assert not spine.workspace.has_mask
    spine.history._go_to(steps.item(steps.count() - 1))
    assert spine.workspace.case.extents.values == [21, 22]


@timed
def test_a_new_step_costs_the_list_of_thousands_nothing(qtbot: Any) -> None:
    import time

    panel = HistoryPanel()
    qtbot.addWidget(panel)
    done = tuple(f"Step {n}" for n in range(3000))
    panel.show_history(done[::-1], ())
    assert panel.list.count() == 3001
    began = time.thread_time()
    for number in range(10):
        done += (f"More {number}",)
        panel.show_history(done[::-1], ())
    assert (time.thread_time() - began) / 10 < 0.02
    panel.show_history(done[-2::-1], done[-1:])
    assert panel.list.currentRow() == 3009 and panel.list.item(3010).font().italic()


def test_the_table_is_copied_with_what_is_shown(spine: MainWindow) -> None:
    spine.figures.open()
    sheet = spine.figures.sheet
    assert sheet is not None and [sheet.table.item(row, 0).text() for row in range(2)] == ["L2", "L3"]
    sheet.copy.click()
    rows = QApplication.clipboard().text().splitlines()
    assert rows[0].split("\t")[:2] == ["label", "name"] and rows[2].split("\t")[:2] == ["22", "L3"]


def test_a_reference_is_compared_and_drawn(spine: MainWindow, settled: Settled, tmp_path: Path, qtbot: Any) -> None:
    reference = np.array(spine.workspace.mask)
    reference[reference == 21] = 0
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ spine.workspace.volume.geometry.affine
    path = tmp_path / "reference.nii.gz"
    nibabel.save(nibabel.Nifti1Image(reference, affine), path)
    spine.run("compare_mask", {"path": str(path)})
    settled(spine)
    sheet = spine.figures.sheet
    assert sheet is not None and sheet.table.item(1, 8).text() == "1.000" and sheet.table.item(0, 8).text() == "0.000"
    assert "Not in the reference: L2." in sheet.summary.text()
    assert all(view.scene.reference is not None for view in spine.panes.slices.values())
    spine.run("brush", {"path": [[5, 5]], "radius_mm": 2.0, "plane": "axial", "slice": 4})
    assert sheet.summary.text().startswith("Before the last change:")
    qtbot.waitUntil(lambda: not spine.figures.comparison.stale, timeout=10000)
    assert sheet.summary.text().startswith("Against")
    sheet.difference.click()
    assert spine.panes.slices["axial"].scene.reference is None
    sheet.end.click()
    assert spine.workspace.state.reference is None and not sheet.end.isVisible()


def test_the_chosen_row_stays_the_labels_when_others_come(case: MainWindow) -> None:
    for label, row in (("L3", 10), ("L5", 30)):
        case.run("set_label", {"regions": [label]})
        case.run("brush", {"path": [[20, row]], "radius_mm": 3})
    table = case.labels.table
    table.setCurrentCell(1, 0)
    chosen = table.item(table.currentRow(), 0).text()
    case.run("set_label", {"regions": ["T12"]})
    case.run("brush", {"path": [[8, 24]], "radius_mm": 3})
    assert table.rowCount() >= 3
    assert table.item(table.currentRow(), 0).text() == chosen

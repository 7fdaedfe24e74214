"""The page of vertebrae: figures, reasons, angles, and lines that come and go with the tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QRect, Qt

from spinalsam.control.operation import MaskEdit, OperationResult
from spinalsam.control.operations import find
from spinalsam.control.workspace import Workspace
from spinalsam.support.calls import OperationCall
from spinalsam.ui import app, words
from spinalsam.ui.main_window import MainWindow
from tests.fakes import FakeSegmenter
from tests.toy_spine import toy_spine


@pytest.fixture
def spine(qtbot: Any, qapp: Any, settled: Callable[[MainWindow], None]) -> Iterator[MainWindow]:
    """The window on three vertebrae with their masks."""
    made = app.build_window(qapp, workspace=Workspace(segmenter=FakeSegmenter(), samples={"spine": lambda: toy_spine()[0]}, journal=False))
    qtbot.addWidget(made)
    made.show()
    made.open_path("sample:spine")
    qtbot.waitUntil(lambda: made.workspace.has_case and not made.dispatcher.busy, timeout=20000)
    labels = toy_spine()[1]
    edit = MaskEdit((0, 0, 0), np.zeros_like(labels), labels)
    made.workspace.commit(find("load_mask"), OperationCall("load_mask", {"path": "toy"}), OperationResult("put", edit=edit), origin="test")
    settled(made)
    yield made
    made.close()


def test_figures_reasons_and_lines_follow_what_is_measured(spine: MainWindow, qtbot: Any, settled: Callable[[MainWindow], None]) -> None:
    spine.figures.open()
    panel = spine.figures.sheet.vertebrae
    spine.figures.sheet.tabs.setCurrentWidget(panel)
    assert not panel.shown.isEnabled() and "Nothing has been measured" in panel.hint.text()
    qtbot.mouseClick(panel.measure, Qt.LeftButton)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 3, timeout=60000)
    settled(spine)
    row = [panel.table.item(2, column).text() for column in range(panel.table.columnCount())]
    assert row[0] == "L4"
    assert all(float(figure) == pytest.approx(24, abs=1) for figure in row[1].split(" / "))
    assert row[-1] == "disc below: no bone is masked below it"
    shown, reason = panel.table.visualItemRect(panel.table.item(2, len(row) - 1)), panel.table.fontMetrics()
    rect = reason.boundingRect(QRect(0, 0, shown.width() - 10, 999), Qt.TextWordWrap, row[-1])
    assert rect.height() <= shown.height() and rect.width() <= shown.width(), "it is read to its end"
    assert "L2 (superior)" in panel.angles.text()
    assert "Research use only" in panel.hint.text()
    middle = [int(n) for n in np.argwhere(spine.workspace.mask == 22).mean(axis=0)]
    spine.run("set_crosshair", {"ijk": middle})
    assert any(line.kind == "height" for line in spine.panes.slices["sagittal"].scene.measured)
    qtbot.mouseClick(panel.shown, Qt.LeftButton, pos=QPoint(8, panel.shown.height() // 2))
    qtbot.waitUntil(lambda: not spine.panes.slices["sagittal"].scene.measured)
    spine.run("clear_mask", {"regions": ["L2"]})
    settled(spine)
    assert not panel.shown.isEnabled() and "measure again" in panel.hint.text()


def test_reasons_are_said_in_chinese(spine: MainWindow, qtbot: Any) -> None:
    words.use_language("zh")
    try:
        spine.figures.open()
        panel = spine.figures.sheet.vertebrae
        spine.run("measure", {})
        qtbot.waitUntil(lambda: panel.table.rowCount() == 3, timeout=60000)
        assert panel.table.item(2, panel.table.columnCount() - 1).text() == "下方椎间盘：下方没有骨的掩膜"
    finally:
        words.use_language("en")

"""A folder of studies in the window, small pictures of cases and series, and the page about the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QImage
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QLabel

from spinalsam.ui import thumbnails
from spinalsam.ui.about import AboutDialog
from spinalsam.ui.main_window import MainWindow


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("a", "b", "c"):
        voxels = rng.integers(-100, 900, (24, 20, 16)).astype(np.int16)
        path = tmp_path / "studies" / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2.0, 2.0, 3.0, 1.0])), path)
    return tmp_path / "studies"


def test_a_folder_of_studies_is_gone_through_and_marked(window: MainWindow, qtbot: Any, studies: Path) -> None:
    window.run("list_cases", {"path": str(studies)})
    qtbot.waitUntil(lambda: window.workspace.source_path == studies / "a.nii.gz" and not window.dispatcher.busy, timeout=60000)
    panel = window.cases
    assert window.case_dock.isVisible() and panel.list.count() == 3
    qtbot.waitUntil(panel.done.isEnabled)
    panel.done.click()
    assert panel.list.item(0).text() == "✓ a.nii.gz" and "1 of 3" in panel.title.text()
    panel.next.click()
    qtbot.waitUntil(lambda: window.workspace.source_path == studies / "b.nii.gz" and not window.dispatcher.busy, timeout=60000)
    assert not panel.done.isChecked() and panel.list.currentRow() == 1
    QTest.keyClick(window, Qt.Key_Right, Qt.ControlModifier | Qt.AltModifier)
    qtbot.waitUntil(lambda: window.workspace.source_path == studies / "c.nii.gz" and not window.dispatcher.busy, timeout=60000)
    assert not panel.next.isEnabled()


def test_going_back_in_the_list_brings_a_case_as_it_was_left(window: MainWindow, qtbot: Any, studies: Path) -> None:
    def opened(name: str) -> None:
        path = studies / f"{name}.nii.gz"
        qtbot.waitUntil(lambda: window.workspace.source_path == path and not window.dispatcher.busy, timeout=60000)

    window.run("list_cases", {"path": str(studies)})
    opened("a")
    window.run("brush", {"path": [[8, 8], [12, 9]], "radius_mm": 5, "plane": "axial", "slice": 4})
    qtbot.waitUntil(lambda: window.workspace.has_mask)
    window.cases.next.click()
    opened("b")
    assert not window.workspace.has_mask
    window.cases.previous.click()
    opened("a")
    assert window.workspace.has_mask
    qtbot.waitUntil(lambda: any("undo works" in text for text in window.notices.texts), timeout=20000)
    assert window.preferences.recent[:1] == [str(studies)] and str(studies / "a.nii.gz") not in window.preferences.recent


def test_an_opened_case_has_a_small_picture_in_the_list_of_recent_ones(window: MainWindow, qtbot: Any, studies: Path) -> None:
    path = studies / "a.nii.gz"
    window.open_path(str(path))
    qtbot.waitUntil(lambda: thumbnails.picture_file(str(path)).is_file(), timeout=60000)
    picture = QImage(str(thumbnails.picture_file(str(path))))
    assert max(picture.width(), picture.height()) == thumbnails.SIDE
    window.run("clear_image", {})
    assert window.welcome.recent.count() == 1
    assert thumbnails.icon_of(str(path)) is not None


def test_a_series_has_a_small_picture(shared_data: Any, qapp: Any) -> None:
    files = tuple(str(path) for path in sorted(shared_data("matrad", "real_CT").glob("*.dcm")))
    picture = thumbnails.series_picture(files)
    assert (picture.width(), picture.height()) == (thumbnails.SIDE, thumbnails.SIDE)


def test_about_shows_what_the_program_is(window: MainWindow, qtbot: Any) -> None:
    window.run("about", {})
    qtbot.waitUntil(lambda: window.findChild(AboutDialog) is not None, timeout=60000)
    texts = " ".join(label.text() for label in window.findChild(AboutDialog).findChildren(QLabel))
    assert "fake" in texts and "GPL" in texts and "research only" in texts
    window.findChild(AboutDialog).reject()

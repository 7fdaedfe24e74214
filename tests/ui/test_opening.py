"""What is given to the window: dropped files, several series, cases that were open lately and are gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PyQt5.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from spinalsam.support.calls import OperationCall
from spinalsam.ui.dialogs import SeriesPicker
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.welcome import BELOW
from tests.data.make import dicom_series

Settled = Callable[[MainWindow], None]


def of(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drop(window: MainWindow, *paths: Path) -> None:
    """Over the window, and let go."""
    data = of(*paths)
    enter = QDragEnterEvent(QPoint(300, 300), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted() and window.opening.hint.isVisible()
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier))
    assert not window.opening.hint.isVisible()


def image(folder: Path, name: str, seed: int = 0) -> Path:
    path = folder / name
    voxels = np.random.default_rng(seed).integers(-100, 900, (12, 14, 10)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2.0, 2.0, 3.0, 1.0])), path)
    return path


def mask_of(window: MainWindow, folder: Path) -> Path:
    labels = np.zeros(window.workspace.volume.voxels.shape, np.uint8)
    labels[15:25, 20:30, 4:8] = 22
    path = folder / "L3 <b>drawn.nii.gz"
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([-1.0, -1.0, 1.0, 1.0]) @ window.workspace.volume.geometry.affine), path)
    return path


def test_a_dropped_file_is_opened(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = image(tmp_path, "ct.nii.gz")
    drop(window, path)
    qtbot.waitUntil(lambda: window.workspace.has_case, timeout=20000)
    assert window.workspace.source_path == path
    assert window.preferences.recent[0] == str(path)


def test_a_mask_dropped_on_a_case_leaves_the_case_and_its_work(case: MainWindow, qtbot: Any, tmp_path: Path, settled: Settled) -> None:
    case.run("add_points", {"at": [[20, 24]]})
    volume = case.workspace.volume
    drop(case, mask_of(case, tmp_path))
    qtbot.waitUntil(lambda: case.workspace.has_mask, timeout=20000)
    assert case.workspace.volume is volume and len(case.workspace.state.points) == 1
    settled(case)
    case.run("undo", {})
    qtbot.waitUntil(lambda: not case.workspace.has_mask, timeout=20000)


def test_a_ct_and_its_mask_dropped_together_are_opened_together(case: MainWindow, qtbot: Any, tmp_path: Path, settled: Settled) -> None:
    path = image(tmp_path, "new.nii.gz")
    labels = np.zeros((12, 14, 10), np.uint8)
    labels[3:6, 4:8, 2:5] = 21
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / "seg.nii.gz")
    drop(case, tmp_path / "seg.nii.gz", path)
    qtbot.waitUntil(lambda: case.workspace.source_path == path and case.workspace.has_mask, timeout=20000)


def test_a_second_ct_is_not_opened_and_that_is_said(window: MainWindow, qtbot: Any, tmp_path: Path, settled: Settled) -> None:
    first, second = image(tmp_path, "a.nii.gz"), image(tmp_path, "b.nii.gz", 1)
    drop(window, first, second)
    qtbot.waitUntil(lambda: window.workspace.source_path == first, timeout=20000)
    settled(window)
    assert any("b.nii.gz" in text for text in window.notices.texts), "the opened case does not take it away"


def test_a_file_of_no_kind_is_refused_and_the_case_stays(case: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing")
    drop(case, path)
    qtbot.waitUntil(lambda: any("notes.txt" in text for text in case.notices.texts), timeout=20000)
    assert case.workspace.has_case


def test_a_mask_whose_image_was_refused_is_not_laid_over_another(case: MainWindow, qtbot: Any, tmp_path: Path, settled: Settled) -> None:
    broken = tmp_path / "ct.nii.gz"
    broken.write_bytes(b"nothing")
    drop(case, broken, mask_of(case, tmp_path))
    qtbot.waitUntil(lambda: any("ct.nii.gz" in text for text in case.notices.texts), timeout=20000)
    case.open_path("sample:block")
    settled(case)
    assert not case.workspace.has_mask


def test_something_else_than_files_is_not_taken(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("hello")
    enter = QDragEnterEvent(QPoint(300, 300), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted() and not window.opening.hint.isVisible()


def test_the_hint_goes_when_the_pointer_leaves(window: MainWindow, tmp_path: Path) -> None:
    data = of(tmp_path)  # held: the event does not
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(9, 9), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier))
    assert window.opening.hint.isVisible()
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window.opening.hint.isVisible()


@pytest.fixture
def two_series(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    for name, count in (("a", 3), ("b", 5)):
        dicom_series(tmp_path / "study" / name, np.zeros((6, 5, count), np.uint16), series=f"1.2.3.{count}")
    return tmp_path / "study"


def test_the_keyboard_chooses_a_series(window: MainWindow, qtbot: Any, two_series: Path) -> None:
    window.open_path(str(two_series))
    qtbot.waitUntil(lambda: window.findChild(SeriesPicker) is not None, timeout=20000)
    picker = window.findChild(SeriesPicker)
    assert window.status.message.text() == "", "it is no longer being looked at"
    QTest.keyClick(picker.table, Qt.Key_Down)
    QTest.keyClick(picker.table, Qt.Key_Return)
    qtbot.waitUntil(lambda: window.workspace.has_case, timeout=20000)
    assert window.workspace.volume.voxels.shape[2] == 3


def test_a_folder_of_several_series_named_in_the_chat_asks_which(window: MainWindow, qtbot: Any, two_series: Path) -> None:
    window.conversation.run([OperationCall("open_image", {"path": str(two_series)})])
    qtbot.waitUntil(lambda: window.findChild(SeriesPicker) is not None, timeout=20000)
    window.findChild(SeriesPicker).reject()
    assert not window.notices.texts
    assert any("holds several cases; choose one." in label.text() for label in window.chat.findChildren(QLabel))


def test_a_folder_of_studies_named_in_the_chat_is_listed(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    for name in ("one.nii.gz", "two.nii.gz"):
        image(folder, name)
    window.conversation.run([OperationCall("open_image", {"path": str(folder)})])
    qtbot.waitUntil(lambda: window.workspace.case_list is not None, timeout=20000)
    assert window.case_dock.isVisible() and window.cases.list.count() == 2
    # The first of them is opened.
    qtbot.waitUntil(lambda: window.workspace.source_path == folder / "one.nii.gz" and not window.dispatcher.busy, timeout=20000)
    assert not window.notices.texts


def test_looking_into_a_folder_can_be_stopped(window: MainWindow, qtbot: Any, two_series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinalsam.data import formats

    real = formats.list_series

    def slow(path: Path, *, progress: Any = None) -> Any:
        for number in range(1000):
            progress(number / 1000, "Looking at file 1 of 1000")
            QTest.qSleep(5)
        return real(path)

    monkeypatch.setattr(formats, "list_series", slow)
    window.open_path(str(two_series))
    qtbot.waitUntil(window.status.progress.isVisible, timeout=20000)
    QTest.mouseClick(window.status.progress.cancel, Qt.LeftButton)
    qtbot.waitUntil(lambda: not window.opening.is_looking, timeout=20000)
    qtbot.wait(50)
    assert window.findChild(SeriesPicker) is None and not window.workspace.has_case and not window.notices.texts


def test_a_recent_case_that_is_gone_is_marked_and_can_be_taken_off(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    gone, there = tmp_path / "gone.nii.gz", image(tmp_path, "there.nii.gz")
    for path in (gone, there):
        window.preferences.remember(str(path))
    window._show_recent()
    listed = window.welcome.recent
    qtbot.waitUntil(lambda: "Not there now" in listed.item(1).data(BELOW), timeout=20000)
    assert "Not there now" not in listed.item(0).data(BELOW)
    listed.setFocus()
    listed.setCurrentRow(1)
    QTest.keyClick(listed, Qt.Key_Delete)
    assert listed.count() == 1 and window.preferences.recent == [str(there)]


def test_a_notice_stays_above_the_page_that_comes(case: MainWindow) -> None:
    case.notices.say(lambda: "Something to know.", "error")
    case.run("clear_image", {})
    assert case.welcome.isVisible()
    widgets = [child for child in case.centre.children() if isinstance(child, QWidget)]
    assert widgets.index(case.notices) > widgets.index(case.welcome)


def test_a_notice_follows_the_language_with_its_button(case: MainWindow, qtbot: Any) -> None:
    from spinalsam.ui import words

    case.run("go_to", {"slice": 999})
    case._offer({"time": "2026-01-01T10:00:00", "unfinished": True, "steps": 3, "journal": "x"})
    english = list(case.notices.texts)
    try:
        words.use_language("zh")
        if words.font_missing():
            pytest.skip("no font with Chinese letters")
        chinese = case.notices.texts
        assert all(not set(text) & set("abcdefghij") for text in chinese if "UTC" not in text) and len(chinese) == len(english)
        assert [button.text() for button in case.notices.findChildren(QPushButton)] == ["恢复"]
        assert case.status.message.text() == chinese[0]
    finally:
        words.use_language("en")
    assert case.notices.texts == english

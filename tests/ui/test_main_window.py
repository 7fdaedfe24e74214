from __future__ import annotations

import ast
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QSize, Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QAction, QDialog, QFileDialog, QLineEdit, QListView, QListWidget, QMenu, QWidget

import spinalsam.ui
from spinalsam.control.operations import OPERATIONS, SPECS
from spinalsam.control.workspace import Workspace
from spinalsam.support.planes import SliceRef
from spinalsam.ui import app, opening
from spinalsam.ui.dialogs import CommandPalette, SeriesPicker, ShortcutMap
from spinalsam.ui.file_dialogs import ask_export, ask_file, ask_folder, with_ending
from spinalsam.ui.forms import OperationForm, can_enter
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.session_picker import SessionPicker
from tests.fakes import FakeSegmenter
from tests.ui.pointing import at, drag, wheel

Settled = Callable[[MainWindow], None]


def leaves(menu: QMenu) -> list[QAction]:
    found: list[QAction] = []
    for action in menu.actions():
        if action.menu() is not None:
            found += leaves(action.menu())
        elif not action.isSeparator():
            found.append(action)
    return found


def draw_box(window: MainWindow, plane: str = "axial") -> None:
    view = window.panes.slices[plane]
    assert view.scene is not None
    start, end = {"axial": ((12, 18, 6), (28, 34, 6)), "sagittal": ((20, 18, 1), (20, 34, 10)), "coronal": ((12, 24, 1), (28, 24, 10))}[
        plane
    ]
    drag(view, at(view, start), at(view, end), Qt.LeftButton, Qt.ShiftModifier)


# --- menus -----------------------------------------------------------------------------------------------------------


def test_an_uneven_series_is_offered_resampled_and_opens_marked_as_such(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    from tests.data.test_dicom_resample import series

    folder = series(tmp_path / "ct")
    window.open_path(str(folder))
    qtbot.waitUntil(lambda: bool(window.notices.texts), timeout=20000)
    assert "unevenly spaced" in window.notices.texts[0] and not window.workspace.has_case
    (button,) = window.notices._notices[-1].findChildren(spinalsam.ui.notices.QPushButton)
    assert button.text() == "Resample it"
    qtbot.mouseClick(button, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.has_case and bool(window.notices.texts), timeout=20000)
    assert any(text.startswith("RESAMPLED") for text in window.notices.texts)
    assert window.workspace.case.resampled


def test_a_mask_on_another_grid_is_offered_resampled(case: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    from tests.data.make import nifti

    geometry = case.workspace.case.volume.geometry
    affine = geometry.affine.copy()
    affine[:3, :3] *= 2
    nifti(tmp_path / "m.nii.gz", np.full((20, 24, 6), 22, np.uint8), affine)
    case.run("load_mask", {"path": str(tmp_path / "m.nii.gz")})
    qtbot.waitUntil(lambda: bool(case.notices.texts), timeout=20000)
    assert "does not fit the image" in case.notices.texts[-1]
    (button,) = case.notices._notices[-1].findChildren(spinalsam.ui.notices.QPushButton)
    qtbot.mouseClick(button, Qt.LeftButton)
    qtbot.waitUntil(lambda: case.workspace.has_mask, timeout=20000)


def test_every_menu_entry_is_an_operation_and_every_operation_has_one(window: MainWindow) -> None:
    menus = [action.menu() for action in window.menuBar().actions()]
    entries = [action for menu in menus for action in leaves(menu)]
    assert entries and all(action.data() in SPECS for action in entries)
    assert {action.data() for action in entries} == {operation.name for operation in OPERATIONS if can_enter(operation)}


def test_every_toolbar_button_of_the_registry_is_an_operation(window: MainWindow) -> None:
    bar = window.findChild(spinalsam.ui.main_window.QToolBar, "tools")
    assert all(action.data() in SPECS for action in bar.actions() if not action.isSeparator() and action.data() is not None)


def test_shortcuts_come_from_the_registry_and_none_is_given_twice(window: MainWindow) -> None:
    declared = [operation.shortcut for operation in OPERATIONS] + [
        preset.shortcut for operation in OPERATIONS for preset in operation.presets
    ]
    used = [action.shortcut().toString() for action in window.actions_of.all() if not action.shortcut().isEmpty()]
    assert sorted(used) == sorted(keys for keys in declared if keys)
    assert len(set(used)) == len(used)


def test_without_a_case_entries_say_what_is_missing(window: MainWindow) -> None:
    action = window.actions_of.plain["generate_box_mask"]
    assert not action.isEnabled()
    assert "open one first" in action.toolTip()
    assert window.actions_of.plain["open_image"].isEnabled()


def test_undo_entry_says_what_it_will_undo(case: MainWindow, settled: Settled) -> None:
    draw_box(case)
    assert "Add 1 box on axial slice 7" in case.actions_of.plain["undo"].text()


# --- opening ---------------------------------------------------------------------------------------------------------


def test_welcome_page_gives_way_to_the_panes(window: MainWindow, qtbot: Any) -> None:
    assert window.centre.currentWidget() is window.welcome
    window.open_path("sample:block")
    qtbot.waitUntil(lambda: window.centre.currentWidget() is window.panes)
    for name, view in window.panes.slices.items():
        assert view.scene is not None and view.scene.plane.plane == name
    window.run("clear_image", {})  # waits its turn where the opening has just ended
    qtbot.waitUntil(lambda: window.centre.currentWidget() is window.welcome)


def test_a_file_that_cannot_be_read_is_one_clear_notice(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"not a gzip")
    window.open_path(str(broken))
    qtbot.waitUntil(lambda: bool(window.notices.texts), timeout=20000)
    assert "broken.nii.gz" in window.notices.texts[0]
    assert not window.workspace.has_case


def test_a_folder_with_several_series_asks_which(window: MainWindow, qtbot: Any) -> None:
    from spinalsam.data.formats.series import SeriesInfo

    series = [SeriesInfo(f"1.2.{n}", "CT", n, "thin" if n else "scout", (4, 4, 3 + n), (1.0, 1.0, 2.0)) for n in range(2)]
    window.opening._choose("/nowhere/study", series)
    picker = window.findChild(SeriesPicker)
    with qtbot.waitSignal(picker.chosen, timeout=2000) as caught:
        picker._accept()
    assert caught.args == ["1.2.1"], "the longest series is chosen beforehand"


# --- pointing --------------------------------------------------------------------------------------------------------


def test_clicks_become_points_of_the_case_on_their_voxels(case: MainWindow, qtbot: Any) -> None:
    view = case.panes.slices["sagittal"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, (20, 24, 5)))
    qtbot.waitUntil(lambda: len(case.workspace.state.points) == 1)
    QTest.mouseClick(view, Qt.RightButton, Qt.NoModifier, at(view, (20, 40, 5)))
    points = case.workspace.state.points
    assert [(point.ref, tuple(point.ijk), point.positive) for point in points] == [
        (SliceRef("sagittal", 20), (20, 24, 5), True),
        (SliceRef("sagittal", 20), (20, 40, 5), False),
    ]
    assert case.workspace.state.view.active_plane == "sagittal"
    assert case.workspace.state.view.crosshair_ijk == (20, 40, 5)


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
def test_a_box_and_enter_make_the_mask_on_exactly_that_slice(case: MainWindow, settled: Settled, plane: str) -> None:
    draw_box(case, plane)
    QTest.keyClick(case.panes.slices[plane], Qt.Key_Return)
    settled(case)
    mask = case.workspace.mask
    assert mask is not None
    bright = case.workspace.volume.voxels > 150
    axis = case.workspace.plane(plane).normal_axis
    index = case.workspace.state.boxes[0].ref.index
    found = np.argwhere(mask)
    assert set(found[:, axis]) == {index}
    assert np.array_equal(np.take(mask, index, axis) > 0, np.take(bright, index, axis))


def test_in_live_mode_a_box_makes_its_mask_at_once(case: MainWindow, settled: Settled) -> None:
    case.live_button.setChecked(True)
    draw_box(case)
    settled(case)
    assert case.workspace.has_mask


def test_wheel_scrolls_the_pane_under_the_pointer_only(case: MainWindow) -> None:
    before = case.workspace.state.view.crosshair_ijk
    wheel(case.panes.slices["axial"], -1)
    wheel(case.panes.slices["coronal"], 2)
    assert case.workspace.state.view.crosshair_ijk == (before[0], before[1] - 2, before[2] + 1)
    assert case.panes.slices["axial"].scene.index == before[2] + 1


def test_scroll_bar_goes_to_a_slice(case: MainWindow) -> None:
    case.panes.panes["axial"].bar.setValue(3)
    assert case.workspace.state.view.crosshair_ijk[2] == 3


def test_window_by_right_drag_and_by_key(case: MainWindow) -> None:
    view = case.panes.slices["axial"]
    drag(view, QPoint(100, 100), QPoint(160, 100), Qt.RightButton)
    assert case.workspace.state.view.width_hu > 1800 and not case.workspace.state.points
    QTest.keyClick(view, Qt.Key_2)
    assert (case.workspace.state.view.level_hu, case.workspace.state.view.width_hu) == (50, 400)


def test_double_click_lets_a_pane_fill_the_window_and_again_shows_all(case: MainWindow, qtbot: Any) -> None:
    view = case.panes.slices["coronal"]
    for layout in ("coronal", "mpr"):
        QTest.mouseClick(view, Qt.LeftButton)
        QTest.mouseDClick(view, Qt.LeftButton)
        assert case.workspace.state.view.layout == layout == case.panes.layout_name
    assert case.panes.slices["axial"].isVisible()
    qtbot.wait(350)
    assert not case.workspace.state.points


def test_a_box_is_moved_and_deleted_by_hand(case: MainWindow) -> None:
    draw_box(case)
    view = case.panes.slices["axial"]
    drag(view, at(view, (28, 34, 6)), at(view, (30, 36, 6)), Qt.LeftButton)
    box = case.workspace.state.boxes[0]
    corners = np.array([box.corner_a_ijk, box.corner_b_ijk])
    assert corners.min(0).tolist() == [12, 18, 6] and corners.max(0).tolist() == [30, 36, 6]
    QTest.mouseMove(view, at(view, (30, 36, 6)))
    view._pointer = (float(at(view, (30, 36, 6)).x()), float(at(view, (30, 36, 6)).y()))
    QTest.keyClick(view, Qt.Key_Delete)
    assert not case.workspace.state.boxes


def test_undo_and_redo_by_keys(case: MainWindow, settled: Settled) -> None:
    draw_box(case)
    QTest.keyClick(case, Qt.Key_Z, Qt.ControlModifier)
    assert not case.workspace.state.boxes
    QTest.keyClick(case, Qt.Key_Z, Qt.ControlModifier | Qt.ShiftModifier)
    assert len(case.workspace.state.boxes) == 1


# --- labels ----------------------------------------------------------------------------------------------------------


def test_label_list_shows_levels_values_and_volumes(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    case.run("set_label", {"regions": ["L3"]})
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    table = case.labels.table
    # 12 x 12 voxels of 0.8 x 0.8 x 3 mm
    qtbot.waitUntil(lambda: table.rowCount() == 1 and table.item(0, 2).text() == "0.3 ml")
    assert (table.item(0, 0).text(), table.item(0, 1).text()) == ("L3", "22")


def test_eye_and_lock_of_a_label(case: MainWindow, settled: Settled) -> None:
    case.run("set_label", {"regions": ["L3"]})
    case.labels._clicked(0, 3)
    case.labels._clicked(0, 4)
    info = case.workspace.state.label(22)
    assert (info.visible, info.locked) == (False, True)


def test_this_one_is_l4(case: MainWindow, settled: Settled) -> None:
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    menu = case.labels.menu_of(0)
    assert all(action.data() in SPECS for action in leaves(menu) if action.data() is not None)
    next(action for action in leaves(menu) if action.text() == "L4").trigger()
    settled(case)
    assert set(np.unique(case.workspace.mask)) == {0, 23}


# --- forms, dialogs, export ------------------------------------------------------------------------------------------


def test_an_operation_with_arguments_opens_a_form_that_runs_it(case: MainWindow, qtbot: Any) -> None:
    case.actions_of.plain["go_to"].trigger()
    form = case.findChild(OperationForm)
    form.fields.itemAt(0, form.fields.FieldRole).widget().setText("2")
    form._submit()
    assert case.workspace.state.view.crosshair_ijk[2] == 1


def test_a_form_says_what_is_wrong_and_stays_open(case: MainWindow, qtbot: Any) -> None:
    case.actions_of.plain["set_crosshair"].trigger()
    form = case.findChild(OperationForm)
    form._submit()
    assert form.isVisible() and form.problem.text() == "Fill in: Voxel i, j, k."
    form.reject()
    case.actions_of.plain["set_window"].trigger()
    form = next(one for one in case.findChildren(OperationForm) if one.isVisible())
    form._submit()
    assert form.isVisible() and form.problem.text() == "Fill in one of these: Preset, Level, Width."
    form.reject()


def test_export_writes_the_mask_on_the_images_grid(case: MainWindow, settled: Settled, qtbot: Any, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    case.actions_of.plain["export_mask"].trigger()
    dialog = case.findChild(QFileDialog)
    path = tmp_path / "mask.nii.gz"
    dialog.fileSelected.emit(str(path))
    settled(case)
    dialog.reject()
    saved = nibabel.load(path)
    assert np.array_equal(np.asarray(saved.dataobj), case.workspace.mask)
    lps_to_ras = np.diag([-1, -1, 1, 1])
    assert np.allclose(saved.affine, lps_to_ras @ case.workspace.volume.geometry.affine)
    assert any("mask.nii.gz" in text for text in case.notices.texts)


@pytest.mark.parametrize(
    ("path", "chosen", "written"),
    [
        ("/a/m", "NRRD (*.nrrd)", "/a/m.nrrd"),
        ("/a/m.nii.gz", "NRRD (*.nrrd)", "/a/m.nii.gz"),
        ("/a/m.v2", "NIfTI (*.nii.gz)", "/a/m.v2.nii.gz"),
    ],
)
def test_export_gives_a_name_its_ending(path: str, chosen: str, written: str) -> None:
    assert with_ending(path, chosen) == written


def test_help_shows_every_key_of_the_registry(window: MainWindow, qtbot: Any) -> None:
    window.run("help", {})
    shown = window.findChild(ShortcutMap)
    keys = {shown.table.item(row, 0).text() for row in range(shown.table.rowCount())}
    assert {operation.shortcut for operation in OPERATIONS if operation.shortcut} <= keys
    shown.reject()


def test_command_palette_finds_and_runs(case: MainWindow, qtbot: Any) -> None:
    QTest.keyClick(case, Qt.Key_K, Qt.ControlModifier)
    palette = case.findChild(CommandPalette)
    qtbot.waitUntil(palette.line.hasFocus)
    QTest.keyClicks(palette.line, "soft tis")
    QTest.keyClick(palette.line, Qt.Key_Return)
    assert case.workspace.state.view.width_hu == 400


# --- the window ------------------------------------------------------------------------------------------------------


def test_an_earlier_session_of_the_case_is_offered_and_restored(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    before = case.workspace.mask.copy()
    case.run("clear_image", {})
    case.open_path("sample:block")
    qtbot.waitUntil(lambda: case.workspace.has_case and bool(case.notices.texts), timeout=20000)
    assert "earlier session" in case.notices.texts[-1]
    journal = case.workspace.journal_path
    notice = case.notices._notices[-1]
    notice.findChildren(spinalsam.ui.notices.QPushButton)[0].click()
    qtbot.waitUntil(lambda: case.workspace.has_mask and not case.dispatcher.busy, timeout=20000)
    assert np.array_equal(case.workspace.mask, before) and case.workspace.journal_path != journal


def test_the_offer_of_an_earlier_session_waits_until_something_new_is_done(
    case: MainWindow, settled: Settled, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spinalsam.ui.notices, "SHOWN_MS", {"info": 50, "good": 50, "warning": 50, "error": 0})
    draw_box(case)
    case.run("clear_image", {})
    case.open_path("sample:block")
    qtbot.waitUntil(lambda: case.workspace.has_case and bool(case.notices.texts), timeout=20000)
    qtbot.wait(200)
    assert "earlier session" in case.notices.texts[-1]
    case.run("set_window", {"preset": "lung"})
    assert case.notices.texts, "a look at the case is no step"
    draw_box(case)
    qtbot.waitUntil(lambda: not case.notices.texts)


def test_the_menu_lists_earlier_sessions_to_go_on_with(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    draw_box(case)
    settled(case)
    case.run("clear_image", {})
    case.open_path("sample:block")
    qtbot.waitUntil(lambda: case.workspace.has_case and not case.dispatcher.busy, timeout=20000)
    case.actions_of.plain["restore_case"].trigger()
    qtbot.waitUntil(lambda: case.findChild(SessionPicker) is not None, timeout=20000)
    picker = case.findChild(SessionPicker)
    assert picker.table.rowCount() == 1 and picker.table.item(0, 0).text() == "sample:block"
    QTest.keyClick(picker.table, Qt.Key_Return)
    qtbot.waitUntil(lambda: len(case.workspace.state.boxes) == 1, timeout=20000)
    case.actions_of.plain["restore_case"].trigger()
    qtbot.waitUntil(lambda: any("no earlier session" in text for text in case.notices.texts), timeout=20000)


def test_closing_the_window_ends_its_threads_and_keeps_its_place(window: MainWindow) -> None:
    window.close()
    assert window.preferences.window is not None
    assert window.workspace.content is None


@pytest.mark.parametrize(("screen", "size"), [((1366, 768), (1366, 736)), ((1920, 1080), (1440, 900))])
def test_a_new_window_fits_on_the_screen(window: MainWindow, screen: tuple[int, int], size: tuple[int, int]) -> None:
    window._take_first_size(QSize(*screen))
    assert (window.width(), window.height()) == size


def test_a_folder_that_is_listed_late_opens_nothing_over_what_was_opened_meanwhile(
    window: MainWindow, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, asked = threading.Event(), []
    monkeypatch.setattr(opening, "_series_in", lambda path, job: go.wait(20) and [])
    monkeypatch.setattr(window, "run", lambda op, args, run=window.run: (asked.append(args), run(op, args)))
    window.open_path(str(tmp_path))
    window.open_path("sample:block")
    qtbot.waitUntil(lambda: window.workspace.has_case, timeout=20000)
    go.set()
    qtbot.wait(300)
    assert [args["path"] for args in asked if "path" in args] == ["sample:block"]


def test_closing_the_window_waits_for_the_file_that_is_being_written(
    case: MainWindow, settled: Settled, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spinalsam.data import formats

    started, go, write = threading.Event(), threading.Event(), formats.write_mask

    def slowly(*args: Any, **options: Any) -> None:
        started.set()
        assert go.wait(20)
        write(*args, **options)

    monkeypatch.setattr(formats, "write_mask", slowly)
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    case.run("export_mask", {"path": str(tmp_path / "mask.nii.gz")})
    assert started.wait(20)
    case.close()
    assert case.isVisible() and case.workspace.has_case and "being written" in case.notices.texts[-1]
    go.set()
    qtbot.waitUntil(lambda: not case.isVisible(), timeout=20000)
    assert (tmp_path / "mask.nii.gz").exists() and case.workspace.content is None


def test_widgets_change_nothing_but_through_the_dispatcher() -> None:
    """No module of the window assigns to the workspace, its state or its mask, or calls what only the dispatcher may."""
    forbidden = {"commit", "install", "apply_silently", "notify"}
    for path in Path(spinalsam.ui.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "workspace":
                assert not isinstance(node.ctx, ast.Store), f"{path.name} assigns to the workspace"
                assert node.attr not in forbidden, f"{path.name} calls workspace.{node.attr}"


def test_no_dialog_blocks(window: MainWindow) -> None:
    """exec_ would stop tests, jobs and notices; only menus and the application may use it."""
    for path in Path(spinalsam.ui.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            assert ".exec_(" not in line or "menu_of" in line or "application.exec_" in line, f"{path.name}: {line.strip()}"
    assert isinstance(window, QDialog) is False


def test_a_file_is_replaced_only_where_the_dialog_asked_for_that_very_name(qtbot, tmp_path) -> None:
    """Without its ending the name is another file's, and the dialog did not ask about that one."""
    parent = QWidget()
    qtbot.addWidget(parent)
    chosen = []
    for name in ("mask", "mask.nii.gz"):
        dialog = ask_export(parent, str(tmp_path), "x", lambda *what: chosen.append(what))
        dialog.fileSelected.emit(str(tmp_path / name))
        dialog.close()
    assert chosen == [(str(tmp_path / "mask.nii.gz"), False), (str(tmp_path / "mask.nii.gz"), True)]


def test_a_dialog_for_files_is_used_again_and_knows_nothing_of_the_answer_before(qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "ct.nii").write_bytes(b"")
    parent = QWidget()
    qtbot.addWidget(parent)
    answers: list[tuple[str, str]] = []
    first = ask_file(parent, "First", str(tmp_path / "here"), lambda path: answers.append(("first", path)))
    assert first.fileMode() == QFileDialog.ExistingFile
    first.selectFile("ct.nii")
    qtbot.waitUntil(lambda: first.findChild(QListView, "listView").selectionModel().hasSelection())
    first.accept()
    assert answers == [("first", str(tmp_path / "here" / "ct.nii"))]
    second = ask_folder(parent, "Second", str(tmp_path / "here"), lambda path: answers.append(("second", path)))
    assert second is first and second.windowTitle() == "Second" and second.fileMode() == QFileDialog.Directory
    assert second.selectedFiles() == [str(tmp_path / "here")]
    assert second.findChild(QLineEdit, "fileNameEdit").text() == ""
    second.accept()
    assert answers[1:] == [("second", str(tmp_path / "here"))]
    saving = ask_export(parent, str(tmp_path), "x", lambda *what: answers.append(("saving", what[0])))
    assert saving is not first and saving.findChild(QLineEdit, "fileNameEdit").text() == "x.nii.gz"
    saving.accept()
    again = ask_export(parent, str(tmp_path), "y", lambda *what: answers.append(("again", what[0])))
    assert again is saving and again.findChild(QLineEdit, "fileNameEdit").text() == "y.nii.gz"
    again.accept()
    assert answers[2:] == [("saving", str(tmp_path / "x.nii.gz")), ("again", str(tmp_path / "y.nii.gz"))]


def test_docks_keep_their_sizes_until_the_next_time(qtbot: Any, qapp: Any) -> None:
    def opened() -> MainWindow:
        made = app.build_window(qapp, workspace=Workspace(segmenter=FakeSegmenter(), journal=False))
        qtbot.addWidget(made)
        made.show()
        qtbot.waitExposed(made)
        return made

    first = opened()
    first.resize(1400, 860)
    qtbot.wait(20)
    first.resizeDocks([first.label_dock, first.chat_dock], [300, 460], Qt.Vertical)
    first.resizeDocks([first.label_dock], [420], Qt.Horizontal)
    qtbot.wait(20)
    before = first.label_dock.size(), first.chat_dock.size()
    first.close()
    again = opened()
    qtbot.wait(20)
    assert (again.label_dock.size(), again.chat_dock.size()) == before
    again.close()


def test_who_opens_a_case_by_a_sentence_keeps_typing(window: MainWindow, qtbot: Any) -> None:
    window.activateWindow()
    window.chat.line.setFocus()
    qtbot.waitUntil(window.chat.line.hasFocus)
    window.open_path("sample:block")
    qtbot.waitUntil(lambda: window.workspace.has_case and not window.dispatcher.busy)
    assert window.chat.line.hasFocus()


def test_a_region_that_is_only_chosen_in_a_form_counts(case: MainWindow, qtbot: Any) -> None:
    case.ask(next(operation for operation in OPERATIONS if operation.name == "segment"))
    form = case.findChild(OperationForm)
    listed = form.findChild(QListWidget)
    listed.setCurrentItem(listed.findItems("L4", Qt.MatchExactly)[0])
    assert form.arguments() == {"regions": ["L4"]}
    listed.item(0).setCheckState(Qt.Checked)
    assert form.arguments() == {"regions": ["cervical"]}
    form.reject()


def test_the_key_for_saving_exports_or_says_that_all_is_kept(case: MainWindow, qtbot: Any) -> None:
    case.activateWindow()
    QTest.keyClick(case, Qt.Key_S, Qt.ControlModifier)
    assert any("every step is kept" in text for text in case.notices.texts)


def test_steps_are_shown_where_one_is(case: MainWindow, qtbot: Any) -> None:
    for n in range(40):
        case.run("add_points", {"at": [[n % 30, 5]]})
    case.history_dock.raise_()
    steps = case.history.list
    qtbot.waitUntil(lambda: steps.isVisible() and steps.viewport().rect().intersects(steps.visualItemRect(steps.item(40))))

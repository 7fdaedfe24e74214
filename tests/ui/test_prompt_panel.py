"""Prompts in a list, with coordinates to type; previews, candidates and marks in the panes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QImage, QMouseEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

from spinalsam.errors import ResourceError
from spinalsam.support.planes import SliceRef
from spinalsam.ui.main_window import MainWindow
from tests.ui.pointing import at, drag
from tests.ui.test_main_window import draw_box

Settled = Callable[[MainWindow], None]


def pixels(window: MainWindow) -> list[str]:
    table = window.prompts.table
    return [table.item(row, 3).text() for row in range(table.rowCount())]


def test_typed_coordinates_become_points_and_boxes_and_are_listed(case: MainWindow) -> None:
    panel = case.prompts
    for text, key in (("20, 24", "plus"), ("5 6", "minus"), ("12,18,28,34", "plus")):
        panel.place.setText(text)
        getattr(panel, key).click()
    assert pixels(case) == ["12, 18, 28, 34", "20, 24", "5, 6"]
    assert [point.positive for point in case.workspace.state.points] == [True, False]
    plane = case.workspace.plane("axial")
    assert plane.to_pixel(case.workspace.state.points[0].ijk).tolist() == [20, 24]


def test_a_wrong_number_of_coordinates_is_said_and_nothing_is_set(case: MainWindow) -> None:
    case.prompts.place.setText("1, 2, 3")
    case.prompts.plus.click()
    assert case.prompts.problem.text() and not case.workspace.state.prompts


def test_coordinates_are_edited_and_prompts_deleted_in_the_list(case: MainWindow) -> None:
    draw_box(case)
    case.prompts.table.item(0, 3).setText("1, 2, 9, 8")
    assert pixels(case) == ["1, 2, 9, 8"]
    case.prompts.table.cellClicked.emit(0, 4)
    assert not case.workspace.state.boxes and not pixels(case)


def test_a_click_on_a_prompt_of_another_slice_goes_there(case: MainWindow) -> None:
    case.prompts.place.setText("20, 24")
    case.prompts.plus.click()
    case.run("go_to", {"slice": 2})
    case.prompts.table.cellClicked.emit(0, 2)
    assert case.workspace.shown == SliceRef("axial", 6)
    case.run("go_to", {"slice": 2})
    case.prompts.only_here.setChecked(True)
    assert not pixels(case)


def test_a_resting_pointer_outlines_the_mask_of_its_click(case: MainWindow, qtbot: Any) -> None:
    case.live_button.setChecked(True)
    view = case.panes.slices["axial"]
    QTest.mouseMove(view, at(view, (19, 25, 6)))
    QTest.mouseMove(view, at(view, (20, 26, 6)))
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    assert view._preview.lines and view._preview.found.score > 0.5
    assert not case.workspace.state.points and not case.workspace.has_mask
    QTest.mousePress(view, Qt.MiddleButton, Qt.NoModifier, at(view, (20, 26, 6)))
    assert view._preview is None
    QTest.mouseRelease(view, Qt.MiddleButton, Qt.NoModifier, at(view, (20, 26, 6)))


def test_either_button_is_answered_before_it_is_pressed_where_the_pointer_rests(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    network = case.workspace.segmenter()
    network.encodes_windows = True
    case.live_button.setChecked(True)
    view = case.panes.slices["axial"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, (20, 26, 6)))
    view.flush_click()
    settled(case)
    before = network.decoded
    QTest.mouseMove(view, at(view, (15, 23, 6)))
    QTest.mouseMove(view, at(view, (16, 24, 6)))
    qtbot.waitUntil(lambda: network.decoded == before + 2, timeout=5000)
    qtbot.waitUntil(lambda: not case.previews._running, timeout=5000)
    assert len(case.workspace.state.points) == 1
    QTest.mouseClick(view, Qt.RightButton, Qt.NoModifier, at(view, (16, 24, 6)))
    view.flush_click()
    settled(case)
    assert len(case.workspace.state.points) == 2 and network.decoded == before + 2, "the answer was known already"


def test_a_slice_that_would_have_to_be_encoded_is_not_guessed_at_a_short_rest(case: MainWindow, qtbot: Any) -> None:
    case.live_button.setChecked(True)
    view, wished = case.panes.slices["axial"], []
    case.previews.foresee = lambda ref, **wanted: wished.append(wanted)  # type: ignore[method-assign]
    QTest.mouseMove(view, at(view, (19, 25, 6)))
    QTest.mouseMove(view, at(view, (20, 26, 6)))
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    assert not wished
    case.workspace.segmenter().encodes_windows = True
    QTest.mouseMove(view, at(view, (16, 24, 6)))
    qtbot.waitUntil(lambda: len(wished) >= 2, timeout=5000)
    assert [wanted["positive"] for wanted in wished[:2]] == [True, False]


def colourful(view: Any) -> int:
    """How many of the pane's pixels are not grey."""
    picture = view.grab().toImage().convertToFormat(QImage.Format_RGB32)
    bits = picture.constBits().asstring(picture.sizeInBytes())
    channels = np.frombuffer(bits, np.uint8).reshape(-1, 4)[:, :3].astype(int)
    return int((channels.max(1) - channels.min(1) > 24).sum())


def test_the_mask_is_there_before_the_finger_is_up(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    case.live_button.setChecked(True)
    view = case.panes.slices["axial"]
    place = at(view, (20, 26, 6))
    before = colourful(view)
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, place)
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    asked = colourful(view)
    assert asked > before + 200
    assert not case.workspace.state.points and not case.workspace.has_mask
    foreseen = view._preview.found.labels.copy()
    decoded = case.workspace.segmenter().decoded
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, place)
    view.flush_click()
    settled(case)
    assert np.array_equal(case.workspace.plane("axial").cut(case.workspace.mask, 6), foreseen)
    assert case.workspace.segmenter().decoded == decoded, "the answer was known already"
    assert view._preview is None and not view._asks


def test_a_correction_is_foreseen_as_it_will_be(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    case.live_button.setChecked(True)
    view = case.panes.slices["axial"]
    for ijk, button in (((20, 26, 6), Qt.LeftButton), ((16, 24, 6), Qt.RightButton)):
        QTest.mousePress(view, button, Qt.NoModifier, at(view, ijk))
        qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
        foreseen = view._preview.found.labels.copy()
        QTest.mouseRelease(view, button, Qt.NoModifier, at(view, ijk))
        view.flush_click()
        settled(case)
        assert np.array_equal(case.workspace.plane("axial").cut(case.workspace.mask, 6), foreseen)


def test_what_a_press_foresaw_goes_when_it_becomes_something_else(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    case.live_button.setChecked(True)
    view = case.panes.slices["axial"]
    place = at(view, (20, 26, 6))
    QTest.mousePress(view, Qt.RightButton, Qt.NoModifier, place)
    QTest.mouseRelease(view, Qt.RightButton, Qt.NoModifier, place)
    settled(case)
    case.run("clear_points", {})
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, place)
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    far = QPointF(place) + QPointF(40, 40)
    QApplication.sendEvent(view, QMouseEvent(QEvent.MouseMove, far, far, Qt.NoButton, Qt.LeftButton, Qt.NoModifier))
    assert view._preview is None and not view._asks
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, far.toPoint())
    settled(case)
    case.run("clear_boxes", {})
    case.run("clear_mask", {})
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, place)
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, place)
    QTest.mouseDClick(view, Qt.LeftButton, Qt.NoModifier, place)
    settled(case)
    qtbot.wait(400)
    assert view._preview is None and not case.workspace.state.points and not case.workspace.has_mask


def test_a_mask_that_is_refused_does_not_stay_on_the_screen(case: MainWindow, settled: Settled, qtbot: Any, monkeypatch: Any) -> None:
    case.live_button.setChecked(True)
    view = case.panes.slices["axial"]
    place = at(view, (20, 26, 6))
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, place)
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)

    def full(*_: object, **__: object) -> None:
        raise ResourceError("The disk is full.")

    monkeypatch.setattr(case.workspace.case.session, "record", full)
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, place)
    view.flush_click()
    settled(case)
    assert view._preview is None and not view._asks and not case.workspace.has_mask


def test_slow_previews_switch_themselves_off(case: MainWindow, qtbot: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("spinalsam.control.previewing.SLOW_S", 0.0)
    case.live_button.setChecked(True)
    for step in range(6):
        case.previews.wish(SliceRef("axial", 6), point_ijk=(20, 24 + step, 6))
        qtbot.wait(60)
    qtbot.waitUntil(lambda: not case.previews.enabled, timeout=5000)
    assert any("previews" in text for text in case.notices.texts)


def test_tab_takes_the_next_candidate_enter_keeps_escape_drops(case: MainWindow, settled: Settled) -> None:
    view = case.panes.slices["axial"]
    kept = 0
    for last, corner in ((Qt.Key_Return, 12), (Qt.Key_Escape, 11)):
        drag(view, at(view, (corner, 18, 6)), at(view, (28, 34, 6)), Qt.LeftButton, Qt.ShiftModifier)
        QTest.keyClick(view, Qt.Key_Space)
        settled(case)
        assert view.scene.open_mask.number == 1
        QTest.keyClick(view, Qt.Key_Tab)
        assert view.scene.open_mask.number == 2
        kept = kept or int((case.workspace.mask > 0).sum())
        QTest.keyClick(view, last)
        assert view.scene.open_mask is None and not case.workspace.state.boxes
        assert int((case.workspace.mask > 0).sum()) == kept


def test_escape_leaves_a_mask_alone_that_is_not_on_the_screen(case: MainWindow, settled: Settled) -> None:
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    case.run("go_to", {"slice": 2})
    QTest.keyClick(case.panes.slices["axial"], Qt.Key_Escape)
    assert case.workspace.has_mask


def test_a_box_taken_by_its_edge_moves_as_a_whole(case: MainWindow) -> None:
    draw_box(case)
    view = case.panes.slices["axial"]
    middle_of_edge = (at(view, (12, 18, 6)) + at(view, (12, 34, 6))) / 2
    step = at(view, (14, 21, 6)) - at(view, (12, 18, 6))
    drag(view, middle_of_edge, middle_of_edge + QPoint(step.x(), step.y()), Qt.LeftButton)
    box = case.workspace.state.boxes[0]
    corners = np.array([box.corner_a_ijk, box.corner_b_ijk])
    assert corners.min(0).tolist() == [14, 21, 6] and corners.max(0).tolist() == [30, 37, 6]


def test_slices_with_masks_are_marked_on_the_bar_and_shown_small(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    draw_box(case)
    case.run("generate_box_mask", {})
    settled(case)
    bar = case.panes.panes["axial"].bar
    qtbot.waitUntil(lambda: bar.marked == [6], timeout=5000)
    assert case.panes.panes["sagittal"].bar.marked == list(range(14, 26))
    QTest.mouseMove(bar, QPoint(5, 5))
    QTest.mouseMove(bar, QPoint(5, round(bar._place(6)) + 1))
    qtbot.waitUntil(lambda: bar._picture.isVisible(), timeout=3000)
    assert not bar._picture.pixmap().isNull()
    case.run("set_label_visible", {"value": case.workspace.state.active_label, "visible": False})
    qtbot.waitUntil(lambda: bar.marked == [])


def test_pixels_are_drawn_as_squares_on_request(case: MainWindow) -> None:
    QTest.keyClick(case.panes.slices["axial"], Qt.Key_I, Qt.ShiftModifier)
    assert not case.panes.slices["axial"].scene.smooth

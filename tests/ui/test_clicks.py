"""From the press to the mask: it is drawn before anything else happens, and nobody who computes ahead holds it up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

from spinalsam.device.interrupt import checkpoint
from spinalsam.engine.segmenter import Embedding
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import SlicePrompt
from spinalsam.ui import previews, slice_view
from spinalsam.ui.background import Background
from spinalsam.ui.main_window import MainWindow
from tests.fakes import FakeSegmenter
from tests.ui.pointing import at

Settled = Callable[[MainWindow], None]
BONE, BESIDE = (20, 26, 6), (16, 24, 6)


class Held(FakeSegmenter):
    """A quick network whose answers about `held` pixels come when it is let. ended: what became of those."""

    encodes_windows = True

    def __init__(self) -> None:
        super().__init__()
        self.held: tuple[float, float] | None = None
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.ended: list[str] = []

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Any:
        if self.held is not None and tuple(prompt.points_xy[-1].tolist()) == self.held:
            self.begun.set()
            assert self.go_on.wait(20)
            self.ended.append("given up")
            checkpoint()
            self.ended[-1] = "answered"
        return super().decode(embedding, prompt, previous)


@pytest.fixture
def held(case: MainWindow) -> Iterator[Held]:
    """The network of the case, which is in live mode."""
    network = Held()
    case.workspace.use_segmenter(network)
    case.live_button.setChecked(True)
    yield network
    network.go_on.set()


def pixel(case: MainWindow, ijk: tuple[int, int, int]) -> tuple[float, float]:
    x, y = case.workspace.plane("axial").to_pixel(ijk)
    return float(x), float(y)


def hover(view: Any, place: QPoint, right: float = 0.0) -> None:
    where = QPointF(place) + QPointF(right, 0)
    QApplication.sendEvent(view, QMouseEvent(QEvent.MouseMove, where, where, Qt.NoButton, Qt.NoButton, Qt.NoModifier))


def test_the_mask_of_a_quick_network_is_drawn_while_the_button_goes_down(case: MainWindow, held: Held, monkeypatch: Any) -> None:
    monkeypatch.setattr(previews, "PRESS_WAIT_S", 10.0)
    view, painted = case.panes.slices["axial"], []
    monkeypatch.setattr(view, "_asked_mask", lambda scene, paint=view._asked_mask: painted.append(view._press) or paint(scene))
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    assert view._preview is not None and view._preview.found.mask.any()
    assert painted and painted[0] is not None, "it was drawn before any other event"
    assert not case.workspace.state.points, "nothing is set before it is known that no second click follows"
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))


def test_the_mask_is_shown_before_the_wait_for_a_second_click_ends_with_previews_off_too(
    case: MainWindow, held: Held, settled: Settled, qtbot: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(slice_view, "DOUBLE_CLICK_MS", 60_000)
    case.previews.enabled = False
    view = case.panes.slices["axial"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    assert view._click_timer.isActive() and not case.workspace.state.points
    QTest.mouseDClick(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    settled(case)
    assert case.panes.layout_name == "axial" and view._preview is None
    assert not case.workspace.state.points and not case.workspace.has_mask


def test_what_a_negative_click_has_to_do_waits_until_its_mask_is_drawn(
    case: MainWindow, held: Held, settled: Settled, qtbot: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(slice_view, "DOUBLE_CLICK_MS", 60_000)
    monkeypatch.setattr(previews, "PRESS_WAIT_S", 0.01)
    view = case.panes.slices["axial"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    view.flush_click()
    settled(case)
    order: list[str] = []
    monkeypatch.setattr(view, "_asked_mask", lambda scene, paint=view._asked_mask: order.append("drawn") or paint(scene))
    view.point_placed.connect(lambda *_: order.append("set"))
    held.held = pixel(case, BESIDE)
    QTest.mouseClick(view, Qt.RightButton, Qt.NoModifier, at(view, BESIDE))
    assert held.begun.wait(10)
    qtbot.wait(50)
    assert order == [] and len(case.workspace.state.points) == 1
    held.go_on.set()
    qtbot.waitUntil(lambda: "set" in order, timeout=5000)
    assert order[0] == "drawn" and order.count("set") == 1
    settled(case)
    assert [point.positive for point in case.workspace.state.points] == [True, False]


def test_two_quick_negative_clicks_are_two_points_and_no_double_click(
    case: MainWindow, held: Held, settled: Settled, monkeypatch: Any
) -> None:
    monkeypatch.setattr(previews, "PRESS_WAIT_S", 0.01)
    view = case.panes.slices["axial"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    view.flush_click()
    settled(case)
    held.held = pixel(case, BESIDE)
    QTest.mouseClick(view, Qt.LeftButton, Qt.AltModifier, at(view, BESIDE))
    assert view._pending is not None, "its mask is not there yet"
    second = QPointF(at(view, (16, 30, 6)))
    QApplication.sendEvent(view, QMouseEvent(QEvent.MouseButtonDblClick, second, Qt.LeftButton, Qt.LeftButton, Qt.AltModifier))
    QTest.mouseRelease(view, Qt.LeftButton, Qt.AltModifier, second.toPoint())
    held.go_on.set()
    view.flush_click()
    settled(case)
    assert case.panes.layout_name == "mpr"
    assert [point.ijk for point in case.workspace.state.points] == [BONE, BESIDE, (16, 30, 6)]


def test_escape_takes_a_click_back_that_is_no_point_yet(case: MainWindow, held: Held, qtbot: Any) -> None:
    view = case.panes.slices["axial"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    case._escape()
    assert view._preview is None and view._pending is None and not view._click_timer.isActive()
    qtbot.wait(300)
    assert not case.workspace.state.points and not case.workspace.has_mask


def test_a_click_right_before_the_end_is_kept(case: MainWindow, held: Held, monkeypatch: Any) -> None:
    view, told = case.panes.slices["axial"], []
    commit = case.workspace.commit

    def tell(operation: Any, *args: Any, **more: Any) -> None:
        told.append(operation.name)
        commit(operation, *args, **more)

    monkeypatch.setattr(case.workspace, "commit", tell)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    assert told == []
    case.close()
    assert told[:1] == ["add_points"]


def test_a_negative_click_that_gets_no_mask_waits_for_none(case: MainWindow, held: Held, qtbot: Any) -> None:
    view = case.panes.slices["axial"]
    QTest.mouseClick(view, Qt.RightButton, Qt.NoModifier, at(view, BESIDE))
    assert len(case.workspace.state.points) == 1, "there is no positive point yet: nothing is asked of the network"
    case.live_button.setChecked(False)
    QTest.mouseClick(view, Qt.RightButton, Qt.NoModifier, at(view, (30, 40, 6)))
    assert len(case.workspace.state.points) == 2


def test_a_click_overtakes_what_is_guessed_elsewhere(case: MainWindow, held: Held, qtbot: Any) -> None:
    view = case.panes.slices["axial"]
    held.held = pixel(case, BESIDE)
    hover(view, at(view, BESIDE))
    assert _until(held.begun, qtbot)
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    assert view._asks and not held.ended
    held.go_on.set()
    qtbot.waitUntil(lambda: not case.previews._running, timeout=5000)
    assert held.ended == ["given up"]
    assert view._preview is not None
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))


def test_a_click_takes_the_answer_that_is_under_way_for_it(case: MainWindow, held: Held, qtbot: Any) -> None:
    view = case.panes.slices["axial"]
    held.held = pixel(case, BONE)
    hover(view, at(view, BONE))
    assert _until(held.begun, qtbot)
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    held.go_on.set()
    qtbot.waitUntil(lambda: view._preview is not None, timeout=5000)
    assert held.ended == ["answered"] and held.decoded == 1
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))


def test_a_press_lets_what_is_done_ahead_stand_back(case: MainWindow, held: Held, monkeypatch: Any) -> None:
    told: list[bool] = []
    monkeypatch.setattr(slice_view.SliceView, "_ask", lambda view: told.append(case.workspace.ahead._gives_way))
    view = case.panes.slices["axial"]
    assert not case.workspace.ahead._gives_way
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))
    assert told == [True]
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, at(view, BONE))


def test_a_hand_that_aims_is_guessed_although_it_trembles(case: MainWindow, held: Held, qtbot: Any) -> None:
    view, guessed = case.panes.slices["axial"], []
    view.preview_foreseen.connect(lambda ref, wanted: guessed.append(wanted))
    for step in range(40):
        hover(view, at(view, BONE), right=step % 2)
        qtbot.wait(5)
        if guessed:
            break
    assert guessed and step < 39
    guessed.clear()
    for step in range(20):
        hover(view, at(view, BONE), right=8.0 * (step % 2))
        qtbot.wait(5)
    assert not guessed


def test_what_was_to_be_foreseen_while_another_guess_ran_is_foreseen_after_it(case: MainWindow, held: Held, qtbot: Any) -> None:
    ref = SliceRef("axial", 6)
    held.held = pixel(case, BESIDE)
    case.previews.foresee(ref, point_ijk=BESIDE, positive=True)
    assert held.begun.wait(10)
    case.previews.foresee(ref, point_ijk=BONE, positive=True)
    held.go_on.set()
    qtbot.waitUntil(lambda: held.decoded == 2, timeout=5000)


def test_background_work_that_is_waited_for_ends_once_and_no_later_than_it_may(qtbot: Any) -> None:
    background, go_on, done = Background(), threading.Event(), []
    background.run(lambda: 1, done.append, wait_s=10.0)
    assert done == [1]
    background.run(lambda: go_on.wait(10) and 2, done.append, wait_s=0.01)
    assert done == [1]
    go_on.set()
    qtbot.waitUntil(lambda: len(done) > 1, timeout=5000)
    qtbot.wait(20)
    assert done == [1, 2]
    background.stop()


def _until(event: threading.Event, qtbot: Any) -> bool:
    qtbot.waitUntil(event.is_set, timeout=5000)
    return True

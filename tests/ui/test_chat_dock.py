from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QPushButton

from spinalsam.control.operations import SPECS
from spinalsam.support.calls import OperationCall
from spinalsam.ui.conversation import chip_text, reason_to_ask
from spinalsam.ui.main_window import MainWindow

Settled = Callable[[MainWindow], None]


def say(window: MainWindow, text: str) -> None:
    window.chat.line.setFocus()
    QTest.keyClicks(window.chat.line, text)
    QTest.keyClick(window.chat.line, Qt.Key_Return)


def buttons(window: MainWindow, text: str) -> list[QPushButton]:
    return [button for button in window.chat.findChildren(QPushButton) if button.text() == text and button.isVisibleTo(window.chat)]


def test_a_sentence_is_done_and_answered(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    say(case, "clear_points")
    qtbot.waitUntil(lambda: "Cleared 1 point." in case.chat.texts)
    assert case.chat.texts[0] == "clear_points"
    assert not case.workspace.state.points


def test_the_undo_link_takes_back_what_the_answer_did(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    say(case, "clear_points; clear_boxes")
    qtbot.waitUntil(lambda: bool(buttons(case, "Undo")))
    assert not case.workspace.state.points and not case.workspace.state.boxes
    buttons(case, "Undo")[0].click()
    assert case.workspace.state.points and case.workspace.state.boxes


def test_what_destroys_is_asked_first(case: MainWindow, qtbot: Any) -> None:
    say(case, "clear_image")
    qtbot.waitUntil(lambda: bool(buttons(case, "Leave it")))
    assert case.workspace.has_case
    buttons(case, "Leave it")[0].click()
    assert case.workspace.has_case
    say(case, "clear_image")
    qtbot.waitUntil(lambda: bool(buttons(case, "Do it")))
    buttons(case, "Do it")[0].click()
    qtbot.waitUntil(lambda: not case.workspace.has_case)


def test_a_chip_can_be_taken_out_before_an_unsure_sentence_runs(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    say(case, "clear_points; clear_boxes?")
    qtbot.waitUntil(lambda: bool(buttons(case, "Do it")))
    buttons(case, "Clear boxes   ✕")[0].click()
    buttons(case, "Do it")[0].click()
    qtbot.waitUntil(lambda: not case.workspace.state.points)
    assert case.workspace.state.boxes


def test_a_sentence_that_asks_for_nothing_does_nothing(case: MainWindow, qtbot: Any) -> None:
    say(case, "lovely weather")
    qtbot.waitUntil(lambda: len(case.chat.texts) == 2)
    assert "nothing to do" in case.chat.texts[1]


def test_a_failure_is_said_in_the_chat(case: MainWindow, qtbot: Any) -> None:
    say(case, "generate_box_mask")
    qtbot.waitUntil(lambda: any("box" in text for text in case.chat.texts[1:]))


def test_arrow_keys_walk_through_what_was_said(case: MainWindow, qtbot: Any) -> None:
    for text in ("lovely weather", "clear_points"):
        say(case, text)
    QTest.keyClicks(case.chat.line, "dra")
    seen = []
    for key in (Qt.Key_Up, Qt.Key_Up, Qt.Key_Down, Qt.Key_Down):
        QTest.keyClick(case.chat.line, key)
        seen.append(case.chat.line.text())
    assert seen == ["clear_points", "lovely weather", "clear_points", "dra"]


def test_letters_typed_into_the_chat_run_no_shortcut(case: MainWindow) -> None:
    case.chat.line.setFocus()
    QTest.keyClicks(case.chat.line, "sagittal 3d 2")
    assert case.chat.line.text() == "sagittal 3d 2"
    assert case.workspace.state.view.layout == "mpr" and case.workspace.state.view.width_hu == 1800


def test_examples_are_there_until_something_was_said(case: MainWindow, qtbot: Any) -> None:
    assert case.chat.examples.isVisibleTo(case.chat)
    case.chat.examples.findChildren(QPushButton)[0].click()
    assert not case.chat.examples.isVisibleTo(case.chat)


def test_what_needs_asking() -> None:
    destructive = next(name for name, spec in SPECS.items() if spec.destructive)
    assert reason_to_ask([OperationCall(destructive)], 1.0) == "destructive"
    assert reason_to_ask([OperationCall("clear_points")], 0.2) == "ambiguous"
    assert reason_to_ask([OperationCall("clear_points")], 0.9) == "" == reason_to_ask([], 0.0)


def test_a_chip_says_the_operation_and_its_arguments() -> None:
    assert chip_text(OperationCall("add_points", {"count": 3, "regions": ["L2", "L3"]})) == "Add points · count 3 · L2, L3"

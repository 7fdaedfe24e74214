from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QLabel, QPushButton

from spinalsam.control.operations import SPECS
from spinalsam.errors import Cancelled
from spinalsam.language.answers import ModelReading
from spinalsam.language.reader import Reader
from spinalsam.language.schema import ParseResult
from spinalsam.settings import Settings
from spinalsam.support.calls import OperationCall
from spinalsam.ui.bubbles import CallList, ModelCard
from spinalsam.ui.conversation import chip_text, reason_to_ask
from spinalsam.ui.main_window import MainWindow

Settled = Callable[[MainWindow], None]


def until(qtbot: Any, condition: Callable[[], bool]) -> None:
    """Wait, patiently where the machine is busy."""
    qtbot.waitUntil(condition, timeout=30000)


def say(window: MainWindow, text: str) -> None:
    window.chat.line.setFocus()
    QTest.keyClicks(window.chat.line, text)
    QTest.keyClick(window.chat.line, Qt.Key_Return)


def buttons(window: MainWindow, text: str) -> list[QPushButton]:
    return [button for button in window.chat.findChildren(QPushButton) if button.text() == text and button.isVisibleTo(window.chat)]


def test_a_sentence_is_done_and_answered(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    say(case, "clear_points")
    until(qtbot, lambda: "Cleared 1 point." in case.chat.texts)
    assert case.chat.texts[0] == "clear_points"
    assert not case.workspace.state.points


def test_the_undo_link_takes_back_what_the_answer_did(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    say(case, "clear_points; clear_boxes")
    until(qtbot, lambda: bool(buttons(case, "Undo")))
    assert not case.workspace.state.points and not case.workspace.state.boxes
    buttons(case, "Undo")[0].click()
    assert case.workspace.state.points and case.workspace.state.boxes


def test_what_destroys_is_asked_first(case: MainWindow, qtbot: Any) -> None:
    say(case, "clear_image")
    until(qtbot, lambda: bool(buttons(case, "Leave it")))
    assert case.workspace.has_case
    buttons(case, "Leave it")[0].click()
    assert case.workspace.has_case
    say(case, "clear_image")
    until(qtbot, lambda: bool(buttons(case, "Do it")))
    buttons(case, "Do it")[0].click()
    until(qtbot, lambda: not case.workspace.has_case)


def test_a_chip_can_be_taken_out_before_an_unsure_sentence_runs(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    say(case, "clear_points; clear_boxes?")
    until(qtbot, lambda: bool(buttons(case, "Do it")))
    buttons(case, "Clear boxes   ✕")[0].click()
    buttons(case, "Do it")[0].click()
    until(qtbot, lambda: not case.workspace.state.points)
    assert case.workspace.state.boxes


def test_a_sentence_that_asks_for_nothing_does_nothing(case: MainWindow, qtbot: Any) -> None:
    say(case, "lovely weather")
    until(qtbot, lambda: len(case.chat.texts) == 2)
    assert "nothing to do" in case.chat.texts[1]


def test_a_failure_is_said_in_the_chat(case: MainWindow, qtbot: Any) -> None:
    say(case, "generate_box_mask")
    until(qtbot, lambda: any("box" in text for text in case.chat.texts[1:]))


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


@pytest.mark.parametrize("op", ["open_image", "clear_image"])
def test_what_would_lose_unrecorded_work_is_asked_about(op: str) -> None:
    assert reason_to_ask([OperationCall("undo"), OperationCall(op)], 1.0, unrecorded=True) == "loses"
    assert reason_to_ask([OperationCall(op)], 1.0) == ("destructive" if op == "clear_image" else "")


def test_work_in_a_case_without_a_journal_is_not_lost_by_a_sentence(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    assert case.workspace.content is not None and case.workspace.content.session is not None
    case.workspace.content.session.path = None
    case.conversation.reader = Scripted(ParseResult((OperationCall("open_image", {"path": "sample:block"}),)))
    say(case, "open the sample")
    until(qtbot, lambda: bool(buttons(case, "Leave it")))
    assert case.workspace.state.points


def test_a_chip_says_the_operation_and_its_arguments() -> None:
    assert chip_text(OperationCall("add_points", {"count": 3, "regions": ["L2", "L3"]})) == "Add points · count 3 · L2, L3"


# A link takes back what its answer did, and nothing else


def links(window: MainWindow) -> list[bool]:
    """Which undo links can be clicked, oldest answer first."""
    return [button.isEnabled() for button in buttons(window, "Undo")]


def test_the_undo_link_is_off_once_something_else_was_done(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    say(case, "clear_points")
    until(qtbot, lambda: links(case) == [True])
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    assert links(case) == [False]
    case.run("undo", {})
    assert links(case) == [True]
    buttons(case, "Undo")[0].click()
    assert case.workspace.state.points and links(case) == [False]
    case.run("redo", {})
    assert links(case) == [True]


def test_only_the_newest_answer_can_be_taken_back_first(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    for number, text in enumerate(("clear_points", "clear_boxes"), 1):
        say(case, text)
        until(qtbot, lambda number=number: len(links(case)) == number)
    assert links(case) == [False, True]
    buttons(case, "Undo")[1].click()
    assert links(case) == [True, False]


def test_a_stopped_sentence_says_and_shows_what_was_done(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    say(case, "clear_points; generate_box_mask; undo")
    until(qtbot, lambda: any("Not done" in text for text in case.chat.texts))
    assert "Done: Clear points." in case.chat.texts[-1] and "Not done: Generate box mask, Undo." in case.chat.texts[-1]
    (shown,) = case.chat.findChildren(CallList)
    assert shown.states == ["done", "failed", "left"]
    until(qtbot, lambda: links(case) == [True])


def test_a_file_that_exists_is_asked_about_and_then_replaced(case: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(b"precious")
    case.run("add_points", {"at": [[20, 20]]})
    case.run("generate_point_mask", {})
    until(qtbot, lambda: case.workspace.has_mask and not case.dispatcher.busy)
    case.conversation.reader = Scripted(ParseResult((OperationCall("export_mask", {"path": str(path)}),)))
    say(case, "export it")
    until(qtbot, lambda: bool(buttons(case, "Leave it")))
    assert path.read_bytes() == b"precious"
    buttons(case, "Do it")[0].click()
    until(qtbot, lambda: any(text.startswith("Saved") for text in case.chat.texts))
    assert path.read_bytes() != b"precious"


def test_one_of_two_readings_is_chosen(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    case.conversation.reader = Scripted(ParseResult((OperationCall("clear_points"),), 0.4, alternatives=((OperationCall("clear_boxes"),),)))
    say(case, "clear them")
    until(qtbot, lambda: bool(buttons(case, "Clear boxes")))
    assert case.workspace.state.points and case.workspace.state.boxes
    buttons(case, "Clear boxes")[0].click()
    until(qtbot, lambda: not case.workspace.state.boxes)
    assert case.workspace.state.points and not buttons(case, "Clear points")


def test_a_choice_that_destroys_is_asked_about_once_more(case: MainWindow, qtbot: Any) -> None:
    case.conversation.reader = Scripted(ParseResult((OperationCall("undo"),), 0.4, alternatives=((OperationCall("clear_image"),),)))
    say(case, "away with it")
    until(qtbot, lambda: bool(buttons(case, "Close image")))
    buttons(case, "Close image")[0].click()
    until(qtbot, lambda: bool(buttons(case, "Leave it")))
    assert case.workspace.has_case


def test_sentences_wait_for_each_other(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    for text in ("generate_point_mask", "clear_points", "lovely weather"):
        say(case, text)
    until(qtbot, lambda: len(case.chat.texts) == 6)
    assert case.chat.texts[4] == "Cleared 1 point." and "nothing to do" in case.chat.texts[5]


# Completion


def test_what_is_typed_is_completed(case: MainWindow) -> None:
    line = case.chat.line
    line.setFocus()
    QTest.keyClicks(line, "clear the p")
    assert line.offers == ["clear the points"]
    QTest.keyClick(line, Qt.Key_Tab)
    assert line.text() == "clear the points" and line.offers == []
    QTest.keyClicks(line, " and add a box around L")
    assert line.offers[:3] == ["L1", "L2", "L3"]
    QTest.keyClick(line, Qt.Key_Down)
    QTest.keyClick(line, Qt.Key_Down)
    QTest.keyClick(line, Qt.Key_Return)
    assert line.text() == "clear the points and add a box around L2" and len(case.chat.texts) == 0


def test_enter_sends_what_was_typed_although_something_is_offered(case: MainWindow, qtbot: Any) -> None:
    say(case, "measure")
    assert case.chat.texts[0] == "measure" and case.chat.line.offers == []


# A language model reads


class Scripted:
    """A reader that says what it was told, after `gate` opens."""

    mode = "local"
    endpoint = None

    def __init__(self, result: Any, heard: tuple[tuple[str, str], ...] = (), gate: threading.Event | None = None) -> None:
        self.result, self.heard, self.gate = result, heard, gate
        self.stop: threading.Event | None = None

    def read(self, text: str, specs: Any, hints: Any = None, *, listen: Any = None, stop: Any = None) -> Any:
        self.stop = stop
        for kind, piece in self.heard:
            listen(kind, piece)
        while self.gate is not None and not self.gate.wait(0.01):
            if stop.is_set():
                raise Cancelled("DeepSeek-R1 was stopped; nothing was done.")
        return self.result


HEARD = (("reader", "DeepSeek-R1 at h"), ("thought", "Let me "), ("status", "trying again"), ("thought", "think."))


def test_a_model_at_work_is_seen_and_its_reasoning_folds(case: MainWindow, qtbot: Any) -> None:
    gate = threading.Event()
    reading = ModelReading((OperationCall("undo"),), 0.9, "", (), "deepseek", 1.0, "", "Let me think.", "DeepSeek-R1 at h", "", 5, 42)
    case.run("add_points", {"at": [[20, 20]]})
    case.conversation.reader = Scripted(reading, HEARD, gate)
    say(case, "back")
    until(qtbot, lambda: bool(case.chat.findChildren(ModelCard)))
    (card,) = case.chat.findChildren(ModelCard)
    until(qtbot, lambda: "trying again" in card.title.text())
    assert card.title.text().startswith("DeepSeek-R1 reads") and card.stop.isVisibleTo(card)
    assert not card.reasoning.isVisibleTo(card)
    card.fold.click()
    assert card.reasoning.isVisibleTo(card) and card.reasoning.toPlainText().startswith("Let me")
    gate.set()
    until(qtbot, lambda: not case.workspace.state.points)
    assert "42 tokens" in card.title.text() and not card.stop.isVisibleTo(card) and card.reasoning.toPlainText() == "Let me think."


def test_a_model_can_be_stopped(case: MainWindow, qtbot: Any) -> None:
    case.conversation.reader = Scripted(None, HEARD, threading.Event())
    say(case, "back")
    say(case, "clear_image")
    until(qtbot, lambda: bool(buttons(case, "Stop")))
    QTest.keyClick(case, Qt.Key_Escape)
    until(qtbot, lambda: any("was stopped" in text for text in case.chat.texts))
    qtbot.wait(50)
    assert case.workspace.has_case and not case.conversation.is_reading and len(case.chat.texts) == 3


def test_words_of_a_model_are_marked_and_do_nothing(case: MainWindow, qtbot: Any) -> None:
    reading = ModelReading((), 0.9, source="deepseek", answer="<b>A wedge fracture</b> is lower in front.", reader="DeepSeek-R1 at h")
    case.conversation.reader = Scripted(reading)
    before = case.workspace.revision
    say(case, "what is a wedge fracture?")
    until(qtbot, lambda: len(case.chat.texts) == 2)
    assert case.chat.texts[1] == "<b>A wedge fracture</b> is lower in front."
    (label,) = [label for label in case.chat.findChildren(QLabel) if label.property("bubble") == "model"]
    assert label.textFormat() == Qt.PlainText
    assert any("nobody has checked it" in label.text() for label in case.chat.findChildren(QLabel))
    assert case.workspace.revision == before


def test_why_another_read_is_said(case: MainWindow, qtbot: Any) -> None:
    case.conversation.reader = Scripted(ModelReading(notice="DeepSeek-R1 at h did not answer. Read by the offline parser."))
    say(case, "hm")
    until(qtbot, lambda: any("did not answer" in label.text() for label in case.chat.findChildren(QLabel)))


@pytest.mark.parametrize(
    ("mode", "endpoint", "text"),
    [
        ("local", "", "Offline parser"),
        ("deepseek", "", "DeepSeek-R1 at api.deepseek.com"),
        ("auto", "http://127.0.0.1:11434/v1", "Offline parser, then DeepSeek-R1 at 127.0.0.1:11434"),
        ("auto", "nonsense", "Offline parser"),
    ],
)
def test_the_state_line_says_who_reads(case: MainWindow, mode: str, endpoint: str, text: str) -> None:
    case._use_settings(Settings(language_mode=mode, language_endpoint=endpoint))
    assert case.chat.state.text() == text
    assert isinstance(case.conversation.reader, Reader) and case.conversation.reader.mode == mode


def test_offline_sentences_of_the_chat_open_no_socket(case: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    case._use_settings(Settings())
    monkeypatch.setattr("socket.socket.__init__", never)
    monkeypatch.setattr("socket.getaddrinfo", never)
    for number, text in enumerate(("bone window", "what is a wedge fracture?", "blah"), 1):
        say(case, text)
        until(qtbot, lambda number=number: len(case.chat.texts) == 2 * number)
    assert not any("socket" in text for text in case.chat.texts)


def test_every_call_of_a_sentence_is_a_step_of_its_own(case: MainWindow, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 20]]})
    case.run("add_box", {"corners": [5, 5, 20, 20]})
    say(case, "clear_points; clear_boxes")
    until(qtbot, lambda: len(case.chat.texts) == 2)
    case.run("undo", {})
    assert case.workspace.state.boxes and not case.workspace.state.points

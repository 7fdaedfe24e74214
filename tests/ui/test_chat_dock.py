from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QFileDialog, QLabel, QPushButton

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.operations import SPECS
from spinalsam.control.workspace import Workspace
from spinalsam.errors import Cancelled
from spinalsam.language.answers import ModelReading
from spinalsam.language.reader import Reader
from spinalsam.language.schema import ParseResult
from spinalsam.settings import Settings
from spinalsam.support.calls import OperationCall
from spinalsam.ui.background import Background
from spinalsam.ui.bubbles import CallList
from spinalsam.ui.chat_dock import ChatDock, reader_state
from spinalsam.ui.conversation import Conversation
from spinalsam.ui.job_bridge import JobBridge
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.model_card import ModelCard
from spinalsam.ui.question import Question
from spinalsam.ui.sentence_line import without_key
from spinalsam.ui.understanding import FunctionReader, chip_text, reason_to_ask
from tests.fakes import FakeSegmenter
from tests.ui.conftest import fake_parse, vertebra_volume

Settled = Callable[[MainWindow], None]


def until(qtbot: Any, condition: Callable[[], bool]) -> None:
    """Wait, patiently where the machine is busy."""
    qtbot.waitUntil(condition, timeout=30000)


class Talk:
    """The chat alone, on a case, without the window around it; `case` of the other tests is the whole window."""

    def __init__(self) -> None:
        self.workspace = Workspace(segmenter=FakeSegmenter(), samples={"block": vertebra_volume})
        self.bridge = JobBridge()
        self.dispatcher = Dispatcher(self.workspace, post=self.bridge.post)
        self.background = Background()
        self.conversation = Conversation(self.dispatcher, FunctionReader(fake_parse), self.background)
        self.chat = ChatDock(self.conversation)
        self.chat.undo_requested.connect(lambda steps: self.run("undo", {"count": steps}))

    def run(self, op: str, args: dict[str, Any]) -> None:
        self.dispatcher.submit(OperationCall(op, args))

    def close(self) -> None:
        self.conversation.close()
        self.background.stop()
        self.workspace.close()


@pytest.fixture
def talk(qtbot: Any) -> Iterator[Talk]:
    made = Talk()
    qtbot.addWidget(made.chat)
    made.chat.resize(340, 600)
    made.chat.show()
    qtbot.waitExposed(made.chat)
    made.run("open_image", {"path": "sample:block"})
    until(qtbot, lambda: made.workspace.has_case and not made.dispatcher.busy)
    yield made
    made.close()


def say(window: MainWindow | Talk, text: str) -> None:
    window.chat.line.setFocus()
    QTest.keyClicks(window.chat.line, text)
    QTest.keyClick(window.chat.line, Qt.Key_Return)


def buttons(window: MainWindow | Talk, text: str) -> list[QPushButton]:
    return [button for button in window.chat.findChildren(QPushButton) if button.text() == text and button.isVisibleTo(window.chat)]


def test_a_sentence_is_done_and_answered(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    say(talk, "clear_points")
    until(qtbot, lambda: "Cleared 1 point." in talk.chat.texts)
    assert talk.chat.texts[0] == "clear_points"
    assert not talk.workspace.state.points


def test_the_undo_link_takes_back_what_the_answer_did(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    talk.run("add_box", {"corners": [5, 5, 20, 20]})
    say(talk, "clear_points; clear_boxes")
    until(qtbot, lambda: bool(buttons(talk, "Undo")))
    assert not talk.workspace.state.points and not talk.workspace.state.boxes
    buttons(talk, "Undo")[0].click()
    assert talk.workspace.state.points and talk.workspace.state.boxes


def test_what_destroys_is_asked_first(talk: Talk, qtbot: Any) -> None:
    say(talk, "clear_image")
    until(qtbot, lambda: bool(buttons(talk, "Leave it")))
    assert talk.workspace.has_case
    buttons(talk, "Leave it")[0].click()
    assert talk.workspace.has_case
    say(talk, "clear_image")
    until(qtbot, lambda: bool(buttons(talk, "Do it")))
    buttons(talk, "Do it")[0].click()
    until(qtbot, lambda: not talk.workspace.has_case)


def test_a_chip_can_be_taken_out_before_an_unsure_sentence_runs(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    talk.run("add_box", {"corners": [5, 5, 20, 20]})
    say(talk, "clear_points; clear_boxes?")
    until(qtbot, lambda: bool(buttons(talk, "Do it")))
    buttons(talk, "Clear boxes   ✕")[0].click()
    buttons(talk, "Do it")[0].click()
    until(qtbot, lambda: not talk.workspace.state.points)
    assert talk.workspace.state.boxes


def test_a_sentence_that_asks_for_nothing_does_nothing(talk: Talk, qtbot: Any) -> None:
    say(talk, "lovely weather")
    until(qtbot, lambda: len(talk.chat.texts) == 2)
    assert "nothing to do" in talk.chat.texts[1]


def test_a_failure_is_said_in_the_chat(talk: Talk, qtbot: Any) -> None:
    say(talk, "generate_box_mask")
    until(qtbot, lambda: any("box" in text for text in talk.chat.texts[1:]))


def test_arrow_keys_walk_through_what_was_said(talk: Talk, qtbot: Any) -> None:
    for text in ("lovely weather", "clear_points"):
        say(talk, text)
    QTest.keyClicks(talk.chat.line, "dra")
    seen = []
    for key in (Qt.Key_Up, Qt.Key_Up, Qt.Key_Down, Qt.Key_Down):
        QTest.keyClick(talk.chat.line, key)
        seen.append(talk.chat.line.text())
    assert seen == ["clear_points", "lovely weather", "clear_points", "dra"]


def test_letters_typed_into_the_chat_run_no_shortcut(case: MainWindow) -> None:
    case.chat.line.setFocus()
    QTest.keyClicks(case.chat.line, "sagittal 3d 2")
    assert case.chat.line.text() == "sagittal 3d 2"
    assert case.workspace.state.view.layout == "mpr" and case.workspace.state.view.width_hu == 1800


def test_what_is_not_said_but_in_the_menus_is_offered_as_a_button(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    say(case, "take a screenshot of it")
    until(qtbot, lambda: len(buttons(case, "Save picture...")) == 1)
    (chip,) = buttons(case, "Save picture...")
    before = case.workspace.revision
    chip.click()
    dialog = next(one for one in case.findChildren(QFileDialog) if one.isVisible())
    assert dialog.windowTitle() == "Save picture" and case.workspace.revision == before
    dialog.reject()
    say(case, "how is the weather?")
    until(qtbot, lambda: "Ask 'what can you do?'" in case.chat.texts[-1])
    assert len(buttons(case, "Save picture...")) == 1


def test_a_long_answer_is_read_from_its_beginning(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    chat = case.chat
    say(case, "bone window")
    until(qtbot, lambda: len(chat.texts) == 2)
    chat._bubble("one line of many\n" * 60, "answer")
    qtbot.waitUntil(lambda: chat.area.verticalScrollBar().maximum() > 300)
    qtbot.wait(50)
    newest = [label for label in chat.findChildren(QLabel) if label.property("bubble")][-1]
    top = newest.mapTo(chat.area, QPoint(0, 0)).y()
    assert 0 <= top < 40, "its first line is in sight"
    say(case, "bone window")
    until(qtbot, lambda: len(chat.texts) == 5)
    qtbot.waitUntil(lambda: chat.area.verticalScrollBar().value() == chat.area.verticalScrollBar().maximum())


def test_an_open_question_is_not_cut_by_what_is_said_after_it(talk: Talk, qtbot: Any) -> None:
    chat = talk.chat
    for _ in range(4):
        chat._bubble("something said before\n" * 4, "answer")
    talk.conversation.reader = Scripted(ParseResult((OperationCall("clear_image"),)))
    say(talk, "close it")
    until(qtbot, lambda: bool(buttons(talk, "Leave it")))
    question = chat.findChild(Question)
    chat.setFixedHeight(question.height() + chat.height() - chat.area.viewport().height() + 3 * chat.line.height())
    chat._bubble("bone?", "user")
    chat._bubble("I found nothing to do in this.\n" * 3, "answer")
    qtbot.wait(50)
    top, bar = question.mapTo(chat.area, QPoint(0, 0)).y(), chat.area.verticalScrollBar()
    assert 0 <= top < 10 and bar.value() < bar.maximum(), "the question is seen from its beginning"
    qtbot.mouseClick(buttons(talk, "Leave it")[0], Qt.LeftButton)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())


def test_examples_are_there_until_something_was_said(talk: Talk, qtbot: Any) -> None:
    assert talk.chat.examples.isVisibleTo(talk.chat)
    talk.chat.examples.findChildren(QPushButton)[0].click()
    assert not talk.chat.examples.isVisibleTo(talk.chat)


def test_what_needs_asking() -> None:
    destructive = next(name for name, spec in SPECS.items() if spec.destructive)
    assert reason_to_ask([OperationCall(destructive)], 1.0) == "destructive"
    assert reason_to_ask([OperationCall("clear_points")], 0.2) == "ambiguous"
    assert reason_to_ask([OperationCall("clear_points")], 0.9) == "" == reason_to_ask([], 0.0)


@pytest.mark.parametrize("op", ["open_image", "clear_image"])
def test_what_would_lose_unrecorded_work_is_asked_about(op: str) -> None:
    assert reason_to_ask([OperationCall("undo"), OperationCall(op)], 1.0, unrecorded=True) == "loses"
    assert reason_to_ask([OperationCall(op)], 1.0) == ("destructive" if op == "clear_image" else "")


def test_work_in_a_case_without_a_journal_is_not_lost_by_a_sentence(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    assert talk.workspace.content is not None and talk.workspace.content.session is not None
    talk.workspace.content.session.path = None
    talk.conversation.reader = Scripted(ParseResult((OperationCall("open_image", {"path": "sample:block"}),)))
    say(talk, "open the sample")
    until(qtbot, lambda: bool(buttons(talk, "Leave it")))
    assert talk.workspace.state.points


def test_a_chip_says_the_operation_and_its_arguments() -> None:
    assert chip_text(OperationCall("add_points", {"count": 3, "regions": ["L2", "L3"]})) == "Add points · count 3 · L2, L3"


# A link takes back what its answer did, and nothing else


def links(window: MainWindow | Talk) -> list[bool]:
    """Which undo links can be clicked, oldest answer first."""
    return [button.isEnabled() for button in buttons(window, "Undo")]


def test_the_undo_link_is_off_once_something_else_was_done(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    say(talk, "clear_points")
    until(qtbot, lambda: links(talk) == [True])
    talk.run("add_box", {"corners": [5, 5, 20, 20]})
    assert links(talk) == [False]
    talk.run("undo", {})
    assert links(talk) == [True]
    buttons(talk, "Undo")[0].click()
    assert talk.workspace.state.points and links(talk) == [False]
    talk.run("redo", {})
    assert links(talk) == [True]


def test_only_the_newest_answer_can_be_taken_back_first(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    talk.run("add_box", {"corners": [5, 5, 20, 20]})
    for number, text in enumerate(("clear_points", "clear_boxes"), 1):
        say(talk, text)
        until(qtbot, lambda number=number: len(links(talk)) == number)
    assert links(talk) == [False, True]
    buttons(talk, "Undo")[1].click()
    assert links(talk) == [True, False]


def test_a_stopped_sentence_says_and_shows_what_was_done(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    say(talk, "clear_points; generate_box_mask; undo")
    until(qtbot, lambda: any("Not done" in text for text in talk.chat.texts))
    assert "Done: Clear points." in talk.chat.texts[-1] and "Not done: Generate box mask, Undo." in talk.chat.texts[-1]
    (shown,) = talk.chat.findChildren(CallList)
    assert shown.states == ["done", "failed", "left"]
    until(qtbot, lambda: links(talk) == [True])


def test_a_file_that_exists_is_asked_about_and_then_replaced(talk: Talk, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(b"precious")
    talk.run("add_points", {"at": [[20, 20]]})
    talk.run("generate_point_mask", {})
    until(qtbot, lambda: talk.workspace.has_mask and not talk.dispatcher.busy)
    talk.conversation.reader = Scripted(ParseResult((OperationCall("export_mask", {"path": str(path)}),)))
    say(talk, "export it")
    until(qtbot, lambda: bool(buttons(talk, "Leave it")))
    assert path.read_bytes() == b"precious"
    buttons(talk, "Do it")[0].click()
    until(qtbot, lambda: any(text.startswith("Saved") for text in talk.chat.texts))
    assert path.read_bytes() != b"precious"


def test_one_of_two_readings_is_chosen(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    talk.run("add_box", {"corners": [5, 5, 20, 20]})
    talk.conversation.reader = Scripted(ParseResult((OperationCall("clear_points"),), 0.4, alternatives=((OperationCall("clear_boxes"),),)))
    say(talk, "clear them")
    until(qtbot, lambda: bool(buttons(talk, "Clear boxes")))
    assert talk.workspace.state.points and talk.workspace.state.boxes
    buttons(talk, "Clear boxes")[0].click()
    until(qtbot, lambda: not talk.workspace.state.boxes)
    assert talk.workspace.state.points and not buttons(talk, "Clear points")


def test_a_choice_that_destroys_is_asked_about_once_more(talk: Talk, qtbot: Any) -> None:
    talk.conversation.reader = Scripted(ParseResult((OperationCall("undo"),), 0.4, alternatives=((OperationCall("clear_image"),),)))
    say(talk, "away with it")
    until(qtbot, lambda: bool(buttons(talk, "Close image")))
    buttons(talk, "Close image")[0].click()
    until(qtbot, lambda: bool(buttons(talk, "Leave it")))
    assert talk.workspace.has_case


def test_what_only_a_model_finds_is_asked_about_and_said_to_be_so(talk: Talk, qtbot: Any) -> None:
    talk.conversation.reader = Scripted(ModelReading((OperationCall("clear_image"),), 0.5, source="deepseek", reader="DeepSeek-R1 at h"))
    say(talk, "don't close it")
    until(qtbot, lambda: bool(buttons(talk, "Leave it")))
    assert any("offline parser finds nothing" in label.text() for label in talk.chat.findChildren(QLabel))
    assert talk.workspace.has_case


def test_sentences_wait_for_each_other(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    for text in ("generate_point_mask", "clear_points", "lovely weather"):
        say(talk, text)
    until(qtbot, lambda: len(talk.chat.texts) == 6)
    assert talk.chat.texts[4] == "Cleared 1 point." and "nothing to do" in talk.chat.texts[5]


# Completion


def test_what_is_typed_is_completed(talk: Talk) -> None:
    line = talk.chat.line
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
    assert line.text() == "clear the points and add a box around L2" and len(talk.chat.texts) == 0


def test_enter_sends_what_was_typed_although_something_is_offered(talk: Talk, qtbot: Any) -> None:
    say(talk, "measure")
    assert talk.chat.texts[0] == "measure" and talk.chat.line.offers == []


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


def test_a_model_at_work_is_seen_and_its_reasoning_folds(talk: Talk, qtbot: Any) -> None:
    gate = threading.Event()
    reading = ModelReading((OperationCall("undo"),), 0.9, "", (), "deepseek", 1.0, "", "Let me think.", "DeepSeek-R1 at h", "", 5, 42)
    talk.run("add_points", {"at": [[20, 20]]})
    talk.conversation.reader = Scripted(reading, HEARD, gate)
    say(talk, "back")
    until(qtbot, lambda: bool(talk.chat.findChildren(ModelCard)))
    (card,) = talk.chat.findChildren(ModelCard)
    until(qtbot, lambda: "trying again" in card.title.text())
    assert card.title.text().startswith("DeepSeek-R1 reads") and card.stop.isVisibleTo(card)
    assert not card.reasoning.isVisibleTo(card)
    card.fold.click()
    assert card.reasoning.isVisibleTo(card) and card.reasoning.toPlainText().startswith("Let me")
    gate.set()
    until(qtbot, lambda: not talk.workspace.state.points)
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


def test_closing_the_window_does_not_wait_for_a_model(case: MainWindow, qtbot: Any) -> None:
    reader = Scripted(None, HEARD, threading.Event())
    case.conversation.reader = reader
    say(case, "back")
    until(qtbot, lambda: reader.stop is not None)
    case.close()
    assert reader.stop is not None and reader.stop.is_set()


def test_words_of_a_model_are_marked_and_do_nothing(talk: Talk, qtbot: Any) -> None:
    reading = ModelReading((), 0.9, source="deepseek", answer="<b>A wedge fracture</b> is lower in front.", reader="DeepSeek-R1 at h")
    talk.conversation.reader = Scripted(reading)
    before = talk.workspace.revision
    say(talk, "what is a wedge fracture?")
    until(qtbot, lambda: len(talk.chat.texts) == 2)
    assert talk.chat.texts[1] == "<b>A wedge fracture</b> is lower in front."
    (label,) = [label for label in talk.chat.findChildren(QLabel) if label.property("bubble") == "model"]
    assert label.textFormat() == Qt.PlainText
    assert any("nobody has checked it" in label.text() for label in talk.chat.findChildren(QLabel))
    assert talk.workspace.revision == before


def test_why_another_read_is_said(talk: Talk, qtbot: Any) -> None:
    talk.conversation.reader = Scripted(ModelReading(notice="DeepSeek-R1 at h did not answer. Read by the offline parser."))
    say(talk, "hm")
    until(qtbot, lambda: any("did not answer" in label.text() for label in talk.chat.findChildren(QLabel)))


@pytest.mark.parametrize(
    ("mode", "endpoint", "text"),
    [
        ("local", "", "Offline parser"),
        ("deepseek", "", "DeepSeek-R1 at api.deepseek.com"),
        ("auto", "http://127.0.0.1:11434/v1", "Offline parser, then DeepSeek-R1 at 127.0.0.1:11434"),
        ("auto", "nonsense", "Offline parser"),
    ],
)
def test_the_state_line_says_who_reads(mode: str, endpoint: str, text: str) -> None:
    shown, _, away = reader_state(Reader(Settings(language_mode=mode, language_endpoint=endpoint)))
    assert shown == text and away == ("api.deepseek.com" in text)


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


def test_every_call_of_a_sentence_is_a_step_of_its_own(talk: Talk, qtbot: Any) -> None:
    talk.run("add_points", {"at": [[20, 20]]})
    talk.run("add_box", {"corners": [5, 5, 20, 20]})
    say(talk, "clear_points; clear_boxes")
    until(qtbot, lambda: len(talk.chat.texts) == 2)
    talk.run("undo", {})
    assert talk.workspace.state.boxes and not talk.workspace.state.points


# --- the line, the status line, and what follows an opened case ------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/undo", "undo"),
        ("/ undo", "undo"),
        ("undo", "undo"),
        ("/data/ct.nii.gz", "/data/ct.nii.gz"),
        ("/", ""),
        ("/export the mask to /tmp/m.nii.gz", "export the mask to /tmp/m.nii.gz"),
        ("/导出到 /tmp/m.stl", "导出到 /tmp/m.stl"),
        ("/My Scans/ct.nii.gz", "/My Scans/ct.nii.gz"),
        ("/数据/ct.nii.gz", "/数据/ct.nii.gz"),
    ],
)
def test_the_slash_that_goes_to_the_line_is_no_part_of_a_sentence(typed: str, meant: str) -> None:
    assert without_key(typed) == meant


def test_the_status_line_says_what_the_chat_did(case: MainWindow, settled: Settled, qtbot: Any) -> None:
    case.run("add_points", {"at": [[20, 24]]})
    say(case, "clear_points")
    until(qtbot, lambda: "Cleared 1 point." in case.status.message.text())


def test_a_case_that_a_sentence_opens_is_hung_like_any_other(window: MainWindow, settled: Settled, qtbot: Any) -> None:
    window.conversation.reader = FunctionReader(
        lambda text, specs, hints: SimpleNamespace(
            calls=(OperationCall("open_image", {"path": text}),), confidence=1.0, explanation="", alternatives=(), source="local", ms=0.1
        )
    )
    window.chat.say("sample:block")
    until(qtbot, lambda: window.workspace.has_case and window.workspace.state.view.active_plane == "sagittal")

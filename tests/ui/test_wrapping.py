"""Long names wrap in the chat and in notices, and are copied as they are."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QLabel

from spinalsam.ui.bubbles import bubble, small
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.wrapping import BREAK, WrappingLabel

NAME = "patient_0000012345_series_bone_window_reconstruction_1mm_final_final2.nii.gz"
SENTENCE = f"There is no file or folder '/data/{NAME}'; check the path."


def test_a_long_name_needs_little_room_and_stays_what_it_is(qtbot: Any) -> None:
    holder, in_bubble = bubble(SENTENCE, "error")
    labels = (WrappingLabel(SENTENCE), small(SENTENCE))
    for widget in (holder, *labels):
        qtbot.addWidget(widget)
    for label in (in_bubble, *labels):
        assert label.minimumSizeHint().width() < 150
        assert label.text() == SENTENCE and BREAK not in label.text()


def test_what_is_copied_can_be_pasted_into_a_terminal(qtbot: Any) -> None:
    label = WrappingLabel(SENTENCE)
    qtbot.addWidget(label)
    label.show()
    label.setFocus()
    label.setSelection(0, len(QLabel.text(label)))
    assert label.selectedText() == SENTENCE
    QTest.keyClick(label, Qt.Key_C, Qt.ControlModifier)
    assert QApplication.clipboard().text() == SENTENCE


def test_the_chat_is_never_wider_than_its_dock(case: MainWindow, qtbot: Any) -> None:
    case.chat.say(f"open {NAME}")
    qtbot.waitUntil(lambda: not case.conversation.is_reading)
    case.run("load_mask", {"path": f"/nowhere/{NAME}"})
    qtbot.waitUntil(lambda: bool(case.notices.texts))
    qtbot.wait(50)
    area = case.chat.area
    assert area.widget().width() <= area.viewport().width()
    notice = case.notices.findChild(WrappingLabel)
    assert notice.geometry().right() < notice.parentWidget().width()

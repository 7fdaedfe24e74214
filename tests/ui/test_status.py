"""The window's lower edge: who has its room."""

from __future__ import annotations

from typing import Any

from spinalsam.ui.slice_marks import Hover
from spinalsam.ui.status import POINTER_WIDTH, StatusLine
from tests.ui.conftest import vertebra_volume


def test_the_message_has_the_pointers_room_while_nothing_is_under_it(qtbot: Any) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.resize(1000, 30)
    line.show()
    line.show_slice("Axial 28 / 55")
    qtbot.waitUntil(lambda: line.message.width() > 700)
    line.show_hover(Hover((1, 2, 3), 40.0), vertebra_volume())
    qtbot.waitUntil(lambda: line.pointer.width() >= POINTER_WIDTH)
    assert "[1, 2, 3]" in line.pointer.text()
    line.show_hover(None, None)
    qtbot.waitUntil(lambda: line.message.width() > 700)

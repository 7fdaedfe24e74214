"""The small pieces that the chat is made of: bubbles, calls with their state, what stands under an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinalsam.support.calls import OperationCall
from spinalsam.ui import keys, theme
from spinalsam.ui.understanding import chip_text
from spinalsam.ui.words import follow, say, told, tr
from spinalsam.ui.wrapping import WrappingLabel

USER_PX = 230
_MARKS = {"waiting": ("›", "muted"), "done": ("✓", "good"), "failed": ("✕", "error"), "left": ("–", "muted")}


def bubble(text: str, kind: str) -> tuple[QWidget, QLabel]:
    """A text in a bubble of a kind (user, answer, model, error), with its holder.

    What the program says follows the interface's language; what the user or a model has said stays as it was.
    """
    label = WrappingLabel(text)
    label.setProperty("bubble", kind)
    holder, row = row_of_widgets()
    if kind == "user":
        # A short sentence gets a short bubble; a long one wraps.
        longest = max(label.fontMetrics().horizontalAdvance(line) for line in text.splitlines() or [""])
        if longest < USER_PX - 26:
            label.setWordWrap(False)
        else:
            label.setMinimumWidth(USER_PX)
        row.addStretch(1)
        row.addWidget(label)
    else:
        if kind != "model":
            follow(label, lambda told: told.setText(say(text)))
        row.addWidget(label, 1)
        row.addSpacing(12)
    return holder, label


def small(text: str | Callable[[], str], tip: str = "") -> QLabel:
    """A muted line; where it is a function, its text follows the interface's language."""
    label = WrappingLabel()
    label.setProperty("muted", True)
    label.setToolTip(tip)
    if callable(text):
        follow(label, lambda told: told.setText(text()))
    else:
        label.setText(text)
    return label


def row_of_widgets() -> tuple[QWidget, QHBoxLayout]:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    return holder, row


def link(text: str) -> QPushButton:
    link = QPushButton(text)
    link.setProperty("link", True)
    link.setCursor(Qt.PointingHandCursor)
    return link


class CallList(QWidget):
    """The calls of a sentence, a line each, with what became of them."""

    def __init__(self, calls: Sequence[OperationCall], tip: str = "") -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 0, 0)
        column.setSpacing(3)
        self._marks: list[QLabel] = []
        self.states: list[str] = []
        for call in calls:
            holder, row = row_of_widgets()
            mark, text = QLabel(), small(partial(chip_text, call), tip)
            mark.setFixedWidth(14)
            follow(mark, _name_mark)
            row.addWidget(mark, 0, Qt.AlignTop)
            row.addWidget(text, 1)
            column.addWidget(holder)
            self._marks.append(mark)
            self.states.append("")
        self.show_done(0)

    def show_done(self, count: int) -> None:
        """The first `count` are done, the others wait."""
        for number in range(len(self._marks)):
            self._show(number, "done" if number < count else "waiting")

    def show_stopped(self) -> None:
        """The first that waits has failed, and those after it are left."""
        waiting = [number for number, state in enumerate(self.states) if state == "waiting"]
        for number in waiting:
            self._show(number, "failed" if number == waiting[0] else "left")

    def _show(self, number: int, state: str) -> None:
        sign, colour = _MARKS[state]
        self.states[number] = state
        self._marks[number].setText(sign)
        mark = self._marks[number]
        mark.setProperty("mark", colour)
        mark.setProperty("state", state)
        theme.restyle(mark)
        _name_mark(mark)


def _name_mark(mark: QLabel) -> None:
    mark.setAccessibleName(tr(mark.property("state") or ""))


class Footer(QWidget):
    """Under an answer: the time it took, and a link that takes back what it did."""

    undo_requested = pyqtSignal()

    def __init__(self, seconds: float, can_undo: bool) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(_fixed(small(f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds * 1000:.0f} ms")))
        self.undo = told(link(""), "Undo")
        self.undo.clicked.connect(self.undo_requested)
        self.undo.setVisible(can_undo)
        row.addWidget(self.undo)
        row.addStretch(1)

    def allow_undo(self, allowed: bool) -> None:
        self.undo.setEnabled(allowed)
        tip = tr("Taken back already, or something else was done since; {key} takes back one step.", key=keys.shown("undo"))
        self.undo.setToolTip("" if allowed else tip)


def _fixed(label: QLabel) -> QLabel:
    label.setWordWrap(False)
    return label

"""What the chat asks before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt5.QtCore import QTimer, pyqtSignal
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from spinalsam.support.calls import OperationCall
from spinalsam.ui.bubbles import link, small
from spinalsam.ui.understanding import Calls, Understood, chip_text
from spinalsam.ui.words import follow, put, told, tr


class Question(QFrame):
    """What is asked before anything runs: chips that can be taken out, or readings to choose from.

    confirmed(calls): run these. chosen(calls): this reading was meant. dropped(): nothing.
    """

    confirmed = pyqtSignal(object)
    chosen = pyqtSignal(object)
    dropped = pyqtSignal()

    def __init__(self, understood: Understood) -> None:
        super().__init__()
        self.setObjectName("confirm")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 9, 10, 10)
        self._column.setSpacing(6)
        self._kept: list[OperationCall] = list(understood.calls)
        asked = "choice" if understood.readings else understood.reason
        title = told(QLabel(), _QUESTIONS[asked])
        title.setWordWrap(True)
        self._column.addWidget(title)
        if understood.doubted:
            self._column.addWidget(small(partial(tr, "The offline parser finds nothing asked for in this sentence.")))
        self._buttons = QWidget()
        self._first: QPushButton | None = None
        if understood.readings:
            self._offer(understood)
        else:
            self._confirm(understood.calls)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(True)  # Enter presses it, as Space does

    def _offer(self, understood: Understood) -> None:
        column = QVBoxLayout(self._buttons)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        if understood.reader and not understood.calls:
            column.addWidget(small(partial(tr, "{who} finds nothing to do in this.", who=understood.reader.partition(" at ")[0])))
        for calls in understood.readings:
            if understood.reader:
                by_model = calls == understood.calls
                column.addWidget(small(understood.reader.partition(" at ")[0] if by_model else partial(tr, "Offline parser")))
            button = QPushButton()
            follow(button, partial(_say_reading, calls=calls))
            button.setProperty("reading", True)
            button.clicked.connect(lambda _=False, calls=calls: self._end(lambda: self.chosen.emit(calls)))
            column.addWidget(button)
            self._first = self._first or button
        none = told(link(""), "None of these")
        none.clicked.connect(lambda: self._end(self.dropped.emit))
        column.addWidget(none)
        self._column.addWidget(self._buttons)

    def _confirm(self, calls: Calls) -> None:
        run, drop = told(QPushButton(), "Do it"), told(QPushButton(), "Leave it")
        for call in calls:
            chip = QPushButton()
            follow(chip, partial(_say_chip, call=call))
            chip.setProperty("chip", True)
            put(chip.setToolTip, "Leave this out")
            chip.setSizePolicy(QSizePolicy.Maximum, QSizePolicy.Fixed)
            chip.clicked.connect(lambda _=False, call=call, chip=chip: self._take_out(call, chip, run))
            self._column.addWidget(chip)
        run.setProperty("primary", True)
        run.clicked.connect(lambda: self._end(lambda: self.confirmed.emit(list(self._kept))))
        drop.clicked.connect(lambda: self._end(self.dropped.emit))
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(run)
        row.addWidget(drop)
        row.addStretch(1)
        self._column.addWidget(self._buttons)
        self._first = drop  # where something could be lost, Enter does not do it by itself

    @property
    def is_open(self) -> bool:
        """Whether it waits for its answer."""
        return not self._buttons.isHidden()

    def take_focus(self) -> None:
        """The keyboard goes to the first button, once it is there."""
        if self._first is not None:
            QTimer.singleShot(0, self._first.setFocus)

    def _take_out(self, call: OperationCall, chip: QPushButton, run: QPushButton) -> None:
        for number, kept in enumerate(self._kept):
            if kept is call:
                del self._kept[number]
                break
        chip.hide()
        run.setEnabled(bool(self._kept))

    def _end(self, tell: Callable[[], object]) -> None:
        self._buttons.hide()
        for chip in self.findChildren(QPushButton):
            chip.setEnabled(False)
        tell()


def _say_reading(button: QPushButton, calls: Calls) -> None:
    button.setText("\n".join(chip_text(call) for call in calls))


def _say_chip(chip: QPushButton, call: OperationCall) -> None:
    chip.setText(f"{chip_text(call)}   ✕")


_QUESTIONS = {
    "loses": "What you did on this case is recorded nowhere and would be lost. Do it?",
    "destructive": "This closes the case. What you did stays in its journal. Do it?",
    "replaces": "This replaces a file that exists. Do it?",
    "ambiguous": "Did you mean this?",
    "choice": "Which of these did you mean?",
}

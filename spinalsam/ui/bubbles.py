"""The pieces that the chat is made of: bubbles, calls with their state, questions, and a model at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinalsam.support.calls import OperationCall
from spinalsam.ui import theme
from spinalsam.ui.conversation import Calls, Understood, chip_text
from spinalsam.ui.words import tr

REASONING_PX = 150
USER_PX = 230
_MARKS = {"waiting": ("›", "muted"), "done": ("✓", "good"), "failed": ("✕", "error"), "left": ("–", "muted")}


def bubble(text: str, kind: str) -> tuple[QWidget, QLabel]:
    """A text in a bubble of a kind (user, answer, model, error), with its holder."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("bubble", kind)
    label.setTextFormat(Qt.PlainText)  # what a file or a model is called is never markup
    label.setTextInteractionFlags(Qt.TextSelectableByMouse)
    holder, row = _row()
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
        row.addWidget(label, 1)
        row.addSpacing(12)
    return holder, label


def small(text: str, tip: str = "") -> QLabel:
    """A muted line."""
    label = QLabel(text)
    label.setProperty("muted", True)
    label.setTextFormat(Qt.PlainText)
    label.setWordWrap(True)
    label.setToolTip(tip)
    return label


def _row() -> tuple[QWidget, QHBoxLayout]:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    return holder, row


def _link(text: str) -> QPushButton:
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
            holder, row = _row()
            mark, text = QLabel(), small(chip_text(call), tip)
            mark.setFixedWidth(14)
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
        self._marks[number].setStyleSheet(f"color: {getattr(theme.current(), colour)};")
        self._marks[number].setAccessibleName(tr(state))


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
        title = QLabel(_QUESTIONS[understood.reason if not understood.readings else "choice"]())
        title.setWordWrap(True)
        self._column.addWidget(title)
        if understood.reader and not understood.readings and understood.reason == "ambiguous":
            self._column.addWidget(small(tr("The offline parser finds nothing asked for in this sentence.")))
        self._buttons = QWidget()
        self._first: QPushButton | None = None
        if understood.readings:
            self._offer(understood)
        else:
            self._confirm(understood.calls)

    def _offer(self, understood: Understood) -> None:
        column = QVBoxLayout(self._buttons)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        if understood.reader and not understood.calls:
            column.addWidget(small(tr("{who} finds nothing to do in this.", who=understood.reader.partition(" at ")[0])))
        for calls in understood.readings:
            if understood.reader:
                by_model = calls == understood.calls
                column.addWidget(small(understood.reader.partition(" at ")[0] if by_model else tr("Offline parser")))
            button = QPushButton("\n".join(chip_text(call) for call in calls))
            button.setProperty("reading", True)
            button.clicked.connect(lambda _=False, calls=calls: self._end(lambda: self.chosen.emit(calls)))
            column.addWidget(button)
            self._first = self._first or button
        none = _link(tr("None of these"))
        none.clicked.connect(lambda: self._end(self.dropped.emit))
        column.addWidget(none)
        self._column.addWidget(self._buttons)

    def _confirm(self, calls: Calls) -> None:
        run, drop = QPushButton(tr("Do it")), QPushButton(tr("Leave it"))
        for call in calls:
            chip = QPushButton(f"{chip_text(call)}   ✕")
            chip.setProperty("chip", True)
            chip.setToolTip(tr("Leave this out"))
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


_QUESTIONS = {
    "loses": lambda: tr("What you did on this case is recorded nowhere and would be lost. Do it?"),
    "destructive": lambda: tr("This closes the case. What you did stays in its journal. Do it?"),
    "replaces": lambda: tr("This replaces a file that exists. Do it?"),
    "ambiguous": lambda: tr("Did you mean this?"),
    "choice": lambda: tr("Which of these did you mean?"),
}


class ModelCard(QFrame):
    """A language model reading a sentence: who, how long, its reasoning folded away, and a way to stop it."""

    stop_requested = pyqtSignal()

    def __init__(self, reader: str) -> None:
        super().__init__()
        self.setObjectName("model")
        self._reader, self._began, self._status = reader.partition(" at ")[0], time.monotonic(), ""
        self.setToolTip(reader)
        self.title = small("")
        self.stop = _link(tr("Stop"))
        self.stop.clicked.connect(self.stop_requested)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setProperty("thin", True)
        self.fold = QToolButton()
        self.fold.setText(tr("Reasoning"))
        self.fold.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self.fold.setArrowType(Qt.RightArrow)
        self.fold.setCheckable(True)
        self.fold.hide()
        self.reasoning = QPlainTextEdit()
        self.reasoning.setReadOnly(True)
        self.reasoning.setFixedHeight(REASONING_PX)
        self.reasoning.setAccessibleName(tr("Reasoning"))
        self.reasoning.hide()
        self.fold.toggled.connect(self._unfold)
        self._build()
        self._timer = QTimer(self, interval=500)
        self._timer.timeout.connect(self._show_time)
        self._timer.start()
        self._show_time()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(9, 6, 9, 7)
        column.setSpacing(5)
        holder, row = _row()
        row.addWidget(self.title, 1)
        row.addWidget(self.stop, 0, Qt.AlignTop)
        column.addWidget(holder)
        column.addWidget(self.bar)
        column.addWidget(self.fold)
        column.addWidget(self.reasoning)

    def add(self, kind: str, text: str) -> None:
        """A piece of what is heard."""
        if kind == "thought":
            self.fold.show()
            at_end = self.reasoning.verticalScrollBar().value() >= self.reasoning.verticalScrollBar().maximum() - 4
            cursor = self.reasoning.textCursor()
            cursor.movePosition(cursor.End)
            cursor.insertText(text)
            if at_end:
                self.reasoning.verticalScrollBar().setValue(self.reasoning.verticalScrollBar().maximum())
        else:
            self._status = tr("asked again") if kind == "status" and text == "repairing" else text
            self._show_time()

    def finish(self, understood: Understood | None) -> None:
        """It has ended; understood: what came of it, or None where nothing did."""
        self._timer.stop()
        self.bar.hide()
        self.stop.hide()
        parts = [self._reader, f"{time.monotonic() - self._began:.1f} s"]
        if understood is not None and understood.tokens:
            parts.append(tr("{count} tokens", count=understood.tokens))
        self.title.setText(" · ".join(parts))
        if understood is not None and understood.reasoning:
            self.fold.show()
            self.reasoning.setPlainText(understood.reasoning)

    def _show_time(self) -> None:
        seconds = f"{time.monotonic() - self._began:.0f} s"
        self.title.setText(" · ".join(part for part in (tr("{reader} reads", reader=self._reader), seconds, self._status) if part))

    def _unfold(self, shown: bool) -> None:
        self.fold.setArrowType(Qt.DownArrow if shown else Qt.RightArrow)
        self.reasoning.setVisible(shown)


class Footer(QWidget):
    """Under an answer: the time it took, and a link that takes back what it did."""

    undo_requested = pyqtSignal()

    def __init__(self, seconds: float, can_undo: bool) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(_fixed(small(f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds * 1000:.0f} ms")))
        self.undo = _link(tr("Undo"))
        self.undo.clicked.connect(self.undo_requested)
        self.undo.setVisible(can_undo)
        row.addWidget(self.undo)
        row.addStretch(1)

    def allow_undo(self, allowed: bool) -> None:
        self.undo.setEnabled(allowed)
        self.undo.setToolTip("" if allowed else tr("Taken back already, or something else was done since; Ctrl+Z takes back one step."))


def _fixed(label: QLabel) -> QLabel:
    label.setWordWrap(False)
    return label

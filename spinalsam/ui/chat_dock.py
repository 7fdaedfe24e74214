"""Talk to the case in English or Chinese: what was understood is shown as chips, what it did as an answer with an undo link."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.jobs import Job
from spinalsam.support.calls import OperationCall
from spinalsam.ui import theme
from spinalsam.ui.conversation import Conversation, Understood, chip_text
from spinalsam.ui.words import tr

EXAMPLES = (
    "add a box around L3 and generate the mask",
    "segment L3",
    "bone window",
    "下一张",
    "propagate up and down",
    "测量 L3 的体积",
    "undo",
    "what can you do?",
)


class HistoryLine(QLineEdit):
    """A line whose arrow keys walk through what was entered before."""

    entered = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[str] = []
        self._position = 0
        self._draft = ""
        self.returnPressed.connect(self.enter)

    def enter(self) -> None:
        text = self.text().strip()
        if text:
            if not self._entries or self._entries[-1] != text:
                self._entries.append(text)
            self._position = len(self._entries)
            self._draft = ""
            self.clear()
            self.entered.emit(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key_Up, Qt.Key_Down) and self._entries:
            self._walk(-1 if event.key() == Qt.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def _walk(self, step: int) -> None:
        if self._position == len(self._entries):
            self._draft = self.text()
        self._position = min(max(self._position + step, 0), len(self._entries))
        self.setText(self._entries[self._position] if self._position < len(self._entries) else self._draft)


class ChatDock(QWidget):
    """The chat. undo_requested(steps) comes from the link under an answer."""

    undo_requested = pyqtSignal(int)

    def __init__(self, conversation: Conversation, parser_state: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._running: QWidget | None = None
        self.state = QLabel(parser_state)
        self.state.setProperty("muted", True)
        self.state.setToolTip(tr("Sentences are read on this computer; nothing leaves it."))
        self.messages = QVBoxLayout()
        self.messages.setSpacing(8)
        self.messages.setContentsMargins(10, 10, 10, 10)
        self.messages.addStretch(1)
        self.area = self._make_area()
        self.line = HistoryLine()
        self.line.setPlaceholderText(tr("Say what to do, in English or Chinese"))
        self.line.setAccessibleName(tr("Sentence"))
        self.line.entered.connect(self.say)
        self.button = QToolButton()
        self.button.setIcon(theme.icon("send"))
        self.button.setAccessibleName(tr("Send"))
        self.button.clicked.connect(self.line.enter)
        self._build()
        self.examples = self._add_examples()
        conversation.understood.connect(self._show_understood)
        conversation.running.connect(self._show_running)
        conversation.answered.connect(self._show_answer)
        conversation.failed.connect(self._show_failure)

    def _make_area(self) -> QScrollArea:
        inner = QWidget()
        inner.setLayout(self.messages)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.setAccessibleName(tr("Conversation"))
        area.verticalScrollBar().rangeChanged.connect(lambda _, last: area.verticalScrollBar().setValue(last))
        return area

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(10, 6, 10, 4)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 0, 10, 8)
        foot.addWidget(self.state)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.area, 1)
        column.addLayout(row)
        column.addLayout(foot)

    def _add_examples(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        hint = QLabel(tr("For example"))
        hint.setObjectName("section")
        column.addWidget(hint)
        for example in EXAMPLES:
            chip = QPushButton(example)
            chip.setProperty("chip", True)
            chip.setCursor(Qt.PointingHandCursor)
            chip.setSizePolicy(QSizePolicy.Maximum, QSizePolicy.Fixed)
            chip.clicked.connect(lambda _=False, text=example: self.say(text))
            column.addWidget(chip)
        self._append(holder)
        return holder

    # --- talking -----------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """What the user said."""
        self.examples.hide()
        self._bubble(text, "user")
        self._conversation.say(text)

    def focus(self) -> None:
        self.line.setFocus()
        self.line.selectAll()

    def _show_understood(self, understood: Understood) -> None:
        if not understood.calls:
            self._bubble(understood.explanation or tr("I found nothing to do in this. Ask 'what can you do?' for what I know."), "answer")
        elif understood.reason:
            self._append(self._confirmation(understood))
        else:
            self._append(self._chips(understood.calls))

    def _chips(self, calls: Sequence[OperationCall]) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for call in calls:
            chip = QLabel(f"›  {chip_text(call)}")
            chip.setProperty("muted", True)
            chip.setWordWrap(True)
            column.addWidget(chip)
        return holder

    def _confirmation(self, understood: Understood) -> QFrame:
        """The calls as chips that can be taken out, and two buttons."""
        frame = QFrame()
        frame.setObjectName("confirm")
        column = QVBoxLayout(frame)
        column.setSpacing(6)
        question = tr("This cannot be undone:") if understood.reason == "destructive" else tr("Did you mean this?")
        column.addWidget(QLabel(question))
        kept: list[OperationCall] = list(understood.calls)
        for call in understood.calls:
            chip = QPushButton(f"{chip_text(call)}   ✕")
            chip.setProperty("chip", True)
            chip.setToolTip(tr("Leave this out"))
            chip.setSizePolicy(QSizePolicy.Maximum, QSizePolicy.Fixed)
            chip.clicked.connect(lambda _=False, call=call, chip=chip: (kept.remove(call), chip.hide(), run.setEnabled(bool(kept))))
            column.addWidget(chip)
        run, drop = QPushButton(tr("Do it")), QPushButton(tr("Leave it"))
        run.setProperty("primary", True)
        run.clicked.connect(lambda: (buttons.hide(), self._conversation.run(kept)))
        drop.clicked.connect(lambda: (buttons.hide(), self._bubble(tr("Left as it is."), "answer")))
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(run)
        row.addWidget(drop)
        row.addStretch(1)
        column.addWidget(buttons)
        QTimer.singleShot(0, run.setFocus)
        return frame

    def _show_running(self, job: Job) -> None:
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        self._running = bar
        self._append(bar)

    def _stop_running(self) -> None:
        if self._running is not None:
            self._running.hide()
            self._running.deleteLater()
            self._running = None

    def _show_answer(self, message: str, seconds: float, steps: int) -> None:
        self._stop_running()
        self._bubble(message, "answer")
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 0, 0)
        timing = QLabel(f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds * 1000:.0f} ms")
        timing.setProperty("muted", True)
        row.addWidget(timing)
        if steps:
            undo = QPushButton(tr("Undo"))
            undo.setProperty("link", True)
            undo.setCursor(Qt.PointingHandCursor)
            undo.clicked.connect(lambda: (undo.setEnabled(False), self.undo_requested.emit(steps)))
            row.addWidget(undo)
        row.addStretch(1)
        holder = QWidget()
        holder.setLayout(row)
        self._append(holder)

    def _show_failure(self, message: str) -> None:
        self._stop_running()
        self._bubble(message, "error")

    def _bubble(self, text: str, kind: str) -> QLabel:
        label = QLabel(text)
        label.setWordWrap(True)
        label.setProperty("bubble", kind)
        label.setTextFormat(Qt.PlainText)
        label.setTextInteractionFlags(Qt.TextSelectableByMouse)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        if kind == "user":
            row.addSpacing(28)
            row.addWidget(label, 1)
        else:
            row.addWidget(label, 1)
            row.addSpacing(12)
        holder = QWidget()
        holder.setLayout(row)
        self._append(holder)
        return label

    def _append(self, widget: QWidget) -> None:
        self.messages.insertWidget(self.messages.count() - 1, widget)

    @property
    def texts(self) -> list[str]:
        """What the bubbles say, oldest first."""
        return [label.text() for label in self.findChildren(QLabel) if label.property("bubble")]

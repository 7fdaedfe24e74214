"""Talk to the case in English or Chinese: what was understood, what it did, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import (
    QAction,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.history import Step
from spinalsam.control.jobs import Job
from spinalsam.errors import SpinalSamError
from spinalsam.ui import theme
from spinalsam.ui.bubbles import CallList, Footer, bubble, small
from spinalsam.ui.conversation import Conversation, Outcome
from spinalsam.ui.model_card import ModelCard
from spinalsam.ui.question import Question
from spinalsam.ui.sentence_line import SentenceLine
from spinalsam.ui.understanding import Calls, SentenceReader, Understood
from spinalsam.ui.words import follow, language, put, retell, say, told, tr

# In the interface's language.
EXAMPLES = {
    "en": (
        "segment L3",
        "box L3 and make the mask",
        "bone window",
        "measure the volume of L3",
        "propagate up and down",
        "what can you do?",
    ),
    "zh": ("分割 L3", "在 L3 周围画框并生成掩膜", "骨窗", "测量 L3 的体积", "向上下传播", "你能做什么？"),
}
# Older messages than this are let go.
MOST_MESSAGES = 300
ABOVE_QUESTION = 2


class ReaderButton(QToolButton):
    """Who reads the sentences; a long name is shortened in the middle, so that it never widens the dock."""

    def __init__(self) -> None:
        super().__init__()
        self.full_text = ""
        self.setObjectName("reader")
        self.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(10, 10))
        self.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Fixed)

    def say(self, text: str) -> None:
        self.full_text = text
        self.setAccessibleName(text)
        self._shorten()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._shorten()

    def _shorten(self) -> None:
        self.setText(self.fontMetrics().elidedText(self.full_text, Qt.ElideMiddle, max(self.width() - 34, 60)))


class ChatDock(QWidget):
    """The chat. undo_requested(steps) comes from the link under an answer, settings_requested from the line that says who reads."""

    undo_requested = pyqtSignal(int)
    settings_requested = pyqtSignal()

    def __init__(self, conversation: Conversation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._running: QWidget | None = None
        self._model: ModelCard | None = None
        self._calls: CallList | None = None
        # The actions of the menus that a sentence makes one think of in which nothing was found.
        self.suggest: Callable[[str], list[QAction]] = lambda _: []
        self._newest: QWidget | None = None
        self._asked: Question | None = None
        self._undo_links: list[tuple[Footer, tuple[Step, ...]]] = []
        self.messages = QVBoxLayout()
        self.messages.setSpacing(8)
        self.messages.setContentsMargins(10, 10, 10, 10)
        self.messages.addStretch(1)
        self.area = self._make_area()
        self.line = SentenceLine()
        put(self.line.setPlaceholderText, "Say what to do, in English or Chinese")
        put(self.line.setAccessibleName, "Sentence")
        self.line.entered.connect(self.say)
        self.button = QToolButton()
        self.button.setIcon(theme.icon("send"))
        put(self.button.setAccessibleName, "Send")
        put(self.button.setToolTip, "Send")
        self.button.clicked.connect(self.line.enter)
        self.state = ReaderButton()
        self.state.clicked.connect(self.settings_requested)
        self._build()
        self.examples = self._add_examples()
        self._connect()
        retell(self.show_reader)
        retell(self._refresh_links)

    def _connect(self) -> None:
        conversation = self._conversation
        conversation.model_asked.connect(self._show_model)
        conversation.heard.connect(lambda kind, text: self._model.add(kind, text) if self._model is not None else None)
        conversation.read.connect(self._end_model)
        conversation.understood.connect(self._show_understood)
        conversation.running.connect(self._show_running)
        conversation.stepped.connect(lambda count: self._calls.show_done(count) if self._calls is not None else None)
        conversation.answered.connect(self._show_outcome)
        conversation.failed.connect(self._show_failure)
        conversation.history_changed.connect(self._refresh_links)

    def _make_area(self) -> QScrollArea:
        inner = QWidget()
        inner.setLayout(self.messages)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        area.setWidget(inner)
        put(area.setAccessibleName, "Conversation")
        area.verticalScrollBar().rangeChanged.connect(self._show_last)
        return area

    def _show_last(self, _: int, last: int) -> None:
        """Follow what is said, but no further than to the beginning of what is said last; the examples are read from the top.

        A question that waits for its answer is not cut, as long as a line of what was said after it is seen below.
        """
        if self.examples.isHidden():
            begins = last if self._newest is None else self._newest.y() - self.messages.spacing()
            if self._asked is not None and self._asked.is_open and self._newest is not None:
                asked = self._asked.y() - ABOVE_QUESTION
                if self._newest.y() + self.line.height() <= asked + self.area.viewport().height():
                    begins = min(begins, asked)
            self.area.verticalScrollBar().setValue(min(last, begins))

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(10, 6, 10, 4)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 0, 10, 6)
        foot.addWidget(self.state, 1)
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
        column.setSpacing(3)  # all of them are seen on a small screen
        hint = told(QLabel(), "For example")
        hint.setObjectName("section")
        column.addWidget(hint)
        for number in range(len(EXAMPLES["en"])):
            chip = QPushButton()
            follow(chip, partial(_say_example, number=number))
            chip.setProperty("chip", True)
            chip.setCursor(Qt.PointingHandCursor)
            chip.setSizePolicy(QSizePolicy.Maximum, QSizePolicy.Fixed)
            chip.clicked.connect(lambda _=False, chip=chip: self.say(chip.text()))
            column.addWidget(chip)
        self._append(holder)
        return holder

    # Who reads

    def show_reader(self) -> None:
        """Say who reads the sentences, as the reader is set now."""
        text, tip, away = reader_state(self._conversation.reader)
        self.state.say(text)
        self.state.setToolTip(tip)
        self.state.setIcon(theme.icon("dot", "warning" if away else "good"))

    # Talking

    def say(self, text: str) -> None:
        """What the user said."""
        self.examples.hide()
        self._bubble(text, "user")
        self._conversation.say(text)

    def focus(self) -> None:
        self.line.setFocus()
        self.line.selectAll()

    def _show_model(self, reader: str) -> None:
        self._end_model(None)
        self._model = ModelCard(reader)
        self._model.stop_requested.connect(self._conversation.stop)
        self._append(self._model)

    def _end_model(self, understood: Understood | None) -> None:
        if self._model is not None:
            self._model.finish(understood)
            self._model = None

    def _show_understood(self, understood: Understood) -> None:
        self._calls = None
        if understood.notice:
            self._append(small(lambda: f"⚠  {say(understood.notice)}"))
        if understood.answer:
            self._show_words(understood)
        if understood.reason:
            question = self._newest = self._asked = self._question(understood)
            self._append(question)
            if not self.line.text():  # nobody is in the middle of the next sentence
                question.take_focus()
        elif understood.calls:
            self._calls = CallList(understood.calls, understood.explanation)
            self._append(self._calls)
        elif not understood.answer:
            self._say_nothing_found(understood.text)

    def _say_nothing_found(self, text: str) -> None:
        """With what the menus have for it, if anything: that runs only where it is pressed."""
        actions = self.suggest(text)
        if not actions:
            self._bubble("I found nothing to do in this. Ask 'what can you do?' for what I know.", "answer")
            return
        self._bubble("I found nothing to do in this; the menus have something like it:", "answer")
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for action in actions:
            chip = QPushButton()
            follow(chip, partial(_say_action, action=action))
            chip.setProperty("chip", True)
            chip.setCursor(Qt.PointingHandCursor)
            chip.setSizePolicy(QSizePolicy.Maximum, QSizePolicy.Fixed)
            chip.clicked.connect(action.trigger)
            column.addWidget(chip)
        self._append(holder)

    def _show_words(self, understood: Understood) -> None:
        """A model's text, marked as what it is."""
        self._bubble(understood.answer, "model")
        who = understood.reader.partition(" at ")[0]
        warning = "{who} says this; nobody has checked it, and it changes nothing."
        self._append(small(lambda: tr(warning, who=who or tr("The model"))))

    def _question(self, understood: Understood) -> Question:
        question = Question(understood)
        question.confirmed.connect(lambda calls: self._confirmed(tuple(calls), understood))
        question.chosen.connect(lambda calls: self._conversation.choose(understood, calls))
        question.dropped.connect(lambda: (self._bubble("Left as it is.", "answer"), self.line.setFocus()))
        return question

    def _confirmed(self, calls: Calls, understood: Understood) -> None:
        self._calls = CallList(calls, understood.explanation)
        self._append(self._calls)
        self.line.setFocus()
        self._conversation.confirm(calls)

    def _show_running(self, job: Job) -> None:
        self._stop_running()
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(2, 0, 0, 0)
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setProperty("thin", True)
        stop = told(QPushButton(), "Stop")
        stop.setProperty("link", True)
        stop.clicked.connect(job.cancel)
        row.addWidget(bar, 1)
        row.addWidget(stop)
        self._running = holder
        self._append(holder)

    def _stop_running(self) -> None:
        if self._running is not None:
            self._running.hide()
            self._running.deleteLater()
            self._running = None

    def _show_outcome(self, outcome: Outcome) -> None:
        self._stop_running()
        if self._calls is not None and not outcome.ok:
            self._calls.show_stopped()
        self._calls = None
        self._bubble(outcome.message, "answer" if outcome.ok else "error")
        footer = Footer(outcome.seconds, bool(outcome.steps))
        if outcome.steps:
            self._undo_links.append((footer, outcome.steps))
            footer.undo_requested.connect(lambda: self._take_back(outcome.steps))
        self._append(footer)
        self._refresh_links()

    def _take_back(self, steps: tuple[Step, ...]) -> None:
        if self._conversation.can_take_back(steps):
            self.undo_requested.emit(len(steps))

    def _refresh_links(self) -> None:
        for footer, steps in self._undo_links:
            footer.allow_undo(self._conversation.can_take_back(steps))

    def _show_failure(self, message: str) -> None:
        self._end_model(None)
        self._stop_running()
        self._bubble(message, "error")

    def _bubble(self, text: str, kind: str) -> None:
        holder = bubble(text, kind)[0]
        self._append(holder)
        self._newest = holder

    def _append(self, widget: QWidget) -> None:
        self.messages.insertWidget(self.messages.count() - 1, widget)
        while self.messages.count() > MOST_MESSAGES:
            old = self.messages.takeAt(0).widget()
            if old is self._newest:
                self._newest = None
            if old is self._asked:
                self._asked = None
            self._undo_links = [(footer, steps) for footer, steps in self._undo_links if footer is not old]
            if old is self.examples:
                old.hide()
            else:
                old.deleteLater()

    @property
    def texts(self) -> list[str]:
        """What the bubbles say, oldest first."""
        return [label.text() for label in self.findChildren(QLabel) if label.property("bubble")]


def _say_example(chip: QPushButton, number: int) -> None:
    chip.setText(EXAMPLES[language()][number])


def _say_action(chip: QPushButton, action: QAction) -> None:
    chip.setText(action.text())


def reader_state(reader: SentenceReader) -> tuple[str, str, bool]:
    """Who reads, in a few words and in full, and whether sentences may leave this machine."""
    offline = tr("Offline parser")
    try:
        endpoint = reader.endpoint
    except SpinalSamError as error:
        return offline, str(error), False
    if endpoint is None:
        return offline, tr("Sentences are read on this computer; nothing leaves it."), False
    where = tr("this computer") if endpoint.is_local else endpoint.host
    tip = tr("Without names, paths, dates and numbers of people, sentences go to {where}. Click for the preferences.", where=where)
    if reader.mode == "auto":
        return tr("{first}, then {second}", first=offline, second=endpoint.state), tip, not endpoint.is_local
    return endpoint.state, tip, not endpoint.is_local

"""A language model at work in the chat."""

from __future__ import annotations

import time

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QFrame, QPlainTextEdit, QProgressBar, QToolButton, QVBoxLayout

from spinalsam.ui.bubbles import link, row_of_widgets, small
from spinalsam.ui.understanding import Understood
from spinalsam.ui.words import put, told, tr

REASONING_PX = 150


class ModelCard(QFrame):
    """A language model reading a sentence: who, how long, its reasoning folded away, and a way to stop it."""

    stop_requested = pyqtSignal()

    def __init__(self, reader: str) -> None:
        super().__init__()
        self.setObjectName("model")
        self._reader, self._began, self._status = reader.partition(" at ")[0], time.monotonic(), ""
        self.setToolTip(reader)
        self.title = small("")
        self.stop = told(link(""), "Stop")
        self.stop.clicked.connect(self.stop_requested)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setProperty("thin", True)
        self.fold = QToolButton()
        put(self.fold.setText, "Reasoning")
        self.fold.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self.fold.setArrowType(Qt.RightArrow)
        self.fold.setCheckable(True)
        self.fold.hide()
        self.reasoning = QPlainTextEdit()
        self.reasoning.setReadOnly(True)
        self.reasoning.setFixedHeight(REASONING_PX)
        put(self.reasoning.setAccessibleName, "Reasoning")
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
        holder, row = row_of_widgets()
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

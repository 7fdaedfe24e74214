"""A text that wraps wherever it must: names of files and identifiers have no place of their own to break a line."""

from __future__ import annotations

import re

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QClipboard, QContextMenuEvent, QKeyEvent, QKeySequence, QMouseEvent
from PyQt5.QtWidgets import QApplication, QLabel, QMenu, QWidget

from spinalsam.ui import theme
from spinalsam.ui.words import tr

# Where a line may break although nothing is seen; it is never copied.
BREAK = "\u200b"
LONG_WORD = 16
_LONG = re.compile(rf"[!-~]{{{LONG_WORD},}}")


class WrappingLabel(QLabel):
    """Plain text that can be selected and copied; `text` is as it was set."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.PlainText)  # what a file or a model is called is never markup
        self.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.setText(text)

    def setText(self, text: str) -> None:
        self._text = text
        super().setText(_LONG.sub(lambda word: BREAK.join(word[0]), text))

    def text(self) -> str:
        return self._text

    def selectedText(self) -> str:
        return super().selectedText().replace(BREAK, "").replace("\u2029", "\n")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.hasSelectedText() and QApplication.clipboard().supportsSelection():
            QApplication.clipboard().setText(self.selectedText(), QClipboard.Selection)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        copy = menu.addAction(theme.icon("copy"), tr("Copy"))
        copy.triggered.connect(self._copy)
        menu.popup(event.globalPos())

    def _copy(self) -> None:
        """What is selected, or all of it."""
        QApplication.clipboard().setText(self.selectedText() or self._text)

"""The line that sentences are typed into: what was said before on the arrow keys, and completion."""

from __future__ import annotations

import re

from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtGui import QFocusEvent, QKeyEvent
from PyQt5.QtWidgets import QLineEdit, QListWidget, QListWidgetItem

from spinalsam.ui.completion import completions

MIN_ROW_PX = 20
# A slash with none after it, or with a path further on that begins after a blank or a mark; '/My Scans/ct.nii' is one path.
_KEY_FIRST = re.compile(r"/[^/]*($|[\s'\"“‘（(:：]/)")


def without_key(text: str) -> str:
    """A sentence without the slash that goes to the line, pressed once more when the cursor was there already; paths keep theirs."""
    return text[1:].lstrip() if _KEY_FIRST.match(text) else text


class SentenceLine(QLineEdit):
    """entered(text): Enter was pressed. Up and Down walk through what was entered; Tab takes a completion, Down goes into their list."""

    entered = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[str] = []
        self._position = 0
        self._draft = ""
        self._offers: QListWidget | None = None
        self.textEdited.connect(self._offer)

    def enter(self) -> None:
        self.close_offers()
        text = without_key(self.text().strip())
        if text:
            if not self._entries or self._entries[-1] != text:
                self._entries.append(text)
            self._position = len(self._entries)
            self._draft = ""
            self.clear()
            self.entered.emit(text)

    # Completion

    @property
    def offers(self) -> list[str]:
        """What the open list offers."""
        return [self._list().item(row).text() for row in range(self._list().count())] if self._is_offering() else []

    def close_offers(self) -> None:
        if self._offers is not None:
            self._offers.hide()

    def _is_offering(self) -> bool:
        return self._offers is not None and self._offers.isVisible()

    def _list(self) -> QListWidget:
        """The list over the line, a child of the window: it never takes the keyboard."""
        if self._offers is None:
            self._offers = QListWidget(self.window())
            self._offers.setObjectName("offers")
            self._offers.setFocusPolicy(Qt.NoFocus)
            self._offers.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
            self._offers.setVerticalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
            self._offers.itemClicked.connect(self._accept)
        return self._offers

    def _offer(self, text: str) -> None:
        found = completions(without_key(text)) if self.cursorPosition() == len(text) else []
        if not found:
            self.close_offers()
            return
        offers = self._list()
        offers.clear()
        for completion in found:
            item = QListWidgetItem(completion.shown)
            item.setData(Qt.UserRole, completion.text)
            offers.addItem(item)
        offers.setCurrentRow(-1)
        height = max(offers.sizeHintForRow(0), MIN_ROW_PX) * len(found) + 12
        corner = self.mapTo(self.window(), self.rect().topLeft())
        offers.setGeometry(corner.x(), corner.y() - height - 4, self.width(), height)
        offers.show()
        offers.raise_()

    def _accept(self, item: QListWidgetItem) -> None:
        self.setText(item.data(Qt.UserRole))
        self.close_offers()
        self.setFocus()

    # Keys

    def event(self, event: QEvent) -> bool:
        # Tab changes the focus before keyPressEvent would hear of it.
        if event.type() == QEvent.KeyPress and event.key() == Qt.Key_Tab and self._is_offering():
            self._accept(self._list().currentItem() or self._list().item(0))
            return True
        if event.type() == QEvent.ShortcutOverride and event.key() == Qt.Key_Escape and self._is_offering():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key_Escape and self._is_offering():
            self.close_offers()
        elif key in (Qt.Key_Return, Qt.Key_Enter):
            item = self._list().currentItem() if self._is_offering() else None
            self._accept(item) if item is not None else self.enter()
        elif key in (Qt.Key_Up, Qt.Key_Down) and not self._walk_offers(1 if key == Qt.Key_Down else -1):
            self.close_offers()
            if self._entries:
                self._walk(1 if key == Qt.Key_Down else -1)
        elif key not in (Qt.Key_Up, Qt.Key_Down):
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.close_offers()
        super().focusOutEvent(event)

    def _walk_offers(self, step: int) -> bool:
        """Down goes into the open list; Up leaves it at its upper end. False where the key means what was said before."""
        if not self._is_offering() or (step < 0 and self._list().currentRow() < 0):
            return False
        row = min(self._list().currentRow() + step, self._list().count() - 1)
        self._list().setCurrentRow(row)
        if row < 0:
            self._list().setCurrentItem(None)
        return True

    def _walk(self, step: int) -> None:
        if self._position == len(self._entries):
            self._draft = self.text()
        self._position = min(max(self._position + step, 0), len(self._entries))
        self.setText(self._entries[self._position] if self._position < len(self._entries) else self._draft)

"""The steps of the undo history, the first at the top; a click goes there and back again."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from spinalsam.ui import theme
from spinalsam.ui.words import tr

# More than anybody scrolls through; undo itself knows no limit.
SHOWN_STEPS = 500


class HistoryPanel(QWidget):
    """Emits `undo` or `redo` with a count."""

    requested = pyqtSignal(str, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Steps"))
        self.list.itemClicked.connect(self._go_to)
        self.list.itemActivated.connect(self._go_to)
        self.empty = QLabel(tr("What you do is listed here step by step; click a step to go back to it."))
        self.empty.setObjectName("hint")
        self.empty.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.addWidget(self.empty)
        column.addWidget(self.list, 1)
        self._titles: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def show_history(self, done: tuple[str, ...], undone: tuple[str, ...]) -> None:
        """done: what undo would take back; undone: what redo would bring back; both with the next one first."""
        if self._titles == (done, undone):
            return
        self._titles = done, undone
        self.list.clear()
        self.empty.setVisible(not done and not undone)
        self.list.setVisible(bool(done or undone))
        shown_done, shown_undone = done[:SHOWN_STEPS], undone[:SHOWN_STEPS]
        if len(done) <= SHOWN_STEPS:
            self._add(tr("As the case was opened"), -len(done), theme.current().muted)
        for number, title in enumerate(reversed(shown_done)):
            self._add(title, number + 1 - len(shown_done), None)
        for number, title in enumerate(shown_undone):
            self._add(title, number + 1, theme.current().muted, undone=True)
        here = self.list.item(self.list.count() - 1 - len(shown_undone))
        self.list.setCurrentItem(here)
        self.list.scrollToItem(here)

    def _add(self, title: str, steps: int, colour: str | None, *, undone: bool = False) -> None:
        item = QListWidgetItem(title)
        item.setData(Qt.UserRole, steps)
        if colour is not None:
            item.setForeground(QColor(colour))
        font = item.font()
        font.setItalic(undone)
        item.setFont(font)
        item.setToolTip(
            f"{title}\n{tr('Undone; click to bring it back') if undone else tr('Click to go back to the state after this step')}"
        )
        self.list.addItem(item)

    def _go_to(self, item: Any) -> None:
        steps = item.data(Qt.UserRole)
        if steps < 0:
            self.requested.emit("undo", {"count": -steps})
        elif steps > 0:
            self.requested.emit("redo", {"count": steps})

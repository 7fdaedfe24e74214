"""The steps of the undo history, the first at the top; a click goes there and back again."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QObject, QPoint, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QLabel, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from spinalsam.ui import theme
from spinalsam.ui.tables import KeyboardMenu
from spinalsam.ui.words import put, say, told, tr


class HistoryPanel(QWidget):
    """Emits `undo` or `redo` with a count."""

    requested = pyqtSignal(str, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        put(self.list.setAccessibleName, "Steps")
        self.list.itemClicked.connect(self._go_to)
        self.list.itemActivated.connect(self._go_to)
        self.list.setContextMenuPolicy(Qt.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._open_menu)
        KeyboardMenu(self.list)
        self.list.installEventFilter(self)
        self.empty = told(QLabel(), "What you do is listed here step by step; click a step to go back to it.")
        self.empty.setObjectName("hint")
        self.empty.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.addWidget(self.empty)
        column.addWidget(self.list, 1)
        self._rows: list[tuple[str, bool]] = []
        self._here = 0
        self.show_history((), ())

    def show_history(self, done: tuple[str, ...], undone: tuple[str, ...]) -> None:
        """done: what undo would take back; undone: what redo would bring back; both with the next one first."""
        rows = [(title, False) for title in reversed(done)] + [(title, True) for title in undone]
        self.empty.setVisible(not rows)
        self.list.setVisible(bool(rows))
        if not self.list.count():
            self._add(tr("As the case was opened"), theme.current().muted)
        # Only the rows behind the first one that is new: a long sitting has thousands of steps.
        same = next((n for n, (old, new) in enumerate(zip(self._rows, rows, strict=False)) if old != new), min(len(self._rows), len(rows)))
        while self.list.count() > same + 1:
            self.list.takeItem(self.list.count() - 1)
        for title, is_undone in rows[same:]:
            self._add(title, theme.current().muted if is_undone else None, undone=is_undone)
        self._rows, self._here = rows, len(done)
        here = self.list.item(self._here)
        self.list.setCurrentItem(here)
        self.list.scrollToItem(here)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Show, QEvent.Resize):  # a list that was hidden did not follow, and gets its size bit by bit
            QTimer.singleShot(0, self._show_here)
        return False

    def _show_here(self) -> None:
        self.list.scrollToItem(self.list.item(self._here))

    def forget(self) -> None:
        """The next time every step is written anew."""
        self.list.clear()
        self._rows = []

    def _add(self, title: str, colour: str | None, *, undone: bool = False) -> None:
        title = say(title)
        item = QListWidgetItem(title)
        if colour is not None:
            item.setForeground(QColor(colour))
        font = item.font()
        font.setItalic(undone)
        item.setFont(font)
        tip = tr("Undone; click to bring it back") if undone else tr("Click to go back to the state after this step")
        item.setToolTip(f"{title}\n{tip}")
        self.list.addItem(item)

    def _open_menu(self, position: QPoint) -> None:
        item = self.list.itemAt(position)
        if item is not None:
            self.menu_of(self.list.row(item)).popup(self.list.viewport().mapToGlobal(position))

    def menu_of(self, row: int) -> QMenu:
        """What can be done with the state after a step."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        back = self._here - row
        there = menu.addAction(theme.icon("history"), tr("Go to this state"))
        there.triggered.connect(lambda _=False: self._go_to(self.list.item(row)))
        compare = menu.addAction(theme.icon("compare_mask"), tr("Compare the masks with this state"))
        compare.setData("compare_mask")
        compare.setEnabled(back > 0)
        compare.triggered.connect(lambda _=False: self.requested.emit("compare_mask", {"steps_back": back}))
        return menu

    def _go_to(self, item: QListWidgetItem) -> None:
        steps = self.list.row(item) - self._here
        if steps < 0:
            self.requested.emit("undo", {"count": -steps})
        elif steps > 0:
            self.requested.emit("redo", {"count": steps})

"""What the tables and buttons of the panels have in common."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QContextMenuEvent, QKeyEvent
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QPushButton, QTableWidget

from spinalsam.ui import theme
from spinalsam.ui.words import told, tr


def row_table(rows: int, columns: int, *, row_height: int = 26) -> QTableWidget:
    """A table whose rows are chosen as a whole, without lines and row numbers; nothing in it can be edited unless said otherwise."""
    table = QTableWidget(rows, columns)
    table.setTabKeyNavigation(False)  # Tab goes on to the next widget, arrows go through the cells
    table.setSelectionBehavior(QAbstractItemView.SelectRows)
    table.setEditTriggers(QAbstractItemView.NoEditTriggers)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(row_height)
    table.horizontalHeader().setHighlightSections(False)
    return table


def set_heads(table: QTableWidget, *, left: tuple[int, ...], stretched: int) -> None:
    """Heads of the columns `left` to the left, those of numbers to the right; column `stretched` takes the room that is left."""
    for column in range(table.columnCount()):
        side = Qt.AlignLeft if column in left else Qt.AlignRight
        table.horizontalHeaderItem(column).setTextAlignment(side | Qt.AlignVCenter)
        mode = QHeaderView.Stretch if column == stretched else QHeaderView.ResizeToContents
        table.horizontalHeader().setSectionResizeMode(column, mode)


def search_field(search: Callable[[str], object]) -> QLineEdit:
    """A field over a table of keys; `search` gets every change of its text."""
    field = QLineEdit()
    field.setPlaceholderText(tr("Search by words or by key"))
    field.setAccessibleName(tr("Search by words or by key"))
    clear = field.addAction(theme.icon("cancel", "muted"), QLineEdit.TrailingPosition)  # Qt's own drawing is black on every theme
    clear.setText(tr("Clear"))
    clear.setVisible(False)
    clear.triggered.connect(field.clear)
    field.textChanged.connect(lambda text: clear.setVisible(bool(text)))
    field.textChanged.connect(search)
    return field


def show_matching(table: QTableWidget, text: str, line_of: Callable[[int], str]) -> None:
    """Hide the rows whose line lacks one of the words."""
    words = text.lower().split()
    for row in range(table.rowCount()):
        line = line_of(row).lower()
        table.setRowHidden(row, not all(word in line for word in words))


def panel_button(picture: str, text: str, act: Callable[[], object]) -> QPushButton:
    """A button that Enter in a field does not press. picture: an icon's name or ""."""
    button = told(QPushButton(theme.icon(picture), ""), text)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _=False: act())
    return button


class CellKeys(QObject):
    """Enter and Space act on a table's current cell as a click does. Not by Qt's activation, which a double click brings too."""

    def __init__(self, table: QTableWidget, act: Callable[[int, int], object]) -> None:
        super().__init__(table)
        self._table, self._act = table, act
        table.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        item = self._table.currentItem()
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.KeyPress or item is None:
            return False
        if event.key() not in (Qt.Key_Return, Qt.Key_Enter, Qt.Key_Space) or self._table.state() == QAbstractItemView.EditingState:
            return False
        self._act(item.row(), item.column())
        return True


class KeyboardMenu(QObject):
    """Lets the menu key open the menu of a list's current entry; Qt would ask for one at the middle of the list."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QContextMenuEvent) or event.reason() != QContextMenuEvent.Keyboard:
            return False
        if self._view.currentIndex().isValid():
            self._view.customContextMenuRequested.emit(self._view.visualRect(self._view.currentIndex()).center())
        return True

"""What the tables and buttons of the panels have in common."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView, QPushButton, QTableWidget

from spinalsam.ui import theme
from spinalsam.ui.words import told


def row_table(rows: int, columns: int, *, row_height: int = 26) -> QTableWidget:
    """A table whose rows are chosen as a whole, without lines and row numbers; nothing in it can be edited unless said otherwise."""
    table = QTableWidget(rows, columns)
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


def panel_button(picture: str, text: str, act: Callable[[], object]) -> QPushButton:
    """A button that Enter in a field does not press. picture: an icon's name or ""."""
    button = told(QPushButton(theme.icon(picture), ""), text)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _=False: act())
    return button

"""Preferences for the keys: everything that a key can do, and the key that does it."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.keys import KeyEntry
from spinalsam.control.operations import find
from spinalsam.ui import keys
from spinalsam.ui.tables import row_table, search_field, show_matching
from spinalsam.ui.words import tr


class KeyField(QKeySequenceEdit):
    """Takes the keys that are pressed in it, Tab and Esc too. pressed(sequence) comes with every key, without Qt's wait for the next."""

    pressed = pyqtSignal(QKeySequence)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.KeyPress:
            self.keyPressEvent(event)
            if not self.keySequence().isEmpty():
                self.pressed.emit(self.keySequence())
            return True
        return super().event(event)


class KeysPage(QWidget):
    """chosen: keys that differ from the usual ones, by the names of `spinalsam.control.keys`; what `Settings.shortcuts` holds."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        super().__init__()
        self.chosen = dict(chosen)
        self._entries = sorted(keys.entries(), key=lambda entry: (entry.op == "", keys.title(entry).lower()))
        self.search = search_field(self._filter)
        self.table = self._make_table()
        self.field = KeyField()
        self.field.setAccessibleName(tr("New key"))
        self.field.pressed.connect(self._pressed)
        self.none = QPushButton(tr("No key"))
        self.none.clicked.connect(lambda: self._give(""))
        self.usual = QPushButton(tr("Usual key"))
        self.usual.clicked.connect(self._give_back)
        self.all_usual = QPushButton(tr("All usual keys"))
        self.all_usual.clicked.connect(self._reset)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("mark", "warning")
        self.take = QPushButton(tr("Take it"))
        self.take.clicked.connect(self._take)
        for button in (self.none, self.usual, self.all_usual, self.take):
            button.setAutoDefault(False)
        self._arrange()
        self._fill()
        self.table.selectRow(0)
        self._chosen_row()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        self.what = QLabel()
        row.addWidget(QLabel(tr("Press the new key:")))
        row.addWidget(self.field, 1)
        row.addWidget(self.none)
        row.addWidget(self.usual)
        conflict = QHBoxLayout()
        conflict.addWidget(self.problem, 1)
        conflict.addWidget(self.take)
        foot = QHBoxLayout()
        foot.addWidget(self.what, 1)
        foot.addWidget(self.all_usual)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        column.addLayout(conflict)
        column.addLayout(foot)
        self.what.setObjectName("hint")

    def _make_table(self) -> QTableWidget:
        table = row_table(len(self._entries), 2)
        table.setHorizontalHeaderLabels([tr("What it does"), tr("Key")])
        table.setAccessibleName(tr("Keys"))
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.setMinimumHeight(220)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.Stretch)
        table.horizontalHeader().setSectionResizeMode(1, QHeaderView.Fixed)
        table.horizontalHeader().resizeSection(1, 190)
        table.itemSelectionChanged.connect(self._chosen_row)
        table.cellDoubleClicked.connect(lambda *_: self.field.setFocus())
        return table

    # --- what is shown -----------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        for row, entry in enumerate(self._entries):
            changed = entry.name in self.chosen
            for column, text in enumerate((keys.title(entry), _text(entry.chosen(self.chosen)))):
                item = QTableWidgetItem(text)
                font = item.font()
                font.setBold(changed and column == 1)
                item.setFont(font)
                item.setToolTip(_tip(entry))
                self.table.setItem(row, column, item)
        self.all_usual.setEnabled(bool(self.chosen))

    def _filter(self, text: str) -> None:
        def line_of(row: int) -> str:
            entry = self._entries[row]
            return f"{keys.title(entry)} {_text(entry.chosen(self.chosen))} {entry.op}"

        show_matching(self.table, text, line_of)
        current = self.table.currentRow()
        if current < 0 or self.table.isRowHidden(current):
            shown = [row for row in range(self.table.rowCount()) if not self.table.isRowHidden(row)]
            self.table.selectRow(shown[0]) if shown else self.table.clearSelection()

    @property
    def entry(self) -> KeyEntry | None:
        """What the selected row is about."""
        rows = self.table.selectionModel().selectedRows() if self.table.selectionModel() else []
        return self._entries[rows[0].row()] if rows else None

    def _chosen_row(self) -> None:
        entry = self.entry
        for widget in (self.field, self.none):
            widget.setEnabled(entry is not None)
        self.usual.setEnabled(entry is not None and entry.name in self.chosen)
        self.what.setText(tr("Usually: {keys}", keys=_text(entry.keys) or tr("no key")) if entry is not None else "")
        self._show_conflict("", False)
        self.field.clear()

    def _show_conflict(self, text: str, can_take: bool) -> None:
        self.problem.setText(text)
        self.take.setVisible(can_take)

    # --- what the user does ------------------------------------------------------------------------------------------

    def _pressed(self, sequence: QKeySequence) -> None:
        entry, key = self.entry, sequence.toString(QKeySequence.PortableText)
        if entry is None or not key:
            return
        shown = sequence.toString(QKeySequence.NativeText)
        meaning = keys.taken_by(key)
        if meaning:
            self._show_conflict(tr("{key} cannot be changed: {what}.", key=shown, what=tr(meaning)), False)
            return
        others = keys.sharing(key, entry.name, self.chosen)
        if others:
            names = ", ".join(f"{keys.title(other)} ({_text(other.chosen(self.chosen))})" for other in others)
            self._show_conflict(tr("{key} is taken: {names}.", key=shown, names=names), True)
            return
        self._give(key)

    def _take(self) -> None:
        """Give the pressed key to the selected entry; those that had it have none any more."""
        entry, key = self.entry, self.field.keySequence().toString(QKeySequence.PortableText)
        if entry is None or not key:
            return
        for other in keys.sharing(key, entry.name, self.chosen):
            self._set(other, "")
        self._give(key)

    def _give(self, key: str) -> None:
        entry = self.entry
        if entry is None:
            return
        self._set(entry, key)
        self._fill()
        self.usual.setEnabled(entry.name in self.chosen)
        self._show_conflict("", False)

    def _give_back(self) -> None:
        """The usual key again, unless another has it by now."""
        entry = self.entry
        if entry is None:
            return
        others = [other for key in entry.keys for other in keys.sharing(key, entry.name, self.chosen)]
        if others:
            names = ", ".join(dict.fromkeys(keys.title(other) for other in others))
            self._show_conflict(tr("{key} is taken: {names}.", key=_text(entry.keys), names=names), False)
            return
        self.chosen.pop(entry.name, None)
        self._fill()
        self._chosen_row()

    def _reset(self) -> None:
        self.chosen.clear()
        self._fill()
        self._chosen_row()

    def _set(self, entry: KeyEntry, key: str) -> None:
        if (key,) == entry.keys or (not key and not entry.keys):
            self.chosen.pop(entry.name, None)
        else:
            self.chosen[entry.name] = key


def _tip(entry: KeyEntry) -> str:
    return tr(find(entry.op).spec.help) if entry.op else tr(entry.title)


def _text(sequences: tuple[str, ...]) -> str:
    return ", ".join(QKeySequence(key).toString(QKeySequence.NativeText) for key in sequences)

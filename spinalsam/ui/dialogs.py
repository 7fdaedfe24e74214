"""Dialogs that ask for a series or a command, and the map of the keys. None of them blocks: each emits what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QModelIndex, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QPainter
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.operations import OPERATIONS
from spinalsam.ui import keys, theme, thumbnails
from spinalsam.ui.tables import row_table, search_field, show_matching
from spinalsam.ui.words import tr

PICTURE = 64


class SeriesPicker(QDialog):
    """Which series of a folder that holds several."""

    chosen = pyqtSignal(str)

    def __init__(self, folder: str, series: Sequence[Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self.setWindowTitle(tr("Choose a series"))
        self.resize(720, min(150 + len(series) * (PICTURE + 8), 560))
        self.table = row_table(len(series), 4, row_height=PICTURE + 8)
        self.table.setHorizontalHeaderLabels([tr("Series"), tr("Kind"), tr("Size"), tr("Spacing in mm")])
        self.table.setIconSize(QSize(PICTURE, PICTURE))
        self.table.setSelectionMode(QAbstractItemView.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        self.table.setAccessibleName(tr("Series"))
        for row, info in enumerate(series):
            self._fill(row, info)
        self.table.selectRow(max(range(len(series)), key=lambda n: series[n].slices))
        self.table.cellActivated.connect(lambda *_: self._accept())
        buttons = QDialogButtonBox(QDialogButtonBox.Open | QDialogButtonBox.Cancel)
        buttons.button(QDialogButtonBox.Open).setText(tr("Open"))
        buttons.button(QDialogButtonBox.Open).setProperty("primary", True)
        buttons.button(QDialogButtonBox.Cancel).setText(tr("Cancel"))
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        title = QLabel(tr("'{folder}' holds {count} series; which one?", folder=folder, count=len(series)))
        title.setTextFormat(Qt.PlainText)
        title.setWordWrap(True)
        column.addWidget(title)
        column.addWidget(self.table)
        column.addWidget(buttons)

    def _fill(self, row: int, info: Any) -> None:
        number = "" if info.number is None else f"{info.number}  "
        spacing = " × ".join(f"{mm:.3g}" for mm in info.spacing_mm) if info.spacing_mm else tr("unknown")
        texts = (number + (info.description or tr("without a name")), info.modality, " × ".join(map(str, info.size)), spacing)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setData(Qt.UserRole, info.uid)
            item.setToolTip(text)
            self.table.setItem(row, column, item)

    def show_picture(self, row: int, picture: QImage) -> None:
        """The picture of one of the series, when it has been read."""
        self.table.item(row, 0).setIcon(thumbnails.square_icon(picture))

    def _accept(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.chosen.emit(self.table.item(rows[0].row(), 0).data(Qt.UserRole))
            self.accept()


KEYS_ROLE = Qt.UserRole + 1


class KeyBeside(QStyledItemDelegate):
    """An entry with its keys at the right edge."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        super().paint(painter, option, index)
        pressed = index.data(KEYS_ROLE)
        if pressed:
            painter.save()
            painter.setPen(QColor(theme.current().muted))
            painter.drawText(option.rect.adjusted(0, 0, -12, 0), Qt.AlignRight | Qt.AlignVCenter, pressed)
            painter.restore()


class CommandPalette(QDialog):
    """Type a few letters of what you want; Enter does it. Lists every action that can be done now."""

    def __init__(self, actions: Sequence[Any], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.Dialog | Qt.FramelessWindowHint)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self._actions = [action for action in actions if action.isEnabled()]
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr("What do you want to do?"))
        self.line.setAccessibleName(tr("What do you want to do?"))
        self.line.textChanged.connect(self._filter)
        self.line.returnPressed.connect(self._run)
        self.list = QListWidget()
        self.list.itemActivated.connect(lambda _: self._run())
        self.list.itemClicked.connect(lambda _: self._run())
        self.list.setFocusPolicy(Qt.NoFocus)
        self.list.setAccessibleName(tr("What can be done now"))
        self.list.setItemDelegate(KeyBeside(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.nothing = QLabel(tr("Nothing that can be done now is called that."))
        self.nothing.setObjectName("hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.addWidget(self.line)
        column.addWidget(self.nothing)
        column.addWidget(self.list)
        self.setObjectName("palette")
        self.resize(520, 420)
        self.line.setFocus()
        self._filter("")

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        self.list.clear()
        titled = [(action.text().replace("...", "").replace("…", ""), action) for action in self._actions]
        found = [(title, action) for title, action in titled if all(word in f"{title} {action.data()}".lower() for word in words)]
        # What begins as it was typed comes first; the order of the menus stays otherwise.
        for title, action in sorted(found, key=lambda one: not one[0].lower().startswith(text.strip().lower())):
            item = QListWidgetItem(theme.icon("blank") if action.icon().isNull() else action.icon(), title)
            item.setData(Qt.UserRole, action)
            item.setData(KEYS_ROLE, keys.shown(action.property("keys")))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.nothing.setVisible(not found)

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key_Down, Qt.Key_Up):
            step = 1 if event.key() == Qt.Key_Down else -1
            self.list.setCurrentRow(min(max(self.list.currentRow() + step, 0), self.list.count() - 1))
        else:
            super().keyPressEvent(event)

    def _run(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.accept()
            item.data(Qt.UserRole).trigger()


POINTER_KEYS = (
    ("Left click", "positive point"),
    ("Right click, Alt + left click", "negative point"),
    ("Left drag, Shift + drag", "box"),
    ("Drag a point, a box's corner or its edge", "move it"),
    ("Delete over a point or box", "delete it"),
    ("Rest the pointer", "outline what a click would give"),
    ("Wheel", "slices"),
    ("Ctrl + wheel", "zoom to the pointer"),
    ("Shift + wheel, [ and ]", "size of the brush"),
    ("Middle drag", "move the picture"),
    ("Right drag", "window: right is wider, up is brighter"),
    ("Ctrl + left drag", "crosshair"),
    ("Double click", "one pane or all"),
    ("Arrows, + and − in the 3-D pane", "turn it, zoom"),
)


class ShortcutMap(QDialog):
    """Every key and pointer gesture; the keys come from the registry, as they are set now. change_wanted: the user wants others."""

    change_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keys and pointer"))
        self.resize(760, 640)
        self.search = search_field(self._filter)
        self.table = self._make_table()
        change = QPushButton(tr("Change keys..."))
        change.setAutoDefault(False)
        change.clicked.connect(self.change_wanted)
        change.clicked.connect(self.accept)
        buttons = QDialogButtonBox(QDialogButtonBox.Close)
        buttons.button(QDialogButtonBox.Close).setText(tr("Close"))
        buttons.addButton(change, QDialogButtonBox.ActionRole)
        buttons.rejected.connect(self.reject)
        stack = QVBoxLayout(self)
        stack.setContentsMargins(14, 12, 14, 12)
        stack.addWidget(self.search)
        stack.addWidget(self.table)
        stack.addWidget(buttons)
        self.search.setFocus()

    def _make_table(self) -> QTableWidget:
        specs = {operation.name: operation.spec for operation in OPERATIONS}
        rows = [(tr(gesture), tr(meaning), "") for gesture, meaning in POINTER_KEYS]
        for entry in keys.entries():
            if key := keys.all_shown(entry.name):
                rows.append((key, keys.title(entry), tr(specs[entry.op].help) if entry.op else ""))
        table = row_table(len(rows), 2, row_height=28)
        table.setHorizontalHeaderLabels([tr("Key"), tr("Does")])
        table.setAccessibleName(tr("Keys and pointer"))
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(1, QHeaderView.Stretch)
        for row, (key, meaning, tip) in enumerate(rows):
            for column, text in enumerate((key, meaning)):
                item = QTableWidgetItem(text)
                item.setToolTip(tip)
                table.setItem(row, column, item)
        return table

    def _filter(self, text: str) -> None:
        def line_of(row: int) -> str:
            key, meaning = self.table.item(row, 0), self.table.item(row, 1)
            return f"{key.text()} {meaning.text()} {meaning.toolTip()}"

        show_matching(self.table, text, line_of)

"""The labels of the case: colour, name, VerSe value, volume; shown or hidden, locked or open; which one new masks get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import QPoint, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QFont
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.support.anatomy import CRANIOCAUDAL, GROUPS, LABEL_NAMES, label_colour, label_value
from spinalsam.ui import theme
from spinalsam.ui.words import tr

NAME, VALUE, VOLUME, SHOWN, LOCKED = range(5)


class LabelPanel(QWidget):
    """Emits operation calls as (op, args); holds no state of its own."""

    requested = pyqtSignal(str, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self.level = QComboBox()
        self.level.setAccessibleName(tr("Label of new masks"))
        self.level.setToolTip(tr("The vertebra that new masks belong to"))
        for region in (*CRANIOCAUDAL, *GROUPS):
            self.level.addItem(theme.swatch(_colour(region)), f"{region}", region)
        self.level.setMaxVisibleItems(16)
        self.level.activated.connect(self._choose_level)
        self.table = self._make_table()
        self.empty = QLabel(tr("Masks are listed here with their level and volume."))
        self.empty.setObjectName("hint")
        self.empty.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("New masks are")))
        row.addWidget(self.level, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.empty)
        column.addWidget(self.table, 1)
        column.addStretch(0)
        self.show_labels(None, {})

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 5)
        table.setHorizontalHeaderLabels([tr("Label"), tr("Value"), tr("Volume"), "", ""])
        table.setAccessibleName(tr("Labels"))
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(28)
        table.setSelectionBehavior(QAbstractItemView.SelectRows)
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditKeyPressed)
        table.setShowGrid(False)
        table.setContextMenuPolicy(Qt.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open_menu)
        table.cellClicked.connect(self._clicked)
        table.cellDoubleClicked.connect(self._double_clicked)
        table.itemChanged.connect(self._renamed)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        for column in (VALUE, VOLUME):
            table.horizontalHeaderItem(column).setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
        header.setMinimumSectionSize(26)
        header.setSectionResizeMode(NAME, QHeaderView.Stretch)
        for column in (VALUE, VOLUME):
            header.setSectionResizeMode(column, QHeaderView.ResizeToContents)
        for column in (SHOWN, LOCKED):
            header.setSectionResizeMode(column, QHeaderView.Fixed)
            header.resizeSection(column, 30)
        return table

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show_labels(self, state: Any | None, volumes_ml: Mapping[int, float]) -> None:
        """state: the case's state, or None without a case. volumes_ml: of the labels that have voxels."""
        self._filling = True
        self.level.setEnabled(state is not None)
        labels = _ordered(state.labels) if state is not None else []
        labels = [info for info in labels if info.value in volumes_ml or info.value == state.active_label or _has_prompt(state, info.value)]
        self.table.setRowCount(len(labels))
        for row, info in enumerate(labels):
            self._fill_row(row, info, info.value == state.active_label, volumes_ml.get(info.value))
        self.table.setVisible(bool(labels))
        self.empty.setVisible(not volumes_ml)
        if state is not None:
            self.level.setCurrentIndex(self.level.findData(_region(state.active_label)))
        self._filling = False

    def _fill_row(self, row: int, info: Any, active: bool, volume_ml: float | None) -> None:
        name = QTableWidgetItem(theme.swatch(info.colour), info.name)
        name.setData(Qt.UserRole, info.value)
        name.setToolTip(tr("Click to make new masks belong to it, double click to go there, right click for more"))
        font = QFont(self.font())
        font.setBold(active)
        name.setFont(font)
        value = QTableWidgetItem(str(info.value))
        volume = QTableWidgetItem(f"{volume_ml:.1f} ml" if volume_ml is not None else "–")
        shown = QTableWidgetItem(theme.icon("show_mask" if info.visible else "hide"), "")
        shown.setToolTip(tr("Hide") if info.visible else tr("Show"))
        locked = QTableWidgetItem(theme.icon("lock" if info.locked else "unlock", None if info.locked else theme.current().muted), "")
        locked.setToolTip(tr("Unlock") if info.locked else tr("Lock: nothing paints over a finished label"))
        shown.setData(Qt.AccessibleTextRole, tr("shown") if info.visible else tr("hidden"))
        locked.setData(Qt.AccessibleTextRole, tr("locked") if info.locked else tr("not locked"))
        for column, item in enumerate((name, value, volume, shown, locked)):
            item.setData(Qt.UserRole, info.value)
            item.setData(Qt.UserRole + 1, (info.visible, info.locked))
            if column != NAME:
                item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable)
            if column in (VALUE, VOLUME):
                item.setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
                item.setForeground(QColor(theme.current().muted))
            self.table.setItem(row, column, item)

    # --- what the user does ------------------------------------------------------------------------------------------

    def _choose_level(self, index: int) -> None:
        self.requested.emit("set_label", {"regions": [self.level.itemData(index)]})

    def _clicked(self, row: int, column: int) -> None:
        value, (visible, locked) = self._of_row(row)
        if column == SHOWN:
            self.requested.emit("set_label_visible", {"value": value, "visible": not visible})
        elif column == LOCKED:
            self.requested.emit("lock_label", {"value": value, "locked": not locked})
        elif _region(value) is not None:
            self.requested.emit("set_label", {"regions": [_region(value)]})

    def _double_clicked(self, row: int, column: int) -> None:
        region = _region(self._of_row(row)[0])
        if column in (NAME, VALUE, VOLUME) and region is not None:
            self.requested.emit("go_to", {"regions": [region]})

    def _renamed(self, item: QTableWidgetItem) -> None:
        if not self._filling and item.column() == NAME and item.text().strip():
            self.requested.emit("rename_label", {"value": item.data(Qt.UserRole), "name": item.text().strip()})

    def _of_row(self, row: int) -> tuple[int, tuple[bool, bool]]:
        item = self.table.item(row, NAME)
        return item.data(Qt.UserRole), item.data(Qt.UserRole + 1)

    def _open_menu(self, position: QPoint) -> None:
        row = self.table.rowAt(position.y())
        if row >= 0:
            self.menu_of(row).exec_(self.table.viewport().mapToGlobal(position))

    def menu_of(self, row: int) -> QMenu:
        """What can be done with one label; every entry is an operation."""
        value, (visible, locked) = self._of_row(row)
        region = _region(value)
        menu = QMenu(self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        becomes = menu.addMenu(theme.icon("set_label"), tr("This one is"))
        for name in CRANIOCAUDAL:
            self._add(becomes, name, "change_label", {"value": value, "to": label_value(name)}, theme.swatch(_colour(name)))
        menu.addAction(tr("Rename"), lambda: self.table.editItem(self.table.item(row, NAME)))
        menu.addAction(tr("Colour..."), lambda: self._recolour(value))
        menu.addSeparator()
        self._add(menu, tr("Hide") if visible else tr("Show"), "set_label_visible", {"value": value, "visible": not visible})
        self._add(menu, tr("Unlock") if locked else tr("Lock"), "lock_label", {"value": value, "locked": not locked})
        if region is not None:
            menu.addSeparator()
            self._add(menu, tr("Go there"), "go_to", {"regions": [region]}, theme.icon("go_to"))
            self._add(menu, tr("Measure"), "measure", {"regions": [region]}, theme.icon("measure"))
            self._add(menu, tr("Propagate up and down"), "propagate", {"direction": "both", "value": value}, theme.icon("propagate"))
            menu.addSeparator()
            self._add(menu, tr("Clear its mask"), "clear_mask", {"regions": [region]}, theme.icon("trash"))
        return menu

    def _add(self, menu: QMenu, title: str, op: str, args: dict[str, Any], picture: Any = None) -> None:
        action = menu.addAction(title)
        if picture is not None:
            action.setIcon(picture)
        action.setData(op)
        action.triggered.connect(lambda _=False: self.requested.emit(op, args))

    def _recolour(self, value: int) -> None:
        chosen = QColorDialog.getColor(parent=self)
        if chosen.isValid():
            self.requested.emit("recolour_label", {"value": value, "colour": [chosen.red(), chosen.green(), chosen.blue()]})


def _ordered(labels: Any) -> list[Any]:
    """From head to foot, then the others by value."""
    order = {label_value(name): n for n, name in enumerate(CRANIOCAUDAL)}
    return sorted(labels, key=lambda info: (order.get(info.value, 1000), info.value))


def _has_prompt(state: Any, value: int) -> bool:
    return any(prompt.label == value for prompt in (*state.points, *state.boxes))


def _region(value: int) -> str | None:
    return LABEL_NAMES.get(value)


def _colour(region: str) -> tuple[int, int, int]:
    return label_colour(label_value(region))

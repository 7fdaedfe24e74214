"""The labels of the case: colour, name, VerSe value, volume, progress; shown or hidden, locked or open; which one new masks get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.measuring import Measurement
from spinalsam.control.state import PROGRESS, LabelInfo
from spinalsam.support.anatomy import CRANIOCAUDAL, GROUPS, LABEL_NAMES, label_colour, label_value, level_order
from spinalsam.ui import theme
from spinalsam.ui.label_menu import PROGRESS_WORDS, LabelMenu
from spinalsam.ui.tables import CellKeys, KeyboardMenu, row_table
from spinalsam.ui.words import follow, put, region, say, told, tr

NAME, VALUE, VOLUME, SHOWN, LOCKED, STATE = range(6)
_STATE_ICONS = {"open": "open_label", "in_progress": "in_progress", "done": "done"}
SHOWN_WARNINGS = 3


class LabelPanel(QWidget):
    """Emits operation calls as (op, args); holds no state of its own. figures_wanted: the window with the whole table."""

    requested = pyqtSignal(str, dict)
    figures_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self._labels: list[LabelInfo] = []
        self._measured: dict[int, Measurement] = {}
        self.level = QComboBox()
        put(self.level.setAccessibleName, "Label of new masks")
        put(self.level.setToolTip, "The vertebra that new masks belong to")
        self.level.setMaxVisibleItems(16)
        self.level.activated.connect(self._choose_level)
        self.add = QToolButton()
        self.add.setIcon(theme.icon("add_label"))
        put(self.add.setToolTip, "Add a label of your own")
        put(self.add.setAccessibleName, "Add label")
        self.add.clicked.connect(lambda: self.requested.emit("add_label", {}))
        self.table = self._make_table()
        self.empty = told(self._note("hint"), "Masks are listed here with their level and volume.")
        self.details = self._note("hint")
        self.warnings = self._note("levelWarning")
        self.figures = QToolButton()
        self.figures.setIcon(theme.icon("table"))
        put(self.figures.setAccessibleName, "Table and comparison")
        put(self.figures.setToolTip, "All figures to copy or save, and the comparison with a reference mask")
        self.figures.clicked.connect(self.figures_wanted)
        self._arrange()
        self.show_labels(None, {})

    def _note(self, name: str) -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextSelectableByMouse)
        return label

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(told(QLabel(), "New masks are"))
        row.addWidget(self.level, 1)
        row.addWidget(self.add)
        row.addWidget(self.figures)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.empty)
        column.addWidget(self.table, 1)
        column.addWidget(self.details)
        column.addWidget(self.warnings)
        column.addStretch(0)

    def _make_table(self) -> QTableWidget:
        table = row_table(0, 6)
        follow(table, lambda table: table.setHorizontalHeaderLabels([tr("Label"), tr("Value"), tr("Volume"), "", "", ""]))
        put(table.setAccessibleName, "Labels")
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditKeyPressed)
        table.setMinimumHeight(86)
        table.setContextMenuPolicy(Qt.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open_menu)
        KeyboardMenu(table)
        table.cellClicked.connect(self._clicked)
        CellKeys(table, self._clicked)
        table.cellDoubleClicked.connect(self._double_clicked)
        table.itemChanged.connect(self._renamed)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        for column in (VALUE, VOLUME):
            table.horizontalHeaderItem(column).setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
        header.setMinimumSectionSize(26)
        header.setSectionResizeMode(NAME, QHeaderView.Stretch)
        for column in (VALUE, VOLUME):
            header.setSectionResizeMode(column, QHeaderView.ResizeToContents)
        for column in (SHOWN, LOCKED, STATE):
            header.setSectionResizeMode(column, QHeaderView.Fixed)
            header.resizeSection(column, 28)
        return table

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show_labels(self, state: Any | None, volumes_ml: Mapping[int, float]) -> None:
        """state: the case's state, or None without a case. volumes_ml: of the labels that have voxels."""
        self._filling = True
        for widget in (self.level, self.add, self.figures):
            widget.setEnabled(state is not None)
        labels = _ordered(state.labels) if state is not None else []
        chosen = self._labels[self.table.currentRow()].value if 0 <= self.table.currentRow() < len(self._labels) else None
        self._labels = [info for info in labels if info.value in volumes_ml or info.value == state.active_label or _is_used(state, info)]
        self.table.setRowCount(len(self._labels))
        for row, info in enumerate(self._labels):
            self._fill_row(row, info, info.value == state.active_label, volumes_ml.get(info.value))
        self._choose_row(chosen)
        self.table.setVisible(bool(self._labels))
        self.empty.setVisible(not volumes_ml)
        self._fill_levels(state)
        self._show_details(state.active_label if state is not None else None)
        self._filling = False

    def _choose_row(self, value: int | None) -> None:
        """The row that was chosen is the label's, wherever it stands now."""
        row = next((row for row, info in enumerate(self._labels) if info.value == value), -1)
        if row != self.table.currentRow():
            self.table.setCurrentCell(row, max(self.table.currentColumn(), 0))
            if row < 0:
                self.table.clearSelection()

    def show_figures(self, measured: Mapping[int, Measurement], warnings: Sequence[Any]) -> None:
        """Measurements by label value, and what is wrong with the levels (things with a `text`)."""
        self._measured = dict(measured)
        self._show_details(self._active)
        texts = [say(warning.text) for warning in warnings]
        more = len(texts) - SHOWN_WARNINGS
        lines = [f"⚠ {text}" for text in texts[:SHOWN_WARNINGS]] + ([tr("and {count} more", count=more)] if more > 0 else [])
        self.warnings.setText("\n".join(lines))
        self.warnings.setToolTip("\n".join(texts))
        self.warnings.setVisible(bool(texts))

    def _show_details(self, value: int | None) -> None:
        """The figures of the active label."""
        self._active = value
        one = self._measured.get(value) if value is not None else None
        self.details.setVisible(one is not None)
        self.warnings.setVisible(bool(self.warnings.text()))
        if one is None or value is None:
            return
        name = next((region(info.name) for info in self._labels if info.value == value), str(value))
        size = ""
        if one.height_mm is not None and one.width_mm is not None and one.depth_mm is not None:
            size = f" · {one.height_mm:.0f} × {one.width_mm:.0f} × {one.depth_mm:.0f} mm"
        self.details.setText(f"{name}: {one.mean:.0f} ± {one.sd:.0f} HU{size}")
        self.details.setToolTip(tr("Mean value and its standard deviation; height × width × depth"))

    def _fill_levels(self, state: Any | None) -> None:
        """All levels and the case's own labels; the active one is chosen."""
        own = [info for info in (state.labels if state is not None else ()) if info.value not in LABEL_NAMES]
        wanted = [(region(name), label_value(name), label_colour(label_value(name))) for name in (*CRANIOCAUDAL, *GROUPS)]
        wanted += [(region(info.name), info.value, info.colour) for info in own]
        if [(self.level.itemText(n), self.level.itemData(n)) for n in range(self.level.count())] != [(n, v) for n, v, _ in wanted]:
            self.level.clear()
            for name, value, colour in wanted:
                self.level.addItem(theme.swatch(colour), name, value)
        self.level.setCurrentIndex(self.level.findData(state.active_label) if state is not None else -1)

    def _fill_row(self, row: int, info: LabelInfo, active: bool, volume_ml: float | None) -> None:
        name = QTableWidgetItem(theme.swatch(info.colour), region(info.name))
        name.setToolTip(tr("Click to make new masks belong to it, double click to go there, right click for more"))
        font = QFont(self.font())
        font.setBold(active)
        name.setFont(font)
        value = QTableWidgetItem(str(info.value))
        volume = QTableWidgetItem(f"{volume_ml:.1f} ml" if volume_ml is not None else "–")
        muted = theme.current().muted
        shown = self._picture("show_mask" if info.visible else "hide", "text", tr("Hide") if info.visible else tr("Show"))
        lock_tip = tr("Unlock") if info.locked else tr("Lock: nothing paints over a finished label")
        locked = self._picture("lock" if info.locked else "unlock", "text" if info.locked else "muted", lock_tip)
        good = "good" if info.progress == "done" else "muted"
        step = tr(PROGRESS_WORDS[info.progress])
        state = self._picture(_STATE_ICONS[info.progress], good, tr("{step}; click for the next", step=step))
        shown.setData(Qt.AccessibleTextRole, tr("shown") if info.visible else tr("hidden"))
        locked.setData(Qt.AccessibleTextRole, tr("locked") if info.locked else tr("not locked"))
        state.setData(Qt.AccessibleTextRole, step)
        for column, item in enumerate((name, value, volume, shown, locked, state)):
            item.setData(Qt.UserRole, info.value)
            if column != NAME:
                item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable)
            if column in (VALUE, VOLUME):
                item.setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
                item.setForeground(QColor(muted))
            self.table.setItem(row, column, item)

    def _picture(self, name: str, role: str, tip: str) -> QTableWidgetItem:
        item = QTableWidgetItem(theme.icon(name, role), "")
        item.setToolTip(tip)
        return item

    # --- what the user does ------------------------------------------------------------------------------------------

    def _choose_level(self, index: int) -> None:
        self._use(self.level.itemData(index))

    def _use(self, value: int) -> None:
        level = LABEL_NAMES.get(value)
        if level is not None:
            self.requested.emit("set_label", {"regions": [level]})
        else:
            self.requested.emit("use_label", {"value": value})

    def _clicked(self, row: int, column: int) -> None:
        info = self._labels[row]
        if column == SHOWN:
            self.requested.emit("set_label_visible", {"value": info.value, "visible": not info.visible})
        elif column == LOCKED:
            self.requested.emit("lock_label", {"value": info.value, "locked": not info.locked})
        elif column == STATE:
            following = PROGRESS[(PROGRESS.index(info.progress) + 1) % len(PROGRESS)]
            self.requested.emit("set_label_progress", {"value": info.value, "progress": following})
        else:
            self._use(info.value)

    def _double_clicked(self, row: int, column: int) -> None:
        level = LABEL_NAMES.get(self._labels[row].value)
        if column in (NAME, VALUE, VOLUME) and level is not None:
            self.requested.emit("go_to", {"regions": [level]})

    def _renamed(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != NAME:
            return
        typed = item.text().strip()
        self._filling = True  # until the name is taken it stays as it was: it may be refused
        item.setText(region(self._labels[item.row()].name))
        self._filling = False
        if typed:
            self.requested.emit("rename_label", {"value": item.data(Qt.UserRole), "name": typed})

    def _open_menu(self, position: QPoint) -> None:
        row = self.table.rowAt(position.y())
        if row >= 0:
            self.menu_of(row).exec_(self.table.viewport().mapToGlobal(position))

    def menu_of(self, row: int) -> LabelMenu:
        """What can be done with one label; every entry is an operation."""
        info = self._labels[row]
        others = [other for other in self._labels if other.value != info.value and not other.locked]
        menu = LabelMenu(info, others, self.requested.emit, self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        first = menu.actions()[3]
        rename, colour = menu.addAction(tr("Rename")), menu.addAction(tr("Colour..."))
        rename.triggered.connect(lambda _=False: self.table.editItem(self.table.item(row, NAME)))
        colour.triggered.connect(lambda _=False: self._recolour(info.value))
        for action in (rename, colour):
            menu.removeAction(action)
            menu.insertAction(first, action)
        return menu

    def _recolour(self, value: int) -> None:
        chosen = QColorDialog.getColor(parent=self)
        if chosen.isValid():
            self.requested.emit("recolour_label", {"value": value, "colour": [chosen.red(), chosen.green(), chosen.blue()]})


def _ordered(labels: Any) -> list[LabelInfo]:
    """From head to foot, then the others by value."""
    return sorted(labels, key=lambda info: level_order(info.value))


def _is_used(state: Any, info: LabelInfo) -> bool:
    """Whether a label without voxels is worth a row: it has a prompt, or somebody made it."""
    return info.value not in LABEL_NAMES or any(prompt.label == info.value for prompt in (*state.points, *state.boxes))

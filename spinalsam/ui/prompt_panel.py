"""The points and boxes of the case, slice by slice: exact coordinates to read and to type, to go to, to delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.errors import UsageError
from spinalsam.support.planes import SliceRef
from spinalsam.ui import theme
from spinalsam.ui.forms import read_text
from spinalsam.ui.tables import CellKeys, row_table
from spinalsam.ui.words import follow, put, region, told, tr

_PICTURES = {"positive": "add_points", "negative": "negative_point", "box": "box"}
KIND, LABEL, SLICE, PLACE, DELETE = range(5)


@dataclass(frozen=True)
class PromptRow:
    """One prompt as it is listed. kind: 'positive', 'negative' or 'box'. number: its place in its list, from 1.

    pixels: [x, y] of a point or [x0, y0, x1, y1] of a box on the slice as shown. ijk: the voxel to go to.
    """

    kind: str
    number: int
    label: str
    ref: SliceRef
    pixels: tuple[float, ...]
    ijk: tuple[int, ...]


def rows_of(workspace: Any) -> list[PromptRow]:
    """The prompts of a workspace, those of the shown slice first."""
    if not workspace.has_case:
        return []
    state = workspace.state
    rows = []
    for number, box in enumerate(state.boxes, 1):
        plane = workspace.plane(box.ref.plane)
        corners = [float(n) for corner in (box.corner_a_ijk, box.corner_b_ijk) for n in plane.to_pixel(corner)]
        middle = tuple(round((a + b) / 2) for a, b in zip(box.corner_a_ijk, box.corner_b_ijk, strict=True))
        rows.append(PromptRow("box", number, region(state.label(box.label).name), box.ref, tuple(corners), middle))
    for number, point in enumerate(state.points, 1):
        x, y = workspace.plane(point.ref.plane).to_pixel(point.ijk)
        kind = "positive" if point.positive else "negative"
        place = tuple(round(n) for n in point.ijk)
        rows.append(PromptRow(kind, number, region(state.label(point.label).name), point.ref, (float(x), float(y)), place))
    shown = workspace.shown
    return sorted(rows, key=lambda row: (row.ref != shown, row.ref.plane, row.ref.index))


class PromptPanel(QWidget):
    """Emits operation calls as (op, args)."""

    requested = pyqtSignal(str, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[PromptRow] = []
        self._shown: SliceRef | None = None
        self._filling = False
        self.place = QLineEdit()
        put(self.place.setPlaceholderText, "x, y  or  x0, y0, x1, y1")
        put(self.place.setToolTip, "Pixels of the shown slice, counted from 0: two numbers are a point, four are a box.")
        put(self.place.setAccessibleName, "Coordinates of a new point or box")
        self.place.returnPressed.connect(lambda: self._add("positive"))
        self.plus = self._button("+", "Add a positive point, or a box", "positive")
        self.minus = self._button("−", "Add a negative point", "negative")
        self.only_here = told(QCheckBox(), "Only this slice")
        self.only_here.toggled.connect(lambda _: self._fill())
        self.problem = QLabel()
        self.problem.setObjectName("problem")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.table = self._make_table()
        row = QHBoxLayout()
        row.setSpacing(6)
        for widget in (self.place, self.plus, self.minus):
            row.addWidget(widget, 1 if widget is self.place else 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.problem)
        column.addWidget(self.only_here)
        column.addWidget(self.table, 1)

    def _button(self, text: str, tip: str, kind: str) -> QPushButton:
        button = QPushButton(text)
        button.setFixedWidth(34)
        button.setProperty("small", True)
        put(button.setToolTip, tip)
        put(button.setAccessibleName, tip)
        button.clicked.connect(lambda: self._add(kind))
        return button

    def _make_table(self) -> QTableWidget:
        table = row_table(0, 5)
        follow(table, lambda table: table.setHorizontalHeaderLabels(["", tr("Label"), tr("Slice"), tr("Pixels"), ""]))
        put(table.setAccessibleName, "Prompts")
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.setEditTriggers(QAbstractItemView.DoubleClicked | QAbstractItemView.EditKeyPressed)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(26)
        header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        for column, width in ((KIND, 30), (DELETE, 30)):
            header.setSectionResizeMode(column, QHeaderView.Fixed)
            header.resizeSection(column, width)
        for column in (LABEL, SLICE):
            header.setSectionResizeMode(column, QHeaderView.ResizeToContents)
        header.setSectionResizeMode(PLACE, QHeaderView.Stretch)
        table.cellClicked.connect(self._clicked)
        CellKeys(table, self._clicked)
        table.itemChanged.connect(self._edited)
        return table

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show_prompts(self, workspace: Any) -> None:
        """List the prompts of a workspace as it is now."""
        rows, shown = rows_of(workspace), workspace.shown if workspace.has_case else None
        self.setEnabled(workspace.has_case)
        if rows != self._rows or shown != self._shown:
            self._rows, self._shown = rows, shown
            self._fill()

    def forget(self) -> None:
        """The next time everything is written anew."""
        self._shown = None
        self._rows = []

    def _listed(self) -> list[PromptRow]:
        return [row for row in self._rows if row.ref == self._shown or not self.only_here.isChecked()]

    def _fill(self) -> None:
        self._filling = True
        rows = self._listed()
        self.table.setRowCount(len(rows))
        for line, row in enumerate(rows):
            self._fill_row(line, row)
        self._filling = False

    def _fill_row(self, line: int, row: PromptRow) -> None:
        names = {"positive": tr("positive point"), "negative": tr("negative point"), "box": tr("box")}
        kind = QTableWidgetItem(theme.icon(_PICTURES[row.kind]), "")
        kind.setToolTip(names[row.kind])
        kind.setData(Qt.AccessibleTextRole, names[row.kind])
        label = QTableWidgetItem(row.label)
        where = QTableWidgetItem(f"{tr(row.ref.plane.capitalize())} {row.ref.index + 1}")
        place = QTableWidgetItem(", ".join(f"{n:g}" for n in row.pixels))
        place.setToolTip(tr("Double click to type other pixels"))
        delete = QTableWidgetItem(theme.icon("trash"), "")
        delete.setToolTip(tr("Delete"))
        delete.setData(Qt.AccessibleTextRole, tr("Delete"))
        for column, item in enumerate((kind, label, where, place, delete)):
            if column != PLACE:
                item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable)
            if row.ref != self._shown:
                item.setForeground(QColor(theme.current().muted))
            self.table.setItem(line, column, item)

    # --- what the user does ------------------------------------------------------------------------------------------

    def _clicked(self, line: int, column: int) -> None:
        row = self._listed()[line]
        if column == DELETE:
            self.requested.emit("delete_box" if row.kind == "box" else "delete_point", {"number": row.number})
        elif row.ref != self._shown:
            self.requested.emit("set_active_plane", {"plane": row.ref.plane})
            self.requested.emit("set_crosshair", {"ijk": list(row.ijk)})

    def _edited(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != PLACE:
            return
        row = self._listed()[item.row()]
        numbers = self._numbers(item.text(), 4 if row.kind == "box" else 2)
        if numbers is None:
            self._fill()
        elif row.kind == "box":
            self.requested.emit("move_box", {"number": row.number, "corners": numbers})
        else:
            self.requested.emit("move_point", {"number": row.number, "to": [numbers]})

    def _add(self, kind: str) -> None:
        numbers = self._numbers(self.place.text(), 2, 4)
        if numbers is None:
            return
        self.place.clear()
        if len(numbers) == 4:
            self.requested.emit("add_box", {"corners": numbers})
        else:
            self.requested.emit("add_points", {"at": [numbers], "label": kind})

    def _numbers(self, text: str, *counts: int) -> list[float] | None:
        """So many numbers, or None after saying what is wrong."""
        problem = ""
        try:
            numbers = read_text("corners", text) or []
        except UsageError as error:
            numbers, problem = [], str(error)
        if not problem and len(numbers) not in counts:
            problem = tr("Two numbers are a point, four are a box.")
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        return None if problem else numbers

"""Under two masks that stand side by side: how far they agree, label by label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.support.anatomy import level_order
from spinalsam.ui import theme
from spinalsam.ui.scene import Rgb
from spinalsam.ui.tables import row_table
from spinalsam.ui.words import follow, put, region, say, told, tr

NAME, DICE, HD95, OURS, THEIRS = range(5)
# Below this a label is worth a look.
POOR_DICE = 0.8
HEIGHT = 172


class ComparePanel(QFrame):
    """requested(op, args): operation calls. picked(value): a label's row was clicked, to see it."""

    requested = pyqtSignal(str, dict)
    picked = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparePanel")
        self.setFixedHeight(HEIGHT)
        self._rows: list[int] = []
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.difference = told(QCheckBox(), "Draw the difference on the left")
        self.difference.clicked.connect(lambda shown: self.requested.emit("show_difference", {"visible": shown}))
        self.alone = told(QPushButton(theme.icon("restore"), ""), "The mask alone")
        self.alone.clicked.connect(lambda: self.requested.emit("show_side_by_side", {"visible": False}))
        self.table = self._make_table()
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.summary, 1)
        row.addWidget(self.difference)
        row.addWidget(self.alone)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 4)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)

    def _make_table(self) -> QTableWidget:
        table = row_table(0, 5, row_height=24)
        put(table.setAccessibleName, "Agreement of the two masks by label")
        follow(table, lambda table: table.setHorizontalHeaderLabels([tr("Label"), "Dice", "HD95", tr("Left"), tr("Right")]))
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignRight | Qt.AlignVCenter)
        table.horizontalHeaderItem(NAME).setTextAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.Stretch)
        table.cellClicked.connect(lambda row, _: self.picked.emit(self._rows[row]))
        table.cellActivated.connect(lambda row, _: self.picked.emit(self._rows[row]))
        return table

    def show_comparison(
        self, data: Mapping[str, Any] | None, sentence: str, *, stale: bool, colours: Mapping[int, Rgb], voxel_ml: float, unit: str
    ) -> None:
        """data: of a `compare_mask` result, or None while there is none. stale: it is behind the masks. unit: of the distance."""
        self.summary.setText(tr("Comparing ...") if data is None else say(sentence))
        labels = dict(data["labels"]) if data is not None else {}
        self._rows = sorted(map(int, labels), key=level_order)
        self.table.setRowCount(len(self._rows))
        for row, value in enumerate(self._rows):
            self._fill(row, labels[str(value)], colours.get(value, (128, 128, 128)), stale=stale, voxel_ml=voxel_ml, unit=unit)

    def show_difference(self, shown: bool) -> None:
        self.difference.setChecked(shown)

    def _fill(self, row: int, one: Mapping[str, Any], colour: Rgb, *, stale: bool, voxel_ml: float, unit: str) -> None:
        both = bool(one["voxels"] and one["reference_voxels"])
        distance = "–" if one["hd95_mm"] is None else f"{one['hd95_mm']:.2f} {unit}"
        sizes = [f"{one[side] * voxel_ml:.2f} ml" if one[side] else tr("none") for side in ("voxels", "reference_voxels")]
        colours = theme.current()
        for column, text in enumerate((region(one["name"]), f"{one['dice']:.3f}", distance, *sizes)):
            item = QTableWidgetItem(text)
            if column == NAME:
                item.setIcon(theme.swatch(colour))
            else:
                item.setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
            if stale and column != NAME:
                item.setForeground(QColor(colours.muted))
                item.setToolTip(tr("Before the last change"))
            elif column == DICE and (not both or one["dice"] < POOR_DICE):
                item.setForeground(QColor(colours.warning))
                item.setToolTip(tr("The two masks agree little here"))
            self.table.setItem(row, column, item)

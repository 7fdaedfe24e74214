"""All labels with all figures: to read, to copy, to save, and to compare with a reference mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.comparing import ONLY_OURS, ONLY_REFERENCE, OTHER_LABEL
from spinalsam.control.figures_text import table_text
from spinalsam.control.measuring import Measurement
from spinalsam.support.anatomy import label_colour, level_order
from spinalsam.ui import theme
from spinalsam.ui.scene import Rgb
from spinalsam.ui.slice_picture import DIFFERENCE_COLOURS
from spinalsam.ui.tables import panel_button, row_table, set_heads
from spinalsam.ui.vertebra_panel import VertebraPanel
from spinalsam.ui.words import follow, put, region, say, told, tr

_DIFFERENCE_WORDS = {ONLY_OURS: "only here", ONLY_REFERENCE: "only in the reference", OTHER_LABEL: "another label"}
FIRST_COMPARED = 8  # columns from here on are about the reference


class FiguresWindow(QDialog):
    """requested(op, args): operation calls. ask_reference, ask_csv: a file has to be chosen first."""

    requested = pyqtSignal(str, dict)
    ask_reference = pyqtSignal()
    ask_csv = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        put(self.setWindowTitle, "Labels and figures")
        self.resize(980, 440)
        self._measured: list[Measurement] = []
        self._colours: dict[int, Rgb] = {}
        self._is_hu = True
        self._compared: dict[str, Any] | None = None
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.vertebrae = VertebraPanel()
        self.vertebrae.requested.connect(self.requested)
        self._stale = False
        self.table = self._make_table()
        self.warnings = QLabel()
        self.warnings.setObjectName("levelWarning")
        self.warnings.setWordWrap(True)
        self.summary = QLabel()
        self.summary.setObjectName("hint")
        self.summary.setWordWrap(True)
        self.difference = told(QCheckBox(), "Draw the difference on the slices")
        self.difference.clicked.connect(lambda shown: self.requested.emit("show_difference", {"visible": shown}))
        self.legend = QLabel()
        follow(self.legend, lambda legend: legend.setText(_legend()))
        self.copy = panel_button("copy", "Copy", self._copy)
        self.csv = panel_button("export_mask", "Save CSV...", self.ask_csv.emit)
        self.compare = panel_button("compare_mask", "Compare with a reference...", self.ask_reference.emit)
        self.beside = panel_button("show_side_by_side", "Side by side", lambda: None)
        self.beside.setCheckable(True)
        self.beside.clicked.connect(lambda shown: self.requested.emit("show_side_by_side", {"visible": shown}))
        self.end = panel_button("", "End comparison", lambda: self.requested.emit("end_comparison", {}))
        self._arrange()
        self.show_comparison(None, "", stale=False, comparing=False)

    def _arrange(self) -> None:
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for widget in (self.copy, self.csv):
            upper.addWidget(widget)
        upper.addStretch(1)
        for widget in (self.compare, self.beside, self.end):
            upper.addWidget(widget)
        lower.addWidget(self.difference)
        lower.addWidget(self.legend)
        lower.addStretch(1)
        labels = QWidget()
        column = QVBoxLayout(labels)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.warnings)
        column.addWidget(self.summary)
        column.addLayout(lower)
        column.addLayout(upper)
        self.tabs.addTab(labels, "")
        self.tabs.addTab(self.vertebrae, "")
        follow(self.tabs, _name_tabs)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(14, 12, 14, 12)
        outer.addWidget(self.tabs)

    def _make_table(self) -> QTableWidget:
        table = row_table(0, 0)
        put(table.setAccessibleName, "Figures of the labels")
        return table

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show_figures(self, measured: Sequence[Measurement], colours: Mapping[int, Rgb], *, is_hu: bool, warnings: Sequence[Any]) -> None:
        """measured: with the labels' shown names, in the order of the rows."""
        self._measured, self._is_hu, self._colours = list(measured), is_hu, dict(colours)
        self.warnings.setText("\n".join(f"⚠ {say(warning.text)}" for warning in warnings))
        self.warnings.setVisible(bool(warnings))
        self._fill()

    def show_comparison(self, data: Mapping[str, Any] | None, sentence: str, *, stale: bool, comparing: bool) -> None:
        """data: of a `compare_mask` result, or None while there is none. stale: it is behind the masks. comparing: with a reference."""
        self._compared = dict(data["labels"]) if data is not None else None
        self._stale = stale
        for widget in (self.beside, self.end, self.difference, self.legend, self.summary):
            widget.setVisible(comparing)
        self.compare.setVisible(not comparing)
        before = tr("Before the last change:") + " " if stale and data is not None else ""
        self.summary.setText(before + (say(sentence) or tr("Comparing ...")) if comparing else "")
        self._fill()

    def show_state(self, difference: bool, side_by_side: bool) -> None:
        """What of the comparison is drawn on the slices."""
        self.difference.setChecked(difference)
        self.beside.setChecked(side_by_side)

    def _fill(self) -> None:
        unit = "HU" if self._is_hu else tr("value")
        heads = [
            tr("Label"),
            tr("Value"),
            tr("Volume ml"),
            tr("Mean {unit}", unit=unit),
            "SD",
            tr("Height mm"),
            tr("Width mm"),
            tr("Depth mm"),
        ]
        heads += ["Dice", "HD95 mm"] if self._compared is not None else []
        rows = [(one.value, self._cells(one)) for one in self._measured]
        rows += [(value, self._missed_cells(value, len(heads))) for value in self._only_in_reference()]
        rows.sort(key=lambda row: level_order(row[0]))
        self.table.setColumnCount(len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        self.table.setRowCount(len(rows))
        for row, (value, cells) in enumerate(rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if column == 0:
                    item.setIcon(theme.swatch(self._colours.get(value) or label_colour(value)))
                else:
                    item.setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
                if self._stale and column >= FIRST_COMPARED:
                    item.setForeground(QColor(theme.current().muted))
                self.table.setItem(row, column, item)
        set_heads(self.table, left=(0,), stretched=0)
        for button in (self.copy, self.csv):
            button.setEnabled(bool(rows))

    def _only_in_reference(self) -> list[int]:
        """Labels that somebody has to be told of although the case has no voxel of them."""
        measured = {one.value for one in self._measured}
        return [int(value) for value, row in (self._compared or {}).items() if int(value) not in measured and row["reference_voxels"]]

    def _missed_cells(self, value: int, count: int) -> list[str]:
        row = (self._compared or {})[str(value)]
        return [region(row["name"]), str(value), *["–"] * (count - 4), _number(row["dice"], 3), _number(row["hd95_mm"], 2)]

    def _cells(self, one: Measurement) -> list[str]:
        volume = None if one.volume_mm3 is None else one.volume_mm3 / 1000
        cells = [region(one.name), str(one.value)]
        figures = ((volume, 2), (one.mean, 0), (one.sd, 0), (one.height_mm, 1), (one.width_mm, 1), (one.depth_mm, 1))
        cells += [_number(value, digits) for value, digits in figures]
        if self._compared is not None:
            compared = self._compared.get(str(one.value), {})
            cells += [_number(compared.get("dice"), 3), _number(compared.get("hd95_mm"), 2)]
        return cells

    def _copy(self) -> None:
        QApplication.clipboard().setText(table_text(self._measured, is_hu=self._is_hu, compared=self._compared))


def _name_tabs(tabs: QTabWidget) -> None:
    for number, name in enumerate((tr("Labels"), tr("Vertebrae"))):
        tabs.setTabText(number, name)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _legend() -> str:
    """The colours of the difference, in words."""
    parts = []
    for kind, words in _DIFFERENCE_WORDS.items():
        parts.append(f'<span style="color: {QColor(*DIFFERENCE_COLOURS[kind]).name()}">■</span> {tr(words)}')
    return "&nbsp;&nbsp; ".join(parts)

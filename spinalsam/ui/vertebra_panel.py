"""What was measured at the vertebrae: heights, grades, cores, discs and angles, with why where there is no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.figures_text import rows_text
from spinalsam.control.state import MeasuredFigures
from spinalsam.ui import theme
from spinalsam.ui.scene import Rgb
from spinalsam.ui.tables import panel_button, row_table, set_heads
from spinalsam.ui.words import put, region, retell, say, told, tr

_PLACES = ("anterior", "middle", "posterior")
# What the head of a column means.
_TIPS = {
    "Body a / m / p": "Body height in mm: anterior, middle, posterior",
    "Wedge": "Anterior to posterior height",
    "Biconcavity": "Middle to posterior height",
    "Crush": "Posterior height to the mean of the neighbours'",
    "Genant": "Grade by the largest loss of height (Genant et al. 1993): 0 none, 1 mild, 2 moderate, 3 severe",
    "Core HU": "Mean of the spongy core. Cited for L1, 120 kVp, no contrast medium: 160, 135, 110 HU (Pickhardt et al. 2013)",
    "Disc below a / m / p": "Height of the disc below in mm: anterior, middle, posterior",
}
DASH = "–"


class VertebraPanel(QWidget):
    """requested(op, args): operation calls. ask_cobb: two levels have to be chosen first."""

    requested = pyqtSignal(str, dict)
    ask_cobb = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Mapping[str, Any]] = []
        self.table = row_table(0, 0)
        put(self.table.setAccessibleName, "Figures of the vertebrae")
        self.table.horizontalHeader().sectionResized.connect(self._fit_rows)
        self.angles = QLabel()
        self.angles.setWordWrap(True)
        self.angles.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.hint = QLabel()
        self.hint.setObjectName("hint")
        self.hint.setWordWrap(True)
        self.shown = told(QCheckBox(), "Draw on the slices where it was read")
        self.shown.clicked.connect(lambda visible: self.requested.emit("show_figures", {"visible": visible}))
        self.measure = panel_button("measure", "Measure all", lambda: self.requested.emit("measure", {}))
        self.cobb = panel_button("", "Cobb angle...", self.ask_cobb.emit)
        self.copy = panel_button("copy", "Copy", self._copy)
        self._arrange()
        self._shown: tuple[MeasuredFigures | None, Mapping[int, Rgb], bool] = (None, {}, False)
        retell(self._fill)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.measure)
        row.addWidget(self.cobb)
        row.addWidget(self.copy)
        row.addStretch(1)
        row.addWidget(self.shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.angles)
        column.addWidget(self.hint)
        column.addLayout(row)

    def show_figures(self, figures: MeasuredFigures | None, colours: Mapping[int, Rgb], *, stale: bool) -> None:
        """figures: what was measured last. stale: whether the mask has changed since."""
        self._shown = figures, colours, stale
        self._fill()

    def _fill(self) -> None:
        figures, colours, stale = self._shown
        self._rows = [row for row in figures.rows if row.get("use")] if figures is not None else []
        heads = [tr("Label"), *(tr(head) for head in _TIPS), tr("Not measured")]
        self.table.setColumnCount(len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        for column, tip in enumerate(_TIPS.values(), 1):
            self.table.horizontalHeaderItem(column).setToolTip(tr(tip))
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in enumerate(_cells(row)):
                item = QTableWidgetItem(text)
                item.setToolTip(text if column == len(heads) - 1 else str(row.get("notes") or ""))
                if column == 0:
                    item.setIcon(theme.swatch(colours.get(row["label"], (128, 128, 128))))
                elif column < len(heads) - 1:
                    item.setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
                self.table.setItem(number, column, item)
        set_heads(self.table, left=(0, len(heads) - 1), stretched=len(heads) - 1)
        self.table.resizeRowsToContents()
        self._show_words(figures, stale=stale)

    def _fit_rows(self, column: int, *_: object) -> None:
        """Reasons are read to their end: they wrap into the last column."""
        if column == self.table.columnCount() - 1:
            self.table.resizeRowsToContents()

    def _show_words(self, figures: MeasuredFigures | None, *, stale: bool) -> None:
        angles = figures.angles if figures is not None else ()
        self.angles.setText("\n".join(_angle(angle) for angle in angles))
        self.angles.setVisible(bool(angles))
        said = [tr("Research use only: no figure here replaces a reading.")]
        if figures is None:
            said.insert(0, tr("Nothing has been measured yet."))
        elif stale:
            said.insert(0, tr("The masks have changed since: measure again."))
        self.hint.setText(" ".join(said))
        self.shown.setEnabled(figures is not None and not stale)
        self.shown.setChecked(figures is not None and figures.shown and not stale)
        self.copy.setEnabled(bool(self._rows))

    def _copy(self) -> None:
        QApplication.clipboard().setText(rows_text(self._rows))


def _angle(angle: Mapping[str, Any]) -> str:
    plane, upper_plate, lower_plate, bend = (angle[name] for name in ("plane", "upper_endplate", "lower_endplate", "bend"))
    return tr(
        "Cobb angle, {plane}: {upper} ({upper_plate}) to {lower} ({lower_plate}) {angle}°, {bend}",
        plane=tr(plane),
        upper=angle["upper"],
        upper_plate=tr(upper_plate),
        lower=angle["lower"],
        lower_plate=tr(lower_plate),
        angle=f"{angle['angle_deg']:.1f}",
        bend=tr(bend),
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    grade, shape = row["genant_grade"], row["genant_shape"]
    core = DASH if row["core_hu"] is None else f"{row['core_hu']:.0f} ± {row['core_sd_hu']:.0f}"
    return [
        region(str(row["name"])),
        _three(row, "height"),
        *(_number(row[name]) for name in ("wedge_ratio", "biconcavity_ratio", "crush_ratio")),
        DASH if grade is None else f"{grade}" + (f" {tr(shape)}" if grade else ""),
        core,
        _three(row, "disc"),
        _reasons(str(row["not_measured"] or "")),
    ]


def _reasons(text: str) -> str:
    """What was not measured and why, in the interface's language."""
    found = []
    for part in text.split("; ") if text else ():
        names, _, reason = part.partition(": ")
        colon, comma = tr(": "), tr(", ")
        found.append(f"{comma.join(say(name) for name in names.split(', '))}{colon}{say(reason)}")
    return "\n".join(found)


def _three(row: Mapping[str, Any], what: str) -> str:
    values = [row[f"{what}_{place}_mm"] for place in _PLACES]
    return DASH if values[0] is None else " / ".join(f"{value:.1f}" for value in values)


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"

"""Earlier sessions that can be gone on with: of which case, when, with how many steps, and how each of them ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QAbstractItemView, QDialog, QDialogButtonBox, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from spinalsam.ui.tables import row_table, set_heads
from spinalsam.ui.words import tr

CASE, WHEN, STEPS, ENDED = range(4)


class SessionPicker(QDialog):
    """sessions: as `Recoverable.to_json` gives them, the newest first. chosen: the arguments of restore_case."""

    chosen = pyqtSignal(dict)

    def __init__(self, sessions: Sequence[Mapping[str, Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self.setWindowTitle(tr("Restore case"))
        self.resize(720, 420)
        self._sessions = list(sessions)
        self.table = self._make_table()
        buttons = QDialogButtonBox(QDialogButtonBox.Open | QDialogButtonBox.Cancel)
        buttons.button(QDialogButtonBox.Open).setText(tr("Restore"))
        buttons.button(QDialogButtonBox.Open).setProperty("primary", True)
        buttons.button(QDialogButtonBox.Cancel).setText(tr("Cancel"))
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        hint = QLabel(tr("Every session is kept; what is open now stays in its own."))
        hint.setObjectName("hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.addWidget(hint)
        column.addWidget(self.table)
        column.addWidget(buttons)
        self.table.setFocus()

    def _make_table(self) -> QTableWidget:
        table = row_table(len(self._sessions), 4, row_height=30)
        table.setHorizontalHeaderLabels([tr("Case"), tr("Last step"), tr("Steps"), tr("How it ended")])
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.setTextElideMode(Qt.ElideMiddle)
        table.setAccessibleName(tr("Earlier sessions"))
        for row, session in enumerate(self._sessions):
            ended = tr("unexpectedly") if session["unfinished"] else tr("closed")
            damage = f" · {tr('damaged')}" if session["damaged"] else ""
            source = str(session["source"])
            texts = (
                "/".join(Path(source).parts[-2:]) or source,
                time_here(str(session["time"])),
                str(session["steps"]),
                f"{ended}{damage}",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(source)
                if column == STEPS:
                    item.setTextAlignment(Qt.AlignRight | Qt.AlignVCenter)
                table.setItem(row, column, item)
        set_heads(table, left=(CASE, WHEN, ENDED), stretched=CASE)
        table.selectRow(0)
        table.cellActivated.connect(lambda *_: self._accept())
        return table

    def _accept(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.chosen.emit(restoring(self._sessions[rows[0].row()]))
            self.accept()


def restoring(session: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of restore_case: what is known to be amiss is accepted with the choice."""
    args: dict[str, Any] = {"journal": str(session["journal"])}
    if session.get("damaged"):
        args["accept_damage"] = True
    if session.get("other_image"):
        args["accept_other_image"] = True
    return args


def time_here(time_text: str) -> str:
    """A time of the journal, which is UTC, as the clock here shows it."""
    try:
        return datetime.fromisoformat(time_text.replace("Z", "+00:00")).replace(tzinfo=timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return time_text.replace("T", " ")[:16]

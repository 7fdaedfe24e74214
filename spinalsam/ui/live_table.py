"""Keeps the label table up to date while one works: gathers what has changed, measures it off the main thread, tells when it is done."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from spinalsam.control.label_table import LabelFigures, TableRequest, label_table, warnings_of
from spinalsam.control.painting import Box
from spinalsam.control.state import Change
from spinalsam.support.levels import LevelWarning
from spinalsam.ui.background import Background

# The hand draws several strokes a second; the table follows when it rests.
SETTLE_MS = 150


class LiveTable(QObject):
    """changed(): new figures are there. figures: by label value, as far as they are known; they belong to `workspace`'s case."""

    changed = pyqtSignal()

    def __init__(self, workspace: Any, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.figures: dict[int, LabelFigures] = {}
        self._background = background
        self._boxes: list[Box] = []
        self._running = False
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._measure)

    def follow(self, change: Change) -> None:
        """The workspace has changed."""
        if "case" in change.fields:
            self.figures, self._boxes = {}, []
        if change.box_ijk is not None:
            self._boxes.append(change.box_ijk)
        if change.fields & {"case", "mask"}:
            self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    @property
    def warnings(self) -> list[LevelWarning]:
        """What is wrong with the levels, with the names that are shown now."""
        state = self.workspace.state
        return warnings_of(self.figures, {value: state.label(value).name for value in self.figures})

    def _measure(self) -> None:
        if self._running or not self.workspace.has_case:
            return
        request = TableRequest.of(self.workspace, self._boxes)
        earlier, self._boxes, self._running = self.figures, [], True
        self._background.run(lambda: label_table(request, earlier), lambda table: self._take(request, table), self._failed)

    def _take(self, request: TableRequest, table: dict[int, LabelFigures]) -> None:
        self._running = False
        if self.workspace.volume is request.volume:
            self.figures = table
            self.changed.emit()
        if self._boxes or self.workspace.volume is not request.volume:
            self._timer.start()

    def _failed(self, error: Exception) -> None:
        self._running = False
        self.figures, self._boxes = {}, []

"""Keeps the comparison with the reference up to date while one works: gathers what has changed, compares it off the main thread when the
hand rests, and drops what the hand has overtaken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from spinalsam.control.comparing import (
    CompareRequest,
    Comparison,
    LabelComparison,
    compare_labels,
    comparison_data,
    comparison_sentence,
)
from spinalsam.control.painting import Box
from spinalsam.control.state import Change
from spinalsam.ui.background import Background

SETTLE_MS = 250


class LiveComparison(QObject):
    """changed(): there are new figures, none any more, or those that are there are behind the masks.

    data: what `compare_mask` returns, or None. sentence: the same in words. stale: whether the masks have changed since.
    """

    changed = pyqtSignal()

    def __init__(self, workspace: Any, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.data: Mapping[str, Any] | None = None
        self.sentence = ""
        self.stale = False
        self._background = background
        self._known: Comparison = {}
        self._labels: Any = None  # the reference that the known figures are about
        self._boxes: list[Box] = []
        self._running = False
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._compare)

    def follow(self, change: Change) -> None:
        """The workspace has changed."""
        reference = self.workspace.state.reference
        labels = reference.labels if reference is not None else None
        if labels is not self._labels:
            self._labels, self._known, self._boxes = labels, {}, []
            self.data, self.sentence, self.stale = None, "", labels is not None
            self._timer.start() if labels is not None else self._timer.stop()
            self.changed.emit()
        elif labels is not None and "mask" in change.fields:
            whole = tuple(self.workspace.case.mask.shape)
            self._boxes.append(change.box_ijk if change.box_ijk is not None else ((0, 0, 0), whole))
            self._timer.start()
            if not self.stale:
                self.stale = True
                self.changed.emit()
        elif labels is not None and "labels" in change.fields:
            self._timer.start()  # other names

    def take(self, data: Mapping[str, Any], sentence: str) -> None:
        """What an operation has found just now needs not be found again."""
        if self._boxes or self._labels is None:
            return
        self._known = {int(value): _comparison(row) for value, row in data["labels"].items()}
        self.data, self.sentence, self.stale = data, sentence, False
        self._timer.stop()
        self.changed.emit()

    def stop(self) -> None:
        self._timer.stop()

    def _compare(self) -> None:
        reference = self.workspace.state.reference if self.workspace.has_case else None
        if self._running or reference is None:
            return
        request, earlier = CompareRequest.of(self.workspace, reference, self._boxes), self._known
        self._boxes, self._running = [], True
        self._background.run(lambda: compare_labels(request, earlier), lambda found: self._take(request, found), self._failed)

    def _take(self, request: CompareRequest, found: Comparison) -> None:
        self._running = False
        if request.reference.labels is not self._labels:
            self._timer.start()
            return
        if self._boxes:  # the hand was faster: these figures may be of half a stroke
            self._boxes = [*request.changed, *self._boxes]
            self._timer.start()
            return
        self._known = found
        self.data = comparison_data(request, found)
        self.sentence = comparison_sentence(self.data, has_spacing=request.geometry.has_spacing)
        self.stale = False
        self.changed.emit()

    def _failed(self, error: Exception) -> None:
        self._running = False
        self._known, self._boxes = {}, []


def _comparison(row: Mapping[str, Any]) -> LabelComparison:
    return LabelComparison(row["dice"], row["hd95_mm"], row["voxels"], row["reference_voxels"])

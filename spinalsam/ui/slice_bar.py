"""The bar beside a plane: scrolls through its slices, marks those that hold masks, and shows a small picture of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, QPoint, QRectF, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PyQt5.QtWidgets import QLabel, QScrollBar, QStyle, QStyleOptionSlider, QWidget

from spinalsam.ui.scene import Rgb

WIDTH = 16
MARK_WIDTH = 5
LEAST_MARK = 2.0


class SliceBar(QScrollBar):
    """peeked(index) asks for a picture of a marked slice under the pointer; -1 when the pointer leaves it."""

    peeked = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Vertical, parent)
        self.setObjectName("slices")
        self.setFixedWidth(WIDTH)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.TabFocus)
        self._marks: Mapping[int, NDArray[np.bool_]] = {}
        self._colours: Mapping[int, Rgb] = {}
        self._peeked = -1
        self._picture = QLabel(None, Qt.ToolTip)
        self._picture.setObjectName("peek")

    def show_marks(self, marks: Mapping[int, NDArray[np.bool_]], colours: Mapping[int, Rgb]) -> None:
        """marks: label value -> whether each slice holds it. colours: of the labels that are shown."""
        self._marks, self._colours = marks, colours
        self.update()

    @property
    def marked(self) -> list[int]:
        """The slices that have a mark."""
        held = [slices for value, slices in self._marks.items() if value in self._colours]
        return np.flatnonzero(np.logical_or.reduce(held)).tolist() if held else []

    def show_picture(self, picture: QPixmap) -> None:
        """The picture that `peeked` asked for."""
        if self._peeked >= 0:
            self._picture.setPixmap(picture)
            self._picture.adjustSize()
            top = self.mapToGlobal(QPoint(0, round(self._place(self._peeked)) - self._picture.height() // 2))
            self._picture.move(top.x() - self._picture.width() - 6, max(top.y(), 0))
            self._picture.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        thick = max(LEAST_MARK, self._groove().height() / max(self.maximum() + 1, 1))
        for value, slices in self._marks.items():
            if value not in self._colours:
                continue
            colour = QColor(*self._colours[value])
            for first, last in _runs(slices):
                top = self._place(first)
                painter.fillRect(QRectF(self.width() - MARK_WIDTH, top, MARK_WIDTH, self._place(last) - top + thick), colour)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.NoButton:
            self._peek(self._slice_at(event.y()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._peek(-1)

    def hideEvent(self, event: QEvent) -> None:
        self._peek(-1)

    def _peek(self, index: int) -> None:
        marked = self.marked
        near = min(marked, key=lambda n: abs(n - index)) if marked and index >= 0 else -1
        found = near if near >= 0 and abs(self._place(near) - self._place(index)) <= 3 else -1
        if found == self._peeked:
            return
        self._peeked = found
        if found < 0:
            self._picture.hide()
        self.peeked.emit(found)

    def _groove(self) -> QRectF:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        return QRectF(self.style().subControlRect(QStyle.CC_ScrollBar, option, QStyle.SC_ScrollBarGroove, self))

    def _place(self, index: int) -> float:
        """Where a slice is on the bar, in points from the top."""
        groove = self._groove()
        return groove.top() + groove.height() * index / max(self.maximum() + 1, 1)

    def _slice_at(self, y: float) -> int:
        groove = self._groove()
        return min(max(int((y - groove.top()) / max(groove.height(), 1) * (self.maximum() + 1)), 0), self.maximum())


def _runs(slices: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of every run of True."""
    steps = np.diff(np.concatenate([[0], slices.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), (np.flatnonzero(steps == -1) - 1).tolist(), strict=True))

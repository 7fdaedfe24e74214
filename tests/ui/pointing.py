"""Where on a pane a voxel is, and what a hand does there."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

from spinalsam.ui.slice_view import SliceView


def at(view: SliceView, ijk: Sequence[float]) -> QPoint:
    """The screen point of a voxel's centre."""
    assert view.scene is not None
    x, y = view.scene.plane.to_pixel(ijk)
    return QPointF(*view.viewport.to_screen(float(x), float(y))).toPoint()


def drag(view: SliceView, start: QPoint, end: QPoint, button: Qt.MouseButton, keys: Qt.KeyboardModifiers = Qt.NoModifier) -> None:
    """Press, move in three steps, release. QTest's own moves hold no button, so the events are made here."""
    QTest.mousePress(view, button, keys, start)
    for step in (0.3, 0.7, 1.0):
        place = QPointF(start) + (QPointF(end) - QPointF(start)) * step
        QApplication.sendEvent(
            view, QMouseEvent(QEvent.MouseMove, place, QPointF(view.mapToGlobal(place.toPoint())), Qt.NoButton, button, keys)
        )
    QTest.mouseRelease(view, button, keys, end)


def wheel(view: SliceView, notches: int, keys: Qt.KeyboardModifiers = Qt.NoModifier, place: QPoint | None = None) -> None:
    """Positive notches are away from the hand."""
    place = place or view.rect().center()
    event = QWheelEvent(
        QPointF(place), QPointF(view.mapToGlobal(place)), QPoint(), QPoint(0, 120 * notches), Qt.NoButton, keys, Qt.NoScrollPhase, False
    )
    QApplication.sendEvent(view, event)

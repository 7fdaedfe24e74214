"""What a tool shows over a slice: the brush's outline at true size, the drag so far, and what it would change."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt5.QtWidgets import QWidget

from spinalsam.ui.scene import Rgb
from spinalsam.ui.slice_picture import mask_image
from spinalsam.ui.slice_view import SliceView
from spinalsam.ui.tools.drag import Drag

SHADOW = QColor(0, 0, 0, 190)
LINE = QColor(255, 255, 255, 235)
ERASED: Rgb = (20, 20, 20)
PREVIEW_ALPHA = 0.6


class ToolOverlay(QWidget):
    """Lies over a pane and lets every event through. pointer: in points of the pane, or None while it is elsewhere."""

    def __init__(self, view: SliceView) -> None:
        super().__init__(view)
        self.view = view
        self.setAttribute(Qt.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.NoFocus)
        self.pointer: QPointF | None = None
        self.radius_mm: float | None = None
        self.erases = False
        self.colour: Rgb = (255, 255, 255)
        self.drag: Drag | None = None

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.view.scene is None:
            return
        painter = QPainter(self)
        if self.drag is not None and self.drag.scene.ref == self.view.scene.ref:
            self._paint_change(painter, self.drag)
            if self.drag.tool not in ("brush", "erase"):
                self._paint_path(painter, self.drag)
        if self.pointer is not None and self.radius_mm is not None:
            self._paint_brush(painter, self.pointer, self.radius_mm)

    def _paint_change(self, painter: QPainter, drag: Drag) -> None:
        changed = drag.changed()
        if changed is None:
            return
        viewport = self.view.viewport
        left, top = viewport.to_screen(-0.5, -0.5)
        right, bottom = viewport.to_screen(viewport.columns - 0.5, viewport.rows - 0.5)
        picture = mask_image(changed.astype(np.uint8), {1: ERASED if drag.erases else self.colour}, {1: PREVIEW_ALPHA})
        painter.setRenderHint(QPainter.SmoothPixmapTransform, False)
        painter.drawImage(QRectF(left, top, right - left, bottom - top), picture)

    def _paint_path(self, painter: QPainter, drag: Drag) -> None:
        points = QPolygonF([QPointF(*self.view.viewport.to_screen(*xy)) for xy in drag.path])
        if drag.tool == "cut" and points.count() > 1:
            points = QPolygonF([points.first(), points.last()])
        elif self.pointer is not None:
            points.append(self.pointer)
        painter.setRenderHint(QPainter.Antialiasing)
        for colour, width in ((SHADOW, 3.4), (LINE, 1.6)):
            painter.setPen(QPen(colour, width, Qt.DashLine if drag.erases or drag.tool == "cut" else Qt.SolidLine))
            painter.drawPolyline(points)
        if drag.tool == "cut":
            return
        painter.setPen(QPen(SHADOW, 1))
        painter.setBrush(LINE)
        for corner in points if drag.by_corners else [points.first()]:
            painter.drawEllipse(corner, 3, 3)

    def _paint_brush(self, painter: QPainter, pointer: QPointF, radius_mm: float) -> None:
        radius = radius_mm * self.view.viewport.points_per_mm
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setBrush(Qt.NoBrush)
        style = Qt.DashLine if self.erases else Qt.SolidLine
        for colour, width in ((SHADOW, 3.0), (LINE if self.erases else QColor(*self.colour), 1.5)):
            painter.setPen(QPen(colour, width, style))
            painter.drawEllipse(pointer, radius, radius)
        painter.setPen(QPen(LINE, 1))
        for right, down in ((2.5, 0.0), (0.0, 2.5)):
            painter.drawLine(pointer - QPointF(right, down), pointer + QPointF(right, down))

"""The 3-D pane: shows what the 3-D process draws, turns it, and jumps to a vertebra that is clicked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, QPointF, QProcess, QProcessEnvironment, QSize, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent, QWheelEvent
from PyQt5.QtWidgets import QWidget

from spinalsam.support.geometry import Geometry
from spinalsam.ui import surface_frames
from spinalsam.ui.background import Background
from spinalsam.ui.gestures import DRAG_POINTS
from spinalsam.ui.scene import Rgb
from spinalsam.ui.words import put, tr

DEGREES_PER_POINT = 0.5
ZOOM_PER_NOTCH = 1.12
SETTLE_MS = 250
BACKGROUND = QColor(9, 11, 14)
# Larger label maps are thinned before they are sent; the pane shows shape, it does not measure.
MOST_VOXELS = 24_000_000
_EMPTY = "Masks appear here in 3-D."
_STARTING = "Starting 3-D ..."
_NO_OPENGL = "3-D is not available: this machine offers no OpenGL to draw it.\nEverything else works."
_TURN = 10.0
_BY_KEY: dict[int, dict[str, Any]] = {
    Qt.Key_Left: {"op": "turn", "azimuth": _TURN, "elevation": 0.0},
    Qt.Key_Right: {"op": "turn", "azimuth": -_TURN, "elevation": 0.0},
    Qt.Key_Up: {"op": "turn", "azimuth": 0.0, "elevation": -_TURN},
    Qt.Key_Down: {"op": "turn", "azimuth": 0.0, "elevation": _TURN},
    Qt.Key_Plus: {"op": "zoom", "factor": ZOOM_PER_NOTCH},
    Qt.Key_Equal: {"op": "zoom", "factor": ZOOM_PER_NOTCH},
    Qt.Key_Minus: {"op": "zoom", "factor": 1 / ZOOM_PER_NOTCH},
}
MESSAGES = (_EMPTY, _STARTING, _NO_OPENGL)


class SurfaceView(QWidget):
    """Give it the label map whenever that changes; it sends it on when it is visible and the changes have settled."""

    picked_mm = pyqtSignal(object)  # LPS mm of the surface that was clicked, (3,)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._detail = _EMPTY, ""
        self.failed = False
        self._process: QProcess | None = None
        self._ready = False
        self._unpacker = surface_frames.Unpacker()
        self._picture: QImage | None = None
        self._background = Background()
        self._source: tuple[NDArray[Any], Geometry] | None = None
        self._colours: Mapping[int, Rgb] = {}
        self._sent_colours: Mapping[int, Rgb] = {}
        self._cut: tuple[list[float] | None, list[float] | None] = (None, None)
        self._stale = False
        self._has_surfaces = False
        self._press: QPointF | None = None
        self._last: QPointF | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._gather)
        self.setMinimumSize(120, 100)
        self.setFocusPolicy(Qt.StrongFocus)
        put(self.setAccessibleName, "3-D surfaces of the masks")

    def sizeHint(self) -> QSize:
        return QSize(420, 360)

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show_mask(self, mask: NDArray[Any] | None, geometry: Geometry | None, colours: Mapping[int, Rgb]) -> None:
        """The label map has changed, or another case was opened."""
        self._source = (mask, geometry) if mask is not None and geometry is not None else None
        self._colours = dict(colours)
        if self._source is None:
            self._picture, self._has_surfaces = None, False
            self._text = _EMPTY
            self.update()
        self._stale = True
        self._wake()

    def show_colours(self, colours: Mapping[int, Rgb]) -> None:
        """Only colours or visibility have changed."""
        self._colours = dict(colours)
        if self._ready and self._has_surfaces and self._colours != self._sent_colours:
            self._send({"op": "colours", "colours": self._json_colours()})

    def show_cut(self, point_mm: list[float] | None, normal_mm: list[float] | None) -> None:
        """Cut the surfaces open along a plane in LPS mm: what its normal points to stays; None shows all."""
        wanted = (point_mm, normal_mm)
        if wanted != self._cut:
            self._cut = wanted
            if self._has_surfaces:
                self._send_cut()

    def _send_cut(self) -> None:
        self._send({"op": "cut", "point": self._cut[0], "normal": self._cut[1]})

    def _wake(self) -> None:
        if self.isVisible() and self._stale and not self.failed:
            self._settle.start()

    def _gather(self) -> None:
        """Copy the part of the label map that holds labels, off the main thread."""
        if self._source is None or not self.isVisible():
            return
        self._stale = False
        mask, geometry = self._source
        self._background.run(lambda: _labelled_part(mask, geometry), self._send_labels, lambda error: self._fail(str(error)))

    def _send_labels(self, part: tuple[NDArray[Any], NDArray[np.float64]] | None) -> None:
        if part is None:
            self._has_surfaces, self._picture = False, None
            self._text = _EMPTY
            if self._ready:
                self._send({"op": "labels", "shape": [1, 1, 1], "dtype": "u1", "affine": np.eye(4).tolist(), "colours": {}}, b"\0")
            self.update()
            return
        if self._process is None:
            self._start()
        labels, affine = part
        self._has_surfaces = True
        self._send_size()
        self._send_cut()
        self._send(
            {
                "op": "labels",
                "shape": list(labels.shape),
                "dtype": labels.dtype.str,
                "affine": affine.tolist(),
                "colours": self._json_colours(),
            },
            labels.tobytes(order="F"),
        )

    def _json_colours(self) -> dict[str, list[int]]:
        self._sent_colours = dict(self._colours)
        return {str(value): list(colour) for value, colour in self._colours.items()}

    # --- the process -------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._text = _STARTING
        self.update()
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        root = str(Path(__file__).resolve().parents[2])
        environment.insert("PYTHONPATH", os.pathsep.join(filter(None, (root, environment.value("PYTHONPATH")))))
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(lambda: process.readAllStandardError())
        process.finished.connect(lambda *_: self._fail(""))
        process.errorOccurred.connect(lambda *_: self._fail(""))
        process.start(sys.executable, ["-m", "spinalsam.ui.surface_process"])
        self._process = process

    def _send(self, message: dict[str, Any], payload: bytes = b"") -> None:
        if self._process is not None and not self.failed:
            self._process.write(surface_frames.pack(message, payload))

    def _send_size(self) -> None:
        scale = self.devicePixelRatioF()
        self._send({"op": "size", "width": max(16, round(self.width() * scale)), "height": max(16, round(self.height() * scale))})

    def _read(self) -> None:
        assert self._process is not None
        for message, payload in self._unpacker.feed(bytes(self._process.readAllStandardOutput())):
            if message["kind"] == "ready":
                self._ready = True
            elif message["kind"] == "picture":
                self._take_picture(message, payload)
            elif message["kind"] == "picked" and message["mm"] is not None:
                self.picked_mm.emit(message["mm"])
            elif message["kind"] == "error":
                self._fail(message["message"])

    def _take_picture(self, message: dict[str, Any], payload: bytes) -> None:
        width, height = message["width"], message["height"]
        picture = QImage(payload, width, height, 3 * width, QImage.Format_RGB888).convertToFormat(QImage.Format_RGB32)
        self._picture = picture if self._has_surfaces else None
        self.update()

    def _fail(self, reason: str) -> None:
        """No OpenGL, no VTK, or the driver fell over: say so, the rest of the window goes on."""
        if self.failed:
            return
        self.failed, self._ready, self._picture = True, False, None
        self._text, self._detail = _NO_OPENGL, f"\n{reason}" if reason else ""
        self.update()

    def stop(self) -> None:
        """End the process; before the window closes."""
        self._settle.stop()
        self._background.stop()
        process, self._process = self._process, None
        if process is not None:
            for signal in (process.finished, process.errorOccurred, process.readyReadStandardOutput):
                signal.disconnect()
            # It keeps nothing that would have to be put in order, and whoever closes a window does not want to wait.
            process.kill()
            process.waitForFinished(1000)

    # --- painting and pointer ----------------------------------------------------------------------------------------

    @property
    def message(self) -> str:
        """What stands where no surface is."""
        return tr(self._text) + self._detail

    @property
    def has_picture(self) -> bool:
        return self._picture is not None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), BACKGROUND)
        if self._picture is not None:
            painter.setRenderHint(QPainter.SmoothPixmapTransform)
            painter.drawImage(self.rect(), self._picture)
        else:
            painter.setPen(QColor("#a3adba"))
            painter.drawText(self.rect().adjusted(16, 16, -16, -16), Qt.AlignCenter | Qt.TextWordWrap, self.message)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._has_surfaces:
            self._send_size()

    def showEvent(self, event: QShowEvent) -> None:
        self._wake()

    def fit(self) -> None:
        self._send({"op": "frame"})

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = self._last = event.localPos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is None or not self._has_surfaces:
            return
        step, self._last = event.localPos() - self._last, event.localPos()
        if event.buttons() & Qt.LeftButton and not event.modifiers() & Qt.ShiftModifier:
            self._send({"op": "turn", "azimuth": -step.x() * DEGREES_PER_POINT, "elevation": step.y() * DEGREES_PER_POINT})
        elif event.buttons() & Qt.RightButton:
            self._send({"op": "zoom", "factor": 1.01 ** -step.y()})
        else:
            self._send({"op": "pan", "right": step.x() / self.height(), "up": -step.y() / self.height()})

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        step, self._press = event.localPos() - self._press, None
        if event.button() == Qt.LeftButton and step.manhattanLength() < DRAG_POINTS and self._has_surfaces:
            scale = self.devicePixelRatioF()
            x, y = event.localPos().x() * scale, (self.height() - 1 - event.localPos().y()) * scale
            self._send({"op": "pick", "x": round(x), "y": round(y)})

    def event(self, event: QEvent) -> bool:
        # Before the arrows are taken for the slices.
        if event.type() == QEvent.ShortcutOverride and self._has_surfaces and _key_of(event) in _BY_KEY:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._has_surfaces and _key_of(event) in _BY_KEY:
            self._send(_BY_KEY[_key_of(event)])
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        if self._has_surfaces:
            self._send({"op": "zoom", "factor": ZOOM_PER_NOTCH ** (event.angleDelta().y() / 120)})


def _key_of(event: QKeyEvent) -> int:
    """The key, or 0 where it is pressed together with Ctrl or Alt."""
    return 0 if event.modifiers() & (Qt.ControlModifier | Qt.AltModifier) else event.key()


def _labelled_part(mask: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], NDArray[np.float64]] | None:
    """A copy of the box that holds all labels, and its index -> LPS mm matrix; None where there is no label."""
    spans = []
    for axis in range(3):
        taken = np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != axis)))
        if taken.size == 0:
            return None
        spans.append((int(taken[0]), int(taken[-1]) + 1))
    size = int(np.prod([high - low for low, high in spans]))
    step = 1
    while size / step**3 > MOST_VOXELS:
        step += 1
    part = np.asfortranarray(mask[tuple(slice(low, high, step) for low, high in spans)])
    affine = np.array(geometry.affine)
    first = np.array([low for low, _ in spans])
    affine[:3, 3] = geometry.affine[:3, :3] @ first + geometry.affine[:3, 3]
    affine[:3, :3] *= step
    return part.copy(order="F"), affine

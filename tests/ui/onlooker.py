"""Starts the program with somebody who looks on: ``python -m tests.ui.onlooker SOCKET [WHAT SPINALSAM TAKES ...]``.

Whoever connects to the socket and writes a line is told what is on the screen, as one line of JSON: windows, widgets, menus, where a
place in the patient is shown, and whether something is under way. It is what eyes tell a user, or a screen reader; the onlooker does
nothing to the program.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

import numpy as np
from PyQt5.QtCore import QEvent, QObject, QPoint, QRect, QSocketNotifier, Qt
from PyQt5.QtWidgets import QApplication, QFileDialog, QListView, QMenu, QTabBar, QTableView, QWidget

from spinalsam import cli
from spinalsam.ui import app
from spinalsam.ui.main_window import MainWindow


def rectangle(widget: QWidget, inner: QRect | None = None) -> list[int]:
    """(left, top, width, height) on the screen."""
    inner = widget.rect() if inner is None else inner
    corner = widget.mapToGlobal(inner.topLeft())
    return [corner.x(), corner.y(), inner.width(), inner.height()]


def text_of(widget: QWidget) -> str:
    text = getattr(widget, "text", lambda: "")
    return widget.accessibleName() or (text() if callable(text) else "") or ""


def parts_of(widget: QWidget) -> list[dict[str, Any]]:
    """Entries of menus, tabs, lists and tables, which are no widgets of their own."""
    if isinstance(widget, QMenu):
        return [{"name": action.text(), "place": rectangle(widget, widget.actionGeometry(action))} for action in widget.actions()]
    if isinstance(widget, QTabBar):
        return [{"name": widget.tabText(n), "place": rectangle(widget, widget.tabRect(n))} for n in range(widget.count())]
    if isinstance(widget, (QListView, QTableView)) and not isinstance(widget.window(), QFileDialog):
        model, root, shown = widget.model(), widget.rootIndex(), widget.viewport()
        columns = model.columnCount(root) if isinstance(widget, QTableView) else 1
        cells = [model.index(row, column, root) for row in range(model.rowCount(root)) for column in range(columns)]
        names = [str(cell.data() or cell.data(Qt.AccessibleTextRole) or "") for cell in cells]
        return [{"name": name, "place": rectangle(shown, widget.visualRect(cell))} for name, cell in zip(names, cells, strict=True)]
    return []


def seen(widget: QWidget) -> dict[str, Any]:
    found = {"name": text_of(widget), "kind": type(widget).__name__, "place": rectangle(widget), "enabled": widget.isEnabled()}
    parts = parts_of(widget)
    return {**found, "parts": parts} if parts else found


def pane(view: Any) -> dict[str, Any] | None:
    """Where LPS mm are shown: screen = matrix (2 x 3) @ mm + offset; normal: the direction across the slice."""
    scene = view.scene
    if scene is None or not view.isVisible():
        return None
    geometry, corner = scene.volume.geometry, view.mapToGlobal(QPoint(0, 0))

    def screen(mm: np.ndarray) -> np.ndarray:
        x, y = view.viewport.to_screen(*scene.plane.to_pixel(geometry.to_ijk(mm)))
        return np.array([x + corner.x(), y + corner.y()])

    origin = screen(np.zeros(3))
    columns = [screen(axis) - origin for axis in np.eye(3)]
    normal = geometry.affine[:3, scene.plane.normal_axis]
    slice_mm = geometry.to_mm(scene.plane.to_voxel((0, 0), scene.index))
    return {
        "place": rectangle(view),
        "matrix": np.array(columns).T.tolist(),
        "offset": origin.tolist(),
        "normal": normal.tolist(),
        "slice_mm": slice_mm.tolist(),
        "slice": scene.index,
        "prompts": len(scene.points) + len(scene.boxes),
    }


def state_of(window: MainWindow) -> dict[str, Any]:
    surface, workspace = window.panes.surface, window.workspace
    waits = window.dispatcher.busy or window.conversation.is_reading or any(view._pending for view in window.panes.slices.values())
    stale = surface._stale or surface._settle.isActive() or (surface._has_surfaces and not surface.has_picture)
    return {
        "title": window.windowTitle(),
        "idle": not waits,
        "has_case": workspace.has_case,
        "undo": len(workspace.undo_titles) if workspace.has_case else 0,
        "redo": len(workspace.redo_titles) if workspace.has_case else 0,
        "open_mask": workspace.has_case and workspace.state.candidates is not None,
        "active_label": workspace.state.label(workspace.state.active_label).name if workspace.has_case else "",
        "surface_drawn": surface.has_picture and not stale,
        "surface_failed": surface.failed,
        "painted": painted(window),
        "work_s": time.thread_time(),
        "panes": {name: found for name, view in window.panes.slices.items() if (found := pane(view)) is not None},
    }


class Painted(QObject):
    """Counts how often a pane painted another slice than before."""

    def __init__(self, view: Any) -> None:
        super().__init__(view)
        self.count, self._shown = 0, -1
        self._view = view
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        scene = self._view.scene
        if event.type() == QEvent.Paint and scene is not None and scene.index != self._shown:
            self.count, self._shown = self.count + 1, scene.index
        return False


def painted(window: MainWindow) -> dict[str, int]:
    found = {}
    for name, view in window.panes.slices.items():
        counter = view.findChild(Painted)
        found[name] = (counter if counter is not None else Painted(view)).count
    return found


def look() -> dict[str, Any]:
    tops = [top for top in QApplication.topLevelWidgets() if top.isVisible()]
    widgets = [seen(widget) for top in tops for widget in (top, *top.findChildren(QWidget)) if widget.isVisible()]
    window = next((top for top in tops if isinstance(top, MainWindow)), None)
    focus = QApplication.focusWidget()
    told: dict[str, Any] = {
        "windows": [top.windowTitle() for top in tops],
        "active": getattr(QApplication.activeWindow(), "windowTitle", lambda: "")(),
        "focus": text_of(focus) if focus is not None else "",
        "widgets": widgets,
    }
    return {**told, **(state_of(window) if window is not None else {})}


class Onlooker:
    """Answers between the events of the program, one line for each line."""

    def __init__(self, path: str) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(1)
        self._arrivals = QSocketNotifier(self._server.fileno(), QSocketNotifier.Read)
        self._arrivals.activated.connect(self._welcome)
        self._questions: QSocketNotifier | None = None

    def _welcome(self, *_: object) -> None:
        self._guest, _ = self._server.accept()
        self._questions = QSocketNotifier(self._guest.fileno(), QSocketNotifier.Read)
        self._questions.activated.connect(self._answer)

    def _answer(self, *_: object) -> None:
        assert self._questions is not None
        if not self._guest.recv(4096):
            self._questions.setEnabled(False)
            self._guest.close()
            return
        self._guest.sendall(json.dumps(look()).encode() + b"\n")


if __name__ == "__main__":
    application = app.make_application(sys.argv[:1])
    onlooker = Onlooker(sys.argv[1])
    sys.exit(cli.main(sys.argv[2:]))

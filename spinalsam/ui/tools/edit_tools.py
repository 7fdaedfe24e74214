"""Takes the pointer in the panes while a tool is in hand, and turns each drag into one operation.

It listens to the panes from outside (as an event filter): with the prompt tool in hand it does nothing at all. Middle and right
drags, the wheel and Ctrl stay the pane's own, so one can pan, zoom, change the window and move the crosshair with any tool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PyQt5.QtCore import QEvent, QObject, QPointF, Qt
from PyQt5.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PyQt5.QtWidgets import QWidget

from spinalsam.ui.commands import Commands
from spinalsam.ui.gestures import DRAG_POINTS
from spinalsam.ui.slice_view import SliceView
from spinalsam.ui.tools.bar import ToolBar
from spinalsam.ui.tools.drag import Drag, Target
from spinalsam.ui.tools.overlay import ToolOverlay
from spinalsam.ui.words import region

_OPERATIONS = ("brush", "erase", "lasso", "split_by_line")
_REVERSED = {"brush": "erase", "erase": "brush", "lasso": "lasso_remove"}


class EditTools(QObject):
    """views: the slice panes by plane, in `panes`. bar: its strip, to be put into the window."""

    def __init__(self, views: Mapping[str, SliceView], commands: Commands, window: QWidget, panes: QWidget) -> None:
        super().__init__(window)
        self.commands = commands
        self.workspace = commands.workspace
        self.bar = ToolBar(window, panes)
        self.overlays = {view: ToolOverlay(view) for view in views.values()}
        self.drag: Drag | None = None
        self._view: SliceView | None = None
        self._press: QPointF | None = None
        self._shift = False
        for view, overlay in self.overlays.items():
            overlay.setGeometry(view.rect())
            overlay.hide()
            view.installEventFilter(self)
        self.bar.tool_chosen.connect(self._tool_chosen)
        self.bar.settings_changed.connect(self._refresh_overlays)
        commands.done.connect(self._ended)
        commands.failed.connect(self._ended)

    # --- what is in hand ---------------------------------------------------------------------------------------------

    @property
    def tool(self) -> str:
        return self.bar.tool

    @property
    def _by_corners(self) -> bool:
        return self.drag is not None and self.drag.by_corners

    @property
    def in_hand(self) -> str:
        """The tool with Shift taken into account."""
        return _REVERSED.get(self.tool, self.tool) if self._shift else self.tool

    def refresh(self) -> None:
        """The case, its labels or the active label have changed."""
        state = self.workspace.state
        info = state.label(state.active_label)
        self.bar.show_target(region(info.name), info.colour, info.locked)
        for action in self.bar.tool_actions.values():
            action.setEnabled(self.workspace.has_case)
        if not self.workspace.has_case:
            self._drop()
            if self.tool != "prompt":
                self.bar.choose("prompt")
        self._refresh_overlays()

    def _tool_chosen(self, tool: str) -> None:
        self._drop()
        for view, overlay in self.overlays.items():
            view.flush_click()
            view.takes_prompts = tool == "prompt"
            view.show_preview(None)
            overlay.setVisible(tool != "prompt")
            overlay.raise_()
            if tool == "prompt":
                overlay.pointer = None
                view.unsetCursor()
        self._refresh_overlays()

    def _refresh_overlays(self) -> None:
        state = self.workspace.state
        colour = state.label(state.active_label).colour
        for overlay in self.overlays.values():
            overlay.colour = colour
            overlay.radius_mm = self.bar.settings.radius_mm if self.tool in ("brush", "erase") else None
            overlay.erases = (self.drag.tool if self.drag else self.in_hand) in ("erase", "lasso_remove")
            overlay.update()

    # --- events ------------------------------------------------------------------------------------------------------

    def eventFilter(self, view: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Resize and view in self.overlays:
            self.overlays[view].setGeometry(view.rect())
        if self.tool == "prompt" or view not in self.overlays or view.scene is None:
            return False
        handlers: dict[int, Callable[[Any, Any], bool]] = {
            QEvent.MouseButtonPress: self._pressed,
            QEvent.MouseButtonDblClick: self._double_clicked,
            QEvent.MouseMove: self._moved,
            QEvent.MouseButtonRelease: self._released,
            QEvent.Leave: self._left,
            QEvent.Wheel: self._wheeled,
            QEvent.ShortcutOverride: self._wants_key,
            QEvent.KeyPress: self._key_pressed,
            QEvent.KeyRelease: self._key_released,
        }
        handler = handlers.get(kind)
        return handler(view, event) if handler is not None else False

    def _pressed(self, view: SliceView, event: QMouseEvent) -> bool:
        if event.button() != Qt.LeftButton or event.modifiers() & Qt.ControlModifier:
            return self.drag is not None and event.button() == Qt.LeftButton
        view.setFocus()
        view.activated.emit()
        self._press = event.localPos()
        if self._by_corners and self._view is view:
            self.drag.add(self._pixel(view, event.localPos()))
        else:
            self._begin(view, event.localPos())
        self._show(view, event.localPos())
        return True

    def _begin(self, view: SliceView, place: QPointF) -> None:
        state = self.workspace.state
        self.drag = Drag(self.in_hand, view.scene, self.bar.settings, Target(state.active_label, state.locked_values))
        self._view = view
        self.drag.add(self._pixel(view, place))

    def _moved(self, view: SliceView, event: QMouseEvent) -> bool:
        if event.buttons() & ~Qt.LeftButton or (event.buttons() and self.drag is None):
            self._show(view, event.localPos())
            return False
        if self.drag is not None and self._view is view and event.buttons() & Qt.LeftButton and not self.drag.by_corners:
            self.drag.add(self._pixel(view, event.localPos()))
        self._follow_shift(event.modifiers())
        self._show(view, event.localPos())
        view.follow_pointer(event.localPos())
        return True

    def _released(self, view: SliceView, event: QMouseEvent) -> bool:
        if event.button() != Qt.LeftButton or self.drag is None or self._view is not view:
            return False
        far = self._press is not None and (event.localPos() - self._press).manhattanLength() >= DRAG_POINTS
        if self.drag.tool.startswith("lasso") and (self.drag.by_corners or (len(self.drag.path) < 3 and not far)):
            self.drag.by_corners = True
            return True
        self._finish()
        return True

    def _double_clicked(self, view: SliceView, event: QMouseEvent) -> bool:
        if event.button() != Qt.LeftButton:
            return False
        if self._by_corners:
            self._finish()
            return True
        return self._pressed(view, event)

    def _left(self, view: SliceView, event: QEvent) -> bool:
        self.overlays[view].pointer = None
        self.overlays[view].update()
        return False

    def _wheeled(self, view: SliceView, event: QWheelEvent) -> bool:
        if not event.modifiers() & Qt.ShiftModifier or self.tool not in ("brush", "erase"):
            return self.drag is not None  # the slice stays while something is drawn on it
        self.bar.resize_brush(1 if (event.angleDelta().y() or event.angleDelta().x()) > 0 else -1)
        return True

    def _wants_key(self, view: SliceView, event: QKeyEvent) -> bool:
        """Take Esc, Enter and the size keys before the window's shortcuts do."""
        keys = {Qt.Key_Escape, Qt.Key_BracketLeft, Qt.Key_BracketRight}
        if self._by_corners:
            keys |= {Qt.Key_Return, Qt.Key_Enter, Qt.Key_Space, Qt.Key_Backspace}
        if event.key() in keys:
            event.accept()
            return True
        return False

    def _key_pressed(self, view: SliceView, event: QKeyEvent) -> bool:
        key = event.key()
        if key == Qt.Key_Shift:
            self._follow_shift(Qt.ShiftModifier)
        elif key == Qt.Key_Escape:
            if self.drag is not None:
                self._drop()
            else:
                self.bar.choose("prompt")
        elif key in (Qt.Key_BracketLeft, Qt.Key_BracketRight):
            self.bar.resize_brush(1 if key == Qt.Key_BracketRight else -1)
        elif self._by_corners and key in (Qt.Key_Return, Qt.Key_Enter, Qt.Key_Space):
            self._finish()
        elif self._by_corners and key == Qt.Key_Backspace:
            self._take_corner_back()
        else:
            return False
        return True

    def _key_released(self, view: SliceView, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key_Shift:
            self._follow_shift(Qt.NoModifier)
        return False

    # --- drags -------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Hand the drag to its operation. What it showed stays until the operation has ended."""
        drag = self.drag
        if drag is None:
            return
        call = drag.call()
        self.drag, self._press = None, None
        if call is None:
            self._clear()
            return
        op, args = call
        self.commands.submit(op, **args)

    def _drop(self) -> None:
        self.drag, self._press = None, None
        self._clear()

    def _take_corner_back(self) -> None:
        assert self.drag is not None
        self.drag.path.pop()
        if not self.drag.path:
            self._drop()
        self._refresh_overlays()

    def _ended(self, op: str, outcome: Any) -> None:
        if op in _OPERATIONS:
            self._clear()

    def _clear(self) -> None:
        for overlay in self.overlays.values():
            overlay.drag = self.drag if self.drag is not None and self._view is overlay.view else None
            overlay.update()

    def _show(self, view: SliceView, place: QPointF) -> None:
        overlay = self.overlays[view]
        overlay.pointer = place
        if self.drag is not None and self._view is view:
            overlay.drag = self.drag
        view.setCursor(self._cursor())
        self._refresh_overlays()

    def _cursor(self) -> Qt.CursorShape:
        state = self.workspace.state
        if state.label(state.active_label).locked and not (self.in_hand == "erase" and self.bar.settings.over):
            return Qt.ForbiddenCursor
        return Qt.BlankCursor if self.tool in ("brush", "erase") else Qt.CrossCursor

    def _follow_shift(self, keys: Any) -> None:
        shift = bool(keys & Qt.ShiftModifier)
        if shift != self._shift:
            self._shift = shift
            self._refresh_overlays()

    def _pixel(self, view: SliceView, place: QPointF) -> tuple[float, float]:
        return view.viewport.to_pixel(place.x(), place.y())

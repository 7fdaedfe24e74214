"""Menus, toolbar and shortcuts, rendered from OPERATIONS; nothing here knows what an operation does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QKeyEvent, QKeySequence
from PyQt5.QtWidgets import QAction, QLineEdit, QMenu, QMenuBar, QToolBar, QWidget

from spinalsam.control.operation import Operation, Preset
from spinalsam.control.operations import OPERATIONS
from spinalsam.ui import theme
from spinalsam.ui.forms import can_enter, needs_form
from spinalsam.ui.words import say, tr

MENUS = {
    "image": "File",
    "edit": "Edit",
    "points": "Points",
    "boxes": "Boxes",
    "masks": "Masks",
    "shape": "Shape",
    "labels": "Labels",
    "view": "View",
    "other": "Tools",
}
TOOLBAR = (
    "open_image",
    "export_mask",
    None,
    "undo",
    "redo",
    None,
    "generate_point_mask",
    "generate_box_mask",
    "propagate",
    "segment",
    None,
    "clear_points",
    "clear_boxes",
    "clear_mask",
    None,
    "measure",
)
TOOLBAR_WORDS = {"generate_point_mask": "Points", "generate_box_mask": "Box", "propagate": "Propagate", "segment": "Segment"}
VIEW_ICONS = {"axial": "view_axial", "sagittal": "view_sagittal", "coronal": "view_coronal", "mpr": "view_mpr", "3d": "view_3d"}

# run(op, args) does it; ask(operation) opens a form first.
Run = Callable[[str, dict[str, Any]], None]
Ask = Callable[[Operation], None]


class ShortcutsFirst(QObject):
    """Lets the window's shortcuts with Ctrl work while a line of text has the focus, but for those that edit text."""

    _EDITING = frozenset((Qt.Key_A, Qt.Key_C, Qt.Key_V, Qt.Key_X, Qt.Key_Left, Qt.Key_Right, Qt.Key_Home, Qt.Key_End, Qt.Key_Backspace))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.ShortcutOverride or not isinstance(event, QKeyEvent) or not event.modifiers() & Qt.ControlModifier:
            return False
        if event.key() in self._EDITING or (event.key() in (Qt.Key_Z, Qt.Key_Y) and isinstance(watched, QLineEdit) and watched.text()):
            return False
        event.ignore()
        return True


class OperationActions(QObject):
    """One QAction for every operation and every preset of one. Each carries its operation's name as data."""

    def __init__(self, window: QWidget, panes: QWidget, run: Run, ask: Ask) -> None:
        super().__init__(window)
        self._run, self._ask = run, ask
        self._panes = panes
        self.plain: dict[str, QAction] = {}
        self.presets: dict[str, list[QAction]] = {}
        for operation in OPERATIONS:
            if can_enter(operation):
                self._make(operation, window)

    def _make(self, operation: Operation, window: QWidget) -> None:
        name = operation.name
        asks = needs_form(operation) or name in ("open_image", "export_mask", "list_cases", "compare_mask")
        action = QAction(theme.icon(name), tr(operation.spec.title) + ("..." if asks else ""), window)
        action.triggered.connect(lambda _=False: self._ask(operation) if asks else self._run(name, {}))
        self._finish(action, operation, operation.shortcut, window)
        self.plain[name] = action
        self.presets[name] = [self._make_preset(operation, preset, window) for preset in operation.presets]

    def _make_preset(self, operation: Operation, preset: Preset, window: QWidget) -> QAction:
        picture = VIEW_ICONS.get(str(preset.args.get("plane")), "") if operation.name == "set_view" else ""
        action = QAction(theme.icon(picture), tr(preset.title), window)
        action.triggered.connect(lambda _=False: self._run(operation.name, dict(preset.args)))
        self._finish(action, operation, preset.shortcut, window)
        return action

    def _finish(self, action: QAction, operation: Operation, shortcut: str, window: QWidget) -> None:
        action.setData(operation.name)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        if shortcut in ("Tab", "Home", "End"):
            # Elsewhere these keys move the focus or the text cursor.
            action.setShortcutContext(Qt.WidgetWithChildrenShortcut)
            self._panes.addAction(action)
        else:
            window.addAction(action)

    def all(self) -> list[QAction]:
        return [*self.plain.values(), *(action for actions in self.presets.values() for action in actions)]

    def refresh(self, workspace: Any) -> None:
        """Enable what can be done now; what cannot says why in its tip."""
        for operation in OPERATIONS:
            missing = operation.missing(workspace)
            for action in (self.plain.get(operation.name), *self.presets.get(operation.name, [])):
                if action is not None:
                    action.setEnabled(not missing)
                    action.setToolTip(self._tip(action, operation, missing))
                    action.setStatusTip(say(missing) or tr(operation.spec.help))
        self._name_history("undo", tr("Undo"), workspace.undo_titles)
        self._name_history("redo", tr("Redo"), workspace.redo_titles)

    def _tip(self, action: QAction, operation: Operation, missing: str) -> str:
        keys = action.shortcut().toString(QKeySequence.NativeText)
        title = action.text().replace("...", "") + (f"  ({keys})" if keys else "")
        return f"{title}\n{say(missing) or tr(operation.spec.help)}"

    def _name_history(self, op: str, title: str, steps: tuple[str, ...]) -> None:
        self.plain[op].setText(f"{title}: {say(steps[0])}" if steps else title)
        self.plain[op].setIconText(title)

    # --- where they are shown ----------------------------------------------------------------------------------------

    def fill_menu_bar(self, bar: QMenuBar) -> None:
        for category, title in MENUS.items():
            menu = bar.addMenu(tr(title))
            menu.setToolTipsVisible(True)
            self._fill_menu(menu, [operation for operation in OPERATIONS if operation.spec.category == category])

    def _fill_menu(self, menu: QMenu, operations: list[Operation]) -> None:
        for spoken in (True, False):
            listed = [operation for operation in operations if operation.spec.spoken == spoken and operation.name in self.plain]
            if listed and not spoken and not menu.isEmpty():
                menu.addSeparator()
            for operation in listed:
                presets = self.presets[operation.name]
                if not presets:
                    menu.addAction(self.plain[operation.name])
                    continue
                inner = menu.addMenu(theme.icon(operation.name), tr(operation.spec.title))
                inner.setToolTipsVisible(True)
                inner.addActions(presets)
                inner.addSeparator()
                inner.addAction(self.plain[operation.name])

    def fill_toolbar(self, bar: QToolBar) -> None:
        for name in TOOLBAR:
            if name is None:
                bar.addSeparator()
                continue
            bar.addAction(self.plain[name])
            button = bar.widgetForAction(self.plain[name])
            if name in TOOLBAR_WORDS:
                self.plain[name].setIconText(tr(TOOLBAR_WORDS[name]))
                button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
            button.setAccessibleName(self.plain[name].text())
        bar.addSeparator()
        for action in self.presets["set_view"]:
            bar.addAction(action)
            bar.widgetForAction(action).setAccessibleName(action.text())

"""Menus, toolbar and shortcuts, rendered from OPERATIONS; nothing here knows what an operation does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QAction, QLineEdit, QMenu, QMenuBar, QToolBar, QToolButton, QWidget

from spinalsam.control.keys import preset_name
from spinalsam.control.operation import Operation, Preset
from spinalsam.control.operations import OPERATIONS
from spinalsam.ui import keys, theme
from spinalsam.ui.forms import can_enter, needs_form
from spinalsam.ui.suggestions import operations_like
from spinalsam.ui.words import follow, put, retell, say, told, tr

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
TOOLBAR_WORDS = {"generate_point_mask": "From points", "generate_box_mask": "From boxes", "propagate": "Propagate", "segment": "Segment"}
# Before these a menu has a line: another kind of thing begins.
BEGINS_GROUP = frozenset(("load_mask", "measure_cobb", "compare_mask", "fill_between", "change_label", "number_from"))
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
        self._workspace: Any = None
        self.plain: dict[str, QAction] = {}
        self.presets: dict[str, list[QAction]] = {}
        self._menus: dict[str, QMenu] = {}  # of presets
        for operation in OPERATIONS:
            if can_enter(operation):
                self._make(operation, window)
        retell(self._again)

    def _make(self, operation: Operation, window: QWidget) -> None:
        name = operation.name
        asks = needs_form(operation) or name in ("open_image", "export_mask", "list_cases", "compare_mask")
        action = QAction(theme.icon(name), "", window)
        follow(action, lambda action: action.setText(tr(operation.spec.title) + ("..." if asks else "")))
        action.triggered.connect(lambda _=False: self._ask(operation) if asks else self._run(name, {}))
        self._finish(action, operation, name)
        self.plain[name] = action
        self.presets[name] = [self._make_preset(operation, preset, window) for preset in operation.presets]

    def _make_preset(self, operation: Operation, preset: Preset, window: QWidget) -> QAction:
        picture = VIEW_ICONS.get(str(preset.args.get("plane")), "") if operation.name == "set_view" else ""
        action = told(QAction(theme.icon(picture), "", window), preset.title)
        action.triggered.connect(lambda _=False: self._run(operation.name, dict(preset.args)))
        self._finish(action, operation, preset_name(operation.name, preset))
        return action

    def _finish(self, action: QAction, operation: Operation, key_name: str) -> None:
        action.setData(operation.name)
        action.setProperty("keys", key_name)
        keys.bind(action, key_name, self._panes)

    def all(self) -> list[QAction]:
        return [*self.plain.values(), *(action for actions in self.presets.values() for action in actions)]

    def like(self, text: str) -> list[QAction]:
        """What can be done now of what the words of a sentence make one think of."""
        actions = [self.plain[name] for name in operations_like(text) if name in self.plain]
        return [action for action in actions if action.isEnabled()]

    def _again(self) -> None:
        if self._workspace is not None:
            self.refresh(self._workspace)

    def refresh(self, workspace: Any) -> None:
        """Enable what can be done now; what cannot says why in its tip."""
        self._workspace = workspace
        self._name_history("undo", tr("Undo"), workspace.undo_titles)
        self._name_history("redo", tr("Redo"), workspace.redo_titles)
        for operation in OPERATIONS:
            missing = operation.missing(workspace)
            if operation.name in self._menus:
                self._menus[operation.name].setEnabled(not missing)
            for action in (self.plain.get(operation.name), *self.presets.get(operation.name, [])):
                if action is not None:
                    action.setEnabled(not missing)
                    action.setToolTip(self._tip(action, operation, missing))

    def _tip(self, action: QAction, operation: Operation, missing: str) -> str:
        key = keys.shown(action.property("keys"))
        title = action.text().replace("...", "") + (f"  ({key})" if key else "")
        return f"{title}\n{say(missing) or tr(operation.spec.help)}"

    def _name_history(self, op: str, title: str, steps: tuple[str, ...]) -> None:
        self.plain[op].setText(f"{title}: {say(steps[0])}" if steps else title)
        self.plain[op].setIconText(title)

    # --- where they are shown ----------------------------------------------------------------------------------------

    def fill_menu_bar(self, bar: QMenuBar) -> None:
        for category, title in MENUS.items():
            menu = QMenu(bar)
            bar.addMenu(menu)
            put(menu.setTitle, title)
            menu.setToolTipsVisible(True)
            self._fill_menu(menu, [operation for operation in OPERATIONS if operation.spec.category == category])

    def _fill_menu(self, menu: QMenu, operations: list[Operation]) -> None:
        for spoken in (True, False):
            listed = [operation for operation in operations if operation.spec.spoken == spoken and operation.name in self.plain]
            if listed and not spoken and not menu.isEmpty():
                menu.addSeparator()
            for operation in listed:
                if operation.name in BEGINS_GROUP and operation is not listed[0]:
                    menu.addSeparator()
                presets = self.presets[operation.name]
                if not presets:
                    menu.addAction(self.plain[operation.name])
                    continue
                inner = QMenu(menu)
                inner.setIcon(theme.icon(operation.name))
                put(inner.setTitle, operation.spec.title)
                menu.addMenu(inner)
                self._menus[operation.name] = inner
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
                put(self.plain[name].setIconText, TOOLBAR_WORDS[name])
                button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        bar.addSeparator()
        bar.addActions(self.presets["set_view"])
        follow(bar, name_buttons)


def name_buttons(bar: QToolBar) -> None:
    """Give the buttons of a bar their actions' names, for screen readers. Qt makes these buttons, so nothing can be tied to them."""
    for action in bar.actions():
        button = bar.widgetForAction(action)
        if isinstance(button, QToolButton) and button.defaultAction() is not None:
            button.setAccessibleName(action.iconText())

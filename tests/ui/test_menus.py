"""Widgets hold no logic: every entry of every menu, context menu and of the palette is an operation, and only asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QAction, QMenu, QWidget

from spinalsam.assets import resources_dir
from spinalsam.control.operation import Operation
from spinalsam.control.operations import OPERATIONS, SPECS
from spinalsam.control.state import LabelInfo
from spinalsam.support.calls import OperationCall, validate_call
from spinalsam.ui import words
from spinalsam.ui.actions import OperationActions
from spinalsam.ui.dialogs import CommandPalette
from spinalsam.ui.label_menu import LabelMenu
from spinalsam.ui.main_window import MainWindow


def entries(menu: QMenu) -> Iterator[QAction]:
    """All that can be chosen in a menu and in the menus in it."""
    for action in menu.actions():
        if action.menu() is not None:
            yield from entries(action.menu())
        elif not action.isSeparator():
            yield action


class Asked(list[tuple[str, dict[str, Any] | None]]):
    """What was asked for: (operation, arguments), or (operation, None) for a form that asks for them."""

    def run(self, op: str, args: dict[str, Any]) -> None:
        self.append((op, args))

    def ask(self, operation: Operation) -> None:
        self.append((operation.name, None))

    def only(self, action: QAction) -> None:
        """Choosing the entry asks for its operation, with arguments that fit, and for nothing else."""
        self.clear()
        action.setEnabled(True)
        action.trigger()
        assert len(self) == 1, f"{action.text()}: {list(self)}"
        op, args = self[0]
        assert op == action.data(), f"{action.text()} asks for {op}"
        if args is not None:
            validate_call(OperationCall(op, args), SPECS)


def test_every_entry_of_the_menu_bar_and_the_buttons_menus_is_an_operation(case: MainWindow) -> None:
    menus = [menu for menu in case.findChildren(QMenu) if not isinstance(menu.parent(), QMenu)]
    assert len(menus) >= len(case.menuBar().actions()) + 1
    found = [action for menu in menus for action in entries(menu)]
    assert len(found) > 60
    others = [action.text() for action in found if action.data() not in SPECS]
    assert not others, others


def test_every_operation_that_can_be_entered_is_in_a_menu(case: MainWindow) -> None:
    shown = {action.data() for menu in case.menuBar().actions() for action in entries(menu.menu())}
    assert shown == set(case.actions_of.plain)
    hidden = {operation.name for operation in OPERATIONS} - shown
    # A colour is chosen from its picture in the label list; prompts in LPS mm come from scripts.
    assert hidden <= {"recolour_label", "prompt_mask"}, hidden


def test_no_menu_is_one_long_block(case: MainWindow) -> None:
    for top in case.menuBar().actions():
        block = 0
        for action in top.menu().actions():
            block = 0 if action.isSeparator() else block + 1
            assert block <= 9, top.text()


def test_no_two_pictures_of_tools_seen_at_once_are_the_same() -> None:
    pairs = [("clear_mask", "erase"), ("set_window", "set_smooth"), ("split_label", "cut_surface"), ("help", "about")]
    icons = resources_dir() / "icons"
    for first, second in pairs:
        assert (icons / f"{first}.svg").read_text() != (icons / f"{second}.svg").read_text(), (first, second)


def test_choosing_an_entry_only_asks_for_its_operation(qtbot: Any) -> None:
    asked, window, panes = Asked(), QWidget(), QWidget()
    qtbot.addWidget(window)
    qtbot.addWidget(panes)
    actions = OperationActions(window, panes, asked.run, asked.ask)
    for action in actions.all():
        asked.only(action)


@pytest.mark.parametrize("locked", [False, True])
def test_every_entry_of_a_labels_menu_only_asks_for_its_operation(qtbot: Any, locked: bool) -> None:
    asked, parent = Asked(), QWidget()
    qtbot.addWidget(parent)
    info = LabelInfo(22, "L3", (1, 2, 3), locked=locked, visible=not locked)
    menu = LabelMenu(info, [LabelInfo.of(23), LabelInfo.of(201)], asked.run, parent)
    found = list(entries(menu))
    assert len(found) > 60
    for action in found:
        asked.only(action)


def test_every_entry_of_a_steps_menu_only_asks_for_its_operation(case: MainWindow) -> None:
    case.run("add_points", {"at": [[20, 24]]})
    asked: list[tuple[str, dict[str, Any]]] = []
    case.history.requested.disconnect()
    case.history.requested.connect(lambda op, args: asked.append((op, args)))
    for action in case.history.menu_of(0).actions():
        action.trigger()
    assert asked == [("undo", {"count": 1}), ("compare_mask", {"steps_back": 1})]


def test_no_other_widget_has_a_menu_of_its_own(case: MainWindow) -> None:
    own = [widget for widget in case.findChildren(QWidget) if widget.contextMenuPolicy() in (Qt.CustomContextMenu, Qt.ActionsContextMenu)]
    assert {id(widget) for widget in own} == {id(case.labels.table), id(case.history.list)}
    assert case.createPopupMenu() is None  # Qt's own, in which toolbars can be hidden for good


def test_the_palette_holds_all_that_can_be_done_and_only_asks_for_it(case: MainWindow, qtbot: Any) -> None:
    possible = [action for action in case.actions_of.all() if action.isEnabled()]
    palette = CommandPalette(case.actions_of.all(), case)
    palette.open()
    qtbot.waitExposed(palette)
    listed = [palette.list.item(row).data(Qt.UserRole) for row in range(palette.list.count())]
    assert {id(action) for action in listed} == {id(action) for action in possible}
    assert {action.data() for action in listed} <= set(SPECS)
    chosen: list[str] = []
    case.actions_of.plain["about"].triggered.disconnect()
    case.actions_of.plain["about"].triggered.connect(lambda _=False: chosen.append("about"))
    QTest.keyClicks(palette.line, "about")
    assert [palette.list.item(row).text() for row in range(palette.list.count())] == ["About"]
    QTest.mouseClick(palette.list.viewport(), Qt.LeftButton, pos=palette.list.visualItemRect(palette.list.item(0)).center())
    assert chosen == ["about"]


def test_levels_in_the_menu_of_a_label_are_named_in_the_windows_language(qtbot: Any) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    before = words.language()
    words.use_language("zh")
    try:
        menu = LabelMenu(LabelInfo.of(22), [LabelInfo.of(29)], lambda op, args: None, parent)
    finally:
        words.use_language(before)
    shown = [action.text() for submenu in menu.findChildren(QMenu) for action in submenu.actions()]
    assert "骶骨" in shown and "尾骨" in shown and "标签 29" in shown
    assert "sacrum" not in shown and "label 29" not in shown

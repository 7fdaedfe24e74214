"""Theme, language and keys change at once, everywhere, by hand in the preferences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QPalette
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QComboBox, QDialogButtonBox, QLabel, QPushButton

from spinalsam.errors import UsageError
from spinalsam.settings import Settings
from spinalsam.ui import desktop, dialogs, keys, theme, words
from spinalsam.ui.chat_dock import EXAMPLES
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.preferences_dialog import PreferencesDialog
from tests.ui.test_words import LATIN, NAMES, shown_texts

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def as_before(qapp: Any) -> Iterator[None]:
    yield
    keys.use({})
    words.use_language("en")
    theme.apply_theme(qapp, "dark")


def preferences(window: MainWindow, qtbot: Any) -> PreferencesDialog:
    """Opened by its key."""
    window.activateWindow()
    window.panes.slices["axial"].setFocus()
    QTest.keyClick(window, Qt.Key_Comma, Qt.ControlModifier)
    qtbot.waitUntil(lambda: window.findChild(PreferencesDialog) is not None)
    dialog = window.findChild(PreferencesDialog)
    qtbot.waitUntil(dialog.isVisible)
    return dialog


def choose(box: QComboBox, value: str) -> None:
    """With the arrow keys."""
    box.setFocus()
    steps = box.findData(value) - box.currentIndex()
    for _ in range(abs(steps)):
        QTest.keyClick(box, Qt.Key_Down if steps > 0 else Qt.Key_Up)
    assert box.currentData() == value


def save(dialog: PreferencesDialog, qtbot: Any) -> None:
    button = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.Save)
    window = dialog.parent()
    with qtbot.waitSignal(dialog.destroyed):
        QTest.mouseClick(button, Qt.LeftButton)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def everything(window: MainWindow) -> list[str]:
    tables = (window.labels.table, window.prompts.table)
    heads = [table.horizontalHeaderItem(column).text() for table in tables for column in range(table.columnCount())]
    docks = [
        dock.windowTitle() for dock in (window.label_dock, window.prompt_dock, window.history_dock, window.case_dock, window.chat_dock)
    ]
    menus = [action.text() for action in window.menuBar().actions()]
    lists = [window.history.list.item(row).text() for row in range(window.history.list.count())]
    cells = [window.prompts.table.item(row, 2).text() for row in range(window.prompts.table.rowCount())]
    names = [view.accessibleName() for view in window.panes.slices.values()] + [window.panes.surface.message]
    return [*shown_texts(window), *heads, *docks, *menus, *lists, *cells, *names, window.status.slice.text()]


def test_the_language_changes_everywhere_at_once_and_back(case: MainWindow, qtbot: Any) -> None:
    if not desktop.has_chinese_font():
        pytest.skip("no font with Chinese letters is installed")
    case.run("add_points", {"at": [[20, 24]]})
    case.figures.open()
    dialog = preferences(case, qtbot)
    choose(dialog.language, "zh")
    save(dialog, qtbot)
    examples = {text for texts in EXAMPLES.values() for text in texts}
    plain = [re.sub(r"<[^>]*>|&nbsp;", "", text) for text in everything(case)]
    english = [
        text for text in plain if LATIN.search(NAMES.sub("", text)) and text not in (*examples, "fake", "Scroll Left", "Scroll Right")
    ]  # Qt's own
    assert not english, english
    assert case.figures.sheet.windowTitle() == "标签与数据"
    assert any("骨窗" in chip for chip in chips(case)) and "bone window" not in chips(case)
    dialog = preferences(case, qtbot)
    assert dialog.windowTitle() == "首选项"
    choose(dialog.language, "en")
    save(dialog, qtbot)
    chinese = [text for text in everything(case) if CHINESE.search(text) and text not in examples]
    assert not chinese, chinese
    assert "bone window" in chips(case)


def test_what_the_program_said_in_the_chat_follows_the_language_and_what_the_user_said_stays(case: MainWindow, qtbot: Any) -> None:
    if not desktop.has_chinese_font():
        pytest.skip("no font with Chinese letters is installed")

    def labels() -> list[str]:
        return [label.text() for label in case.chat.findChildren(QLabel) if label.isVisibleTo(case.chat)]

    case.run("add_points", {"at": [[20, 24]]})
    for sentence in ("clear_points", "nothing at all", "clear_image"):
        case.chat.say(sentence)
        qtbot.waitUntil(lambda: not case.conversation.is_reading and not case.dispatcher.busy)
    english = labels()
    assert "Cleared 1 point." in english and any(text.startswith("I found nothing") for text in english)
    words.use_language("zh")
    said = [text for text in labels() if LATIN.search(NAMES.sub("", text))]
    assert sorted(said) == ["clear_image", "clear_points", "nothing at all"]
    asked = [button.text() for button in case.chat.findChildren(QPushButton) if button.isVisibleTo(case.chat)]
    assert asked and not [text for text in asked if LATIN.search(NAMES.sub("", text))], asked
    words.use_language("en")
    assert labels() == english


def chips(window: MainWindow) -> list[str]:
    return [chip.text() for chip in window.chat.examples.findChildren(QPushButton)]


def test_the_theme_changes_everywhere_at_once(case: MainWindow, qtbot: Any) -> None:
    def brightness() -> dict[str, float]:
        """Of the docks, the tool bar and an icon."""
        widgets = {"labels": case.labels, "chat": case.chat, "menu": case.menuBar(), "status": case.status}
        shades = {name: float(widget.grab().toImage().pixelColor(3, 3).lightness()) for name, widget in widgets.items()}
        picture = case.settings_button.icon().pixmap(32, 32).toImage()
        drawn = [picture.pixelColor(x, y) for x in range(32) for y in range(32) if picture.pixelColor(x, y).alpha() > 200]
        return {**shades, "icon": 255 - sum(colour.lightness() for colour in drawn) / len(drawn)}

    assert max(brightness().values()) < 90
    dialog = preferences(case, qtbot)
    choose(dialog.theme, "light")
    save(dialog, qtbot)
    assert min(brightness().values()) > 160, brightness()
    assert case.preferences.theme == "light"


def test_the_system_theme_is_what_the_desktop_prefers(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for dark, name in ((True, "dark"), (False, "light")):
        monkeypatch.setattr(desktop, "prefers_dark", lambda dark=dark: dark)
        theme.apply_theme(qapp, "system")
        assert theme.current_name() == name


def test_without_a_chinese_font_the_window_stays_english_and_says_so(case: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desktop, "has_chinese_font", lambda: False)
    dialog = preferences(case, qtbot)
    choose(dialog.language, "zh")
    save(dialog, qtbot)
    assert words.language() == "en"
    assert any("No font with Chinese letters" in text for text in case.notices.texts)


# --- keys -----------------------------------------------------------------------------------------------------------


def press_for(page: Any, search: str, *pressed: tuple[Any, ...]) -> None:
    """Search for what the key does, click the row, press the key."""
    page.search.setFocus()
    page.search.selectAll()
    QTest.keyClicks(page.search, search)
    page.field.setFocus()
    for key in pressed:
        QTest.keyClick(page.field, *key)


def test_a_key_is_changed_by_pressing_it_and_everything_follows(case: MainWindow, qtbot: Any) -> None:
    dialog = preferences(case, qtbot)
    dialog.pages.setCurrentWidget(dialog.keys)
    press_for(dialog.keys, "undo", (Qt.Key_U, Qt.ControlModifier))
    press_for(dialog.keys, "command palette", (Qt.Key_J, Qt.ControlModifier))
    save(dialog, qtbot)
    assert Settings.load().shortcuts == {"undo": "Ctrl+U", "window:palette": "Ctrl+J"}
    undo = case.actions_of.plain["undo"]
    assert undo.shortcut().toString() == "Ctrl+U" and "Ctrl+U" in undo.toolTip()
    view = case.panes.slices["axial"]
    case.run("add_points", {"at": [[20, 24]]})
    view.setFocus()
    QTest.keyClick(view, Qt.Key_Z, Qt.ControlModifier)
    assert len(case.workspace.state.points) == 1, "the usual key has no effect any more"
    QTest.keyClick(view, Qt.Key_U, Qt.ControlModifier)
    assert not case.workspace.state.points
    QTest.keyClick(view, Qt.Key_F1)
    qtbot.waitUntil(lambda: case.findChild(dialogs.ShortcutMap) is not None)
    shown = case.findChild(dialogs.ShortcutMap)
    rows = {shown.table.item(row, 0).text(): shown.table.item(row, 1).text() for row in range(shown.table.rowCount())}
    assert rows["Ctrl+U"] == "Undo" and rows["Ctrl+J"] == "Command palette" and "Ctrl+Z" not in rows
    shown.reject()


def test_a_key_that_is_taken_is_said_and_only_given_when_that_is_asked_for(case: MainWindow, qtbot: Any) -> None:
    dialog = preferences(case, qtbot)
    dialog.pages.setCurrentWidget(dialog.keys)
    page = dialog.keys
    press_for(page, "view: coronal", (Qt.Key_T,))
    assert page.entry.name == "set_view:coronal"
    assert "Brush" in page.problem.text() and page.take.isVisible() and not page.chosen
    QTest.mouseClick(page.take, Qt.LeftButton)
    assert page.chosen == {"tool:brush": "", "set_view:coronal": "T"}
    QTest.mouseClick(page.usual, Qt.LeftButton)
    assert page.chosen == {"tool:brush": ""}
    QTest.mouseClick(page.all_usual, Qt.LeftButton)
    assert page.chosen == {}
    press_for(page, "view: coronal", (Qt.Key_Delete,))
    assert "cannot be changed" in page.problem.text() and not page.take.isVisible() and not page.chosen
    press_for(page, "view: coronal", (Qt.Key_Tab,))
    assert page.problem.text() and page.chosen == {}, "Tab is the candidates' key"
    dialog.reject()
    assert Settings.load().shortcuts == {}


def test_keys_that_begin_alike_are_in_each_others_way(qapp: Any) -> None:
    assert [entry.name for entry in keys.sharing("Ctrl+K, Ctrl+B", "undo", {})] == ["window:palette"]
    assert keys.sharing("Ctrl+K, Ctrl+B", "undo", {"window:palette": ""}) == []


def test_the_usual_keys_are_in_nobodys_way(window: MainWindow) -> None:
    for entry in keys.entries():
        for key in entry.keys:
            assert not keys.sharing(key, entry.name, {}) and not keys.taken_by(key), entry


def test_help_tells_scripts_the_keys_as_they_are_set(case: MainWindow) -> None:
    case.workspace.use_settings(case.workspace.settings.with_changes(shortcuts={"measure": "Ctrl+M"}))
    told = {item["op"]: item["shortcut"] for item in case.workspace.run("help").data["operations"]}
    assert told["measure"] == "Ctrl+M" and told["undo"] == "Ctrl+Z"


@pytest.mark.parametrize("wrong", [["a"], {"undo": 3}, "Ctrl+Z"])
def test_keys_that_are_no_keys_are_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="shortcuts"):
        Settings(shortcuts=wrong)


def test_a_key_of_a_button_that_moves_the_focus_counts_in_the_panes_only(case: MainWindow, qtbot: Any) -> None:
    keys.use({"undo": "Home", "go_to:first": ""})
    case.run("add_points", {"at": [[20, 24]]})
    case.chat.line.setFocus()
    QApplication.processEvents()
    QTest.keyClick(case.chat.line, Qt.Key_Home)
    assert case.workspace.state.points
    view = case.panes.slices["axial"]
    view.setFocus()
    QTest.keyClick(view, Qt.Key_Home)
    assert not case.workspace.state.points


def test_a_widget_that_kept_the_other_themes_text_colour_asks_again(case: MainWindow, qapp: Any) -> None:
    chip = case.chat.examples.findChildren(QPushButton)[1]
    chip.setPalette(theme._qt_palette(theme.DARK))
    theme.apply_theme(qapp, "light")
    try:
        assert chip.palette().color(QPalette.ButtonText).name() == theme.LIGHT.text
        kept = [one for one in case.findChildren(QPushButton) if one.palette().color(QPalette.ButtonText).name() == theme.DARK.text]
        assert not kept
    finally:
        theme.apply_theme(qapp, "dark")
    assert chip.palette().color(QPalette.ButtonText).name() == theme.DARK.text

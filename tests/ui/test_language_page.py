"""The preferences of the language: what is chosen is saved and holds at once; test, key and preview."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language.deepseek import preview
from spinalsam.language.endpoints import PRESETS, Endpoint
from spinalsam.settings import Settings
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.preferences_dialog import PreferencesDialog
from tests.language.model_server import ModelServer, calls, refuses, running, says, stalls
from tests.language.test_privacy import KEY, MemoryKeyring
from tests.ui.test_chat_dock import until


@pytest.fixture(autouse=True)
def key_store() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    store = MemoryKeyring()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture
def dialog(window: MainWindow, qtbot: Any) -> Iterator[PreferencesDialog]:
    window.chat.state.click()
    made = window.findChild(PreferencesDialog)
    until(qtbot, made.isVisible)
    assert made.pages.currentWidget() is made.sentences
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with running() as state:
        yield state


def point_at(dialog: PreferencesDialog, server: ModelServer) -> None:
    page = dialog.sentences
    page.mode.setCurrentIndex(page.mode.findData("deepseek"))
    page.address.setText(server.url)
    page.model.setText("deepseek-r1")


def test_a_preset_fills_address_and_model_and_saving_holds_at_once(dialog: PreferencesDialog, window: MainWindow) -> None:
    page = dialog.sentences
    page.mode.setCurrentIndex(page.mode.findData("auto"))
    page.preset.setCurrentIndex(1)
    page.preset.activated.emit(1)
    assert (page.address.text(), page.model.text()) == (PRESETS[1].url, PRESETS[1].model)
    dialog._save()
    assert Settings.load().language_mode == "auto" and Settings.load().language_endpoint == PRESETS[1].url
    assert window.chat.state.full_text == "Offline parser, then DeepSeek-R1 at 127.0.0.1:11434"


def test_an_address_that_is_none_is_not_saved(dialog: PreferencesDialog) -> None:
    page = dialog.sentences
    page.mode.setCurrentIndex(page.mode.findData("deepseek"))
    page.address.setText("not an address")
    dialog._save()
    assert dialog.isVisible() and "no address" in dialog.problem.text()
    assert Settings.load() == Settings()


def test_the_connection_is_tested_with_what_stands_there(dialog: PreferencesDialog, server: ModelServer, qtbot: Any) -> None:
    point_at(dialog, server)
    page = dialog.sentences
    page.key.setText(KEY)
    server.will(says(calls(("segment", {"regions": ["L3"]}))))
    page.test.click()
    until(qtbot, lambda: "segment" in page.result.text() and "s:" in page.result.text())
    assert server.arrived[0].headers["authorization"] == f"Bearer {KEY}"
    server.will(refuses(401))
    page.test.click()
    until(qtbot, lambda: "does not accept the key" in page.result.text())
    assert KEY not in page.result.text() and Settings.load() == Settings()


def test_a_test_can_be_stopped(dialog: PreferencesDialog, server: ModelServer, qtbot: Any) -> None:
    point_at(dialog, server)
    server.will(stalls())
    dialog.sentences.test.click()
    until(qtbot, lambda: bool(server.arrived))
    dialog.sentences.test.click()
    until(qtbot, lambda: "was stopped" in dialog.sentences.result.text())


def test_a_key_goes_into_the_key_store_and_nowhere_else(
    dialog: PreferencesDialog, server: ModelServer, qtbot: Any, key_store: MemoryKeyring, own_folders: Path
) -> None:
    point_at(dialog, server)
    page = dialog.sentences
    page.key.setText(KEY)
    page.keep_key.click()
    until(qtbot, lambda: key_store.kept != {})
    until(qtbot, lambda: "key store" in page.key.placeholderText())
    assert key_store.kept == {("SpinalSAM", f"127.0.0.1:{server.port}"): KEY} and page.key.text() == ""
    dialog._save()
    assert not [path for path in own_folders.rglob("*") if path.is_file() and KEY in path.read_text("utf-8", "replace")]


def test_the_preview_is_the_body_of_the_request(dialog: PreferencesDialog, server: ModelServer, qtbot: Any) -> None:
    point_at(dialog, server)
    page = dialog.sentences
    page.sentence.setText("open /data/Anna Smith/ct.nii.gz")
    page.look.click()
    until(qtbot, lambda: bool(page.sent.toPlainText()))
    endpoint = Endpoint(server.url, "deepseek-r1")
    assert page.sent.toPlainText().encode() == preview(page.sentence.text(), SPOKEN_SPECS, endpoint)
    assert "Anna" not in page.sent.toPlainText() and "<PATH_1>" in page.sent.textCursor().selectedText()
    assert not server.arrived


def test_nothing_is_asked_of_anybody_while_sentences_are_read_offline(dialog: PreferencesDialog) -> None:
    page = dialog.sentences
    assert page.mode.currentData() == "local"
    assert not page.test.isEnabled() and not page.address.isEnabled() and not page.look.isEnabled()

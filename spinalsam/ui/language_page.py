"""Preferences of the language: who reads sentences, where a model is asked, its key, a test, and what would be sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PyQt5.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.errors import SpinalSamError
from spinalsam.language.endpoints import PRESETS, endpoint_of
from spinalsam.language.keys import VARIABLE, Secret, find_key, store_key, where_key_is
from spinalsam.settings import Settings
from spinalsam.ui import theme
from spinalsam.ui.background import Background
from spinalsam.ui.words import tr

TEST_SENTENCE = "segment L3"
# It names somebody, so that one sees what is left of it.
EXAMPLE = "open /data/Anna Smith/ct.nii.gz"


class LanguagePage(QWidget):
    """`changes` are the settings as they stand here; nothing is saved before the dialog does it. The key alone is kept at once."""

    def __init__(self, settings: Settings, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._background = settings, background
        self._stop: threading.Event | None = None
        self.mode = QComboBox()
        for name, text in (
            ("local", tr("Offline only")),
            ("auto", tr("Offline first, ask the model when unsure")),
            ("deepseek", tr("Language model first")),
        ):
            self.mode.addItem(text, name)
        self.mode.setCurrentIndex(self.mode.findData(settings.language_mode))
        self.preset = QComboBox()
        self.preset.addItems([preset.name for preset in PRESETS] + [tr("Other")])
        self.address = QLineEdit(settings.language_endpoint or PRESETS[0].url)
        self.model = QLineEdit(settings.language_model or _model_at(self.address.text()))
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.Password)
        self.keep_key = QPushButton(tr("Keep"))
        self.keep_key.setToolTip(tr("Puts the key into this system's key store; an empty one is removed from it."))
        self.timeout = QSpinBox()
        self.timeout.setRange(1, 600)
        self.timeout.setSuffix(" s")
        self.timeout.setValue(settings.language_timeout_s)
        self.test = QPushButton(tr("Test connection"))
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.sentence = QLineEdit(tr(EXAMPLE))
        self.sentence.setCursorPosition(0)
        self.look = QPushButton(tr("Show what is sent"))
        self.sent = QPlainTextEdit()
        self.sent.setReadOnly(True)
        self.sent.setAccessibleName(tr("What is sent"))
        self.sent.setMinimumHeight(130)
        self._build()
        self._connect()
        self._show_mode()
        self._show_preset()
        self._show_key_place()

    def _build(self) -> None:
        form = QFormLayout()
        form.setSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.ExpandingFieldsGrow)
        form.addRow(tr("Sentences"), self.mode)
        form.addRow(tr("Service"), self.preset)
        form.addRow(tr("Address"), self.address)
        form.addRow(tr("Model"), self.model)
        form.addRow(tr("API key"), _beside(self.key, self.keep_key))
        form.addRow(tr("Time for an answer"), self.timeout)
        form.addRow("", self.test)
        form.addRow(tr("Example"), _beside(self.sentence, self.look))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(10)
        column.addLayout(form)
        column.addWidget(self.result)
        column.addWidget(self.sent, 1)
        self.result.hide()

    def _connect(self) -> None:
        self.mode.currentIndexChanged.connect(self._show_mode)
        self.preset.activated.connect(self._take_preset)
        self.address.textEdited.connect(self._show_preset)
        self.address.editingFinished.connect(self._show_key_place)
        self.keep_key.clicked.connect(self._keep_key)
        self.test.clicked.connect(self._test)
        self.look.clicked.connect(self._look)
        self.sentence.returnPressed.connect(self._look)

    @property
    def changes(self) -> dict[str, Any]:
        """The settings of the language as they stand here."""
        return {
            "language_mode": self.mode.currentData(),
            "language_endpoint": self.address.text().strip(),
            "language_model": self.model.text().strip(),
            "language_timeout_s": self.timeout.value(),
        }

    def checked(self, settings: Settings) -> Settings:
        """The settings with these changes. Raises UsageError for an address that is none, where a model is to be asked."""
        changed = settings.with_changes(**self.changes)
        if changed.language_mode != "local":
            endpoint_of(changed)
        return changed

    def stop(self) -> None:
        """The dialog goes: a test that runs is given up."""
        if self._stop is not None:
            self._stop.set()

    # What is chosen

    def _show_mode(self) -> None:
        asked = self.mode.currentData() != "local"
        for widget in (self.preset, self.address, self.model, self.key, self.keep_key, self.timeout, self.test, self.sentence, self.look):
            widget.setEnabled(asked)
        self.sent.setPlaceholderText(
            tr("The body of the request, byte for byte: what is private is replaced before it leaves.")
            if asked
            else tr("Sentences are read on this computer; nothing leaves it.")
        )

    def _take_preset(self, number: int) -> None:
        if number < len(PRESETS):
            self.address.setText(PRESETS[number].url)
            self.model.setText(PRESETS[number].model)
            self._show_key_place()

    def _show_preset(self) -> None:
        urls = [preset.url for preset in PRESETS]
        url = self.address.text().strip().rstrip("/")
        self.preset.setCurrentIndex(urls.index(url) if url in urls else len(urls))

    # The key

    def _host(self) -> str:
        try:
            return endpoint_of(self._settings.with_changes(**self.changes)).host
        except SpinalSamError:
            return ""

    def _show_key_place(self) -> None:
        host = self._host()
        texts = {
            "environment": tr("from {variable}", variable=VARIABLE),
            "keyring": tr("kept in this system's key store"),
            "": tr("none"),
        }
        self._background.run(lambda: where_key_is(host), lambda place: _if_there(lambda: self.key.setPlaceholderText(texts[place])))

    def _keep_key(self) -> None:
        host, typed = self._host(), self.key.text()

        def kept(_: object) -> None:
            self.key.clear()
            self._say(tr("The key is kept in this system's key store.") if typed else tr("The key is removed."), "good")
            self._show_key_place()

        def keep() -> None:
            store_key(host, Secret(typed) if typed.strip() else None)

        self._background.run(keep, lambda done: _if_there(lambda: kept(done)), self._failed)

    # Trying

    def _test(self) -> None:
        if self._stop is not None:
            self.stop()
            return
        try:
            endpoint = endpoint_of(self._settings.with_changes(**self.changes))
            typed = Secret(self.key.text()) if self.key.text().strip() else None
        except SpinalSamError as error:
            self._say(str(error), "error")
            return
        stop = self._stop = threading.Event()
        self.test.setText(tr("Stop"))
        self._say(tr("Asking {who} ...", who=endpoint.state), "muted")

        def ask() -> Any:
            from spinalsam.language.deepseek import ask

            return ask(TEST_SENTENCE, SPOKEN_SPECS, endpoint, typed or find_key(endpoint.host), stop=stop)

        self._background.run(ask, lambda reading: _if_there(lambda: self._tested(reading)), self._failed)

    def _tested(self, reading: Any) -> None:
        self._end_test()
        calls = ", ".join(json.dumps(call.to_json()) for call in reading.calls) or tr("nothing to do")
        seconds = f"{reading.ms / 1000:.1f}"
        text = tr("{who} read '{sentence}' in {seconds} s: {calls}", who=reading.reader, sentence=TEST_SENTENCE, seconds=seconds,
                  calls=calls)  # fmt: skip
        self._say(text, "good")

    def _failed(self, error: Exception) -> None:
        def show() -> None:
            self._end_test()
            self._say(str(error) if isinstance(error, SpinalSamError) else type(error).__name__, "error")

        _if_there(show)

    def _end_test(self) -> None:
        self._stop = None
        self.test.setText(tr("Test connection"))

    def _look(self) -> None:
        text = self.sentence.text()
        try:
            endpoint = endpoint_of(self._settings.with_changes(**self.changes))
        except SpinalSamError as error:
            self._say(str(error), "error")
            return

        def look() -> bytes:
            from spinalsam.language.deepseek import preview

            return preview(text, SPOKEN_SPECS, endpoint)

        self._background.run(look, lambda body: _if_there(lambda: self._show_sent(body)), self._failed)

    def _show_sent(self, body: bytes) -> None:
        """All of it, with the sentence in sight and marked."""
        text = body.decode()
        self.sent.setPlainText(text)
        start = text.rfind('{"role":"user"')
        cursor = self.sent.textCursor()
        cursor.setPosition(max(start, 0))
        if start >= 0:
            cursor.setPosition(text.find("}", start) + 1, cursor.KeepAnchor)
        self.sent.setTextCursor(cursor)
        self.sent.centerCursor()

    def _say(self, text: str, colour: str) -> None:
        self.result.setProperty("mark", colour)
        theme.restyle(self.result)
        self.result.setText(text)
        self.result.show()


def _model_at(url: str) -> str:
    return next((preset.model for preset in PRESETS if preset.url == url), "")


def _beside(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 1 if number == 0 else 0)
    return holder


def _if_there(show: Callable[[], None]) -> None:
    """Show a late result, unless the dialog has gone meanwhile."""
    with suppress(RuntimeError):
        show()

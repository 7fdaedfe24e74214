"""Preferences: theme, language, display, model and device."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from spinalsam.errors import SpinalSamError
from spinalsam.settings import Settings
from spinalsam.ui.background import Background
from spinalsam.ui.keys_page import KeysPage
from spinalsam.ui.language_page import LanguagePage
from spinalsam.ui.preferences import Preferences
from spinalsam.ui.words import LANGUAGES, say, tr


class PreferencesDialog(QDialog):
    """Window preferences are kept beside the settings; model, device and cache are settings of the whole program."""

    smooth_changed = pyqtSignal(bool)
    saved = pyqtSignal()
    settings_saved = pyqtSignal(object)  # Settings

    def __init__(self, preferences: Preferences, settings: Settings, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self.setWindowTitle(tr("Preferences"))
        self.setMinimumWidth(560)
        self._preferences, self._settings, self._background = preferences, settings, background
        self.theme = _choice({"dark": tr("Dark"), "light": tr("Light"), "system": tr("As the desktop")}, preferences.theme)
        self.language = _choice({"auto": tr("As the desktop"), **LANGUAGES}, preferences.language)
        self.smooth = QCheckBox(tr("Smooth pixels"))
        self.smooth.setChecked(preferences.smooth)
        self.preview = QCheckBox(tr("Outline what a click would give"))
        self.preview.setChecked(preferences.preview)
        self.model = _choice({settings.model or "": settings.model or tr("as shipped")}, settings.model or "")
        self.model.setToolTip(tr("Cases open after a change of model or device use the new one."))
        background.run(_models_here, self._list_models)
        devices = {"auto": tr("Automatic"), "cpu": "CPU", "cuda": "CUDA"}
        self.device = _choice({**devices, settings.device: devices.get(settings.device, settings.device)}, settings.device)
        self.memory = QSpinBox()
        self.memory.setRange(0, 65536)
        self.memory.setSuffix(" MB")
        self.memory.setValue(settings.memory_cache_mb)
        self.disk = QSpinBox()
        self.disk.setRange(0, 1_000_000)
        self.disk.setSuffix(" MB")
        self.disk.setValue(settings.disk_cache_mb)
        form = QFormLayout()
        form.setSpacing(9)
        for title, field in (
            (tr("Theme"), self.theme),
            (tr("Language"), self.language),
            (tr("Slices"), self.smooth),
            (tr("Preview"), self.preview),
            (tr("Model"), self.model),
            (tr("Device"), self.device),
            (tr("Slices kept in memory"), self.memory),
            (tr("Slices kept on disk"), self.disk),
        ):
            form.addRow(title, field)
            if not isinstance(field, QCheckBox):  # which says its own words
                field.setAccessibleName(title)
        general = QWidget()
        general.setLayout(form)
        form.setContentsMargins(0, 12, 0, 0)
        self.pages = QTabWidget()
        self.pages.tabBar().setDrawBase(False)
        self.pages.addTab(general, tr("General"))
        self.problem = QLabel()
        self.problem.setProperty("bubble", "error")
        self.problem.setWordWrap(True)
        self.problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.Save | QDialogButtonBox.Cancel)
        buttons.button(QDialogButtonBox.Save).setText(tr("Save"))
        buttons.button(QDialogButtonBox.Save).setProperty("primary", True)
        buttons.button(QDialogButtonBox.Cancel).setText(tr("Cancel"))
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(14)
        column.addWidget(self.pages, 1)
        column.addWidget(self.problem)
        column.addWidget(buttons)

    def add_sentences(self) -> None:
        """The second page. Each of these pages is as much work as all the rest; both are to be there before the dialog opens."""
        self.sentences = LanguagePage(self._settings, self._background)
        self.pages.addTab(self.sentences, tr("Sentences"))
        self.finished.connect(self.sentences.stop)

    def add_keys(self) -> None:
        """The third page."""
        self.keys = KeysPage(self._settings.shortcuts)
        self.pages.addTab(self.keys, tr("Keys"))

    def _list_models(self, names: list[str]) -> None:
        """The models whose weights are here; they are looked for while the dialog is open already."""
        chosen = self.model.currentData()
        self.model.clear()
        for name in dict.fromkeys(("", *names, chosen)):
            self.model.addItem(name or tr("as shipped"), name)
        self.model.setCurrentIndex(self.model.findData(chosen))

    def _save(self) -> None:
        try:
            settings = self.sentences.checked(self._settings).with_changes(
                model=self.model.currentData() or None,
                device=self.device.currentData(),
                memory_cache_mb=self.memory.value(),
                disk_cache_mb=self.disk.value(),
                shortcuts=self.keys.chosen,
            )
            settings.save()
        except SpinalSamError as error:
            self.problem.setText(say(str(error)))
            self.problem.show()
            return
        before = (self._preferences.theme, self._preferences.language)
        self._preferences.theme = self.theme.currentData()
        self._preferences.language = self.language.currentData()
        self._preferences.smooth = self.smooth.isChecked()
        self._preferences.preview = self.preview.isChecked()
        self.smooth_changed.emit(self.smooth.isChecked())
        if before != (self._preferences.theme, self._preferences.language):
            self.saved.emit()
        self.settings_saved.emit(settings)
        self.accept()


def _models_here() -> list[str]:
    from spinalsam.engine.models import list_models

    return [model.name for model in list_models() if model.is_here]


def _choice(names: dict[str, str], chosen: str) -> QComboBox:
    box = QComboBox()
    for value, name in names.items():
        box.addItem(name, value)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    return box

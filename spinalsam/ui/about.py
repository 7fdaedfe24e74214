"""What this program is: version, model and checksum, device, licence, and where it keeps things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from spinalsam.ui import theme
from spinalsam.ui.words import say, tr

ROWS = {
    "version": "Version",
    "model": "Model",
    "checksum": "Checksum",
    "verified": "Parameters",
    "device": "Device",
    "licence": "Licence",
    "settings": "Settings are kept in",
    "journals": "Journals are kept in",
    "cache": "The cache is kept in",
}
WIDTH = 600


class AboutDialog(QDialog):
    """facts: what the operation `about` returns."""

    def __init__(self, facts: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self.setWindowTitle(tr("About SpinalSAM"))
        self.setMinimumWidth(WIDTH)
        logo = theme.Picture("app", "accent", 48)
        title = QLabel("SpinalSAM")
        title.setObjectName("title")
        subtitle = QLabel(tr("Vertebrae in CT, segmented by points, boxes and sentences."))
        subtitle.setObjectName("subtitle")
        names = QVBoxLayout()
        names.addWidget(title)
        names.addWidget(subtitle)
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(logo, 0, Qt.AlignTop)
        head.addLayout(names, 1)
        warning = QLabel(tr("For research only. It is not a medical device and must not be used for diagnosis or treatment."))
        warning.setWordWrap(True)
        form = QFormLayout()
        form.setSpacing(7)
        form.setLabelAlignment(Qt.AlignRight | Qt.AlignTop)
        for name, text in ROWS.items():
            if facts.get(name):
                value = say(str(facts[name]))
                # A checksum has no place to break a line.
                form.addRow(self._faint(tr(text)), self._value(f"{value[:32]} {value[32:]}" if name == "checksum" else value))
        buttons = QDialogButtonBox(QDialogButtonBox.Close)
        buttons.button(QDialogButtonBox.Close).setText(tr("Close"))
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 14)
        column.setSpacing(16)
        column.addLayout(head)
        column.addWidget(warning)
        column.addLayout(form)
        column.addWidget(buttons)
        # Long facts take more than one line, for which a dialog does not make room by itself.
        self.resize(WIDTH, column.totalHeightForWidth(WIDTH))

    def _faint(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setObjectName("hint")
        return label

    def _value(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextSelectableByMouse | Qt.TextSelectableByKeyboard)
        return label

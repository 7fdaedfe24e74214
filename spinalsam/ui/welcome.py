"""The page of a window without a case: open, the sample case, what was open lately."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from spinalsam.ui import theme, thumbnails
from spinalsam.ui.words import put, told

PICTURE, ROW = 44, 60
CARD = 700


class WelcomePage(QWidget):
    """Signals say what was chosen."""

    open_file = pyqtSignal()
    open_folder = pyqtSignal()
    open_sample = pyqtSignal()
    open_studies = pyqtSignal()
    open_recent = pyqtSignal(str)

    def __init__(self, *, has_sample: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("SpinalSAM")
        title.setObjectName("title")
        subtitle = told(QLabel(), "Point at a vertebra, or say what you want. CT stays on this computer.")
        subtitle.setObjectName("subtitle")
        subtitle.setWordWrap(True)
        logo = theme.Picture("app", "accent", 48)
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(logo)
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(title)
        names.addWidget(subtitle)
        head.addLayout(names, 1)
        self.file_button = self._button("open_image", "Open file...", self.open_file, primary=True)
        self.folder_button = self._button("open_image", "Open DICOM folder...", self.open_folder)
        self.studies_button = self._button("studies", "Folder of studies...", self.open_studies)
        self.sample_button = self._button("sample", "Sample case", self.open_sample)
        self.sample_button.setVisible(has_sample)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.file_button, self.folder_button, self.studies_button, self.sample_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.section = told(QLabel(), "Recent")
        self.section.setObjectName("section")
        self.recent = QListWidget()
        put(self.recent.setAccessibleName, "Recent cases")
        self.recent.setIconSize(QSize(PICTURE, PICTURE))
        self.recent.setTextElideMode(Qt.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.recent.itemActivated.connect(self._activated)
        self.recent.itemClicked.connect(self._activated)
        hint = told(QLabel(), "Or drop a CT here: NIfTI, NRRD, MetaImage, a DICOM file or folder, PNG, JPEG or TIFF.")
        hint.setObjectName("hint")
        hint.setWordWrap(True)
        card = QFrame()
        card.setObjectName("card")
        # At least: the buttons' texts are longer in some fonts.
        card.setMinimumWidth(CARD)
        column = QVBoxLayout(card)
        column.setContentsMargins(28, 26, 28, 24)
        column.setSpacing(16)
        column.addLayout(head)
        column.addLayout(buttons)
        column.addWidget(hint)
        column.addWidget(self.section)
        column.addWidget(self.recent)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        outer.addWidget(card, 0, Qt.AlignHCenter)
        outer.addStretch(1)
        self.show_recent([])

    def _button(self, picture: str, text: str, signal: object, *, primary: bool = False) -> QPushButton:
        button = told(QPushButton(theme.icon(picture, "accent_text" if primary else "text"), ""), text)
        button.setProperty("primary", primary)
        button.clicked.connect(signal)
        return button

    def show_recent(self, paths: Sequence[str]) -> None:
        """The paths that were open, the latest first."""
        self.recent.clear()
        for path in paths:
            picture = thumbnails.icon_of(path) or theme.icon("recent", "muted")
            item = QListWidgetItem(picture, f"{Path(path).name}\n{Path(path).parent}")
            item.setData(Qt.UserRole, path)
            item.setToolTip(path)
            item.setSizeHint(QSize(0, ROW))
            self.recent.addItem(item)
        self.recent.setFixedHeight(min(len(paths), 5) * ROW + 8)
        self.recent.setVisible(bool(paths))
        self.section.setVisible(bool(paths))

    def _activated(self, item: QListWidgetItem) -> None:
        self.open_recent.emit(item.data(Qt.UserRole))

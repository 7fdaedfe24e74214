"""The page of a window without a case: open, the sample case, what was open lately."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from PyQt5.QtCore import QModelIndex, QRect, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QFont, QFontMetrics, QKeySequence, QPainter, QPalette
from PyQt5.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QShortcut,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.ui import theme, thumbnails
from spinalsam.ui.words import put, told, tr

PICTURE, ROW = 44, 60
MOST_ROWS = 5
CARD = 700


BELOW = Qt.UserRole + 1


class TwoLines(QStyledItemDelegate):
    """An entry with a fainter second line, which is shortened in the middle as the first is."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        height = option.fontMetrics.height()
        space = (option.rect.height() - 2 * height - 2) // 2
        plain = QStyleOptionViewItem(option)
        self.initStyleOption(plain, index)
        name, plain.text = plain.text, ""
        style = option.widget.style()
        style.drawControl(QStyle.CE_ItemViewItem, plain, painter, option.widget)
        left = option.rect.left() + option.decorationSize.width() + 20
        line = QRect(left, option.rect.top() + space, option.rect.right() - left - 8, height)
        painter.save()
        for text, colour, bold in (
            (name, plain.palette.color(QPalette.Text), True),
            (index.data(BELOW) or "", QColor(theme.current().muted), False),
        ):
            font = QFont(option.font)
            font.setWeight(QFont.DemiBold if bold else QFont.Normal)
            painter.setFont(font)
            painter.setPen(colour)
            painter.drawText(line, Qt.AlignLeft | Qt.AlignVCenter, QFontMetrics(font).elidedText(text, Qt.ElideMiddle, line.width()))
            line.translate(0, height + 2)
        painter.restore()


class WelcomePage(QWidget):
    """Signals say what was chosen."""

    open_file = pyqtSignal()
    open_folder = pyqtSignal()
    open_sample = pyqtSignal()
    open_studies = pyqtSignal()
    open_recent = pyqtSignal(str)
    forget_recent = pyqtSignal(str)

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
        self.recent.setItemDelegate(TwoLines(self.recent))
        self.recent.setIconSize(QSize(PICTURE, PICTURE))
        self.recent.setTextElideMode(Qt.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        delete = QShortcut(QKeySequence.Delete, self.recent, context=Qt.WidgetShortcut)
        delete.activated.connect(self._forget)
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
            item = QListWidgetItem(picture, Path(path).name)
            item.setData(BELOW, str(Path(path).parent))
            item.setData(Qt.AccessibleTextRole, path)
            item.setData(Qt.UserRole, path)
            item.setToolTip(f"{path}\n{tr('Delete takes it off this list.')}")
            item.setSizeHint(QSize(0, ROW))
            self.recent.addItem(item)
        self.recent.setFixedHeight(min(len(paths), MOST_ROWS) * ROW + 8)
        self.recent.setVisible(bool(paths))
        self.section.setVisible(bool(paths))

    def show_missing(self, paths: Collection[str]) -> None:
        """Which of them are no longer there, or not now, as on a drive that is not connected."""
        for item in (self.recent.item(row) for row in range(self.recent.count())):
            path = item.data(Qt.UserRole)
            if path in paths:
                item.setData(BELOW, f"{tr('Not there now')} · {Path(path).parent}")
                item.setData(Qt.AccessibleTextRole, f"{path}, {tr('Not there now')}")
                item.setForeground(QColor(theme.current().muted))

    def _activated(self, item: QListWidgetItem) -> None:
        self.open_recent.emit(item.data(Qt.UserRole))

    def _forget(self) -> None:
        item = self.recent.currentItem()
        if item is not None:
            self.forget_recent.emit(item.data(Qt.UserRole))

"""The cases of a folder of studies: which is open, which are done, the next and the previous one."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QProgressBar, QPushButton, QVBoxLayout, QWidget

from spinalsam.ui import theme, thumbnails
from spinalsam.ui.words import put, told, tr

PICTURE, ROW = 30, 38


class CasePanel(QWidget):
    """Emits operation calls as (op, args)."""

    requested = pyqtSignal(str, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quiet = False
        self.title = QLabel()
        self.title.setObjectName("section")
        self.title.setWordWrap(True)
        self.share = QProgressBar()
        self.share.setTextVisible(False)
        self.share.setProperty("thin", True)
        put(self.share.setAccessibleName, "Share of the cases that are done")
        self.list = QListWidget()
        put(self.list.setAccessibleName, "Cases")
        self.list.setIconSize(QSize(PICTURE, PICTURE))
        self.list.setTextElideMode(Qt.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._open)
        self.list.itemDoubleClicked.connect(self._open)
        self.previous = self._button("Previous", "previous")
        self.next = self._button("Next", "next")
        self.done = told(QCheckBox(), "Done")
        self.done.toggled.connect(self._mark)
        row = QHBoxLayout()
        row.addWidget(self.previous)
        row.addWidget(self.next)
        row.addStretch(1)
        row.addWidget(self.done)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.share)
        column.addWidget(self.list, 1)
        column.addLayout(row)

    def _button(self, text: str, direction: str) -> QPushButton:
        button = told(QPushButton(), text)
        button.clicked.connect(lambda: self.requested.emit("open_listed", {"direction": direction}))
        return button

    def show_cases(self, workspace: Any) -> None:
        """List them as they are now."""
        cases = workspace.case_list
        if cases is None:
            return
        self._quiet = True
        position = cases.position(workspace.source_path)
        self.title.setText(tr("{folder}: {done} of {count} done", folder=cases.folder.name, done=len(cases.done), count=len(cases.paths)))
        self.share.setRange(0, len(cases.paths))
        self.share.setValue(len(cases.done))
        self._fill(cases, position)
        self.previous.setEnabled(position is None or position > 0)
        self.next.setEnabled(position is None or position + 1 < len(cases.paths))
        self.done.setEnabled(position is not None)
        self.done.setChecked(position is not None and cases.paths[position] in cases.done)
        self._quiet = False

    def _fill(self, cases: Any, position: int | None) -> None:
        if self.list.count() != len(cases.paths) or self.list.property("folder") != str(cases.folder):
            self.list.clear()
            self.list.addItems([cases.name(number) for number in range(len(cases.paths))])
            for number in range(self.list.count()):
                self.list.item(number).setSizeHint(QSize(0, ROW))
            self.list.setProperty("folder", str(cases.folder))
        plain = theme.icon("view_sagittal", "muted")
        for number, path in enumerate(cases.paths):
            item = self.list.item(number)
            done = path in cases.done
            state = (done, number == position, thumbnails.picture_file(str(path)).is_file())
            if item.data(Qt.UserRole) == state:
                continue
            item.setData(Qt.UserRole, state)
            item.setText(f"{'✓ ' if done else ''}{cases.name(number)}")
            item.setToolTip(str(path))
            item.setIcon(thumbnails.icon_of(str(path)) or plain)
            font = item.font()
            font.setBold(number == position)
            item.setFont(font)
        if position is not None:
            self.list.setCurrentRow(position)

    def _open(self, item: QListWidgetItem) -> None:
        self.requested.emit("open_listed", {"number": self.list.row(item) + 1})

    def _mark(self, done: bool) -> None:
        if not self._quiet:
            self.requested.emit("mark_case", {"done": done})

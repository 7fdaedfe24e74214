"""A small window with one icon that stands for a file or folder, to be dragged from there: ``python -m tests.ui.file_manager PATH X Y``."""

from __future__ import annotations

import sys

from PyQt5.QtCore import QMimeData, Qt, QUrl
from PyQt5.QtGui import QDrag, QMouseEvent
from PyQt5.QtWidgets import QApplication, QLabel

TITLE = "Files"


class Icon(QLabel):
    def __init__(self, path: str) -> None:
        super().__init__(path.rpartition("/")[2])
        self._path = path
        self.setAlignment(Qt.AlignCenter)
        self.setWindowTitle(TITLE)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag, data = QDrag(self), QMimeData()
        data.setUrls([QUrl.fromLocalFile(self._path)])
        drag.setMimeData(data)
        drag.exec_(Qt.CopyAction)


if __name__ == "__main__":
    application = QApplication(sys.argv[:1])
    icon = Icon(sys.argv[1])
    icon.setGeometry(int(sys.argv[2]), int(sys.argv[3]), 140, 100)
    icon.show()
    sys.exit(application.exec_())

"""Messages that come up at the lower edge, do not interrupt, and go by themselves; errors stay until they are closed."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QEvent, QObject, Qt, QTimer
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from spinalsam.ui import theme
from spinalsam.ui.words import follow, put, retell
from spinalsam.ui.wrapping import WrappingLabel

Tell = Callable[[], str]
Action = tuple[Tell, Callable[[], None]]
SHOWN_MS = {"info": 4500, "good": 4500, "warning": 8000, "error": 0}
WIDTH = 430
GAP = 8
MOST = 4


class Notice(QFrame):
    """One message. level: info, good, warning or error. action: (text, function) of a link on it.

    tell, and the text of the link: functions that give it in the interface's language, which may change while it is shown. stays: until it
    is closed, whatever its level.
    """

    def __init__(self, tell: Tell, level: str, action: Action | None, parent: QWidget, *, stays: bool = False) -> None:
        super().__init__(parent)
        self._tell = tell
        self.setObjectName("notice")
        self.setProperty("level", level)
        self._label = WrappingLabel("")
        self._label.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 6, 8)
        row.addWidget(self._label, 1)
        if action is not None:
            wording, act = action
            link = QPushButton()
            follow(link, lambda link: link.setText(wording()))
            link.setProperty("link", True)
            link.setCursor(Qt.PointingHandCursor)
            link.setAutoDefault(True)  # Enter presses it, as Space does
            link.clicked.connect(act)
            link.clicked.connect(self.leave)
            row.addWidget(link)
        close = QToolButton()
        close.setIcon(theme.icon("cancel"))
        put(close.setAccessibleName, "Close the message")
        close.clicked.connect(self.leave)
        row.addWidget(close, 0, Qt.AlignTop)
        self.setFixedWidth(WIDTH)
        retell(self._say)
        if SHOWN_MS[level] and not stays:
            QTimer.singleShot(SHOWN_MS[level], self.leave)

    @property
    def text(self) -> str:
        return self._tell()

    def _say(self) -> None:
        self.setAccessibleName(self.text)
        self._label.setText(self.text)
        parent = self.parent()
        if isinstance(parent, NoticeHost):
            parent.place()

    def leave(self) -> None:
        parent = self.parent()
        self.hide()
        self.deleteLater()
        if isinstance(parent, NoticeHost):
            parent.forget(self)


class NoticeHost(QWidget):
    """Stacks notices over the lower left corner of another widget, the newest lowest."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._notices: list[Notice] = []
        self._foot: QWidget | None = None
        over.installEventFilter(self)
        self.hide()

    def keep_clear(self, foot: QWidget) -> None:
        """Stay above a widget at the lower edge while it is shown."""
        self._foot = foot
        foot.installEventFilter(self)

    @property
    def texts(self) -> list[str]:
        """What is being said, oldest first."""
        return [notice.text for notice in self._notices]

    def say(self, tell: Tell, level: str = "info", action: Action | None = None, *, stays: bool = False) -> Notice:
        text = tell()
        for old in [notice for notice in self._notices if notice.text == text]:
            old.leave()
        while len(self._notices) >= MOST:
            self._notices[0].leave()
        notice = Notice(tell, level, action, self, stays=stays)
        self._notices.append(notice)
        notice.show()
        self.place()
        return notice

    def withdraw(self, notice: Notice | None) -> None:
        """Take a message away that no longer holds, if it is still there."""
        if notice in self._notices:
            notice.leave()

    def clear(self) -> None:
        for notice in tuple(self._notices):
            notice.leave()

    def forget(self, notice: Notice) -> None:
        if notice in self._notices:
            self._notices.remove(notice)
            self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Resize, QEvent.Show, QEvent.Hide):
            self.place()
        return False

    def place(self) -> None:
        """Where there is room for them now."""
        over = self.parentWidget()
        if over is None or not self._notices:
            self.hide()
            return
        y = 0
        for notice in self._notices:
            notice.setFixedHeight(max(notice.heightForWidth(WIDTH), notice.minimumSizeHint().height(), 40))
            notice.move(0, y)
            y += notice.height() + GAP
        foot = self._foot.height() if self._foot is not None and self._foot.isVisible() else 0
        self.setGeometry(14, over.height() - foot - y - 8, WIDTH, y)
        self.show()
        self.raise_()

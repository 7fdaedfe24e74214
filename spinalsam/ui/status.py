"""The status line: the last answer, what is under the pointer, the model, and what is running with a button that stops it."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QFontMetrics, QPainter, QPaintEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton, QWidget

from spinalsam.control.jobs import Job
from spinalsam.ui import keys, theme
from spinalsam.ui.slice_marks import Hover
from spinalsam.ui.words import put, retell, say, tr

# Work that is over sooner than this shows no progress at all.
QUIET_MS = 350
POINTER_WIDTH = 330


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where it does not fit. margin: on its left and right, in points."""

    def __init__(self, margin: int = 6) -> None:
        super().__init__()
        self._margin = margin
        self.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Preferred)

    def setText(self, text: str) -> None:
        super().setText(text.replace("\n", "  "))
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        room = self.contentsRect().adjusted(self._margin, 0, -self._margin, 0)
        painter.drawText(
            room, Qt.AlignLeft | Qt.AlignVCenter, QFontMetrics(self.font()).elidedText(self.text(), Qt.ElideRight, room.width())
        )
        painter.end()


class ProgressStrip(QWidget):
    """Title, bar, time left and a button that stops the job."""

    cancel_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.job: Job | None = None
        self.label = QLabel()
        self.bar = QProgressBar()
        self.bar.setFixedWidth(150)
        self.bar.setTextVisible(False)
        self.cancel = QToolButton()
        self.cancel.setIcon(theme.icon("cancel"))
        retell(self._say_key)
        put(self.cancel.setAccessibleName, "Stop what is running")
        self.cancel.clicked.connect(self.cancel_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.label, self.bar, self.cancel):
            row.addWidget(widget)
        self._reveal = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._reveal.timeout.connect(self.show)
        self.hide()

    def _say_key(self) -> None:
        key = keys.shown("window:stop")
        self.cancel.setToolTip(tr("Stop") + (f" ({key})" if key else ""))

    def show_job(self, job: Job) -> None:
        """A followed job went on or ended."""
        if job.done:
            if job is self.job or self.job is None or self.job.done:
                self.job = None
                self._reveal.stop()
                self.label.clear()
                self.hide()
            return
        if self.job is None or self.job.done:
            self._reveal.start()
        self.job = job
        self.label.setText(" · ".join(filter(None, (say(job.message) or _title(job), _time_left(job)))))
        self.bar.setRange(0, 0 if job.fraction is None else 1000)
        if job.fraction is not None:
            self.bar.setValue(round(job.fraction * 1000))
        self.bar.setAccessibleName(_title(job))


def _title(job: Job) -> str:
    """What is done, for a sentence one after another."""
    return ", ".join(tr(part) for part in job.title.split(", "))


def _time_left(job: Job) -> str:
    left = job.remaining_s
    if left is None or left < 1:
        return ""
    return tr("{count} s left", count=round(left)) if left < 90 else tr("{count} min left", count=round(left / 60))


class StatusLine(QStatusBar):
    """The window's lower edge."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.message = ElidedLabel()
        self._message = ""
        retell(self._say_again)
        self.progress = ProgressStrip()
        self.pointer = QLabel()
        self.pointer.setObjectName("value")
        self.pointer.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        self.slice = QLabel()
        self.model = QLabel()
        self.addWidget(self.message, 1)
        for widget in (self.progress, self.pointer, self.slice, self.model):
            self.addPermanentWidget(widget)

    def say(self, message: str) -> None:
        """What an operation has said; in another language it is said again."""
        self._message = message
        self._say_again()

    def _say_again(self) -> None:
        self.message.setText(say(self._message))

    def show_hover(self, hover: Hover | None, volume: Any) -> None:
        """Value, voxel and place of what is under the pointer."""
        if hover is None or volume is None:
            self.pointer.clear()
            self.pointer.setMinimumWidth(0)  # the message has the room
            return
        self.pointer.setMinimumWidth(POINTER_WIDTH)  # so that nothing moves with the figures
        unit = " HU" if volume.is_hu else ""
        voxel = ", ".join(str(n) for n in hover.ijk)
        text = f"{hover.value:.0f}{unit}   [{voxel}]"
        if volume.geometry.has_spacing:
            x, y, z = volume.geometry.to_mm(hover.ijk)
            text += (
                f"   {'L' if x >= 0 else 'R'} {abs(x):.1f}  {'P' if y >= 0 else 'A'} {abs(y):.1f}  {'S' if z >= 0 else 'I'} {abs(z):.1f} mm"
            )
        self.pointer.setText(text)

    def show_slice(self, text: str) -> None:
        self.slice.setText(text)

    def show_model(self, name: str, device: str) -> None:
        self.model.setText(" · ".join(filter(None, (name, device))))

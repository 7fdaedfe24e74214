"""Between the controller's threads and Qt's event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PyQt5.QtCore import QObject, Qt, pyqtSignal

from spinalsam.control.jobs import Job

_log = logging.getLogger(__name__)


class JobBridge(QObject):
    """`post` brings a function to the main thread; `follow` brings a job's progress there.

    progressed(job) comes at every step and at the end of a followed job, on the main thread.
    """

    progressed = pyqtSignal(object)
    _posted = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._posted.connect(self._call, Qt.QueuedConnection)

    def post(self, function: Callable[[], None]) -> None:
        """Run the function on the main thread soon; may be called from any thread."""
        try:
            self._posted.emit(function)
        except RuntimeError:
            _log.debug("the window was gone before a job ended")

    def follow(self, job: Job) -> None:
        """Let a job's progress be heard."""
        job.subscribe(lambda changed: self.post(lambda: self.progressed.emit(changed)))
        self.progressed.emit(job)

    def _call(self, function: Callable[[], None]) -> None:
        function()

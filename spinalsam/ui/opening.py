"""Ways in: a path, files that are dropped on the window, and the question which series of a folder is meant."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PyQt5.QtCore import QEvent, QMimeData, QObject, Qt
from PyQt5.QtWidgets import QGraphicsOpacityEffect, QLabel, QWidget

from spinalsam.control.arrivals import Arrivals, sort_arrivals
from spinalsam.control.jobs import Job
from spinalsam.control.workspace import Workspace
from spinalsam.errors import Cancelled
from spinalsam.ui import dialogs, thumbnails
from spinalsam.ui.background import Background
from spinalsam.ui.commands import loudness_of, sentence_of
from spinalsam.ui.job_bridge import JobBridge
from spinalsam.ui.words import say, tr

_log = logging.getLogger(__name__)
OPACITY = 0.88


class Asked(Protocol):
    """The window: runs operations, says things."""

    workspace: Workspace
    background: Background
    bridge: JobBridge
    status: Any
    notices: Any

    def run(self, op: str, args: dict[str, Any]) -> None: ...


class DropHint(QLabel):
    """Lies over a widget while something is dragged over the window, and says what a drop would do."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("drop")
        self.setAlignment(Qt.AlignCenter)
        self.setAttribute(Qt.WA_TransparentForMouseEvents)
        see_through = QGraphicsOpacityEffect(self)
        see_through.setOpacity(OPACITY)
        self.setGraphicsEffect(see_through)
        over.installEventFilter(self)
        self.hide()

    def show_for(self, *, has_case: bool) -> None:
        self.setText(tr("Drop a mask to lay it over this case, or a CT to open it") if has_case else tr("Drop to open"))
        self._cover()
        self.show()
        self.raise_()

    def _cover(self) -> None:
        over = self.parentWidget()
        assert over is not None
        self.setGeometry(over.rect())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Resize and self.isVisible():
            self._cover()
        return False


class Opening(QObject):
    """Opens what the user gives the window. masks: files that are laid over the case as soon as it is open; left: those that are not."""

    def __init__(self, window: Any, over: QWidget) -> None:
        super().__init__(window)
        self._window: Asked = window
        self._parent: QWidget = window
        self._job: Job | None = None
        self.masks: tuple[Path, ...] = ()
        self.left: tuple[Path, ...] = ()
        self.hint = DropHint(over)

    @property
    def is_looking(self) -> bool:
        """Whether files are being looked at, before anything is opened."""
        return self._job is not None and not self._job.done

    def stop(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def open_path(self, path: str, masks: Sequence[Path] = ()) -> None:
        """Open a file, a folder or a sample case; asks which series where a folder holds several."""
        self.stop()
        self.masks = tuple(masks)
        if path.startswith("sample:") or not Path(path).is_dir():
            self._window.run("open_image", {"path": path})
            return
        self._look(
            tr("Looking at '{name}' ...", name=Path(path).name),
            lambda job: _series_in(path, job),
            lambda found: self._choose(path, found) if isinstance(found, list) else self._window.run("list_cases", {"path": path}),
            lambda _: self._window.run("open_image", {"path": path}),
        )

    # Dropped files

    def drag_over(self, data: QMimeData) -> bool:
        """Whether what is dragged can be dropped; shows what would happen."""
        if not dropped_paths(data):
            return False
        self.hint.show_for(has_case=self._window.workspace.has_case)
        return True

    def drag_left(self) -> None:
        self.hint.hide()

    def drop(self, data: QMimeData) -> bool:
        """Take what has been dropped; False where there is nothing to take."""
        self.hint.hide()
        paths = dropped_paths(data)
        if paths:
            self._look(
                tr("Looking at '{name}' ...", name=paths[0].name), lambda job: sort_arrivals(self._window.workspace, paths, job), self._take
            )
        return bool(paths)

    def _take(self, arrivals: Arrivals) -> None:
        self.left = arrivals.left
        if arrivals.image is not None:
            self.open_path(str(arrivals.image), arrivals.masks)
        else:
            self.load_masks(arrivals.masks)
            self.say_left()

    def say_left(self) -> None:
        """Say which of the dropped files were not opened; a case that opens takes earlier notices away."""
        left, self.left = self.left, ()
        if left:
            names = ", ".join(path.name for path in left)
            text = "Only one case is open at a time; not opened: {names}. A folder of studies goes through several."
            self._window.notices.say(lambda: tr(text, names=names), "warning")

    def load_masks(self, masks: Sequence[Path] | None = None) -> None:
        """Lay masks over the case, by default those that wait for it."""
        waiting, self.masks = self.masks if masks is None else tuple(masks), ()
        for mask in waiting:
            self._window.run("load_mask", {"path": str(mask)})

    def forget_masks(self) -> None:
        """Nothing was opened: what was to be laid over it is not for another case."""
        self.masks, self.left = (), ()

    # Several series

    def _choose(self, path: str, series: list[Any]) -> None:
        self._window.status.say("")
        if len(series) < 2:
            self._window.run("open_image", {"path": path})
            return
        picker = dialogs.SeriesPicker(Path(path).name, series, self._parent)
        self._picture(picker, series)
        picker.chosen.connect(lambda uid: self._window.run("open_image", {"path": path, "series_uid": uid}))
        picker.rejected.connect(self.forget_masks)
        picker.open()

    def _picture(self, picker: dialogs.SeriesPicker, series: list[Any]) -> None:
        """Small pictures, read one after another; the picker may be gone by then."""
        gone: list[bool] = []
        picker.finished.connect(lambda _: gone.append(True))
        for row, info in enumerate(series):
            if info.files:
                self._window.background.run(
                    partial(_series_picture, info.files, gone),
                    partial(_show_picture, picker, row, gone),
                    lambda error: _log.info("no picture of a series: %s", error),
                )

    def _look(
        self,
        title: str,
        work: Callable[[Job], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Look at files off the main thread, with progress and a way to stop it; a new wish replaces an old one."""
        self.stop()
        job = self._job = Job(title)
        self._window.status.say(title)
        self._window.bridge.follow(job)

        def look() -> Any:
            job.progress(None)
            try:
                found = work(job)
                job.check()
            except Exception as error:
                job.finish(error=error)
                raise
            job.finish(found)
            return found

        def arrived(found: Any) -> None:
            if not job.cancelled:  # else something else was opened since
                done(found)

        def end(error: Exception) -> None:
            if isinstance(error, Cancelled) or failed is None:
                level, sentence = loudness_of(error), sentence_of(error)
                self._window.status.say(sentence)
                if level != "info":
                    self._window.notices.say(lambda: say(sentence), level)
            else:
                failed(error)

        self._window.background.run(look, arrived, end)


def dropped_paths(data: QMimeData) -> list[Path]:
    """The files and folders of this computer in what is dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _series_in(path: str, job: Job) -> list[Any] | None:
    """The series of a folder, or None where it holds studies to go through one by one."""
    from spinalsam.control.case_list import holds_studies
    from spinalsam.data.formats import list_series

    if holds_studies(Path(path)):
        return None
    return list_series(Path(path), progress=job.progress)


def _series_picture(files: tuple[str, ...], gone: list[bool]) -> Any:
    return None if gone else thumbnails.series_picture(files)


def _show_picture(picker: dialogs.SeriesPicker, row: int, gone: list[bool], picture: Any) -> None:
    if not gone and picture is not None:
        picker.show_picture(row, picture)

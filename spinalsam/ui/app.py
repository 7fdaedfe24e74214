"""Composition root of the window: builds everything once and wires it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import QApplication

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.state import Change
from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.device.giving_way import GivesWay
from spinalsam.device.libraries import load_torch_library
from spinalsam.device.punctual import be_punctual
from spinalsam.engine.segmenter import Segmenter
from spinalsam.language.reader import Reader
from spinalsam.ui import keys, theme, watchdog, words
from spinalsam.ui.collecting import IdleCollector
from spinalsam.ui.job_bridge import JobBridge
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.preferences import Preferences
from spinalsam.ui.understanding import FunctionReader

DOUBLE_CLICK_MS = 300
# After the window is there: who has come to choose a file finds the network loaded when the case is.
WARM_UP_MS = 400
# How long a thread that computes may keep the others waiting; Python's own 5 ms add up over the steps of one paint event.
SWITCH_S = 0.00005


def sample_case() -> Volume:
    """The phantom, made when it is asked for."""
    from spinalsam.training.phantom import make_phantom

    return make_phantom().volume


def make_application(argv: Sequence[str]) -> QApplication:
    """The one QApplication, with sharp text on every screen and clicks that do not wait long for a second one."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setAttribute(Qt.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.AA_UseHighDpiPixmaps)
    application = watchdog.application(argv)
    application.setApplicationName("SpinalSAM")
    application.setDoubleClickInterval(DOUBLE_CLICK_MS)
    return application


def build_window(
    application: QApplication,
    *,
    segmenter: Segmenter | None = None,
    workspace: Workspace | None = None,
    samples: Mapping[str, Callable[[], Volume]] | None = None,
    parse: Callable[..., Any] | None = None,
) -> MainWindow:
    """A window on a workspace; by default on an empty one with the sample case. parse: reads sentences instead of the settings' reader."""
    preferences = Preferences()
    theme.apply_theme(application, preferences.theme)
    workspace = workspace or Workspace(segmenter=segmenter, samples={"phantom": sample_case} if samples is None else samples)
    workspace.looks_for_spine = True
    workspace.looks_around = "ready"
    keys.use(workspace.settings.shortcuts)
    words.use_language(preferences.language)
    bridge = JobBridge()
    dispatcher = Dispatcher(workspace, post=bridge.post)
    reader = FunctionReader(parse) if parse is not None else Reader(workspace.settings)
    window = MainWindow(dispatcher, bridge, preferences, reader=reader)
    bridge.setParent(window)
    return window


def run(
    path: str | None = None,
    *,
    samples: Mapping[str, Callable[[], Volume]] | None = None,
    mask: Path | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Show the window, on a case where `path` is given ('sample:phantom' too), and stay until it is closed.

    samples: built-in cases by name. mask: a label image to lay over the case. Returns the exit code.
    """
    # Linking it holds up whatever else asks for memory or a thread, which nobody feels as long as there is no window.
    threading.Thread(target=load_torch_library, name="torch", daemon=True).start()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    application = make_application(argv if argv is not None else sys.argv)
    sys.setswitchinterval(SWITCH_S)
    be_punctual()
    # Ctrl+C in the terminal closes the program; Python needs the loop to wake up now and then to notice.
    signal.signal(signal.SIGINT, lambda *_: application.quit())
    wake = QTimer()
    wake.start(300)
    wake.timeout.connect(lambda: None)
    window = build_window(application, samples=samples)
    ahead = window.workspace.ahead
    ahead.follow()
    collector = collect_when_idle(window)
    window.show()
    QTimer.singleShot(WARM_UP_MS, window.warm_up)
    if path:
        QTimer.singleShot(0, lambda: window.open_path(path, mask=mask))
    with GivesWay():
        code = application.exec_()
    window.close()
    ahead.close()
    window.workspace.close()  # a window whose file is still being written stays open, but the program ends here
    collector.close()
    return int(code)


def collect_when_idle(window: MainWindow) -> IdleCollector:
    """Keep Python's search for garbage out of the way of what the user does in a window."""
    workspace = window.workspace
    collector = IdleCollector(lambda: not (workspace.is_asked or QApplication.mouseButtons()), window)
    was_open = [workspace.has_case]

    def changed(change: Change) -> None:
        if "case" in change.fields:
            collector.case_changed(was_open[0])
            was_open[0] = workspace.has_case

    workspace.subscribe(changed)
    return collector


def main(argv: Sequence[str] | None = None, path: str | None = None) -> int:
    """The window on its own, with the sample case."""
    return run(path, argv=argv)

"""The workstation's window: places the widgets, hands what the user does to the dispatcher, and repaints what has changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QByteArray, QSize, Qt, QTimer
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QIcon, QResizeEvent, QShowEvent
from PyQt5.QtWidgets import (
    QAction,
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QToolButton,
    QWidget,
)

from spinalsam.control.dispatcher import Dispatcher
from spinalsam.control.operation import Operation, OperationResult
from spinalsam.control.previewing import is_quick
from spinalsam.control.state import Change
from spinalsam.errors import OffGridError, RequirementError
from spinalsam.language.reader import Reader
from spinalsam.settings import Settings
from spinalsam.support.planes import SliceRef
from spinalsam.ui import desktop, dialogs, file_dialogs, keys, theme, thumbnails, words
from spinalsam.ui.about import AboutDialog
from spinalsam.ui.actions import OperationActions, ShortcutsFirst
from spinalsam.ui.background import Background
from spinalsam.ui.case_panel import CasePanel
from spinalsam.ui.chat_dock import ChatDock
from spinalsam.ui.commands import Commands, loudness_of, sentence_of
from spinalsam.ui.conversation import Conversation
from spinalsam.ui.figures_desk import FiguresDesk
from spinalsam.ui.forms import OperationForm
from spinalsam.ui.history_panel import HistoryPanel
from spinalsam.ui.job_bridge import JobBridge
from spinalsam.ui.label_panel import LabelPanel
from spinalsam.ui.layout import CasePanes
from spinalsam.ui.notices import Action, Notice, NoticeHost
from spinalsam.ui.opening import Opening
from spinalsam.ui.preferences import Preferences
from spinalsam.ui.preferences_dialog import PreferencesDialog
from spinalsam.ui.previews import Previews
from spinalsam.ui.prompt_panel import PromptPanel
from spinalsam.ui.session_picker import SessionPicker, restoring, time_here
from spinalsam.ui.status import StatusLine
from spinalsam.ui.tools.edit_tools import EditTools
from spinalsam.ui.understanding import SentenceReader
from spinalsam.ui.volumes import Extents, extents, known_ml
from spinalsam.ui.welcome import WelcomePage
from spinalsam.ui.words import put, retell, say, tr

_log = logging.getLogger(__name__)
SAMPLE = "sample:phantom"
# Counts up when docks are added, so that an older arrangement is not taken over.
STATE_VERSION = 3
COUNT_DELAY_MS = 180
MOST_SESSIONS = 500
FIRST_SIZE = QSize(1440, 900)
TITLE_BAR = 32  # what a desktop puts over a window, about
CLOSE_POLL_MS, CLOSE_PATIENCE_S = 50, 5.0
# Operations whose answers are worth more than the status line.
SPOKEN_RESULTS = {
    "export_mask": "good",
    "measure": "info",
    "measure_cobb": "info",
    "gpu_status": "info",
    "verify_parameters": "info",
}

# So many labels' figures are no longer read in a notice.
MANY_RESULTS = 2

# Operations that follow another by themselves, so that their answer would cover its answer, or that open a window that says it.
QUIET_RESULTS = {"hang_case", "set_smooth", "help", "about"}


class MainWindow(QMainWindow):
    """reader: who reads the sentences of the chat."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        bridge: JobBridge,
        preferences: Preferences,
        *,
        reader: SentenceReader,
    ) -> None:
        super().__init__()
        self.dispatcher = dispatcher
        self.workspace = dispatcher.workspace
        self.preferences = preferences
        self.background = Background(threads=2)
        self.bridge = bridge
        self.commands = Commands(dispatcher, self)
        self.commands.live = preferences.live
        self.previews = Previews(self.workspace, self)
        self.previews.enabled = preferences.preview
        self._state: QByteArray | None = None
        self._action_timer = QTimer(self, singleShot=True, interval=0)
        self._action_timer.timeout.connect(self._refresh_actions)
        self._close_timer = QTimer(self, interval=CLOSE_POLL_MS)
        self._close_timer.timeout.connect(self._close_when_written)
        self._close_asked_at = 0.0
        self._offered: Notice | None = None
        self._closed = False
        self._count_timer = QTimer(self, singleShot=True, interval=COUNT_DELAY_MS)
        self._count_timer.timeout.connect(self._count_voxels)
        self._build_centre()
        self._build_docks(reader)
        self._build_actions()
        self._connect()
        self._restore_place()
        self._unsubscribe = self.workspace.subscribe(self._changed)
        self.workspace.tell_warnings(lambda text: bridge.post(lambda: self.notices.say(lambda: say(text), "warning")))
        self._changed(Change(frozenset({"case", "mask", "view", "labels", "history"})))
        retell(self._show_again)
        desktop.watch(self._follow_desktop, self)
        self._tell_font()
        self._offer_unfinished()

    # --- building ----------------------------------------------------------------------------------------------------

    def _build_centre(self) -> None:
        self.setWindowTitle("SpinalSAM")
        self.setWindowIcon(theme.icon("app", "accent"))
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 500)  # a laptop's 1366 x 768 at 150 %
        self.panes = CasePanes()
        self.welcome = WelcomePage(has_sample=bool(self.workspace.samples))
        self.centre = QStackedWidget()
        self.centre.addWidget(self.welcome)
        self.centre.addWidget(self.panes)
        self.setCentralWidget(self.centre)
        self.status = StatusLine()
        self.setStatusBar(self.status)
        self.notices = NoticeHost(self.centre)
        self.notices.keep_clear(self.panes.compare)
        self.centre.currentChanged.connect(self.notices.raise_)
        self.opening = Opening(self, self.centre)

    def _build_docks(self, reader: SentenceReader) -> None:
        self.labels = LabelPanel()
        self.conversation = Conversation(self.dispatcher, reader, self.background, self)
        self.chat = ChatDock(self.conversation)
        self.prompts = PromptPanel()
        self.cases = CasePanel()
        self.case_dock = self._dock("cases", "Cases", self.cases)
        self.label_dock = self._dock("labels", "Labels", self.labels)
        self.prompt_dock = self._dock("prompts", "Prompts", self.prompts)
        self.history = HistoryPanel()
        self.history_dock = self._dock("history", "Steps", self.history)
        self.chat_dock = self._dock("chat", "Chat", self.chat)
        # Split first: a dock beside tabbed ones would become a tab too.
        self.splitDockWidget(self.label_dock, self.chat_dock, Qt.Vertical)
        self.tabifyDockWidget(self.label_dock, self.prompt_dock)
        self.tabifyDockWidget(self.label_dock, self.history_dock)
        self.tabifyDockWidget(self.label_dock, self.case_dock)
        for dock in (self.label_dock, self.prompt_dock, self.history_dock, self.case_dock):
            dock.setTitleBarWidget(QWidget())  # the tab says the same, and a laptop needs the room
        self.case_dock.hide()
        self.setTabPosition(Qt.RightDockWidgetArea, QTabWidget.North)
        self.label_dock.raise_()
        self.resizeDocks([self.label_dock, self.chat_dock], [340, 340], Qt.Horizontal)
        self.resizeDocks([self.label_dock, self.chat_dock], [380, 380], Qt.Vertical)

    def _dock(self, name: str, title: str, widget: QWidget) -> QDockWidget:
        dock = QDockWidget()
        put(dock.setWindowTitle, title)
        dock.setObjectName(name)
        dock.setWidget(widget)
        dock.setFeatures(QDockWidget.DockWidgetMovable)
        dock.setMinimumWidth(290)
        self.addDockWidget(Qt.RightDockWidgetArea, dock)
        return dock

    def _build_actions(self) -> None:
        self.actions_of = OperationActions(self, self.panes, self.run, self.ask)
        self.actions_of.fill_menu_bar(self.menuBar())
        bar = self.tool_bar = QToolBar()
        put(bar.setWindowTitle, "Tools")
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.PreventContextMenu)
        self.actions_of.fill_toolbar(bar)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        bar.addWidget(space)
        self.live_button = QToolButton()
        self.live_button.setIcon(theme.icon("live"))
        put(self.live_button.setText, "Live")
        self.live_button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self.live_button.setCheckable(True)
        self.live_button.setChecked(self.commands.live)
        self.settings_button = QToolButton()
        self.settings_button.setIcon(theme.icon("settings"))
        put(self.settings_button.setAccessibleName, "Preferences")
        bar.addWidget(self.live_button)
        bar.addWidget(self.settings_button)
        self.addToolBar(bar)
        self._worded = [button for button in bar.findChildren(QToolButton) if button.toolButtonStyle() == Qt.ToolButtonTextBesideIcon]
        self._bar_needs = 0
        self._build_surface_tools()
        self.tools = EditTools(self.panes.slices, self.commands, self, self.panes)
        self.tools.bar.add_actions([self.actions_of.plain[name] for name in ("fill_between",)])
        self.addToolBarBreak()
        self.addToolBar(self.tools.bar)
        self._shortcuts_first = ShortcutsFirst(self)
        for line in (self.chat.line, self.prompts.place):
            line.installEventFilter(self._shortcuts_first)
        for entry, function in (
            ("window:accept", self._generate),
            ("window:stop", self._escape),
            ("window:fit", self.panes.fit_all),
            ("window:palette", self._open_palette),
            ("window:chat", self.chat.focus),
            ("window:preferences", lambda: self._open_preferences()),
            ("window:save", self._save),
            ("window:quit", lambda: self.close()),
        ):
            action = QAction(self)
            action.triggered.connect(lambda _=False, function=function: function())
            keys.bind(action, entry, self.panes)
        retell(self._say_keys)

    def _say_keys(self) -> None:
        """Tips that name keys."""
        tip = tr("Make the mask at once after every point and box.\nOff: {key} makes it.", key=keys.shown("window:accept"))
        self.live_button.setToolTip(tip)
        key = keys.shown("window:preferences")
        self.settings_button.setToolTip(tr("Preferences") + (f"  ({key})" if key else ""))

    def _connect(self) -> None:
        commands = self.commands
        for name, view in self.panes.slices.items():
            view.activated.connect(self.workspace.ahead.stand_back)
            view.activated.connect(lambda name=name: commands.activate(name))
            view.point_placed.connect(commands.place_point)
            view.box_drawn.connect(commands.draw_box)
            view.point_moved.connect(commands.move_point)
            view.box_moved.connect(commands.move_box)
            view.point_deleted.connect(commands.delete_point)
            view.box_deleted.connect(commands.delete_box)
            view.crosshair_moved.connect(commands.set_crosshair)
            view.scrolled.connect(lambda slices, name=name: commands.scroll(name, slices))
            view.window_dragged.connect(commands.set_window)
            view.preview_wished.connect(self._wish_preview)
            view.preview_foreseen.connect(self._foresee)
            view.mask_asked.connect(self._ask_mask)
            view.hovered.connect(lambda hover: self.status.show_hover(hover, self.workspace.volume))
        self.chat.suggest = self.actions_of.like
        self._connect_reference()
        self.panes.index_chosen.connect(commands.go_to)
        self.panes.maximise_requested.connect(commands.maximise)
        self.panes.surface.picked_mm.connect(commands.look_at_mm)
        self.previews.ready.connect(self.panes.show_preview)
        self.previews.too_slow.connect(self._previews_off)
        commands.done.connect(self._done)
        commands.failed.connect(self._failed)
        commands.started.connect(self.bridge.follow)
        self.bridge.progressed.connect(self.status.progress.show_job)
        self.status.progress.cancel_requested.connect(self._cancel)
        self.labels.requested.connect(self.run)
        self.history.requested.connect(self.run)
        self.figures = FiguresDesk(self)
        self.prompts.requested.connect(self.run)
        self.cases.requested.connect(self.run)
        self.conversation.running.connect(self.bridge.follow)
        self.conversation.did.connect(self._did_in_chat)
        self.conversation.several.connect(self.open_path)
        self.conversation.answered.connect(lambda outcome: self.status.say(outcome.message))
        self.chat.undo_requested.connect(lambda steps: self.run("undo", {"count": steps}))
        self.chat.settings_requested.connect(lambda: self._open_preferences("sentences"))
        self.live_button.toggled.connect(self._set_live)
        commands.live_changed.connect(self.live_button.setChecked)
        self.settings_button.clicked.connect(lambda: self._open_preferences())
        self.welcome.open_file.connect(lambda: self._ask_image(folder=False))
        self.welcome.open_folder.connect(lambda: self._ask_image(folder=True))
        self.welcome.open_studies.connect(self._ask_studies)
        self.welcome.open_sample.connect(lambda: self.open_path(SAMPLE))
        self.welcome.open_recent.connect(self.open_path)
        self.welcome.forget_recent.connect(self._forget_recent)

    def _connect_reference(self) -> None:
        """The view of the reference moves what the active plane shows."""
        commands, view = self.commands, self.panes.reference
        active = lambda: self.workspace.state.view.active_plane  # noqa: E731
        view.crosshair_moved.connect(commands.set_crosshair)
        view.scrolled.connect(lambda slices: commands.scroll(active(), slices))
        view.window_dragged.connect(commands.set_window)
        view.hovered.connect(lambda hover: self.status.show_hover(hover, self.workspace.volume))
        self.panes.reference_pane.index_chosen.connect(lambda index: commands.go_to(active(), index))
        for wish in (view.maximise_requested, self.panes.reference_pane.header.maximise_requested):
            wish.connect(lambda: self.run("show_side_by_side", {"visible": False}))

    # --- doing -------------------------------------------------------------------------------------------------------

    def run(self, op: str, args: dict[str, Any]) -> None:
        """One operation, whoever asked for it."""
        self.panes.flush_clicks()
        self.commands.submit(op, **args)

    def ask(self, operation: Operation) -> None:
        """Ask for the arguments of an operation, in the way that suits it."""
        self.panes.flush_clicks()
        if operation.name == "open_image":
            self._ask_image(folder=False)
        elif operation.name == "export_mask":
            self._ask_export()
        elif operation.name in file_dialogs.SAVES:
            self._ask_save(operation)
        elif operation.name == "keep_journal":
            start = file_dialogs.start_folder(self.preferences.folder)
            file_dialogs.ask_folder(self, tr(operation.spec.title), start, lambda folder: self.run("keep_journal", {"folder": folder}))
        elif operation.name == "restore_case":
            self._ask_session()
        elif operation.name == "list_cases":
            self._ask_studies()
        elif operation.name == "compare_mask":
            self.figures.ask_reference()
        elif operation.name == "load_mask":
            chosen = lambda path: self.run("load_mask", {"path": path})  # noqa: E731
            file_dialogs.ask_file(
                self, tr("Load mask"), file_dialogs.start_folder(self.preferences.folder), chosen, names=file_dialogs.MASKS
            )
        else:
            form = OperationForm(operation, self)
            form.submitted.connect(self.run)
            form.open()

    def open_path(self, path: str, *, mask: Path | None = None) -> None:
        """Open a file, a folder or a sample case; asks which series where a folder holds several. mask: to be laid over it."""
        self.opening.open_path(path, (mask,) if mask is not None else ())

    def _ask_session(self) -> None:
        """Which of the earlier sessions; their journals are read off the main thread."""

        def ask(found: list[Any]) -> None:
            if not found:
                self.notices.say(lambda: tr("There is no earlier session that could be restored."), "info")
                return
            picker = SessionPicker(found, self)
            picker.chosen.connect(lambda args: self.run("restore_case", args))
            picker.open()

        open_now, settings = self.workspace.journal_path, self.workspace.settings
        self.background.run(lambda: _sessions(settings, besides=open_now), ask)

    def _ask_studies(self) -> None:
        start = file_dialogs.start_folder(self.preferences.folder)
        file_dialogs.ask_folder(self, tr("Open a folder of studies"), start, lambda path: self.run("list_cases", {"path": path}))

    def _ask_surface(self) -> None:
        folder, name = file_dialogs.start_folder(self.preferences.folder), f"{self._case_name()}_surface"

        def chosen(path: str, agreed: bool) -> None:
            self._save_asked("export_mask", path, agreed)

        file_dialogs.ask_save(self, tr("Export surface"), folder, name, file_dialogs.SURFACES, chosen)

    def _build_surface_tools(self) -> None:
        """Buttons over the 3-D pane."""
        header = self.panes.panes["3d"].header
        cut = header.add_tool(theme.icon("cut"), "Cut the surface open along a slice")
        menu = QMenu(cut)
        menu.addActions(self.actions_of.presets["cut_surface"])
        cut.setMenu(menu)
        cut.setPopupMode(QToolButton.InstantPopup)
        header.add_tool(theme.icon("export_mask"), "Export the surface").clicked.connect(self._ask_surface)

    def _ask_image(self, *, folder: bool) -> None:
        start = file_dialogs.start_folder(self.preferences.folder)
        if folder:
            file_dialogs.ask_folder(self, tr("Open a folder of DICOM files or pictures"), start, self._open_asked)
        else:
            file_dialogs.ask_file(self, tr("Open a CT"), start, self._open_asked)

    def _open_asked(self, path: str) -> None:
        self.preferences.folder = str(Path(path).parent)
        self.open_path(path)

    def _ask_export(self) -> None:
        name = f"{self._case_name()}_mask"
        file_dialogs.ask_export(
            self, file_dialogs.start_folder(self.preferences.folder), name, lambda *what: self._save_asked("export_mask", *what)
        )

    def _ask_save(self, operation: Operation) -> None:
        title, folder = tr(operation.spec.title), file_dialogs.start_folder(self.preferences.folder)
        kind, ending = file_dialogs.SAVES[operation.name]
        name = f"{self._case_name()}_{operation.name.removeprefix('save_')}"
        file_dialogs.ask_save(self, title, folder, name, {kind: ending}, lambda *what: self._save_asked(operation.name, *what))

    def _save(self) -> None:
        """What hands used to other programs ask for: here every step is kept, so what is left is the mask as a file."""
        if self.actions_of.plain["export_mask"].isEnabled():
            self._ask_export()
        else:
            self.notices.say(
                lambda: tr("There is nothing to save: every step is kept as it is made, and there is no mask to export yet."), "info"
            )

    def _case_name(self) -> str:
        source = self.workspace.source_path
        return source.name.split(".")[0] if source is not None else "sample"

    def _save_asked(self, op: str, path: str, agreed: bool) -> None:
        self.preferences.folder = str(Path(path).parent)
        self.run(op, {"path": path, **({"overwrite": True} if agreed else {})})

    def _generate(self) -> None:
        self.panes.flush_clicks()
        if self.workspace.has_case:
            self.commands.accept()

    def _wish_preview(self, ref: SliceRef, wanted: dict[str, Any]) -> None:
        self.workspace.ahead.pointed(ref, wanted.get("point_ijk"))
        if wanted and self.commands.live:
            self.previews.wish(ref, **wanted)
        else:
            self.previews.forget()

    def _ask_mask(self, ref: SliceRef, wanted: dict[str, Any]) -> None:
        self.workspace.ahead.pointed(ref, wanted["point_ijk"])
        if self.commands.live:
            self.previews.ask(ref, **wanted)
        else:
            self.panes.show_preview(None)

    def _foresee(self, ref: SliceRef, wanted: dict[str, Any]) -> None:
        if self.commands.live and is_quick(self.workspace):
            self.previews.foresee(ref, **wanted)

    def _previews_off(self) -> None:
        self.panes.show_preview(None)
        self.notices.say(lambda: tr("This machine is slow for previews under the pointer: they are off now."), "info")

    def _set_live(self, live: bool) -> None:
        self.commands.set_live(live)
        self.preferences.live = live

    def _cancel(self) -> None:
        """Stop what the user waits for; with nothing of that kind under way, the precomputation."""
        if not self._stop_waiting():
            self.workspace.ahead.stop()

    def _stop_waiting(self) -> bool:
        """Stop what the user waits for; False where nothing of that kind is under way."""
        waits = self.dispatcher.busy or self.conversation.is_reading or self.opening.is_looking
        if waits:
            self.dispatcher.cancel_all()
            self.conversation.stop()
            self.opening.stop()
        return waits

    def _escape(self) -> None:
        if not self.panes.forget_clicks() and not self._stop_waiting() and not self.commands.drop():
            self.notices.clear()

    def _open_palette(self) -> None:
        palette = dialogs.CommandPalette(self.actions_of.all(), self)
        corner = self.mapToGlobal(self.rect().topLeft())
        palette.move(corner.x() + (self.width() - palette.width()) // 2, corner.y() + 110)
        palette.open()

    def _open_preferences(self, page: str = "") -> None:
        dialog = PreferencesDialog(self.preferences, self.workspace.settings, self.background, self)
        dialog.settings_saved.connect(self._use_settings)
        dialog.smooth_changed.connect(lambda smooth: self.workspace.has_case and self.run("set_smooth", {"smooth": smooth}))
        dialog.saved.connect(lambda: QTimer.singleShot(0, self._dress))

        def show() -> None:
            pages = {"sentences": dialog.sentences, "keys": dialog.keys}
            if page in pages:
                dialog.pages.setCurrentWidget(pages[page])
            dialog.open()

        QTimer.singleShot(0, lambda: self._one_an_event([dialog.add_sentences, dialog.add_keys, show]))

    def _dress(self) -> None:
        """Theme and language as the preferences have them now, everywhere; several events, as all of it is much work."""
        self._one_an_event([*theme.steps(QApplication.instance(), self.preferences.theme), self._speak])

    def _speak(self) -> None:
        words.use_language(self.preferences.language)
        self._tell_font()

    def _tell_font(self) -> None:
        """Say it where the chosen language cannot be shown."""
        if words.font_missing():
            self.notices.say(lambda: desktop.NO_CHINESE_FONT, "error")

    def _follow_desktop(self) -> None:
        if self.preferences.theme == "system":
            theme.apply_theme(QApplication.instance(), "system")
            words.tell_again()

    def _use_settings(self, settings: Settings) -> None:
        """What was saved holds from now on: who reads sentences at once, device and cache for what is loaded next."""
        self.workspace.use_settings(settings)
        keys.use(settings.shortcuts)
        self.previews.enabled = self.preferences.preview
        self.conversation.reader = Reader(settings)
        self.chat.show_reader()

    # --- what became of it -------------------------------------------------------------------------------------------

    def _done(self, op: str, result: OperationResult) -> None:
        if op not in QUIET_RESULTS:
            self.status.say(result.message)
        if op == "precompute" and self.workspace.ahead.precomputation is not None:
            self.bridge.follow(self.workspace.ahead.precomputation.job)
        if op in ("open_image", "restore_case", "open_listed") and result.has_effect:
            self._opened(result, restored=bool(result.data.get("restored")))
            if op == "open_listed" and result.data.get("restored"):
                self.notices.say(lambda: say(result.message.partition("\n")[0]), "good")  # the rest are notes, which are said already
        elif op == "list_cases":
            self.preferences.remember(str(result.data["folder"]))
            if not self.workspace.has_case:
                self.run("open_listed", {"direction": "next"})
        elif op == "about":
            AboutDialog(result.data, self).open()
        elif op == "compare_mask":
            self.figures.compared(result)
        elif op == "help":
            shown = dialogs.ShortcutMap(self)
            shown.change_wanted.connect(lambda: self._open_preferences("keys"))
            shown.open()
        elif result.data.get("wants_look"):
            self.notices.say(lambda: say(result.message), "warning")
        elif op in SPOKEN_RESULTS:
            if op in ("measure", "measure_cobb"):
                self.figures.measured()
            count = len(result.data.get("measurements", ()))
            many = lambda: tr("{count} labels are measured; 'Labels and figures' shows them.", count=count)  # noqa: E731
            self.notices.say(many if count > MANY_RESULTS else lambda: say(result.message), SPOKEN_RESULTS[op])

    def _did_in_chat(self, op: str, result: OperationResult) -> None:
        """What follows an operation also where a sentence asked for it; its answer is in the chat."""
        if op == "open_image":
            self._opened(result, restored=bool(result.data.get("restored")))
        elif op in ("measure", "measure_cobb"):
            self.figures.measured()

    def _failed(self, op: str, error: BaseException) -> None:
        self.panes.end_asking()
        if op == "open_image":
            self.opening.forget_masks()
        level, text = loudness_of(error), sentence_of(error)
        self.status.say(text)
        if level != "info":
            self.notices.say(lambda: say(text), "warning" if isinstance(error, RequirementError) else level, self._remedy(error))

    def _remedy(self, error: BaseException) -> Action | None:
        """A button for what the error itself says can be done."""
        if isinstance(error, OffGridError) and error.remedy_call is not None:
            call = error.remedy_call
            return lambda: tr("Resample it"), lambda: self.run(call.op, dict(call.args))
        name = getattr(error, "remedy", "")
        if name not in self.actions_of.plain:
            return None
        return self.actions_of.plain[name].text, self.actions_of.plain[name].trigger

    def _opened(self, result: OperationResult, *, restored: bool) -> None:
        self.opening.stop()
        self.notices.clear()
        self.opening.say_left()
        for note in result.data.get("notes", ()):
            self.notices.say(partial(say, note), "warning")
        if not restored:
            self.run("hang_case", {})
            self._keep_thumbnail()
            if not self.preferences.smooth:
                self.run("set_smooth", {"smooth": False})
        self.opening.load_masks()
        earlier = result.data.get("recoverable") or []
        if earlier and not restored:
            self._offer(earlier[0])

    def _offer(self, earlier: dict[str, Any]) -> None:
        """Offer to go on with what an earlier session did on this case."""
        args = restoring(earlier)
        restore = (lambda: tr("Restore"), lambda: self.run("restore_case", args))
        self._offered = self.notices.say(lambda: _earlier_session(earlier), "warning", restore, stays=True)

    def _offer_unfinished(self) -> None:
        """At the start: is there a session that never ended?"""

        def offer(found: list[Any]) -> None:
            if found and not self.workspace.has_case:
                self._offer(found[0].to_json())

        self.background.run(lambda: _unfinished(self.workspace.settings), offer)

    def _changed(self, change: Change) -> None:
        """Repaint what a commit has touched; always on the main thread."""
        fields = change.fields
        if "job" in fields and not self.dispatcher.busy:
            self.panes.end_asking()
            self.previews.go_on()
        if "case" in fields:
            self._show_case()
        if fields & {"case", "case_list"}:
            self._show_case_list("case_list" in fields)
        if fields & {"case", "points", "boxes", "view", "labels", "active_label"}:
            self.prompts.show_prompts(self.workspace)
        if fields & {"case", "labels", "active_label"}:
            self.tools.refresh()
        self.figures.follow(change)
        if "history" in fields and self.workspace.undo_titles:
            self.notices.withdraw(self._offered)  # what was done since would go if the earlier session came now
        if fields & {"case", "history"}:
            self.history.show_history(self.workspace.undo_titles, self.workspace.redo_titles)
        if fields & {"case", "points", "boxes", "view", "labels", "active_label", "mask", "candidates", "reference", "figures"}:
            self.panes.show_case(self.workspace)
            self._show_slice()
        if fields & {"case", "mask"}:
            self._count_timer.start()
        if fields & {"case", "mask", "labels"}:
            self._show_surfaces("mask" in fields or "case" in fields)
        if fields & {"case", "labels", "active_label", "points", "boxes", "mask"}:
            self._show_labels()
        if "case" in fields:
            self._action_timer.start()  # an event of its own: it is as much work as all the rest
        elif fields != {"view"}:
            self._refresh_actions()
        self._show_model()
        if self.live_button.isChecked() != self.commands.live:
            self.live_button.setChecked(self.commands.live)
            self.notices.say(
                lambda: tr("This machine is slow for live masks: they are off now, {key} makes them.", key=keys.shown("window:accept")),
                "warning",
            )

    def _refresh_actions(self) -> None:
        self.actions_of.refresh(self.workspace)

    def _show_again(self) -> None:
        """In another language, theme or with other keys: what was written when it was shown is written again."""
        workspace = self.workspace
        self.prompts.forget()
        self.prompts.show_prompts(workspace)
        self.history.forget()
        self.history.show_history(workspace.undo_titles, workspace.redo_titles)
        self.cases.show_cases(workspace)
        self.tools.refresh()
        self._show_labels()
        self.figures.show()
        self._show_slice()
        self._show_model()
        self.panes.show_case(workspace)

    def _show_case(self) -> None:
        has_case = self.workspace.has_case
        self.centre.setCurrentWidget(self.panes if has_case else self.welcome)
        self.panes.show_extents(Extents())
        source = self.workspace.source_path
        if has_case and source is not None:
            # A folder of studies is one entry; its cases would push everything else out.
            cases = self.workspace.case_list
            is_listed = cases is not None and cases.position(source) is not None
            self.preferences.remember(str(cases.folder if is_listed else source))
        self._show_recent()
        name = (self.workspace.volume.name or (source.name if source else "")) if has_case else ""
        self.setWindowTitle(f"{name} — SpinalSAM" if name else "SpinalSAM")
        if has_case:
            if not self.chat.line.hasFocus():  # who opened it by a sentence says the next one
                self.panes.active_view.setFocus()
            self.load_model()
        else:
            self.status.show_hover(None, None)

    def warm_up(self) -> None:
        """Do while nobody waits what the first case would have to wait for: fonts and styles of the panes, drawings, and the network."""
        steps: list[Callable[[], Any]] = [*(pane.grab for pane in self.panes.panes.values()), self._draw_icons]
        self._one_an_event([*([] if self.workspace.has_case else steps), *file_dialogs.prepare(self), self.load_model])

    def _one_an_event(self, steps: list[Callable[[], Any]]) -> None:
        """The first step now and one an event from then on, so that all of them together keep no click waiting."""
        steps[0]()
        if len(steps) > 1 and not self._closed:
            QTimer.singleShot(0, lambda: self._one_an_event(steps[1:]))

    def _draw_icons(self) -> None:
        for button in self.findChildren(QToolButton):
            button.icon().pixmap(self.windowHandle(), button.iconSize(), QIcon.Normal)

    def load_model(self) -> None:
        """Have the network ready before it is asked for."""
        self.background.run(self.workspace.segmenter, lambda _: self._show_model(), lambda error: _log.info("no model: %s", error))

    def _show_recent(self) -> None:
        paths = self.preferences.recent
        self.welcome.show_recent(paths)
        # A drive that has gone to sleep takes its time to say what is on it.
        self.background.run(lambda: [path for path in paths if not Path(path).exists()], self.welcome.show_missing)

    def _forget_recent(self, path: str) -> None:
        self.preferences.forget(path)
        self._show_recent()

    def _show_case_list(self, listed: bool) -> None:
        self.cases.show_cases(self.workspace)
        if listed and self.case_dock.isHidden():
            self.case_dock.show()
            self.case_dock.raise_()

    def _keep_thumbnail(self) -> None:
        """A picture of the first look, for the lists of cases."""
        source, scene = self.workspace.source_path, self.panes.fullest_view.scene
        if source is not None and scene is not None:
            self.background.run(lambda: thumbnails.keep(str(source), scene), lambda _: self.cases.show_cases(self.workspace))

    def _show_slice(self) -> None:
        if not self.workspace.has_case:
            self.status.show_slice("")
            return
        shown = self.workspace.shown
        self.status.show_slice(f"{tr(shown.plane.capitalize())} {shown.index + 1} / {self.workspace.plane(shown.plane).count}")

    def _show_labels(self) -> None:
        self.labels.show_labels(self.workspace.state if self.workspace.has_case else None, known_ml(self.workspace))

    def _show_surfaces(self, mask_changed: bool) -> None:
        colours = {info.value: info.colour for info in self.workspace.state.labels if info.visible}
        volume = self.workspace.volume
        if mask_changed:
            self.panes.surface.show_mask(self.workspace.mask, volume.geometry if volume is not None else None, colours)
        else:
            self.panes.surface.show_colours(colours)

    def _count_voxels(self) -> None:
        mask = self.workspace.mask
        if mask is None:
            return
        seen = self.workspace.revisions_of(("case", "mask"))

        def counted(found: Extents) -> None:
            if self.workspace.revisions_of(("case", "mask")) == seen:
                self.panes.show_extents(found)

        self.background.run(lambda: extents(mask), counted)

    def _show_model(self) -> None:
        segmenter = self.workspace.loaded_segmenter
        if segmenter is None:
            self.status.show_model(tr("Model not loaded yet"), "")
        else:
            self.status.show_model(segmenter.name, str(getattr(segmenter, "device", "")))

    # --- the window itself -------------------------------------------------------------------------------------------

    def _restore_place(self) -> None:
        place = self.preferences.window
        if place is None or not self.restoreGeometry(place[0]):
            self._take_first_size(QApplication.primaryScreen().availableSize())
        elif place is not None:
            self.restoreState(place[1], STATE_VERSION)
            # Docks get their sizes within the window's, which it has only when it is shown.
            self._state = place[1]

    def _take_first_size(self, screen: QSize) -> None:
        """What suits most screens, and no more than a small one has: what stands out of it is out of reach."""
        self.resize(FIRST_SIZE.boundedTo(screen - QSize(0, TITLE_BAR)))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        state, self._state = self._state, None
        if state is not None:
            self.restoreState(state, STATE_VERSION)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_tool_bar()

    def _fit_tool_bar(self) -> None:
        """Where there is no room for words on the buttons, their drawings stay: what does not fit would be out of reach."""
        bar = self.tool_bar
        if not bar.property("narrow"):
            self._bar_needs = bar.sizeHint().width()
        narrow = self.width() < self._bar_needs
        if bool(bar.property("narrow")) != narrow:
            bar.setProperty("narrow", narrow)
            for button in self._worded:
                button.setToolButtonStyle(Qt.ToolButtonIconOnly if narrow else Qt.ToolButtonTextBesideIcon)
            for button in bar.findChildren(QToolButton):
                theme.restyle(button)

    def createPopupMenu(self) -> QMenu | None:
        """Qt's own menu of docks and toolbars is left out: what it hides nobody finds again."""
        return None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.opening.drag_over(event.mimeData()):
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.opening.drag_left()

    def dropEvent(self, event: QDropEvent) -> None:
        if self.opening.drop(event.mimeData()):
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.dispatcher.writing and not self._insists_on_closing():
            event.ignore()
            return
        self._close_timer.stop()
        self._closed = True
        self.panes.flush_clicks()  # a click whose mask is seen already is kept as a point
        self.workspace.ahead.end()  # now, so that nobody has to wait for its thread later on
        self.preferences.save_window(self.saveGeometry(), self.saveState(STATE_VERSION))
        self._unsubscribe()
        self.conversation.close()
        self.opening.stop()
        self._count_timer.stop()
        self._action_timer.stop()
        self.figures.stop()
        self.panes.surface.stop()
        self.previews.stop()
        self.background.stop()
        self.workspace.close(wait=False)
        event.accept()

    def _insists_on_closing(self) -> bool:
        """While a file is written the window stays, and closes by itself afterwards; who asks again much later does not want to wait."""
        if self._close_timer.isActive():
            return time.monotonic() - self._close_asked_at > CLOSE_PATIENCE_S
        self._close_asked_at = time.monotonic()
        self.notices.say(lambda: tr("A file is being written; the window closes as soon as it is there."), "info")
        self._close_timer.start()
        return False

    def _close_when_written(self) -> None:
        if not self.dispatcher.writing:
            self._close_timer.stop()
            self.close()


def _earlier_session(earlier: dict[str, Any]) -> str:
    """What an earlier session on a case was, and how it ended."""
    when = time_here(str(earlier["time"]))
    ended = tr("ended unexpectedly") if earlier["unfinished"] else tr("was closed")
    if earlier["steps"] == 1:
        text = tr("An earlier session with one step {ended} ({when}).", ended=ended, when=when)
    elif not earlier["steps"]:
        text = tr("An earlier session, all of its steps undone, {ended} ({when}).", ended=ended, when=when)
    else:
        text = tr("An earlier session with {steps} steps {ended} ({when}).", steps=earlier["steps"], ended=ended, when=when)
    if earlier.get("damaged"):
        text += " " + tr("Its journal is damaged; what can be had of it is restored.")
    if earlier.get("other_image"):
        text += " " + tr("The image had other values then; look whether the masks still fit.")
    return text


def _unfinished(settings: Any) -> list[Any]:
    from spinalsam.control.recovery import find_recoverable

    return find_recoverable(settings=settings, unfinished_only=True)


def _sessions(settings: Any, besides: Path | None) -> list[dict[str, Any]]:
    from spinalsam.control.recovery import find_recoverable

    return [one.to_json() for one in find_recoverable(settings=settings, besides=besides)[:MOST_SESSIONS]]

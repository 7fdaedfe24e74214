"""What users meet, one state of the window or of a dialog after another, as pictures: see `tests.ui.screenshots`."""

from __future__ import annotations

import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QMenu, QToolTip, QWidget

from spinalsam.control.operations import find
from spinalsam.support.calls import OperationCall
from spinalsam.ui import dialogs
from spinalsam.ui.preferences_dialog import PreferencesDialog
from spinalsam.ui.session_picker import SessionPicker

# L3 of the phantom: the axial slice, and pixels around it.
SLICE, BOX = 28, [41, 54, 85, 108]
HERE = {"plane": "axial", "slice": SLICE}
# Labels of the phantom besides L3, by boxes on the same slice.
OTHERS = {"L2": (40, [41, 54, 85, 108]), "L4": (14, [41, 54, 85, 108])}
EARLIER = {"journal": "/nowhere/a.jsonl", "time": "2026-03-02T09:41:00Z", "steps": 37, "unfinished": True}
SESSIONS = [
    {**EARLIER, "source": "/data/patient_017/ct.nii.gz", "damaged": False},
    {**EARLIER, "source": "/data/patient_018/DICOM", "time": "2026-03-01T16:05:00Z", "steps": 214, "unfinished": False, "damaged": False},
    {**EARLIER, "source": "/data/a patient whose folder has a very long name, as exports of archives have/ct.nrrd", "damaged": True},
]
FORMS = ("segment", "add_points", "set_window", "measure_cobb", "resize", "go_to")


class Album:
    """Goes through the states of one window. name: how the pictures' paths begin. series: the phantom as a DICOM series."""

    def __init__(self, window: Any, name: str, series: Path) -> None:
        self.window = window
        self._name = name
        self._series = series
        self._application = QApplication.instance()
        self._told: set[str] = set()

    def wait(self, what: Callable[[], Any], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, f"{self._name}: waited in vain"
            QTest.qWait(50)

    def idle(self) -> None:
        self.wait(lambda: not self.window.dispatcher.busy and not self.window.conversation.is_reading)

    def look(self, state: str, widget: QWidget | None = None) -> None:
        """Take a picture of the window, or of another widget."""
        QTest.qWait(400 if widget is None else 200)
        self._application.processEvents()  # what the last event has laid out anew
        (widget or self.window).grab().save(f"{self._name}_{state}.png")
        self._tell_foreign(state, widget or self.window)

    def _tell_foreign(self, state: str, shown: QWidget) -> None:
        """Print what looks like words of the other language, for somebody to judge: names of files and operations' arguments are none."""
        letters = re.compile(r"[A-Za-z]{4,}" if self.window.preferences.language == "zh" else r"[\u4e00-\u9fff]")
        texts = {label.text() for label in shown.findChildren(QLabel) if label.isVisible() and letters.search(label.text())}
        for text in sorted(texts - self._told):
            sys.stdout.write(f"{state}: {text}\n")
        self._told |= texts

    def run(self, op: str, **args: Any) -> None:
        self.window.run(op, args)
        self.idle()

    def dialog(self, state: str, opening: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """A picture of the dialog that something opens, once something more has been done in it."""
        opening()
        self.wait(lambda: any(map(QDialog.isVisible, self.window.findChildren(QDialog))), 60)
        QTest.qWait(200)
        shown = next(filter(QDialog.isVisible, self.window.findChildren(QDialog)))
        then(shown)
        self.look(state, shown)
        shown.close()
        self.wait(lambda: not any(map(QDialog.isVisible, self.window.findChildren(QDialog))), 10)

    def menu(self, state: str, menu: QMenu, inner: str = "") -> None:
        """A picture of a menu as it pops up."""
        menu.popup(self.window.mapToGlobal(QPoint(60, 60)))
        self.look(state, menu)
        for number, action in enumerate(menu.actions() if inner else ()):
            if action.menu() is not None:
                action.menu().popup(self.window.mapToGlobal(QPoint(300, 60)))
                self.look(f"{inner}_{number}", action.menu())
                action.menu().close()
        menu.close()

    # --- the states --------------------------------------------------------------------------------------------------

    def all(self) -> None:
        for part in (self.before, self.first_steps, self.talks, self.compared, self.many, self.pages, self.tools, self.trouble, self.cases):
            part()

    def before(self) -> None:
        """Without a case."""
        window = self.window
        window.preferences.remember("/media/stick/patient_017/series_002")
        window.preferences.remember(str(self._series))
        window._show_recent()
        QTest.qWait(300)
        self.look("empty")
        window._offer(dict(EARLIER))
        self.look("offer")
        window.notices.clear()
        window.opening.hint.show_for(has_case=False)
        self.look("drop")
        window.opening.hint.hide()
        for number, action in enumerate(window.menuBar().actions(), 1):
            self.menu(f"menu_{number}", action.menu())

    def first_steps(self) -> None:
        """From the opened case to a vertebra's mask and what was measured."""
        window = self.window
        window.open_path(str(self._series))
        self.wait(lambda: window.workspace.has_case)
        self.idle()
        self.look("loaded")
        self.run("set_label", regions=["L3"])
        self.run("set_active_plane", plane="axial")
        self.run("add_box", corners=BOX, **HERE)
        self.run("generate_box_mask", **HERE)
        self.wait(lambda: window.panes.surface.has_picture or window.panes.surface.failed, 40)
        self.look("mask")
        self.run("add_points", at=[[63, 75]], **HERE)
        self.run("add_points", at=[[63, 95]], label="negative", **HERE)
        window.prompt_dock.raise_()
        self.look("prompts")
        window.prompts.place.setText("12, 13, 14")
        window.prompts._add("positive")
        self.look("prompts_wrong")
        window.prompts.problem.hide()
        window.prompts.place.clear()

    def talks(self) -> None:
        """The chat: answers, questions, a model that thinks, what is offered while one types."""
        window, chat = self.window, self.window.chat
        window.history_dock.raise_()
        chat.say("测量 L3 的体积")
        self.idle()
        chat.say("clear everything")
        self.idle()
        self.look("talk")
        chat.say("open /nowhere/ct.nii.gz")
        self.idle()
        chat.say("how is the weather?")
        self.idle()
        self.look("talk_wrong")
        reader = window.conversation.reader
        gate = threading.Event()
        window.conversation.reader = _Thinking(gate)
        chat.say("the third one looks odd, do something about it")
        self.wait(lambda: any("DeepSeek" in label.text() for label in chat.findChildren(QLabel)), 20)
        QTest.qWait(1200)
        self.look("thinking")
        gate.set()
        self.idle()
        self.look("readings")
        window.conversation.reader = reader
        chat.line.setFocus()
        typed = "seg" if window.preferences.language == "en" else "分"
        chat.line.setText(typed)
        chat.line.textEdited.emit(typed)
        self.look("completion")
        chat.line.clear()
        chat.line.close_offers()

    def compared(self) -> None:
        window = self.window
        window.label_dock.raise_()
        self.run("compare_mask", steps_back=3)
        self.wait(lambda: window.figures.sheet is not None and window.figures.sheet.isVisible(), 30)
        QTest.qWait(600)
        self.look("figures", window.figures.sheet)
        window.figures.sheet.close()
        self.look("difference")
        self.run("show_side_by_side", visible=True)
        self.look("compared")
        self.run("end_comparison")
        self.run("set_view", plane="mpr")

    def many(self) -> None:
        """Several labels with their states, warnings and measurements; 3-D alone; a folder of cases."""
        window = self.window
        self.run("propagate", direction="both", **HERE)
        for level, (slice_number, corners) in OTHERS.items():
            self.run("set_label", regions=[level])
            self.run("add_box", corners=corners, plane="axial", slice=slice_number)
            self.run("generate_box_mask", plane="axial", slice=slice_number)
            self.run("propagate", direction="both", plane="axial", slice=slice_number)
        self.run("measure")
        window.figures.open()
        window.figures.sheet.tabs.setCurrentWidget(window.figures.sheet.vertebrae)
        QTest.qWait(600)
        self.look("vertebrae", window.figures.sheet)
        window.figures.sheet.close()
        self.run("set_view", plane="sagittal")
        self.look("measured")
        self.run("set_view", plane="3d")
        self.wait(lambda: not window.panes.surface._stale, 30)
        QTest.qWait(1500)
        self.look("surface")
        self.run("set_view", plane="mpr")
        self.run("set_label_progress", value=21, progress="done")
        self.run("set_label_progress", value=22, progress="in_progress")
        self.run("set_label_visible", value=23, visible=False)
        self.run("rename_label", value=23, name="L4, fused")
        self.run("add_label")
        self.run("check_levels")
        QTest.qWait(600)
        self.look("labels")
        menu = window.labels.menu_of(1)
        self.menu("label_menu", menu, "label_menu")
        window.labels.level.showPopup()
        self.look("levels", window.labels.level.view().window())
        window.labels.level.hidePopup()
        self.run("undo", count=3)
        window.history_dock.raise_()
        self.look("steps")
        window.label_dock.raise_()

    def pages(self) -> None:
        """The dialogs."""
        window = self.window
        self.dialog("palette", window._open_palette)
        self.dialog("palette_nothing", window._open_palette, lambda palette: palette.line.setText("xyzzy"))
        self.dialog("preferences", window._open_preferences)
        self.dialog("sentences", lambda: window._open_preferences("sentences"))
        self.dialog("sentences_asked", lambda: window._open_preferences("sentences"), self._ask_a_model)
        self.dialog("sentences_wrong", lambda: window._open_preferences("sentences"), self._ask_nobody)
        self.dialog("change_keys", lambda: window._open_preferences("keys"))
        self.dialog("change_keys_taken", lambda: window._open_preferences("keys"), _take_a_key)
        for name in FORMS:
            self.dialog(f"form_{name}", lambda name=name: window.ask(find(name)))
        self.dialog("form_wrong", lambda: window.ask(find("set_window")), lambda form: form._submit())
        self.dialog("keys", lambda: window.run("help", {}))
        self.dialog("keys_found", lambda: window.run("help", {}), lambda shown: shown.search.setText("box"))
        self.dialog("about", lambda: window.run("about", {}))
        self.dialog("series", self._pick)
        self.dialog("sessions", lambda: SessionPicker(SESSIONS, window).open())
        self.dialog("export", window._ask_export, _settle)
        self.dialog("open_file", lambda: window._ask_image(folder=False), _settle)

    def _pick(self) -> None:
        series = [
            SimpleNamespace(uid=str(n), number=n, description=text, modality="CT", size=size, spacing_mm=spacing, slices=size[2], files=())
            for n, text, size, spacing in (
                (2, "Spine 1.0 B70s", (512, 512, 412), (0.39, 0.39, 1.0)),
                (3, "Spine 3.0 B30s soft tissue, reconstructed again with a very long description", (512, 512, 137), (0.39, 0.39, 3.0)),
                (501, "", (512, 512, 3), None),
            )
        ]
        dialogs.SeriesPicker("patient_017", series, self.window).open()

    def _ask_a_model(self, dialog: PreferencesDialog) -> None:
        page = dialog.sentences
        page.mode.setCurrentIndex(1)
        page.look.click()
        self.wait(lambda: page.sent.toPlainText(), 30)

    def _ask_nobody(self, dialog: PreferencesDialog) -> None:
        dialog.sentences.mode.setCurrentIndex(2)
        dialog.sentences.address.setText("not an address")
        dialog._save()

    def tools(self) -> None:
        """Tools in hand, and what is under the pointer."""
        window = self.window
        self.run("set_label", regions=["L3"])
        self.run("go_to", slice=SLICE, plane="axial")
        for tool in ("brush", "erase", "lasso", "cut"):
            window.tools.bar.choose(tool)
            self.look(f"tool_{tool}")
        window.tools.bar.choose("brush")
        window.tools.bar.threshold.setChecked(True)
        self.run("lock_label", value=22, locked=True)
        self.run("brush", path=[[60, 20], [80, 30]], radius_mm=4, plane="axial", slice=SLICE)
        self.look("locked")
        self.run("lock_label", value=22, locked=False)
        window.tools.bar.threshold.setChecked(False)
        window.tools.bar.choose("prompt")
        window.notices.clear()
        for number, button in enumerate(
            (window.live_button, window.tool_bar.widgetForAction(window.actions_of.plain["generate_point_mask"]))
        ):
            QToolTip.showText(window.mapToGlobal(QPoint(200, 200)), button.toolTip(), window)
            self.wait(lambda: any(map(_is_tip, QApplication.topLevelWidgets())), 5)
            self.look(f"tip_{number}", next(filter(_is_tip, QApplication.topLevelWidgets())))
            QToolTip.hideText()
            self.wait(lambda: not any(map(_is_tip, QApplication.topLevelWidgets())), 5)
        bar = window.panes.panes["axial"].bar
        bar._peek(SLICE - 1)
        self.look("peek", bar._picture)
        bar._peek(-1)
        self.run("set_view", plane="axial")
        self.look("alone")
        self.run("set_view", plane="mpr")

    def trouble(self) -> None:
        """Work that takes its time, and every kind of notice."""
        window = self.window
        window.run("propagate", {"direction": "both", **HERE})
        self.wait(lambda: window.status.progress.isVisible(), 30)
        self.look("busy")
        window.dispatcher.cancel_all()
        self.idle()
        window.run("go_to", {"slice": 999, "plane": "axial"})
        window.run("load_mask", {"path": "/nowhere/mask.nii.gz"})
        self.idle()
        broken = self._series.parent / "broken.nii.gz"
        broken.write_bytes(b"this is no picture")
        window.open_path(str(broken))
        self.idle()
        self.look("error")
        window.notices.clear()
        window.run("load_mask", {"path": str(self._other_grid())})
        self.idle()
        window._offer({**EARLIER, "steps": 1, "damaged": True, "other_image": True, "unfinished": False})
        window.run("measure", {"regions": ["L3"]})
        self.idle()
        window._previews_off()
        self.look("notices")
        window.notices.clear()
        window.opening.hint.show_for(has_case=True)
        self.look("drop_mask")
        window.opening.hint.hide()

    def cases(self) -> None:
        """A folder of cases, of which one is done; the last, as it ends what was open."""
        folder = self._series.parent / "studies"
        if not folder.exists():
            for name in ("anna_1", "anna_2", "a patient whose folder has a very long name, as exports of archives have", "多节段骨折"):
                shutil.copytree(self._series, folder / name)
            (folder / "zoe.nii.gz").write_bytes(b"this is no picture")
        self.run("list_cases", path=str(folder))
        self.run("open_listed", number=1)
        self.run("mark_case", done=True)
        self.run("open_listed", direction="next")
        QTest.qWait(600)
        self.look("cases")
        self.run("open_listed", number=4)
        self.look("cases_wrong")

    def _other_grid(self) -> Path:
        import nibabel
        import numpy as np

        path = self._series.parent / "another_grid.nii.gz"
        nibabel.save(nibabel.Nifti1Image(np.ones((20, 20, 20), np.uint8), np.diag([-3.0, -3, 3, 1])), path)
        return path


class _Thinking:
    """A model that thinks until a gate opens, and then is not sure."""

    mode = "deepseek"
    endpoint = None

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate

    def read(self, text: str, specs: Any, hints: Any = None, *, listen: Any = None, stop: Any = None) -> Any:
        from spinalsam.language.answers import ModelReading

        listen("reader", "DeepSeek-R1 at 127.0.0.1:11434")
        for piece in _thoughts():
            listen("thought", piece)
        while not self._gate.wait(0.02):
            if stop.is_set():
                break
        calls, other = (OperationCall("segment", {"regions": ["L3"]}),), (OperationCall("measure", {"regions": ["L3"]}),)
        reasoning, reader = "".join(_thoughts()), "DeepSeek-R1 at 127.0.0.1:11434"
        return ModelReading(calls, 0.4, "", (other,), "deepseek", 2300.0, "", reasoning, reader, "", 5, 42)


def _thoughts() -> Iterator[str]:
    yield "The third one may be L3, as lumbar vertebrae were spoken of. "
    yield "'Do something about it' names no operation; it may be segmented or measured."


def _take_a_key(dialog: PreferencesDialog) -> None:
    from PyQt5.QtGui import QKeySequence

    dialog.keys._pressed(QKeySequence("B"))


def _settle(dialog: QFileDialog) -> None:
    QTest.qWait(400)


def _is_tip(widget: QWidget) -> bool:
    return widget.isVisible() and widget.windowFlags() & Qt.ToolTip == Qt.ToolTip and widget.inherits("QTipLabel")

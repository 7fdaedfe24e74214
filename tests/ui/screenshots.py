"""The window at three sizes, in two themes, two languages and every state, as pictures to look at.

``python -m tests.ui.screenshots OUT [SIZE...]``; with QT_QPA_PLATFORM=offscreen no display is needed. A size is 1366x768, 1920x1080 or
3840x2160@2. Beside the single pictures there is a sheet for each size and state, SIZE_STATE.sheet.png, with its themes and languages on it.
``python -m tests.ui.screenshots --readme FOLDER`` makes the two pictures of the window in README.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ui.patients import phantom
from tests.ui.screen import save_small

# L3 of the phantom: the axial slice, and pixels around it.
SLICE, BOX = 28, [41, 54, 85, 108]
SIZES = ("1366x768", "1920x1080", "3840x2160@2")


THEMES, LANGUAGES = ("dark", "light"), ("en", "zh")
GAP = 8


def main(out: Path, sizes: list[str]) -> None:
    """One process for each size, theme and language, as a scale and a language hold for a whole program."""
    patient = phantom(out)
    for size in sizes:
        for theme in THEMES:
            for language in LANGUAGES:
                environment = {**os.environ, "SPINALSAM_CONFIG_DIR": str(out / "config"), "SPINALSAM_DATA_DIR": str(out / "data")}
                environment["QT_SCALE_FACTOR"] = size.partition("@")[2] or "1"
                name = f"{size.replace('@', '_at_')}_{theme}_{language}"
                subprocess.run(
                    [sys.executable, "-m", "tests.ui.screenshots", "--one", str(out / name), size, theme, language, str(patient.series)],
                    env=environment,
                    check=True,
                    timeout=600,
                )
        sheets(out, size.replace("@", "_at_"))


def sheets(out: Path, size: str) -> None:
    """Themes below and languages beside each other, a sheet a state, no wider than can be looked at."""
    from PIL import Image

    first = f"{size}_{THEMES[0]}_{LANGUAGES[0]}_"
    for state in (path.stem.removeprefix(first) for path in sorted(out.glob(f"{first}*.png"))):
        rows = [[Image.open(out / f"{size}_{theme}_{language}_{state}.png") for language in LANGUAGES] for theme in THEMES]
        width, height = (max(side) for side in zip(*(picture.size for row in rows for picture in row), strict=True))
        sheet = Image.new("RGB", (2 * width + GAP, 2 * height + GAP), "magenta")
        for y, row in enumerate(rows):
            for x, picture in enumerate(row):
                sheet.paste(picture, (x * (width + GAP), y * (height + GAP)))
        sheet.thumbnail((2800, 2800), Image.LANCZOS)
        sheet.save(out / f"{size}_{state}.sheet.png")


def one(name: str, size: str, theme: str, language: str, series: str) -> None:
    """The states of one window: empty, loaded, with a mask, its pages, a talk, figures, a comparison, busy, error; and its dialogs."""
    from PyQt5.QtTest import QTest
    from PyQt5.QtWidgets import QDialog

    from spinalsam.control.operations import find
    from spinalsam.control.workspace import Workspace
    from spinalsam.ui import app
    from spinalsam.ui.preferences import Preferences

    pixels, _, scale = size.partition("@")
    width, height = (int(n) // int(scale or 1) for n in pixels.split("x"))
    application = app.make_application(["screenshots"])
    preferences = Preferences()
    preferences.theme, preferences.language = theme, language
    preferences._store.remove("geometry")
    window = app.build_window(application, workspace=Workspace(journal=False))
    window.setGeometry(0, 0, width, height)
    window.show()

    def wait(what: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not what() and time.monotonic() < end:
            QTest.qWait(50)

    def look(state: str) -> None:
        QTest.qWait(400)
        application.processEvents()  # what the last event has laid out anew
        window.grab().save(f"{name}_{state}.png")

    idle = lambda: not window.dispatcher.busy  # noqa: E731
    look("empty")
    window.open_path(series)
    wait(lambda: window.workspace.has_case and idle())
    look("loaded")
    window.run("set_label", {"regions": ["L3"]})
    window.run("set_active_plane", {"plane": "axial"})
    window.run("add_box", {"corners": BOX, "plane": "axial", "slice": SLICE})
    window.run("generate_box_mask", {"plane": "axial", "slice": SLICE})
    wait(idle)
    wait(lambda: window.panes.surface.has_picture or window.panes.surface.failed, 40)
    look("mask")
    window.prompt_dock.raise_()
    look("prompts")
    window.history_dock.raise_()
    window.chat.say("测量 L3 的体积")
    window.chat.say("clear everything")
    wait(lambda: not window.conversation.is_reading and idle())
    look("talk")
    window.run("compare_mask", {"steps_back": 1})
    wait(lambda: window.figures.sheet is not None and window.figures.sheet.isVisible(), 30)
    QTest.qWait(600)
    window.figures.sheet.grab().save(f"{name}_figures.png")
    window.figures.sheet.close()
    window.run("show_side_by_side", {"visible": True})
    look("compared")
    window.run("set_view", {"plane": "mpr"})
    window.run("list_cases", {"path": str(Path(series).parent)})
    wait(idle)
    window.run("brush", {"path": [[60, 20], [80, 30]], "radius_mm": 4, "plane": "axial", "slice": SLICE})
    window.tools.bar.choose("brush")
    look("cases")
    window.tools.bar.choose("prompt")
    window.label_dock.raise_()
    for kind, opening in {
        "palette": window._open_palette,
        "preferences": window._open_preferences,
        "sentences": lambda: window._open_preferences("sentences"),
        "change_keys": lambda: window._open_preferences("keys"),
        "form": lambda: window.ask(find("segment")),
        "keys": lambda: window.run("help", {}),
        "about": lambda: window.run("about", {}),
    }.items():
        opening()
        wait(lambda: any(map(QDialog.isVisible, window.findChildren(QDialog))), 60)
        QTest.qWait(300)
        dialog = next(filter(QDialog.isVisible, window.findChildren(QDialog)))
        dialog.grab().save(f"{name}_{kind}.png")
        dialog.close()
        wait(lambda: not any(map(QDialog.isVisible, window.findChildren(QDialog))), 10)
    window.run("propagate", {"direction": "both", "plane": "axial", "slice": SLICE})
    wait(lambda: window.status.progress.isVisible(), 30)
    look("busy")
    window.dispatcher.cancel_all()
    wait(idle)
    window.run("go_to", {"slice": 999, "plane": "axial"})
    window.run("load_mask", {"path": "/nowhere/mask.nii.gz"})
    wait(idle)
    look("error")
    window.close()


def readme(out: Path) -> None:
    """The sample case with its reference in the dark theme; one vertebra of a DICOM series, and a Chinese sentence, in the light one."""
    from PIL import Image
    from PyQt5.QtTest import QTest

    from spinalsam.commands.samples import SAMPLES, sample_files
    from spinalsam.control.workspace import Workspace
    from spinalsam.ui import app
    from spinalsam.ui.preferences import Preferences

    application = app.make_application(["screenshots"])
    patient = phantom(Path(os.environ["SPINALSAM_DATA_DIR"]))

    def shown(name: str, theme: str, work: Callable[[Any], list[Callable[[], None]]], sentence: str) -> None:
        preferences = Preferences()
        preferences.theme = theme
        preferences._store.remove("geometry")
        window = app.build_window(application, workspace=Workspace(journal=False, samples=SAMPLES))
        window.setGeometry(0, 0, 1440, 900)
        window.show()

        def settle(also: Callable[[], bool] = lambda: True) -> None:
            QTest.qWait(600)
            end = time.monotonic() + 300
            while window.dispatcher.busy or window.conversation.is_reading or not also():
                QTest.qWait(50)
                assert time.monotonic() < end

        for step in work(window):
            step()
            settle(lambda: window.workspace.has_case)
        settle(lambda: window.workspace.has_mask and window.panes.surface.has_picture)
        window.chat.say(sentence)
        settle()
        window.notices.clear()
        QTest.qWait(4000)
        path = out / f"{name}.png"
        window.grab().save(str(path))
        save_small(Image.open(path), path)
        window.close()

    def spine(window: Any) -> list[Callable[[], None]]:
        return [lambda: window.open_path("sample:phantom", mask=sample_files().reference)]

    def vertebra(window: Any) -> list[Callable[[], None]]:
        assert patient.reference is not None
        first, last = ([mm / step for mm, step in zip(corner, (1.5, 1.5, 2.5), strict=True)] for corner in patient.planes["sagittal"].box)
        top = patient.reference.shape[2] - 1
        corners = [round(n) for n in (first[1], top - last[2], last[1], top - first[2])]
        here = {"plane": "sagittal", "slice": round(first[0]) + 1}
        return [
            lambda: window.open_path(str(patient.series)),
            lambda: window.run("set_label", {"regions": ["L3"]}),
            lambda: window.run("add_box", {"corners": corners, **here}),
            lambda: window.run("generate_box_mask", here),
            lambda: window.run("propagate", {"direction": "both", **here}),
        ]

    shown("window", "dark", spine, "go to L3")
    shown("window_chat", "light", vertebra, "测量 L3 的体积")


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        one(*sys.argv[2:7])
    elif sys.argv[1] == "--readme":
        readme(Path(sys.argv[2]))
    else:
        folder = Path(sys.argv[1])
        folder.mkdir(parents=True, exist_ok=True)
        main(folder, sys.argv[2:] or list(SIZES))

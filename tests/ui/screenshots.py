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
    """All states of one window."""
    from spinalsam.control.workspace import Workspace
    from spinalsam.ui import app
    from spinalsam.ui.preferences import Preferences
    from tests.ui.states import Album

    pixels, _, scale = size.partition("@")
    width, height = (int(n) // int(scale or 1) for n in pixels.split("x"))
    application = app.make_application(["screenshots"])
    preferences = Preferences()
    preferences.theme, preferences.language = theme, language
    preferences._store.remove("geometry")
    window = app.build_window(application, workspace=Workspace(journal=False))
    window.setGeometry(0, 0, width, height)
    window.show()
    Album(window, name, Path(series)).all()
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

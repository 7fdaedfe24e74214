"""The main job in a real window on a virtual display: real mouse and key events, a real DICOM series, the real network.

Nothing of the program is imported here but what reads the result.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

SCREEN = (1600, 1000)
# Where things stand in a window of the size in which it first opens (1440 x 900), without a window manager.
AXIAL_BOX = ((231, 330), (240, 345), (260, 370), (286, 392))
CHAT = (1240, 821)


class Screen:
    """A virtual display with one program on it, and hands."""

    def __init__(self, command: list[str], environment: dict[str, str], errors: Path) -> None:
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "{}x{}x24".format(*SCREEN), "-nolisten", "tcp"],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            self.environment = {**environment, "DISPLAY": ":" + answer.readline().strip()}
        with errors.open("wb") as log:
            self.program = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=log)

    def do(self, *words: str) -> str:
        return subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=60, check=False).stdout

    def drag(self, path: tuple[tuple[int, int], ...], *, key: str) -> None:
        first, *rest = path
        self.do("mousemove", *map(str, first))
        self.do("keydown", key, "mousedown", "1")
        for place in rest:
            self.do("mousemove", *map(str, place), "sleep", "0.1")
        self.do("mouseup", "1", "keyup", key)

    def say(self, text: str) -> None:
        self.do("mousemove", *map(str, CHAT), "click", "1", "sleep", "0.3")
        self.do("type", "--delay", "15", text)
        self.do("key", "Return")

    def picture(self, path: Path) -> None:
        subprocess.run(["import", "-window", "root", str(path)], env=self.environment, timeout=60, check=False)

    def close(self) -> None:
        for process in (self.program, self.server):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(what: Callable[[], bool], seconds: float, name: str) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"{name} did not happen within {seconds:.0f} s"
        time.sleep(0.2)


@pytest.fixture
def screen(tmp_path: Path, shared_data: Callable[..., Path]) -> Iterator[Screen]:
    series = shared_data("matrad", "real_CT")
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    environment = {name: value for name, value in os.environ.items() if name not in ("QT_QPA_PLATFORM", "DISPLAY")}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "SPINALSAM_DATA_DIR": str(tmp_path / "data")}
    running = Screen([sys.executable, "-m", "spinalsam", "open", str(series)], environment, tmp_path / "errors.txt")
    yield running
    running.close()


def test_a_box_in_the_window_becomes_a_mask_on_the_series_own_grid(
    screen: Screen, tmp_path: Path, shared_data: Callable[..., Path]
) -> None:
    import SimpleITK as sitk

    out = tmp_path / "mask.nii.gz"
    wait_for(lambda: "CT series" in screen.do("search", "--name", "CT series", "getwindowname"), 90, "opening the series")
    time.sleep(1.5)
    screen.say("set the label to L1")
    time.sleep(2.5)
    screen.drag(AXIAL_BOX, key="shift")
    time.sleep(4)
    screen.say(f"export the mask to {out}")
    wait_for(lambda: out.exists() or screen.program.poll() is not None, 60, "the export")
    screen.picture(tmp_path / "window.png")
    assert screen.program.poll() is None, "the program ended"
    mask = sitk.ReadImage(str(out))
    reader = sitk.ImageSeriesReader()
    folder = str(shared_data("matrad", "real_CT"))
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    series = reader.Execute()
    assert mask.GetSize() == series.GetSize()
    np.testing.assert_allclose(mask.GetOrigin(), series.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(mask.GetDirection(), series.GetDirection(), atol=1e-5)
    labels, hu = sitk.GetArrayFromImage(mask), sitk.GetArrayFromImage(series)
    assert set(np.unique(labels)) == {0, 20}
    assert np.flatnonzero(labels.any(axis=(1, 2))).tolist() == [84]  # slice 85 as shown
    assert labels.astype(bool).sum() > 100
    assert hu[labels > 0].mean() > 120  # bone, not what lies beside it
    columns = np.flatnonzero(labels.any(axis=(0, 1)))
    assert abs(columns.mean() - 108) < 8  # the spine stands in the middle of this patient


def test_no_error_is_written_while_nothing_is_done(screen: Screen, tmp_path: Path) -> None:
    wait_for(lambda: "CT series" in screen.do("search", "--name", "CT series", "getwindowname"), 90, "opening the series")
    screen.close()
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()

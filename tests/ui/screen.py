"""A virtual display with the program on it, and hands: real mouse and key events, no calls into the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

SIZE = (1440, 900)
Place = tuple[int, int]


def need_tools(*more: str) -> None:
    """Skip where there is no virtual display or nothing that moves its pointer."""
    for tool in ("Xvfb", "xdotool", *more):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def wait_for(what: Callable[[], bool], seconds: float, name: str) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"{name} did not happen within {seconds:.0f} s"
        time.sleep(0.1)


class Screen:
    """The display. environment: of the programs on it, with DISPLAY."""

    def __init__(self, environment: dict[str, str], size: tuple[int, int] = SIZE) -> None:
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "{}x{}x24".format(*size), "-nolisten", "tcp"],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            self.environment = {**environment, "DISPLAY": ":" + answer.readline().strip()}
        self.program: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], errors: Path) -> None:
        """Start the program; what it writes on standard error is added to a file."""
        with errors.open("ab") as log:
            self.program = subprocess.Popen(list(command), env=self.environment, stdout=subprocess.DEVNULL, stderr=log)

    @property
    def running(self) -> bool:
        return self.program is not None and self.program.poll() is None

    def close_program(self) -> None:
        """By its key."""
        self.press("ctrl+q")
        wait_for(lambda: not self.running, 30, "closing the program")

    def close(self) -> None:
        for process in (self.program, self.server):
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # --- hands -------------------------------------------------------------------------------------------------------

    def do(self, *words: str) -> str:
        return subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=60, check=False).stdout

    def has_window(self, name: str) -> bool:
        return bool(self.do("search", "--onlyvisible", "--name", name).strip())

    def move(self, place: Place) -> None:
        self.do("mousemove", *map(str, place))

    def click(self, place: Place, button: int = 1, key: str = "", times: int = 1) -> None:
        self.move(place)
        held = (["keydown", key], ["keyup", key]) if key else ([], [])
        self.do(*held[0], "click", "--repeat", str(times), "--delay", "60", str(button), *held[1])

    def drag(self, path: Sequence[Place], button: int = 1, key: str = "") -> None:
        first, *rest = path
        self.move(first)
        self.do(*(["keydown", key] if key else []), "mousedown", str(button))
        for place in rest:
            self.do("mousemove", *map(str, place), "sleep", "0.08")
        self.do("mouseup", str(button), *(["keyup", key] if key else []))

    def wheel(self, place: Place, notches: int, key: str = "") -> None:
        """Positive notches are away from the hand."""
        self.click(place, 4 if notches > 0 else 5, key, abs(notches))

    def press(self, *keys: str) -> None:
        self.do("key", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        self.do("type", "--delay", "12", text)

    def say(self, text: str) -> None:
        """In the chat; the slash goes there."""
        self.press("slash")
        time.sleep(0.5)
        self.type(text)
        self.press("Return")

    def settle(self, least_s: float = 0.7, most_s: float = 25.0) -> None:
        """Wait until the panes and the status line stand still."""
        time.sleep(least_s)
        end, before = time.monotonic() + most_s, self._panes()
        while time.monotonic() < end:
            time.sleep(0.35)
            now = self._panes()
            if now == before:
                return
            before = now

    def _panes(self) -> int:
        shot = ["import", "-window", "root", "-crop", f"1090x{SIZE[1] - 80}+0+80", "-depth", "8", "rgb:-"]
        return hash(subprocess.run(shot, env=self.environment, capture_output=True, timeout=60, check=False).stdout)

    def picture(self, path: Path) -> None:
        """Of the whole screen."""
        subprocess.run(["import", "-window", "root", str(path)], env=self.environment, timeout=60, check=False)

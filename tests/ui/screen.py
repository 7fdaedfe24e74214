"""A virtual display with the program on it: eyes (what an onlooker tells, and pixels) and hands (real mouse and key events)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SIZE = (1440, 900)
Place = tuple[int, int]
Seen = dict[str, Any]
# How long a condition is looked at again: short enough not to be felt, long enough to leave the program alone.
LOOK_S = 0.04
# Seconds are those of a quiet machine; a busy one is given as many times more as programs want each of its processors.
PATIENCE = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def need_tools() -> None:
    """Skip where there is no virtual display or nothing that moves its pointer."""
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def person(folder: Path, **more: str) -> dict[str, str]:
    """The environment of somebody who has never started the program; what it keeps lies in the folder."""
    own = {name: value for name, value in os.environ.items() if name not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")}
    own |= {"XDG_CONFIG_HOME": str(folder / "config"), "SPINALSAM_CONFIG_DIR": str(folder / "config")}
    return {**own, "SPINALSAM_DATA_DIR": str(folder / "data"), "SPINALSAM_CACHE_DIR": str(folder / "cache"), **more}


def wait_for(what: Callable[[], Any], seconds: float, name: str) -> Any:
    """Look until there is something. Returns it."""
    end = time.monotonic() + seconds * PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, f"{name} did not happen within {seconds * PATIENCE:.0f} s"
        time.sleep(LOOK_S)
    return found


class Screen:
    """The display. environment: of the programs on it. folder: for the display's own files. beside: pixels
    to the right that the program's window leaves to others.

    steps: clicks, drags, key presses and typed words so far, each once, however many events they take.
    """

    def __init__(self, environment: dict[str, str], folder: Path, size: tuple[int, int] = SIZE, beside: int = 0) -> None:
        self.size = size
        self.window_size = (size[0] - beside, size[1])
        self.steps: list[str] = []
        self._folder = folder / "display"
        self._folder.mkdir(parents=True, exist_ok=True)
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "{}x{}x24".format(*size), "-nolisten", "tcp", "-fbdir", str(self._folder)],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            self.environment = {**environment, "DISPLAY": ":" + answer.readline().strip()}
        self.program: subprocess.Popen[bytes] | None = None
        self._eyes: socket.socket | None = None
        self._frame: NDArray[np.uint8] | None = None

    def start(self, words: Sequence[str], errors: Path) -> None:
        """Start the program with an onlooker; what it writes on standard error is added to a file."""
        path = self._folder / "onlooker"
        path.unlink(missing_ok=True)
        with errors.open("ab") as log:
            command = [sys.executable, "-m", "tests.ui.onlooker", str(path), *words]
            self.program = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=log)
        self._eyes = wait_for(lambda: _connected(path), 60, "starting the program")
        self.until(lambda seen: "title" in seen, 60, "the window")
        # Without a window manager a place that is restored is off by the frame that there is not.
        self.do("search", "--onlyvisible", "--name", "SpinalSAM", "windowmove", "--sync", "0", "0")
        # Nor is there a title over it, for which a new window leaves room.
        self.do("search", "--onlyvisible", "--name", "SpinalSAM", "windowsize", *map(str, self.window_size))
        self.focus("SpinalSAM")

    @property
    def running(self) -> bool:
        return self.program is not None and self.program.poll() is None

    def close_program(self) -> None:
        """By its key."""
        self.press("ctrl+q")
        wait_for(lambda: not self.running, 30, "closing the program")
        self._shut_eyes()

    def _shut_eyes(self) -> None:
        if self._eyes is not None:
            self._eyes.close()
            self._eyes = None

    def close(self) -> None:
        self._shut_eyes()
        for process in (self.program, self.server):
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # --- eyes --------------------------------------------------------------------------------------------------------

    def look(self) -> Seen:
        """What the onlooker tells; it answers between two events of the program."""
        assert self._eyes is not None
        self._eyes.sendall(b"?\n")
        told = bytearray()
        while not told.endswith(b"\n"):
            part = self._eyes.recv(1 << 20)
            assert part, "the program has ended"
            told += part
        return json.loads(told)

    def until(self, what: Callable[[Seen], Any], seconds: float, name: str) -> Seen:
        """Look until it is so. Returns what was seen then."""
        end = time.monotonic() + seconds * PATIENCE
        while not what(seen := self.look()):
            assert time.monotonic() < end, f"{name} did not happen within {seconds * PATIENCE:.0f} s; {summary(seen)}"
            time.sleep(LOOK_S)
        return seen

    def idle(self, seconds: float = 60) -> Seen:
        """Until nothing is under way any more."""
        return self.until(lambda seen: seen["idle"], seconds, "coming to rest")

    def find(self, name: str, kind: str = "") -> Place:
        """The middle of a widget, or of a part of one, by its name; it has to come up within seconds."""
        seen = self.until(lambda seen: _named(seen, name, kind), 20, f"'{name}' on the screen")
        left, top, width, height = _named(seen, name, kind)
        return left + width // 2, top + height // 2

    def live(self, place: Sequence[int] | None = None) -> NDArray[np.uint8]:
        """The screen, or a part (left, top, width, height) of it, as (rows, columns, BGRX); it changes as the screen does."""
        if self._frame is None:
            self._frame = self._map_frame()
        left, top, width, height = place or (0, 0, *self._frame.shape[1::-1])
        return self._frame[top : top + height, left : left + width]

    def pixels(self, place: Sequence[int] | None = None) -> NDArray[np.uint8]:
        """The same as it is now: (rows, columns, RGB)."""
        return self.live(place)[..., 2::-1].copy()

    def _map_frame(self) -> NDArray[np.uint8]:
        """The server's own memory: looking at it takes nobody's time."""
        path = self._folder / "Xvfb_screen0"
        head = struct.unpack(">25I", path.read_bytes()[:100])
        width, height, line, colours = head[4], head[5], head[12], head[19]
        lines = np.memmap(path, np.uint8, "r", head[0] + 12 * colours, (height, line // 4, 4))
        return lines[:, :width]

    def still(self, place: Sequence[int], seconds: float = 20) -> None:
        """Until a part (left, top, width, height) of the screen no longer changes."""
        end, since, before = time.monotonic() + seconds * PATIENCE, time.monotonic(), np.empty(0)
        while time.monotonic() - since < 0.4:
            assert time.monotonic() < end, "the picture does not come to rest"
            now = self.pixels(place)
            if not np.array_equal(now, before):
                since, before = time.monotonic(), now
            time.sleep(LOOK_S)

    def picture(self, path: Path) -> None:
        """Of the whole screen."""
        from PIL import Image

        save_small(Image.fromarray(self.pixels()), path)

    # --- hands -------------------------------------------------------------------------------------------------------

    def do(self, *words: str) -> str:
        return subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=60, check=False).stdout

    def focus(self, title: str) -> None:
        """Give the keys to a window, as a window manager does when one opens or closes; there is none here."""

        def given() -> bool:
            for number in self.do("search", "--onlyvisible", "--name", title).split():
                self.do("windowfocus", "--sync", number)
            return title in self.look()["active"]

        wait_for(given, 20, f"keys for '{title}'")

    def move(self, place: Place) -> None:
        self.do("mousemove", *map(str, place))

    def click(self, place: Place, button: int = 1, key: str = "", times: int = 1) -> None:
        self.steps.append(f"{key} click {button}".strip())
        held = (["keydown", key], ["keyup", key]) if key else ([], [])
        self.do("mousemove", *map(str, place), *held[0], "click", "--repeat", str(times), "--delay", "30", str(button), *held[1])

    def drag(self, path: Sequence[Place], button: int = 1, key: str = "") -> None:
        self.steps.append(f"{key} drag".strip())
        first, *rest = path
        moves = [word for place in rest for word in ("mousemove", *map(str, place), "sleep", "0.03")]
        held = (["keydown", key], ["keyup", key]) if key else ([], [])
        self.do("mousemove", *map(str, first), *held[0], "mousedown", str(button), *moves, "mouseup", str(button), *held[1])

    def wheel(self, place: Place, notches: int, key: str = "") -> None:
        """Positive notches are away from the hand."""
        self.click(place, 4 if notches > 0 else 5, key, abs(notches))

    def press(self, *keys: str) -> None:
        self.steps += keys
        self.do("key", "--delay", "15", *keys)

    def type(self, text: str) -> None:
        self.steps.append(f"type {text}")
        self.do("type", "--delay", "4", text)

    def say(self, text: str) -> None:
        """In the chat; the slash goes there."""
        self.press("slash")
        self.until(lambda seen: seen["focus"] == "Sentence", 10, "the chat's line")
        self.type(text)
        self.press("Return")


def summary(seen: Seen) -> str:
    """For a failed test: everything but the widgets, and their names."""
    return f"{ {key: value for key, value in seen.items() if key not in ('widgets', 'panes')} }, {[one['name'] for one in seen['widgets']]}"


def save_small(picture: Any, path: Path) -> None:
    """Write a Pillow picture as a PNG of 256 colours, among them those of thin lines, which count more than their few pixels."""
    from PIL import Image

    picture = picture.convert("RGB")
    colours, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    votes = np.repeat(colours, np.maximum(1, np.round(counts**0.35)).astype(int), axis=0)
    palette = Image.fromarray(votes[None]).quantize(256, kmeans=2)
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def _connected(path: Path) -> socket.socket | None:
    if not path.exists():
        return None
    eyes = socket.socket(socket.AF_UNIX)
    try:
        eyes.connect(str(path))
    except OSError:
        eyes.close()
        return None
    return eyes


def _named(seen: Seen, name: str, kind: str) -> list[int] | None:
    """Where the thing of that name is: as it is called in full, else as its name begins."""
    things = [
        {**part, "kind": widget["kind"], "enabled": widget["enabled"]}
        for widget in seen["widgets"]
        for part in (widget, *widget.get("parts", ()))
    ]
    # What another tab covers is kept at places beside the screen.
    things = [thing for thing in things if kind in ("", thing["kind"]) and thing["enabled"] and min(thing["place"]) >= 0]
    for fits in (name.__eq__, lambda text: text.startswith(name)):
        for thing in things:
            if fits(thing["name"]):
                return thing["place"]
    return None

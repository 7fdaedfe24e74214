"""How many slices a second the window shows while somebody scrolls, on a virtual display with real events.

``python -m tests.ui.scrolling [SLICES]`` makes a CT of 512 x 512 x SLICES (600), opens it, and prints the figures: the wheel over each
pane, and the crosshair dragged, which moves the slices of two panes at once.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tests.ui.screen import Screen, Seen, person

EVENTS = 150
# Between two events of a hand: a wheel that is spun, a mouse that reports 125 times a second.
PAUSE_S = 0.008
ROWS, COLUMNS = 512, 512


@dataclass(frozen=True)
class Figure:
    """What one way of scrolling gave. shown: slices that were painted in all panes together. work_s: of the main thread."""

    name: str
    shown: int
    frames: int
    wall_s: float
    work_s: float

    @property
    def a_second(self) -> float:
        """Frames a second, as they were seen."""
        return self.frames / self.wall_s

    @property
    def possible(self) -> float:
        """Frames a second that the main thread's work on them allows, where nobody else wants the processor."""
        return self.frames / self.work_s

    def line(self) -> str:
        return f"{self.name:28s} {self.a_second:6.1f} frames a second ({self.possible:.0f} possible), {self.shown} slices painted"


def write_ct(path: Path, slices: int) -> None:
    """Soft tissue with noise and bone-like blobs: nothing that could be drawn faster than a patient."""
    import nibabel

    rng = np.random.default_rng(0)
    tile = rng.normal(40, 120, (ROWS, COLUMNS, 24)).astype(np.int16)
    tile[150:360, 150:360, ::3] += 600
    voxels = np.asfortranarray(np.concatenate([tile] * (slices // 24 + 1), axis=2)[:, :, :slices])
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-0.7, -0.7, 1.0, 1.0])), path)


def measure(screen: Screen, name: str, act: Callable[[], object], panes: tuple[str, ...]) -> Figure:
    """panes: whose slices change; a frame is one in which the first of them shows another slice."""
    before, began = screen.idle(), time.monotonic()
    act()
    after, wall = screen.idle(), time.monotonic() - began

    def painted(seen: Seen) -> list[int]:
        return [seen["painted"][pane] for pane in panes]

    shown = np.subtract(painted(after), painted(before))
    return Figure(name, int(shown.sum()), int(shown[0]), wall, after["work_s"] - before["work_s"])


def figures(slices: int, folder: Path) -> list[Figure]:
    path = folder / "large.nii"
    write_ct(path, slices)
    screen = Screen(person(folder), folder)
    try:
        screen.start(["open", str(path)], folder / "errors.txt")
        screen.until(lambda seen: seen["has_case"] and seen["idle"] and len(seen["panes"]) == 3, 300, "opening the volume")
        # The first look for the spine and what is computed ahead are not what is measured.
        screen.still((0, 80, 1000, 700), 60)
        return [*_wheel(screen), _drag(screen)]
    finally:
        screen.close()


def _wheel(screen: Screen) -> list[Figure]:
    found = []
    for plane in ("axial", "sagittal", "coronal"):
        left, top, width, height = screen.look()["panes"][plane]["place"]
        place = str(left + width // 2), str(top + height // 2)
        for button in ("5", "4"):
            words = ("mousemove", *place, "click", "--repeat", str(EVENTS // 2), "--delay", str(round(1000 * PAUSE_S)), button)
            found.append(measure(screen, f"wheel, {plane}, {'on' if button == '5' else 'back'}", partial(screen.do, *words), (plane,)))
    return found


def _drag(screen: Screen) -> Figure:
    left, top, width, height = screen.look()["panes"]["axial"]["place"]
    side = min(width, height)
    first = left + width // 2 - side // 4, top + height // 2 - side // 4
    path = [(first[0] + round(side / 2 * step / EVENTS), first[1] + round(side / 2 * step / EVENTS)) for step in range(EVENTS)]
    moves = [word for x, y in path for word in ("mousemove", str(x), str(y), "sleep", str(PAUSE_S))]
    words = ("mousemove", *map(str, first), "keydown", "ctrl", "mousedown", "1", *moves, "mouseup", "1", "keyup", "ctrl")
    return measure(screen, "crosshair, two panes at once", partial(screen.do, *words), ("sagittal", "coronal"))


def main(slices: int = 600) -> None:
    with tempfile.TemporaryDirectory(prefix="scrolling_") as folder:
        for figure in figures(slices, Path(folder)):
            sys.stdout.write(figure.line() + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

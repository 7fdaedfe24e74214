"""How long after the button goes down the mask is on the screen, on a virtual display with real events.

``python -m tests.ui.clicking [SLICES]`` opens a phantom patient and prints the figures. On each of SLICES slices (9) a vertebra is clicked,
then corrected by two more clicks, once with a pointer that rests before it presses, as a hand does, and once without.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tests.ui.patients import L3, Mm, phantom
from tests.ui.screen import Place, Screen, person

REST_S = 0.4
# How long a finger is down, and how long is looked afterwards.
FINGER_S = 0.09
WATCH_S = 0.9
# The mask is on the screen when so much of the pane's colours (intersection over union) is as it stays.
SAME = 0.97
COLOURFUL = 24
KINDS = ("first click", "second click", "third click, negative")


@dataclass
class Figure:
    """taken_ms: from the press to the mask as it stays."""

    name: str
    taken_ms: list[float] = field(default_factory=list)

    @property
    def p95_ms(self) -> float:
        return float(np.percentile(self.taken_ms, 95))

    def line(self) -> str:
        middle = float(np.percentile(self.taken_ms, 50))
        return (
            f"{self.name:42s} p50 {middle:6.1f} ms  p95 {self.p95_ms:6.1f} ms  worst {max(self.taken_ms):6.1f} ms  of {len(self.taken_ms)}"
        )


class Hand:
    """One xdotool that stays: what starts anew for every event takes longer than what is measured."""

    def __init__(self, screen: Screen) -> None:
        self._process = subprocess.Popen(
            ["xdotool", "-"], env=screen.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def does(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(line + "\n" for line in lines).encode())
        self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def on_screen_ms(screen: Screen, hand: Hand, pane: Sequence[int], place: Place, button: int, rest_s: float) -> float | None:
    """From a press to the mask as it stays; None where the click changed nothing."""
    left, top, width, height = pane

    def look() -> NDArray[np.uint8]:
        return screen.pixels()[top : top + height, left : left + width].copy()

    hand.does(f"mousemove {place[0]} {place[1]}")
    time.sleep(rest_s)
    before = _colours(look())
    began = time.perf_counter()
    hand.does(f"mousedown {button}", f"sleep {FINGER_S}", f"mouseup {button}")
    frames: list[tuple[float, NDArray[np.uint8]]] = []
    while (now := time.perf_counter() - began) < WATCH_S:
        seen = look()
        if not frames or not np.array_equal(seen, frames[-1][1]):
            frames.append((now, seen))
        time.sleep(0.002)
    screen.idle()
    last = _colours(look())
    if _alike(before, last) >= SAME or _alike(_colours(frames[0][1]), last) >= SAME:
        return None
    shown = [_alike(_colours(picture), last) >= SAME for _, picture in frames]
    wrong = [number for number, is_shown in enumerate(shown) if not is_shown]
    first = wrong[-1] + 1 if wrong else 0
    return 1000 * frames[first][0] if first < len(frames) else 1000 * WATCH_S


def _colours(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a pane (rows, columns, RGB) is not grey: masks. Thin lines, letters and marks are left out."""
    spread = picture.max(2).astype(int) - picture.min(2)
    return ndimage.binary_opening(spread > COLOURFUL, iterations=3)


def _alike(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


def figures(slices: int, folder: Path) -> list[Figure]:
    patient = phantom(folder)
    assert patient.reference is not None
    found = {(kind, rests): Figure(f"{kind}, {'after a rest' if rests else 'at once'}") for rests in (True, False) for kind in KINDS}
    screen = Screen(person(folder), folder)
    hand = Hand(screen)
    try:
        screen.start(["open", str(patient.series)], folder / "errors.txt")
        screen.until(lambda seen: seen["has_case"] and seen["idle"] and len(seen["panes"]) == 3, 120, "opening the series")
        screen.still((0, 80, 1000, 700), 60)
        middle = round(patient.middle[2] / 2.5)
        for rests in (True, False):
            for index in range(middle - slices // 2, middle - slices // 2 + slices):
                targets = _targets(patient.reference[..., index], index)
                pane = _show(screen, index)
                if not rests:
                    # What the first round has set would be taken up again.
                    screen.press("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z")
                    screen.idle()
                for kind, (mm, button) in zip(KINDS, targets, strict=True):
                    taken = on_screen_ms(screen, hand, pane["place"], _at(pane, mm), button, REST_S if rests else 0.0)
                    if taken is not None:
                        found[kind, rests].taken_ms.append(taken)
    finally:
        hand.close()
        screen.close()
    return list(found.values())


def _show(screen: Screen, index: int) -> dict:
    """Scroll the axial pane to a slice; returns what is known of the pane."""
    pane = screen.look()["panes"]["axial"]
    left, top, width, height = pane["place"]
    while pane["slice"] != index:
        screen.wheel((left + width // 2, top + height // 2), -1 if index > pane["slice"] else 1)
        before = pane["slice"]
        pane = screen.until(lambda seen, b=before: seen["panes"]["axial"]["slice"] != b, 20, "another slice")["panes"]["axial"]  # type: ignore[misc]
    time.sleep(0.6)
    screen.idle()
    return pane


def _at(pane: dict, mm: Mm) -> Place:
    x, y = np.array(pane["matrix"]) @ mm + pane["offset"]
    return round(x), round(y)


def _targets(labels: NDArray[np.uint8], index: int) -> list[tuple[Mm, int]]:
    """Two places in L3 on an axial slice [i, j] and one beside it, each with the button that is pressed there."""
    inside = ndimage.binary_erosion(labels == L3, iterations=2)
    places = np.argwhere(inside)
    first = places[np.argmin(((places - places.mean(0)) ** 2).sum(1))]
    second = places[np.argmax(((places - first) ** 2).sum(1))]
    ring = np.argwhere(ndimage.binary_dilation(labels == L3, iterations=5) & ~ndimage.binary_dilation(labels == L3, iterations=3))
    beside = ring[np.argmin(((ring - first) ** 2).sum(1))]

    def mm(ij: NDArray) -> Mm:
        return 1.5 * float(ij[0]), 1.5 * float(ij[1]), 2.5 * index

    return [(mm(first), 1), (mm(second), 1), (mm(beside), 3)]


def main(slices: int = 9) -> None:
    with tempfile.TemporaryDirectory(prefix="clicking_") as folder:
        for figure in figures(slices, Path(folder)):
            if figure.taken_ms:
                sys.stdout.write(figure.line() + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

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
# How long a finger is down, how long is looked afterwards, and how long it takes between two looks.
FINGER_S = 0.09
WATCH_S = 0.9
LOOK_S = 0.002
# The mask is on the screen when it is as it stays up to such a share of it, and up to such a share of what the click has changed.
RIGHT, SETTLED = 0.97, 0.9
# Places on the screen below which a click has changed nothing that could be seen.
SEEN_PIXELS = 20
# Colours that differ so little in each channel are the same once rounded; so far from the pointer there are its own picture and the point.
ROUNDED = 4
POINTER_PIXELS = 18
KINDS = ("first click", "second click", "third click, negative")


@dataclass
class Figure:
    """taken_ms: from the press to the mask as it stays. unseen: clicks that changed nothing."""

    name: str
    taken_ms: list[float] = field(default_factory=list)
    unseen: int = 0

    def lines(self) -> str:
        if not self.taken_ms:
            return f"{self.name:42s} changed nothing\n"
        middle, high = np.percentile(self.taken_ms, (50, 95))
        all_ms = " ".join(f"{ms:.0f}" for ms in sorted(self.taken_ms))
        unseen = f", {self.unseen} changed nothing" if self.unseen else ""
        return f"{self.name:42s} p50 {middle:6.1f} ms  p95 {high:6.1f} ms  of {len(self.taken_ms)}{unseen}\n    {all_ms}\n"


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


class Shown:
    """What is seen of masks in pictures of a pane (rows, columns, BGRX): where there is one, and where something else covers the slice.

    Slices are grey, so a see-through fill differs from them by the same in each channel, whatever lies under it; lines, points, letters and
    notes have other colours. pointers: (row, column) where the pointer was, around which nothing is seen of the mask.
    """

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], pointers: Sequence[tuple[int, int]]) -> None:
        rows, columns = np.indices(pictures[0].shape[:2])
        self._pointer = np.zeros(pictures[0].shape[:2], bool)
        for row, column in pointers:
            self._pointer |= (rows - row) ** 2 + (columns - column) ** 2 <= POINTER_PIXELS**2
        coloured = np.concatenate([_chroma(one)[_is_fill(one)] for one in pictures])
        kinds, counts = np.unique(coloured, axis=0, return_counts=True)
        self.colour = kinds[counts.argmax()] if len(kinds) else None

    def mask(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where the mask is, and where it could be seen."""
        chroma = _chroma(picture)
        is_mask = (np.abs(chroma - self.colour) <= ROUNDED).all(2)
        return is_mask, (is_mask | (np.abs(chroma).max(2) <= ROUNDED)) & ~self._pointer

    def differ(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[int, int]:
        """How many pixels have a mask in only one of two pictures, and how many in either."""
        (first, first_seen), (second, second_seen) = self.mask(one), self.mask(other)
        seen = first_seen & second_seen
        return int(((first ^ second) & seen).sum()), int(((first | second) & seen).sum())


def _chroma(picture: NDArray[np.uint8]) -> NDArray[np.int_]:
    """What a colour is beside grey: (rows, columns, 2)."""
    return np.diff(picture[..., :3].astype(int), axis=2)


def _is_fill(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where there is a broad coloured area."""
    return ndimage.binary_opening(np.abs(_chroma(picture)).max(2) > 4 * ROUNDED, iterations=3)


def on_screen_ms(
    screen: Screen, hand: Hand, pane: Sequence[int], place: Place, button: int, *, rest_s: float, was: Place | None
) -> float | None:
    """From a press to the mask as it stays; None where the click changed nothing. was: where the pointer is so far, if in the pane."""
    live = screen.live(pane)
    press = (f"mousedown {button}", f"sleep {FINGER_S}", f"mouseup {button}")
    if rest_s:
        hand.does(f"mousemove {place[0]} {place[1]}")
        time.sleep(rest_s)
    before = live.copy()
    began = time.perf_counter()
    hand.does(*(() if rest_s else (f"mousemove {place[0]} {place[1]}",)), *press)
    frames: list[tuple[float, NDArray[np.uint8]]] = []
    while (now := time.perf_counter() - began) < WATCH_S:
        if not frames or not np.array_equal(live, frames[-1][1]):
            frames.append((now, live.copy()))
        time.sleep(LOOK_S)
    screen.idle()
    pointers = [(y - pane[1], x - pane[0]) for x, y in (place, *([was] if was else []))]
    return until_settled_ms(before, frames, live.copy(), pointers)


def until_settled_ms(
    before: NDArray[np.uint8],
    frames: Sequence[tuple[float, NDArray[np.uint8]]],
    last: NDArray[np.uint8],
    pointers: Sequence[tuple[int, int]],
) -> float | None:
    """When a mask was as it is in the last picture and stayed so; None where it was so before. frames: seconds and pictures, in order."""
    shown = Shown((before, last), pointers)
    if shown.colour is None:
        return None
    change, _ = shown.differ(before, last)
    if change < SEEN_PIXELS:
        return None

    def is_right(picture: NDArray[np.uint8]) -> bool:
        off, either = shown.differ(picture, last)
        return off <= (1 - RIGHT) * either and off <= (1 - SETTLED) * change

    wrong = [number for number, (_, picture) in enumerate(frames) if not is_right(picture)]
    first = wrong[-1] + 1 if wrong else 0
    return 1000 * frames[first][0] if first < len(frames) else 1000 * WATCH_S


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
                was = None
                for kind, (mm, button) in zip(KINDS, targets, strict=True):
                    place = _at(pane, mm)
                    taken = on_screen_ms(screen, hand, pane["place"], place, button, rest_s=REST_S if rests else 0.0, was=was)
                    was = place
                    if taken is None:
                        found[kind, rests].unseen += 1
                    else:
                        found[kind, rests].taken_ms.append(taken)
            _take_all_back(screen)
    finally:
        hand.close()
        screen.close()
    return list(found.values())


def _take_all_back(screen: Screen) -> None:
    """What is set already would be taken up again by the next clicks."""
    while steps := screen.idle()["undo"]:
        screen.press(*["ctrl+z"] * min(steps, 10))
        screen.until(lambda seen, steps=steps: seen["undo"] < steps, 20, "undoing")  # type: ignore[misc]


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
            sys.stdout.write(figure.lines())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

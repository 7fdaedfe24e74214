"""What `tests/ui/clicking.py` takes for a mask on the screen, and what not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.ui.clicking import until_settled_ms

Picture = NDArray[np.uint8]
POINTER = (70, 70)


def slice_picture(*discs: tuple[int, int, int], banner: bool = False, point: bool = False) -> Picture:
    """A grey slice with noise as (rows, columns, BGRX); discs: (row, column, radius) of the mask."""
    grey = np.random.default_rng(0).integers(60, 200, (160, 160, 1))
    picture = np.repeat(grey, 4, axis=2).astype(float)
    rows, columns = np.indices(grey.shape[:2])
    for row, column, radius in discs:
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        picture[inside, :3] = 0.55 * picture[inside, :3] + 0.45 * np.array([30, 130, 150])
    if point:
        picture[(rows - POINTER[0]) ** 2 + (columns - POINTER[1]) ** 2 <= 36, :3] = 132, 220, 61
    if banner:
        picture[84:96, :, :3] = 22, 14, 8
    return picture.round().astype(np.uint8)


def settled(before: Picture, frames: list[Picture], last: Picture) -> float | None:
    return until_settled_ms(before, [(0.01 * (n + 1), frame) for n, frame in enumerate(frames)], last, [POINTER])


BARE, MASK = slice_picture(), slice_picture((70, 70, 30))


def test_a_mask_counts_from_when_it_is_as_it_stays() -> None:
    assert settled(BARE, [BARE, MASK, MASK], MASK) == 20
    assert settled(BARE, [BARE, BARE, BARE], MASK) == 900


def test_a_point_a_banner_over_the_mask_and_the_pointer_are_no_mask() -> None:
    last = slice_picture((70, 70, 30), banner=True, point=True)
    assert settled(BARE, [slice_picture(point=True), MASK, slice_picture((70, 70, 30), point=True)], last) == 20
    assert settled(slice_picture(point=True), [slice_picture(banner=True)], slice_picture(banner=True, point=True)) is None


def test_a_mask_that_goes_away_again_or_is_another_one_does_not_count() -> None:
    assert settled(BARE, [MASK, BARE, MASK], MASK) == 30
    assert settled(BARE, [slice_picture((70, 74, 30)), MASK], MASK) == 20


def test_a_small_correction_counts_when_it_is_there_not_when_most_of_the_mask_is() -> None:
    corrected = slice_picture((70, 70, 30), (104, 70, 6))
    assert settled(MASK, [MASK, MASK, corrected], corrected) == 30


def test_what_changes_nothing_is_not_measured() -> None:
    assert settled(MASK, [MASK], MASK) is None
    assert settled(BARE, [BARE], BARE) is None

"""The square window through which the compact network looks at a slice.

The network works at a scale relative to the structure, not to the file's pixels: a 27-pixel vertebra of a 1.5 mm volume and
a 140-pixel one of a 0.29 mm volume are shown to it at the same size. A look is chosen from the prompts alone, so the same
prompts always give the same mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray

from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.prompts import SlicePrompt

# A box fills this share of the look's side: enough surroundings to tell neighbours apart, enough pixels for thin processes.
BOX_FILL = 0.60
# With clicks alone the size of the structure is unknown: this many mm are looked at first, a vertebra with its neighbours.
POINT_FIELD_MM = 130.0
# Clicks close to each other share a look: it lies at places of which its side holds so many, and close ones differ by a factor in size.
WIDE_STEPS, CLOSE_STEPS, CLOSE_SIZES = 16, 24, 1.08
# The part of the first click's look, in the middle of it, that further clicks may lie in.
INSIDE = 0.7
# A further click keeps the close window of the mask that it corrects while what it finds fills such a share of it and lies so far inside.
KEPT_FILL, KEPT_INSIDE = (0.48, 0.72), 0.84
# Pictures have no mm: the share of the longer side that is looked at first.
POINT_FIELD_SHARE = 0.45
# Never look at less than this many pixels of the slice: below it there is nothing to see but interpolation.
SMALLEST_SIDE_PIXELS = 12.0


@dataclass(frozen=True)
class Look:
    """A window of whole pixels on a slice, which may reach over its edge.

    column, row: the first pixel. columns, rows: its size in slice pixels. Physically it is a square.
    side: size in network pixels.
    """

    column: int
    row: int
    columns: int
    rows: int
    side: int

    def to_look(self, pixels_xy: ArrayLike) -> NDArray[np.float32]:
        """Slice pixels (..., 2), centres at integers, to look pixels (..., 2), centres at integers."""
        pixels = np.asarray(pixels_xy, np.float32)
        scale = np.array([self.side / self.columns, self.side / self.rows], np.float32)
        first = np.array([self.column, self.row], np.float32)
        return (pixels - first + 0.5) * scale - 0.5


def look_around(image: SliceImage, *, centre_xy: ArrayLike, side_mm: float, side: int) -> Look:
    """A look of `side_mm` (pixels where the spacing is unknown) around a slice pixel."""
    row_mm, column_mm = image.spacing_mm or (1.0, 1.0)
    side_mm = max(side_mm, SMALLEST_SIDE_PIXELS * min(row_mm, column_mm))
    columns = max(2, round(side_mm / column_mm))
    rows = max(2, round(side_mm / row_mm))
    x, y = np.asarray(centre_xy, float)
    return Look(int(np.floor(x + 0.5 - columns / 2 + 0.5)), int(np.floor(y + 0.5 - rows / 2 + 0.5)), columns, rows, side)


def look_for_box(image: SliceImage, box_xyxy: ArrayLike, *, side: int, fill: float = BOX_FILL) -> Look:
    """The look in which the box (corner pixel centres, inclusive) fills `fill` of the side."""
    centre_xy, side_mm = _around_box(image, box_xyxy)
    return look_around(image, centre_xy=centre_xy, side_mm=side_mm / fill, side=side)


def look_closer(image: SliceImage, box_xyxy: ArrayLike, *, side: int) -> Look:
    """`look_for_box` at one of a few sizes and places, so that what further clicks find in the same structure is looked at alike."""
    centre_xy, side_mm = _around_box(image, box_xyxy)
    step = round(np.log(side_mm / BOX_FILL) / np.log(CLOSE_SIZES))
    return _on_grid(look_around(image, centre_xy=centre_xy, side_mm=float(CLOSE_SIZES**step), side=side), CLOSE_STEPS)


def still_fits(look: Look, image: SliceImage, box_xyxy: ArrayLike) -> bool:
    """Whether a close look shows the box about as `look_closer` would."""
    _, side_mm = _around_box(image, box_xyxy)
    column_mm = image.spacing_mm[1] if image.spacing_mm else 1.0
    low, high = KEPT_FILL
    corners = look.to_look(np.asarray(box_xyxy, float).reshape(2, 2)) / look.side - 0.5
    return bool(low <= side_mm / (look.columns * column_mm) <= high and np.abs(corners).max() <= KEPT_INSIDE / 2)


def _around_box(image: SliceImage, box_xyxy: ArrayLike) -> tuple[tuple[float, float], float]:
    """The middle of a box, in pixels, and its longer side in mm."""
    x0, y0, x1, y1 = (float(value) for value in np.asarray(box_xyxy))
    row_mm, column_mm = image.spacing_mm or (1.0, 1.0)
    return ((x0 + x1) / 2, (y0 + y1) / 2), max((x1 - x0 + 1) * column_mm, (y1 - y0 + 1) * row_mm)


def _on_grid(look: Look, steps: int) -> Look:
    """The look at the nearest of the places of which its side holds so many."""
    columns, rows = max(1, round(look.columns / steps)), max(1, round(look.rows / steps))
    return Look(round(look.column / columns) * columns, round(look.row / rows) * rows, look.columns, look.rows, look.side)


def look_for_points(image: SliceImage, points_xy: ArrayLike, *, side: int) -> Look:
    """A look for clicks alone: a fixed field in mm around them, larger where they lie further apart, at places on a grid."""
    points = np.asarray(points_xy, float).reshape(-1, 2)
    row_mm, column_mm = image.spacing_mm or (1.0, 1.0)
    rows, columns = image.pixels.shape
    field = POINT_FIELD_MM if image.spacing_mm else POINT_FIELD_SHARE * max(rows, columns)
    spread = (points.max(0) - points.min(0) + 1) * (column_mm, row_mm)
    middle, side_mm = (points.max(0) + points.min(0)) / 2, max(field, float(spread.max()) / BOX_FILL)
    return _on_grid(look_around(image, centre_xy=middle, side_mm=side_mm, side=side), WIDE_STEPS)


def choose_look(image: SliceImage, prompt: SlicePrompt, *, side: int) -> Look:
    """The first look for a prompt. Corrections keep the first click's while they lie well inside it: it has been encoded."""
    if prompt.box_xyxy is not None:
        return look_for_box(image, prompt.box_xyxy, side=side)
    if len(prompt.points_xy) > 1 and prompt.positive.any():
        first = look_for_points(image, prompt.points_xy[prompt.positive][:1], side=side)
        if np.abs(first.to_look(prompt.points_xy) / side - 0.5).max() <= INSIDE / 2:
            return first
    return look_for_points(image, prompt.points_xy, side=side)


def cut(image: SliceImage, look: Look) -> torch.Tensor:
    """The look's pixels as a (1, 1, side, side) float32 tensor, resampled with antialiasing; edges are repeated outside."""
    rows, columns = image.pixels.shape
    row_indices = np.clip(np.arange(look.row, look.row + look.rows), 0, rows - 1)
    column_indices = np.clip(np.arange(look.column, look.column + look.columns), 0, columns - 1)
    patch = np.ascontiguousarray(image.pixels[np.ix_(row_indices, column_indices)], np.float32)
    tensor = torch.from_numpy(patch)[None, None]
    return F.interpolate(tensor, size=(look.side, look.side), mode="bilinear", align_corners=False, antialias=True)


def paste(logits: torch.Tensor, look: Look, shape: tuple[int, int], *, threshold: float = 0.0) -> NDArray[np.bool_]:
    """Logits (n, h, w) of a look to masks (n, rows, columns) on the slice's pixels; nothing outside the look."""
    rows, columns = shape
    full = np.zeros((logits.shape[0], rows, columns), bool)
    resized = F.interpolate(logits[None].float(), size=(look.rows, look.columns), mode="bilinear", align_corners=False, antialias=True)[0]
    r0, r1 = max(look.row, 0), min(look.row + look.rows, rows)
    c0, c1 = max(look.column, 0), min(look.column + look.columns, columns)
    if r0 < r1 and c0 < c1:
        part = resized[:, r0 - look.row : r1 - look.row, c0 - look.column : c1 - look.column]
        full[:, r0:r1, c0:c1] = (part > threshold).numpy()
    return full

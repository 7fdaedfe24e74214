"""A picture of a case with its masks: the three planes through a point, side by side, as they are shown in the window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.anatomy import label_colour, label_name
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.support.windowing import apply_window, preset

if TYPE_CHECKING:
    from PIL.Image import Image

    from spinalsam.data.volume import Volume

_HEIGHT = 620  # pixels of the tallest pane
_FILL, _EDGE = 0.38, 0.95  # opacity of a mask inside and at its edge
_GAP, _BAR, _FOOT = 12, 34, 46
_GROUND, _INK, _DIM = (17, 19, 23), (232, 234, 238), (150, 156, 166)


@dataclass(frozen=True)
class _Pane:
    """One plane, drawn: rgb (rows, columns, 3) uint8, its caption and the letters at its edges (left, right, top, bottom)."""

    rgb: NDArray[np.uint8]
    caption: str
    letters: tuple[str, str, str, str]


def write_overlay(path: Path, volume: Volume, mask: NDArray, *, centre_ijk: tuple[int, int, int], title: str) -> None:
    """Write the picture as a PNG, whole or not at all. Raises OutputError or ResourceError.

    mask: label values [i, j, k] on the volume's grid. centre_ijk: the voxel through which the three slices run.
    """
    from spinalsam.data.formats.safe_write import Output, write_all

    picture = draw_overlay(volume, mask, centre_ijk=centre_ijk, title=title)
    write_all([Output(path, lambda file: picture.save(file, format="PNG"))])


def draw_overlay(volume: Volume, mask: NDArray, *, centre_ijk: tuple[int, int, int], title: str) -> Image:
    """The picture itself."""
    from PIL import Image as Images
    from PIL import ImageDraw

    planes = [SlicePlane(volume.geometry, name) for name in PLANES]
    extent_mm = max(rows * spacing for plane in planes for rows, spacing in [(plane.shape[0], plane.spacing_mm[0])])
    panes = [_pane(volume, mask, plane, centre_ijk, _HEIGHT / extent_mm) for plane in planes]
    width = sum(pane.rgb.shape[1] for pane in panes) + _GAP * (len(panes) + 1)
    picture = Images.new("RGB", (width, _BAR * 2 + _HEIGHT + _FOOT), _GROUND)
    draw = ImageDraw.Draw(picture)
    draw.text((_GAP, 8), title, fill=_INK, font=_font(20))
    left = _GAP
    for pane in panes:
        top = 2 * _BAR + (_HEIGHT - pane.rgb.shape[0]) // 2
        picture.paste(Images.fromarray(pane.rgb), (left, top))
        draw.text((left, top - 24), pane.caption, fill=_DIM, font=_font(15))
        _letters(draw, pane, left, top)
        left += pane.rgb.shape[1] + _GAP
    _legend(draw, [int(value) for value in np.unique(mask) if value], picture.height - _FOOT + 14, width)
    return picture


def _pane(volume: Volume, mask: NDArray, plane: SlicePlane, centre_ijk: tuple[int, int, int], pixels_per_mm: float) -> _Pane:
    index = int(centre_ijk[plane.normal_axis])
    grey = apply_window(plane.cut(volume.voxels, index).astype(np.float32), preset("bone"))
    rows, columns = (max(1, round(n * mm * pixels_per_mm)) for n, mm in zip(plane.shape, plane.spacing_mm, strict=True))
    size = (rows, columns)
    labels = _enlarged_labels(plane.cut(mask, index), size)
    rgb = np.repeat(_enlarged(grey, size)[..., None], 3, axis=2).astype(np.float32)
    for value in np.unique(labels):
        if value:
            inside = labels == value
            opacity = np.where(inside, np.where(_edge(inside), _EDGE, _FILL), 0.0)[..., None]
            rgb = rgb * (1 - opacity) + opacity * np.array(label_colour(int(value)), np.float32)
    return _Pane(rgb.round().astype(np.uint8), f"{plane.plane.capitalize()}  {index + 1} / {plane.count}", plane.edge_letters)


def _enlarged(grey: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Grey values (rows, columns) resized to `size` (rows, columns)."""
    from PIL import Image as Images

    smooth = Images.Resampling.BICUBIC
    return np.asarray(Images.fromarray(np.ascontiguousarray(grey)).resize(size[::-1], smooth))


def _enlarged_labels(labels: NDArray, size: tuple[int, int]) -> NDArray:
    """Labels (rows, columns) resized to `size`: each label grows smoothly, and the strongest one wins, so edges are not staircases."""
    winner = np.zeros(size, labels.dtype)
    best = np.full(size, 127, np.uint8)
    for value in np.unique(labels):
        if value:
            share = _enlarged(np.where(labels == value, 255, 0).astype(np.uint8), size)
            winner[share > best] = value
            best = np.maximum(best, share)
    return winner


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a shape that touch its outside."""
    padded = np.pad(inside, 1)
    return inside & ~(padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:])


def _letters(draw: Any, pane: _Pane, left: int, top: int) -> None:
    rows, columns = pane.rgb.shape[:2]
    places = ((10, rows // 2), (columns - 10, rows // 2), (columns // 2, 12), (columns // 2, rows - 12))
    for letter, (x, y) in zip(pane.letters, places, strict=True):
        draw.text((left + x, top + y), letter, fill=_INK, font=_font(16), anchor="mm")


def _legend(draw: Any, values: list[int], top: int, width: int) -> None:
    left = _GAP
    for value in values:
        name = label_name(value)
        if left + 90 > width:
            break
        draw.rounded_rectangle((left, top, left + 16, top + 16), 3, fill=label_colour(value))
        draw.text((left + 22, top + 8), name, fill=_INK, font=_font(15), anchor="lm")
        left += 44 + 9 * len(name) + 12


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)

"""The picture of a case in a summary: one sagittal and one coronal slice through the masks, with the levels' names.

A volume of too few slices for that is shown as one axial slice.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.picturing import slice_picture
from spinalsam.support.planes import SliceRef

if TYPE_CHECKING:
    from PIL.Image import Image

    from spinalsam.control.workspace import Workspace

PLANES = ("sagittal", "coronal")
_HEIGHT = 560  # pixels
_WIDEST = 640  # pixels of one pane
_GAP = 6
_FEWEST = 8  # pixels across a slice that shows anything
_SMALLEST_MM2 = 40.0  # of a cross-section that is worth a name
_ROOM_MM = 35.0  # shown around the masks


def draw_preview(ws: Workspace) -> Image:
    """Both slices beside each other, RGB, `_HEIGHT` pixels high, in the bone window."""
    from PIL import Image as Images

    if ws.case.volume.is_hu:
        ws.run("set_window", preset="bone")
    tall = [plane for plane in PLANES if min(ws.plane(plane).shape) >= _FEWEST]
    panes = [_pane(ws, plane) for plane in tall or ("axial",)]
    width = sum(pane.width for pane in panes) + _GAP * (len(panes) - 1)
    picture = Images.new("RGB", (max(1, width), _HEIGHT))
    left = 0
    for pane in panes:
        picture.paste(pane, (left, (_HEIGHT - pane.height) // 2))
        left += pane.width + _GAP
    return picture


def png(picture: Image) -> bytes:
    """The picture as PNG."""
    data = io.BytesIO()
    picture.save(data, format="PNG", optimize=True)
    return data.getvalue()


def _pane(ws: Workspace, plane: str) -> Image:
    from PIL import Image as Images
    from PIL import ImageDraw, ImageFont

    ref = SliceRef(plane, _middle(ws, plane))
    cut = ws.plane(plane)
    whole = slice_picture(ws, ref)
    top, bottom, left, right = _shown(ws, plane)
    down, across = whole.shape[0] / cut.shape[0], whole.shape[1] / cut.shape[1]
    picture = Images.fromarray(whole[round(top * down) : round(bottom * down), round(left * across) : round(right * across)])
    scale = min(_HEIGHT / picture.height, _WIDEST / picture.width)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Images.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(14)
    labels = cut.cut(ws.case.mask, ref.index)
    for value, (row, column) in _label_places(labels, float(np.prod(cut.spacing_mm))).items():
        place = (size[0] * (column + 0.5 - left) / (right - left), size[1] * (row + 0.5 - top) / (bottom - top))
        draw.text(place, ws.state.label(value).name, fill="white", font=font, anchor="mm", stroke_width=2, stroke_fill="black")
    letters = cut.edge_letters
    for text, place, anchor in ((letters[0], (5, size[1] // 2), "lm"), (letters[1], (size[0] - 5, size[1] // 2), "rm")):
        draw.text(place, text, fill=(200, 205, 214), font=font, anchor=anchor, stroke_width=2, stroke_fill="black")
    return picture


def _middle(ws: Workspace, plane: str) -> int:
    """The coronal slice with most of the masks on it, the sagittal one with half of them on either side; the middle one without masks."""
    axis = ws.plane(plane).normal_axis
    mask = ws.case.mask
    areas = np.count_nonzero(mask, axis=tuple(n for n in range(3) if n != axis))
    if not areas.any():
        return mask.shape[axis] // 2
    return int(areas.argmax()) if plane == "coronal" else int(np.searchsorted(np.cumsum(areas), areas.sum() / 2))


def _shown(ws: Workspace, plane: str) -> tuple[int, int, int, int]:
    """First row and first beyond, first column and first beyond, of what is shown: the masks of all slices, with room around them."""
    cut = ws.plane(plane)
    rows, columns = cut.shape
    held = cut.cut(np.any(ws.case.mask, axis=cut.normal_axis, keepdims=True), 0)
    if not held.any():
        return 0, rows, 0, columns
    ends = []
    for along, count, mm in ((1, rows, cut.spacing_mm[0]), (0, columns, cut.spacing_mm[1])):
        where = np.flatnonzero(held.any(axis=along))
        room = round(_ROOM_MM / mm)
        ends += [max(0, int(where[0]) - room), min(count, int(where[-1]) + 1 + room)]
    return ends[0], ends[1], ends[2], ends[3]


def _label_places(labels: NDArray[Any], pixel_mm2: float) -> dict[int, tuple[float, float]]:
    """(row, column) in the middle of each label that is large enough to bear its name."""
    places = {}
    for value in np.unique(labels):
        rows, columns = np.nonzero(labels == value)
        if value and len(rows) * pixel_mm2 >= _SMALLEST_MM2:
            places[int(value)] = (float(np.median(rows)), float(np.median(columns)))
    return places

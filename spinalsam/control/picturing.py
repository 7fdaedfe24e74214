"""A slice as a picture: as the window shows it, with its masks, without what the screen adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.planes import SliceRef
from spinalsam.support.windowing import Window, apply_window

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

_FILL, _EDGE = 0.35, 0.95  # opacity of a mask inside and at its edge
_GAP = 8  # pixels between two pictures
_SHORTER_SIDE = 512  # pixels at least, so that thin stacks can be looked at


def slice_picture(ws: Workspace, ref: SliceRef) -> NDArray[np.uint8]:
    """The slice as RGB (rows, columns, 3) with square pixels, in the display window, with the visible masks and figures on it.

    Where mask and reference are shown side by side, both are, the mask on the left.
    """
    reference = ws.state.reference
    ours = _with_figures(ws, ref, _with_labels(ws, ref, ws.case.mask))
    if reference is None or not reference.side_by_side:
        return ours
    gap = np.zeros((ours.shape[0], _GAP, 3), np.uint8)
    return np.concatenate([ours, gap, _with_labels(ws, ref, reference.labels)], axis=1)


def _with_labels(ws: Workspace, ref: SliceRef, mask: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    plane, view = ws.plane(ref.plane), ws.state.view
    grey = apply_window(plane.cut(ws.case.volume.voxels, ref.index).astype(np.float32), Window(view.level_hu, view.width_hu))
    labels = plane.cut(mask, ref.index) if view.mask_visible else np.zeros(grey.shape, np.uint8)
    rows_mm, columns_mm = plane.spacing_mm if ws.case.volume.geometry.has_spacing else (1.0, 1.0)
    finest = min(rows_mm, columns_mm)
    size = np.array(grey.shape) * (rows_mm, columns_mm) / finest
    size *= max(1.0, _SHORTER_SIDE / size.min())
    picture = np.repeat(_resized(grey, size, smooth=True)[..., None], 3, axis=2).astype(np.float32)
    shown = _resized(labels.astype(np.int32), size, smooth=False)
    edge = _edges(shown)
    for value in np.unique(shown):
        info = ws.state.label(int(value))
        if value and info.visible:
            inside = shown == value
            opacity = np.where(inside & edge, _EDGE, np.where(inside, _FILL, 0))[..., None]
            picture = picture * (1 - opacity) + np.array(info.colour, np.float32) * opacity
    return np.rint(picture).astype(np.uint8)


def _with_figures(ws: Workspace, ref: SliceRef, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (rows, columns, 3) with the lines of what was measured last, and a legend, where some lie on this slice."""
    from PIL import Image, ImageDraw

    from spinalsam.control.quantities import RESEARCH_USE, visible_marks
    from spinalsam.support.morphometry.marks import COLOURS, LEGEND, on_slice, text_place

    plane = ws.plane(ref.plane)
    found = on_slice(visible_marks(ws), plane, ref.index)
    if not found:
        return picture
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    scale = np.array([picture.shape[1] / plane.shape[1], picture.shape[0] / plane.shape[0]])
    for mark, corners in found:
        line = [(float(x), float(y)) for x, y in (corners + 0.5) * scale - 0.5]
        draw.line(line, fill=COLOURS[mark.kind], width=2)
        if mark.text:
            x, y = text_place(mark, np.array(line))
            place = (x, y + (9 if mark.kind in ("core", "cobb") else 0))
            draw.text(place, mark.text.replace("°", " deg"), fill=COLOURS[mark.kind], anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))
    kinds = [kind for kind in LEGEND if any(mark.kind == kind for mark, _ in found)]
    for number, text in enumerate([*(LEGEND[kind] for kind in kinds), RESEARCH_USE]):
        colour = COLOURS[kinds[number]] if number < len(kinds) else (255, 255, 255)
        draw.text((6, 6 + 14 * number), text, fill=colour, stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(image)


def _resized(values: NDArray, size: NDArray[np.float64], *, smooth: bool) -> NDArray:
    """(rows, columns) values at another size: grey values smoothly, labels by the nearest pixel."""
    from PIL import Image

    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    rows, columns = (round(float(n)) for n in size)
    return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize((columns, rows), how))


def _edges(labels: NDArray) -> NDArray[np.bool_]:
    """Pixels whose neighbour has another label."""
    padded = np.pad(labels, 1)
    shifted = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.any([labels != neighbour for neighbour in shifted], axis=0)

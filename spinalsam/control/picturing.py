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
_SHORTER_SIDE = 512  # pixels at least, so that thin stacks can be looked at


def slice_picture(ws: Workspace, ref: SliceRef) -> NDArray[np.uint8]:
    """The slice as RGB (rows, columns, 3) with square pixels, in the display window, with the visible masks on it."""
    plane, view = ws.plane(ref.plane), ws.state.view
    grey = apply_window(plane.cut(ws.case.volume.voxels, ref.index).astype(np.float32), Window(view.level_hu, view.width_hu))
    labels = plane.cut(ws.case.mask, ref.index) if view.mask_visible else np.zeros(grey.shape, np.uint8)
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

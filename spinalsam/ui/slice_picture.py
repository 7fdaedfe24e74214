"""Slices as pictures: grey values, coloured masks and their outlines, each made once and kept until it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QLineF, Qt
from PyQt5.QtGui import QImage, QPainter, QPixmap

from spinalsam.control.comparing import ONLY_OURS, ONLY_REFERENCE, OTHER_LABEL, difference
from spinalsam.control.state import DEFAULT_OPACITY
from spinalsam.support.slabs import Slabs
from spinalsam.support.windowing import apply_window
from spinalsam.ui.scene import Rgb, SliceScene

FILL_ALPHA = DEFAULT_OPACITY
# Okabe and Ito's orange, sky blue and purple, which colour-blind people can tell apart.
DIFFERENCE_COLOURS: dict[int, Rgb] = {ONLY_OURS: (230, 159, 0), ONLY_REFERENCE: (86, 180, 233), OTHER_LABEL: (204, 121, 167)}
DIFFERENCE_ALPHA = 0.62
# Fill, and outlines by label value.
MaskPicture = tuple[QImage, dict[int, list[QLineF]]]
THUMBNAIL = 128


def grey_image(scene: SliceScene, slabs: Slabs | None = None) -> QImage:
    """The slice under the scene's window as a grey picture, one pixel a voxel. slabs: what is kept of the slices around it."""
    grey = np.ascontiguousarray(apply_window((slabs or Slabs()).cut(scene.plane, scene.volume.voxels, scene.index), scene.window))
    rows, columns = grey.shape
    picture = QImage(grey.data, columns, rows, columns, QImage.Format_Grayscale8)
    # The format that the raster engine scales fastest, converted once instead of at every repaint.
    return picture.convertToFormat(QImage.Format_ARGB32_Premultiplied)


def mask_image(labels: NDArray[Any], colours: Mapping[int, Rgb], alpha: float | Mapping[int, float] = FILL_ALPHA) -> QImage:
    """Label values (rows, columns) as a see-through picture in the labels' colours; labels without a colour are clear.

    alpha: of all labels, or of each by its value.
    """
    table = np.zeros(int(labels.max(initial=0)) + 1, np.uint32)
    for value, colour in colours.items():
        if 0 < value < len(table):
            opacity = alpha if isinstance(alpha, (int, float)) else alpha.get(value, FILL_ALPHA)
            red, green, blue = (round(channel * opacity) for channel in colour)
            table[value] = round(255 * opacity) << 24 | red << 16 | green << 8 | blue
    pixels = np.ascontiguousarray(table[labels])
    rows, columns = labels.shape
    return QImage(pixels.data, columns, rows, 4 * columns, QImage.Format_ARGB32_Premultiplied).copy()


def outline(labels: NDArray[Any], value: int) -> list[QLineF]:
    """The borders of one label as lines along the edges of its pixels, in slice pixels; neighbouring edges are joined."""
    inside = labels == value
    rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
    if rows.size == 0:
        return []
    top, left = int(rows[0]), int(columns[0])
    padded = np.pad(inside[top : rows[-1] + 1, left : columns[-1] + 1], 1)
    lines = [
        QLineF(left + a - 0.5, top + n - 0.5, left + b - 0.5, top + n - 0.5) for n, a, b in _runs(padded[1:, 1:-1] ^ padded[:-1, 1:-1])
    ]
    lines += [
        QLineF(left + n - 0.5, top + a - 0.5, left + n - 0.5, top + b - 0.5) for n, a, b in _runs((padded[1:-1, 1:] ^ padded[1:-1, :-1]).T)
    ]
    return lines


def _runs(edges: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """(row, first, past the last) of every run of True along the rows."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(int(row), int(first), int(last)) for (row, first), (_, last) in zip(starts, ends, strict=True)]


def thumbnail(scene: SliceScene, side: int = THUMBNAIL) -> QPixmap:
    """A small picture of a slice with its masks, at true proportions, its longer side `side` points."""
    return QPixmap.fromImage(thumbnail_image(scene, side))


def thumbnail_image(scene: SliceScene, side: int = THUMBNAIL) -> QImage:
    """The same for threads that may not touch the screen."""
    picture = grey_image(scene)
    if scene.mask is not None:
        painter = QPainter(picture)
        painter.drawImage(0, 0, mask_image(np.ascontiguousarray(scene.plane.cut(scene.mask, scene.index)), scene.colours, 0.5))
        painter.end()
    row_mm, column_mm = scene.plane.spacing_mm
    height, width = picture.height() * row_mm, picture.width() * column_mm
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return picture.scaled(*size, Qt.IgnoreAspectRatio, Qt.SmoothTransformation)


def draw_labels(scene: SliceScene, labels: NDArray[Any]) -> MaskPicture | None:
    """Labels (rows, columns) of the scene's slice as the scene shows its masks; None where nothing is to be drawn."""
    found = np.flatnonzero(np.bincount(labels.ravel())).tolist() if labels.any() else ()
    present = [value for value in found if value and value in scene.colours]
    outlines = {value: outline(labels, value) for value in present if scene.styles.get(value, (0, "both"))[1] != "fill"}
    if scene.reference is not None:
        reference = np.ascontiguousarray(scene.plane.cut(scene.reference, scene.index))
        return mask_image(difference(labels, reference), DIFFERENCE_COLOURS, DIFFERENCE_ALPHA), outlines
    if not present:
        return None
    alphas = {value: 0.0 if drawn == "outline" else opacity for value, (opacity, drawn) in scene.styles.items()}
    return mask_image(labels, scene.colours, alphas), outlines


class PictureCache:
    """The pictures of the slice last shown, so that moving the pointer or the crosshair repaints without work."""

    def __init__(self) -> None:
        self._grey_slabs, self._mask_slabs = Slabs(), Slabs()
        self._grey: tuple[Any, QImage] | None = None
        self._mask: tuple[Any, MaskPicture | None] | None = None

    def grey(self, scene: SliceScene) -> QImage:
        key = (id(scene.volume), scene.ref, scene.window)
        if self._grey is None or self._grey[0] != key:
            self._grey = key, grey_image(scene, self._grey_slabs)
        return self._grey[1]

    def mask(self, scene: SliceScene) -> MaskPicture | None:
        """(fill, outlines by label value), or None where nothing is to be drawn."""
        # An empty label map has never been touched: looking for labels would have the system make all of its memory, page by page.
        if scene.mask is None or not scene.mask_visible or not (scene.has_mask or scene.reference is not None):
            return None
        key = (id(scene.mask), scene.revision, scene.ref, tuple(scene.colours.items()), tuple(scene.styles.items()), id(scene.reference))
        if self._mask is None or self._mask[0] != key:
            self._mask = key, draw_labels(scene, self._mask_slabs.cut(scene.plane, scene.mask, scene.index, scene.revision))
        return self._mask[1]

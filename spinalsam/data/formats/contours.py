"""Masks of a slice as closed polygons, and back, for formats that know contours only.

Polygons run halfway between the centres of voxels inside and outside (marching squares at 0.5), so that whoever asks which centres lie
inside gets the mask exactly. A hole is joined to the ring around it by a keyhole: a cut that is walked in and out again, as DICOM
describes it for closed planar contours (PS3.3, C.8.8.6.3). Each polygon then stands for itself, and readers that take the union of
polygons, that exclude by overlap or that count windings all see the same. Cuts run midway between rows, through no voxel's centre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]


def outlines(mask: NDArray[np.bool_]) -> list[Ring]:
    """One closed polygon (n, 2) of indices for every piece of a mask [i, j] that hangs together by edges.

    The last point of a polygon is not its first one again.
    """
    from scipy import ndimage

    pieces, _ = ndimage.label(mask)
    found = []
    for number, box in enumerate(ndimage.find_objects(pieces), 1):
        ring = _with_keyholes(_rings(pieces[box] == number))
        found.append(_without_middles(ring) + (box[0].start, box[1].start))
    return found


def _rings(piece: NDArray[np.bool_]) -> list[Ring]:
    """The rings around a piece and its holes, the outer one first, each without a repeated end."""
    from skimage.measure import find_contours

    rings = [ring[:-1] - 1 for ring in find_contours(np.pad(piece, 1).astype(np.float64), 0.5, fully_connected="low")]
    return sorted(rings, key=lambda ring: -float(np.prod(np.ptp(ring, axis=0))))


def _with_keyholes(rings: Sequence[Ring]) -> Ring:
    """The first ring with all others, its holes, joined to it. A hole is joined to what lies next on its left."""
    merged = rings[0]
    starts = [(_crossings(hole)[0], hole) for hole in rings[1:]]
    for (column, row, at), hole in sorted(starts, key=lambda start: start[0]):
        start = _opened(hole, at, row, column)
        left = [crossing for crossing in _crossings(merged, row) if crossing[0] < column]
        other_column, _, place = left[-1]
        around = _opened(merged, place, row, other_column)
        merged = np.concatenate([around, around[:1], start, start[:1]])
    return merged


def _crossings(ring: Ring, row: float | None = None) -> list[tuple[float, float, int]]:
    """(column, row, edge) wherever a ring meets a line midway between rows of voxels, leftmost first; on one line or on all."""
    here, there = ring, np.roll(ring, -1, axis=0)
    found = [(float(c), float(r), n) for n, (r, c) in enumerate(here) if r % 1 == 0.5]
    upright = np.flatnonzero((here[:, 1] == there[:, 1]) & (here[:, 0] != there[:, 0]) & (here[:, 0] % 1 == 0))
    for n in upright:
        low, high = sorted((here[n, 0], there[n, 0]))
        found += [(float(here[n, 1]), float(r), int(n)) for r in np.arange(low + 0.5, high)]
    return sorted(crossing for crossing in found if row is None or crossing[1] == row)


def _opened(ring: Ring, edge: int, row: float, column: float) -> Ring:
    """The ring, begun at a point on one of its edges."""
    turned = np.roll(ring, -edge, axis=0)
    if tuple(turned[0]) == (row, column):
        return turned
    return np.concatenate([[(row, column)], turned[1:], turned[:1]])


def _without_middles(ring: Ring) -> Ring:
    """The ring without points on a straight way between their neighbours; where it turns back on itself they stay."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    bends = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    returns = (before * after).sum(axis=1) < 0
    return ring[bends | returns]


def filled(rings: Sequence[Ring], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The voxels [i, j] whose centres lie in an odd number of polygons, so that polygons inside others are holes."""
    from skimage.draw import polygon

    mask = np.zeros(shape, bool)
    for ring in rings:
        inside = polygon(ring[:, 0], ring[:, 1], shape)
        mask[inside] ^= True
    return mask

"""A label image on the grid of another image: turned without loss, refused with the reason, or resampled on request."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, OffGridError
from spinalsam.support.geometry import Geometry

# Files that went through 32-bit headers differ by far less; voxels that differ by more are elsewhere.
_SAME_GRID_MM = 0.01
_TURNED_NOTE = "The mask's axes were turned to those of the image; no voxel changed."
_RESAMPLED_NOTE = "The mask lay on another grid; every voxel got the label of the nearest one."


def fit(mask: Volume, geometry: Geometry, *, resample: bool, name: str) -> Volume:
    """The mask on the wanted grid.

    Axes that merely run in another order or direction are turned. Raises OffGridError with the reason when the grids differ and
    `resample` is not asked for, InputError where sizes differ and there are no mm to resample by.
    """
    if not (mask.geometry.has_spacing and geometry.has_spacing):
        if mask.geometry.shape == geometry.shape:
            return _on(mask, mask.voxels, geometry)
    elif mask.geometry.same_grid(geometry, tolerance_mm=_SAME_GRID_MM):
        return _on(mask, mask.voxels, geometry)
    else:
        voxels = turned(mask, geometry, partial=bool(mask.source.get("partial")))
        if voxels is not None:
            return _on(mask, voxels, geometry, _TURNED_NOTE)
        if resample:
            return _on(mask, resampled(mask, geometry), geometry, _RESAMPLED_NOTE)
        raise OffGridError(f"The mask '{name}' does not fit the image: {_difference(mask.geometry, geometry)}")
    raise InputError(f"The mask '{name}' does not fit the image: {_difference(mask.geometry, geometry)}")


def _on(mask: Volume, voxels: NDArray, geometry: Geometry, *notes: str) -> Volume:
    return Volume(voxels, geometry, False, mask.source, (*mask.notes, *notes), mask.name)


def _difference(found: Geometry, wanted: Geometry) -> str:
    if found.shape != wanted.shape:
        sizes = ["x".join(map(str, geometry.shape)) for geometry in (found, wanted)]
        return f"it has {sizes[0]} voxels and the image has {sizes[1]}; choose the image it was drawn on, or have it resampled."
    ends = list(itertools.product(*[(0, n - 1) for n in found.shape]))
    apart = float(np.max(np.linalg.norm(found.to_mm(ends) - wanted.to_mm(ends), axis=1)))
    return f"its voxels lie up to {apart:.2f} mm from the image's; choose the image it was drawn on, or have it resampled."


def turned(mask: Volume, geometry: Geometry, *, partial: bool = False) -> NDArray | None:
    """The mask's voxels with axes swapped and reversed to the wanted grid, or None where that does not give the same voxel places.

    partial: whether the mask may cover a part of the grid only; the rest is 0.
    """
    for axes in itertools.permutations(range(3)):
        shape = tuple(mask.geometry.shape[axis] for axis in axes)
        if shape != geometry.shape and not (partial and all(a <= b for a, b in zip(shape, geometry.shape, strict=True))):
            continue
        for flips in itertools.product((False, True), repeat=3):
            start = _start(mask.geometry, geometry, axes, flips, shape)
            if start is not None:
                voxels = np.flip(mask.voxels.transpose(axes), axis=tuple(n for n in range(3) if flips[n]))
                return voxels if shape == geometry.shape else _pasted(voxels, start, geometry.shape)
    return None


def _start(
    found: Geometry, wanted: Geometry, axes: tuple[int, ...], flips: tuple[bool, ...], shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """The voxel of the wanted grid on which the turned grid begins, or None where their voxels do not coincide."""
    ends = np.array(list(itertools.product(*[(0, n - 1) for n in shape])))
    own = np.empty(ends.shape)
    for n, axis in enumerate(axes):
        own[:, axis] = shape[n] - 1 - ends[:, n] if flips[n] else ends[:, n]
    places_mm = found.to_mm(own)
    start = np.rint(wanted.to_ijk(places_mm[0])).astype(int)
    if np.any(start < 0) or np.any(start + shape > wanted.shape):
        return None
    apart = np.linalg.norm(wanted.to_mm(start + ends) - places_mm, axis=1)
    return tuple(int(n) for n in start) if float(apart.max()) <= _SAME_GRID_MM else None


def _pasted(voxels: NDArray, start: tuple[int, ...], shape: tuple[int, int, int]) -> NDArray:
    out = np.zeros(shape, voxels.dtype, order="F")
    out[tuple(slice(a, a + n) for a, n in zip(start, voxels.shape, strict=True))] = voxels
    return out


def resampled(mask: Volume, geometry: Geometry) -> NDArray:
    """The label of the nearest voxel; 0 outside the mask's grid."""
    from scipy import ndimage

    to_mask = np.linalg.inv(mask.geometry.affine) @ geometry.affine
    out = np.empty(geometry.shape, mask.voxels.dtype, order="F")
    ndimage.affine_transform(mask.voxels, to_mask[:3, :3], to_mask[:3, 3], geometry.shape, out, order=0, mode="grid-constant", cval=0)
    return out

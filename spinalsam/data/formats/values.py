"""Stored numbers to working voxels: the smallest exact type, NaN replaced, and whether they are Hounsfield units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import InputError

# A volume counts as HU when fat or air (below -50) is in it and the range is that of a CT, not of normalised values.
_HU_BELOW, _HU_SPAN, _HU_FLOOR, _HU_CEILING = -50, 200, -33000, 70000


def rescale(raw: NDArray, slope: float, intercept: float) -> NDArray:
    """``raw * slope + intercept``: integers where slope and intercept are, else float32. May reuse raw's memory."""
    if slope == 1 and intercept == 0:
        return raw
    if raw.dtype.kind in "iu" and float(slope).is_integer() and float(intercept).is_integer():
        ends = sorted(int(end) * int(slope) + int(intercept) for end in value_range(raw))
        target = _integer_dtype(*ends)
        if target is not None:
            # Whole-number arithmetic wraps, so the narrow type gives the exact result whenever the result fits into it.
            out = narrow(raw, target)
            if slope != 1:
                out *= np.array(int(slope)).astype(target)
            out += np.array(int(intercept)).astype(target)
            return out
    out = np.empty(raw.shape, np.float32, order="F")
    for k in range(raw.shape[-1]):
        out[..., k] = raw[..., k] * float(slope) + float(intercept)
    return out


def to_working(values: NDArray) -> tuple[NDArray, tuple[str, ...]]:
    """The same values in the smallest of uint8, int16, int32 and float32 that holds them, with notes for the user.

    NaN and infinity become the smallest finite value. May reuse the memory of ``values``; raises InputError for values that are
    not real numbers.
    """
    kind = values.dtype.kind
    if kind == "b" or values.dtype == np.uint8:
        return values.view(np.uint8), ()
    if values.dtype == np.int16:
        return values, ()
    if kind in "iu":
        target = _integer_dtype(*value_range(values))
        if target is not None:
            return narrow(values, target), ()
        return values.astype(np.float32), ("Values beyond 32 bits were rounded to seven digits.",)
    if kind == "f":
        return _float_to_working(values)
    raise InputError(f"Voxels of the type {values.dtype} cannot be used; a CT holds one real number a voxel.")


def _float_to_working(values: NDArray) -> tuple[NDArray, tuple[str, ...]]:
    lowest, highest, broken, whole = _survey(values)
    notes: tuple[str, ...] = ()
    if broken == values.size:
        raise InputError("No voxel of the volume holds a number (all are NaN or infinite); the file is damaged.")
    if broken:
        notes = (f"{broken} voxels were not numbers (NaN or infinite); they were set to {lowest:g}.",)
    target = _integer_dtype(int(lowest), int(highest)) if whole else None
    out = np.empty(values.shape, target or np.float32, order="F") if target or values.dtype != np.float32 else _writeable(values)
    for k in range(values.shape[-1]):
        piece = values[..., k]
        out[..., k] = np.where(np.isfinite(piece), piece, lowest) if broken else piece
    return out, notes


def _survey(values: NDArray) -> tuple[float, float, int, bool]:
    """(lowest, highest, how many are not finite, whether all others are whole numbers), one slab in memory at a time."""
    lowest, highest, broken, whole = np.inf, -np.inf, 0, True
    for k in range(values.shape[-1]):
        piece = values[..., k]
        finite = np.isfinite(piece)
        good = piece if finite.all() else piece[finite]
        broken += piece.size - good.size
        if good.size:
            lowest, highest = min(lowest, float(good.min())), max(highest, float(good.max()))
            whole = whole and abs(lowest) < 2**31 and abs(highest) < 2**31 and bool(np.all(np.rint(good) == good))
    return lowest, highest, broken, whole


def value_range(values: NDArray) -> tuple[int, int]:
    """(smallest, largest) of whole numbers."""
    return int(values.min()), int(values.max())


def narrow(values: NDArray, target: type[np.signedinteger]) -> NDArray:
    """``values`` as the target type, in the same memory where the width allows."""
    if values.dtype.itemsize == np.dtype(target).itemsize and values.dtype.isnative:
        return _writeable(values).view(target)
    return values.astype(target, order="K")


def _writeable(values: NDArray) -> NDArray:
    return values if values.flags.writeable else values.copy(order="K")


def _integer_dtype(lowest: int, highest: int) -> type[np.signedinteger] | None:
    for dtype in (np.int16, np.int32):
        if np.iinfo(dtype).min <= lowest and highest <= np.iinfo(dtype).max:
            return dtype
    return None


def looks_like_hu(voxels: NDArray) -> bool:
    """Whether the values of a file that does not say so are plausible as Hounsfield units."""
    if voxels.dtype == np.uint8:
        return False
    # A sample that says yes is enough for int16, whose range cannot say no; only a no is looked at again in full.
    thinned = voxels[::4, ::4, ::4]
    return (voxels.dtype == np.int16 and _is_hu_range(thinned)) or _is_hu_range(voxels)


def _is_hu_range(voxels: NDArray) -> bool:
    lowest, highest = float(voxels.min()), float(voxels.max())
    return _HU_FLOOR <= lowest <= _HU_BELOW and highest <= _HU_CEILING and highest - lowest >= _HU_SPAN

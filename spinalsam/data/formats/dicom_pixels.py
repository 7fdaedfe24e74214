"""Decoding the pixels of a stack of DICOM frames into one volume."""

from __future__ import annotations

import itertools
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats.dicom_grid import Frame, Stack, fill_missing
from spinalsam.data.formats.limits import MAX_DEFLATE_RATIO, check_memory, gib
from spinalsam.errors import Cancelled, InputError, SpinalSamError

# JPEG processes that DICOM has retired and pydicom does not route to a decoder, though libjpeg reads them.
_RETIRED_JPEG = {f"1.2.840.10008.1.2.4.{number}" for number in (52, 53, 54, 55, 56)}
_PLAIN_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_INFLATE_LIMIT = 1 << 31
_INT16 = np.iinfo(np.int16)


class _Undecodable(Exception):
    """A frame whose pixels cannot be read; the message is for the user."""


def read_pixels(stack: Stack, progress: Callable[[float, str], None] | None = None) -> tuple[NDArray, Stack, tuple[str, ...]]:
    """(voxels [i, j, k], slice by slice as they were measured, the stack as it could be read, notes).

    int16 where slope and intercept are whole numbers (int32 where the values need it), else float32. Raises InputError when
    no frame, or the first or last one, cannot be decoded.
    """
    shape = (*stack.geometry.shape[:2], len(stack.slices))
    frames = [frame for frame in stack.slices if frame is not None]
    exact = all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in frames)
    dtype: type[np.generic] = np.int16 if exact else np.float32
    name = Path(frames[0].path)
    _check_claims(frames)
    most = shape if stack.along_mm is None else (*shape[:2], shape[2] + stack.geometry.shape[2])
    check_memory(name, int(np.prod([float(n) for n in most])) * np.dtype(dtype).itemsize)
    voxels = np.zeros(shape, dtype, order="F")
    slices = list(stack.slices)
    failures: list[str] = []
    for done, (k, frame, pixels) in enumerate(_decoded(stack)):
        if progress:
            progress(0.3 + 0.7 * done / len(frames), f"Reading slice {done + 1} of {len(frames)}")
        if isinstance(pixels, _Undecodable):
            slices[k] = None
            failures.append(f"'{Path(frame.path).name}': {pixels}")
        else:
            voxels = _placed(voxels, k, pixels, frame)
    if failures:
        stack = _without(stack, tuple(slices), failures)
    if stack.along_mm is None:
        _interpolate(voxels, stack.slices)
    return voxels, stack, ()


def _without(stack: Stack, slices: tuple[Frame | None, ...], failures: list[str]) -> Stack:
    """The stack without undecodable frames. Raises InputError when too few are left or an end is missing."""
    lost, count = len(failures), len(slices)
    if slices[0] is None or slices[-1] is None or lost > 0.25 * count:
        raise InputError(
            f"{lost} of {count} slices cannot be decoded ({failures[0]}); the files are damaged or in an unknown encoding. "
            "Export the series again."
        )
    numbers = ", ".join(str(k + 1) for k, frame in enumerate(slices) if frame is None and stack.slices[k] is not None)
    note = f"Damaged pixels: slice {numbers} could not be decoded; what is shown there is interpolated between the neighbours."
    return fill_missing(stack, slices, note)


def _check_claims(frames: list[Frame]) -> None:
    """Refuse files whose headers claim far more pixels than they can hold. Raises InputError."""
    claimed: dict[str, int] = {}
    for frame in frames:
        claimed[frame.path] = claimed.get(frame.path, 0) + frame.rows * frame.columns * frame.samples
    for path, pixels in claimed.items():
        size = Path(path).stat().st_size
        # Beyond deflate's best ratio only a lie remains; small constant pictures are let through.
        if pixels > max(size, 4096) * MAX_DEFLATE_RATIO:
            raise InputError(f"'{Path(path).name}' claims {gib(pixels)} of pixels but holds {gib(size)}; its header is damaged.")


def _decoded(stack: Stack) -> Iterator[tuple[int, Frame, NDArray | _Undecodable]]:
    """(k, frame, (rows, columns) stored values) of every frame, in order; a file of several frames is opened once."""
    opened: tuple[str, Any] = ("", None)
    for k, frame in enumerate(stack.slices):
        if frame is None:
            continue
        try:
            if frame.pixels_at is not None:
                yield k, frame, _plain_pixels(frame)
                continue
            if opened[0] != frame.path:
                opened = (frame.path, _open(frame.path))
            yield k, frame, _frame_pixels(opened[1], frame)
        except _Undecodable as error:
            yield k, frame, error


def _open(path: str) -> Any:
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(path, force=True)
    except OSError as error:
        raise _Undecodable(error.strerror or str(error)) from None
    except Exception as error:  # pydicom raises whatever its parser stumbles over
        raise _Undecodable(str(error)[:120]) from None


def _frame_pixels(dataset: Any, frame: Frame) -> NDArray:
    pixels = _by_decoder(dataset, frame)
    if frame.has_lut:
        from pydicom.pixels import apply_modality_lut

        pixels = apply_modality_lut(pixels, dataset)
    if pixels.ndim == 3:
        pixels = np.rint(pixels[..., :3] @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    if pixels.shape != (frame.rows, frame.columns):
        raise _Undecodable(f"its pixels have the size {pixels.shape}")
    return pixels


def plain_pixels_at(file: BinaryIO, header: Any) -> int | None:
    """The byte at which uncompressed little-endian 16-bit pixels of a single frame begin, or None where a decoder is needed.

    file: as pydicom left it after reading the header up to the pixels.
    """
    syntax = getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", None)
    if syntax not in _PLAIN_SYNTAXES or header.get("NumberOfFrames") not in (None, 1) or header.get("SamplesPerPixel", 1) != 1:
        return None
    if header.get("BitsAllocated") != 16 or header.get("BitsStored") != 16:
        return None
    at = file.tell()
    start = file.read(12)
    if start[:4] != b"\xe0\x7f\x10\0":
        return None
    explicit = syntax != _PLAIN_SYNTAXES[0]
    length = int.from_bytes(start[8:12] if explicit else start[4:8], "little")
    # A length that does not fit leaves the judgement to the decoder.
    return at + (12 if explicit else 8) if length >= header.Rows * header.Columns * 2 and length != 0xFFFFFFFF else None


def _plain_pixels(frame: Frame) -> NDArray:
    count = frame.rows * frame.columns
    try:
        pixels = np.fromfile(frame.path, "<i2" if frame.signed else "<u2", count, offset=frame.pixels_at or 0)
    except OSError as error:
        raise _Undecodable(error.strerror or str(error)) from None
    if pixels.size != count:
        raise _Undecodable("its pixel data is truncated")
    return pixels.reshape(frame.rows, frame.columns)


def is_deflate_bomb(file: BinaryIO) -> bool:
    """Whether a deflated DICOM file inflates beyond reason; pydicom would inflate it whole. Leaves the file at its start."""
    start = file.read(4096)
    file.seek(0)
    if _DEFLATED not in start:
        return False
    # Group 0002 begins with its own length, and the deflated rest follows it.
    file.seek(144 + int.from_bytes(start[140:144], "little"))
    inflate, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while total <= _INFLATE_LIMIT and not inflate.eof:
        piece = inflate.unconsumed_tail or file.read(1 << 18)
        if not piece:
            break
        total += len(inflate.decompress(piece, 1 << 20))
    file.seek(0)
    return total > _INFLATE_LIMIT


def _by_decoder(dataset: Any, frame: Frame) -> NDArray:
    from pydicom.pixels import pixel_array
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        import pydicom

        if not hasattr(dataset, "file_meta"):
            dataset.file_meta = pydicom.dataset.FileMetaDataset()
        implicit = dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    index = None if frame.number is None else frame.number - 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if dataset.file_meta.TransferSyntaxUID in _RETIRED_JPEG:
                return _retired_jpeg(dataset, index or 0)
            return pixel_array(dataset, index=index, raw=False)
    except (Cancelled, SpinalSamError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they stumble over
        raise _Undecodable(str(error).splitlines()[0][:120] if str(error) else type(error).__name__) from None


def _retired_jpeg(dataset: Any, index: int) -> NDArray:
    import libjpeg
    from pydicom.encaps import get_frame

    stored = get_frame(dataset.PixelData, index, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    return libjpeg.decode(stored)


def _placed(voxels: NDArray, k: int, pixels: NDArray, frame: Frame) -> NDArray:
    """Rescaled pixels put into slice k; the volume itself, or a wider one where a value does not fit into 16 bits."""
    target = voxels[:, :, k].T
    if voxels.dtype == np.float32:
        target[:] = pixels * frame.slope + frame.intercept
        return voxels
    slope, intercept = int(frame.slope), int(frame.intercept)
    ends = [int(end) * slope + intercept for end in (pixels.min(), pixels.max())]
    if voxels.dtype == np.int16 and (min(ends) < _INT16.min or max(ends) > _INT16.max):
        return _placed(voxels.astype(np.int32), k, pixels, frame)
    # Whole-number arithmetic wraps, so the volume's type gives the exact result whenever the result fits into it.
    np.copyto(target, pixels, casting="unsafe")
    if slope != 1:
        target *= np.array(slope).astype(voxels.dtype)
    if intercept:
        target += np.array(intercept).astype(voxels.dtype)
    return voxels


def _interpolate(voxels: NDArray, slices: tuple[Frame | None, ...]) -> None:
    """Fill slices that are None, in place, linearly between the nearest ones that are there."""
    there = [k for k, frame in enumerate(slices) if frame is not None]
    for before, after in itertools.pairwise(there):
        for k in range(before + 1, after):
            weight = (k - before) / (after - before)
            mixed = voxels[:, :, before] * (1 - weight) + voxels[:, :, after] * weight
            voxels[:, :, k] = np.rint(mixed) if voxels.dtype.kind == "i" else mixed

"""NIfTI-1 and NIfTI-2: one file or a pair, compressed or not, either byte order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats import gzip_source
from spinalsam.data.formats.limits import check_claim, file_size
from spinalsam.data.formats.values import looks_like_hu, rescale, to_working
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry

Progress = Callable[[float, str], None]

# Flips x and y: the one place where NIfTI's RAS becomes LPS, and back.
RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

ENDINGS = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
_RGB_TYPES = {128: 3, 2304: 4}
_FORM_TOLERANCE_MM = 0.01


@dataclass(frozen=True)
class NiftiHeader:
    """A header as nibabel reads it, where it came from, and where its voxels lie."""

    header: Any
    raw: bytes
    header_path: Path
    data_path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self.header["dim"][1 : 1 + int(self.header["dim"][0])])

    @property
    def offset(self) -> int:
        stated = float(self.header["vox_offset"])
        if not np.isfinite(stated) or stated < 0 or stated > 1 << 40:
            raise InputError(f"'{self.header_path.name}' has a damaged header: its voxels start at {stated:g}.")
        if self.header_path != self.data_path:
            return int(stated)
        return max(int(stated), len(self.raw) + 4)


def read_volume(path: Path, progress: Progress | None = None) -> Volume:
    """The volume of a NIfTI file. Raises InputError when it is damaged, holds several volumes or no real numbers."""
    parts = read_header(path)
    shape = spatial_shape(parts)
    if progress:
        progress(0.05, "Reading voxels")
    raw = _read_raw(parts, shape)
    notes: list[str] = []
    colour = raw.dtype.fields is not None
    if colour:
        raw, note = _grey(raw)
        notes.append(note)
    voxels, value_notes = to_working(_scaled(parts.header, raw))
    geometry, space_notes = read_geometry(parts, shape)
    if progress:
        progress(1.0, "Volume read")
    source = {"format": "nifti", "path": str(path), "header": parts.raw, "ndim": len(parts.shape), "colour": colour}
    return Volume(
        voxels,
        geometry,
        is_hu=looks_like_hu(voxels),
        source=source,
        notes=(*notes, *space_notes, *value_notes),
        name=stem(path),
    )


def stem(path: Path) -> str:
    """The file's name without its ending."""
    name = path.name
    for ending in (".nii.gz", ".hdr.gz", ".img.gz", ".nii", ".hdr", ".img"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem


def _pair(path: Path) -> tuple[Path, Path]:
    """(header file, voxel file) of a path that names either of a pair, or the single file twice."""
    lower = path.name.lower()
    for one, other in ((".hdr", ".img"), (".img", ".hdr")):
        for packed in ("", ".gz"):
            if not lower.endswith(one + packed):
                continue
            base = path.name[: -len(one + packed)]
            twins = [path.with_name(base + ending + zipped) for ending in (other, other.upper()) for zipped in ("", ".gz")]
            twin = next((twin for twin in twins if twin.exists()), None)
            if twin is None:
                raise InputError(f"'{path.name}' is one half of a pair; '{base}{other}' must lie beside it.")
            return (path, twin) if one == ".hdr" else (twin, path)
    return path, path


def read_header(path: Path) -> NiftiHeader:
    """The header, checked to be one. Raises InputError otherwise."""
    import nibabel

    header_path, data_path = _pair(path)
    file_size(header_path)
    if header_path != data_path:
        file_size(data_path)
    start = _head(header_path, 540)
    sizes = {int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")}
    kind = nibabel.Nifti1Header if 348 in sizes else nibabel.Nifti2Header if 540 in sizes else None
    length = 348 if 348 in sizes else 540
    magic = start[344:347] if length == 348 else start[4:7]
    if kind is None or len(start) < length:
        raise InputError(f"'{path.name}' is not a NIfTI file, whatever its name says; open it with the program that made it.")
    if magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise InputError(
            f"'{path.name}' is an Analyze 7.5 file, a format that does not say left from right, so a mask of it could be mirrored; "
            "have the scan as DICOM, or convert it to NIfTI with a program that knows how it was stored."
        )
    if magic[:2] == b"ni" and header_path == data_path:
        raise InputError(f"'{path.name}' is only the header of a pair; name it .hdr with its .img beside it.")
    raw = start[:length]
    header = kind(raw, endianness="<" if int.from_bytes(raw[:4], "little") == length else ">", check=False)
    if not 1 <= int(header["dim"][0]) <= 7:
        raise InputError(f"'{path.name}' has a damaged header: it claims {int(header['dim'][0])} dimensions.")
    return NiftiHeader(header, raw, header_path, data_path)


def _head(path: Path, count: int) -> bytes:
    if gzip_source.is_gzip(path):
        return gzip_source.head(path, count)
    with open(path, "rb") as file:
        return file.read(count)


def spatial_shape(parts: NiftiHeader) -> tuple[int, int, int]:
    """(ni, nj, nk). Raises InputError unless the file holds exactly one volume."""
    shape, name = parts.shape, parts.header_path.name
    if min(shape) < 1:
        raise InputError(f"'{name}' has a damaged header: it claims the size {'x'.join(map(str, shape))}.")
    beyond = int(np.prod([float(n) for n in shape[3:]]))
    if beyond > 1:
        raise InputError(f"'{name}' holds {beyond} volumes; save the one you want as a file of its own.")
    i, j, k = (*shape, 1, 1)[:3]
    return i, j, k


def _read_raw(parts: NiftiHeader, shape: tuple[int, int, int]) -> NDArray:
    """Stored voxels, Fortran-ordered, in the machine's byte order."""
    name = parts.header_path.name
    try:
        dtype = np.dtype(parts.header.get_data_dtype())
    except Exception:
        code = int(parts.header["datatype"])
        raise InputError(f"'{name}' stores voxels of an unknown type (code {code}); its header is damaged.") from None
    if dtype.kind not in "iufV" or not 0 < dtype.itemsize <= 8:
        raise InputError(f"'{name}' stores voxels of the type {dtype}; save it with integers or floats first.")
    claimed = int(np.prod([float(n) for n in shape])) * dtype.itemsize
    path = parts.data_path
    packed = gzip_source.is_gzip(path)
    stored = file_size(path)
    check_claim(path, claimed_bytes=claimed, stored_bytes=stored if packed else max(stored - parts.offset, 0), compressed=packed)
    if packed and not gzip_source.holds_at_least(path, parts.offset + claimed):
        raise InputError(f"'{path.name}' holds fewer voxels than its header claims; it is truncated. Get the file again.")
    raw = np.empty(shape, dtype, order="F")
    target = memoryview(raw.reshape(-1, order="F").view(np.uint8))  # type: ignore[arg-type]
    if packed:
        gzip_source.read_into(path, target, skip=parts.offset)
    else:
        with open(path, "rb") as file:
            file.seek(parts.offset)
            if file.readinto(target) != len(target):
                raise InputError(f"'{path.name}' is truncated. Get the file again.")
    return raw if dtype.isnative or dtype.fields else raw.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _grey(raw: NDArray) -> tuple[NDArray, str]:
    channels = [raw[name].astype(np.float32) for name in (raw.dtype.names or ())[:3]]
    grey = 0.299 * channels[0] + 0.587 * channels[1] + 0.114 * channels[2]
    return np.asfortranarray(np.rint(grey).astype(np.uint8)), "The colours of the file were turned into grey values."


def _scaled(header: Any, raw: NDArray) -> NDArray:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        return raw
    return rescale(raw, slope, intercept if np.isfinite(intercept) else 0.0)


def read_geometry(parts: NiftiHeader, shape: tuple[int, int, int]) -> tuple[Geometry, tuple[str, ...]]:
    """The grid in LPS mm, with notes on which transform was chosen."""
    header, notes = parts.header, []
    sform = _sform(header) if int(header["sform_code"]) > 0 else None
    qform = _qform(header) if int(header["qform_code"]) > 0 else None
    for name, form in (("sform", sform), ("qform", qform)):
        if int(header[f"{name}_code"]) > 0 and form is None:
            notes.append(f"The file's {name} is not usable and was passed over.")
    if sform is not None and qform is not None and _apart_mm(sform, qform, shape) > _FORM_TOLERANCE_MM:
        notes.append(f"The file's sform and qform differ by up to {_apart_mm(sform, qform, shape):.2f} mm; the sform was used.")
    ras = sform if sform is not None else qform
    if ras is None:
        notes.append(
            "The file does not say how the patient lies (no sform or qform code): left and right may be exchanged. "
            "The index axes were taken as left, posterior, superior."
        )
        ras = RAS_LPS @ np.diag([*_zooms(header), 1.0])
    if sform is None and not np.all(header["pixdim"][1:4] > 0):
        notes.append("The file's voxel size is not positive; its amount was taken, or 1 mm where there is none: check the size.")
    unit = _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    if unit != 1.0:
        notes.append("The file gives lengths in metres or micrometres; they were converted to mm.")
    lps = RAS_LPS @ ras
    lps[:3] *= unit
    return Geometry(shape, lps), tuple(notes)


def _zooms(header: Any) -> NDArray[np.float64]:
    zooms = np.abs(np.asarray(header["pixdim"][1:4], float))
    return np.where(np.isfinite(zooms) & (zooms > 0), zooms, 1.0)


def _sform(header: Any) -> NDArray[np.float64] | None:
    form = np.eye(4)
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        form[row] = header[name]
    return form if _usable(form) else None


def _qform(header: Any) -> NDArray[np.float64] | None:
    """The quaternion's matrix as the standard's own reader makes it (nifti1_io.c): any pixdim[0] that is not negative counts as +1."""
    from nibabel.quaternions import fillpositive, quat2mat

    try:
        turn = quat2mat(fillpositive(np.array([float(header[f"quatern_{axis}"]) for axis in "bcd"]), w2_thresh=-1e-5))
    except ValueError:
        return None
    form = np.eye(4)
    form[:3, :3] = turn * _zooms(header) * (1, 1, -1 if header["pixdim"][0] < 0 else 1)
    form[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return form if _usable(form) else None


def _usable(form: NDArray[np.float64]) -> bool:
    return bool(np.all(np.isfinite(form)) and abs(np.linalg.det(form[:3, :3])) > 1e-12)


def _apart_mm(one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, int, int]) -> float:
    ends = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)], float)
    return float(np.max(np.linalg.norm((ends @ (one - other).T)[:, :3], axis=1)))

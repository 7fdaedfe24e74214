"""Label images as NIfTI, on exactly the grid of the volume: a NIfTI input's own qform, sform, codes and pixdim come back bit by bit."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats.nifti import RAS_LPS
from spinalsam.data.volume import Volume
from spinalsam.errors import OutputError
from spinalsam.support.geometry import Geometry

_SPACE_FIELDS = (
    "pixdim qform_code sform_code quatern_b quatern_c quatern_d qoffset_x qoffset_y qoffset_z srow_x srow_y srow_z xyzt_units"
).split()
_SCANNER = 1
_SLAB_BYTES = 1 << 22


def build_header(mask: NDArray, volume: Volume) -> Any:
    """A nibabel header for the mask, little endian, without any text of the source (it may hold a patient's name)."""
    import nibabel

    original = volume.source.get("header") if volume.source.get("format") == "nifti" else None
    shape = mask.shape[: 2 if _is_flat(volume) else 3]
    if max(shape) > 32767 and original is None:
        raise OutputError(f"NIfTI cannot hold a mask of {'x'.join(map(str, shape))} voxels; export as NRRD.")
    if original is None:
        header = nibabel.Nifti1Header(endianness="<")
        header.set_data_shape(shape)
        _place(header, volume.geometry)
    else:
        kind = nibabel.Nifti1Header if len(original) == 348 else nibabel.Nifti2Header
        order = "<" if int.from_bytes(original[:4], "little") == len(original) else ">"
        source = kind(original, endianness=order, check=False).as_byteswapped("<")
        header = kind(endianness="<")
        for name in _SPACE_FIELDS:
            header[name] = source[name]
        pixdim = header["pixdim"].copy()
        header.set_data_shape(shape)
        header["pixdim"] = pixdim
    header.set_data_dtype(mask.dtype)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["cal_max"] = float(mask.max())
    header["vox_offset"] = len(header.binaryblock) + 4
    header["magic"] = b"n+1" if len(header.binaryblock) == 348 else b"n+2"
    header["descrip"] = b"SpinalSAM label image"
    return header


def _is_flat(volume: Volume) -> bool:
    return volume.source.get("ndim") == 2 and volume.geometry.shape[2] == 1


def _place(header: Any, geometry: Geometry) -> None:
    """Write the LPS grid as RAS: sform always, qform too where it can express the grid."""
    ras = RAS_LPS @ geometry.affine
    header.set_sform(ras, code=_SCANNER)
    if geometry.is_orthonormal:
        header.set_qform(ras, code=_SCANNER)
    count = len(header.get_data_shape())
    zooms = header["pixdim"].copy()
    zooms[1 : 1 + count] = geometry.spacing_mm[:count]
    header["pixdim"] = zooms
    header.set_xyzt_units("mm" if geometry.has_spacing else "unknown")


def write(file: BinaryIO, mask: NDArray, header: Any, *, compressed: bool) -> None:
    """The mask's bytes. No file name or time goes into the gzip header, so equal masks give equal files."""
    if compressed:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            _write_plain(packed, mask, header)
    else:
        _write_plain(file, mask, header)


def _write_plain(file: Any, mask: NDArray, header: Any) -> None:
    file.write(header.binaryblock)
    file.write(b"\0\0\0\0")
    for piece in _pieces(mask):
        file.write(piece)


def _pieces(mask: NDArray) -> Iterator[bytes]:
    """The mask's bytes as the file holds them, a few MB at a time: a copy of a large mask would not always fit into memory."""
    little = mask.dtype.newbyteorder("<")
    slab = max(1, _SLAB_BYTES // max(1, mask[..., 0].nbytes))
    for start in range(0, mask.shape[-1], slab):
        yield mask[..., start : start + slab].astype(little, copy=False).tobytes(order="F")


def check(path: Path, mask: NDArray, header: Any, geometry: Geometry) -> None:
    """Re-read the file with nibabel and compare voxels and space. Raises OutputError when anything differs."""
    import nibabel

    image: Any = nibabel.load(path)
    for name in _SPACE_FIELDS:
        if np.asarray(image.header[name]).tobytes() != np.asarray(header[name]).tobytes():
            raise OutputError(f"The mask was not written: its {name} changed on the way; please report this.")
    with nibabel.openers.ImageOpener(str(path)) as file:
        file.seek(int(image.dataobj.offset))
        same = all(file.read(len(piece)) == piece for piece in _pieces(mask)) and file.read(1) == b""
    if not same or image.header.get_data_dtype() != mask.dtype or int(np.prod(image.shape)) != mask.size:
        raise OutputError("The mask was not written: reading it back gave other voxels; check the disk.")

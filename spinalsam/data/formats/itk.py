"""NRRD and MetaImage, read through SimpleITK once their header has been found plausible."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats import nrrd_grammar
from spinalsam.data.formats.limits import check_claim, file_size
from spinalsam.data.formats.values import looks_like_hu, to_working
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError
from spinalsam.support.geometry import LARGEST_MM, Geometry
from spinalsam.support.quiet import native_errors_silenced

ENDINGS = (".nrrd", ".nhdr", ".mha", ".mhd")
_HEADER_LIMIT = 1 << 20
_MOST_DIMENSIONS = 8
# Fields of a MetaImage that decide where its voxels are; each may stand once.
_META_ONCE = frozenset("ndims dimsize elementtype elementnumberofchannels transformmatrix offset elementspacing compresseddata".split())
_NRRD_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"), 4),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int"), 8),
    **dict.fromkeys(("int64", "int64_t", "ulonglong", "unsigned long long", "unsigned long long int"), 8),
    **dict.fromkeys(("uint64", "uint64_t", "double"), 8),
}
_META_BYTES = {"CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "FLOAT": 4, "LONG": 4, "ULONG": 4}
_META_BYTES |= {"LONG_LONG": 8, "ULONG_LONG": 8, "DOUBLE": 8}


def read_volume(path: Path, progress: Callable[[float, str], None] | None = None) -> Volume:
    """The volume of a NRRD or MetaImage file. Raises InputError when it is damaged or holds more than one volume."""
    if progress:
        progress(0.05, "Reading voxels")
    raw, geometry, fields = read_raw(path)
    if raw.ndim == 4:
        raise InputError(f"'{path.name}' holds {raw.shape[3]} values a voxel; save the one you want as a volume of its own.")
    voxels, notes = to_working(raw)
    if progress:
        progress(1.0, "Volume read")
    source = {"format": "itk", "path": str(path), "fields": fields, "ndim": 2 if _is_flat(fields) else 3}
    return Volume(voxels, geometry, is_hu=looks_like_hu(voxels), source=source, notes=notes, name=path.name.split(".")[0])


def read_raw(path: Path) -> tuple[NDArray, Geometry, dict[str, str]]:
    """(stored voxels [i, j, k] or [i, j, k, component], grid, header fields). Raises InputError when the file is damaged."""
    import SimpleITK

    fields = read_fields(path)
    _check_size(path, fields)
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with native_errors_silenced():
            image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"'{path.name}' cannot be read{_reason(error)}; it is truncated or damaged.") from None
    geometry = _geometry(path, image)
    components = image.GetNumberOfComponentsPerPixel()
    raw = SimpleITK.GetArrayFromImage(image)
    del image
    raw = raw.reshape(*geometry.shape[::-1], *((components,) if components > 1 else ()))
    return raw.transpose(2, 1, 0, *range(3, raw.ndim)), geometry, fields


def _geometry(path: Path, image: Any) -> Geometry:
    """The grid of a SimpleITK image of two or three dimensions, or of more with one entry each."""
    size = image.GetSize()
    if any(n > 1 for n in size[3:]):
        raise InputError(f"'{path.name}' holds {int(np.prod(size[3:]))} volumes; save the one you want as a file of its own.")
    count, kept = len(size), min(len(size), 3)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(count, count)[:kept, :kept]
    affine[:kept, :kept] = direction * np.array(image.GetSpacing()[:kept])
    affine[:kept, 3] = image.GetOrigin()[:kept]
    return Geometry((*size, 1)[:3], affine)


def read_fields(path: Path) -> dict[str, str]:
    """The header's fields by lower-case name. Raises InputError when there is no such header."""
    file_size(path)
    with open(path, "rb") as file:
        start = file.read(_HEADER_LIMIT)
    if start.startswith(b"NRRD"):
        fields = _nrrd_fields(start)
        nrrd_grammar.check(path.name, _nrrd_lines(start)[1:], fields)
        return fields
    fields = _meta_fields(start)
    if "dimsize" not in fields or "elementtype" not in fields:
        raise InputError(f"'{path.name}' is neither a NRRD nor a MetaImage file; open it with the program that made it.")
    return fields


def _nrrd_fields(start: bytes) -> dict[str, str]:
    lines = _nrrd_lines(start)
    fields = {"nrrd": lines[0]}
    for line in lines[1:]:
        match = re.match(r"^([^#:=][^:=]*):(=| )\s*(.*)$", line)
        if match:
            fields[match[1].strip() if match[2] == "=" else match[1].strip().lower()] = match[3].strip()
    return fields


def _nrrd_lines(start: bytes) -> list[str]:
    text = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0].decode("utf-8", "replace")
    return [line.rstrip("\r") for line in text.split("\n")]


def _meta_fields(start: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in start.split(b"\n"):
        name, equals, value = line.partition(b"=")
        if not equals or len(line) > 4096:
            break
        key = name.decode("latin1").strip().lower()
        if key in fields and key in _META_ONCE:
            # Which of the two counts is not for us to guess, and ITK does not look.
            fields[key] = ""
        else:
            fields[key] = value.decode("latin1").strip()
        if name.strip().lower() == b"elementdatafile":
            break
    return fields


def _check_counts(path: Path, fields: dict[str, str], sizes: list[int]) -> None:
    """The header's lists have as many entries as it claims dimensions: ITK counts on it without looking. Raises InputError."""
    nrrd = "nrrd" in fields
    count = len(sizes)
    try:
        stated = int(fields["dimension" if nrrd else "ndims"])
        lists = {} if nrrd else {"transformmatrix": count**2, "rotation": count**2, "orientation": count**2}
        lists |= {} if nrrd else dict.fromkeys(("offset", "position", "origin", "elementspacing", "elementsize", "centerofrotation"), count)
        wrong = [name for name, length in lists.items() if name in fields and not _is_place(fields[name], length)]
    except (KeyError, ValueError):
        raise InputError(f"'{path.name}' has a damaged header: its number of dimensions or its place cannot be read.") from None
    if stated != count or not 1 <= count <= _MOST_DIMENSIONS or wrong:
        what = wrong[0] if wrong else f"{stated} dimensions and {count} sizes"
        raise InputError(f"'{path.name}' has a damaged header: {what} do not fit together; get the file again.")


def _is_place(text: str, length: int) -> bool:
    """Whether so many numbers stand there, none of them absurd: with 1e308 in a matrix ITK never comes to an end.

    Raises ValueError for what is no number.
    """
    numbers = [float(n) for n in text.split()]
    return len(numbers) == length and all(abs(n) <= LARGEST_MM for n in numbers)


def _is_flat(fields: dict[str, str]) -> bool:
    return fields.get("dimension", fields.get("ndims")) == "2"


def _check_size(path: Path, fields: dict[str, str]) -> None:
    """Compare what the header claims with what lies in the file or beside it. Raises InputError or ResourceError."""
    nrrd = "nrrd" in fields
    try:
        sizes = [int(n) for n in fields["sizes" if nrrd else "dimsize"].split()]
        width = _NRRD_BYTES[fields["type"].lower()] if nrrd else _META_BYTES[fields["elementtype"].upper().removeprefix("MET_")]
        channels = 1 if nrrd else int(fields.get("elementnumberofchannels", 1))
    except (KeyError, ValueError):
        raise InputError(f"'{path.name}' has a damaged header: its size or voxel type cannot be read.") from None
    if not sizes or min(sizes) < 1:
        raise InputError(f"'{path.name}' has a damaged header: it claims the size {sizes}.")
    _check_counts(path, fields, sizes)
    encoding = fields.get("encoding", "raw").lower()
    packed = encoding in ("gz", "gzip", "bz2", "bzip2") if nrrd else fields.get("compresseddata", "").lower() == "true"
    named = fields.get("data file", fields.get("datafile")) if nrrd else fields.get("elementdatafile")
    stored = _stored_bytes(path, named)
    claimed = width * channels
    for n in sizes:
        claimed *= n
    if stored is not None and encoding not in ("ascii", "text", "txt", "hex"):
        check_claim(path, claimed_bytes=claimed, stored_bytes=stored, compressed=packed)
    elif claimed > file_size(path) * (1 << 16):
        raise InputError(f"'{path.name}' claims {claimed} bytes of voxels, far more than it can hold; its header is damaged.")


def _stored_bytes(path: Path, named: str | None) -> int | None:
    """Bytes of voxel data, or None where they lie in a list of files."""
    if named is None or named.upper() == "LOCAL":
        return file_size(path)
    if named.upper().startswith("LIST") or "%" in named:
        return None
    data = path.parent / named
    if not data.exists():
        raise InputError(f"'{path.name}' needs the file '{Path(named).name}' beside it, and that is missing.")
    return file_size(data)


def _reason(error: RuntimeError) -> str:
    """The last telling line of ITK's message in brackets; it ends with the system's last error, which rarely has to do with it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "Reason:" not in line]
    words = re.sub(r"\s*'?/\S*|ITK ERROR: \w+\(0x\w+\): ", "", lines[-1])[:160].rstrip(".: ") if lines else ""
    return f" ({words})" if words and not words.startswith("File cannot be read") else ""

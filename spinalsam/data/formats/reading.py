"""Which reader a path needs: told by content first, by name second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from spinalsam.data.formats import dicom, itk, nifti, pictures
from spinalsam.data.formats.gzip_source import GZIP_MAGIC, head
from spinalsam.data.formats.limits import file_size
from spinalsam.data.formats.series import SeriesInfo
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, ResourceError

Progress = Callable[[float, str], None]
_KNOWN = "NIfTI, NRRD, MetaImage, DICOM, PNG, JPEG or TIFF"


def read_volume(path: Path, *, series_uid: str | None = None, resample: bool = False, progress: Progress | None = None) -> Volume:
    """See `spinalsam.data.formats.read_volume`."""
    volume = _read(path, series_uid, progress, resample=resample)
    if not resample or volume.source.get("resampled"):
        return volume
    note = "Resampling was asked for and changed nothing: " + (
        "the slices lie on an even grid as they are." if volume.source.get("format") == "dicom" else "only DICOM slices may need it."
    )
    return replace(volume, notes=(*volume.notes, note))


def _read(path: Path, series_uid: str | None, progress: Progress | None, *, resample: bool) -> Volume:
    check_exists(path)
    with explained(path):
        if path.is_dir():
            return _read_folder(path, series_uid, progress, resample=resample)
        kind = kind_of(path)
        if kind == "dicom":
            return dicom.read_volume(path, series_uid=series_uid, resample=resample, progress=progress)
        _refuse_series(path, series_uid)
        if kind == "nifti":
            return nifti.read_volume(path, progress)
        if kind == "itk":
            return itk.read_volume(path, progress)
        return pictures.read_volume(path, progress)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Every failure to read the path as one sentence that names it."""
    try:
        yield
    except InputError as error:
        if path.name in str(error):
            raise
        raise type(error)(f"'{path.name}' cannot be opened: {error}") from None
    except MemoryError:
        raise ResourceError(f"'{path.name}' does not fit into memory; close other programs or crop the volume.") from None
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}.") from None


def check_exists(path: Path) -> None:
    try:
        there = path.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise InputError(f"There is no file or folder '{path}'; check the path.")


def kind_of(path: Path) -> str:
    """nifti, itk, dicom or picture. Raises InputError for a file that is none of them."""
    file_size(path)
    with open(path, "rb") as file:
        start = file.read(352)
    if path.name.upper().startswith("DICOMDIR") or dicom.is_dicom(path):
        return "dicom"
    if pictures.is_picture(path):
        return "picture"
    if start.startswith(b"NRRD") or path.name.lower().endswith((".mha", ".mhd")):
        return "itk"
    if path.name.lower().endswith((".hdr", ".img", ".hdr.gz", ".img.gz")):
        return "nifti"
    if start.startswith(GZIP_MAGIC):
        start = head(path, 352)
    if int.from_bytes(start[:4], "little") in (348, 540) or int.from_bytes(start[:4], "big") in (348, 540):
        return "nifti"
    if b"NDims" in start and b"ObjectType" in start:
        return "itk"
    raise InputError(f"'{path.name}' is not an image that can be opened, whatever its name says; {_KNOWN} can.")


def _read_folder(folder: Path, series_uid: str | None, progress: Progress | None, *, resample: bool) -> Volume:
    files = dicom.find_files(folder)
    if not files:
        raise InputError(f"The folder '{folder.name}' is empty; choose one with DICOM files or pictures.")
    if any(dicom.is_dicom(path) for path in files):
        return dicom.read_volume(folder, series_uid=series_uid, resample=resample, progress=progress)
    _refuse_series(folder, series_uid)
    # Pictures of one stack lie beside each other, not in folders below.
    stack = [path for path in files if path.parent == folder and pictures.is_picture(path)]
    if stack:
        return pictures.read_folder(stack, folder, progress)
    volumes = [path.name for path in files if path.name.lower().endswith((*nifti.ENDINGS, *itk.ENDINGS))]
    if volumes:
        raise InputError(f"The folder '{folder.name}' holds volumes such as '{volumes[0]}'; open one of these files itself.")
    raise InputError(f"None of the {len(files)} files in '{folder.name}' is an image that can be opened; {_KNOWN} can.")


def _refuse_series(path: Path, series_uid: str | None) -> None:
    """What is not DICOM has no series to choose from; opening something else than what was named would be worse than an error."""
    if series_uid is not None:
        raise InputError(f"'{path.name}' is not DICOM and has no series '{series_uid}'; leave the series (--series) out.")


def list_series(path: Path, progress: Progress | None = None) -> list[SeriesInfo]:
    """See `spinalsam.data.formats.list_series`."""
    check_exists(path)
    if path.is_file() and not dicom.is_dicom(path):
        return []
    return dicom.list_series(path, progress)

"""Readers and writers, one format family a module. Nothing heavy is imported before a file is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from spinalsam.data.formats.series import SeriesInfo
    from spinalsam.data.volume import Volume
    from spinalsam.support.geometry import Geometry

__all__ = [
    "info",
    "is_mask",
    "is_slice",
    "list_series",
    "mask_path",
    "read_label_volume",
    "read_mask",
    "read_volume",
    "sidecar_path",
    "study_of",
    "write_mask",
]

Progress = Callable[[float, str], None]


def read_volume(path: str | Path, *, series_uid: str | None = None, resample: bool = False, progress: Progress | None = None) -> Volume:
    """Open NIfTI, NRRD, MetaImage, a DICOM file, folder or DICOMDIR, a picture or a folder of pictures.

    series_uid: which series of a DICOM folder, as `list_series` names it. resample: bring unevenly spaced DICOM slices onto an even
    grid (linearly; `source["resampled"]` and a note say so); what lies on a grid already is read as it is. progress: called with
    (fraction, message); it may raise Cancelled. Raises InputError with one sentence for the user (OffGridError for slices that need
    resampling), or ResourceError when the volume does not fit into memory.
    """
    from spinalsam.data.formats import reading

    return reading.read_volume(_named(path), series_uid=series_uid, resample=resample, progress=progress)


def list_series(path: str | Path, *, progress: Progress | None = None) -> list[SeriesInfo]:
    """The series of a DICOM file, folder or DICOMDIR, largest first; empty for anything else that exists.

    progress: see `read_volume`. Raises InputError when the path does not exist.
    """
    from spinalsam.data.formats import reading

    return reading.list_series(_named(path), progress)


def study_of(folder: Path) -> str:
    """The UID of the DICOM study that lies in a folder; empty where it tells none."""
    from spinalsam.data.formats import dicom

    return dicom.study_of(folder)


def write_mask(
    path: str | Path,
    mask: NDArray,
    volume: Volume,
    *,
    labels: Any = None,
    label_names: Mapping[int, str] | None = None,
    sidecar: Mapping[str, Any] | None = None,
    format: str | None = None,
) -> None:
    """Write a label map on exactly the volume's grid, with its JSON sidecar; see `masks.write_mask`."""
    from spinalsam.data.formats import masks

    masks.write_mask(Path(path), mask, volume, labels=labels, label_names=label_names, sidecar=sidecar, format=format)


def read_mask(path: str | Path, geometry: Geometry | None = None, *, resample: bool = False) -> NDArray:
    """The labels of a label image, uint8 or uint16 [i, j, k], on the wanted grid where one is given.

    Raises InputError when the file is no label image, or lies on another grid and `resample` is not asked for.
    """
    return read_label_volume(path, geometry, resample=resample).voxels


def read_label_volume(
    path: str | Path,
    geometry: Geometry | None = None,
    *,
    resample: bool = False,
    by_name: bool = False,
    label_table: Path | None = None,
) -> Volume:
    """Like `read_mask`, with the mask's own grid and notes; see `masks.read_label_volume`."""
    from spinalsam.data.formats import masks

    return masks.read_label_volume(Path(path), geometry, resample=resample, by_name=by_name, label_table=label_table)


def is_mask(path: str | Path, geometry: Geometry | None = None) -> bool:
    """Whether a file holds labels rather than an image, by its kind or its values; see `mask_reader.is_mask`."""
    from spinalsam.data.formats import mask_reader

    return mask_reader.is_mask(Path(path), geometry)


def is_slice(path: str | Path) -> bool:
    """Whether a file is one slice of a stack, a DICOM image or a picture, rather than a volume or a mask."""
    from spinalsam.data.formats import mask_reader

    return mask_reader.is_slice(Path(path))


def info(path: str | Path, *, series_uid: str | None = None, resample: bool = False) -> dict[str, Any]:
    """Geometry, spacing, orientation, value range and series of a file or folder as JSON; see `description.info`."""
    from spinalsam.data.formats import description

    return description.info(_named(path), series_uid=series_uid, resample=resample)


def mask_path(path: str | Path, format: str | None = None) -> Path:
    """The path with the ending that the export format has, if it has none that fits; see `masks.mask_path`."""
    from spinalsam.data.formats import masks

    return masks.mask_path(Path(path), format)


def sidecar_path(path: str | Path) -> Path:
    """Where the JSON sidecar of a mask lies: the mask's own name with ``.json`` after it."""
    return Path(f"{path}.json")


def _named(path: str | Path) -> Path:
    """The path with a last part that messages can name, which '.', '..' and '/' lack."""
    path = Path(path)
    return path.resolve() if path.name in ("", "..") else path

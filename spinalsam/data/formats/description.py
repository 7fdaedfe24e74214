"""What `info` tells about a file or folder, as JSON, without patient data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spinalsam.data.formats import reading
from spinalsam.data.volume import Volume


def info(path: Path, *, series_uid: str | None = None, resample: bool = False) -> dict[str, Any]:
    """Geometry, spacing, orientation, value range and notes, and the series of a DICOM folder.

    A folder of several series with none chosen is described by their list alone. Raises InputError like `read_volume`.
    """
    series = reading.list_series(path)
    document: dict[str, Any] = {"name": path.name, "series": [one.to_json() for one in series]}
    if len(series) > 1 and series_uid is None:
        return document
    return {**document, **describe(reading.read_volume(path, series_uid=series_uid, resample=resample))}


def describe(volume: Volume) -> dict[str, Any]:
    """A volume's geometry and values as JSON."""
    geometry = volume.geometry
    lowest, highest = float(volume.voxels.min()), float(volume.voxels.max())
    return {
        "format": volume.source.get("format", ""),
        "size": list(geometry.shape),
        "spacing_mm": _rounded(geometry.spacing_mm) if geometry.has_spacing else None,
        "extent_mm": _rounded(geometry.spacing_mm * geometry.shape) if geometry.has_spacing else None,
        "orientation": geometry.axis_codes,
        "origin_lps_mm": _rounded(geometry.origin_mm),
        "direction": [_rounded(row) for row in geometry.direction],
        "orthonormal": geometry.is_orthonormal,
        "voxel_type": str(volume.voxels.dtype),
        "is_hu": volume.is_hu,
        "hu_range" if volume.is_hu else "value_range": [lowest, highest],
        "memory_mb": round(volume.nbytes / 1e6, 1),
        "notes": list(volume.notes),
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) + 0.0 for value in values]

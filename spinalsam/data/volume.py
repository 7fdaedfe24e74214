"""A case's voxels together with where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry


@dataclass(frozen=True)
class Volume:
    """Voxels on their grid.

    voxels: indexed [i, j, k] in the file's own order (SimpleITK's ``image[i, j, k]``), shape `geometry.shape`, usually a
        Fortran-ordered int16 or float32 array; HU where `is_hu`, else grey values. A 2-D picture has nk = 1.
    is_hu: whether the values are Hounsfield units.
    source: what a writer needs to give the same header back (see `data/formats`), for example NIfTI's qform, sform and codes.
    notes: sentences for the user about what was found while reading (a skipped file, a chosen transform).
    name: a name to show that holds no patient data.
    """

    voxels: NDArray
    geometry: Geometry
    is_hu: bool = True
    source: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if self.voxels.shape != self.geometry.shape:
            raise InputError(f"The voxels have the shape {self.voxels.shape}, but the grid has {self.geometry.shape}.")

    @property
    def nbytes(self) -> int:
        return int(np.asarray(self.voxels).nbytes)

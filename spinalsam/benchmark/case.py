"""What is measured on: the files of a case, and a structure on one of its slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.planes import SlicePlane, SliceRef
from spinalsam.support.prompts import SlicePrompt


@dataclass(frozen=True)
class Case:
    """image: the file that is opened. ref: the slice. truth: (rows, columns) bool, the structure on it; prompts are taken from it."""

    image: Path
    volume: Volume
    ref: SliceRef
    truth: NDArray[np.bool_]

    def picture(self, offset: int = 0) -> SliceImage:
        """The slice, or one that lies `offset` beside it, ready for a network."""
        plane = SlicePlane(self.volume.geometry, self.ref.plane)
        index = int(np.clip(self.ref.index + offset, 0, plane.count - 1))
        return SliceImage(np.ascontiguousarray(plane.cut(self.volume.voxels, index), np.float32), self.volume.is_hu, plane.spacing_mm)

    def clicks(self, count: int) -> SlicePrompt:
        """So many clicks in the structure, spread over it."""
        from spinalsam.control.placing import interior_points

        return SlicePrompt(np.array(interior_points(self.truth, count), np.float32), np.ones(count, bool))

    @property
    def box(self) -> NDArray[np.float32]:
        """The structure's box, x0 y0 x1 y1 in pixels."""
        rows, columns = np.flatnonzero(self.truth.any(axis=1)), np.flatnonzero(self.truth.any(axis=0))
        return np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)

    @property
    def box_json(self) -> dict[str, Any]:
        """The box as a line of a prompts file."""
        plane = SlicePlane(self.volume.geometry, self.ref.plane)
        corners = plane.to_voxel(self.box.reshape(2, 2), self.ref.index)
        return {"plane": self.ref.plane, "box": corners.tolist(), "label": 1}

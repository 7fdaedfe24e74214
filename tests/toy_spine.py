"""Three plain vertebrae, drawn in milliseconds: elliptic drums of 24 mm with a ring behind them, 8 mm apart."""

from __future__ import annotations

import numpy as np

from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry

HEIGHT_MM, DISC_MM, CORE_HU = 24.0, 8.0, 150
LEVELS = {"L2": 21, "L3": 22, "L4": 23}


def toy_spine(spacing_mm: tuple[float, float, float] = (1.5, 1.5, 1.5)) -> tuple[Volume, np.ndarray]:
    """(CT, VerSe labels) in LPS order; L3 stands in the middle."""
    size = [round(mm / step) for mm, step in zip((78, 96, 120), spacing_mm, strict=True)]
    origin = [-(n - 1) * step / 2 for n, step in zip(size, spacing_mm, strict=True)]
    x, y, z = np.meshgrid(*[start + step * np.arange(n) for start, step, n in zip(origin, spacing_mm, size, strict=True)], indexing="ij")
    labels = np.zeros(size, np.uint8, order="F")
    body = (x / 21) ** 2 + ((y + 14) / 16) ** 2 <= 1
    # The canal, 22 x 18 mm, in a ring of bone with a process behind.
    ring = ((x / 17) ** 2 + ((y - 11) / 15) ** 2 <= 1) & ~((x / 11) ** 2 + ((y - 11) / 9) ** 2 <= 1) & (y > 2)
    process = (np.abs(x) < 4) & (y > 22) & (y < 40)
    for number, value in enumerate(LEVELS.values()):
        height = z - (1 - number) * (HEIGHT_MM + DISC_MM)
        labels[body & (np.abs(height) <= HEIGHT_MM / 2)] = value
        labels[(ring | process) & (np.abs(height) <= 8)] = value
    voxels = np.where(labels > 0, CORE_HU, 40).astype(np.int16)
    geometry = Geometry.from_parts(labels.shape, spacing_mm=spacing_mm, origin_mm=origin)
    return Volume(np.asfortranarray(voxels), geometry, True, {}, (), "toy spine"), labels

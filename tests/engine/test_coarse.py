"""The coarse grid: the same millimetres for every orientation and spacing."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.engine.coarse import SLAB, VOXEL_MM, _block_mean, coarse_volume
from spinalsam.support.geometry import Geometry

CENTRE = np.array([40.0, 60.0, 50.0])


def ball(geometry: Geometry) -> np.ndarray:
    """A bright ball of 15 mm radius about CENTRE."""
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), -1)
    return np.where(np.linalg.norm(geometry.to_mm(grid) - CENTRE, axis=-1) < 15, 500, -100).astype(np.int16)


def turned(angle_deg: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


GEOMETRIES = {
    "LPS 1 mm": Geometry.from_parts((80, 120, 100)),
    "RAS 3 mm": Geometry.from_parts((27, 40, 34), spacing_mm=(3, 3, 3), origin_mm=(80, 120, 0), direction=np.diag([-1, -1, 1])),
    "PIR, thick": Geometry.from_parts(
        (120, 100, 16), spacing_mm=(1, 1, 5), origin_mm=(80, 0, 100), direction=np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]])
    ),
    "oblique": Geometry.from_parts((80, 120, 50), spacing_mm=(1, 1, 2), origin_mm=(20, -10, 0), direction=turned(20)),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_thing_stays_where_it_is_in_mm(name: str) -> None:
    geometry = GEOMETRIES[name]
    coarse = coarse_volume(ball(geometry), geometry, is_hu=True)
    assert np.allclose(coarse.geometry.spacing_mm, VOXEL_MM) and coarse.geometry.axis_codes == "LPS"
    bright = coarse.geometry.to_mm(np.argwhere((coarse.hu > 200) & coarse.seen))
    assert np.linalg.norm(bright.mean(axis=0) - CENTRE) < 1.0
    assert 0.8 < len(bright) * VOXEL_MM**3 / (4 / 3 * np.pi * 15**3) < 1.2


def test_what_was_never_scanned_is_not_seen() -> None:
    geometry = GEOMETRIES["oblique"]
    voxels = ball(geometry)
    voxels[:, :10] = -3024
    coarse = coarse_volume(voxels, geometry, is_hu=True)
    corner = coarse.geometry.to_mm(np.argwhere(~coarse.seen))
    inside = geometry.to_ijk(corner)
    assert not ((inside[:, 1] > 14) & np.all((inside > 2) & (inside < np.array(geometry.shape) - 3), axis=1)).any()
    assert coarse.seen.mean() < 0.9


def test_grey_values_are_stretched_to_the_range_of_hu() -> None:
    geometry = GEOMETRIES["LPS 1 mm"]
    grey = np.where(ball(geometry) > 0, 200, 20).astype(np.uint8)
    coarse = coarse_volume(grey, geometry, is_hu=False)
    assert coarse.hu.min() < -900 and coarse.hu.max() > 500


def test_averaging_slab_by_slab_gives_what_averaging_all_at_once_does() -> None:
    voxels = np.asfortranarray(np.random.default_rng(5).integers(-1000, 2000, (13, 11, 3 * SLAB * 2 + 7)).astype(np.int16))
    for factors in ([3, 2, 3], [1, 1, 1], [13, 1, 2]):
        counts = [n // f for n, f in zip(voxels.shape, factors, strict=True)]
        whole = voxels[tuple(slice(0, n * f) for n, f in zip(counts, factors, strict=True))].astype(np.float64)
        blocks = whole.reshape(counts[0], factors[0], counts[1], factors[1], counts[2], factors[2]).mean(axis=(1, 3, 5))
        found = _block_mean(voxels, factors)
        assert found.dtype == np.float32 and np.allclose(found, blocks, atol=1e-3)

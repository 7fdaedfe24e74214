"""Slices across memory come out the same, however they were scrolled to."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.support.slabs import DEPTH, Slabs

SHAPE = (150, 140, 130)
WAYS = (range(20), range(149, 130, -1), (3, 4, 60, 61, 62, 10, 9, 8, 7, 9, 149, 148, 0, 1))


@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1.0, 1, -1]), np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 0, 1]]])
def test_every_slice_is_the_one_that_was_asked_for(order: str, direction: np.ndarray) -> None:
    voxels = np.asarray(np.random.default_rng(0).integers(-1000, 2000, SHAPE), np.int16, order=order)  # type: ignore[call-overload]
    geometry = Geometry.from_parts(SHAPE, spacing_mm=(0.7, 0.8, 1.5), origin_mm=(0, 0, 0), direction=direction)
    for plane in (SlicePlane(geometry, name) for name in PLANES):
        slabs = Slabs()
        for way in WAYS:
            for index in way:
                found = slabs.cut(plane, voxels, min(index, plane.count - 1))
                np.testing.assert_array_equal(found, plane.cut(voxels, min(index, plane.count - 1)))
                assert found.flags.c_contiguous


def test_what_has_changed_is_read_again() -> None:
    geometry = Geometry.from_parts(SHAPE, spacing_mm=(1, 1, 1), origin_mm=(0, 0, 0), direction=np.eye(3))
    plane, slabs = SlicePlane(geometry, "sagittal"), Slabs()
    labels = np.zeros(SHAPE, np.uint8, order="F")
    for index in range(4):
        slabs.cut(plane, labels, index, revision=1)
    assert slabs._block is not None and slabs._block.shape[0] == DEPTH
    labels[4] = 22
    assert (slabs.cut(plane, labels, 4, revision=2) == 22).all()
    other = np.full(SHAPE, 7, np.uint8, order="F")
    assert (slabs.cut(plane, other, 5, revision=2) == 7).all()
    del labels, other
    assert slabs._voxels() is None, "a closed case is kept in memory"

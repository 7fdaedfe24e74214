"""From one slice to the whole structure, on three blocks with processes, in several orientations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spinalsam.engine.propagate import dice
from spinalsam.engine.whole import grow, trimmed
from spinalsam.errors import Cancelled
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import SlicePlane, SliceRef
from tests.fakes import FakeSegmenter

PLANES = ("axial", "sagittal", "coronal")


def _blocks() -> tuple[np.ndarray, np.ndarray]:
    """HU and labels [i, j, k] in LPS, 1 mm: three bodies of 16 mm with a process behind each, 5 mm of disc between them."""
    labels = np.zeros((70, 80, 70), np.uint8)
    for number, low in enumerate((4, 25, 46), start=20):
        labels[22:48, 14:40, low : low + 16] = number
        labels[30:40, 40:60, low + 3 : low + 13] = number
    hu = np.where(labels > 0, 400, 40).astype(np.int16)
    return hu, labels


def _turned(array: np.ndarray, axes: tuple[int, ...], flips: tuple[int, ...]) -> np.ndarray:
    return np.asfortranarray(np.flip(array.transpose(axes), [n for n in range(3) if flips[n]]))


def _geometry(shape: tuple[int, ...], axes: tuple[int, ...], flips: tuple[int, ...]) -> Geometry:
    direction = np.zeros((3, 3))
    for index, world in enumerate(axes):
        direction[world, index] = -1 if flips[index] else 1
    return Geometry.from_parts(shape, direction=direction)  # type: ignore[arg-type]


def _grown(hu: np.ndarray, labels: np.ndarray, geometry: Geometry, plane_name: str) -> np.ndarray:
    plane = SlicePlane(geometry, plane_name)
    across = tuple(axis for axis in range(3) if axis != plane.normal_axis)
    held = np.flatnonzero((labels == 21).any(axis=across))
    index = int(held[len(held) // 2])
    start = np.ascontiguousarray(plane.cut(labels, index) == 21)
    grown = grow(FakeSegmenter(), hu, geometry, {SliceRef(plane_name, index): start}, is_hu=True)
    whole = np.zeros(labels.shape, bool)
    whole[tuple(slice(low, low + n) for low, n in zip(grown.lower_ijk, grown.mask.shape, strict=True))] = grown.mask
    assert np.array_equal(plane.cut(whole, index), start)
    return whole


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    ("axes", "flips"), [((0, 1, 2), (0, 0, 0)), ((1, 2, 0), (0, 1, 1)), ((2, 0, 1), (1, 0, 1)), ((1, 0, 2), (1, 1, 0))]
)
def test_one_slice_of_any_plane_gives_the_whole_block_and_not_its_neighbours(
    plane: str, axes: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    hu, labels = (_turned(array, axes, flips) for array in _blocks())
    whole = _grown(hu, labels, _geometry(labels.shape, axes, flips), plane)
    assert dice(whole, labels == 21) > 0.93
    assert not (whole & np.isin(labels, (20, 22))).any()


def test_a_volume_of_three_slices_is_followed_in_its_own_plane() -> None:
    hu, labels = (array[:, :, 30:33] for array in _blocks())
    geometry = Geometry.from_parts(labels.shape)
    whole = _grown(hu, labels, geometry, "axial")
    assert dice(whole, labels == 21) > 0.95


def test_fine_slices_are_interpolated() -> None:
    hu, labels = (np.repeat(array, 2, axis=0) for array in _blocks())
    geometry = Geometry.from_parts(labels.shape, spacing_mm=(0.5, 1.0, 1.0))
    assert dice(_grown(hu, labels, geometry, "sagittal"), labels == 21) > 0.92


def test_it_can_be_stopped() -> None:
    hu, labels = _blocks()
    geometry = Geometry.from_parts(labels.shape)
    plane = SlicePlane(geometry, "sagittal")
    shares: list[float] = []

    def progress(share: float, text: str) -> None:
        shares.append(share)
        if len(shares) > 20:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        grow(FakeSegmenter(), hu, geometry, {SliceRef("sagittal", 35): plane.cut(labels, 35) == 21}, is_hu=True, progress=progress)
    assert shares == sorted(shares) and all(0 <= share <= 1 for share in shares)
    assert all(a <= b for a, b in itertools.pairwise(shares))


def test_surface_voxels_that_are_mostly_something_else_do_not_belong_to_the_mask() -> None:
    truth = np.zeros((30, 30, 30), bool)
    truth[10:20, 10:20, 10:20] = True
    mask = np.zeros_like(truth)
    mask[9:21, 10:20, 10:20] = True  # a rim too much on two sides
    values = np.where(truth, 400, 40) + np.random.default_rng(0).normal(0, 20, truth.shape)
    assert np.array_equal(trimmed(values, mask), truth)
    assert np.array_equal(trimmed(values, truth), truth)
    assert np.array_equal(trimmed(np.full(truth.shape, 100.0), mask), mask), "nothing can be told from values that are all alike"

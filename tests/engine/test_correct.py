"""A click on a whole mask: what it asks for happens, there and on the slices beside it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.engine.correct import correct
from spinalsam.errors import Cancelled
from spinalsam.support.planes import SlicePlane, SliceRef
from tests.engine.test_whole import _blocks, _geometry, _turned
from tests.fakes import FakeSegmenter

TURNS = [((0, 1, 2), (0, 0, 0)), ((2, 0, 1), (1, 0, 1))]


def scene(axes: tuple[int, ...], flips: tuple[int, ...]):
    hu, labels = _blocks()
    hu, labels = _turned(hu, axes, flips), _turned(labels, axes, flips)
    return hu, labels, _geometry(labels.shape, axes, flips)


@pytest.mark.parametrize(("axes", "flips"), TURNS)
def test_one_click_brings_back_a_process_on_all_its_slices(axes: tuple[int, ...], flips: tuple[int, ...]) -> None:
    hu, labels, geometry = scene(axes, flips)
    truth = labels == 21
    body = np.zeros(_blocks()[1].shape, bool)
    body[22:48, 14:40, 25:41] = True
    mask = truth & _turned(body, axes, flips)
    plane = SlicePlane(geometry, "sagittal")
    process = np.argwhere(truth & ~mask)
    middle = process[np.abs(process - process.mean(axis=0)).sum(axis=1).argmin()]
    ref = SliceRef("sagittal", int(middle[plane.normal_axis]))
    x, y = plane.to_pixel(middle)
    found = correct(FakeSegmenter(), hu, geometry, mask, ref, (float(x), float(y)), positive=True, is_hu=True)
    assert np.array_equal(found.mask & mask, mask), "nothing is lost"
    assert not (found.mask & (labels == 20)).any() and not (found.mask & (labels == 22)).any()
    assert (found.mask & truth).sum() > 0.9 * truth.sum()  # the fake sees nothing beyond its box
    assert found.slices == 10


def test_one_click_takes_a_leak_away_and_what_hangs_on_it() -> None:
    hu, labels, geometry = scene(*TURNS[0])
    truth = labels == 21
    mask = np.asfortranarray(truth.copy())
    mask[38:42, 50:54, 38:58] = True  # a bar into the vertebra above, of which the network knows nothing
    mask[38:42, 44:60, 56:60] = True
    before = mask.copy()
    plane = SlicePlane(geometry, "axial")
    x, y = plane.to_pixel(np.array([40.0, 52.0, 45.0]))
    found = correct(FakeSegmenter(), hu, geometry, mask, SliceRef("axial", 45), (float(x), float(y)), positive=False, is_hu=True)
    assert np.array_equal(mask, before), "the mask that was given stays as it is"
    assert not found.mask[:, :, 42:].any()
    assert (found.mask & truth).sum() > 0.98 * truth.sum()


def test_nothing_but_the_spot_at_the_click_grows_where_the_structure_cannot_be() -> None:
    hu, labels, geometry = scene(*TURNS[0])
    truth = labels == 21
    mask = np.asfortranarray(truth.copy())
    mask[:, 40:] = False
    within = np.ones(mask.shape, bool, order="F")
    within[:, 45:] = False
    ref, place = SliceRef("sagittal", 35), SlicePlane(geometry, "sagittal").to_pixel(np.array([35.0, 48.0, 33.0]))
    free, bound = (
        correct(FakeSegmenter(), hu, geometry, mask, ref, (float(place[0]), float(place[1])), positive=True, is_hu=True, within=one).mask
        for one in (None, within)
    )
    assert bound[35, 48, 33], "the click holds"
    assert (free & ~within).sum() > 4 * (bound & ~within).sum() > 0


def test_a_small_change_is_not_carried_far() -> None:
    """A rod along the slices' normal, of which one slice is known to be too much."""
    hu, labels = _blocks()
    mask = np.asfortranarray(labels == 21)
    mask[8:60, 60:64, 30:34] = True
    geometry = _geometry(mask.shape, *TURNS[0])
    x, y = SlicePlane(geometry, "sagittal").to_pixel(np.array([15.0, 62.0, 32.0]))
    ref, point = SliceRef("sagittal", 15), (float(x), float(y))
    found = correct(FakeSegmenter(), hu, geometry, mask, ref, point, positive=False, is_hu=True)
    gone = np.flatnonzero((mask & ~found.mask).any(axis=(1, 2)))
    assert 15 in gone and np.ptp(gone) <= 12


@pytest.mark.parametrize("positive", [True, False])
def test_the_click_itself_always_holds(positive: bool) -> None:
    """Even where the network sees no bone at all."""
    hu, labels, geometry = scene(*TURNS[0])
    mask = np.asfortranarray(labels == 21)
    if not positive:
        mask[60:66, 60:66, 60:66] = True
    point = (63.0, 63.0)
    found = correct(FakeSegmenter(), hu, geometry, mask, SliceRef("axial", 62), point, positive=positive, is_hu=True)
    column, row = (int(n) for n in point)
    assert SlicePlane(geometry, "axial").cut(found.mask, 62)[row, column] == positive
    assert (found.mask & (labels == 21)).sum() == (labels == 21).sum()


def test_a_correction_can_be_stopped() -> None:
    hu, labels, geometry = scene(*TURNS[0])

    def check() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        correct(FakeSegmenter(), hu, geometry, labels == 21, SliceRef("axial", 33), (35.0, 20.0), positive=False, is_hu=True, check=check)

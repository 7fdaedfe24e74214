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

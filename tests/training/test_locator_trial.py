"""The locator's trial: what counts as found, invented and rightly named, and views that keep every vertebra where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from spinalsam.engine.locate import Survey
from spinalsam.support.geometry import Geometry
from spinalsam.training.locator_trial import Spine, compare, summary, views
from tests.engine.test_locate import LUMBAR, RADIUS, SHAPE, surveyed


@pytest.fixture(scope="module")
def survey() -> Survey:
    return surveyed(LUMBAR, sacrum=True)


@pytest.fixture(scope="module")
def spine(survey: Survey) -> Spine:
    labels = np.zeros(SHAPE, np.uint8)
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in SHAPE], indexing="ij"), -1)
    for value, centre in LUMBAR.items():
        labels[(((grid - centre) / RADIUS) ** 2).sum(-1) < 1] = value
    hu = np.where(labels > 0, 300, 0).astype(np.int16)
    centres = {value: survey.geometry.to_mm(np.array(centre)) for value, centre in LUMBAR.items()}
    volumes = np.bincount(labels.ravel(), minlength=256) * 27.0
    return Spine("blocks", hu, labels, survey.geometry, centres, volumes, True)


def test_a_right_answer_counts_as_such(survey: Survey, spine: Spine) -> None:
    tally = compare(survey, spine)
    assert (tally.visible, tally.found, tally.invented, tally.right, tally.wrong, tally.told_right) == (5, 5, 0, 5, 0, 5)


def test_what_is_not_there_counts_as_invented_and_what_is_missed_as_missed(survey: Survey, spine: Spine) -> None:
    shifted = {value: place + (0, 0, 15.0) for value, place in spine.centres_mm.items()}
    tally = compare(survey, replace(spine, centres_mm=shifted))
    assert (tally.found, tally.invented) == (0, 5)
    (row, whole) = summary([tally])
    assert row["found"] == 0 and whole["invented"] == 5


def other_views(spine: Spine) -> Iterator[Spine]:
    iterator = views(spine, 4, 1)
    next(iterator)
    return iterator


def test_every_view_shows_vertebrae_where_it_says(spine: Spine) -> None:
    checked = 0
    for view in other_views(spine):
        assert view.voxels.shape == view.labels.shape == view.geometry.shape
        for value, place in view.centres_mm.items():
            ijk = np.rint(view.geometry.to_ijk(place)).astype(int)
            if np.all(ijk >= 1) and np.all(ijk < np.array(view.geometry.shape) - 1):
                assert view.labels[tuple(ijk)] == value
                checked += 1
    assert checked >= 8


def test_views_differ_in_grid_and_are_the_same_again(spine: Spine) -> None:
    one, again = list(other_views(spine)), list(other_views(spine))
    assert len({(view.voxels.shape, view.geometry.axis_codes) for view in one}) > 2
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a.voxels, b.voxels) and np.allclose(a.geometry.affine, b.geometry.affine)
    assert isinstance(one[0].geometry, Geometry)

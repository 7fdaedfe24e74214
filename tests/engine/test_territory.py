"""What may belong to a vertebra, by its neighbours in the locator's view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from spinalsam.engine.propagate import dice
from spinalsam.engine.territory import territory
from spinalsam.support.geometry import Geometry
from tests.engine.test_locate import LUMBAR, RADIUS, surveyed


def body_points(survey, value: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    grid = np.stack(np.meshgrid(*[np.linspace(-0.6, 0.6, 7)] * 3, indexing="ij"), -1).reshape(-1, 3)
    return survey.geometry.to_mm(np.array(LUMBAR[value]) + grid * RADIUS)


def test_a_vertebra_reaches_to_its_neighbours_and_not_into_them() -> None:
    survey = surveyed(LUMBAR)
    fine = Geometry.from_parts((72, 96, 180), spacing_mm=(1, 1, 1.5), origin_mm=(-30, 5, 100))
    allowed = territory(survey, body_points(survey, 22), fine)
    assert allowed is not None
    for value, inside in ((21, False), (22, True), (23, False)):
        ijk = np.rint(fine.to_ijk(body_points(survey, value))).astype(int)
        assert allowed.may[tuple(ijk.T)].mean() == pytest.approx(float(inside), abs=0.02)
        assert allowed.own[tuple(ijk.T)].mean() == pytest.approx(float(inside), abs=0.02)
    assert not (allowed.own & ~allowed.may).any() and allowed.own.sum() < 0.8 * allowed.may.sum()


def test_on_a_flipped_grid_it_lies_in_the_same_place() -> None:
    survey = surveyed(LUMBAR)
    points = body_points(survey, 23)
    plain = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(-30, 5, 100))
    turned = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(40, 99, 367), direction=np.diag([-1, -1, -1]))
    one, other = territory(survey, points, plain), territory(survey, points, turned)
    assert one is not None and other is not None
    assert dice(one.may, other.may[::-1, ::-1, ::-1]) > 0.98  # on its edge rounding decides


@pytest.mark.parametrize("away_mm", [(0, 60, 0), (0, 0, -18)])
def test_a_mask_that_no_vertebra_owns_clearly_is_not_bounded(away_mm: tuple[int, int, int]) -> None:
    """Beside the spine, and half in one vertebra and half in the next."""
    survey = surveyed(LUMBAR)
    fine = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(-30, 5, 100))
    assert territory(survey, body_points(survey, 22) + away_mm, fine) is None


def section(survey, values: Sequence[int], k: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """Places of a coronal slice through the bodies, those above a height `k` in voxels that some vertebrae own and all others."""
    x, z = (axis.ravel() for axis in np.meshgrid(np.arange(24), np.arange(90), indexing="ij"))
    ijk = np.column_stack([x, np.full(len(x), 14), z])
    held = np.isin(survey.owner[tuple(ijk.T)], [number + 1 for number, value in enumerate(LUMBAR) if value in values]) & (z > k)
    places = survey.geometry.to_mm(ijk.astype(float))
    return places[held], places[~held]


def test_a_mask_with_all_of_one_section_and_a_part_of_the_next_belongs_to_the_first() -> None:
    survey = surveyed(LUMBAR)
    fine = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(-30, 5, 100))
    held, left = section(survey, (21, 22), k=LUMBAR[22][2] - 1.5)
    assert territory(survey, held, fine) is None  # each owns much of it
    allowed = territory(survey, held, fine, beside_mm=left)
    assert allowed is not None
    for value, inside in ((21, True), (22, False)):
        ijk = np.rint(fine.to_ijk(body_points(survey, value))).astype(int)
        assert allowed.may[tuple(ijk.T)].mean() == pytest.approx(float(inside), abs=0.02)


def test_a_mask_of_two_whole_sections_belongs_to_neither() -> None:
    survey = surveyed(LUMBAR)
    fine = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(-30, 5, 100))
    held, left = section(survey, (21, 22), k=0)
    assert territory(survey, held, fine, beside_mm=left) is None

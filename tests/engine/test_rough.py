"""Where a vertebra lies on a slice, by the locator's view of the volume: for a click, for a box, on any grid, and not at the edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinalsam.engine.rough import KEPT, RoughShapes
from spinalsam.engine.segmenter import RoughShape
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.support.prompts import SlicePrompt
from tests.engine.test_locate import LUMBAR, surveyed

FINE = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(-30, 5, 100))
TURNED = Geometry.from_parts((36, 48, 90), spacing_mm=(2, 2, 3), origin_mm=(40, 99, 367), direction=np.diag([-1, -1, -1]))


def click(plane: SlicePlane, ijk: np.ndarray, *more: np.ndarray, positive: tuple[bool, ...] | None = None) -> SlicePrompt:
    points = plane.to_pixel(np.stack([ijk, *more])).astype(np.float32)
    return SlicePrompt(points, np.array(positive or [True] * len(points)))


def middle(survey, geometry: Geometry, value: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    return geometry.to_ijk(survey.geometry.to_mm(np.array(LUMBAR[value], float)))


@pytest.mark.parametrize("geometry", [FINE, TURNED])
@pytest.mark.parametrize("name", PLANES)
def test_a_click_in_a_vertebra_gives_its_cross_section(geometry: Geometry, name: str) -> None:
    survey = surveyed(LUMBAR)
    shapes, plane = RoughShapes(survey, geometry), SlicePlane(geometry, name)
    for value in (21, 22, 23):
        ijk = middle(survey, geometry, value)
        index = round(ijk[plane.normal_axis])
        shape = shapes.for_prompt(plane, index, click(plane, ijk))
        assert shape is not None and shape.inside_mm.shape == plane.shape and shape.inside_mm.dtype == np.float32
        held = np.argwhere(shape.inside_mm > 0)[:, ::-1]
        numbers = survey.owner[tuple(np.rint(survey.geometry.to_ijk(geometry.to_mm(plane.to_voxel(held, index)))).astype(int).T)]
        assert (numbers == survey.order_at(geometry.to_mm(ijk[None]))).mean() > 0.9
        assert np.abs(held.mean(axis=0) - plane.to_pixel(ijk)).max() < 1.5


def test_two_clicks_in_two_vertebrae_and_clicks_beside_the_spine_tell_nothing() -> None:
    survey = surveyed(LUMBAR)
    shapes, plane = RoughShapes(survey, FINE), SlicePlane(FINE, "sagittal")
    one, other = middle(survey, FINE, 22), middle(survey, FINE, 23)
    other[plane.normal_axis] = one[plane.normal_axis]
    index = round(one[plane.normal_axis])
    assert shapes.for_prompt(plane, index, click(plane, one, other)) is None
    assert shapes.for_prompt(plane, index, click(plane, one, other, positive=(True, False))) is not None
    far = one.copy()
    far[1] += 60 / 2
    assert shapes.for_prompt(plane, index, click(plane, far)) is None


def test_a_box_about_as_large_as_the_vertebra_means_it_and_one_around_a_part_does_not() -> None:
    survey = surveyed(LUMBAR)
    shapes, plane = RoughShapes(survey, FINE), SlicePlane(FINE, "axial")
    ijk = middle(survey, FINE, 22)
    index = round(ijk[plane.normal_axis])
    clicked = shapes.for_prompt(plane, index, click(plane, ijk))
    assert clicked is not None
    around = clicked.box_with(np.zeros((0, 2)))
    assert shapes.for_prompt(plane, index, SlicePrompt(box_xyxy=around + np.array([-1, 0, 0, 1], np.float32))) is clicked
    small = np.concatenate([plane.to_pixel(ijk) - 2, plane.to_pixel(ijk) + 2]).astype(np.float32)
    assert shapes.for_prompt(plane, index, SlicePrompt(box_xyxy=small)) is None
    assert shapes.for_prompt(plane, index, SlicePrompt(box_xyxy=np.array([0, 0, 3, 3], np.float32))) is None


def test_nothing_is_known_on_the_first_and_last_slices_nor_of_what_is_hardly_a_vertebra() -> None:
    survey = surveyed(LUMBAR)
    plane = SlicePlane(FINE, "axial")
    ijk = middle(survey, FINE, 22)
    short = replace(FINE, shape=(36, 48, int(ijk[2]) + 2))
    assert RoughShapes(survey, short).for_prompt(SlicePlane(short, "axial"), int(ijk[2]), click(plane, ijk)) is None
    unsure = replace(survey, chain=tuple(replace(link, score=0.4) for link in survey.chain))
    assert RoughShapes(unsure, FINE).for_prompt(plane, round(ijk[2]), click(plane, ijk)) is None


def test_no_more_shapes_are_kept_than_are_worth_it() -> None:
    survey = surveyed(LUMBAR)
    wide = Geometry.from_parts((36, 48, 900), spacing_mm=(2, 2, 0.3), origin_mm=(-30, 5, 100))
    shapes, plane = RoughShapes(survey, wide), SlicePlane(wide, "axial")
    ijk = middle(survey, wide, 22)
    first = int(ijk[2]) - 30
    for index in range(first, first + KEPT + 10):
        shapes.for_prompt(plane, index, click(plane, ijk))
    assert len(shapes._kept) == KEPT


def test_a_shape_and_clicks_share_a_box() -> None:
    inside = np.full((20, 30), -1, np.float32)
    inside[5:9, 10:16] = 1
    shape = RoughShape(inside)
    assert shape.box_with(np.zeros((0, 2))).tolist() == [10, 5, 15, 8]
    assert shape.box_with(np.array([[20.0, 7.0]])).tolist() == [10, 5, 20, 8]
    with pytest.raises(ValueError):
        RoughShape(np.full((4, 4), -1, np.float32)).box_with(np.zeros((0, 2)))

"""Prompts: on which slice they lie, and where on its picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.support.prompts import BoxPrompt, PointPrompt, Prompt, SlicePrompt
from tests.support.grids import geometries


@given(geometries(), st.sampled_from(PLANES), st.data())
def test_a_prompt_lands_on_the_pixel_that_shows_its_voxel(geometry: Geometry, plane: str, data: st.DataObject) -> None:
    ijk = tuple(data.draw(st.integers(0, n - 1)) for n in geometry.shape)
    ref, on_slice = Prompt(plane, (PointPrompt(ijk),)).on_slice(geometry)
    voxels = np.zeros(geometry.shape, np.uint8)
    voxels[ijk] = 1
    picture = SlicePlane(geometry, plane).cut(voxels, ref.index)
    column, row = (int(n) for n in on_slice.points_xy[0])
    assert picture[row, column] == 1
    assert picture.sum() == 1


@given(geometries(), st.sampled_from(PLANES), st.data())
def test_a_box_covers_the_same_voxels_whichever_corners_name_it(geometry: Geometry, plane: str, data: st.DataObject) -> None:
    normal = SlicePlane(geometry, plane).normal_axis
    a = [data.draw(st.integers(0, n - 1)) for n in geometry.shape]
    b = [data.draw(st.integers(0, n - 1)) for n in geometry.shape]
    b[normal] = a[normal]
    boxes = [Prompt(plane, box=BoxPrompt(one, other)).on_slice(geometry)[1].box_xyxy for one, other in ((a, b), (b, a))]
    assert np.array_equal(boxes[0], boxes[1])
    x0, y0, x1, y1 = boxes[0]
    assert x0 <= x1
    assert y0 <= y1
    voxels = np.zeros(geometry.shape, np.uint8)
    voxels[tuple(slice(min(m, n), max(m, n) + 1) for m, n in zip(a, b, strict=True))] = 1
    picture = SlicePlane(geometry, plane).cut(voxels, a[normal])
    rows, columns = np.nonzero(picture)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (x0, y0, x1, y1)


def test_points_of_one_mask_on_two_slices_are_refused_with_both_named() -> None:
    prompt = Prompt(points=(PointPrompt((1, 1, 2)), PointPrompt((1, 1, 5))))
    with pytest.raises(InputError, match="k = 2, 5"):
        prompt.slice_ref(Geometry((8, 8, 8), np.eye(4)))


@pytest.mark.parametrize("ijk", [(-1, 0, 0), (8, 0, 0), (0, 0, 7.6)])
def test_a_prompt_outside_the_volume_is_refused_with_its_size(ijk: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="outside the volume of 8x8x8"):
        Prompt(points=(PointPrompt(ijk),)).slice_ref(Geometry((8, 8, 8), np.eye(4)))


@pytest.mark.parametrize("index", [float("nan"), float("inf"), float("-inf")])
def test_a_prompt_that_is_no_number_is_refused(index: float) -> None:
    with pytest.raises(InputError):
        Prompt(points=(PointPrompt((1, 1, index)),)).slice_ref(Geometry((8, 8, 8), np.eye(4)))


def test_a_prompt_without_points_or_box_is_refused() -> None:
    with pytest.raises(InputError, match="at least one point or a box"):
        Prompt().slice_ref(Geometry((8, 8, 8), np.eye(4)))


@given(geometries(), st.sampled_from(PLANES), st.data())
def test_a_point_between_voxels_lies_on_the_slice_that_holds_it(geometry: Geometry, plane: str, data: st.DataObject) -> None:
    ijk = tuple(data.draw(st.floats(-0.5, n - 0.5, exclude_max=True)) for n in geometry.shape)
    if not geometry.contains(ijk):
        return
    ref = Prompt(plane, (PointPrompt(ijk),)).slice_ref(geometry)
    cut = SlicePlane(geometry, plane)
    assert 0 <= ref.index < cut.count
    assert abs(ijk[cut.normal_axis] - ref.index) <= 0.5


def test_signs_stay_with_their_points() -> None:
    prompt = Prompt(points=(PointPrompt((1, 2, 3)), PointPrompt((4, 5, 3), positive=False)))
    _, on_slice = prompt.on_slice(Geometry((8, 8, 8), np.eye(4)))
    assert on_slice.positive.tolist() == [True, False]
    assert on_slice.points_xy.tolist() == [[1, 2], [4, 5]]
    assert on_slice.box_xyxy is None


def test_a_line_of_a_prompts_file_holds_everything_but_what_is_absent() -> None:
    assert Prompt("coronal", (PointPrompt((1, 2, 3), False),), None, 22).to_json() == {
        "plane": "coronal",
        "points": [[1, 2, 3, 0]],
        "label": 22,
    }
    assert Prompt(box=BoxPrompt((1, 2, 3), (4, 5, 3))).to_json() == {
        "plane": "axial",
        "box": [[1, 2, 3], [4, 5, 3]],
        "label": 1,
    }


def test_an_empty_slice_prompt_knows_it() -> None:
    assert SlicePrompt().is_empty
    assert not SlicePrompt(box_xyxy=np.zeros(4, np.float32)).is_empty

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinalsam.ui.viewport import Viewport, scale_bar_mm

viewports = st.builds(
    Viewport,
    rows=st.integers(1, 600),
    columns=st.integers(1, 600),
    row_mm=st.floats(0.1, 8),
    column_mm=st.floats(0.1, 8),
    width=st.floats(50, 2000),
    height=st.floats(50, 2000),
    zoom=st.floats(0.3, 30),
    pan_mm=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
)


@given(viewports, st.floats(-50, 700), st.floats(-50, 700))
def test_pixel_to_screen_and_back_is_the_same_pixel(viewport: Viewport, x: float, y: float) -> None:
    back = viewport.to_pixel(*viewport.to_screen(x, y))
    assert back == pytest.approx((x, y), abs=1e-6)


@given(viewports)
def test_pixels_have_true_proportions(viewport: Viewport) -> None:
    width, height = viewport.pixel_points
    assert width / height == pytest.approx(viewport.column_mm / viewport.row_mm)


@given(viewports, st.floats(0.5, 2), st.floats(0, 500), st.floats(0, 500))
def test_zoom_keeps_what_is_under_the_pointer(viewport: Viewport, factor: float, x: float, y: float) -> None:
    before, after = viewport.to_pixel(x, y), viewport.zoomed(factor, x, y).to_pixel(x, y)
    assert after == pytest.approx(before, abs=1e-5)


def test_fitted_slice_lies_wholly_in_the_pane() -> None:
    viewport = Viewport(rows=217, columns=100, row_mm=2.5, column_mm=3.0, width=640, height=480, zoom=5, pan_mm=(30, 9)).fitted()
    left, top = viewport.to_screen(-0.5, -0.5)
    right, bottom = viewport.to_screen(99.5, 216.5)
    assert 0 <= left < right <= 640 and 0 <= top < bottom <= 480
    assert left == pytest.approx(640 - right) and top == pytest.approx(480 - bottom)


def test_every_point_of_a_pixels_square_is_that_pixel() -> None:
    viewport = Viewport(rows=10, columns=10, row_mm=2.0, column_mm=1.0, width=300, height=300)
    left, top = viewport.to_screen(3.5, 6.5)
    right, bottom = viewport.to_screen(4.5, 7.5)
    for x in (left + 0.01, (left + right) / 2, right - 0.01):
        for y in (top + 0.01, (top + bottom) / 2, bottom - 0.01):
            assert viewport.nearest_pixel(x, y) == (4, 7)


def test_beside_the_slice_there_is_no_pixel() -> None:
    viewport = Viewport(rows=10, columns=10, row_mm=1.0, column_mm=1.0, width=300, height=100)
    assert viewport.nearest_pixel(5, 50) is None
    assert viewport.clamped_pixel(5, 50)[0] == 0


@pytest.mark.parametrize(("room", "bar"), [(7.0, 5.0), (49.9, 20.0), (50.0, 50.0), (260.0, 200.0)])
def test_scale_bar_has_a_round_length(room: float, bar: float) -> None:
    assert scale_bar_mm(room) == bar

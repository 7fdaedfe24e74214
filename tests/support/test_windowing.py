"""Display windows: presets, the bytes they give, and what a volume opens with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinalsam.errors import UsageError
from spinalsam.support.windowing import PRESETS, Window, apply_window, default_window, preset


@pytest.mark.parametrize(
    ("name", "lower", "upper"), [("bone", -500, 1300), ("soft_tissue", -150, 250), ("lung", -1350, 150), ("brain", 0, 80)]
)
def test_presets_are_the_customary_ones(name: str, lower: float, upper: float) -> None:
    assert (preset(name).lower, preset(name).upper) == (lower, upper)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="bone, soft_tissue, lung, brain"):
        preset("liver")


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf")])
def test_a_window_without_a_positive_width_is_refused(width: float) -> None:
    with pytest.raises(UsageError):
        Window(0, width)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_ends_and_middle_of_the_window_are_black_white_and_grey(dtype: type) -> None:
    values = np.array([0, 10, 60, 110, 255], dtype)
    assert apply_window(values, Window(60, 100)).tolist() == [0, 0, 128, 255, 255]


def test_values_below_the_window_do_not_wrap_round() -> None:
    values = np.array([-32768, 32767], np.int16)
    assert apply_window(values, PRESETS["brain"]).tolist() == [0, 255]
    assert apply_window(np.array([0, 65535], np.uint16), PRESETS["bone"]).tolist() == [71, 255]


def test_nan_is_black() -> None:
    assert apply_window(np.array([np.nan, np.inf, -np.inf]), Window(0, 10)).tolist() == [0, 255, 0]


@given(st.floats(-2000, 2000), st.floats(1, 4000), st.lists(st.integers(-3000, 3000), min_size=1, max_size=40))
def test_windowing_is_monotonic_and_agrees_with_the_formula(level: float, width: float, values: list[int]) -> None:
    shown = apply_window(np.array(sorted(values), np.int16), Window(level, width)).astype(int)
    assert np.all(np.diff(shown) >= 0)
    expected = np.clip((np.array(sorted(values), float) - (level - width / 2)) / width * 255, 0, 255)
    assert np.max(np.abs(shown - expected)) <= 0.51


def test_input_is_left_alone() -> None:
    values = np.array([1.0, 2.0], np.float32)
    apply_window(values, Window(0, 1))
    assert values.tolist() == [1.0, 2.0]


def test_ct_opens_in_the_bone_window() -> None:
    assert default_window(np.zeros((2, 2, 2), np.int16), is_hu=True) == PRESETS["bone"]


def test_eight_bit_pictures_open_in_their_full_range() -> None:
    window = default_window(np.full((4, 4, 1), 17, np.uint8), is_hu=False)
    assert (window.lower, window.upper) == (0, 255)


def test_other_pictures_open_in_the_bulk_of_their_values() -> None:
    values = np.linspace(1000, 3000, 64 * 64).reshape(64, 64, 1).astype(np.int16)
    values[0, 0, 0] = 32000
    window = default_window(values, is_hu=False)
    assert 990 <= window.lower <= 1050
    assert 2950 <= window.upper <= 3010


@pytest.mark.parametrize("values", [np.full((3, 3, 3), 5, np.int16), np.full((3, 3, 3), np.nan, np.float32)])
def test_a_volume_of_one_value_still_gets_a_window(values: np.ndarray) -> None:
    assert default_window(values, is_hu=False).width > 0

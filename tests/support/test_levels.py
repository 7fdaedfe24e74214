"""Numbering and checking of levels, variants included."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.errors import UsageError
from spinalsam.support.anatomy import label_name, label_value
from spinalsam.support.levels import Placed, head_to_foot, level_after, level_warnings, levels_of, numbered_from, shifted


def values(text: str) -> list[int]:
    return [label_value(name) for name in text.split()]


def spine(text: str, *, tilt: float = 0.0) -> dict[int, Placed]:
    """Vertebrae 30 mm apart in the order named, from the head; tilt: mm to the left for every 30 mm down."""
    return {value: Placed((tilt * n, 5.0 * (n % 2), -30.0 * n)) for n, value in enumerate(values(text))}


def texts(text: str) -> list[str]:
    return [warning.text for warning in level_warnings(spine(text))]


def test_levels_follow_each_other() -> None:
    for above, below in (("C7", "T1"), ("T12", "L1"), ("L5", "sacrum"), ("sacrum", "coccyx")):
        assert level_after(label_value(above), 1) == label_value(below)
        assert level_after(label_value(below), -1) == label_value(above)
    assert level_after(label_value("T13"), 1) == label_value("L1") and level_after(label_value("T13"), -1) == label_value("T12")
    assert level_after(label_value("L6"), 1) == label_value("sacrum") and level_after(label_value("L6"), -1) == label_value("L5")
    assert level_after(1, -1) is None and level_after(27, 1) is None and level_after(100, 1) is None


def test_order_is_along_the_spine_even_when_the_patient_lies_askew() -> None:
    order = values("T11 T12 L1 L2 L3")
    along = np.array([0.8, 0.1, -0.59])
    centres = {value: 28 * n * along + [0, 4 * (n % 2), 0] for n, value in enumerate(order)}
    shuffled = {value: centres[value] for value in sorted(order, reverse=True)}
    assert head_to_foot(shuffled) == order
    assert head_to_foot({5: (0, 0, 10.0), 6: (200, 0, 12.0)}) == [6, 5]
    assert head_to_foot({5: (0, 40.0, 0), 6: (0, 10.0, 0)}) == [6, 5]  # a picture: up is the head
    assert head_to_foot({}) == []


def test_naming_one_numbers_its_neighbours() -> None:
    order = [100, 24, 7, 22]
    assert numbered_from(order, 7, label_value("L3")) == dict(zip(order, values("L1 L2 L3 L4"), strict=True))
    assert numbered_from([1, 2, 3], 2, label_value("T12")) == dict(zip([1, 2, 3], values("T11 T12 L1"), strict=True))


def test_variants_are_numbered_when_they_are_stated() -> None:
    assert numbered_from([1, 2, 3], 1, label_value("T12"), thoracic=13) == dict(zip([1, 2, 3], values("T12 T13 L1"), strict=True))
    assert numbered_from([1, 2, 3], 2, label_value("T13")) == dict(zip([1, 2, 3], values("T12 T13 L1"), strict=True))
    assert numbered_from([1, 2], 1, label_value("L5"), lumbar=6) == dict(zip([1, 2], values("L5 L6"), strict=True))
    assert numbered_from([1, 2], 1, label_value("T11"), thoracic=11) == dict(zip([1, 2], values("T11 L1"), strict=True))
    assert label_name(levels_of(12, 4)[-1]) == "L4"


def test_numbering_past_an_end_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="above C1"):
        numbered_from([1, 2, 3], 3, label_value("C2"))
    with pytest.raises(UsageError, match="lumbar: 6"):
        numbered_from([1, 2], 1, label_value("L5"))
    with pytest.raises(UsageError, match="no level"):
        numbered_from([1], 1, label_value("sacrum"))
    for thoracic, lumbar in ((10, 5), (12, 7)):
        with pytest.raises(UsageError):
            levels_of(thoracic, lumbar)


def test_all_levels_are_shifted_and_back() -> None:
    order = values("T12 L1 L2 sacrum")
    down = shifted(order, 1)
    assert down == dict(zip(values("T12 L1 L2"), values("L1 L2 L3"), strict=True))
    assert shifted(list(down.values()), -1) == {new: old for old, new in down.items()}
    with_t13 = shifted(values("T12 T13 L1"), 1)
    assert [label_name(value) for value in with_t13.values()] == ["T13", "L1", "L2"]
    assert shifted([label_value("L5")], 1, lumbar=6) == {24: 25}
    with pytest.raises(UsageError, match="L6"):
        shifted([label_value("L5")], 1)
    with pytest.raises(UsageError, match="above C1"):
        shifted([1, 2], -1)
    assert shifted([100, 26], 1) == {}


@pytest.mark.parametrize("text", ["C1 C2 C3", "T11 T12 L1 L2", "T12 T13 L1", "L4 L5 L6 sacrum", "L4 L5 sacrum coccyx", "L3", ""])
def test_a_right_spine_has_no_warnings(text: str) -> None:
    assert texts(text) == []


def test_gaps_are_told_and_variants_are_no_gaps() -> None:
    assert texts("L1 L3") == ["L2 is missing between L1 and L3."]
    assert texts("T10 L2") == ["T11, T12, L1 are missing between T10 and L2."]
    assert "eleven thoracic" in texts("T11 L1")[0]
    assert "four lumbar" in texts("L4 sacrum")[0]
    assert texts("T11 T13 L1") == ["T12 is missing between T11 and T13 (right if this spine has eleven thoracic vertebrae)."]


def test_a_wrong_order_is_told() -> None:
    assert texts("L1 L3 L2 L4") == ["L3 lies above L2; one of the two has the wrong label."]
    assert texts("T12 L1 T13") == ["L1 lies above T13; one of the two has the wrong label."]


def test_one_label_in_two_places_is_told_but_drawn_slices_are_not() -> None:
    tall = (((0.0, 0.0, 0.0), 25.0), ((0.0, 0.0, -60.0), 22.0))
    slices = (((0.0, 0.0, 0.0), 1.0), ((0.0, 0.0, -10.0), 1.0))
    beside = (((0.0, 0.0, 0.0), 25.0), ((20.0, 0.0, 0.0), 22.0))
    arch = (((0.0, 0.0, 0.0), 30.0), ((0.0, 40.0, -14.0), 28.0))
    spinous_process = (((0.0, 0.0, 0.0), 30.0), ((0.0, 52.0, -26.0), 24.0))  # L1 on a slice through the middle
    assert not Placed((0, 0, 0), spinous_process).in_two_places
    fragment = (((0.0, 0.0, 0.0), 30.0), ((0.0, 0.0, -19.0), 8.0))
    assert not Placed((0, 0, 0), arch).in_two_places and not Placed((0, 0, 0), fragment).in_two_places
    # C1 and C3 with one label: their heights overlap.
    assert Placed((0, 0, 0), (((0.0, 0.0, 0.0), 36.0), ((0.0, 8.0, 33.0), 26.0))).in_two_places
    found = level_warnings({22: Placed((0, 0, 0), tall), 23: Placed((0, 0, -100), slices), 24: Placed((0, 0, -130), beside)})
    assert [(warning.kind, warning.values) for warning in found] == [("duplicate", (22,))]


def test_two_labels_of_one_name_are_told() -> None:
    found = level_warnings({22: Placed((0, 0, 0)), 29: Placed((0, 0, -30))}, {22: "L3", 29: "l3"})
    assert [warning.kind for warning in found] == ["duplicate"]

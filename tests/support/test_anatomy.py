"""Names, values and colours of the spine's regions."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.errors import UsageError
from spinalsam.support.anatomy import CRANIOCAUDAL, LABEL_VALUES, expand, label_colour, label_name, parse_label
from spinalsam.support.colour_vision import difference, lab


def _luminance(rgb: tuple[int, int, int]) -> float:
    linear = [(part / 255 / 12.92) if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_values_are_verses() -> None:
    assert [LABEL_VALUES[name] for name in ("C1", "C7", "T1", "T12", "L1", "L5", "L6", "sacrum", "coccyx", "T13")] == [
        1,
        7,
        8,
        19,
        20,
        24,
        25,
        26,
        27,
        28,
    ]


def test_names_and_numbers_are_read_and_nothing_else() -> None:
    assert parse_label("l3") == 22 and parse_label(" SACRUM ") == 26 and parse_label("7") == 7 and parse_label(200) == 200
    assert label_name(22) == "L3" and label_name(99) == "label 99"
    for wrong in ("L9", "0", "256", 0, True, "", "²", "L3 L4", "-1"):
        with pytest.raises(UsageError):
            parse_label(wrong)


def test_groups_are_written_out_in_order_without_repeats() -> None:
    assert expand(["L2", "lumbar"]) == ("L2", "L1", "L3", "L4", "L5")


@pytest.mark.parametrize("kind", [None, "protanopia", "deuteranopia"])
def test_neighbouring_levels_can_be_told_apart_by_colour_blind_people_too(kind: str | None) -> None:
    for variants in ((), ("T13",), ("L6",), ("T13", "L6")):
        values = [LABEL_VALUES[name] for name in CRANIOCAUDAL if name not in {"T13", "L6"} - set(variants)]
        for apart, least in ((1, 29.0), (2, 21.0), (3, 13.0), (4, 13.0), (5, 13.0), (6, 13.0)):
            for one, other in zip(values, values[apart:], strict=False):
                assert difference(label_colour(one), label_colour(other), kind) > least, (label_name(one), label_name(other))


def test_every_level_is_seen_on_dark_grey() -> None:
    colours = [label_colour(LABEL_VALUES[name]) for name in CRANIOCAUDAL]
    assert min(map(_luminance, colours)) > 0.2
    assert min(np.hypot(*lab(colour)[1:]) for colour in colours) > 38, "a colour that could be a grey value"

"""The spine's names: regions, VerSe label values, groups, their order from head to foot, and colours.

Label values follow VerSe (Sekuboyina et al., Medical Image Analysis 2021; github.com/anjany/verse): C1-C7 = 1-7,
T1-T12 = 8-19, L1-L6 = 20-25, sacrum 26, coccyx 27, T13 28. Masks of a group with no level known use 100-103.
Single vertebrae whose level is not known use 201 and on, counted from the topmost in view.
"""

from __future__ import annotations

import colorsys

from spinalsam.errors import UsageError

CERVICAL = tuple(f"C{n}" for n in range(1, 8))
THORACIC = tuple(f"T{n}" for n in range(1, 13))
LUMBAR = tuple(f"L{n}" for n in range(1, 6))
VARIANTS = ("T13", "L6")

LABEL_VALUES: dict[str, int] = {
    **{name: 1 + n for n, name in enumerate(CERVICAL)},
    **{name: 8 + n for n, name in enumerate(THORACIC)},
    **{name: 20 + n for n, name in enumerate((*LUMBAR, "L6"))},
    "sacrum": 26,
    "coccyx": 27,
    "T13": 28,
    "spine": 100,
    "cervical": 101,
    "thoracic": 102,
    "lumbar": 103,
}
RELATIVE_VALUES = range(201, 241)  # "vertebra 1" and so on, counted from the topmost in view
LABEL_NAMES: dict[int, str] = {value: name for name, value in LABEL_VALUES.items()} | {
    value: f"vertebra {n}" for n, value in enumerate(RELATIVE_VALUES, 1)
}

GROUPS: dict[str, tuple[str, ...]] = {
    "cervical": CERVICAL,
    "thoracic": THORACIC,
    "lumbar": LUMBAR,
    "spine": (*CERVICAL, *THORACIC, *LUMBAR, "sacrum"),
}

# From head to foot, with the variants where they occur.
CRANIOCAUDAL: tuple[str, ...] = (*CERVICAL, *THORACIC, "T13", *LUMBAR, "L6", "sacrum", "coccyx")
REGIONS: tuple[str, ...] = tuple(LABEL_VALUES)


def label_value(region: str) -> int:
    """VerSe value of a canonical region name. Raises UsageError for any other name."""
    try:
        return LABEL_VALUES[region]
    except KeyError:
        raise UsageError(f"There is no region '{region}'; use C1-C7, T1-T13, L1-L6, sacrum, coccyx or a group.") from None


def label_name(value: int) -> str:
    """Canonical name of a label value, or ``label N`` for a value that has none."""
    return LABEL_NAMES.get(value, f"label {value}")


def parse_label(text: str | int) -> int:
    """A region name in any letter case or an integer 1-255 to a label value. Raises UsageError for anything else."""
    if isinstance(text, bool):
        raise UsageError("A label is a region name such as L3 or an integer from 1 to 255.")
    if isinstance(text, str) and not (text.strip().isascii() and text.strip().isdigit()):
        wanted = text.strip().lower()
        for name, value in LABEL_VALUES.items():
            if name.lower() == wanted:
                return value
        raise UsageError(f"There is no label '{text}'; use a region name such as L3 or sacrum, or an integer from 1 to 255.")
    value = int(text)
    if not 1 <= value <= 255:
        raise UsageError(f"The label {value} is outside 1 to 255.")
    return value


def expand(regions: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Regions with groups written out as their levels, in the order said, without repeats."""
    names = [level for region in regions for level in GROUPS.get(region, (region,))]
    return tuple(dict.fromkeys(names))


# Nine colours in turn along the spine, so that none comes again within six levels, with or without T13 and L6. They were searched so
# that, with normal, red-blind and green-blind eyes alike, neighbours are at least 29 apart (CIEDE2000, see `colour_vision`), levels two
# apart 21, all others within six levels 13, and each has a WCAG luminance above 0.2, so that no outline is lost on a CT's dark grey,
# and a chroma above 38, so that none looks like a grey value.
_CYCLE = (
    (255, 255, 163),
    (229, 40, 150),
    (202, 92, 8),
    (149, 155, 255),
    (66, 255, 216),
    (251, 133, 1),
    (128, 101, 238),
    (204, 94, 107),
    (80, 245, 255),
)
_POSITIONS = {LABEL_VALUES[name]: n for n, name in enumerate(CRANIOCAUDAL)}


def level_order(value: int) -> tuple[int, int]:
    """Key to sort labels by: levels from head to foot with their variants where they occur, then other values by number."""
    return _POSITIONS.get(value, len(_POSITIONS)), value


def label_colour(value: int) -> tuple[int, int, int]:
    """RGB 0-255 of a label; neighbouring levels, variants included, can be told apart without colour vision too."""
    if value in _POSITIONS:
        return _CYCLE[_POSITIONS[value] % len(_CYCLE)]
    hue = (value * 0.381966) % 1.0  # the golden angle spreads hues
    wanted = 0.55 if value % 2 else 0.25
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if _luminance(colorsys.hls_to_rgb(hue, middle, 0.85)) < wanted else (low, middle)
    red, green, blue = colorsys.hls_to_rgb(hue, high, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)


def _luminance(rgb: tuple[float, float, float]) -> float:
    """WCAG 2 relative luminance of sRGB 0-1."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

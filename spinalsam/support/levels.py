"""The order of vertebrae: who follows whom, numbering from one that is known, and what a labelled spine has wrong.

Most spines have 7 cervical, 12 thoracic and 5 lumbar vertebrae; 11 or 13 thoracic and 4 or 6 lumbar ones are the usual variants.
A variant is never guessed: it has to be stated, or to be there already.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinalsam.errors import UsageError
from spinalsam.support.anatomy import CERVICAL, CRANIOCAUDAL, LABEL_VALUES, VARIANTS, label_name, label_value

SACRUM, COCCYX = LABEL_VALUES["sacrum"], LABEL_VALUES["coccyx"]
_RANK = {label_value(name): n for n, name in enumerate(CRANIOCAUDAL)}
_PLAIN = [label_value(name) for name in CRANIOCAUDAL if name not in VARIANTS]
# Two pieces of one label are two vertebrae when each is at least so high and one's centre lies above the other's by more than this
# share of the higher one's height. Neighbours stand about one height apart; cervical ones reach into each other's height.
LEAST_HEIGHT_MM = 8.0
_APART = 0.7


def levels_of(thoracic: int = 12, lumbar: int = 5) -> list[int]:
    """Label values of a spine's vertebrae from head to foot. Raises UsageError for numbers that no spine has."""
    if thoracic not in (11, 12, 13):
        raise UsageError(f"A spine has 11, 12 or 13 thoracic vertebrae, not {thoracic}.")
    if lumbar not in (4, 5, 6):
        raise UsageError(f"A spine has 4, 5 or 6 lumbar vertebrae, not {lumbar}.")
    names = (*CERVICAL, *(f"T{n}" for n in range(1, thoracic + 1)), *(f"L{n}" for n in range(1, lumbar + 1)))
    return [label_value(name) for name in names]


def level_after(value: int, step: int) -> int | None:
    """The level one below (step 1) or above (step -1) in a spine without variants; None where there is none."""
    if value in _PLAIN:
        number = _PLAIN.index(value) + step
    elif value in _RANK:
        below = [n for n, other in enumerate(_PLAIN) if _RANK[other] > _RANK[value]]
        number = below[0] if step > 0 else below[0] - 1
    else:
        return None
    return _PLAIN[number] if 0 <= number < len(_PLAIN) else None


def head_to_foot(centres_mm: Mapping[int, ArrayLike]) -> list[int]:
    """Label values by where their centres (LPS mm) lie along the spine, the highest first.

    The spine's axis is the direction in which the centres spread most, so a patient who lies askew is ordered rightly; on a
    picture without a third dimension the head is taken to be up.
    """
    values = list(centres_mm)
    if len(values) < 2:
        return values
    points = np.array([np.asarray(centres_mm[value], float) for value in values]).reshape(-1, 3)
    heights = points @ _upward(points)
    return [values[n] for n in np.argsort(-heights, kind="stable")]


def _upward(points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector along the spine, toward the head."""
    spread = points_mm - points_mm.mean(axis=0)
    up = np.array([0.0, 0.0, 1.0]) if np.ptp(points_mm[:, 2]) > 1e-6 else np.array([0.0, -1.0, 0.0])
    if not spread.any():
        return up
    axis = np.linalg.svd(spread, full_matrices=False)[2][0]
    # Two vertebrae that hardly differ in height tell no axis.
    return np.asarray(axis * np.sign(axis @ up)) if abs(axis @ up) > 0.4 else up


def numbered_from(order: Sequence[int], value: int, level: int, *, thoracic: int = 12, lumbar: int = 5) -> dict[int, int]:
    """{label value: level} for labels in order from head to foot, once it is known that `value` is `level`.

    Raises UsageError when a label would lie above C1 or below the last lumbar vertebra.
    """
    name = label_name(level)
    thoracic = 13 if name == "T13" else thoracic
    lumbar = 6 if name == "L6" else lumbar
    levels = levels_of(thoracic, lumbar)
    if level not in levels:
        raise UsageError(f"{name} is no level of a spine with {thoracic} thoracic and {lumbar} lumbar vertebrae; say C1 to L6 or T13.")
    start = levels.index(level) - list(order).index(value)
    if start < 0:
        raise UsageError(f"If this one is {name}, {-start} of the labels above it would lie above C1; check the labels above.")
    below = start + len(order) - len(levels)
    if below > 0:
        raise UsageError(
            f"If this one is {name}, {below} of the labels below it would lie below L{lumbar}; name the sacrum first, "
            "or say how many lumbar vertebrae this spine has (lumbar: 6)."
        )
    return {old: levels[start + n] for n, old in enumerate(order)}


def shifted(values: Sequence[int], step: int, *, thoracic: int | None = None, lumbar: int | None = None) -> dict[int, int]:
    """{label value: level one below (step 1) or above (step -1)} for all vertebrae among the values; others are left out.

    T13 and L6 take part where they are there already or the numbers say so. Raises UsageError past either end.
    """
    levels = levels_of(thoracic or (13 if LABEL_VALUES["T13"] in values else 12), lumbar or (6 if LABEL_VALUES["L6"] in values else 5))
    moved = {}
    for value in values:
        if value not in levels:
            continue
        number = levels.index(value) + step
        if not 0 <= number < len(levels):
            end = "above C1" if number < 0 else f"below {label_name(levels[-1])}"
            hint = "" if number < 0 else "; say lumbar: 6 if this spine has an L6"
            raise UsageError(f"{label_name(value)} cannot be shifted: it would lie {end}{hint}.")
        moved[value] = levels[number]
    return moved


@dataclass(frozen=True)
class Placed:
    """Where a label lies. pieces: (centre LPS mm, height mm along the body's axis) of its two largest connected pieces."""

    centre_mm: tuple[float, float, float]
    pieces: tuple[tuple[tuple[float, float, float], float], ...] = ()

    @property
    def in_two_places(self) -> bool:
        if len(self.pieces) < 2:
            return False
        (one, first), (other, second) = self.pieces
        # Only along the body: body and arch of one vertebra may be two pieces, the spinous process further behind than below.
        behind_mm, below_mm = abs(one[1] - other[1]), abs(one[2] - other[2])
        return min(first, second) >= LEAST_HEIGHT_MM and below_mm > max(_APART * max(first, second), behind_mm)


@dataclass(frozen=True)
class LevelWarning:
    """kind: 'duplicate', 'gap' or 'order'. values: the labels that it is about."""

    kind: str
    values: tuple[int, ...]
    text: str

    def to_json(self) -> dict[str, object]:
        return {"kind": self.kind, "labels": list(self.values), "text": self.text}


def level_warnings(placed: Mapping[int, Placed], names: Mapping[int, str] | None = None) -> list[LevelWarning]:
    """What looks wrong in a labelled spine: duplicates, gaps, and levels in the wrong order."""
    shown = {value: (names or {}).get(value, label_name(value)) for value in placed}
    return [*_duplicates(placed, shown), *_gaps(placed), *_order(placed, shown)]


def _duplicates(placed: Mapping[int, Placed], names: Mapping[int, str]) -> list[LevelWarning]:
    found = [
        LevelWarning("duplicate", (value,), f"{names[value]} lies in two places; two vertebrae may have got one label.")
        for value, place in placed.items()
        if value in _RANK and place.in_two_places
    ]
    by_name: dict[str, list[int]] = {}
    for value, name in names.items():
        by_name.setdefault(name.strip().lower(), []).append(value)
    for values in by_name.values():
        if len(values) > 1:
            numbers = " and ".join(map(str, values))
            found.append(LevelWarning("duplicate", tuple(values), f"{names[values[0]]} is the name of {len(values)} labels ({numbers})."))
    return found


def _gaps(placed: Mapping[int, Placed]) -> list[LevelWarning]:
    there = sorted((value for value in placed if value in _RANK), key=_RANK.__getitem__)
    found = []
    for above, below in itertools.pairwise(there):
        missing = [value for value in _PLAIN if _RANK[above] < _RANK[value] < _RANK[below]]
        if missing:
            names = ", ".join(label_name(value) for value in missing)
            text = f"{names} {'is' if len(missing) == 1 else 'are'} missing between {label_name(above)} and {label_name(below)}"
            found.append(LevelWarning("gap", (above, below), f"{text}{_variant(missing)}."))
    return found


def _variant(missing: Sequence[int]) -> str:
    if [label_name(value) for value in missing] == ["T12"]:
        return " (right if this spine has eleven thoracic vertebrae)"
    if [label_name(value) for value in missing] == ["L5"]:
        return " (right if this spine has four lumbar vertebrae)"
    return ""


def _order(placed: Mapping[int, Placed], names: Mapping[int, str]) -> list[LevelWarning]:
    order = [value for value in head_to_foot({value: place.centre_mm for value, place in placed.items()}) if value in _RANK]
    return [
        LevelWarning("order", (above, below), f"{names[above]} lies above {names[below]}; one of the two has the wrong label.")
        for above, below in itertools.pairwise(order)
        if _RANK[above] > _RANK[below]
    ]

"""What is doubtful about a segmented case, in few words that a table can be filtered by."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spinalsam.support.anatomy import RELATIVE_VALUES, label_value
from spinalsam.support.levels import Placed, level_warnings

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTIAL, AMBIGUOUS, DISAGREE, MERGED, SMALL, PIECES = (
    "partial",
    "naming ambiguous",
    "planes disagree",
    "merged?",
    "incomplete?",
    "in pieces",
)
NOTHING, FAILED, LEVELS = "nothing found", "failed", "levels out of order"
SURE = 0.7  # certainty below which a level's name is in doubt
# Neighbours differ by a fifth at most in healthy spines; two in one mask, or half a vertebra, differ by far more.
LARGER, SMALLER = 1.6, 0.5
SECOND_PIECE = 0.1  # share of a vertebra in a piece apart from the largest
_ANY_SIZE = {label_value(name) for name in ("sacrum", "coccyx", "C1", "C2", "spine", "cervical", "thoracic", "lumbar")}


def mark(vertebrae: Sequence[dict[str, Any]]) -> None:
    """Give every vertebra its `flags`.

    vertebrae: from head to foot, with label, volume_ml (None where unknown), partial, certainty and doubtful where the locator told
    them, and `largest_piece`, the share of voxels in the largest connected piece.
    """
    for one in vertebrae:
        one["flags"] = _own(one)
    for number, one in enumerate(vertebrae):
        ratio = _ratio(vertebrae, number)
        if ratio is not None and ratio > LARGER:
            one["flags"].append(MERGED)
        elif ratio is not None and ratio < SMALLER:
            one["flags"].append(SMALL)


def _own(one: dict[str, Any]) -> list[str]:
    certainty = one.get("certainty")
    flags = [PARTIAL] if one.get("partial") else []
    if one["label"] in RELATIVE_VALUES or (certainty is not None and certainty < SURE):
        flags.append(AMBIGUOUS)
    if one.get("doubtful"):
        flags.append(DISAGREE)
    if one.get("largest_piece", 1.0) < 1 - SECOND_PIECE:
        flags.append(PIECES)
    return flags


def _ratio(vertebrae: Sequence[dict[str, Any]], number: int) -> float | None:
    """A vertebra's volume as a share of the median of the two whole ones on either side; None where that says nothing."""
    own = vertebrae[number]
    if not _comparable(own):
        return None
    beside = [vertebrae[n] for n in range(max(0, number - 2), min(len(vertebrae), number + 3)) if n != number]
    whole = [one["volume_ml"] for one in beside if _comparable(one)]
    return own["volume_ml"] / float(np.median(whole)) if whole else None


def _comparable(one: dict[str, Any]) -> bool:
    return bool(one["volume_ml"]) and not one.get("partial") and one["label"] not in _ANY_SIZE


def level_flags(centres_mm: dict[int, tuple[float, float, float]]) -> tuple[list[str], list[str]]:
    """(flags, sentences) on missing levels and levels in the wrong order. centres_mm: LPS, by label value."""
    warnings = [one for one in level_warnings({value: Placed(centre) for value, centre in centres_mm.items()}) if one.kind != "duplicate"]
    return ([LEVELS] if warnings else []), [one.text for one in warnings]


def largest_piece(mask: NDArray[np.bool_]) -> float:
    """The share of a mask's voxels [i, j, k] in its largest connected piece; 1 for an empty one."""
    from scipy import ndimage

    pieces, count = ndimage.label(mask, np.ones((3, 3, 3), bool))
    if count < 2:
        return 1.0
    sizes = np.bincount(pieces.ravel())[1:]
    return float(sizes.max() / sizes.sum())


def of_case(vertebrae: Sequence[dict[str, Any]]) -> list[str]:
    """The flags of all vertebrae, each once, in the order of their first."""
    return list(dict.fromkeys(itertools.chain.from_iterable(one["flags"] for one in vertebrae)))

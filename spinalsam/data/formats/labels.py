"""The labels of a mask that is to be written: value, name, colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import InputError
from spinalsam.support.anatomy import label_colour, label_name
from spinalsam.support.label_image import label_values

MAX_LABEL = 65535


@dataclass(frozen=True)
class Label:
    """One label of a mask. colour: RGB 0-255."""

    value: int
    name: str
    colour: tuple[int, int, int]


def resolve(labels: Any, label_names: Mapping[int, str] | None) -> dict[int, Label]:
    """What the caller knows about labels, by value.

    labels: a mapping of value to name, or things with `value`, `name` and `colour` (the workspace's label list), or None.
    label_names: names that count more than those.
    """
    known: dict[int, Label] = {}
    if isinstance(labels, Mapping):
        label_names = {**{int(value): str(name) for value, name in labels.items()}, **(label_names or {})}
    elif isinstance(labels, Iterable):
        for item in labels:
            known[int(item.value)] = Label(int(item.value), str(item.name), tuple(getattr(item, "colour", label_colour(item.value))))
    for value, name in (label_names or {}).items():
        colour = known[int(value)].colour if int(value) in known else label_colour(int(value))
        known[int(value)] = Label(int(value), str(name), colour)
    return known


def used(mask: NDArray, known: Mapping[int, Label]) -> tuple[Label, ...]:
    """The labels that occur in the mask, by rising value; unknown ones get the anatomical name of their value."""
    return tuple(known.get(value) or Label(value, label_name(value), label_colour(value)) for value in label_values(mask))


def as_label_image(mask: NDArray) -> NDArray[np.unsignedinteger]:
    """The mask as uint8, or uint16 where a label needs it. Raises InputError when it holds anything but whole numbers 0-65535."""
    if mask.dtype == bool:
        return mask.astype(np.uint8, order="K")
    if mask.dtype.kind == "f":
        whole = np.rint(mask)
        if not np.array_equal(whole, mask) or not np.all(np.isfinite(mask)):
            raise InputError("The mask holds values that are not whole numbers, so it is no label image.")
    elif mask.dtype.kind not in "iu":
        raise InputError(f"A mask of the type {mask.dtype} is no label image; use whole numbers.")
    lowest, highest = (int(mask.min()), int(mask.max())) if mask.size else (0, 0)
    if lowest < 0 or highest > MAX_LABEL:
        raise InputError(f"The mask holds the value {lowest if lowest < 0 else highest}; labels are 0 to {MAX_LABEL}.")
    return mask.astype(np.uint8 if highest <= 255 else np.uint16, order="K", copy=False)

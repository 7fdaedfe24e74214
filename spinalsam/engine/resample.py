"""Logits of a network brought to the pixels of a slice, only where a mask can be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spinalsam.device.sharing import share

CPU = torch.device("cpu")


@lru_cache(maxsize=32)
def stretching(low: int, middle: int, kept: int, out: int, device: torch.device = CPU) -> Tensor:
    """(out, low) weights of: stretch `low` values linearly to `middle`, keep the first `kept`, stretch those to `out`.

    It is what `Sam.postprocess_masks` does along each axis, as one matrix.
    """
    first = F.interpolate(torch.eye(low)[None], size=middle, mode="linear", align_corners=False)[..., :kept]
    return F.interpolate(first, size=out, mode="linear", align_corners=False)[0].T.contiguous().to(device)


def masks_of(logits: Tensor, *, middle: int, kept: tuple[int, int], shape: tuple[int, int], threshold: float = 0.0) -> NDArray[np.bool_]:
    """(n, rows, columns) bool: where (n, h, w) logits are above the threshold on the slice's pixels.

    middle, kept: see `stretching`, kept as (rows, columns). Every pixel is a mean of logits around it, so only the box around those
    above the threshold is computed; the rest is empty.
    """
    if logits.device.type != "cpu":  # where finding the box takes longer than computing all
        by_row = stretching(logits.shape[1], middle, kept[0], shape[0], logits.device)
        by_column = stretching(logits.shape[2], middle, kept[1], shape[1], logits.device)
        found: NDArray[np.bool_] = (by_row @ logits.float() @ by_column.T > threshold).cpu().numpy()
        return found
    masks = np.zeros((logits.shape[0], *shape), bool)
    highest = logits.amax(dim=0)
    above_in_rows, above_in_columns = highest.amax(dim=1) > threshold, highest.amax(dim=0) > threshold
    if not bool(above_in_rows.any()):
        return masks
    down, across = taps(logits.shape[1], middle, kept[0], shape[0]), taps(logits.shape[2], middle, kept[1], shape[1])
    rows, columns = _reached(down, above_in_rows), _reached(across, above_in_columns)

    def stretch(number: int) -> None:
        wide = _weighted(logits[number].float().T.contiguous(), across, columns).T.contiguous()
        masks[number, rows, columns] = (_weighted(wide, down, rows) > threshold).numpy()

    if rows.stop > rows.start and columns.stop > columns.start:
        share(stretch, len(logits))
    return masks


@dataclass(frozen=True)
class Taps:
    """`stretching` as what each of `out` values is a mean of. places: (taps, out) numbers of inputs. weights: (taps, out, 1)."""

    places: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]


@lru_cache(maxsize=32)
def taps(low: int, middle: int, kept: int, out: int) -> Taps:
    """The few inputs, next to each other, that every output of `stretching` hangs on."""
    weights = stretching(low, middle, kept, out)
    held = weights != 0
    first = held.int().argmax(dim=1)
    last = low - 1 - held.flip(1).int().argmax(dim=1)
    count = int((last - first).max()) + 1
    first = first.clamp(max=low - count)
    places = [first + n for n in range(count)]
    return Taps(tuple(places), tuple(weights.gather(1, place[:, None]) for place in places))


def _weighted(values: Tensor, taps: Taps, outputs: slice) -> Tensor:
    """(low, n) values to the outputs that are asked for, (m, n)."""
    total = values.new_zeros(0)
    for number, (places, weights) in enumerate(zip(taps.places, taps.weights, strict=True)):
        part = values.index_select(0, places[outputs])
        total = part.mul_(weights[outputs]) if number == 0 else total.addcmul_(part, weights[outputs])
    return total


def _reached(taps: Taps, held: Tensor) -> slice:
    """The outputs that any of the held inputs, from the first to the last, reaches."""
    holding = torch.nonzero(held).flatten()
    low, high = int(holding[0]), int(holding[-1])
    touched = torch.zeros(len(taps.places[0]), dtype=torch.bool)
    for places, weights in zip(taps.places, taps.weights, strict=True):
        touched |= (places >= low) & (places <= high) & (weights[:, 0] > 0)
    found = torch.nonzero(touched).flatten()
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)

"""Logits of a network brought to the pixels of a slice, only where a mask can be."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

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
    above = (logits > threshold).any(dim=0)
    if not bool(above.any()):
        return masks
    by_row = stretching(logits.shape[1], middle, kept[0], shape[0])
    by_column = stretching(logits.shape[2], middle, kept[1], shape[1])
    rows, columns = _reached(by_row, above.any(dim=1)), _reached(by_column, above.any(dim=0))
    if rows.stop > rows.start and columns.stop > columns.start:
        part = by_row[rows] @ logits.float() @ by_column[columns].T
        masks[:, rows, columns] = (part > threshold).numpy()
    return masks


def _reached(weights: Tensor, held: Tensor) -> slice:
    """The outputs that any of the held inputs, from the first to the last, reaches."""
    places = torch.nonzero(held).flatten()
    touched = torch.nonzero((weights[:, int(places[0]) : int(places[-1]) + 1] > 0).any(dim=1)).flatten()
    return slice(int(touched[0]), int(touched[-1]) + 1) if len(touched) else slice(0, 0)

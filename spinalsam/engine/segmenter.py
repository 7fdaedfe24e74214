"""What every network behind the workstation can do: encode a slice once, then answer many prompts.

Embeddings are values that the caller keeps (`data/slice_cache.py`); a segmenter has no hidden current image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.prompts import SlicePrompt


@dataclass(frozen=True)
class SliceImage:
    """One slice as it is shown, ready for a network.

    pixels: (rows, columns) float32. HU where `is_hu`, else grey values 0-255.
    spacing_mm: (row, column) pixel size, or None where it is unknown (pictures).
    """

    pixels: NDArray[np.float32]
    is_hu: bool = True
    spacing_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class Embedding:
    """What a network remembers of one slice. `features` belong to the segmenter that made them and to no other.

    model: checksum of the weights. nbytes: what it holds in memory.
    """

    image: SliceImage
    features: Any
    model: str
    nbytes: int


def box_around(points_xy: NDArray[np.floating]) -> NDArray[np.float32]:
    """(4,) x0, y0, x1, y1: the corners of the box around points (n, 2). Raises ValueError for none."""
    return np.concatenate([points_xy.min(axis=0), points_xy.max(axis=0)]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class RoughShape:
    """About where the structure that is meant lies on a slice, known from elsewhere than its prompts.

    inside_mm: (rows, columns) float32, how deep inside of it a pixel lies, below 0 outside.
    """

    inside_mm: NDArray[np.float32]

    def box_with(self, points_xy: NDArray[np.floating]) -> NDArray[np.float32]:
        """(4,) x0, y0, x1, y1: the corner pixels, inclusive, of the box around the shape and some (n, 2) points.

        Raises ValueError for an empty shape without points.
        """
        held = self.inside_mm > 0
        rows, columns = np.flatnonzero(held.any(axis=1)), np.flatnonzero(held.any(axis=0))
        ends = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]] if len(rows) else np.zeros((0, 2)), np.float32)
        return box_around(np.concatenate([ends, points_xy.reshape(-1, 2)]))


@dataclass(frozen=True)
class Candidates:
    """Masks for one prompt, best first.

    masks: (n, rows, columns) bool, on the pixels of the slice. scores: (n,) float32 predicted IoU.
    low_res: opaque; give the chosen one back as `previous` to refine it with another click.
    """

    masks: NDArray[np.bool_]
    scores: NDArray[np.float32]
    low_res: tuple[Any, ...] = ()


class Segmenter(Protocol):
    """encode and decode; both are pure, may run on any thread, and raise ModelError or ResourceError."""

    name: str
    checksum: str

    def encode(self, image: SliceImage) -> Embedding:
        """The slow half, once a slice."""
        ...

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Candidates:
        """The fast half, once a prompt. previous: an element of an earlier `low_res`, or None.

        A segmenter whose `takes_shapes` is true also takes a `RoughShape` there.
        """
        ...


SegmenterFactory = Callable[[], Segmenter]

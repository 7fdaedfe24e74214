"""A segmenter without a network: fast, deterministic, and sensible enough to click at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.segmenter import Candidates, Embedding, SliceImage
from spinalsam.support.prompts import SlicePrompt


class FakeSegmenter:
    """Bright pixels inside the box, or the bright piece under the clicks; three candidates: plain, eroded, dilated.

    brightness: what counts as bone, in the image's values. It counts its calls: `encoded`, `decoded`, `refined` (decodes that were
    given an earlier mask).
    """

    def __init__(self, *, name: str = "fake", checksum: str = "f" * 16, brightness: float = 150.0) -> None:
        self.name = name
        self.checksum = checksum
        self.brightness = brightness
        self.encoded = 0
        self.decoded = 0
        self.refined = 0

    def encode(self, image: SliceImage) -> Embedding:
        self.encoded += 1
        bright = image.pixels > self.brightness
        return Embedding(image, bright, self.checksum, bright.nbytes)

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Candidates:
        if embedding.model != self.checksum:
            raise AssertionError("an embedding of another model was given")
        self.decoded += 1
        self.refined += previous is not None
        mask = self._plain(embedding.features, prompt)
        masks = np.stack([mask, ndimage.binary_erosion(mask), ndimage.binary_dilation(mask)])
        return Candidates(masks, np.array([0.9, 0.7, 0.6], np.float32), tuple(masks))

    def features_to_arrays(self, embedding: Embedding) -> dict[str, np.ndarray]:
        return {"bright": np.packbits(embedding.features)}

    def embedding_from_arrays(self, arrays: dict[str, np.ndarray], image: SliceImage) -> Embedding:
        bright = np.unpackbits(arrays["bright"], count=image.pixels.size).astype(bool).reshape(image.pixels.shape)
        return Embedding(image, bright, self.checksum, bright.nbytes)

    def _plain(self, bright: NDArray[np.bool_], prompt: SlicePrompt) -> NDArray[np.bool_]:
        mask = bright.copy()
        rows, columns = np.indices(bright.shape)
        if prompt.box_xyxy is not None:
            x0, y0, x1, y1 = prompt.box_xyxy
            mask &= (columns >= x0) & (columns <= x1) & (rows >= y0) & (rows <= y1)
        elif len(prompt.points_xy):
            pieces, _ = ndimage.label(bright)
            clicked = prompt.points_xy[prompt.positive].round().astype(int)
            wanted = {int(pieces[y, x]) for x, y in clicked} - {0}
            mask = np.isin(pieces, sorted(wanted))
        for x, y in prompt.points_xy[prompt.positive]:
            mask |= (columns - x) ** 2 + (rows - y) ** 2 <= 2
        for x, y in prompt.points_xy[~prompt.positive]:
            mask &= (columns - x) ** 2 + (rows - y) ** 2 > 9
        return mask

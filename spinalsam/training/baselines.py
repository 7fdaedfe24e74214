"""What a promptable network must beat: the box itself, Otsu's threshold in the box, and a U-Net with the box as a second channel.

They answer boxes behind the `Segmenter` protocol, so that `training/evaluate.py` measures them as it measures a network of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from torch import Tensor, nn

from spinalsam.engine.compact import standardise
from spinalsam.engine.compact_segmenter import HU_RANGE
from spinalsam.engine.look import cut, look_for_box, paste
from spinalsam.engine.segmenter import Candidates, Embedding, SliceImage
from spinalsam.support.prompts import SlicePrompt
from spinalsam.training.batches import BatchSource
from spinalsam.training.dataset import TARGET
from spinalsam.training.interaction import jittered_box
from spinalsam.training.objective import mask_loss

Mask = NDArray[np.bool_]


class BoxBaseline:
    """A way to turn a box on a slice into a mask; a click gets a box of a vertebra's usual size around it."""

    CLICK_BOX_MM = 60.0

    def __init__(self, name: str, answer: Callable[[SliceImage, NDArray[np.float32]], Mask]) -> None:
        self.name, self.checksum, self.answer = name, name, answer

    def encode(self, image: SliceImage) -> Embedding:
        return Embedding(image, None, self.checksum, image.pixels.nbytes)

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Candidates:
        """One mask. Corrective clicks change nothing: these methods cannot use them."""
        box = prompt.box_xyxy
        if box is None:
            row_mm, column_mm = embedding.image.spacing_mm or (1.0, 1.0)
            reach = np.array([self.CLICK_BOX_MM / column_mm, self.CLICK_BOX_MM / row_mm]) / 2
            box = np.concatenate([prompt.points_xy[0] - reach, prompt.points_xy[0] + reach]).astype(np.float32)
        return Candidates(self.answer(embedding.image, box)[None], np.ones(1, np.float32))


def _inside(image: SliceImage, box_xyxy: NDArray[np.float32]) -> Mask:
    rows, columns = np.mgrid[: image.pixels.shape[0], : image.pixels.shape[1]]
    x0, y0, x1, y1 = box_xyxy
    return (columns >= x0 - 0.5) & (columns <= x1 + 0.5) & (rows >= y0 - 0.5) & (rows <= y1 + 0.5)


def _otsu(image: SliceImage, box_xyxy: NDArray[np.float32]) -> Mask:
    """Otsu (IEEE Trans. SMC 1979) on the pixels of the box, the brighter class."""
    inside = _inside(image, box_xyxy)
    values = image.pixels[inside]
    return inside & (image.pixels > threshold_otsu(values)) if values.size and np.ptp(values) > 0 else inside


FILLED_BOX = BoxBaseline("filled box", _inside)
OTSU = BoxBaseline("Otsu in the box", _otsu)


class UNet(nn.Module):
    """A plain U-Net (Ronneberger et al., MICCAI 2015) with batch norm, 1.2 million parameters: (b, 2, h, w) to logits (b, 1, h, w)."""

    def __init__(self, widths: Sequence[int] = (25, 50, 100, 200)) -> None:
        super().__init__()
        self.down = nn.ModuleList(_double(inputs, width) for inputs, width in zip((2, *widths), widths, strict=False))
        self.up = nn.ModuleList(_double(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for number, stage in enumerate(self.down):
            x = stage(x if number == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for stage, skip in zip(self.up, skips[-2::-1], strict=True):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), skip], dim=1))
        return self.head(x)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for first in (inputs, outputs):
        layers += [nn.Conv2d(first, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def train_unet(batches: BatchSource, *, steps: int, seed: int = 0, report: Callable[[str], None]) -> UNet:
    """Train on the same batches as the compact network, one jittered box a slice."""
    torch.manual_seed(seed)
    network = UNet().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for step in range(steps):
        rng = np.random.default_rng([seed, 23, step])
        batch = batches.at(step)
        masks = (batch.masks & TARGET) > 0
        boxes = np.stack([jittered_box(rng, mask, jitter=0.05 * rng.uniform(0, 1.4)) for mask in masks])
        pixels = torch.from_numpy(batch.pixels.astype(np.float32))[:, None]
        logits = network(torch.cat([standardise(pixels), _drawn(torch.from_numpy(boxes), pixels.shape[-1])], dim=1))
        loss = mask_loss(logits, torch.from_numpy(masks.astype(np.float32))[:, None]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            report(f"U-Net step {step + 1} of {steps}, loss {loss.item():.3f}")
    return network.eval()


def _drawn(boxes: Tensor, side: int) -> Tensor:
    """(b, 4) boxes as filled squares (b, 1, side, side)."""
    place = torch.arange(side, dtype=boxes.dtype)
    x0, y0, x1, y1 = (edge[:, None] for edge in boxes.unbind(1))
    columns, rows = (place >= x0) & (place <= x1), (place >= y0) & (place <= y1)
    return (rows[:, :, None] & columns[:, None, :]).float()[:, None]


def unet_baseline(network: UNet, *, side: int) -> BoxBaseline:
    """The trained U-Net as a baseline; it looks at a box through the compact network's window."""

    def answer(image: SliceImage, box_xyxy: NDArray[np.float32]) -> Mask:
        pixels = np.clip(image.pixels, *HU_RANGE) if image.is_hu else image.pixels
        shown = SliceImage(np.nan_to_num(pixels), image.is_hu, image.spacing_mm)
        look = look_for_box(shown, box_xyxy, side=side)
        box = torch.from_numpy(look.to_look(box_xyxy.reshape(2, 2)).reshape(1, 4))
        with torch.inference_mode():
            logits = network(torch.cat([standardise(cut(shown, look)), _drawn(box, side)], dim=1))
        return paste(logits[0], look, image.pixels.shape)[0]

    return BoxBaseline("U-Net", answer)

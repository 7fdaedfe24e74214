"""What training needs of a network: the compact one as it is, and SAM's own architectures in the same words."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spinalsam.engine.compact import CompactSam, sparse_prompts
from spinalsam.engine.sam import PIXEL_MEAN, PIXEL_STD
from spinalsam.engine.segment_anything_parts import Sam


class PromptNetwork(Protocol):
    """A module that encodes pictures once and answers one prompt an image. mask_stride: input pixels a mask pixel."""

    mask_stride: int

    def prepare(self, pixels: Tensor) -> Tensor:
        """(b, 1, side, side) values as the data holds them to what `encode` takes."""
        ...

    def encode(self, pixels: Tensor) -> Any:
        """The image encoder."""
        ...

    def decode(self, features: Any, points_xy: Tensor, point_kinds: Tensor, boxes: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (b, 4, side / mask_stride, the same) and predicted IoU (b, 4); the arguments are those of `CompactSam.decode`."""
        ...

    def parameters(self) -> Any:
        """As `nn.Module`."""
        ...


class SamNetwork(nn.Module):
    """A SAM whose prompts differ from image to image of a batch. Its parameters keep the names that they have in the SAM."""

    mask_stride = 4

    def __init__(self, sam: Sam, *, normalise: str) -> None:
        super().__init__()
        self.image_encoder, self.prompt_encoder, self.mask_decoder = sam.image_encoder, sam.prompt_encoder, sam.mask_decoder
        self.normalise = normalise

    def prepare(self, pixels: Tensor) -> Tensor:
        """(b, 1, side, side) grey values 0-255, NaN where there is no picture, to (b, 3, side, side) as the card normalises."""
        grey, empty = torch.nan_to_num(pixels), torch.isnan(pixels)
        if self.normalise == "minmax":
            low, high = grey.amin(dim=(1, 2, 3), keepdim=True), grey.amax(dim=(1, 2, 3), keepdim=True)
            colours = ((grey - low) / (high - low).clamp(min=1e-8)).expand(-1, 3, -1, -1)
        else:
            mean, deviation = (torch.tensor(values, device=pixels.device).view(1, 3, 1, 1) for values in (PIXEL_MEAN, PIXEL_STD))
            colours = (grey - mean) / deviation
        return colours.masked_fill(empty, 0.0)

    def encode(self, pixels: Tensor) -> Tensor:
        return self.image_encoder(pixels)

    def decode(self, features: Tensor, points_xy: Tensor, point_kinds: Tensor, boxes: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        side = int(self.image_encoder.img_size)
        sparse = sparse_prompts(self.prompt_encoder, points_xy, point_kinds, boxes, (side, side))
        dense, pe = self._dense(features, previous), self.prompt_encoder.get_dense_pe()
        # SAM's decoder repeats one image for several prompts, so a batch of images goes through it one by one.
        answers = [
            self.mask_decoder.predict_masks(features[n : n + 1], pe, sparse[n : n + 1], dense[n : n + 1]) for n in range(len(features))
        ]
        return torch.cat([logits for logits, _ in answers]), torch.cat([scores for _, scores in answers])

    def _dense(self, features: Tensor, previous: Tensor) -> Tensor:
        if bool((previous == 0).all()):
            return self.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1).expand_as(features)
        size = [4 * length for length in self.prompt_encoder.image_embedding_size]
        return self.prompt_encoder._embed_masks(F.interpolate(previous, size=size, mode="bilinear", align_corners=False))


def network_of(model: nn.Module, *, normalise: str = "imagenet") -> Any:
    """The network of a segmenter as training uses it; it shares the model's parameters. normalise: of a SAM's card."""
    return model if isinstance(model, CompactSam) else SamNetwork(model, normalise=normalise)

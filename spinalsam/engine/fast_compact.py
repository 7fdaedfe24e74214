"""The compact network, computed the same but faster on a processor: batch norms folded away, channels last, products instead of lookups.

Everything that a small network does between its convolutions costs as much as they do: reordering channels, narrow transposed
convolutions, projections of places that few tokens ask. Here features keep their channels last from the first layer to the mask, the
1x1 and the transposed convolutions are matrix products on them, and attention is that of `fast_vit.py` and `fast_decoder.py`.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spinalsam.device.interrupt import checkpoint
from spinalsam.engine import fast_vit
from spinalsam.engine.compact import CompactEncoder, CompactMaskDecoder, CompactSam, draw_prompts, sparse_prompts
from spinalsam.engine.fast_decoder import FastTransformer, as_product, is_plain, places_of
from spinalsam.engine.fast_vit import FastBlock

_LAST = torch.channels_last


def fuse(encoder: nn.Module) -> nn.Module:
    """A copy for inference: batch norms folded into the convolutions before them, weights laid out channels-last."""
    copied = copy.deepcopy(encoder).eval()
    _fold(copied)
    return copied.requires_grad_(False).to(memory_format=_LAST)  # type: ignore[call-overload]


def _fold(module: nn.Module) -> None:
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for child in module.children():
        _fold(child)
    if isinstance(module, nn.Sequential):
        for place in range(len(module) - 1):
            first, second = module[place], module[place + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                module[place], module[place + 1] = fuse_conv_bn_eval(first, second), nn.Identity()


class FastCompactEncoder:
    """`CompactEncoder.forward` on the same weights, which are copied once; (b, 1, h, w) to features at strides 2, 4, 8 and 16."""

    def __init__(self, encoder: CompactEncoder) -> None:
        layers: Any = fuse(encoder)
        self.layers, blocks = layers, list(layers.blocks)
        plain = bool(blocks) and all(fast_vit.is_plain(block) for block in blocks)
        self.grid = blocks[0].attn.rel_pos_h.shape[0] // 2 + 1 if plain else 0
        self.blocks = [FastBlock.of(block, torch.float32, self.grid) for block in blocks] if plain else []

    def __call__(self, pixels: Tensor) -> tuple[Tensor, ...]:
        layers = self.layers
        f2 = layers.stem(pixels.contiguous(memory_format=_LAST))
        checkpoint()
        f4 = layers.stage4(f2)
        checkpoint()
        f8 = layers.stage8(f4)
        checkpoint()
        tokens = layers.stage16(f8).permute(0, 2, 3, 1)
        fast = tokens.shape[1:3] == (self.grid, self.grid)  # position embeddings are laid out for one size
        for number, block in enumerate(layers.blocks):
            checkpoint()
            tokens = self.blocks[number].with_hooks(tokens) if fast else block(tokens)
        return f2, f4, f8, layers.norm(tokens).permute(0, 3, 1, 2)


def can_speed_up(decoder: Any) -> bool:
    """Whether the mask decoder is the compact network's own with nothing put into it."""
    return type(decoder) is CompactMaskDecoder and is_plain(decoder)


class FastCompactDecoder:
    """`CompactSam.decode` on the same weights. Made once for windows of one size; later changes of the network are not seen."""

    def __init__(self, model: CompactSam) -> None:
        self.model = model
        self.side = model.config.side
        self.decoder: Any = model.mask_decoder
        self.guides = copy.deepcopy(model.guide_encoder).eval().requires_grad_(False).to(memory_format=_LAST)  # type: ignore[call-overload]
        with torch.inference_mode():
            grid = self.side // 16
            self.transform = FastTransformer(self.decoder.transformer, places_of(model.prompt_encoder.pe_layer((grid, grid))[None])[0])
            self.fuse8, self.fuse4, self.fuse2 = (_FastFuse(part) for part in (self.decoder.fuse8, self.decoder.fuse4, self.decoder.fuse2))

    def __call__(
        self, features: tuple[Tensor, ...], points_xy: Tensor, point_kinds: Tensor, boxes: Tensor, previous: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `CompactSam.decode`."""
        f2, f4, f8, f16 = features
        size = f2.shape[-2] * 2, f2.shape[-1] * 2
        if size != (self.side, self.side):
            return self.model.decode(features, points_xy, point_kinds, boxes, previous)
        sparse = sparse_prompts(self.model.prompt_encoder, points_xy, point_kinds, boxes, size)
        drawn = draw_prompts(points_xy, point_kinds, boxes, previous, size)
        at4, at8, at16 = self.guides(drawn.contiguous(memory_format=_LAST))
        own = torch.cat([self.decoder.iou_token.weight, self.decoder.mask_tokens.weight])[None].expand(len(sparse), -1, -1)
        tokens, places = self.transform(torch.cat([own, sparse], dim=1), places_of(f16 + at16))
        x = places.view(len(sparse), *f16.shape[-2:], -1)
        x = self.fuse2(self.fuse4(self.fuse8(x, f8, at8), f4, at4), f2, None)
        filters = torch.stack([mlp(tokens[:, 1 + n]) for n, mlp in enumerate(self.decoder.output_hypernetworks_mlps)], dim=1)
        masks = filters @ x.flatten(1, 2).transpose(1, 2)
        return masks.view(len(sparse), -1, *x.shape[1:3]), self.decoder.iou_prediction_head(tokens[:, 0])


class _FastFuse:
    """The decoder's stage that upscales by two and mixes; (b, h, w, c) to (b, 2h, 2w, c')."""

    def __init__(self, stage: Any) -> None:
        self.up, self.up_bias = as_product(stage.up)
        self.skip = stage.skip.weight.detach().flatten(1)
        self.guide = stage.guide.weight.detach().flatten(1) if stage.guide is not None else None
        # What does not depend on the picture is added once.
        self.up_bias = self.up_bias + (stage.skip.bias + (stage.guide.bias if stage.guide is not None else 0)).detach().repeat(4)
        self.mix = copy.deepcopy(stage.mix).eval().requires_grad_(False).to(memory_format=_LAST)

    def __call__(self, x: Tensor, skip: Tensor, guide: Tensor | None) -> Tensor:
        """skip, guide: (b, c, 2h, 2w), channels last in memory."""
        batch, rows, columns, _ = x.shape
        up = F.linear(x, self.up, self.up_bias).view(batch, rows, columns, 2, 2, -1).transpose(2, 3)
        sums = up.reshape(batch, 2 * rows * 2 * columns, -1)
        sums = torch.baddbmm(sums, _flat(skip), self.skip.T.expand(batch, -1, -1))
        if guide is not None and self.guide is not None:
            sums = torch.baddbmm(sums, _flat(guide), self.guide.T.expand(batch, -1, -1))
        picture = sums.view(batch, 2 * rows, 2 * columns, -1).permute(0, 3, 1, 2)
        return self.mix(picture).permute(0, 2, 3, 1)


def _flat(features: Tensor) -> Tensor:
    """(b, c, h, w) to (b, h * w, c)."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)

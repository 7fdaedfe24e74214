"""The compact SAM for spines: convolutions first, few attention blocks after, skip features into the mask decoder.

It keeps SAM's contract (Kirillov et al., ICCV 2023): an image encoder that runs once, a prompt encoder for points and
boxes, a two-way transformer, mask tokens turned into filters by small MLPs, three candidates with a predicted IoU, and the
previous mask as an input. The parts are `segment_anything.modeling`'s own classes where SAM has them. Two things are ours:

* early convolutional stages instead of a 16x16 patch embedding, as in TinyViT and EfficientViT-SAM, so that it learns from
  thousands of slices instead of millions, and
* stride-8, -4 and -2 features and the prompts drawn as maps going into the upscaling, as in HQ-SAM and SAM 2, so that thin
  processes survive.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.segment_anything_parts import Block, MaskDecoder, PromptEncoder, TwoWayTransformer

STRIDE = 16
GUIDE_CHANNELS = 4  # previous mask, inside of the box, positive clicks, negative clicks
CLICK_RADIUS = 2.5  # Gaussian radius of a drawn click in look pixels, divided by the guide's stride
NO_POINT = -1
# What one click by itself may mean; the candidates 1 to 3 of the mask decoder answer these in this order.
CLICK_MEANINGS = ("piece", "whole vertebra", "spine in view")


@dataclass(frozen=True)
class CompactConfig:
    """Widths of the four stages (strides 2, 4, 8, 16), the depth of the attention stage, and the parts that CBAM follows.

    mask_threshold: logit from which a pixel belongs to the mask, as SAM's. Below 0 where people draw further outside than the slices
    that were learned from.
    """

    widths: tuple[int, int, int, int] = (24, 48, 96, 192)
    conv_blocks: tuple[int, int] = (2, 2)
    attention_blocks: int = 4
    heads: int = 6
    mlp_ratio: float = 3.0
    decoder_mlp: int = 512
    side: int = 192
    cbam_after: tuple[str, ...] = ()
    mask_threshold: float = 0.0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CompactConfig:
        settings: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return cls(**settings)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut (He et al., CVPR 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(width)
        nn.init.zeros_(last.weight)  # starts as the identity, which trains faster
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class CompactEncoder(nn.Module):
    """(b, 1, h, w) standardised grey values, h and w multiples of 16, to features at strides 2, 4, 8 and 16.

    The stride-16 features are SAM's image embedding; `blocks` holds segment_anything's own attention blocks, so LoRA and
    CBAM attach to them as they do to a ViT.
    """

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        w2, w4, w8, w16 = config.widths
        self.stem = nn.Sequential(_down(1, w2), nn.Conv2d(w2, w2, 3, padding=1, bias=False), nn.BatchNorm2d(w2), nn.ReLU(inplace=True))
        self.stage4 = nn.Sequential(_down(w2, w4), *[ResidualBlock(w4) for _ in range(config.conv_blocks[0])])
        self.stage8 = nn.Sequential(_down(w4, w8), *[ResidualBlock(w8) for _ in range(config.conv_blocks[1])])
        self.stage16 = _down(w8, w16)
        grid = config.side // STRIDE
        self.blocks = nn.ModuleList(
            Block(w16, config.heads, config.mlp_ratio, use_rel_pos=True, window_size=0, input_size=(grid, grid))
            for _ in range(config.attention_blocks)
        )
        self.norm = nn.LayerNorm(w16)
        attach_cbam(self, CbamSettings(after=config.cbam_after))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        f2 = self.stem(x)
        f4 = self.stage4(f2)
        f8 = self.stage8(f4)
        tokens = self.stage16(f8).permute(0, 2, 3, 1)
        for block in self.blocks:
            tokens = block(tokens)
        return f2, f4, f8, self.norm(tokens).permute(0, 3, 1, 2)


class _Fuse(nn.Module):
    """Upscale by two, add what the encoder and the drawn prompts know at that stride, mix by a 3x3 convolution."""

    def __init__(self, inputs: int, outputs: int, skip: int, guide: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.skip = nn.Conv2d(skip, outputs, 1)
        self.guide = nn.Conv2d(guide, outputs, 1) if guide else None
        self.mix = nn.Sequential(
            nn.GroupNorm(4, outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.GroupNorm(4, outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, skip: Tensor, guide: Tensor | None) -> Tensor:
        x = self.up(x) + self.skip(skip)
        if self.guide is not None and guide is not None:
            x = x + self.guide(guide)
        return self.mix(x)


class CompactMaskDecoder(MaskDecoder):
    """SAM's mask decoder with skip features; masks come out at stride 2 instead of 4."""

    def __init__(self, config: CompactConfig) -> None:
        w2, w4, w8, w16 = config.widths
        super().__init__(
            transformer_dim=w16,
            transformer=TwoWayTransformer(depth=2, embedding_dim=w16, mlp_dim=config.decoder_mlp, num_heads=config.heads),
            num_multimask_outputs=3,
            iou_head_hidden_dim=w16,
        )
        filters = w16 // 8
        self.output_upscaling = nn.Identity()  # replaced by the three fusing stages
        self.fuse8 = _Fuse(w16, w8, w8, 32)
        self.fuse4 = _Fuse(w8, w4, w4, 16)
        self.fuse2 = _Fuse(w4, filters, w2, 0)

    def predict_masks(
        self, features: tuple[Tensor, ...], pe: Tensor, sparse: Tensor, guides: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """One prompt an image: features (b, c, h, w) at four strides, sparse (b, n, c) → (b, 4, h/2, w/2), (b, 4)."""
        f2, f4, f8, f16 = features
        guide4, guide8, dense = guides
        batch = sparse.shape[0]
        tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])[None].expand(batch, -1, -1)
        tokens = torch.cat([tokens, sparse], dim=1)
        source = f16 + dense
        _, channels, height, width = source.shape
        tokens, source = self.transformer(source, pe.expand(batch, -1, -1, -1), tokens)
        x = source.transpose(1, 2).reshape(batch, channels, height, width)
        x = self.fuse2(self.fuse4(self.fuse8(x, f8, guide8), f4, guide4), f2, None)
        filters = torch.stack([mlp(tokens[:, 1 + n]) for n, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1)
        masks = torch.einsum("bnc,bchw->bnhw", filters, x)
        return masks, self.iou_prediction_head(tokens[:, 0])


class GuideEncoder(nn.Module):
    """The prompts drawn as maps at stride 4, encoded for strides 4, 8 and 16; it takes the place of SAM's mask input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.at4 = nn.Sequential(nn.Conv2d(GUIDE_CHANNELS, 16, 3, padding=1), nn.GELU())
        self.at8 = nn.Sequential(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GELU())
        self.at16 = nn.Conv2d(32, width, 3, stride=2, padding=1)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at4 = self.at4(maps)
        at8 = self.at8(at4)
        return at4, at8, self.at16(at8)


class CompactSam(nn.Module):
    """Encoder, prompt encoder and mask decoder. See the module's docstring."""

    mask_stride = 2  # input pixels a mask pixel

    def __init__(self, config: CompactConfig | None = None) -> None:
        super().__init__()
        self.config = config or CompactConfig()
        width = self.config.widths[3]
        self.image_encoder = CompactEncoder(self.config)
        self.prompt_encoder = PromptEncoder(width, (1, 1), (1, 1), 16)
        # Prompts are drawn as maps (GuideEncoder), which carry the mask too.
        del self.prompt_encoder.mask_downscaling, self.prompt_encoder.no_mask_embed
        self.guide_encoder = GuideEncoder(width)
        self.mask_decoder = CompactMaskDecoder(self.config)

    def prepare(self, pixels: Tensor) -> Tensor:
        """(b, 1, h, w) values of any range to what `encode` takes."""
        return standardise(pixels)

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(b, 1, h, w) standardised pixels to features at strides 2, 4, 8, 16."""
        return self.image_encoder(pixels)

    def decode(
        self,
        features: tuple[Tensor, ...],
        points_xy: Tensor,
        point_kinds: Tensor,
        boxes: Tensor,
        previous: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """One prompt for each image of the batch.

        points_xy: (b, n, 2) look pixels, centres at integers. point_kinds: (b, n) 1 positive, 0 negative, -1 none.
        boxes: (b, 4) x0 y0 x1 y1, look pixels of the outer edges' pixel centres; NaN where there is no box.
        previous: (b, 1, h/2, w/2) logits of the mask to refine, 0 where there is none.
        Returns mask logits (b, 4, h/2, w/2), the first for unambiguous prompts, three for a single point, and IoU (b, 4).
        """
        height, width = features[0].shape[-2] * 2, features[0].shape[-1] * 2
        sparse = sparse_prompts(self.prompt_encoder, points_xy, point_kinds, boxes, (height, width))
        guides = self.guide_encoder(draw_prompts(points_xy, point_kinds, boxes, previous, (height, width)))
        pe = self.prompt_encoder.pe_layer(features[3].shape[-2:])[None]
        return self.mask_decoder.predict_masks(features, pe, sparse, guides)


def sparse_prompts(encoder: PromptEncoder, points_xy: Tensor, kinds: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Prompt tokens (b, n + 2, c) with SAM's own embeddings, one prompt an image; absent ones become 'not a point'.

    points_xy: (b, n, 2) input pixels, centres at integers. kinds: (b, n) 1, 0 or -1. boxes: (b, 4) or NaN. size: (rows, columns).
    """
    absent = torch.isnan(boxes[:, :1])
    corners = torch.nan_to_num(boxes).reshape(-1, 2, 2)
    where = torch.cat([points_xy, corners], dim=1) + 0.5
    # Numbers are made on the device and not copied there, which a recording (`engine/cuda_graphs.py`) could not do.
    where = torch.stack([where[..., 0] / size[1], where[..., 1] / size[0]], dim=-1)
    table = torch.cat([encoder.not_a_point_embed.weight, *[part.weight for part in encoder.point_embeddings]])
    corner_kinds = torch.where(absent, torch.full_like(boxes[:, :2], -1), torch.arange(2, 4, dtype=boxes.dtype, device=boxes.device)[None])
    kind = torch.cat([kinds.to(boxes.dtype), corner_kinds], dim=1)
    position = encoder.pe_layer._pe_encoding(where)
    return position * (kind >= 0).unsqueeze(-1) + table[(kind + 1).long()]


def draw_prompts(points_xy: Tensor, kinds: Tensor, boxes: Tensor, previous: Tensor, size: tuple[int, int]) -> Tensor:
    """Prompts as maps (b, 4, h/4, w/4): tanh of the previous logits, inside of the box, positive and negative clicks."""
    height, width = size[0] // 4, size[1] // 4
    y = (torch.arange(height, device=boxes.device, dtype=boxes.dtype) * 4 + 1.5)[None, :, None]
    x = (torch.arange(width, device=boxes.device, dtype=boxes.dtype) * 4 + 1.5)[None, None, :]
    mask = F.avg_pool2d(torch.tanh(previous / 4), 2)
    x0, y0, x1, y1 = [edge[:, None, None] for edge in torch.nan_to_num(boxes, nan=-1e4).unbind(1)]
    soft = 2.0  # an edge two pixels wide keeps the box's exact place at stride 4
    inside = (
        torch.sigmoid((x - x0) / soft) * torch.sigmoid((x1 - x) / soft) * torch.sigmoid((y - y0) / soft) * torch.sigmoid((y1 - y) / soft)
    )
    radius = (2 * CLICK_RADIUS) ** 2
    distance = (x[:, None] - points_xy[..., 0, None, None]) ** 2 + (y[:, None] - points_xy[..., 1, None, None]) ** 2
    blobs = torch.exp(-distance / (2 * radius))
    positive = (blobs * (kinds == 1)[..., None, None]).amax(dim=1)
    negative = (blobs * (kinds == 0)[..., None, None]).amax(dim=1)
    return torch.stack([mask[:, 0], inside, positive, negative], dim=1)


def standardise(pixels: Tensor) -> Tensor:
    """(b, 1, h, w) values of any range to zero mean and unit deviation an image: CT and screenshots look the same."""
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    deviation = pixels.std(dim=(1, 2, 3), keepdim=True)
    return (pixels - mean) / (deviation + 1e-4)

"""SAM's image encoder, computed the same but faster: the attention matrix is never written down.

`segment_anything` adds the position biases to a full matrix of 4096 x 4096 scores a head, in five passes over memory. A bias of a row
and one of a column is itself a scalar product: with the biases appended to the query and a one-hot row and column number to the key,
q.k + bias_row + bias_column is one longer scalar product, which PyTorch's fused attention takes as it is. In fp32, where longer products
cost more than passes over memory, blocks of the matrix that fit into the cache are computed one after another instead.
The weights are `segment_anything`'s own; in a lower precision the matrix products are done in it, sums and norms in fp32.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spinalsam.device.interrupt import checkpoint
from spinalsam.engine.segment_anything_parts import Attention, Block, ImageEncoderViT

# Scores that are held at once in fp32: 2 MiB, which fits into a core's cache.
BLOCK_SCORES = 1 << 19


def can_speed_up(encoder: Any) -> bool:
    """Whether the encoder is SAM's own; something put behind a block is fine, something inside of one is not."""
    return type(encoder) is ImageEncoderViT and all(is_plain(block) for block in encoder.blocks)


def is_plain(block: Any) -> bool:
    """Whether an attention block is SAM's own; something put behind it is fine."""
    if type(block) is not Block or type(block.attn) is not Attention:
        return False
    linear = (block.attn.qkv, block.attn.proj, block.mlp.lin1, block.mlp.lin2)
    changed = any(module._forward_hooks or module._forward_pre_hooks for module in (block.attn, block.mlp, *linear))
    return not changed and not block._forward_pre_hooks and all(type(layer) is nn.Linear for layer in linear)


class FastEncoder:
    """`ImageEncoderViT.forward` on the same weights; (1, 3, side, side) float32 to (1, 256, side/16, side/16) float32.

    dtype: of the matrix products. The weights of a lower precision are copied once; later changes of the encoder are not seen.
    qint8: the blocks' linear layers compute in 8 bits, all else in float32.
    """

    def __init__(self, encoder: Any, dtype: torch.dtype = torch.float32) -> None:
        self.encoder = encoder
        self.blocks = [FastBlock.of(block, dtype, _grid(encoder)) for block in encoder.blocks]

    def __call__(self, pixels: Tensor) -> Tensor:
        encoder = self.encoder
        tokens = encoder.patch_embed(pixels)
        if encoder.pos_embed is not None:
            tokens = tokens + encoder.pos_embed
        for block in self.blocks:
            checkpoint()
            tokens = block.with_hooks(tokens)
        checkpoint()
        return encoder.neck(tokens.permute(0, 3, 1, 2))


def _grid(encoder: Any) -> int:
    return int(encoder.img_size) // int(encoder.patch_embed.proj.kernel_size[0])


@dataclass(frozen=True)
class _Linear:
    weight: Tensor
    bias: Tensor | None

    @classmethod
    def of(cls, layer: nn.Linear, dtype: torch.dtype) -> _Linear:
        return cls(layer.weight.detach().to(dtype), None if layer.bias is None else layer.bias.detach().to(dtype))

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class _Int8Linear:
    """Weights in 8 bits with a scale for each row, inputs in 8 bits with a scale that is found at each call; float32 in and out."""

    def __init__(self, layer: nn.Linear) -> None:
        weight = layer.weight.detach().float()
        scales = weight.abs().amax(dim=1).clamp(min=1e-12).double() / 127
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that these tensors will go in a later PyTorch; the version here is pinned
            packed = torch.quantize_per_channel(weight, scales, torch.zeros(len(scales), dtype=torch.int64), 0, torch.qint8)
        before = torch.backends.quantized.engine
        torch.backends.quantized.engine = "onednn"
        try:
            self.packed = torch.ops.quantized.linear_prepack(packed, None if layer.bias is None else layer.bias.detach().float())
        finally:
            torch.backends.quantized.engine = before

    def __call__(self, x: Tensor) -> Tensor:
        return torch.ops.quantized.linear_dynamic(x.float(), self.packed)


def can_use_int8() -> bool:
    """Whether this PyTorch brings the products in 8 bits that are used here."""
    return "onednn" in torch.backends.quantized.supported_engines


def _linear(layer: nn.Linear, dtype: torch.dtype) -> _Linear | _Int8Linear:
    return _Int8Linear(layer) if dtype == torch.qint8 else _Linear.of(layer, dtype)


@dataclass(frozen=True)
class FastBlock:
    """One transformer block. window: side of the attention windows in tokens, 0 for all tokens at once.

    rows, columns: (side, side, head width) position embeddings of query row or column against key row or column.
    """

    source: Any
    qkv: _Linear | _Int8Linear
    proj: _Linear | _Int8Linear
    widen: _Linear | _Int8Linear
    narrow: _Linear | _Int8Linear
    heads: int
    window: int
    rows: Tensor
    columns: Tensor
    dtype: torch.dtype

    @classmethod
    def of(cls, block: Any, dtype: torch.dtype, grid: int) -> FastBlock:
        side = block.window_size or grid
        width = block.attn.qkv.in_features // block.attn.num_heads
        outside = torch.float32 if dtype == torch.qint8 else dtype  # of what is no linear layer
        return cls(
            block,
            _linear(block.attn.qkv, dtype),
            _linear(block.attn.proj, dtype),
            _linear(block.mlp.lin1, dtype),
            _linear(block.mlp.lin2, dtype),
            block.attn.num_heads,
            block.window_size,
            _relative(block.attn, "rel_pos_h", side, width).to(outside),
            _relative(block.attn, "rel_pos_w", side, width).to(outside),
            outside,
        )

    def with_hooks(self, x: Tensor) -> Tensor:
        """The block and what was put behind it, such as a CBAM."""
        answer = self(x)
        for hook in self.source._forward_hooks.values():
            changed = hook(self.source, (x,), answer)
            answer = answer if changed is None else changed
        return answer

    def __call__(self, x: Tensor) -> Tensor:
        """(1, rows, columns, c) float32 tokens."""
        x = x + self._attention(self.source.norm1(x).to(self.dtype))
        hidden = self.source.mlp.act(self.widen(self.source.norm2(x).to(self.dtype)))
        return x + self.narrow(hidden)

    def _attention(self, x: Tensor) -> Tensor:
        if not self.window:
            return self._attend(x)
        _, rows, columns, channels = x.shape
        side = self.window
        padded = F.pad(x, (0, 0, 0, -columns % side, 0, -rows % side))
        down, across = padded.shape[1] // side, padded.shape[2] // side
        windows = padded.view(down, side, across, side, channels).transpose(1, 2).reshape(-1, side, side, channels)
        answer = self._attend(windows).view(down, across, side, side, channels).transpose(1, 2)
        return answer.reshape(1, down * side, across * side, channels)[:, :rows, :columns]

    def _attend(self, x: Tensor) -> Tensor:
        """(b, side, side, c) tokens, each window for itself."""
        batch, rows, columns, channels = x.shape
        qkv = self.qkv(x).view(batch, rows * columns, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        grid = q.reshape(batch * self.heads, rows, columns, -1)
        by_row = torch.einsum("bhwc,hkc->bhwk", grid, self.rows).reshape(batch, self.heads, rows * columns, rows)
        by_column = torch.einsum("bhwc,wkc->bhwk", grid, self.columns).reshape(batch, self.heads, rows * columns, columns)
        if x.device.type == "cpu":
            attend = attend_in_blocks if self.dtype == torch.float32 else attend_fused
        else:
            attend = attend_biased if self.window or self.dtype == torch.float32 else attend_fused
        answer = attend(q, k, v, by_row, by_column)
        return self.proj(answer.transpose(1, 2).reshape(batch, rows, columns, channels))


def _relative(attention: Any, name: str, side: int, width: int) -> Tensor:
    """(side, side, width): the embedding of each distance between a query and a key along one axis; zeros where there is none."""
    if not attention.use_rel_pos:
        return torch.zeros(side, side, width, device=attention.qkv.weight.device)
    table = getattr(attention, name).detach()
    length = 2 * side - 1
    if table.shape[0] != length:  # a checkpoint of another size, resampled as segment_anything does
        table = F.interpolate(table.T[None], size=length, mode="linear")[0].T
    distance = torch.arange(side)[:, None] - torch.arange(side)[None, :] + side - 1
    return table[distance]


def attend_fused(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    """Softmax(q k / sqrt(d) + bias) v for (b, heads, n, d), with biases (b, heads, n, rows) and (b, heads, n, columns)."""
    width, rows, columns = q.shape[-1], by_row.shape[-1], by_column.shape[-1]
    row_of = torch.eye(rows, dtype=q.dtype, device=q.device).repeat_interleave(columns, 0)
    column_of = torch.eye(columns, dtype=q.dtype, device=q.device).repeat(rows, 1)
    place = torch.cat([row_of, column_of], dim=-1).expand(*k.shape[:-1], -1)
    room = -(width + rows + columns) % 8  # fused attention of GPUs wants multiples of eight
    longer_q = F.pad(torch.cat([q * width**-0.5, by_row, by_column], dim=-1), (0, room))
    longer_k = F.pad(torch.cat([k, place], dim=-1), (0, room))
    answer = F.scaled_dot_product_attention(longer_q, longer_k, F.pad(v, (0, rows + columns + room)), scale=1.0)
    return answer[..., :width]


def attend_biased(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    """The same with the biases written down; on a GPU faster in float32 and for small windows."""
    bias = (by_row[..., :, None] + by_column[..., None, :]).flatten(-2)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def attend_in_blocks(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    """The same in blocks of queries and heads whose scores stay in the processor's cache."""
    shape, tokens, width = q.shape, q.shape[-2], q.shape[-1]
    q, k, v, by_row, by_column = (x.reshape(-1, tokens, x.shape[-1]) for x in (q * width**-0.5, k, v, by_row, by_column))
    heads = max(1, BLOCK_SCORES // tokens**2)
    step = min(tokens, max(1, BLOCK_SCORES // tokens))
    answer = torch.empty_like(q)
    for head in range(0, q.shape[0], heads):
        some = slice(head, head + heads)
        keys = k[some].transpose(1, 2)
        for first in range(0, tokens, step):
            part = slice(first, first + step)
            bias = by_row[some, part, :, None] + by_column[some, part, None, :]
            scores = torch.baddbmm(bias.flatten(2), q[some, part], keys)
            answer[some, part] = scores.softmax(-1) @ v[some]
    return answer.view(shape)

"""SAM's mask decoder, computed the same but faster: the slice's 4096 places are never projected, and several prompts go in one call.

A handful of prompt tokens attends to the places and the places attend to the tokens. `segment_anything` projects every place to keys,
values and queries for that. A product of three matrices may be taken in any order, and from the other end it is cheap: the few tokens are
multiplied with the projections first, and each attention is then two thin matrix products with the places as they are. The position codes'
share of the projections is the same for every slice and is computed once. The transposed convolutions after it touch no neighbours, so
they are matrix products as well, on places whose channels lie next to each other in memory.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spinalsam.engine.segment_anything_parts import LayerNorm2d, MaskDecoder, Sam, TwoWayAttention, TwoWayAttentionBlock, TwoWayTransformer


def can_speed_up(model: Sam) -> bool:
    """Whether the decoder is SAM's own with nothing put into it."""
    decoder: Any = model.mask_decoder
    if type(decoder) is not MaskDecoder or not is_plain(decoder):
        return False
    upscaling = [nn.ConvTranspose2d, LayerNorm2d, nn.GELU, nn.ConvTranspose2d, nn.GELU]
    return [type(part) for part in decoder.output_upscaling] == upscaling


def is_plain(decoder: Any) -> bool:
    """Whether a mask decoder's transformer is SAM's own, and nothing was put into the decoder anywhere."""
    if type(decoder.transformer) is not TwoWayTransformer:
        return False
    if any(module._forward_hooks or module._forward_pre_hooks for module in decoder.modules()):
        return False
    if any(type(layer) is not TwoWayAttentionBlock for layer in decoder.transformer.layers):
        return False
    products = [part for module in decoder.transformer.modules() if isinstance(module, TwoWayAttention) for part in module.children()]
    return all(type(part) is nn.Linear for part in products)


class FastDecoder:
    """`MaskDecoder.predict_masks` on the same weights. Made once; later changes of the decoder are not seen."""

    def __init__(self, model: Sam) -> None:
        self.decoder: Any = model.mask_decoder
        with torch.inference_mode():
            grid = model.prompt_encoder.get_dense_pe()
            self.rows, self.columns = grid.shape[-2:]
            self.transform = FastTransformer(self.decoder.transformer, places_of(grid)[0])
            self.upscaling = _Upscaling(self.decoder.output_upscaling)

    def __call__(self, places: Tensor, sparse: Tensor) -> tuple[Tensor, Tensor]:
        """places: (1, n, c) float32 features of the slice with those of the mask to refine, or of none, added. sparse: (b, t, c) prompts.

        Returns logits (b, 4, 4h, 4w) and predicted IoU (b, 4).
        """
        decoder = self.decoder
        tokens, places = self.transform(self.with_own_tokens(sparse), places.expand(len(sparse), -1, -1))
        filters = torch.stack([mlp(tokens[:, 1 + n]) for n, mlp in enumerate(decoder.output_hypernetworks_mlps)], dim=2)
        return self.upscaling(places, filters, self.rows, self.columns), decoder.iou_prediction_head(tokens[:, 0])

    def with_own_tokens(self, sparse: Tensor) -> Tensor:
        """(b, 5 + t, c): the decoder's tokens for the IoU and the masks before those of the prompts."""
        own = torch.cat([self.decoder.iou_token.weight, self.decoder.mask_tokens.weight])
        return torch.cat([own[None].expand(len(sparse), -1, -1), sparse], dim=1)


class FastTransformer:
    """`TwoWayTransformer` on the same weights. codes: (n, c) position codes of the places."""

    def __init__(self, transformer: Any, codes: Tensor) -> None:
        self.transformer = transformer
        self.to_image = [TokensToImage(layer.cross_attn_token_to_image, codes) for layer in transformer.layers]
        self.to_tokens = [ImageToTokens(layer.cross_attn_image_to_token, codes) for layer in transformer.layers]
        self.last = TokensToImage(transformer.final_attn_token_to_image, codes)

    def __call__(self, codes: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """codes: (b, t, c) prompts. places: (b, n, c) of the slice. Returns tokens (b, t, c) and places (b, n, c)."""
        transformer, given = self.transformer, places
        tokens = codes
        for layer, to_image, to_tokens in zip(transformer.layers, self.to_image, self.to_tokens, strict=True):
            if layer.skip_first_layer_pe:
                tokens = layer.norm1(layer.self_attn(tokens, tokens, tokens))
            else:
                asked = tokens + codes
                tokens = layer.norm1(tokens + layer.self_attn(asked, asked, tokens))
            tokens = layer.norm2(tokens + to_image(tokens + codes, places))
            tokens = layer.norm3(tokens + layer.mlp(tokens))
            places = layer.norm4(to_tokens.added(places, tokens + codes, tokens, own=places is not given))
        tokens = transformer.norm_final_attn(tokens + self.last(tokens + codes, places))
        return tokens, places


class TokensToImage:
    """`Attention` whose queries are tokens and whose keys and values are places."""

    def __init__(self, attention: Any, codes: Tensor) -> None:
        self.attention, self.heads = attention, attention.num_heads
        self.k_weight = attention.k_proj.weight.detach().unflatten(0, (self.heads, -1))  # (h, d, c)
        self.v_weight = attention.v_proj.weight.detach().unflatten(0, (self.heads, -1))
        self.v_bias = attention.v_proj.bias.detach().unflatten(0, (self.heads, -1))
        # (h, d, n): what the codes add to the keys. The keys' bias adds the same to all scores of a query and changes nothing.
        self.codes = F.linear(codes, attention.k_proj.weight).T.unflatten(0, (self.heads, -1)).contiguous()

    def __call__(self, asking: Tensor, places: Tensor) -> Tensor:
        """asking: (b, t, c) tokens with their codes. Returns (b, t, c)."""
        batch, count, channels = asking.shape
        q = self.attention.q_proj(asking).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (b, h, t, d)
        q = q * q.shape[-1] ** -0.5
        through = (q @ self.k_weight).reshape(batch, -1, channels)
        scores = torch.baddbmm((q @ self.codes).flatten(1, 2), through, places.transpose(1, 2))
        seen = (scores.softmax(-1) @ places).view(batch, self.heads, count, channels)
        answer = seen @ self.v_weight.transpose(1, 2) + self.v_bias[:, None]
        return self.attention.out_proj(answer.transpose(1, 2).flatten(2))


class ImageToTokens:
    """`Attention` whose queries are places and whose keys and values are tokens."""

    def __init__(self, attention: Any, codes: Tensor) -> None:
        self.attention, self.heads = attention, attention.num_heads
        self.q_weight = attention.q_proj.weight.detach().unflatten(0, (self.heads, -1))  # (h, d, c)
        self.q_bias = attention.q_proj.bias.detach().unflatten(0, (self.heads, -1))  # (h, d)
        queries = F.linear(codes, attention.q_proj.weight, attention.q_proj.bias)
        self.codes = queries.T.unflatten(0, (self.heads, -1)).contiguous()  # (h, d, n)
        self.out_weight = attention.out_proj.weight.detach().T.unflatten(0, (self.heads, -1)).contiguous()  # (h, d, c)
        self.out_bias = attention.out_proj.bias.detach() / self.heads  # the shares of each head add up to one

    def added(self, places: Tensor, asked: Tensor, tokens: Tensor, *, own: bool) -> Tensor:
        """places + attention(...), (b, n, c). asked: (b, t, c) tokens with their codes. own: whether places may be overwritten."""
        batch, count, channels = tokens.shape
        k = self.attention.k_proj(asked).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (b, h, t, d)
        v = self.attention.v_proj(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k = k * k.shape[-1] ** -0.5
        through = (k @ self.q_weight).reshape(batch, -1, channels)
        # (b, h * t, n): a softmax over the few tokens is fast only when the many places lie next to each other
        scores = torch.baddbmm((k @ self.codes).flatten(1, 2), through, places.transpose(1, 2))
        shares = scores.view(batch, self.heads, count, -1).softmax(2).flatten(1, 2)
        answers = (v @ self.out_weight + self.out_bias).reshape(batch, -1, channels)
        return torch.baddbmm(places, shares.transpose(1, 2), answers, out=places if own else None)


class _Upscaling:
    """`output_upscaling` and the product with the masks' filters. A place's 2x2, then 4x4 fine places stay beside each other to the end."""

    def __init__(self, layers: Any) -> None:
        first, norm, _, second, _ = list(layers)
        self.first, self.first_bias = as_product(first)
        self.second, self.second_bias = as_product(second)
        self.norm: Any = norm

    def __call__(self, places: Tensor, filters: Tensor, rows: int, columns: int) -> Tensor:
        """(b, n, c) places and (b, c', m) filters to (b, m, 4 * rows, 4 * columns)."""
        batch, width = places.shape[0], self.norm.weight.shape[0]
        half = F.linear(places, self.first, self.first_bias).view(-1, width)
        # What is overwritten need not be taken from the system and given back, which costs a third of the time on a processor.
        half = torch.ops.aten.gelu_(F.layer_norm(half, (width,), self.norm.weight, self.norm.bias, self.norm.eps))
        fine = torch.ops.aten.gelu_(F.linear(half, self.second, self.second_bias))
        if batch == 1:
            logits = fine.view(-1, filters.shape[1]) @ filters[0]
        else:
            logits = fine.view(batch, -1, filters.shape[1]) @ filters
        # rows, columns, then (row, column) within the place, then within the half place
        logits = logits.view(batch, rows, columns, 2, 2, 2, 2, -1)
        return logits.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(batch, -1, 4 * rows, 4 * columns)


def as_product(layer: Any) -> tuple[Tensor, Tensor]:
    """(4 * c', c) weights and bias of a transposed 2x2 convolution of stride 2, its four answers in order of row and column."""
    weight = layer.weight.detach().permute(2, 3, 1, 0).flatten(0, 2).contiguous()
    bias = layer.bias.detach() if layer.bias is not None else weight.new_zeros(layer.out_channels)
    return weight, bias.repeat(4)


def places_of(image: Tensor) -> Tensor:
    """(b, c, h, w) to (b, h * w, c), a place's channels next to each other."""
    return image.flatten(2).transpose(1, 2).contiguous()

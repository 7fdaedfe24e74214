"""SAM's mask decoder on a processor, in blocks of places that stay in a core's cache.

It computes what `engine/fast_decoder.py` computes, in another order. Which tokens ask the places in the next layer is known before the
places have heard this layer's tokens, so a block of places can be answered, normed and asked again in one go; sums over all places are put
together from the blocks' own (as in FlashAttention, Dao et al., NeurIPS 2022). Idle cores take blocks too (`device/sharing.py`).
What the first layer makes of the places does not depend on the prompt; `Kept` holds it for slices that are asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spinalsam.device.sharing import share
from spinalsam.engine.fast_decoder import FastDecoder, ImageToTokens, TokensToImage

PLACES = 1024  # about so many in a block; smaller ones cost more in starting their steps than a cache saves


@dataclass(frozen=True)
class Kept:
    """What the first layer's attention makes of a slice: keys and queries (h, d, n), values (h, n, d), with the position codes' share."""

    keys: Tensor
    values: Tensor
    queries: Tensor


class BlockDecoder:
    """`FastDecoder` of one image on the CPU, on the same weights."""

    def __init__(self, fast: FastDecoder, codes: Tensor) -> None:
        """codes: (n, c) position codes of the places."""
        self.fast, self.codes = fast, codes
        step = max(1, PLACES // fast.columns)
        self.rows = [(first, min(first + step, fast.rows)) for first in range(0, fast.rows, step)]
        self.blocks = [slice(first * fast.columns, last * fast.columns) for first, last in self.rows]

    def keep(self, places: Tensor) -> Kept:
        """places: (1, n, c)."""
        to_image, to_tokens = self.fast.transform.to_image[0], self.fast.transform.to_tokens[0]
        across = places[0].T
        return Kept(
            to_image.k_weight @ across + to_image.codes,
            (to_image.v_weight @ across + to_image.v_bias[..., None]).transpose(1, 2).contiguous(),
            to_tokens.q_weight @ across + to_tokens.codes,
        )

    def __call__(self, places: Tensor, sparse: Tensor, kept: Kept | None = None) -> tuple[Tensor, Tensor]:
        """places: (1, n, c) float32. sparse: (b, t, c). kept: of these places. Returns logits (b, 4, 4h, 4w) and predicted IoU (b, 4)."""
        answers = [self._one(places[0], codes, kept) for codes in self.fast.with_own_tokens(sparse)]
        if len(answers) == 1:
            return answers[0][0][None], answers[0][1][None]
        return torch.stack([logits for logits, _ in answers]), torch.stack([scores for _, scores in answers])

    def _one(self, places: Tensor, codes: Tensor, kept: Kept | None) -> tuple[Tensor, Tensor]:
        """codes: (t, c) tokens as they are at first."""
        transform = self.fast.transform
        layers: Any = transform.transformer.layers
        tokens = _among_themselves(layers[0], codes, codes)
        seen = _Seen(transform.to_image[0], tokens + codes, len(self.blocks))
        if kept is not None:
            answer = seen.of_kept(kept)
        else:
            share(lambda n: seen.look(n, places[self.blocks[n]], self.codes[self.blocks[n]]), len(self.blocks))
            answer = seen.answer()
        changed = [places[block] for block in self.blocks]
        for number, layer in enumerate(layers):
            tokens = layer.norm2(tokens + answer)
            tokens = layer.norm3(tokens + layer.mlp(tokens))
            heard = _Heard(transform.to_tokens[number], tokens + codes, tokens, kept if number == 0 else None)
            if number + 1 < len(layers):
                then = layers[number + 1]
                tokens = _among_themselves(then, tokens, codes)
                seen = _Seen(transform.to_image[number + 1], tokens + codes, len(self.blocks))
            else:
                # Nobody asks what the prompts' own tokens see in the end.
                wanted = 1 + len(self.fast.decoder.output_hypernetworks_mlps)
                seen = _Seen(transform.last, (tokens + codes)[:wanted], len(self.blocks))
                tokens = tokens[:wanted]
            self._answer_and_ask(changed, heard, layer.norm4, seen)
            answer = seen.answer()
        tokens = transform.transformer.norm_final_attn(tokens + answer)
        filters = torch.stack([mlp(tokens[1 + n]) for n, mlp in enumerate(self.fast.decoder.output_hypernetworks_mlps)], dim=1)
        return self._upscaled(changed, filters), self.fast.decoder.iou_prediction_head(tokens[0])

    def _answer_and_ask(self, places: list[Tensor], heard: _Heard, norm: Any, seen: _Seen) -> None:
        """Let the blocks of places hear the tokens, and the next tokens see them; `places` holds the changed ones then."""

        def work(number: int) -> None:
            block = self.blocks[number]
            places[number] = norm(heard.added(places[number], block, self.codes[block]))
            seen.look(number, places[number], self.codes[block])

        share(work, len(self.blocks))

    def _upscaled(self, places: list[Tensor], filters: Tensor) -> Tensor:
        """(m, 4h, 4w) logits."""
        logits = filters.new_empty(filters.shape[1], 4 * self.fast.rows, 4 * self.fast.columns)

        def work(number: int) -> None:
            first, last = self.rows[number]
            part = self.fast.upscaling(places[number][None], filters[None], last - first, self.fast.columns)
            logits[:, 4 * first : 4 * last] = part[0]

        share(work, len(self.blocks))
        return logits


def _among_themselves(layer: Any, tokens: Tensor, codes: Tensor) -> Tensor:
    """The layer's attention of the (t, c) tokens to each other."""
    given = tokens[None]
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(given, given, given))[0]
    asked = given + codes
    return layer.norm1(given + layer.self_attn(asked, asked, given))[0]


class _Seen:
    """What (t, c) tokens see of all places, put together from blocks of them."""

    def __init__(self, attention: TokensToImage, asking: Tensor, blocks: int) -> None:
        self.attention = attention
        q = attention.attention.q_proj(asking).unflatten(-1, (attention.heads, -1)).transpose(0, 1)  # (h, t, d)
        self.q = q * q.shape[-1] ** -0.5
        self.through = (self.q @ attention.k_weight).flatten(0, 1)  # (h * t, c)
        self.highest = asking.new_empty(blocks, len(self.through), 1)
        self.sums = torch.empty_like(self.highest)
        self.places = asking.new_empty(blocks, *self.through.shape)

    def look(self, number: int, places: Tensor, codes: Tensor) -> None:
        """places: (k, c), those of the block of this number. codes: theirs."""
        scores = torch.mm(self.through, (places + codes).T)
        highest = torch.amax(scores, dim=1, keepdim=True, out=self.highest[number])
        shares = scores.sub_(highest).exp_()
        torch.sum(shares, dim=1, keepdim=True, out=self.sums[number])
        torch.mm(shares, places, out=self.places[number])

    def answer(self) -> Tensor:
        """(t, c), after every block was looked at."""
        weights = (self.highest - self.highest.amax(dim=0)).exp_()
        together = (self.places * weights).sum(dim=0) / (self.sums * weights).sum(dim=0)
        heads = together.unflatten(0, (self.attention.heads, -1))
        return self._out(heads @ self.attention.v_weight.transpose(1, 2) + self.attention.v_bias[:, None])

    def of_kept(self, kept: Kept) -> Tensor:
        """(t, c), of places whose keys and values are there."""
        return self._out((self.q @ kept.keys).softmax(-1) @ kept.values)

    def _out(self, heads: Tensor) -> Tensor:
        return self.attention.attention.out_proj(heads.transpose(0, 1).flatten(1))


class _Heard:
    """What places hear from (t, c) tokens. asked: tokens with their codes."""

    def __init__(self, attention: ImageToTokens, asked: Tensor, tokens: Tensor, kept: Kept | None) -> None:
        self.attention, self.kept = attention, kept
        k = attention.attention.k_proj(asked).unflatten(-1, (attention.heads, -1)).transpose(0, 1)  # (h, t, d)
        v = attention.attention.v_proj(tokens).unflatten(-1, (attention.heads, -1)).transpose(0, 1)
        self.k = k * k.shape[-1] ** -0.5
        self.through = (self.k @ attention.q_weight).flatten(0, 1)
        # What the bias of the places' own questions adds, which is not the same for every token.
        self.bias = self.k @ attention.q_bias[..., None]  # (h, t, 1)
        self.answers = (v @ attention.out_weight + attention.out_bias).flatten(0, 1)  # (h * t, c)

    def added(self, places: Tensor, block: slice, codes: Tensor) -> Tensor:
        """(k, c) places of a block and what they hear. codes: theirs."""
        if self.kept is not None:
            scores = self.k @ self.kept.queries[..., block]
        else:
            asking = torch.mm(self.through, (places + codes).T).unflatten(0, (self.attention.heads, -1))
            scores = asking + self.bias
        return torch.addmm(places, scores.softmax(1).flatten(0, 1).T, self.answers)

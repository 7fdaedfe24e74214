"""CBAM: channel attention, then spatial attention (Woo, Park, Lee and Kweon, ECCV 2018), behind a gate that starts shut.

Attached to a trained encoder it changes nothing until it is trained: the gate is zero, so features pass through bit for bit
and an official checkpoint keeps its masks. The parameters lie under the module they follow, as `blocks.2.cbam.*`, and no
other parameter changes its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spinalsam.engine.segment_anything_parts import Block, LayerNorm2d
from spinalsam.errors import ModelError

# Fewer hidden channels than this may all be off for every picture, and would then never learn.
SMALLEST_HIDDEN = 8


@dataclass(frozen=True)
class CbamSettings:
    """after: modules of the encoder that CBAM follows, such as "blocks.2", "neck" or a convolutional stage.

    reduction: how much narrower the shared MLP of the channel attention is. kernel: size of the spatial attention.
    """

    after: tuple[str, ...]
    reduction: int = 16
    kernel: int = 7

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CbamSettings:
        return cls(**{**value, "after": tuple(value["after"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class ChannelAttention(nn.Module):
    """(b, c, h, w) to weights (b, c, 1, 1): average and maximum over the picture through one shared MLP, summed."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(SMALLEST_HIDDEN, channels // reduction)
        self.mlp = nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        average = x.mean(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self.mlp(average) + self.mlp(x.amax(dim=(2, 3), keepdim=True)))


class SpatialAttention(nn.Module):
    """(b, c, h, w) to weights (b, 1, h, w): average and maximum over the channels through one convolution."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)))


class Cbam(nn.Module):
    """x + gate · CBAM(x), the gate one number a channel, zero at first.

    channels_last: whether x is a token grid (b, h, w, c), as a transformer block's, instead of (b, c, h, w).
    """

    def __init__(self, channels: int, *, reduction: int = 16, kernel: int = 7, channels_last: bool = False) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, reduction)
        self.spatial = SpatialAttention(kernel)
        self.gate = nn.Parameter(torch.zeros(channels))
        self.channels_last = channels_last

    def forward(self, x: Tensor) -> Tensor:
        grid = x.permute(0, 3, 1, 2) if self.channels_last else x
        refined = grid * self.channel(grid)
        refined = refined * self.spatial(refined)
        grid = grid + self.gate.view(1, -1, 1, 1) * refined
        return grid.permute(0, 2, 3, 1) if self.channels_last else grid


def attach_cbam(encoder: nn.Module, settings: CbamSettings) -> list[Cbam]:
    """Put a CBAM after each module that the settings name; returns them in that order.

    encoder: an image encoder, SAM's ViT or the compact one. Raises ModelError for a module that it does not have.
    """
    return [_attach(encoder, name, settings) for name in settings.after]


def _attach(encoder: nn.Module, name: str, settings: CbamSettings) -> Cbam:
    try:
        module = encoder.get_submodule(name)
    except AttributeError as error:
        raise ModelError(f"CBAM cannot follow '{name}': the encoder has no such part.") from error
    if hasattr(module, "cbam"):
        raise ModelError(f"'{name}' is followed by a CBAM already.")
    channels, channels_last = _output_of(name, module)
    cbam = Cbam(channels, reduction=settings.reduction, kernel=settings.kernel, channels_last=channels_last)
    reference = next(module.parameters())
    cbam.to(device=reference.device, dtype=reference.dtype).train(module.training)
    # A Sequential runs whatever it holds, in order; other modules get a hook. It finds the CBAM through the module that it
    # is called with, so copies of the network use their own.
    module.add_module("cbam", cbam)
    if not isinstance(module, nn.Sequential):
        module.register_forward_hook(_apply_cbam)
    return cbam


def _apply_cbam(module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    return module.cbam(output)  # type: ignore[operator]


def _output_of(name: str, module: nn.Module) -> tuple[int, bool]:
    """Channels of a module's output, and whether they are its last axis."""
    if isinstance(module, Block):
        return int(module.norm1.normalized_shape[0]), True
    if isinstance(module, nn.LayerNorm):
        return int(module.normalized_shape[0]), True
    for part in reversed(list(module.modules())):
        if isinstance(part, nn.Conv2d):
            return part.out_channels, False
        if isinstance(part, nn.BatchNorm2d):
            return part.num_features, False
        if isinstance(part, LayerNorm2d):
            return part.weight.shape[0], False
    raise ModelError(f"CBAM cannot follow '{name}': it is neither a transformer block nor convolutional.")


def is_cbam(parameter: str) -> bool:
    """Whether the parameter of that full name belongs to a CBAM."""
    return ".cbam." in parameter


def cbam_modules(model: nn.Module) -> Sequence[Cbam]:
    """Every CBAM in a model."""
    return [module for module in model.modules() if isinstance(module, Cbam)]

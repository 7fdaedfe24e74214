"""The locator's network: a small 3-D U-Net on coarse voxels, for any field of view.

It says for every voxel of VOXEL_MM whether it is spine, vertebral body or canal, how far it is from its vertebra's centre, and, on
voxels twice as large, which level it would be by what surrounds it. `locate.py` makes vertebrae of that.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spinalsam.device.cpu import read_cpu
from spinalsam.device.interrupt import checkpoint
from spinalsam.errors import ModelError

LEVELS = 26  # C1-C7, T1-T12, L1-L6, sacrum: VerSe values 1-26
INPUTS = 3
FACTOR = 16  # the network halves its voxels four times
# Channels of the fine answer.
HEAT, BONE, BODY, CANAL, RIB, OFFSET = 0, 1, 2, 3, 4, slice(5, 8)
FINE = 8
# Channels of the level answer: where in the row of levels, how far off that may be, and which group.
PLACE, DOUBT, GROUP, LEVEL_CHANNELS = 0, 1, slice(2, 6), 6
GROUPS_OF_LEVELS = np.repeat(np.arange(4), (7, 12, 6, 1))  # cervical, thoracic, lumbar, sacrum
OFFSET_VOXELS = 8.0  # offsets are answered in units of that many voxels
WIDTHS, NO_EXTRA = (16, 32, 64, 96, 128), (0, 0, 0, 0, 0)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class LocatorAnswer:
    """fine: float32 (8, x, y, z), probabilities and, in the last three, offsets to the centre in voxels.

    levels: float32 (26, x/2, y/2, z/2), log-probabilities.
    """

    fine: Array
    levels: Array


def normalised(hu: Tensor, seen: Tensor) -> Tensor:
    """HU (n, x, y, z) and what was scanned as the network's input: bone window, air and lung, field of view."""
    inside = seen.float()
    bone = hu.clamp(-250, 900) / 400 * inside
    air = (hu.clamp(-1000, 0) / 500 + 1) * inside
    return torch.stack([bone, air, inside], dim=1)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm3d(outputs, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class _Extra(nn.Module):
    """A residual block that begins as the identity, so that a network grows by it without any change to what it answers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = _Block(width, width)
        self.scale = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) * self.scale.view(1, -1, 1, 1, 1)


class LocatorNet(nn.Module):
    """Encoder of five scales, decoder with added skips, a fine head and a level head.

    widths: channels of every scale. extra: residual blocks more at the end of every scale of the encoder.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, extra: tuple[int, ...] = NO_EXTRA) -> None:
        super().__init__()
        self.widths, self.extra = tuple(widths), tuple(extra)
        self.stem = _Block(INPUTS, widths[0])
        self.down = nn.ModuleList(nn.Sequential(_Block(a, b, stride=2), _Block(b, b)) for a, b in itertools.pairwise(widths))
        self.deep = nn.Sequential(_Block(widths[-1], widths[-1]))
        self.narrow = nn.ModuleList(nn.Conv3d(b, a, 1) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList(_Block(a, a) for a in widths[:-1])
        self.fine_head = nn.Conv3d(widths[0], FINE, 1)
        self.level_head = nn.Sequential(_Block(widths[1], widths[1]), nn.Conv3d(widths[1], LEVEL_CHANNELS, 1))
        # After what was there before, so that the same seed draws the same weights for that.
        self.more = nn.ModuleList(nn.Sequential(*(_Extra(w) for _ in range(n))) for w, n in zip(widths, self.extra, strict=True))
        nn.init.constant_(self.fine_head.bias[:5], -3.0)  # type: ignore[index]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, x, y, z), sides divisible by 16, to fine logits and offsets (n, 8, ...) and level channels (n, 6, ...) of half size."""
        skips = [self.more[0](self.stem(x))]
        checkpoint()
        for down, more in zip(self.down, self.more[1:], strict=True):
            skips.append(more(down(skips[-1])))
            checkpoint()
        deep = skips.pop()
        deep = deep + self.deep(deep)
        levels = None
        for number in range(len(self.up) - 1, -1, -1):
            skip = skips.pop()
            grown = F.interpolate(self.narrow[number](deep), size=skip.shape[2:], mode="nearest")
            deep = self.up[number](skip + grown)  # in the skip's layout
            checkpoint()
            if number == 1:
                levels = self.level_head(deep)
        assert levels is not None
        return self.fine_head(deep), levels


def place_of(raw: Tensor) -> tuple[Tensor, Tensor]:
    """(place in the row of levels, C1 = 0 to sacrum = 25; width of the Laplace distribution around it) of raw channels (n, 6, ...)."""
    return raw[:, PLACE] * 6 + 12.5, F.softplus(raw[:, DOUBT] + 2.0) + 0.12


def level_chances(raw: Tensor) -> Tensor:
    """Raw level channels (n, 6, x, y, z) to log-probabilities of all levels (n, 26, x, y, z)."""
    place, width = place_of(raw)
    levels = torch.arange(LEVELS, dtype=raw.dtype, device=raw.device).view(1, LEVELS, 1, 1, 1)
    near = -(levels - place[:, None]).abs() / width[:, None]
    groups = raw[:, GROUP].log_softmax(1)[:, torch.from_numpy(GROUPS_OF_LEVELS)]
    return (near + groups).log_softmax(1)


def load_locator(path: Path) -> LocatorNet:
    """The network of a safetensors file, ready to answer. Raises ModelError when the file does not hold one."""
    network, tensors = read_locator(path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"The locator's weights '{path}' do not fit: {str(error).splitlines()[0]}") from error
    return _folded(network.eval())


def read_locator(path: Path) -> tuple[LocatorNet, dict[str, Tensor]]:
    """(a network of the size that a locator's safetensors file describes, its tensors in float32, not yet in the network).

    Raises ModelError when the file does not hold one.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            described = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The locator's weights '{path}' cannot be read: {error}.") from error
    if described.get("architecture") != "locator":
        raise ModelError(f"'{path}' holds no locator but {described.get('architecture', 'something unknown')}.")
    try:
        widths = tuple(int(n) for n in described["widths"].split(","))
        extra = tuple(int(n) for n in described["extra"].split(",")) if "extra" in described else (0,) * len(widths)
        if not min(widths) > 0 or len(extra) != len(widths):
            raise ValueError
        network = LocatorNet(widths, extra)
    except (KeyError, ValueError):
        raise ModelError(f"'{path}' does not say how wide its network is; get the file again.") from None
    return network, {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _folded(network: LocatorNet) -> LocatorNet:
    """The same network with every norm folded into the convolution before it, ready for this processor."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for block in network.modules():
        if isinstance(block, _Block) and isinstance(block.norm, nn.BatchNorm3d):
            block.conv, block.norm = fuse_conv_bn_eval(block.conv, block.norm), nn.Identity()  # type: ignore[assignment]
    return network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


@functools.lru_cache(maxsize=1)
def shipped_locator() -> LocatorNet:
    """The network that comes with the program. Raises ModelError when its weights are not here or not those of its card."""
    from spinalsam.engine import cards

    card = cards.locator_card()
    cards.checksum(card)
    return load_locator(card.path)


# Set while a session is replayed that was computed in the other precision; None for what this processor is fast at.
_wanted: str | None = None


@functools.lru_cache(maxsize=1)
def _fast_bf16() -> bool:
    return read_cpu().has_bf16


def precision() -> str:
    """What the network computes in now: "bf16" where the processor multiplies that in hardware, else "fp32"."""
    return _wanted or ("bf16" if _fast_bf16() else "fp32")


@contextmanager
def computing_in(wanted: str | None) -> Iterator[None]:
    """Compute in a given precision, whatever the processor is fast at: what was located in one is found again in the same.

    None changes nothing. For one thread at a time.
    """
    global _wanted
    before, _wanted = _wanted, wanted if wanted in ("bf16", "fp32") else None
    try:
        yield
    finally:
        _wanted = before


@torch.inference_mode()
def answer(network: LocatorNet, hu: NDArray, seen: NDArray[np.bool_]) -> LocatorAnswer:
    """What the network says of a coarse volume [x, y, z] in LPS; sides need not be divisible by anything."""
    shape = hu.shape
    sides = [-(-n // FACTOR) * FACTOR for n in shape]
    pad = [amount for n, side in zip(reversed(shape), reversed(sides), strict=True) for amount in (0, side - n)]
    values = F.pad(torch.from_numpy(np.ascontiguousarray(hu, np.float32))[None], pad)
    inside = F.pad(torch.from_numpy(np.ascontiguousarray(seen))[None], pad)
    x = normalised(values, inside).contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision() == "bf16"):
        fine, levels = network(x)
    fine = fine.float()
    fine[:, :5] = fine[:, :5].sigmoid()
    fine[:, OFFSET] *= OFFSET_VOXELS
    (i, j, k), (a, b, c) = shape, (-(-n // 2) for n in shape)
    return LocatorAnswer(fine[0, :, :i, :j, :k].numpy(), level_chances(levels.float())[0, :, :a, :b, :c].numpy())

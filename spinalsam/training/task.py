"""What a run trains: a compact network from its beginnings here, adaptations in `training/adapt.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from spinalsam.engine.cbam import is_cbam
from spinalsam.engine.compact import CompactSam, ResidualBlock
from spinalsam.engine.segment_anything_parts import Block
from spinalsam.errors import InputError
from spinalsam.training.batches import Batches, BatchSource, MixedBatches, PairBatches
from spinalsam.training.config import TrainConfig
from spinalsam.training.pairs import PairSlices
from spinalsam.training.render import Context, ShapeVolume


@dataclass(frozen=True)
class Task:
    """What a run trains.

    network: a `PromptNetwork`; its parameters that require a gradient are trained. batches: of a process, by rank and world size.
    keep: which of its tensors change, and so are averaged and saved. metadata: of the checkpoint. frozen_statistics: leave batch
    normalisation as it is.
    """

    network: Any
    batches: Callable[[int, int], BatchSource]
    metadata: Mapping[str, str]
    keep: Callable[[str], bool] = lambda name: True
    frozen_statistics: bool = False


def from_beginning(
    config: TrainConfig,
    library: Sequence[ShapeVolume] = (),
    contexts: Sequence[Context] = (),
    *,
    pairs: PairSlices | None = None,
    start: Path | None = None,
) -> Task:
    """Train a compact network whole, on rendered slices, on pairs, or on both. start: a checkpoint to begin with.

    Raises InputError when the checkpoint does not fit.
    """
    torch.manual_seed(config.seed)
    model = CompactSam(config.model)
    if start is not None:
        begin_with(model, start)

    def batches(rank: int, world: int) -> BatchSource:
        rendered = Batches(library, config, rank, contexts)
        if pairs is None:
            return rendered
        own = PairBatches(pairs, rank, world)
        return MixedBatches(rendered, own, config.data_share) if library else own

    return Task(model, batches, {"architecture": "compact", "config": json.dumps(config.model.to_json())})


def begin_with(model: CompactSam, checkpoint: Path) -> None:
    """Take another network's weights; parts that it lacks (CBAM, further blocks of a stage) begin by changing nothing.

    Raises InputError for a misfit.
    """
    try:
        missing, unexpected = model.load_state_dict(load_file(str(checkpoint)), strict=False)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(f"The training cannot begin with {checkpoint}: {str(error).splitlines()[0]}") from error
    deeper = _further_blocks(model, missing)
    wrong = [name for name in missing if not is_cbam(name) and not name.startswith(tuple(deeper))] + unexpected
    if not wrong:
        for block in deeper.values():
            silence(block)
    else:
        raise InputError(f"The training cannot begin with {checkpoint}: {len(wrong)} parameters do not fit, the first is {wrong[0]}.")


def _further_blocks(model: CompactSam, missing: Sequence[str]) -> dict[str, ResidualBlock | Block]:
    """Blocks of which a checkpoint holds nothing, by the beginning of their parameters' names."""
    blocks = {f"{name}.": part for name, part in model.named_modules() if isinstance(part, ResidualBlock | Block)}
    absent = set(missing)
    own = {name: {key for key, _ in model.named_parameters() if key.startswith(name) and not is_cbam(key)} for name in blocks}
    return {name: block for name, block in blocks.items() if own[name] <= absent}


def silence(block: ResidualBlock | Block) -> None:
    """Let a residual block begin as the identity (Goyal et al., arXiv 1706.02677): the last layer of each branch gives nothing."""
    lasts: tuple[Any, ...] = (block.attn.proj, block.mlp.lin2) if isinstance(block, Block) else (block.body[-1],)
    for layer in lasts:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)

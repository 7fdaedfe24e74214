"""LoRA on an encoder's attention by peft (Hu et al., ICLR 2022): add, train, merge, take out again, save and load.

SAM keeps query, key and value in one linear layer, `qkv`. Adapting only q and v, as SAMed does, is one adapter on `qkv` that
holds a low-rank block for each and whose rows for the untouched part stay zero; so peft's own merging serves all cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spinalsam.engine.segment_anything_parts import Attention
from spinalsam.errors import ModelError

ADAPTER = "default"
PARTS = ("q", "k", "v")


@dataclass(frozen=True)
class LoraSettings:
    """rank and alpha: the update is alpha / rank · B A. targets: "qkv" as a whole, or some of "q", "k", "v"; and "proj".

    blocks: numbers of the attention blocks that are adapted, all where it is empty.
    """

    rank: int = 8
    alpha: float = 8.0
    targets: tuple[str, ...] = ("q", "v")
    blocks: tuple[int, ...] = ()
    dropout: float = 0.0

    def __post_init__(self) -> None:
        unknown = set(self.targets) - {"qkv", "proj", *PARTS}
        if unknown or not self.targets or ("qkv" in self.targets and set(self.targets) & set(PARTS)):
            raise ModelError(f"LoRA targets are 'qkv', or some of 'q', 'k', 'v', and 'proj'; not {list(self.targets)}.")
        if self.rank < 1:
            raise ModelError(f"The rank of LoRA must be at least 1, not {self.rank}.")

    @property
    def parts(self) -> tuple[str, ...]:
        """Which of q, k and v are adapted one by one; empty where `qkv` is adapted as a whole."""
        return tuple(part for part in PARTS if part in self.targets)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LoraSettings:
        return cls(**{**value, "targets": tuple(value["targets"]), "blocks": tuple(value.get("blocks", ()))})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class TrainableShare:
    """Numbers of parameters; share is between 0 and 1."""

    trainable: int
    total: int

    @property
    def share(self) -> float:
        return self.trainable / max(self.total, 1)

    def __str__(self) -> str:
        return f"{self.trainable:,} of {self.total:,} parameters train ({100 * self.share:.2f} %)"


def attention_blocks(model: nn.Module) -> dict[int, str]:
    """Number and full name of every attention layer of the model's image encoder, in order."""
    pattern = re.compile(r"^(?:.*\.)?blocks\.(\d+)\.attn$")
    found = {}
    for name, module in model.named_modules():
        match = pattern.match(name)
        if match and isinstance(module, Attention):
            found[int(match.group(1))] = name
    return dict(sorted(found.items()))


def add_lora(model: nn.Module, settings: LoraSettings) -> nn.Module:
    """Put adapters on the encoder's attention, in place; the masks are the same until they are trained.

    Raises ModelError when the model has no attention to adapt, not the named blocks, or has adapters already.
    """
    from peft import LoraConfig, inject_adapter_in_model

    if lora_layers(model):
        raise ModelError("The model has LoRA adapters already; merge or remove them first.")
    blocks = attention_blocks(model)
    wanted = settings.blocks or tuple(blocks)
    if not blocks or not set(wanted) <= set(blocks):
        raise ModelError(f"LoRA cannot adapt the attention blocks {list(wanted)}; the encoder has {len(blocks)}.")
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    layers = (["qkv"] if set(settings.targets) != {"proj"} else []) + (["proj"] if "proj" in settings.targets else [])
    # `qkv` gets `rank` rows for each adapted part, so its rank in peft's words is the sum and its alpha grows with it.
    count = max(1, len(settings.parts))
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]
        lora_dropout=settings.dropout,
        target_modules=[f"{blocks[number]}.{layer}" for number in wanted for layer in layers],
        rank_pattern={"qkv": settings.rank * count} if count > 1 else {},
        alpha_pattern={"qkv": settings.alpha * count} if count > 1 else {},
    )
    inject_adapter_in_model(config, model, adapter_name=ADAPTER)
    for name, parameter in model.named_parameters():  # peft froze the rest; that is the caller's choice
        if name.replace(".base_layer", "") in trainable:
            parameter.requires_grad_(True)
    if settings.parts:
        for number in wanted:
            _keep_parts_apart(model.get_submodule(f"{blocks[number]}.qkv"), settings)
    return model


def _keep_parts_apart(layer: nn.Module, settings: LoraSettings) -> None:
    """Let each part's rows of B see only that part's rows of A, now and while training.

    The gradient's hook belongs to this parameter: copy a model before adding adapters, not after.
    """
    matrix: Tensor = layer.lora_B[ADAPTER].weight  # type: ignore[index, union-attr]
    width = matrix.shape[0] // len(PARTS)
    mask = torch.zeros_like(matrix)
    for place, part in enumerate(settings.parts):
        row = PARTS.index(part) * width
        mask[row : row + width, place * settings.rank : (place + 1) * settings.rank] = 1
    matrix.register_hook(lambda gradient: gradient * mask.to(gradient))


def lora_layers(model: nn.Module) -> list[Any]:
    """peft's layers in the model, in order."""
    return [module for module in model.modules() if hasattr(module, "lora_A") and ADAPTER in getattr(module, "lora_A", ())]


def merge(model: nn.Module) -> None:
    """Add the adapters to the weights they adapt, in place: inference then costs nothing extra. Undone by `unmerge`."""
    for layer in lora_layers(model):
        if not layer.merged:
            layer.merge()


def unmerge(model: nn.Module) -> None:
    """Take merged adapters out of the weights again, so that they can be trained on."""
    for layer in lora_layers(model):
        if layer.merged:
            layer.unmerge()


def merge_and_remove(model: nn.Module) -> nn.Module:
    """Merge for good: plain linear layers again, parameter names as before `add_lora`."""
    merge(model)
    for name, module in list(model.named_modules()):
        if hasattr(module, "lora_A") and hasattr(module, "base_layer"):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.base_layer)
    return model


def freeze_for_adaptation(model: nn.Module) -> TrainableShare:
    """Let only the adapters, CBAM and the mask decoder train, and report how much that is."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_adapted(name))
    return trainable_share(model)


def is_adapted(name: str) -> bool:
    """Whether a parameter of this name trains in adaptation and so belongs into an adapter file."""
    return "lora_" in name or ".cbam." in f".{name}" or "mask_decoder." in name


def trainable_share(model: nn.Module) -> TrainableShare:
    """How many of the model's parameters train."""
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return TrainableShare(sum(n for n, trains in counts if trains), sum(n for n, _ in counts))


def is_lora_file(names: Iterable[str]) -> bool:
    """Whether tensors of these names are LoRA weights, by us, by peft or by SAMed and its relatives."""
    return any(_SAMED.match(name) or "lora_A." in name or "lora_a" in name or "linear_a_q" in name for name in names)


# SAMed and Sam_LoRA: w_a_000 and w_b_000 for q of block 0, w_a_001 and w_b_001 for v of block 0, and so on.
_SAMED = re.compile(r"^w_([ab])_(\d+)$")
# The same network saved whole: image_encoder.blocks.0.attn.qkv.linear_a_q.weight.
_WRAPPED = re.compile(r"(?:^|\.)blocks\.(\d+)\.attn\.qkv\.linear_([ab])_([qv])\.weight$")
# peft: base_model.model.image_encoder.blocks.0.attn.qkv.lora_A.weight, with or without the adapter's name.
_PEFT = re.compile(r"(?:^|\.)blocks\.(\d+)\.attn\.(qkv|proj)\.lora_([AB])\.(?:\w+\.)?weight$")


@dataclass(frozen=True)
class LoraWeights:
    """Low-rank updates by block: part ("q", "k", "v", "qkv", "proj") → (A (rank, in), B (out, rank))."""

    blocks: Mapping[int, Mapping[str, tuple[Tensor, Tensor]]]
    scale: float = 1.0

    @property
    def width(self) -> int:
        """Input channels of the adapted layers."""
        return int(next(iter(next(iter(self.blocks.values())).values()))[0].shape[1])


def read_lora(tensors: Mapping[str, Tensor], *, config: Mapping[str, Any] | None = None) -> LoraWeights:
    """Understand a LoRA file made elsewhere by its tensors' names.

    config: peft's adapter_config.json where there is one; it holds the scale. SAMed's files have none: their scale is 1.
    Raises ModelError when the names are unknown, a matrix lacks its twin or the shapes do not fit each other.
    """
    halves: dict[tuple[int, str], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        where = _place(name)
        if where is not None:
            block, part, half = where
            halves.setdefault((block, part), {})[half] = tensor.float()
    if not halves:
        raise ModelError("No LoRA weights were recognised; names like w_a_000 or blocks.0.attn.qkv.lora_A are needed.")
    blocks: dict[int, dict[str, tuple[Tensor, Tensor]]] = {}
    for (block, part), pair in sorted(halves.items()):
        if set(pair) != {"a", "b"}:
            raise ModelError(f"The LoRA weights of block {block} ({part}) are incomplete: one of A and B is missing.")
        if pair["a"].ndim != 2 or pair["b"].ndim != 2 or pair["a"].shape[0] != pair["b"].shape[1]:
            raise ModelError(f"The LoRA matrices of block {block} ({part}) do not fit each other.")
        blocks.setdefault(block, {})[part] = (pair["a"], pair["b"])
    scale = 1.0
    if config is not None:
        rank = config.get("r") or 1
        scale = float(config.get("lora_alpha", rank)) / (rank**0.5 if config.get("use_rslora") else rank)
    return LoraWeights(blocks, scale)


def _place(name: str) -> tuple[int, str, str] | None:
    """(block, part, "a" or "b") that a tensor's name stands for, or None."""
    if match := _SAMED.match(name):
        return int(match[2]) // 2, "qv"[int(match[2]) % 2], match[1]
    if match := _WRAPPED.search(name):
        return int(match[1]), match[3], match[2]
    if match := _PEFT.search(name):
        return int(match[1]), match[2], match[3].lower()
    return None


def merge_lora(model: nn.Module, weights: LoraWeights) -> int:
    """Add somebody's LoRA update to the model's weights for good; returns how many layers it changed.

    Raises ModelError, with nothing changed, when the file is for another encoder.
    """
    names = attention_blocks(model)
    if not set(weights.blocks) <= set(names) or (_has_both(weights) and len(weights.blocks) != len(names)):
        # SAMed numbers the adapted blocks from 0 without saying which they are, so only all of them is unambiguous.
        raise ModelError(f"The LoRA file adapts {len(weights.blocks)} blocks; this encoder has {len(names)}.")
    updates: list[tuple[Tensor, Tensor]] = []
    for number, parts in weights.blocks.items():
        attention = model.get_submodule(names[number])
        for part, (a, b) in parts.items():
            weight: Tensor = (attention.proj if part == "proj" else attention.qkv).weight  # type: ignore[union-attr, assignment]
            if part in PARTS:
                width = weight.shape[0] // len(PARTS)
                row = PARTS.index(part) * width
                weight = weight[row : row + width]
            if (b.shape[0], a.shape[1]) != tuple(weight.shape):
                raise ModelError(f"The LoRA file is for an encoder {a.shape[1]} channels wide, this one has {weight.shape[1]}.")
            updates.append((weight, weights.scale * (b @ a)))
    with torch.no_grad():
        for weight, update in updates:
            weight += update.to(weight)
    return len(updates)


def _has_both(weights: LoraWeights) -> bool:
    return all(set(parts) == {"q", "v"} for parts in weights.blocks.values())


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that adaptation changed: adapters, CBAM and mask decoder, on the CPU. The adapters must be unmerged."""
    if any(layer.merged for layer in lora_layers(model)):
        raise ModelError("Merged adapters cannot be saved; unmerge them first.")
    return {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items() if is_adapted(name)}


def adapter_metadata(*, base: str, base_sha256: str, lora: LoraSettings | None, cbam: Mapping[str, Any] | None) -> dict[str, str]:
    """What an adapter file must say about itself, as safetensors metadata."""
    metadata = {"architecture": "adapter", "base": base, "base_sha256": base_sha256}
    if lora is not None:
        metadata["lora"] = json.dumps(lora.to_json())
    if cbam is not None:
        metadata["cbam"] = json.dumps(dict(cbam))
    return metadata


def save_adapter(model: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write the adaptation alone, a few MB, whole or not at all. metadata: of `adapter_metadata`. Raises OutputError."""
    from safetensors.torch import save

    from spinalsam.settings import write_atomically

    write_atomically(path, save(adapter_state(model), dict(metadata)))


def load_adapter(model: nn.Module, path: Path, *, merged: bool = True) -> dict[str, str]:
    """Rebuild an adaptation on its base, in place, and load it; returns the file's metadata.

    merged: whether LoRA goes into the weights for good (inference) or stays trainable.
    Raises ModelError when the file is not an adapter file or is for another base.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    from spinalsam.engine.cbam import CbamSettings, attach_cbam

    try:
        with safe_open(str(path), framework="pt") as handle:
            metadata = dict(handle.metadata() or {})
        tensors = load_file(str(path))
        lora = json.loads(metadata["lora"]) if "lora" in metadata else None
        cbam = json.loads(metadata["cbam"]) if "cbam" in metadata else None
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"The adapter file '{path.name}' cannot be read: {error}.") from error
    if metadata.get("architecture") != "adapter":
        raise ModelError(f"'{path.name}' is not an adapter file made by training with --adapt.")
    if cbam is not None:
        attach_cbam(model.image_encoder, CbamSettings.from_json(cbam))  # type: ignore[arg-type]
    if lora is not None:
        settings = LoraSettings.from_json(lora)
        if merged:
            tensors = _merge_own(model, tensors, settings)
        else:
            add_lora(model, settings)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items() if is_adapted(name)}
    if {name: tuple(value.shape) for name, value in tensors.items()} != expected:
        raise ModelError(f"The adapter file '{path.name}' does not fit its base '{metadata.get('base', '?')}'.")
    model.load_state_dict(tensors, strict=False)
    return metadata


def _merge_own(model: nn.Module, tensors: Mapping[str, Tensor], settings: LoraSettings) -> dict[str, Tensor]:
    """Merge our own adapters for good; returns the other tensors. It spares inference from importing peft, which is slow."""
    lora = {name: tensor for name, tensor in tensors.items() if "lora_" in name}
    merge_lora(model, replace(read_lora(lora), scale=settings.alpha / settings.rank))
    return {name: tensor for name, tensor in tensors.items() if name not in lora}

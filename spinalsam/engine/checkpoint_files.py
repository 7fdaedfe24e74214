"""Checkpoint files of many origins: read without running anything in them, recognised by their shapes, kept as safetensors."""

from __future__ import annotations

import argparse
import os
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spinalsam.engine.lora import is_lora_file
from spinalsam.engine.sam import PATCH, SHAPES, SamShape
from spinalsam.errors import ModelError, OutputError, ResourceError, is_disk_full

# A parameter that every SAM has, and one that every compact SAM has.
SAM_SIGN = "image_encoder.patch_embed.proj.weight"
COMPACT_SIGN = "image_encoder.stem.0.0.weight"
# Things beside tensors that trainings put into checkpoints. Rebuilding these runs no code of the file's.
_HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "b1")},
    np.float64(0).__reduce__()[0],
]


@dataclass(frozen=True)
class Weights:
    """tensors: by the name that the architecture gives them. metadata: of safetensors.

    left_over: names of tensors in the file that belong to no such model (an optimiser, a wrapper's own layers).
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    left_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recognised:
    """What a file holds. architecture: "vit_b", "vit_l", "vit_h", "compact", "adapter" (ours) or "lora" (others')."""

    architecture: str
    weights: Weights
    img_size: int = 1024

    @property
    def shape(self) -> SamShape:
        return sam_shape(self.architecture, self.img_size)


def sam_shape(architecture: str, img_size: int = 1024) -> SamShape:
    """The shape of a SAM for square inputs of `img_size` pixels."""
    return replace(SHAPES[architecture], img_size=img_size)


def read_weights(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What the file holds (tensors, perhaps nested) and safetensors' metadata.

    Pickled files are read by PyTorch's restricted reader, which builds tensors and plain values and calls nothing else; a
    file that asks for more is refused before any of it runs. Raises ModelError.
    """
    if not path.is_file():
        raise ModelError(f"There is no file '{path}'.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        # PyTorch also warns of what it is about to refuse; one line is enough.
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        # PyTorch's words: "Unsupported global: GLOBAL os.system was not ..." or "unsupported GLOBAL posix.system whose ..."
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f" ({found.group(1)})" if found else ""
        raise ModelError(
            f"'{path.name}' holds more than weights{what} and was refused; nothing in it was run. Ask its author for the "
            "weights alone, best as safetensors."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError, struct.error) as error:
        reason = (str(error).strip().splitlines() or ["unknown format"])[0]
        raise ModelError(f"'{path.name}' is damaged or is not a checkpoint: {reason}") from error
    if not isinstance(value, Mapping):
        raise ModelError(f"'{path.name}' holds no named weights but a {type(value).__name__}.")
    return dict(value), {}


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(str(path), framework="pt") as handle:
            metadata = dict(handle.metadata() or {})
        return dict(load_file(str(path))), metadata
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"'{path.name}' is damaged or is not a safetensors file: {error}") from error


def recognise(path: Path) -> Recognised:
    """Read a file and say which model it is. Raises ModelError, with what was found, for one that is none of ours."""
    value, metadata = read_weights(path)
    if metadata.get("architecture") == "adapter":
        return Recognised("adapter", Weights(_only_tensors(value), metadata))
    weights = _unwrap(value, metadata)
    if COMPACT_SIGN in weights.tensors:
        if "config" not in metadata:
            raise ModelError(f"'{path.name}' is a compact model without its configuration; use the exported safetensors.")
        return Recognised("compact", weights)
    if SAM_SIGN in weights.tensors:
        architecture, img_size = _which_sam(weights.tensors, path.name)
        return Recognised(architecture, weights, img_size)
    lora = next((group for group in _groups(value) if is_lora_file(group)), None)
    if lora is not None:
        return Recognised("lora", Weights(_only_tensors(lora), metadata))
    names = [name for group in _groups(value) for name in group]
    example = f"; its first parameter is '{names[0]}'" if names else ""
    raise ModelError(f"'{path.name}' is not a SAM, MedSAM, LoRA or compact checkpoint{example}.")


def _only_tensors(value: Mapping[str, Any]) -> dict[str, Tensor]:
    return {str(name): item for name, item in value.items() if isinstance(item, Tensor)}


def _groups(value: Mapping[str, Any], depth: int = 3) -> Iterator[dict[str, Tensor]]:
    """Every dictionary that holds tensors, the outermost first: {"model": {...}, "optimizer": {...}} and the like."""
    tensors = _only_tensors(value)
    if tensors:
        yield tensors
    if depth:
        for item in value.values():
            if isinstance(item, Mapping):
                yield from _groups(item, depth - 1)


def _unwrap(value: Mapping[str, Any], metadata: Mapping[str, str]) -> Weights:
    """The model's parameters by their own names, whatever they were wrapped in ("module.", "sam.", "model", ...)."""
    groups = list(_groups(value))
    for group in groups:
        for name in group:
            sign = next((sign for sign in (SAM_SIGN, COMPACT_SIGN) if name == sign or name.endswith("." + sign)), None)
            if sign is None:
                continue
            prefix = name[: -len(sign)]
            own = {key[len(prefix) :]: tensor for key, tensor in group.items() if key.startswith(prefix)}
            others = [key for key in group if not key.startswith(prefix)]
            return Weights(own, metadata, tuple(others))
    return Weights({}, metadata)


def _which_sam(tensors: Mapping[str, Tensor], name: str) -> tuple[str, int]:
    """(architecture, side of the input) by width and depth."""
    width = tensors[SAM_SIGN].shape[0]
    numbers = [match.group(1) for key in tensors if (match := re.match(r"image_encoder\.blocks\.(\d+)\.", key))]
    depth = max(map(int, numbers), default=-1) + 1
    for architecture, shape in SHAPES.items():
        if (shape.embed_dim, shape.depth) == (width, depth):
            position = tensors.get("image_encoder.pos_embed")
            grid = position.shape[1] if position is not None and position.ndim == 4 else shape.img_size // PATCH
            return architecture, int(grid) * PATCH
    raise ModelError(f"'{name}' is a SAM of an unknown size: {depth} blocks, {width} channels wide.")


@dataclass(frozen=True)
class Fit:
    """How parameters fit an architecture. wrong_shape: (name, expected, found)."""

    matched: int
    missing: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    wrong_shape: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the model can run: nothing is missing or of the wrong shape."""
        return not self.missing and not self.wrong_shape

    @property
    def summary(self) -> str:
        """One sentence part, such as "176 parameters match, 1 is missing (mask_decoder.iou_token.weight)"."""
        parts = [f"{self.matched} parameters match"]
        for count, what, names in (
            (len(self.missing), "missing", self.missing),
            (len(self.wrong_shape), "of the wrong shape", [name for name, _, _ in self.wrong_shape]),
            (len(self.left_over), "left over", self.left_over),
        ):
            if count:
                more = ", …" if count > 1 else ""
                parts.append(f"{count} {'is' if count == 1 else 'are'} {what} ({names[0]}{more})")
        return ", ".join(parts)


def compare(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], extra: tuple[str, ...]) -> Fit:
    """Which parameters match, are missing, left over, or of the wrong shape."""
    wrong = tuple((name, expected[name], found[name]) for name in expected if found.get(name, expected[name]) != expected[name])
    return Fit(
        matched=sum(found.get(name) == shape for name, shape in expected.items()),
        missing=tuple(name for name in expected if name not in found),
        left_over=tuple(name for name in found if name not in expected) + extra,
        wrong_shape=wrong,
    )


def not_finite(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names of tensors that hold NaN or infinity: such weights give masks without meaning."""
    return tuple(name for name, tensor in tensors.items() if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()))


def save_weights(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """safetensors under a temporary name beside the target, flushed, read back, then renamed.

    Raises OutputError when it cannot be written, ResourceError when the disk is full.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save_file

    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Tensors that share memory or are views must stand alone in the file.
        save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, aside, dict(metadata))
        with open(aside, "rb") as file:
            os.fsync(file.fileno())
        with safe_open(str(aside), framework="pt") as handle:
            if set(handle.keys()) != set(tensors):
                raise OutputError(f"'{path}' was not written whole; try again.")
        os.replace(aside, path)
    except (OSError, SafetensorError) as error:
        # safetensors tells a full disk in words only.
        if is_disk_full(error) or "No space left" in str(error):
            raise ResourceError(f"The disk is full: '{path.name}' could not be written to '{path.parent}'.") from error
        raise OutputError(f"'{path}' could not be written: {error}.") from error
    finally:
        aside.unlink(missing_ok=True)

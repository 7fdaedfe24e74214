"""A SAM of the same architecture as ViT-B and of hardly any size, so that a comparison takes no minutes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spinalsam.benchmark import peers
from spinalsam.engine.sam import SamShape, build_sam

SMALL = SamShape(32, 2, 2, (1,), img_size=128, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)


def in_place_of_vit_b(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small SAM with random weights; the original program's path builds the same."""
    torch.manual_seed(0)
    model = build_sam(SMALL).requires_grad_(False)

    def build(checkpoint: str) -> Any:
        fresh = build_sam(SMALL)
        fresh.load_state_dict(torch.load(checkpoint, weights_only=True))
        return fresh

    monkeypatch.setattr(peers, "SHAPES", {"vit_b": SMALL})
    monkeypatch.setitem(peers._BUILDERS, "vit_b", build)
    return model

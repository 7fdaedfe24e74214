"""What runs on an NVIDIA GPU, and is skipped where PyTorch finds none. Nothing here needs a window or a reader of files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from spinalsam.benchmark.gpu import drawn_slice
from spinalsam.engine.compact import CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.models import load_segmenter
from spinalsam.engine.sam import SHAPES, SamSegmenter, build_sam
from spinalsam.engine.segmenter import SliceImage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cuda" in item.path.parts[-2:]:
            item.add_marker(pytest.mark.cuda)
            item.add_marker(pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no NVIDIA GPU here"))


@pytest.fixture(autouse=True)
def whole_memory() -> Iterator[None]:
    """Whatever a test takes of the card's memory is given back after it."""
    yield
    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


@pytest.fixture(scope="session")
def vit_b() -> SamSegmenter:
    """ViT-B's shapes with random weights, on the processor in float32."""
    torch.manual_seed(0)
    model = build_sam(SHAPES["vit_b"]).requires_grad_(False)
    for name, parameter in model.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return SamSegmenter(model, checksum="abc", name="sam_vit_b")


@pytest.fixture
def compact_model() -> CompactSam:
    """The shipped network on the processor."""
    segmenter = load_segmenter("compact", "cpu")
    assert isinstance(segmenter, CompactSegmenter)
    return segmenter.model


@pytest.fixture
def image() -> SliceImage:
    return drawn_slice(0)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Dice of two masks that are not empty."""
    assert one.any() and other.any()
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))

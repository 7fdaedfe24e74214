"""A SAM's encoder computes in 8 bits only where that keeps its masks, and the finding is remembered."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spinalsam.engine import fast_vit, precision
from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.fast_vit import FastEncoder
from spinalsam.engine.precision import available, best, calibrate, use_remembered
from spinalsam.engine.sam import SamSegmenter, SamShape, build_sam
from spinalsam.engine.segmenter import SliceImage
from spinalsam.errors import ModelError
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt

SMALL = SamShape(64, 3, 2, (1,), img_size=160, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=64)
BOX = SlicePrompt(box_xyxy=np.array([10, 12, 60, 50], np.float32))
needs_int8 = pytest.mark.skipif(not fast_vit.can_use_int8(), reason="this PyTorch has no products in 8 bits")


@pytest.fixture
def segmenter() -> SamSegmenter:
    torch.manual_seed(0)
    return SamSegmenter(build_sam(SMALL).requires_grad_(False), checksum="abc", name="small")


@pytest.fixture
def image() -> SliceImage:
    return SliceImage(np.random.default_rng(0).normal(300, 400, (80, 90)).astype(np.float32))


@needs_int8
def test_eight_bits_stay_close_to_float32(segmenter, image) -> None:
    pixels = torch.randn(1, 3, 160, 160)
    with torch.inference_mode():
        exact, found = FastEncoder(segmenter.model.image_encoder)(pixels), FastEncoder(segmenter.model.image_encoder, torch.qint8)(pixels)
    assert 0 < (found - exact).norm() / exact.norm() < 0.05
    masks = []
    for name in ("fp32", "int8"):
        segmenter.use_precision(name)
        masks.append(segmenter.decode(segmenter.encode(image), BOX).masks[0])
    assert masks[0].any() and dice(*masks) >= 0.98


@needs_int8
def test_preparing_eight_bits_leaves_pytorchs_own_choice_alone(segmenter) -> None:
    before = torch.backends.quantized.engine
    FastEncoder(segmenter.model.image_encoder, torch.qint8)
    assert torch.backends.quantized.engine == before


def test_a_faster_precision_that_changes_the_mask_is_not_taken() -> None:
    times = {"fp32": 100.0, "bf16": 60.0, "int8": 30.0}
    assert best(times, {"fp32": 1.0, "bf16": 0.999, "int8": 0.996}) == "int8"
    assert best(times, {"fp32": 1.0, "bf16": 0.999, "int8": 0.994}) == "bf16"
    assert best(times, {"fp32": 1.0, "bf16": 0.99, "int8": 0.9}) == "fp32"
    assert best({"fp32": 100.0, "bf16": 95.0}, {"fp32": 1.0, "bf16": 1.0}) == "fp32"


def test_what_was_measured_is_remembered_for_these_weights(segmenter, image, monkeypatch) -> None:
    monkeypatch.setattr(precision, "available", lambda _segmenter: ("fp32", "bf16"))
    monkeypatch.setattr(precision, "NEAR_ENOUGH", 0.5)
    seen: list[str] = []
    found = calibrate(segmenter, image, BOX, progress=lambda share, text: seen.append(text), measure={"fp32": 90.0, "bf16": 20.0}.get)
    assert found.precision == segmenter.precision == "bf16" and seen == ["measuring fp32", "measuring bf16"]
    assert found.measured_ms == {"fp32": 90.0, "bf16": 20.0} and found.mask_dice["fp32"] == 1.0
    again = SamSegmenter(segmenter.model, checksum="abc", name="small")
    other = SamSegmenter(segmenter.model, checksum="other weights", name="small")
    assert use_remembered(again) == "bf16" and use_remembered(other) == "fp32"
    monkeypatch.setattr(precision, "available", lambda _segmenter: ("fp32",))
    assert use_remembered(SamSegmenter(segmenter.model, checksum="abc", name="small")) == "fp32"


def test_a_changed_encoder_is_not_offered_eight_bits(segmenter, monkeypatch) -> None:
    attach_cbam(segmenter.model.image_encoder, CbamSettings(after=("blocks.1",)))
    assert available(segmenter)[0] == "fp32"
    monkeypatch.setattr(fast_vit, "can_speed_up", lambda _encoder: False)
    assert "int8" not in available(segmenter)


def test_an_unknown_precision_is_named(segmenter) -> None:
    with pytest.raises(ModelError, match="no precision 'int4'"):
        segmenter.use_precision("int4")

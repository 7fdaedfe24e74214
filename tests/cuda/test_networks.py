"""The networks on a real GPU give the processor's masks in every precision, for any order of inputs, adapted or not."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from spinalsam.benchmark.gpu import BOX, CLICK, CORRECTION, drawn_slice
from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.cuda_graphs import Graphed
from spinalsam.engine.lora import LoraSettings, add_lora, lora_layers, merge
from spinalsam.engine.models import load_segmenter
from spinalsam.engine.runtime import use_runtime
from spinalsam.engine.sam import SamSegmenter, SamShape, build_sam
from spinalsam.support.prompts import SlicePrompt
from tests.conftest import REPOSITORY
from tests.cuda.conftest import agreement

SMALL = SamShape(64, 3, 2, (1,), img_size=256, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=64)


@pytest.fixture(scope="module")
def expected(vit_b) -> dict[str, np.ndarray]:
    """float32 masks of the processor for a click, a correction and a box."""
    embedding = vit_b.encode(drawn_slice(0))
    return {name: vit_b.decode(embedding, prompt).masks[0] for name, prompt in (("click", CLICK), ("correction", CORRECTION), ("box", BOX))}


# Masks of random weights hang on noise: on the processor too, bf16's box has 0.994 here.
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.999), ("fp16", 0.995), ("bf16", 0.99)])
def test_vit_b_gives_the_processors_masks(vit_b, expected, precision, least, image) -> None:
    segmenter = SamSegmenter(copy.deepcopy(vit_b.model), checksum="abc", name="x", device="cuda:0", precision=precision)
    embedding = segmenter.encode(image)
    found = {"click": CLICK, "correction": CORRECTION, "box": BOX}
    dice = {name: agreement(segmenter.decode(embedding, prompt).masks[0], expected[name]) for name, prompt in found.items()}
    assert min(dice.values()) >= least, dice


def test_an_earlier_mask_refines_on_the_gpu_as_on_the_processor(vit_b, image) -> None:
    masks = []
    for device in ("cpu", "cuda:0"):
        segmenter = SamSegmenter(copy.deepcopy(vit_b.model), checksum="abc", name="x", device=device)
        embedding = segmenter.encode(image)
        first = segmenter.decode(embedding, BOX)
        masks.append(segmenter.decode(embedding, CORRECTION, first.low_res[0]).masks[0])
    assert agreement(*masks) >= 0.995


@pytest.mark.parametrize("prompt", [CLICK, CORRECTION, BOX])
def test_the_compact_model_gives_the_processors_masks(prompt) -> None:
    here, there = load_segmenter("compact", "cuda"), load_segmenter("compact", "cpu")
    for number in range(3):
        image = drawn_slice(number)
        masks = [each.decode(each.encode(image), prompt).masks[0] for each in (here, there)]
        assert agreement(*masks) >= 0.995


def test_many_boxes_in_one_call_are_answered_like_one_by_one(image) -> None:
    segmenter = load_segmenter("compact", "cuda")
    embedding = segmenter.encode(image)
    boxes = [SlicePrompt(box_xyxy=BOX.box_xyxy + shift) for shift in range(0, 30, 10)]
    for found, box in zip(segmenter.decode_many(embedding, boxes), boxes, strict=True):
        assert agreement(found.masks[0], segmenter.decode(embedding, box).masks[0]) >= 0.999


def test_a_recording_answers_for_what_it_is_given_now() -> None:
    """Other values, other shapes and other layouts, in any order; earlier answers stay what they were."""
    calls = []

    def function(a, b):
        calls.append(a.shape)
        return a @ b, (a * 2).relu()

    graphed = Graphed(function, most_kept=2)
    kept = []
    for side in (8, 16, 8, 32, 8, 16, 8):
        a, b = torch.randn(side, side, device="cuda"), torch.randn(side, side, device="cuda").T
        kept.append((graphed(a, b), (a @ b, (a * 2).relu())))
    assert graphed.recorded
    for found, wanted in kept:
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other)
    before = len(calls)
    graphed(torch.randn(8, 8, device="cuda"), torch.randn(8, 8, device="cuda").T)
    assert len(calls) == before  # replayed, not called


def test_what_cannot_be_recorded_is_called_as_it_is() -> None:
    """In a process of its own, since a recording that broke off is nothing to run other tests after."""
    code = """
import torch
from spinalsam.engine.cuda_graphs import Graphed
waiting, a = Graphed(lambda a: (a * float(a.sum().item()),)), torch.ones(4, device="cuda")
for _ in range(2):
    torch.testing.assert_close(waiting(a)[0], a * 4)
assert not waiting.recorded
torch.testing.assert_close(torch.ones(64, 64, device="cuda") @ torch.ones(64, 64, device="cuda"), torch.full((64, 64), 64.0, device="cuda"))
after = Graphed(lambda a: (a + 1,))
torch.testing.assert_close(after(a)[0], a + 1)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    assert "not recorded" in done.stderr


def test_threads_share_a_segmenter(image) -> None:
    segmenter = load_segmenter("compact", "cuda")
    images = [drawn_slice(number) for number in range(4)]
    expected = [segmenter.decode(segmenter.encode(image), BOX).masks[0] for image in images]
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        for _ in range(5):
            found[number] = segmenter.decode(segmenter.encode(images[number]), BOX).masks[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, mask in enumerate(expected):
        assert agreement(found[number], mask) >= 0.9999


@pytest.mark.parametrize("merged", [False, True])
def test_a_sam_with_lora_and_cbam(merged, image) -> None:
    torch.manual_seed(0)
    model = build_sam(SMALL)
    for cbam in attach_cbam(model.image_encoder, CbamSettings(after=("blocks.1",))):
        torch.nn.init.constant_(cbam.gate, 0.7)
    add_lora(model, LoraSettings(rank=2))
    with torch.no_grad():
        for layer in lora_layers(model):
            layer.lora_B["default"].weight.normal_(std=0.02)
    if merged:
        merge(model)
    masks = []
    for device, precision in (("cpu", "fp32"), ("cuda:0", "fp32"), ("cuda:0", "bf16")):
        segmenter = SamSegmenter(copy.deepcopy(model), checksum="abc", name="x", device=device, precision=precision)
        masks.append(segmenter.decode(segmenter.encode(image), BOX).masks[0])
    assert agreement(masks[0], masks[1]) >= 0.995
    assert agreement(masks[0], masks[2]) >= 0.98  # a network of three blocks that learned nothing


def test_a_compact_network_with_cbam(compact_model, image) -> None:
    for cbam in attach_cbam(compact_model.image_encoder, CbamSettings(after=("stage4", "blocks.0"))):
        torch.nn.init.constant_(cbam.gate, 0.3)
    masks = []
    for device in ("cpu", "cuda:0"):
        segmenter = CompactSegmenter(copy.deepcopy(compact_model.eval()), checksum=device, device=device)
        use_runtime(segmenter)
        masks.append(segmenter.decode(segmenter.encode(image), BOX).masks[0])
    assert agreement(*masks) >= 0.995


def test_a_window_of_another_size_is_encoded_too() -> None:
    torch.manual_seed(0)
    model = CompactSam(CompactConfig(widths=(8, 8, 16, 32), attention_blocks=2, heads=2, decoder_mlp=32, side=64)).eval()
    pixels = torch.randn(1, 1, 96, 96)
    with torch.inference_mode():
        wanted = model.encode(pixels)
        segmenter = CompactSegmenter(copy.deepcopy(model), checksum="abc", device="cuda:0")
        use_runtime(segmenter)
        for one, other in zip(segmenter.run_encoder(pixels.cuda()), wanted, strict=True):
            torch.testing.assert_close(one.cpu(), other, rtol=1e-2, atol=1e-2)  # convolutions in TF32

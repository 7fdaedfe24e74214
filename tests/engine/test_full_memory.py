"""A GPU whose memory is full: the network moves to the processor, gives the same masks there, and it is said. The GPU is simulated."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spinalsam.device.manager import Choice
from spinalsam.engine import models
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.sam import SamSegmenter, SamShape, build_sam
from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.prompts import SlicePrompt

# Stands in for a GPU: PyTorch has it everywhere, and everything that reaches it fails here as a full GPU does.
FULL = torch.device("meta")
IMAGE = SliceImage(np.random.default_rng(0).normal(100, 200, (80, 80)).astype(np.float32), True, (1.0, 1.0))
BOX = np.array([20, 20, 60, 60], np.float32)


def full_on_gpu(segmenter, name: str, monkeypatch) -> list[str]:
    """Let a method of a segmenter run out of memory while the segmenter is on the GPU; returns where it was called."""
    real, called = getattr(segmenter, name), []

    def method(*args, **options):
        called.append(segmenter.device.type)
        if segmenter.device == FULL:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(*args, **options)

    monkeypatch.setattr(segmenter, name, method)
    return called


def test_sam_goes_on_on_the_processor_in_full_precision(monkeypatch) -> None:
    torch.manual_seed(0)
    model = build_sam(SamShape(32, 1, 2, (0,), img_size=128, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32))
    said: list[str] = []
    segmenter = SamSegmenter(model, checksum="abc", name="small", precision="bf16", notice=said.append)
    segmenter.device = FULL
    called = full_on_gpu(segmenter, "_encode", monkeypatch)
    embedding = segmenter.encode(IMAGE)
    assert called == ["meta", "meta", "cpu"] and segmenter.precision == "fp32" and "on the CPU" in said[0]
    expected = SamSegmenter(model, checksum="abc", name="small")
    prompt = SlicePrompt(box_xyxy=BOX)
    assert np.array_equal(segmenter.decode(embedding, prompt).masks, expected.decode(expected.encode(IMAGE), prompt).masks)


@pytest.mark.parametrize("together", [False, True])
def test_the_compact_network_goes_on_on_the_processor(together, monkeypatch, caplog) -> None:
    torch.manual_seed(0)
    model = CompactSam(CompactConfig(widths=(8, 8, 16, 32), attention_blocks=1, heads=2, decoder_mlp=32, side=64))
    segmenter = CompactSegmenter(model, checksum="abc")
    prompts = [SlicePrompt(box_xyxy=BOX), SlicePrompt(box_xyxy=BOX + 2)]
    expected = [segmenter.decode(segmenter.encode(IMAGE), prompt).masks for prompt in prompts]
    segmenter.device = FULL
    called = full_on_gpu(segmenter, "_decode_boxes" if together else "_decode", monkeypatch)
    embedding = segmenter.encode(IMAGE)
    found = segmenter.decode_many(embedding, prompts) if together else [segmenter.decode(embedding, prompt) for prompt in prompts]
    assert called[:3] == ["meta", "meta", "cpu"] and segmenter.device.type == "cpu"
    assert "on the CPU" in caplog.text  # nobody listens: it goes to the log
    for one, other in zip(found, expected, strict=True):
        assert (one.masks == other).mean() > 0.999


def test_a_model_that_does_not_fit_on_the_gpu_is_loaded_on_the_processor(monkeypatch) -> None:
    places, said = [], []

    def build(card, checksum, choice, notice):
        places.append(choice.device)
        if choice.device != "cpu":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return object()

    monkeypatch.setattr(models, "_build", build)
    monkeypatch.setattr("spinalsam.device.manager.choose", lambda device: Choice("cpu" if device == "cpu" else "cuda:0", "fp32", ""))
    monkeypatch.setattr("spinalsam.device.manager.empty_caches", lambda device: None)
    models.load_segmenter("compact", "auto", notice=said.append)
    assert places == ["cuda:0", "cuda:0", "cpu"] and "the model 'compact' now runs on the CPU" in said[0]


def test_a_workspace_passes_on_what_the_network_says(monkeypatch) -> None:
    from spinalsam.control.workspace import Workspace

    def load(name, device, *, notice):
        notice("The memory of cuda:0 is full.")
        return object()

    monkeypatch.setattr("spinalsam.engine.models.load_segmenter", load)
    said: list[str] = []
    with Workspace(journal=False) as ws:
        ws.tell_warnings(said.append)
        ws.segmenter()
    assert said == ["The memory of cuda:0 is full."]

"""Choosing a real GPU, and what happens when its memory is really full."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from spinalsam.benchmark.gpu import BOX
from spinalsam.device import manager
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.models import load_segmenter
from spinalsam.engine.runtime import use_runtime
from spinalsam.engine.sam import SamSegmenter
from spinalsam.errors import UsageError
from tests.cuda.conftest import agreement

MIB = 2**20


def leave_free(nbytes: int) -> None:
    """From now on PyTorch gets no more than this of the card's memory beside what it holds; further allocations fail as on a full card."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + nbytes) / total))


def test_the_warm_up_chooses_the_gpu_and_measures_on_it() -> None:
    choice = manager.choose()
    name = torch.cuda.get_device_properties(choice.device).name
    assert choice.device.startswith("cuda:") and name in choice.reason
    assert "fp32" in choice.measured_ms and all(0 < ms < 1000 for ms in choice.measured_ms.values())
    assert choice.precision == manager._fastest(choice.measured_ms)
    assert manager.choose().measured_ms == choice.measured_ms  # remembered


def test_an_explicit_choice_is_honoured() -> None:
    assert manager.choose("cpu").device == "cpu"
    assert manager.choose("cuda").device == manager.choose("cuda:0").device == "cuda:0"
    with pytest.raises(UsageError, match="this machine has cpu, cuda:0"):
        manager.choose(f"cuda:{torch.cuda.device_count()}")
    assert load_segmenter("compact", "cpu").device.type == "cpu"
    assert load_segmenter("compact", "auto").device.type == "cuda"


def test_the_report_names_the_card() -> None:
    report = manager.report()
    assert json.loads(json.dumps(report)) == report and report["warning"] == ""
    card = report["gpus"][0]
    properties = torch.cuda.get_device_properties(0)
    assert (card["name"], card["memory_bytes"]) == (properties.name, properties.total_memory)
    assert 0 < card["free_bytes"] <= card["memory_bytes"] and card["driver"] and card["name"] in report["summary"]


def test_what_pytorch_keeps_for_later_is_given_back_and_the_work_done_on_the_second_try() -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    said, tries = [], []
    hoard = [torch.empty(512 * MIB, dtype=torch.uint8, device="cuda")]

    def work(device: str) -> int:
        tries.append(device)
        if len(tries) == 1:
            try:
                torch.empty(total, dtype=torch.uint8, device=device)
            finally:
                hoard.clear()
        return int(torch.ones(256 * MIB, dtype=torch.uint8, device=device)[-1])

    leave_free(128 * MIB)
    assert manager.run_with_fallback(work, "cuda:0", notice=said.append) == (1, "cuda:0")
    assert tries == ["cuda:0", "cuda:0"] and said == []


def test_sam_goes_on_on_the_processor_when_the_card_is_full(vit_b, image) -> None:
    said: list[str] = []
    segmenter = SamSegmenter(copy.deepcopy(vit_b.model), checksum="abc", name="x", device="cuda:0", precision="bf16", notice=said.append)
    leave_free(16 * MIB)
    embedding = segmenter.encode(image)
    assert segmenter.device.type == "cpu" and segmenter.precision == "fp32"
    assert len(said) == 1 and "The memory of cuda:0 is full" in said[0] and "on the CPU" in said[0]
    expected = vit_b.decode(vit_b.encode(image), BOX).masks[0]
    assert agreement(segmenter.decode(embedding, BOX).masks[0], expected) >= 0.995
    assert all(parameter.device.type == "cpu" for parameter in segmenter.model.parameters())


def test_a_card_that_fills_up_between_two_clicks(vit_b, image) -> None:
    said: list[str] = []
    segmenter = SamSegmenter(copy.deepcopy(vit_b.model), checksum="abc", name="x", device="cuda:0", notice=said.append)
    embedding = segmenter.encode(image)
    before = segmenter.decode(embedding, BOX)
    segmenter.forms().decoder._kept.clear()
    torch.cuda.empty_cache()
    leave_free(0)
    after = segmenter.decode(embedding, BOX, before.low_res[0])
    assert said and segmenter.device.type == "cpu" and after.masks[0].any()


def test_the_compact_network_goes_on_on_the_processor_when_the_card_is_full(compact_model, image) -> None:
    said: list[str] = []
    segmenter = CompactSegmenter(copy.deepcopy(compact_model), checksum="abc", device="cuda:0", notice=said.append)
    use_runtime(segmenter)
    leave_free(0)
    mask = segmenter.decode(segmenter.encode(image), BOX).masks[0]
    assert segmenter.device.type == "cpu" and len(said) == 1
    there = load_segmenter("compact", "cpu")
    assert agreement(mask, there.decode(there.encode(image), BOX).masks[0]) >= 0.999


def test_a_model_that_does_not_fit_is_loaded_on_the_processor() -> None:
    said: list[str] = []
    leave_free(0)
    segmenter = load_segmenter("compact", "cuda", notice=said.append)
    assert segmenter.device.type == "cpu" and "the model 'compact' now runs on the CPU" in said[0]

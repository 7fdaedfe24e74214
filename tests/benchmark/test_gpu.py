"""The benchmark of a GPU, with the processor in its place: its document and its comparisons. Times on a real card are in no test."""

from __future__ import annotations

import json
import time

import pytest
import torch

from spinalsam.benchmark import gpu
from spinalsam.commands.benchmark import _gpu_text
from spinalsam.device.manager import Choice
from spinalsam.engine.sam import SamSegmenter
from tests.benchmark.small import in_place_of_vit_b


class Event:
    def __init__(self, **_: object) -> None:
        self.at = 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def elapsed_time(self, end: Event) -> float:
        return (end.at - self.at) * 1000


@pytest.fixture
def pretended(monkeypatch) -> None:
    model = in_place_of_vit_b(monkeypatch)
    monkeypatch.setattr(gpu, "sam_to_compare", lambda device: (SamSegmenter(model, checksum="x", name="small", device=device), "random"))
    monkeypatch.setattr(gpu, "chosen_card", lambda device: Choice("cpu", "bf16", "", {"fp32": 2.0, "bf16": 1.0}))
    monkeypatch.setattr(gpu, "describe", lambda device: {"gpu": "Test GPU"})
    monkeypatch.setattr(gpu, "GEMM_SIDE", 64)
    monkeypatch.setattr(gpu, "SLICES", 1)
    for name, stand_in in {"Event": Event, "synchronize": lambda: None, "reset_peak_memory_stats": lambda: None}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 3 << 20)


@pytest.mark.usefixtures("pretended")
def test_the_document_names_the_card_and_holds_every_comparison() -> None:
    document = json.loads(json.dumps(gpu.run(repeats=1), allow_nan=False))
    vit, compact = document["vit_b"], document["compact"]
    assert document["machine"] == {"gpu": "Test GPU"} and set(document["gemm_tflops"]) == {"fp32", "bf16", "fp16"}
    assert set(vit["ratios"]) == {"encode_vs_segment_anything", "click_vs_segment_anything", "click_vs_original_program"}
    assert set(vit["encode"]) == set(vit["click"]) == {"segment_anything", "ours fp32", "ours bf16"}
    assert vit["peak_mib"] == {"segment_anything": 3.0, "ours fp32": 3.0, "ours bf16": 3.0}
    encoders = vit["encoder_on_card"]
    assert encoders["segment_anything fp32"]["relative_difference"] == 0.0
    assert encoders["ours fp32, recorded"]["relative_difference"] < 1e-4 < encoders["ours bf16, recorded"]["relative_difference"] < 0.1
    assert all(row["ms"]["p50_ms"] > 0 and row["share_of_gemm"] > 0 for row in encoders.values())
    assert min(vit["mask_dice"]["fp32"].values()) > 0.999 and min(vit["mask_dice"]["bf16"].values()) > 0.9
    assert set(compact["gpu"]) == {"first click", "first box", "click again", "correction", "box again"}
    assert compact["mask_dice"] == {"click": 1.0, "box": 1.0}
    assert "Test GPU" in _gpu_text(document)


def test_a_slice_is_drawn_the_same_again_and_others_differ() -> None:
    assert (gpu.drawn_slice(1).pixels == gpu.drawn_slice(1).pixels).all()
    assert (gpu.drawn_slice(1).pixels != gpu.drawn_slice(2).pixels).any()


@pytest.mark.skipif(torch.cuda.is_available(), reason="an NVIDIA GPU is here")
def test_without_a_gpu_it_says_so_in_one_line(run) -> None:
    run("benchmark", "--gpu").failed(2, "cuda")
    run("benchmark", "--gpu", "--device", "cpu").failed(2, "no NVIDIA GPU")

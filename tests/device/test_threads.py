"""A small network on one thread, a large one on all, and nothing changed after."""

from __future__ import annotations

import os

import pytest
import torch

import spinalsam  # noqa: F401  sets how threads wait
from spinalsam.device import threads


@pytest.fixture
def four(monkeypatch) -> None:
    """A machine with four threads; PyTorch's own number is brought back."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    monkeypatch.setattr(threads, "all_threads", lambda: 4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("asked", "given"), [(1, 1), (3, 3), (None, 4), (9, 4)])
def test_work_runs_on_as_many_threads_as_asked_but_no_more_than_there_are(four, asked, given) -> None:
    with threads.cpu_threads(asked):
        assert torch.get_num_threads() == given
    assert torch.get_num_threads() == 4


def test_the_number_comes_back_after_a_failure(four) -> None:
    with pytest.raises(ValueError, match="broken"), threads.cpu_threads(1):
        raise ValueError("broken")
    assert torch.get_num_threads() == 4


def test_the_compact_network_leaves_the_other_cores_alone(four, monkeypatch) -> None:
    from spinalsam.engine.compact import CompactConfig, CompactSam
    from spinalsam.engine.compact_segmenter import CompactSegmenter
    from spinalsam.engine.segmenter import SliceImage
    from spinalsam.support.prompts import SlicePrompt

    config = CompactConfig(widths=(8, 8, 16, 32), attention_blocks=1, heads=2, decoder_mlp=32, side=64)
    segmenter, seen = CompactSegmenter(CompactSam(config), checksum="abc"), []
    encode = segmenter.run_encoder
    monkeypatch.setattr(segmenter, "run_encoder", lambda pixels: seen.append(torch.get_num_threads()) or encode(pixels))
    image = SliceImage(torch.randn(80, 80).numpy())
    segmenter.decode(segmenter.encode(image), SlicePrompt(box_xyxy=torch.tensor([20.0, 20, 60, 60]).numpy()))
    assert seen == [1]


def test_waiting_threads_sleep_unless_the_user_wants_otherwise() -> None:
    assert os.environ["OMP_WAIT_POLICY"]

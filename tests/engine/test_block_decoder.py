"""The decoder in blocks gives what the plain one gives, whatever the grid, the blocks and the threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from spinalsam.device import sharing
from spinalsam.engine import block_decoder
from spinalsam.engine.block_decoder import BlockDecoder
from spinalsam.engine.fast_decoder import FastDecoder, places_of
from spinalsam.engine.sam import SamSegmenter, SamShape, build_sam
from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.prompts import SlicePrompt

SMALL = SamShape(64, 3, 2, (1,), img_size=160, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=64)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = build_sam(SMALL).requires_grad_(False)
    for name, parameter in model.mask_decoder.named_parameters():
        if name.endswith("bias"):  # zeros in new norms, and what a wrong formula could forget
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("helped", [False, True])
@pytest.mark.parametrize("places_in_a_block", [1, 30, 37, 5000])
@pytest.mark.parametrize("prompts", [1, 3])
def test_blocks_change_nothing(model, monkeypatch, helped, places_in_a_block, prompts) -> None:
    helpers = sharing._Helpers(2) if helped else None
    monkeypatch.setattr(sharing, "_helpers", lambda: helpers)
    monkeypatch.setattr(block_decoder, "PLACES", places_in_a_block)
    plain = FastDecoder(model)
    blocks = BlockDecoder(plain, places_of(model.prompt_encoder.get_dense_pe())[0])
    places, sparse = torch.randn(1, 100, 32), torch.randn(prompts, 3, 32)
    with torch.inference_mode():
        logits, scores = plain(places, sparse)
        for kept in (None, blocks.keep(places)):
            found, found_scores = blocks(places, sparse, kept)
            torch.testing.assert_close(found, logits, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found_scores, scores, rtol=1e-4, atol=1e-5)
    if helpers is not None:
        helpers.pool.shutdown()


@pytest.fixture
def segmenter(model) -> SamSegmenter:
    return SamSegmenter(model, checksum="abc", name="small")


def image(seed: int) -> SliceImage:
    return SliceImage(np.random.default_rng(seed).normal(300, 400, (60, 90)).astype(np.float32))


CLICKS = [SlicePrompt(np.array([[x, 20 + x]], np.float32), np.array([True])) for x in (5, 20, 30)]


def test_what_is_kept_of_a_slice_is_of_that_slice(segmenter) -> None:
    """Clicks on two slices in turn, the second and third of which use what was kept."""
    embeddings = [segmenter.encode(image(seed)) for seed in (0, 1)]
    fresh = [[SamSegmenter(segmenter.model, checksum="abc", name="x").decode(e, click).masks for click in CLICKS] for e in embeddings]
    for _ in range(2):
        for embedding, expected in zip(embeddings, fresh, strict=True):
            for click, masks in zip(CLICKS, expected, strict=True):
                assert (segmenter.decode(embedding, click).masks == masks).mean() > 0.999
            assert segmenter._last is not None and segmenter._last.kept is not None


def test_a_mask_to_refine_is_not_answered_from_what_was_kept(segmenter) -> None:
    embedding = segmenter.encode(image(0))
    first = [segmenter.decode(embedding, CLICKS[0]) for _ in range(3)][-1]
    again = segmenter.decode(embedding, CLICKS[0], first.low_res[0])
    expected = SamSegmenter(segmenter.model, checksum="abc", name="x").decode(embedding, CLICKS[0], first.low_res[0])
    np.testing.assert_allclose(again.low_res[0], expected.low_res[0], atol=1e-4)
    assert not np.allclose(again.low_res[0], first.low_res[0], atol=1e-3)


def test_several_threads_ask_one_segmenter(segmenter) -> None:
    embeddings = [segmenter.encode(image(seed)) for seed in range(3)]
    expected = [[segmenter.decode(e, click).masks for click in CLICKS] for e in embeddings]
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(10):
            for click, masks in zip(CLICKS, expected[number], strict=True):
                if (segmenter.decode(embeddings[number], click).masks == masks).mean() < 0.999:
                    wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

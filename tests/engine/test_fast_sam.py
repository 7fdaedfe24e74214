"""The faster encoder, decoder and upscaling give what segment_anything's own modules give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spinalsam.engine import fast_decoder, fast_vit
from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.fast_decoder import FastDecoder, places_of
from spinalsam.engine.fast_vit import FastEncoder, attend_biased, attend_fused, attend_in_blocks
from spinalsam.engine.resample import masks_of
from spinalsam.engine.sam import SamSegmenter, SamShape, build_sam, network_input
from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt

# Windows that do not divide the grid, a global block, two heads: everything that ViT-B has, small.
SMALL = SamShape(64, 3, 2, (1,), img_size=160, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=64)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = build_sam(SMALL).requires_grad_(False)
    for name, parameter in model.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:  # zeros when they are new
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def pixels() -> torch.Tensor:
    return torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(1))


def reference(q, k, v, by_row, by_column):
    """As segment_anything computes it: the whole matrix."""
    rows, columns = by_row.shape[-1], by_column.shape[-1]
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    bias = by_row[..., :, None] + by_column[..., None, :]
    return (scores + bias.reshape(*scores.shape[:2], rows * columns, rows * columns)).softmax(-1) @ v


@pytest.mark.parametrize("attend", [attend_biased, attend_fused, attend_in_blocks])
@pytest.mark.parametrize("limit", [1 << 19, 700])
def test_attention_without_its_matrix(attend, limit, monkeypatch) -> None:
    monkeypatch.setattr(fast_vit, "BLOCK_SCORES", limit)
    q, k, v = (torch.randn(2, 3, 35, 16) for _ in range(3))
    by_row, by_column = torch.randn(2, 3, 35, 5), torch.randn(2, 3, 35, 7)
    torch.testing.assert_close(attend(q, k, v, by_row, by_column), reference(q, k, v, by_row, by_column), rtol=1e-4, atol=1e-5)


def test_the_encoder_gives_segment_anythings_features(model) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(FastEncoder(model.image_encoder)(pixels()), model.image_encoder(pixels()), rtol=1e-4, atol=1e-4)


def test_a_lower_precision_stays_close(model) -> None:
    with torch.inference_mode():
        found, expected = FastEncoder(model.image_encoder, torch.bfloat16)(pixels()), model.image_encoder(pixels())
    assert found.dtype == torch.float32
    assert (found - expected).pow(2).mean().sqrt() < 0.02 * expected.pow(2).mean().sqrt()


def test_position_tables_of_another_size_are_resampled_as_segment_anything_does(model) -> None:
    torch.manual_seed(2)
    other = build_sam(SMALL).requires_grad_(False)
    for block in other.image_encoder.blocks:
        block.attn.rel_pos_h = torch.nn.Parameter(torch.randn(11, 32), requires_grad=False)
    with torch.inference_mode():
        torch.testing.assert_close(FastEncoder(other.image_encoder)(pixels()), other.image_encoder(pixels()), rtol=1e-4, atol=1e-4)


def test_a_cbam_behind_a_block_is_kept() -> None:
    torch.manual_seed(3)
    adapted = build_sam(SMALL).requires_grad_(False)
    (cbam,) = attach_cbam(adapted.image_encoder, CbamSettings(after=("blocks.1",)))
    torch.nn.init.constant_(cbam.gate, 0.7)
    adapted.eval()
    assert fast_vit.can_speed_up(adapted.image_encoder)
    with torch.inference_mode():
        torch.testing.assert_close(FastEncoder(adapted.image_encoder)(pixels()), adapted.image_encoder(pixels()), rtol=1e-4, atol=1e-4)


def test_what_was_put_inside_a_block_is_left_to_segment_anything() -> None:
    from spinalsam.engine.lora import LoraSettings, add_lora

    adapted = build_sam(SMALL)
    add_lora(adapted, LoraSettings())
    assert not fast_vit.can_speed_up(adapted.image_encoder)
    hooked = build_sam(SMALL)
    hooked.image_encoder.blocks[0].attn.register_forward_hook(lambda *_: None)
    hooked.mask_decoder.transformer.layers[0].register_forward_hook(lambda *_: None)
    assert not fast_vit.can_speed_up(hooked.image_encoder) and not fast_decoder.can_speed_up(hooked)


@pytest.mark.parametrize("masked", [False, True])
def test_the_decoder_gives_segment_anythings_logits_for_many_prompts_at_once(model, masked) -> None:
    features = torch.randn(1, 32, 10, 10)
    points = torch.rand(3, 2, 2) * 160
    with torch.inference_mode():
        sparse, dense = model.prompt_encoder(
            points=(points, torch.ones(3, 2, dtype=torch.int)), boxes=None, masks=torch.randn(1, 1, 40, 40) if masked else None
        )
        logits, scores = FastDecoder(model)(places_of(features + dense[:1]), sparse)
        for n in range(3):
            expected, iou = model.mask_decoder.predict_masks(
                image_embeddings=features,
                image_pe=model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse[n : n + 1],
                dense_prompt_embeddings=dense[:1],
            )
            torch.testing.assert_close(logits[n : n + 1], expected, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(scores[n : n + 1], iou, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(60, 90), (128, 128), (200, 70)])
def test_masks_on_the_slices_pixels_are_segment_anythings(model, shape) -> None:
    rows, columns = shape
    kept = (round(160 * rows / max(shape)), round(160 * columns / max(shape)))
    spots = torch.full((3, 40, 40), -4.0)
    spots[0, 5:9, 3:8], spots[1, 0, 0], spots[2, 30:, 35:] = 3.0, 5.0, 1.0
    for logits in (torch.randn(3, 40, 40), spots, spots[1:2], torch.full((1, 40, 40), -1.0)):
        expected = model.postprocess_masks(logits[None], kept, shape)[0] > 0
        found = masks_of(logits, middle=160, kept=kept, shape=shape)
        assert found.shape == expected.shape and (found == expected.numpy()).mean() > 0.9999


def test_prompts_of_all_forms_in_one_call_are_answered_like_one_by_one(model) -> None:
    segmenter = SamSegmenter(model, checksum="abc", name="small")
    embedding = segmenter.encode(SliceImage(np.random.default_rng(0).normal(300, 400, (60, 90)).astype(np.float32)))
    box = np.array([5, 6, 40, 50], np.float32)
    click = np.array([[20, 20]], np.float32), np.array([True])
    prompts = [SlicePrompt(box_xyxy=box + n) for n in range(10)] + [SlicePrompt(*click), SlicePrompt(*click, box)]
    for found, one in zip(segmenter.decode_many(embedding, prompts), prompts, strict=True):
        alone = segmenter.decode(embedding, one)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-4)
        assert (found.masks == alone.masks).mean() > 0.999


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_precision_gives_segment_anythings_masks_on_real_slices(model, precision, shared_data) -> None:
    from spinalsam.data.formats import read_volume

    volume = read_volume(shared_data("totalsegmentator", "example_ct.nii.gz"))
    segmenter = SamSegmenter(model, checksum="abc", name="small", precision=precision)
    prompt = SlicePrompt(box_xyxy=np.array([45, 25, 75, 60], np.float32))
    for k in (40, 60, 80):
        image = SliceImage(np.ascontiguousarray(volume.voxels[:, :, k].T, np.float32), True, (3.0, 3.0))
        found = segmenter.decode(segmenter.encode(image), prompt).masks[0]
        given, size = network_input(image, segmenter.preprocessing, 160)
        with torch.inference_mode():
            scale = torch.tensor([size[1] / image.pixels.shape[1], size[0] / image.pixels.shape[0]])
            corners = torch.tensor([[45.0, 25], [75, 60]]) * scale
            sparse, dense = model.prompt_encoder(points=None, boxes=corners.reshape(1, 4), masks=None)
            low, _ = model.mask_decoder(
                image_embeddings=model.image_encoder(given),
                image_pe=model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=False,
            )
            expected = (model.postprocess_masks(low, size, image.pixels.shape) > 0)[0, 0].numpy()
        assert expected.any() and dice(found, expected) >= 0.995

"""The compact network: shapes, batches, looks, and the segmenter around it (random weights, small widths)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from spinalsam.device.interrupt import interruptible
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter, fill_unsure, load_compact, within_box
from spinalsam.engine.look import Look, choose_look, cut, look_closer, look_for_box, paste, still_fits
from spinalsam.engine.runtime import use_runtime
from spinalsam.engine.segmenter import Candidates, RoughShape, SliceImage
from spinalsam.errors import Cancelled, ModelError
from spinalsam.support.prompts import SlicePrompt

SMALL = CompactConfig(widths=(8, 16, 16, 32), conv_blocks=(1, 1), attention_blocks=1, heads=2, decoder_mlp=32, side=64)


@pytest.fixture(scope="module")
def model() -> CompactSam:
    torch.manual_seed(0)
    return CompactSam(SMALL).eval()


@pytest.fixture
def segmenter(model: CompactSam) -> CompactSegmenter:
    return CompactSegmenter(model, checksum="abc")


def _picture(rows: int = 90, columns: int = 120) -> SliceImage:
    return SliceImage(np.random.default_rng(0).normal(50, 100, (rows, columns)).astype(np.float32), True, (0.8, 0.8))


def _ask(model: CompactSam, pixels: torch.Tensor, kinds: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    points = torch.full((len(pixels), kinds.shape[1], 2), 20.0)
    half = pixels.shape[-1] // 2
    with torch.inference_mode():
        return model.decode(model.encode(pixels), points, kinds, boxes, torch.zeros(len(pixels), 1, half, half))[0]


def test_masks_come_out_at_half_the_resolution_for_any_multiple_of_sixteen(model: CompactSam) -> None:
    for side in (64, 96):
        logits = _ask(model, torch.randn(2, 1, side, side), torch.ones(2, 1), torch.full((2, 4), float("nan")))
        assert logits.shape == (2, 4, side // 2, side // 2)


def test_a_batch_gives_what_its_members_give_alone(model: CompactSam) -> None:
    pixels, kinds = torch.randn(2, 1, 64, 64), torch.tensor([[1.0], [0.0]])
    boxes = torch.tensor([[float("nan")] * 4, [5.0, 6.0, 50.0, 40.0]])
    together = _ask(model, pixels, kinds, boxes)
    alone = torch.cat([_ask(model, pixels[n : n + 1], kinds[n : n + 1], boxes[n : n + 1]) for n in range(2)])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


def test_points_that_are_absent_change_nothing(model: CompactSam) -> None:
    pixels, boxes = torch.randn(1, 1, 64, 64), torch.tensor([[5.0, 6.0, 50.0, 40.0]])
    one = _ask(model, pixels, torch.tensor([[-1.0]]), boxes)
    other = model.decode(model.encode(pixels), torch.full((1, 1, 2), 3.0), torch.tensor([[-1.0]]), boxes, torch.zeros(1, 1, 32, 32))[0]
    torch.testing.assert_close(one, other)


def test_a_look_is_square_in_mm_and_centred_on_the_box() -> None:
    image = SliceImage(np.zeros((100, 100), np.float32), True, (2.0, 1.0))
    look = look_for_box(image, [40, 20, 59, 29], side=64, fill=0.5)
    assert look.rows * 2.0 == pytest.approx(look.columns * 1.0, abs=2)
    centre = look.to_look([[49.5, 24.5]])[0]
    assert centre == pytest.approx([31.5, 31.5], abs=1.1)


def test_a_mask_pasted_back_lies_where_it_was_cut() -> None:
    pixels = np.zeros((80, 100), np.float32)
    pixels[30:50, 60:90] = 1.0
    image = SliceImage(pixels, False, None)
    for box in ([58, 28, 92, 52], [50, 10, 99, 79]):
        look = look_for_box(image, box, side=128)
        back = paste((cut(image, look)[0] - 0.5) * 20, look, pixels.shape)[0]
        overlap = (back & (pixels > 0)).sum() / (back | (pixels > 0)).sum()
        assert overlap > 0.9
        rows, columns = np.nonzero(back)
        assert rows.mean() == pytest.approx(39.5, abs=0.3) and columns.mean() == pytest.approx(74.5, abs=0.3)


def test_a_look_may_reach_over_the_edge() -> None:
    image = _picture(40, 50)
    look = choose_look(image, SlicePrompt(np.array([[0, 0]], np.float32), np.array([True])), side=64)
    assert look.column < 0 and look.row < 0
    assert torch.isfinite(cut(image, look)).all()
    assert paste(torch.ones(1, 32, 32), look, (40, 50)).shape == (1, 40, 50)


def _clicks(*places_xy: tuple[float, float], positive: tuple[bool, ...] | None = None) -> SlicePrompt:
    return SlicePrompt(np.array(places_xy, np.float32), np.array(positive or (True,) * len(places_xy)))


def test_corrections_keep_the_first_clicks_look_while_they_lie_well_inside_it() -> None:
    image = SliceImage(np.zeros((400, 500), np.float32), True, (0.8, 0.8))
    first = choose_look(image, _clicks((200, 180)), side=64)
    assert choose_look(image, _clicks((200, 180), (230, 150)), side=64) == first
    assert choose_look(image, _clicks((170, 190), (200, 180), positive=(False, True)), side=64) == first
    far = choose_look(image, _clicks((200, 180), (290, 180)), side=64)
    assert far != first
    inside = far.to_look([[200, 180], [290, 180]])
    assert inside.min() > 0 and inside.max() < 64


def test_clicks_and_structures_close_to_each_other_share_a_look() -> None:
    image = SliceImage(np.zeros((400, 500), np.float32), True, (0.8, 1.6))
    looks = {choose_look(image, _clicks((200 + step / 4, 180 + step / 4)), side=64) for step in range(40)}
    assert 1 < len(looks) < 10
    closer = {look_closer(image, [200, 180, 240 + step / 10, 220], side=64) for step in range(40)}
    assert 1 < len(closer) < 10
    for look in closer:
        box = look.to_look([[200, 180], [240, 220]])
        assert box.min() > 6 and box.max() < 58, "the structure lies inside, with surroundings"


def test_a_further_click_keeps_the_close_look_that_its_mask_was_made_in(segmenter: CompactSegmenter, monkeypatch) -> None:
    image = SliceImage(np.zeros((400, 500), np.float32), True, (0.8, 1.6))
    look = look_closer(image, [200, 180, 240, 260], side=64)
    assert still_fits(look, image, [200, 180, 240, 260]) and still_fits(look, image, [202, 182, 240, 256])
    assert not still_fits(look, image, [215, 210, 225, 230]), "much smaller"
    assert not still_fits(look, image, [180, 140, 260, 290]), "much larger"
    assert not still_fits(look, image, [222, 180, 262, 260]), "at its edge"
    embedding = segmenter.encode(_picture())
    made = segmenter.decode(embedding, _clicks((40, 40))).low_res[0]
    asked: list[Look] = []
    monkeypatch.setattr("spinalsam.engine.compact_segmenter.still_fits", lambda look, image, box: asked.append(look) or True)
    again = segmenter.decode(embedding, _clicks((40, 40), (50, 45)), made)
    assert asked == [made.look] and again.low_res[0].look == made.look


@pytest.mark.parametrize(
    "prompt",
    [
        SlicePrompt(box_xyxy=np.array([30, 20, 70, 60], np.float32)),
        SlicePrompt(np.array([[40, 40]], np.float32), np.array([True])),
        SlicePrompt(np.array([[40, 40], [10, 80]], np.float32), np.array([True, False])),
        SlicePrompt(np.array([[40, 40]], np.float32), np.array([False]), np.array([30, 20, 70, 60], np.float32)),
    ],
)
def test_every_prompt_gives_up_to_three_masks_of_the_slice(segmenter: CompactSegmenter, prompt: SlicePrompt) -> None:
    embedding = segmenter.encode(_picture())
    candidates = segmenter.decode(embedding, prompt)
    assert candidates.masks.shape[1:] == (90, 120) and candidates.masks.dtype == bool
    assert 1 <= len(candidates.masks) == len(candidates.scores) == len(candidates.low_res) <= 3
    refined = segmenter.decode(embedding, prompt, candidates.low_res[0])
    assert refined.masks.shape[1:] == (90, 120)


def test_the_same_prompt_gives_the_same_mask_whatever_was_asked_before(segmenter: CompactSegmenter) -> None:
    prompt = SlicePrompt(box_xyxy=np.array([30, 20, 70, 60], np.float32))
    first = segmenter.decode(segmenter.encode(_picture()), prompt).masks
    busy = segmenter.encode(_picture())
    for x in range(10, 80, 10):
        segmenter.decode(busy, SlicePrompt(np.array([[x, 40]], np.float32), np.array([True])))
    np.testing.assert_array_equal(first, segmenter.decode(busy, prompt).masks)


def test_windows_are_remembered_within_their_limit_and_encoded_once(segmenter: CompactSegmenter) -> None:
    encoded = []
    run = segmenter.run_encoder
    segmenter.run_encoder = lambda pixels: encoded.append(1) or run(pixels)
    first, second = segmenter.encode(_picture()), segmenter.encode(_picture())
    boxes = [SlicePrompt(box_xyxy=np.array([10 + n, 20, 60 + n, 60], np.float32)) for n in range(8)]
    for _ in range(2):
        for box in boxes:
            segmenter.decode(first, box)
    assert len(encoded) == 8
    segmenter.decode(second, boxes[0])
    assert len(encoded) == 9 and segmenter._looks._nbytes == 9 * sum(level.nbytes for level in next(iter(segmenter._looks._kept.values())))
    segmenter._looks.limit_bytes = segmenter._looks._nbytes // 3
    segmenter.decode(second, boxes[1])
    assert len(segmenter._looks._kept) == 3 and segmenter._looks._nbytes <= segmenter._looks.limit_bytes
    segmenter.decode(second, boxes[0])
    assert len(encoded) == 10


def test_another_models_embedding_is_refused(segmenter: CompactSegmenter, model: CompactSam) -> None:
    other = CompactSegmenter(model, checksum="other").encode(_picture())
    with pytest.raises(ModelError, match="another model"):
        segmenter.decode(other, SlicePrompt(box_xyxy=np.array([1, 1, 9, 9], np.float32)))


def test_a_picture_with_nan_does_not_poison_the_mask(segmenter: CompactSegmenter) -> None:
    image = _picture()
    image.pixels[10:20, 10:20] = np.nan
    candidates = segmenter.decode(segmenter.encode(image), SlicePrompt(box_xyxy=np.array([5, 5, 60, 60], np.float32)))
    assert np.isfinite(candidates.scores).all()


def test_a_file_that_is_no_compact_checkpoint_is_named(tmp_path) -> None:
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"not a checkpoint at all")
    with pytest.raises(ModelError, match=r"wrong\.safetensors"):
        load_compact(wrong, checksum="x")


def test_nothing_is_left_far_outside_the_box_unless_it_was_clicked() -> None:
    everywhere = Candidates(np.ones((1, 40, 60), bool), np.ones(1, np.float32))
    box = np.array([20, 10, 39, 29], np.float32)
    kept = within_box(everywhere, SlicePrompt(box_xyxy=box)).masks[0]
    rows, columns = np.nonzero(kept)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (18, 8, 41, 31)
    clicked = SlicePrompt(np.array([[55, 20]], np.float32), np.array([True]), box)
    assert within_box(everywhere, clicked).masks[0][20, 57]
    negative = SlicePrompt(np.array([[55, 20]], np.float32), np.array([False]), box)
    assert not within_box(everywhere, negative).masks[0][20, 57]


def test_prompts_of_all_forms_in_one_call_are_answered_like_one_by_one(segmenter: CompactSegmenter) -> None:
    embedding = segmenter.encode(_picture())
    box, click = np.array([20, 20, 60, 70], np.float32), np.array([[40, 40]], np.float32)
    prompts = [SlicePrompt(box_xyxy=box + n) for n in range(10)]
    prompts += [SlicePrompt(click, np.array([True])), SlicePrompt(click, np.array([False]), box), SlicePrompt(click, np.array([True]), box)]
    for found, prompt in zip(segmenter.decode_many(embedding, prompts), prompts, strict=True):
        alone = segmenter.decode(embedding, prompt)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-3)
        assert found.masks.shape == alone.masks.shape and (found.masks == alone.masks).mean() > 0.999


def test_many_slices_in_one_call_are_answered_like_one_by_one_and_their_windows_are_not_kept(segmenter: CompactSegmenter) -> None:
    embeddings = [segmenter.encode(_picture(90 + n, 120)) for n in range(11)]
    prompts = [SlicePrompt(box_xyxy=np.array([20, 20, 60 + n, 70], np.float32)) for n in range(11)]
    found = segmenter.decode_slices(embeddings, prompts)
    assert segmenter._looks._nbytes == 0
    for many, embedding, prompt in zip(found, embeddings, prompts, strict=True):
        alone = segmenter.decode(embedding, prompt)
        np.testing.assert_allclose(many.scores, alone.scores, atol=1e-3)
        assert many.masks.shape == alone.masks.shape and (many.masks == alone.masks).mean() > 0.999
    with pytest.raises(ModelError, match="another model"):
        segmenter.decode_slices([replace(embeddings[0], model="other")], prompts[:1])


def test_a_lower_threshold_gives_larger_masks_of_the_same_logits() -> None:
    torch.manual_seed(0)
    model = CompactSam(SMALL)
    image = SliceImage(np.random.default_rng(0).normal(300, 200, (50, 60)).astype(np.float32), True, (1.0, 1.0))
    prompt = SlicePrompt(box_xyxy=np.array([10, 10, 40, 40], np.float32))
    plain = CompactSegmenter(model, checksum="x")
    answer = plain.decode(plain.encode(image), prompt)
    model.config = replace(SMALL, mask_threshold=-0.5)
    larger = plain.decode(plain.encode(image), prompt)
    assert (larger.masks[0] >= answer.masks[0]).all() and larger.masks[0].sum() > answer.masks[0].sum()
    assert torch.equal(larger.low_res[0].logits, answer.low_res[0].logits)


def test_holes_that_the_network_is_not_sure_of_are_filled_and_canals_stay() -> None:
    logits = torch.full((40, 40), -6.0)
    logits[4:36, 4:36] = 3.0
    logits[8:14, 8:14] = -0.9  # a dark core,
    logits[8:14, 24:30] = -0.9  # another one,
    logits[20:30, 16:26] = -5.0  # the canal,
    logits[33:40, 8:12] = -0.9  # and a notch at the edge
    none = np.zeros((0, 2), np.float32)
    filled = fill_unsure(logits, -0.45, none) > -0.45
    assert filled[8:14, 8:14].all() and filled[8:14, 24:30].all() and not filled[20:30, 16:26].any() and not filled[33:36, 8:12].any()
    assert (filled >= (logits > -0.45)).all()
    clicked = fill_unsure(logits, -0.45, np.array([[26.0, 10.0], [500.0, -3.0]], np.float32)) > -0.45
    assert clicked[8:14, 8:14].all() and not clicked[8:14, 24:30].any(), "somebody said that this is outside"
    solid = torch.full((8, 8), 2.0)
    assert fill_unsure(solid, 0.0, none) is solid


def test_a_window_that_nobody_needs_is_given_up_between_two_stages_and_none_of_it_kept(segmenter: CompactSegmenter) -> None:
    use_runtime(segmenter, "fused")
    embedding, prompt = segmenter.encode(_picture()), SlicePrompt(np.array([[60.0, 45.0]], np.float32), np.array([True]))
    passed: list[int] = []

    def check() -> None:
        passed.append(len(segmenter._looks._kept))
        if len(passed) == 4:
            raise Cancelled("The pointer has gone on.")

    with interruptible(check), pytest.raises(Cancelled):
        segmenter.decode(embedding, prompt)
    assert passed == [0, 0, 0, 0] and not segmenter._looks._kept
    again = segmenter.decode(embedding, prompt)
    assert np.array_equal(again.masks, segmenter.decode(segmenter.encode(_picture()), prompt).masks)


def test_a_rough_shape_makes_a_click_a_box_and_corrections_stay_in_its_window(segmenter: CompactSegmenter) -> None:
    embedding = segmenter.encode(SliceImage(np.random.default_rng(3).normal(100, 80, (90, 110)).astype(np.float32), True, (1.0, 1.0)))
    inside = np.full((90, 110), -3, np.float32)
    inside[30:60, 40:80] = 3
    shape = RoughShape(inside)
    click = SlicePrompt(np.array([[50, 40]], np.float32), np.array([True]))
    given = segmenter.decode(embedding, click, shape)
    box = np.array([40, 30, 79, 59], np.float32)
    assert given.masks.shape[0] == 3 and given.low_res[0].box.tolist() == box.tolist()
    assert given.low_res[0].look == look_for_box(embedding.image, box, side=segmenter.side)
    assert not np.array_equal(given.masks[0], segmenter.decode(embedding, click).masks[0])
    # A click outside of the shape widens the box; one more click on a candidate of its own goes on without it.
    aside = SlicePrompt(np.array([[90, 40]], np.float32), np.array([True]))
    assert segmenter.decode(embedding, aside, shape).low_res[0].box.tolist() == [40, 30, 90, 59]
    more = SlicePrompt(np.array([[50, 40], [45, 55]], np.float32), np.array([True, False]))
    again = segmenter.decode(embedding, more, given.low_res[0])
    assert {one.look for one in again.low_res} == {given.low_res[0].look} and again.low_res[0].box.tolist() == box.tolist()
    assert given.low_res[1].box is None
    # A drawn box stays as it was drawn, and the shape helps to fill it.
    boxed = SlicePrompt(box_xyxy=box + 2)
    helped = segmenter.decode(embedding, boxed, shape)
    assert helped.low_res[0].look == segmenter.decode(embedding, boxed).low_res[0].look and helped.low_res[0].box is None
    assert not torch.equal(helped.low_res[0].logits, segmenter.decode(embedding, boxed).low_res[0].logits)

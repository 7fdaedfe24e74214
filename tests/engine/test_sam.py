"""SAM behind the Segmenter protocol: the same numbers as segment_anything's own predictor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spinalsam.engine import sam as sam_module
from spinalsam.engine.sam import (
    SHAPES,
    Preprocessing,
    SamSegmenter,
    SamShape,
    build_sam,
    expected_shapes,
    load_sam,
    network_input,
    resized_shape,
    to_picture,
)
from spinalsam.engine.segment_anything_parts import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
from spinalsam.engine.segmenter import SliceImage
from spinalsam.errors import ModelError, ResourceError
from spinalsam.support.prompts import SlicePrompt

TINY = SamShape(32, 2, 2, (1,), img_size=128, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)


@pytest.fixture(scope="module")
def tiny_model():
    torch.manual_seed(0)
    model = build_sam(TINY)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def segmenter(tiny_model) -> SamSegmenter:
    return SamSegmenter(tiny_model, checksum="abc", name="tiny")


def slice_image(rows: int = 60, columns: int = 90, seed: int = 0) -> SliceImage:
    pixels = np.random.default_rng(seed).normal(300, 500, (rows, columns)).astype(np.float32)
    return SliceImage(pixels, True, (1.0, 1.0))


def prompt(points=(), positive=(), box=None) -> SlicePrompt:
    return SlicePrompt(
        np.array(points, np.float32).reshape(-1, 2),
        np.array(positive, bool),
        None if box is None else np.array(box, np.float32),
    )


def original_predictor(model, picture: np.ndarray, *, points=None, labels=None, box=None, mask=None, multimask: bool):
    """SamPredictor.set_image and predict written out, with PIL's resize as torchvision calls it."""
    from PIL import Image

    side = model.image_encoder.img_size
    rows, columns = picture.shape
    new_rows, new_columns = resized_shape(rows, columns, side)
    colours = Image.fromarray(np.repeat(picture[..., None], 3, axis=2))
    resized = np.array(colours.resize((new_columns, new_rows), Image.Resampling.BILINEAR))
    tensor = model.preprocess(torch.as_tensor(resized).permute(2, 0, 1).contiguous()[None])
    scale = np.array([new_columns / columns, new_rows / rows])
    with torch.no_grad():
        features = model.image_encoder(tensor)
        coordinates = None
        if points is not None:
            coordinates = (
                torch.as_tensor(np.array(points, float) * scale, dtype=torch.float)[None],
                torch.as_tensor(labels, dtype=torch.int)[None],
            )
        boxes = None
        if box is not None:
            boxes = torch.as_tensor((np.array(box, float).reshape(2, 2) * scale).reshape(1, 4), dtype=torch.float)
        sparse, dense = model.prompt_encoder(points=coordinates, boxes=boxes, masks=mask)
        low_res, iou = model.mask_decoder(
            image_embeddings=features,
            image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
        )
        masks = model.postprocess_masks(low_res, (new_rows, new_columns), (rows, columns)) > model.mask_threshold
    return masks[0].numpy(), iou[0].clamp(0, 1).numpy(), low_res


@pytest.mark.parametrize("size", [(60, 90), (128, 128), (200, 70)])
def test_one_point_gives_the_predictors_three_masks_sorted_by_predicted_iou(segmenter, tiny_model, size) -> None:
    image = slice_image(*size)
    found = segmenter.decode(segmenter.encode(image), prompt([[30, 20]], [True]))
    picture = to_picture(image, segmenter.preprocessing)
    masks, iou, low_res = original_predictor(tiny_model, picture, points=[[30, 20]], labels=[1], multimask=True)
    order = np.argsort(-iou, kind="stable")
    assert found.masks.shape == (3, *size)
    np.testing.assert_allclose(found.scores, iou[order], atol=2e-3)
    np.testing.assert_allclose(found.low_res[0][0, 0], low_res[0, order[0]], atol=0.02)
    assert (found.masks == masks[order]).mean() > 0.999


def test_points_with_a_box_give_the_predictors_single_mask_first(segmenter, tiny_model) -> None:
    image = slice_image()
    points, labels, box = [[30, 20], [50, 40]], [1, 0], [10, 8, 70, 50]
    found = segmenter.decode(segmenter.encode(image), prompt(points, [True, False], box))
    picture = to_picture(image, segmenter.preprocessing)
    masks, iou, _ = original_predictor(tiny_model, picture, points=points, labels=labels, box=box, multimask=False)
    np.testing.assert_allclose(found.scores[0], iou[0], atol=2e-3)
    assert (found.masks[0] == masks[0]).mean() > 0.999


def test_a_previous_mask_refines_as_the_predictors_mask_input(segmenter, tiny_model) -> None:
    image = slice_image()
    embedding = segmenter.encode(image)
    first = segmenter.decode(embedding, prompt(box=[10, 8, 70, 50]))
    again = segmenter.decode(embedding, prompt([[20, 20]], [True]), first.low_res[0])
    picture = to_picture(image, segmenter.preprocessing)
    masks, iou, _ = original_predictor(tiny_model, picture, points=[[20, 20]], labels=[1], mask=first.low_res[0], multimask=False)
    np.testing.assert_allclose(again.scores[0], iou[0], atol=2e-3)
    assert (again.masks[0] == masks[0]).mean() > 0.999


def test_a_prompt_at_the_far_corner_uses_the_proportions_of_the_picture(segmenter) -> None:
    wide = segmenter.encode(slice_image(40, 120))
    points, kinds = segmenter._points([prompt([[119, 39]], [True])], wide)
    assert points[0, 0].tolist() == pytest.approx([119 * 128 / 120, 39 * 43 / 40])
    assert kinds.tolist() == [[1]]


def test_resizing_is_pils_to_within_one_grey_value() -> None:
    from PIL import Image

    picture = np.random.default_rng(1).integers(0, 256, (150, 97), np.uint8)
    image = SliceImage(picture.astype(np.float32), is_hu=False)
    tensor, size = network_input(image, Preprocessing(), 256)
    expected = np.array(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR)).astype(float)
    red = tensor[0, 0, : size[0], : size[1]].numpy() * sam_module.PIXEL_STD[0] + sam_module.PIXEL_MEAN[0]
    assert size == (256, 166)
    assert np.abs(red - expected).max() < 1.01
    assert (np.abs(red - expected) > 0.01).mean() < 0.003
    assert torch.all(tensor[..., size[1] :] == 0)


def test_hu_goes_through_the_cards_window_and_pictures_stay_as_they_are() -> None:
    hu = SliceImage(np.array([[-2000, -500, 400, 1300, np.nan]], np.float32), True)
    grey = SliceImage(np.array([[-3, 0, 127.6, 255, 300]], np.float32), False)
    assert to_picture(hu, Preprocessing(level_hu=400, width_hu=1800)).tolist() == [[0, 0, 128, 255, 0]]
    assert to_picture(grey, Preprocessing()).tolist() == [[0, 0, 128, 255, 255]]


def test_medsams_preprocessing_stretches_to_a_square_between_zero_and_one() -> None:
    settings = Preprocessing(resize="square", interpolation="bicubic", normalise="minmax")
    tensor, size = network_input(slice_image(), settings, 128)
    assert size == (128, 128)
    assert (float(tensor.min()), float(tensor.max())) == (0.0, 1.0)


def test_an_unknown_preprocessing_is_refused() -> None:
    with pytest.raises(ModelError, match="longest_side, square"):
        Preprocessing(resize="crop")


def test_an_embedding_of_another_model_is_refused(segmenter, tiny_model) -> None:
    other = SamSegmenter(tiny_model, checksum="other", name="other")
    with pytest.raises(ModelError, match="another model"):
        segmenter.decode(other.encode(slice_image()), prompt([[1, 1]], [True]))


def test_an_embedding_goes_to_arrays_and_back(segmenter) -> None:
    image = slice_image()
    embedding = segmenter.encode(image)
    again = segmenter.embedding_from_arrays(segmenter.features_to_arrays(embedding), image)
    asked = prompt(box=[10, 8, 70, 50])
    assert np.array_equal(segmenter.decode(again, asked).masks, segmenter.decode(embedding, asked).masks)


def test_arrays_of_another_slice_are_refused(segmenter) -> None:
    arrays = segmenter.features_to_arrays(segmenter.encode(slice_image(60, 90)))
    with pytest.raises(ModelError, match="does not belong"):
        segmenter.embedding_from_arrays(arrays, slice_image(90, 60))


def test_a_full_cpu_memory_is_a_resource_error(segmenter, monkeypatch) -> None:
    def full(_pixels):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")

    monkeypatch.setattr(segmenter, "_encode", full)
    with pytest.raises(ResourceError):
        segmenter.encode(slice_image())


@pytest.mark.parametrize(("name", "build"), [("vit_b", build_sam_vit_b), ("vit_l", build_sam_vit_l), ("vit_h", build_sam_vit_h)])
def test_the_shapes_are_those_of_the_official_architectures(name, build) -> None:
    with torch.device("meta"):
        official = build()
    assert expected_shapes(SHAPES[name]) == {key: tuple(v.shape) for key, v in official.state_dict().items()}


def test_loading_keeps_every_weight_and_computes_the_same(tiny_model) -> None:
    weights = {name: value.clone() for name, value in tiny_model.state_dict().items()}
    loaded = load_sam(TINY, weights)
    assert not any(value.is_meta for value in [*loaded.parameters(), *loaded.buffers()])
    pixels = torch.randn(1, 3, 128, 128)
    assert torch.equal(loaded.image_encoder(loaded.preprocess(pixels)), tiny_model.image_encoder(tiny_model.preprocess(pixels)))


def test_half_precision_weights_load_as_float32(tiny_model) -> None:
    loaded = load_sam(TINY, {name: value.half() for name, value in tiny_model.state_dict().items()})
    assert all(parameter.dtype == torch.float32 for parameter in loaded.parameters())


def test_weights_that_do_not_fit_are_refused_with_the_parameters_name(tiny_model) -> None:
    weights = dict(tiny_model.state_dict())
    del weights["mask_decoder.iou_token.weight"]
    with pytest.raises(ModelError, match=r"mask_decoder\.iou_token\.weight"):
        load_sam(TINY, weights)


def test_weights_that_leave_the_range_of_fp16_are_computed_in_bf16(caplog) -> None:
    torch.manual_seed(0)
    model = build_sam(SamShape(32, 1, 2, (0,), img_size=64, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)).requires_grad_(False)
    image = SliceImage(np.random.default_rng(0).normal(300, 400, (50, 60)).astype(np.float32))
    half = SamSegmenter(model, checksum="x", name="x", precision="fp16")
    half.encode(image)
    assert half.precision == "fp16"
    model.image_encoder.blocks[0].mlp.lin1.weight.mul_(1e6)
    half = SamSegmenter(model, checksum="x", name="x", precision="fp16")
    assert half.encode(image).features.tensor.isfinite().all()
    assert half.precision == "bf16" and "range of fp16" in caplog.text

"""SAM's official architectures (ViT-B, ViT-L, ViT-H) behind the `Segmenter` protocol.

The networks are `segment_anything`'s own. What its `SamPredictor` does around them is done here without its hidden
current image: a slice becomes an 8-bit picture, its longest side becomes 1024 pixels, the encoder runs once, and every
prompt costs only the mask decoder.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spinalsam.device.manager import run_with_fallback
from spinalsam.device.threads import FEW, cpu_threads
from spinalsam.engine import fast_decoder, fast_vit
from spinalsam.engine.block_decoder import BlockDecoder, Kept
from spinalsam.engine.cuda_graphs import Graphed
from spinalsam.engine.fast_decoder import FastDecoder, places_of
from spinalsam.engine.fast_vit import FastEncoder
from spinalsam.engine.resample import masks_of
from spinalsam.engine.segment_anything_parts import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from spinalsam.engine.segmenter import Candidates, Embedding, SliceImage
from spinalsam.errors import ModelError
from spinalsam.support.prompts import SlicePrompt
from spinalsam.support.windowing import Window, apply_window

_log = logging.getLogger(__name__)

PATCH = 16
# What SAM was trained with: ImageNet's mean and deviation of red, green and blue, of 0-255.
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
MOST_PROMPTS = 8  # in one call of the decoder; each takes some 15 MB
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.qint8}


@dataclass(frozen=True)
class SamShape:
    """The numbers that tell SAM's architectures apart. img_size: side of the square input in pixels."""

    embed_dim: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    img_size: int = 1024
    window: int = 14
    prompt_dim: int = 256
    decoder_heads: int = 8
    decoder_mlp: int = 2048


SHAPES: Mapping[str, SamShape] = {
    "vit_b": SamShape(768, 12, 12, (2, 5, 8, 11)),
    "vit_l": SamShape(1024, 24, 16, (5, 11, 17, 23)),
    "vit_h": SamShape(1280, 32, 16, (7, 15, 23, 31)),
}


@dataclass(frozen=True)
class Preprocessing:
    """How a slice becomes the network's input; it belongs to the checkpoint, so it stands in the model card.

    level_hu, width_hu: the window that turns HU into 8 bits; pictures are taken as they are.
    resize: "longest_side" keeps the proportions and pads right and below with zeros (SAM); "square" stretches (MedSAM).
    interpolation: "bilinear" or "bicubic". normalise: "imagenet" (mean and deviation) or "minmax" (0 to 1, MedSAM).
    """

    level_hu: float = 400.0
    width_hu: float = 1800.0
    resize: str = "longest_side"
    interpolation: str = "bilinear"
    normalise: str = "imagenet"

    def __post_init__(self) -> None:
        allowed = {
            "resize": ("longest_side", "square"),
            "interpolation": ("bilinear", "bicubic"),
            "normalise": ("imagenet", "minmax"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                found = getattr(self, name)
                raise ModelError(f"The preprocessing '{name}' must be one of {', '.join(values)}, not {found!r}.")


def build_sam(shape: SamShape) -> Sam:
    """An untrained SAM of this shape, in evaluation mode; the same modules as `segment_anything.build_sam_vit_*`."""
    grid = shape.img_size // PATCH
    model = Sam(
        image_encoder=ImageEncoderViT(
            depth=shape.depth,
            embed_dim=shape.embed_dim,
            img_size=shape.img_size,
            mlp_ratio=4,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            num_heads=shape.heads,
            patch_size=PATCH,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=shape.global_blocks,
            window_size=shape.window,
            out_chans=shape.prompt_dim,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=shape.prompt_dim,
            image_embedding_size=(grid, grid),
            input_image_size=(shape.img_size, shape.img_size),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=shape.prompt_dim, mlp_dim=shape.decoder_mlp, num_heads=shape.decoder_heads
            ),
            transformer_dim=shape.prompt_dim,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
        pixel_mean=list(PIXEL_MEAN),
        pixel_std=list(PIXEL_STD),
    )
    return model.eval()


def expected_shapes(shape: SamShape) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter of the architecture, without allocating one."""
    with torch.device("meta"):
        model = build_sam(shape)
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def load_sam(shape: SamShape, weights: Mapping[str, Tensor]) -> Sam:
    """A SAM that holds exactly these weights in float32; no random numbers are drawn and nothing is held twice.

    Raises ModelError when a parameter is missing, left over or of the wrong shape.
    """
    with torch.device("meta"):
        model = build_sam(shape)
    weights = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    try:
        model.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        problem = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"The weights do not fit the architecture: {problem}") from error
    # Not part of a checkpoint, so still without memory.
    model.pixel_mean = torch.tensor(PIXEL_MEAN).view(-1, 1, 1)
    model.pixel_std = torch.tensor(PIXEL_STD).view(-1, 1, 1)
    return model.requires_grad_(False).eval()


def resized_shape(rows: int, columns: int, side: int) -> tuple[int, int]:
    """(rows, columns) with the longer one `side`, rounded as `ResizeLongestSide.get_preprocess_shape` rounds."""
    scale = side * 1.0 / max(rows, columns)
    return int(rows * scale + 0.5), int(columns * scale + 0.5)


def picture_size(shape: tuple[int, ...], preprocessing: Preprocessing, side: int) -> tuple[int, int]:
    """(rows, columns) that a slice of this shape has in the network's input, without the padding."""
    return resized_shape(shape[0], shape[1], side) if preprocessing.resize == "longest_side" else (side, side)


def to_picture(image: SliceImage, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """(rows, columns) uint8: HU through the card's window, grey values as they are."""
    if image.is_hu:
        return apply_window(image.pixels, Window(preprocessing.level_hu, preprocessing.width_hu))
    return np.clip(np.rint(np.nan_to_num(image.pixels)), 0, 255).astype(np.uint8)


def resized_picture(image: SliceImage, preprocessing: Preprocessing, side: int) -> Tensor:
    """The slice as a (1, 1, rows, columns) uint8 picture of the size that it has in the network's input.

    Pixels are resampled as 8-bit values with antialiasing, as PIL does for `ResizeLongestSide` (equal to it but for
    rounding: at most one grey value, in fewer than 0.3 % of the pixels).
    """
    picture = torch.from_numpy(to_picture(image, preprocessing))[None, None]
    size = picture_size(image.pixels.shape, preprocessing, side)
    return F.interpolate(picture, size, mode=preprocessing.interpolation, align_corners=False, antialias=True)


def coloured(picture: Tensor, preprocessing: Preprocessing, side: int) -> Tensor:
    """A (1, 1, rows, columns) uint8 picture as the (1, 3, side, side) float32 input, zeros right and below, on the picture's device."""
    grey = picture.float()
    if preprocessing.normalise == "minmax":
        low, high = grey.min(), grey.max()
        colours = ((grey - low) / (high - low).clamp(min=1e-8)).expand(-1, 3, -1, -1)
    else:
        colours = torch.cat([(grey - mean) / deviation for mean, deviation in zip(PIXEL_MEAN, PIXEL_STD, strict=True)], dim=1)
    return F.pad(colours, (0, side - grey.shape[3], 0, side - grey.shape[2]))


def network_input(image: SliceImage, preprocessing: Preprocessing, side: int) -> tuple[Tensor, tuple[int, int]]:
    """The slice as a (1, 3, side, side) float32 tensor, and the (rows, columns) of it that are picture and not padding."""
    picture = resized_picture(image, preprocessing, side)
    return coloured(picture, preprocessing, side), (picture.shape[2], picture.shape[3])


@dataclass(frozen=True)
class SamFeatures:
    """tensor: (1, 256, 64, 64) for a 1024-pixel SAM; float16 where the encoder computes in a lower precision than float32.

    input_size: (rows, columns) of the picture in the input.
    """

    tensor: Tensor
    input_size: tuple[int, int]


@dataclass(frozen=True)
class Forms:
    """A SAM in the forms in which it runs fast on a device; encoder and decoder are None where the network is not SAM's own any more.

    prompts: the prompt encoder, in the processor's memory.
    """

    encoder: Callable[[Tensor], Sequence[Tensor]] | None
    decoder: BlockDecoder | Graphed | None
    prompts: Any

    @classmethod
    def of(cls, model: Sam, dtype: torch.dtype, device: torch.device) -> Forms:
        encoder = FastEncoder(model.image_encoder, dtype) if fast_vit.can_speed_up(model.image_encoder) else None
        decoder = FastDecoder(model) if fast_decoder.can_speed_up(model) else None
        if device.type == "cpu":
            blocks = None if decoder is None else BlockDecoder(decoder, places_of(model.prompt_encoder.get_dense_pe())[0])
            return cls(None if encoder is None else lambda pixels: (encoder(pixels),), blocks, model.prompt_encoder)
        return cls(
            None if encoder is None else Graphed(lambda pixels: (encoder(pixels),)),
            None if decoder is None else Graphed(decoder),
            copy.deepcopy(model.prompt_encoder).cpu(),
        )


@dataclass(frozen=True)
class _LastSlice:
    """The slice that was asked last: its (1, n, 256) places, and from the second click on what the first layer makes of them."""

    features: SamFeatures
    places: Tensor
    kept: Kept | None = None


class SamSegmenter:
    """Encode and decode with a SAM. See `engine/segmenter.py` for the contract.

    precision: what the encoder computes in ("fp32", "bf16", "fp16", or "int8" on a processor); the decoder stays in float32.
    notice: told in one sentence when the work moves to the CPU because the GPU's memory is full.
    """

    def __init__(
        self,
        model: Sam,
        *,
        checksum: str,
        name: str,
        preprocessing: Preprocessing | None = None,
        device: str | torch.device = "cpu",
        precision: str = "fp32",
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self.name, self.checksum = name, checksum
        self.preprocessing = preprocessing or Preprocessing()
        self.use_precision(precision)
        self.device = torch.device(device)
        self.model = model.eval().to(self.device)
        self.side = int(model.image_encoder.img_size)
        self._notice = notice
        self._fast: Forms | None = None
        self._last: _LastSlice | None = None

    @property
    def flavour(self) -> str:
        """What, besides the weights, an embedding depends on."""
        return f"{self.precision} {self.preprocessing}"

    def use_precision(self, precision: str) -> None:
        """Let the encoder compute in another precision from now on; embeddings of the one before stay usable. Raises ModelError."""
        if precision not in PRECISIONS:
            raise ModelError(f"There is no precision '{precision}'; use {', '.join(PRECISIONS)}.")
        self.precision, self._fast, self._last = precision, None, None

    def encode(self, image: SliceImage) -> Embedding:
        """The image encoder, once a slice. Raises ResourceError when even the CPU's memory is too small."""
        picture = resized_picture(image, self.preprocessing, self.side)
        tensor = self._on_device(lambda: self._encode(picture))
        features = SamFeatures(tensor, (picture.shape[2], picture.shape[3]))
        return Embedding(image, features, self.checksum, image.pixels.nbytes + tensor.nbytes)

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Candidates:
        """Three masks for points and/or a box, best first.

        One point alone is ambiguous, so SAM's three masks for that case are sorted by predicted IoU. Otherwise SAM's
        mask for clear prompts comes first and the best two of those three follow. previous: (1, 1, 256, 256) logits.
        Raises ModelError for another network's embedding.
        """
        self._check(embedding)
        return self._on_device(lambda: self._answers(embedding, [prompt], previous))[0]

    def decode_many(self, embedding: Embedding, prompts: Sequence[SlicePrompt]) -> list[Candidates]:
        """`decode` of each prompt, those of one form (so many points, box or none) in one call of the network."""
        self._check(embedding)
        found: dict[int, Candidates] = {}
        forms: dict[tuple[int, bool], list[int]] = {}
        for number, prompt in enumerate(prompts):
            forms.setdefault((len(prompt.points_xy), prompt.box_xyxy is not None), []).append(number)
        for numbers in forms.values():
            for first in range(0, len(numbers), MOST_PROMPTS):
                group = numbers[first : first + MOST_PROMPTS]
                answers = self._on_device(partial(self._answers, embedding, [prompts[n] for n in group], None))
                found.update(zip(group, answers, strict=True))
        return [found[number] for number in range(len(prompts))]

    def _check(self, embedding: Embedding) -> None:
        if embedding.model != self.checksum or not isinstance(embedding.features, SamFeatures):
            raise ModelError("The slice was encoded by another model; encode it again.")

    def _answers(self, embedding: Embedding, prompts: Sequence[SlicePrompt], previous: Any) -> list[Candidates]:
        """The candidates of prompts of one form."""
        logits, scores = self._decode(embedding, prompts, previous)
        with torch.inference_mode(), cpu_threads(FEW):
            return [self._candidates(embedding, prompt, logits[n], scores[n], previous) for n, prompt in enumerate(prompts)]

    def _candidates(self, embedding: Embedding, prompt: SlicePrompt, logits: Tensor, scores: Tensor, previous: Any) -> Candidates:
        ambiguous = len(prompt.points_xy) == 1 and prompt.box_xyxy is None and previous is None
        by_score = [1 + int(n) for n in torch.argsort(scores[1:], descending=True)]
        order = by_score if ambiguous else [0, *by_score[:2]]
        rows, columns = embedding.image.pixels.shape
        masks = masks_of(
            torch.stack([logits[n] for n in order]),
            middle=self.side,
            kept=embedding.features.input_size,
            shape=(rows, columns),
            threshold=self.model.mask_threshold,
        )
        return Candidates(masks, scores[order].clamp(0, 1).numpy(), tuple(logits[n][None, None] for n in order))

    def features_to_arrays(self, embedding: Embedding) -> dict[str, NDArray]:
        """The features as plain arrays, for a cache on disk."""
        features: SamFeatures = embedding.features
        return {"tensor": features.tensor.numpy(), "input_size": np.array(features.input_size, np.int64)}

    def embedding_from_arrays(self, arrays: Mapping[str, NDArray], image: SliceImage) -> Embedding:
        """The embedding again. Raises ModelError when the arrays are not this network's features of this slice."""
        tensor, size = arrays.get("tensor"), arrays.get("input_size")
        grid = self.side // PATCH
        width = self.model.prompt_encoder.embed_dim
        expected = picture_size(image.pixels.shape, self.preprocessing, self.side)
        dtype = np.float32 if self.precision == "fp32" else np.float16
        shaped = tensor is not None and tensor.shape == (1, width, grid, grid) and tensor.dtype == dtype
        if tensor is None or not shaped or size is None or tuple(size) != expected:
            raise ModelError("The kept embedding does not belong to this slice and model.")
        features = SamFeatures(torch.from_numpy(np.ascontiguousarray(tensor)), expected)
        return Embedding(image, features, self.checksum, image.pixels.nbytes + features.tensor.nbytes)

    def forms(self) -> Forms:
        """Faster forms of encoder and decoder, made on first use."""
        if self._fast is None:
            self._fast = Forms.of(self.model, PRECISIONS[self.precision], self.device)
        return self._fast

    def _encode(self, picture: Tensor) -> Tensor:
        reduced = self.precision != "fp32"
        with torch.inference_mode(), cpu_threads():
            pixels = coloured(picture.to(self.device), self.preprocessing, self.side)
            encoder = self.forms().encoder
            if encoder is not None:
                features = encoder(pixels)[0]
            else:
                # Something was put into this encoder, which the forms in 8 bits know nothing of.
                halves = PRECISIONS[self.precision] in (torch.bfloat16, torch.float16)
                with torch.autocast(self.device.type, PRECISIONS[self.precision] if halves else torch.bfloat16, enabled=halves):
                    features = self.model.image_encoder(pixels)
            if self.precision == "fp16" and not bool(features.isfinite().all()):
                _log.warning("These weights leave the range of fp16; the encoder computes in bf16 from now on.")
                self.use_precision("bf16")
                return self._encode(picture)
            return features.to(torch.float16 if reduced else torch.float32).cpu()

    def _decode(self, embedding: Embedding, prompts: Sequence[SlicePrompt], previous: Any) -> tuple[Tensor, Tensor]:
        """Logits (b, 4, 256, 256) of prompts of one form, on the device, and predicted IoU (b, 4), on the CPU."""
        forms = self.forms()
        with torch.inference_mode(), cpu_threads(FEW):
            # A few numbers, which a GPU would be asked for in dozens of steps.
            sparse, _ = forms.prompts(points=self._points(prompts, embedding), boxes=self._boxes(prompts, embedding), masks=None)
            sparse = sparse.to(self.device)
            dense = None if previous is None else self.model.prompt_encoder._embed_masks(previous.to(self.device))
            if forms.decoder is None:
                logits, scores = self._slow_decode(embedding.features.tensor.to(self.device).float(), sparse, dense)
            else:
                places, kept = self._places(embedding.features, dense)
                known = (kept,) if isinstance(forms.decoder, BlockDecoder) else ()
                logits, scores = forms.decoder(places, sparse, *known)
            return logits.float(), scores.float().cpu()

    def _places(self, features: SamFeatures, dense: Tensor | None) -> tuple[Tensor, Kept | None]:
        """(1, n, 256) float32 places of a slice, and what the decoder's first layer makes of them.

        Those without a mask to refine are kept for the next click on the slice; what the first layer makes of them is worth its time
        from the second click on.
        """
        if dense is not None:
            return places_of(features.tensor.to(self.device).float() + dense), None
        last, decoder = self._last, self.forms().decoder
        if last is None or last.features is not features or last.places.device != self.device:
            no_mask = self.model.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1)
            last = _LastSlice(features, places_of(features.tensor.to(self.device).float() + no_mask))
        elif last.kept is None and isinstance(decoder, BlockDecoder):
            last = replace(last, kept=decoder.keep(last.places))
        self._last = last
        return last.places, last.kept

    def _slow_decode(self, features: Tensor, sparse: Tensor, dense: Tensor | None) -> tuple[Tensor, Tensor]:
        """A decoder that something was put into: as segment_anything runs it, prompt by prompt."""
        if dense is None:
            dense = self.model.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1).expand_as(features)
        answers = [
            self.model.mask_decoder.predict_masks(
                image_embeddings=features,
                image_pe=self.model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse[n : n + 1],
                dense_prompt_embeddings=dense,
            )
            for n in range(len(sparse))
        ]
        return torch.cat([logits for logits, _ in answers]), torch.cat([scores for _, scores in answers])

    def _scale(self, embedding: Embedding) -> NDArray[np.float64]:
        """(x, y) network pixels a slice pixel. SAM scales by this alone; its prompt encoder adds half a pixel."""
        rows, columns = embedding.image.pixels.shape
        new_rows, new_columns = embedding.features.input_size
        return np.array([new_columns / columns, new_rows / rows])

    def _points(self, prompts: Sequence[SlicePrompt], embedding: Embedding) -> tuple[Tensor, Tensor] | None:
        if not len(prompts[0].points_xy):
            return None
        places = np.stack([prompt.points_xy for prompt in prompts]).astype(np.float64) * self._scale(embedding)
        kinds = torch.from_numpy(np.stack([prompt.positive for prompt in prompts]).astype(np.int32))
        return torch.from_numpy(places).float(), kinds

    def _boxes(self, prompts: Sequence[SlicePrompt], embedding: Embedding) -> Tensor | None:
        boxes = [prompt.box_xyxy for prompt in prompts if prompt.box_xyxy is not None]
        if not boxes:
            return None
        corners = np.stack(boxes).reshape(-1, 2, 2).astype(np.float64) * self._scale(embedding)
        return torch.from_numpy(corners.reshape(-1, 4)).float()

    def _on_device(self, work: Callable[[], Any]) -> Any:
        """Run on the device; where its memory is full, move the network to the CPU for good and go on there."""
        result, _ = run_with_fallback(lambda _device: work(), str(self.device), move=self._move_to, notice=self._notice, what="the model")
        return result

    def _move_to(self, device: str) -> None:
        self.device, self.precision = torch.device(device), "fp32"
        self._fast = self._last = None
        self.model.to(self.device)
